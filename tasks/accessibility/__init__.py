"""Accessibility of every visited page."""
