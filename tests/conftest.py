"""Fixtures shared by all tests, and how long property tests search."""

from hypothesis import settings

pytest_plugins = ["tests.stack_fixtures"]

# `make check` is run between two edits and searches less, `make test` fully. No deadline: a slow machine is no bug.
settings.register_profile("quick", deadline=None, max_examples=8)
settings.register_profile("full", deadline=None, max_examples=60)
settings.load_profile("full")
