"""Journeys: pytest suites a team edits, run against staging and held to what the plan requires."""
