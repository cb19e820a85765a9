"""One visit to a page x viewport x identity tells everything that page can tell."""
