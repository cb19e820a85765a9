"""Fixtures shared by all tests, and how long property tests search."""

import signal

from hypothesis import settings

pytest_plugins = ["tests.stack_fixtures"]

# `make check` is run between two edits and searches less, `make test` fully. No deadline: a slow machine is no bug.
settings.register_profile("quick", deadline=None, max_examples=8)
settings.register_profile("full", deadline=None, max_examples=60)
settings.load_profile("full")

# A script that starts the tests in the background has SIGINT ignored in them, and so in every run that they interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
