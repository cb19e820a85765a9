"""What was seen of accessibility, in the words of others: EARL, OpenACR, and a table of WCAG's criteria."""
