"""Tests of the judges of release and health."""
