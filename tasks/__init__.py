"""What is looked at and what is concluded: plan, sources, checks."""
