"""Lab Web Vitals: budgets on what a page costs a visitor, measured alone on the machine."""
