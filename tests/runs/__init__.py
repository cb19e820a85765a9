"""Whole runs and real doors: what the world can do to a run, and what a person then sees. All with real parts."""
