"""What is kept of a run and what it proves: models, the gate, the evidence package, the ledger."""
