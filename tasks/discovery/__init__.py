"""First acquaintance with a site: crawl it, find its kinds of pages, and propose a plan that a person then edits."""
