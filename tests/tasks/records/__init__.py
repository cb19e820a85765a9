"""Tests of manual sweeps: their files, their judge, and the commands that write them."""
