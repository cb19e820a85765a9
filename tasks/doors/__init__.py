"""The only code that touches the world: HTTP, browser, child processes. A door reports what happened and judges nothing."""
