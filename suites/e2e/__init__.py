"""End-to-end journeys of the staging site."""
