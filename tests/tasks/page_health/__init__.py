"""Tests of the judge of page health."""
