"""Tests of what is said of accessibility in other tools' formats."""
