"""The only code that touches the world: HTTP, browser, child processes; it reports what happened and judges nothing."""
