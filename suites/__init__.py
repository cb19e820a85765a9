"""Suites a team edits. They import nothing of stageproof: environment in, JUnit and files out."""
