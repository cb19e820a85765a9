"""Fixtures that need the local stack: started once a session, when a test first asks for it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deployments import local_stack, processes


@pytest.fixture(scope="session")
def stack() -> Iterator[local_stack.Stack]:
    """A real S3 and a real Prefect server (no worker), away from the developer's own stack; gone with the session."""
    # A temporary folder that is deleted, unlike pytest's: evidence bundles would fill the disk in a week of test runs.
    with tempfile.TemporaryDirectory(prefix="stageproof-stack-") as folder:
        home = Path(folder)
        try:
            yield local_stack.up(home, ports=local_stack.Ports.random(), with_worker=False, owned=True)
        finally:
            local_stack.down(home)
        survivors = marked_processes(home)
        assert not survivors, f"the stack left processes behind: {survivors}"


def marked_processes(home: Path) -> list[str]:
    """The command lines of all living processes that belong to the stack in `home`."""
    found = []
    for process in psutil.process_iter():
        if processes.marker_of(process).startswith(f"{home.resolve()}#"):
            with contextlib.suppress(psutil.NoSuchProcess):
                found.append(f"{process.pid} {' '.join(process.cmdline())}")
    return found
