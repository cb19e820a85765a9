"""Tests of the crawl and of the plan it proposes."""
