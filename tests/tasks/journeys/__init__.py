"""Tests of the judge of pytest suites."""
