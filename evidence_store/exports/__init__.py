"""The results of a run in other tools' formats, made from the manifest alone."""
