"""Measures, printed as ratios; nothing here asserts a time."""
