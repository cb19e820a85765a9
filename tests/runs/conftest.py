"""A staging site with faults, small plans, and the command line against the session's stack."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployments import local_stack
from flows.run_settings import REPOSITORY

Site = Callable[..., str]
Stageproof = Callable[..., "subprocess.CompletedProcess[str]"]
PASSWORDS = {f"DEMO_{role}_PASSWORD": f"{role.lower()}-demo-pass" for role in ("VIEWER", "APPROVER", "ADMIN")}


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """The address of a staging site with these faults; one process for each set of them."""
    running: dict[frozenset[str], tuple[subprocess.Popen[str], str]] = {}

    def start(*faults: str) -> str:
        wanted = frozenset(faults)
        if wanted not in running:
            arguments = [sys.executable, "-m", "tests.staging_site", "--port", "0", "--release", "4f2c9e1"]
            for fault in faults:
                arguments += ["--fault", fault]
            child = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
            assert child.stdout is not None
            address = re.search(r"http://127\.0\.0\.1:\d+", child.stdout.readline())
            assert address is not None
            running[wanted] = (child, address.group())
        return running[wanted][1]

    yield start
    for child, _ in running.values():
        child.terminate()
        child.communicate()


@pytest.fixture
def plan_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a plan of one page in one viewport, with these tables after it."""

    def write(base_url: str, rest: str, *, page: str = 'path = "/en/"\nmust_show = ["Sign in"]') -> Path:
        path = tmp_path / "small.toml"
        path.write_text(
            f"""
schema = 1
[target]
name = "small"
base_url = "{base_url}"
allowed_hosts = ["127.0.0.1", "localhost"]
release = {{ url = "/version.json", pointer = "/commit" }}
[viewports]
desktop = {{ width = 1000, height = 700 }}
[[pages]]
name = "page"
{page}
{rest}
""",
            encoding="utf-8",
        )
        return path

    return write


@pytest.fixture
def environment(stack: local_stack.Stack, tmp_path: Path) -> dict[str, str]:
    """What a person's shell would hold: the stack, and folders of this test alone."""
    return {
        **os.environ,
        **stack.environment(),
        **PASSWORDS,
        "STAGEPROOF_HOME": str(tmp_path / "home"),
        "STAGEPROOF_BASELINES": str(tmp_path / "baselines"),
        "COLUMNS": "200",
    }


@pytest.fixture
def stageproof(environment: dict[str, str]) -> Stageproof:
    """Run the command line to its end."""

    def run(*arguments: str | Path, **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flows.command_line", *map(str, arguments)],
            env=environment | changed,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            cwd=REPOSITORY,
        )

    return run
