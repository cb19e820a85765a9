"""Performance journeys of a team."""
