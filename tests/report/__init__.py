"""Tests of the report: its words and its faces."""
