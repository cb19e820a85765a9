"""Tests of the sweep: how a page is made to stand still, and what is painted over."""
