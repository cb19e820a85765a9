"""Where and with what a validation runs: the local stack, the tools it needs, the Prefect deployments."""
