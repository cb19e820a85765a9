"""Tests of sources, judges and the plan."""
