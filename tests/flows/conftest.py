"""Fixtures of the end-to-end tests: staging sites with faults, hostile servers, a world to run in."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployments.local_stack import REPOSITORY, Stack
from tests.flows.hostile_server import RELEASE, HostileServer, hostile_server
from tests.flows.worlds import PASSWORDS, World

Site = Callable[..., str]


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Make staging sites: `site("soft-404", "redirect-loop")` is the address of one that has these faults."""
    addresses: dict[tuple[str, ...], str] = {}
    with contextlib.ExitStack() as running:

        def start(*faults: str, fresh: bool = False) -> str:
            key = tuple(sorted(faults))
            if fresh or key not in addresses:
                addresses[key] = running.enter_context(_staging(key))
            return addresses[key]

        yield start


@contextlib.contextmanager
def _staging(faults: tuple[str, ...]) -> Iterator[str]:
    arguments = ["--port", "0", "--release", RELEASE, *(word for fault in faults for word in ("--fault", fault))]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.staging_site", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "STAGING_SITE_PASSWORD_VIEWER": PASSWORDS["DEMO_VIEWER_PASSWORD"]},
    )
    assert process.stdout is not None
    try:
        greeting = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", greeting)
        assert found, f"the staging site did not start: {greeting}"
        yield found[0]
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


@pytest.fixture
def server() -> Iterator[HostileServer]:
    """A hostile server on 127.0.0.1."""
    with hostile_server() as running:
        yield running


@pytest.fixture
def stranger() -> Iterator[HostileServer]:
    """A server on another loopback address, which no plan allows: whoever asks it has left the plan's hosts."""
    with hostile_server("127.0.0.2") as running:
        yield running


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """The passwords of the staging site's people, in this process's environment."""
    for name, value in PASSWORDS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def world(stack: Stack, tmp_path: Path) -> World:
    """A world of this test's own."""
    return World(tmp_path, stack)
