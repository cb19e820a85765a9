"""The local Prefect worker: loads Prefect while the server still starts, and works from its first answer on."""

from __future__ import annotations

import os
import signal
import sys
import time

from deployments.processes import http_answers

SERVER_TIMEOUT_SECONDS = 180.0


def main() -> None:
    """Wait for the server in PREFECT_API_URL, then become `prefect worker start` with this command's arguments."""
    # The worker ends by sending itself SIGINT, which a shell's background job has been told to ignore.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Two seconds of imports, spent while the server is busy with its own. Only for their side effect.
    import prefect.cli.worker
    import prefect.workers.process  # noqa: F401
    from prefect.cli import app

    health = os.environ["PREFECT_API_URL"] + "/health"
    deadline = time.monotonic() + SERVER_TIMEOUT_SECONDS
    while not http_answers(health):
        if time.monotonic() > deadline:
            sys.exit(f"no Prefect server answered at {health} within {SERVER_TIMEOUT_SECONDS:.0f} s")
        time.sleep(0.1)
    sys.argv = ["prefect", "worker", "start", *sys.argv[1:]]
    app()


if __name__ == "__main__":
    main()
