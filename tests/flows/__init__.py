"""End to end: runs through real doors, against servers, pages and suites that misbehave."""
