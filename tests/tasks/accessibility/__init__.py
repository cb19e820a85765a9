"""Tests of the judge of accessibility scans."""
