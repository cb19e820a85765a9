"""Tests of imported coverage: readers, judges, and the source against a real server."""
