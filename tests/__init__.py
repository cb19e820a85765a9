"""Tests of stageproof; unmarked ones are pure, `real` ones use real parts."""
