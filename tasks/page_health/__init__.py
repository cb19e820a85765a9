"""Whether a page is the page it should be, and whole."""
