"""A child process with a deadline, whose output is a file and whose descendants end with it."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

GRACE_SECONDS = 5.0
MAX_OUTPUT_BYTES = 500_000_000
"""On disk. A child that prints more is ended: it would fill the machine."""
POLL_SECONDS = 0.1
MARKER = "STAGEPROOF_CHILD"
"""Inherited by everything a child starts, so that it can be found where `tethered` could not end it."""


@dataclass(frozen=True)
class ChildExit:
    """How a child ended. `ended_because` says why we ended it, when we did."""

    code: int
    seconds: float
    ended_because: str | None = None

    @property
    def words(self) -> str:
        """The exit in words: a negative code is the signal that killed it."""
        return f"killed by signal {-self.code}" if self.code < 0 else f"exit code {self.code}"


def run_child(
    arguments: Sequence[str], *, environment: Mapping[str, str], folder: Path, output: Path, deadline_seconds: float
) -> ChildExit:
    """Run a command to its end or its deadline, in whichever way it ends; stdout and stderr go to `output`."""
    began = time.monotonic()
    reason = None
    marker = uuid.uuid4().hex
    with output.open("wb") as stream:
        child = subprocess.Popen(  # noqa: S603  - the command is ours, and no shell reads it
            [sys.executable, "-m", "tasks.doors.tethered", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**environment, MARKER: marker},
            cwd=folder,
        )
        try:
            while True:
                try:
                    child.wait(POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    if time.monotonic() - began > deadline_seconds:
                        reason = f"it ran longer than {deadline_seconds:g} s"
                    elif output.stat().st_size > MAX_OUTPUT_BYTES:
                        reason = f"it printed more than {MAX_OUTPUT_BYTES:,} bytes"
                    if reason is not None:
                        break
        finally:
            end_tree(child.pid)
            child.wait()
            _end_left_behind(marker)
    return ChildExit(child.returncode, round(time.monotonic() - began, 3), reason)


def end_tree(process: int) -> None:
    """End a process and all its descendants: asked first, killed after a grace."""
    try:
        root = psutil.Process(process)
        end_all([*root.children(recursive=True), root])
    except psutil.NoSuchProcess:
        return


def _end_left_behind(marker: str) -> None:
    """End what outlived the child after all: no longer among its descendants, but still in its environment."""
    left = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARKER) == marker:
                left.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue  # ended meanwhile, or somebody else's
    end_all(left)


def end_all(family: list[psutil.Process]) -> None:
    """End these processes: asked first, killed after a grace."""
    for member in family:
        _signal(member, kill=False)
    _, alive = psutil.wait_procs(family, timeout=GRACE_SECONDS)
    for member in alive:
        _signal(member, kill=True)
    psutil.wait_procs(alive, timeout=GRACE_SECONDS)


def _signal(member: psutil.Process, *, kill: bool) -> None:
    try:
        member.kill() if kill else member.terminate()
    except psutil.NoSuchProcess:
        return
