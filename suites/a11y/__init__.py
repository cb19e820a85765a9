"""Accessibility journeys of a team: named states of pages, walked by keyboard."""
