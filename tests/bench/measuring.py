"""How the bench measures: one child process at a time, with everything it starts, in turns with the others.

- wall seconds from start to end; CPU seconds of the whole tree, orphans included;
- peak memory of the tree and of its first process, sampled, where it is asked for;
- a lock file, so that two benches on one machine wait for each other.

Nothing here asserts a time; compare ratios, since seconds depend on the machine and on what else it does.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

LOCK = "STAGEPROOF_BENCH_LOCK"
"""Environment variable that names the lock file; default: one in the folder for temporary files."""
SAMPLE_SECONDS = 0.25
ORPHANS_SECONDS = 5.0
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Measured:
    """What one run of one tool took."""

    wall: float
    cpu: float
    exit_code: int
    peak_tree: int = 0
    """Most bytes of resident memory that the process and its descendants held together; 0 when not sampled."""
    peak_own: int = 0
    """Most bytes of resident memory that the process held alone."""


@dataclass
class Repeated:
    """All runs of one tool, and how many screens each of them really checked."""

    tool: str
    version: str
    runs: list[Measured] = field(default_factory=list)
    checked: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, measured: Measured, checked: int, planned: int, problem: str = "") -> None:
        """Keep a run; one that checked too little is a problem, so that a tool that did not start is not fast."""
        if checked == planned and not problem:
            self.runs.append(measured)
            self.checked.append(checked)
        else:
            self.problems.append(problem or f"checked {checked} of {planned}")

    def wall(self, of: Callable[[list[float]], float] = statistics.median) -> float | None:
        """Wall seconds over all runs, by `of`; None when no run counts."""
        return of([run.wall for run in self.runs]) if self.runs else None

    def cpu(self) -> float | None:
        """Median CPU seconds; None when no run counts."""
        return statistics.median(run.cpu for run in self.runs) if self.runs else None

    def as_json(self) -> dict[str, Any]:
        """For the file beside the table."""
        return asdict(self) | {"wall_min": self.wall(min), "wall_median": self.wall(), "cpu_median": self.cpu()}


def ratio(ours: float | None, peer: float | None) -> float | None:
    """Ours divided by the peer's; None when either was not measured."""
    return ours / peer if ours is not None and peer else None


def shown(value: float | None, digits: int = 1) -> str:
    """A number for a table, or a dash for what was not measured."""
    return "–" if value is None else f"{value:.{digits}f}"


def against_goal(value: float | None, goal: float | None) -> str:
    """`0.47 (goal 0.50: met)` and the like."""
    if value is None:
        return "not measured"
    if goal is None:
        return f"{value:.2f}"
    return f"{value:.2f} (goal {goal:.2f}: {'met' if value <= goal else 'not met'})"


def in_turns(names: Sequence[str], repetitions: int) -> Iterator[tuple[int, str]]:
    """A B C A B C: what slows the machine for a while slows everyone."""
    for repetition in range(1, repetitions + 1):
        for name in names:
            yield repetition, name


def adopt_orphans() -> None:
    """Become the parent of descendants whose parents end, so that their CPU time is counted (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@contextlib.contextmanager
def alone(say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of everyone who measures on this machine."""
    path = Path(os.environ.get(LOCK) or Path(tempfile.gettempdir()) / "stageproof-bench.lock")
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another bench (it holds {path})")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def measure(
    command: Sequence[str],
    *,
    cwd: Path,
    log: Path,
    environment: Mapping[str, str] | None = None,
    timeout: float = 1800,
    memory: bool = False,
) -> Measured:
    """Run a command to its end and say what it took; its output goes to `log`; over time it is ended (code -9)."""
    log.parent.mkdir(parents=True, exist_ok=True)
    before = {process.pid for process in psutil.Process().children()}
    peaks = [0, 0]
    cpu = _cpu_of_children()
    began = time.monotonic()
    with log.open("wb") as output:
        child = subprocess.Popen(
            list(command), cwd=cwd, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    code = child.wait(SAMPLE_SECONDS if memory else timeout)
                    break
                if memory:
                    peaks = [max(pair) for pair in zip(peaks, _memory(child.pid), strict=True)]
                if time.monotonic() - began > timeout:
                    os.killpg(child.pid, signal.SIGKILL)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
    wall = time.monotonic() - began
    _reap_orphans(before)
    return Measured(wall, _cpu_of_children() - cpu, code, *peaks)


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _memory(pid: int) -> tuple[int, int]:
    """Resident bytes of a process with its descendants, and of it alone."""
    try:
        root = psutil.Process(pid)
        own = int(root.memory_info().rss)
        total = own
        for process in root.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                total += int(process.memory_info().rss)
    except psutil.Error:
        return 0, 0
    return total, own


def _reap_orphans(before: set[int]) -> None:
    """Wait for what a tool left behind, and end what does not end by itself: it would slow the next one."""
    until = time.monotonic() + ORPHANS_SECONDS
    while left := [process for process in psutil.Process().children() if process.pid not in before]:
        for process in left:
            with contextlib.suppress(psutil.Error, ChildProcessError):
                if time.monotonic() > until:
                    process.kill()
                os.waitpid(process.pid, os.WNOHANG)
        time.sleep(0.02)
