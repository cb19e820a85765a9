"""Line coverage, imported from reports that other tools wrote where the tests ran."""
