"""A run that is interrupted ends at once with everything it has started, and what is left can be told and cleaned."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from flows.command_line_run import INTERRUPTING, _interruptible
from tasks.doors.temporary_folder import PREFIX
from tests.flows.hostile_server import HostileServer, page
from tests.flows.looking import write_plan
from tests.flows.worlds import Started, World

pytestmark = pytest.mark.real

AT_ONCE_SECONDS = 18
"""Below the 20 s after which a page that hangs is given up by itself; enough for a machine with other work to do."""
HANGS = {"name": "hangs", "path": "/hang", "must_show": ["never shown"]}
SUITE = """
import os, pytest, urllib.request

@pytest.mark.journey("a-journey")
def test_walk():
    urllib.request.urlopen(os.environ["STAGEPROOF_BASE_URL"] + "/hang").read()
"""


def _pages(_: Path) -> dict[str, dict[str, object]]:
    return {"page-health": {}}


def _vitals(_: Path) -> dict[str, dict[str, object]]:
    return {"vitals": {"runs": 3}}


def _suite(folder: Path) -> dict[str, dict[str, object]]:
    (folder / "suite").mkdir()
    (folder / "suite" / "test_hangs.py").write_text(SUITE, encoding="utf-8")
    return {"journeys": {"suites": [str(folder / "suite")], "required": ["a-journey"]}}


@dataclass(frozen=True)
class Moment:
    """What is done when the signal comes: the phase that is told, and a process that must be there."""

    name: str
    checks: Callable[[Path], dict[str, dict[str, object]]]
    phase: str
    process: str


GATHERING = Moment("gathering", _pages, "gathering", "chrom")
WALKING = Moment("walking", _suite, "walking journeys", "python")
MEASURING = Moment("measuring", _vitals, "measuring alone", "chrom")


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        pytest.param(signal.SIGINT, GATHERING, id="SIGINT-gathering"),
        pytest.param(signal.SIGTERM, GATHERING, id="SIGTERM-gathering"),
        pytest.param(signal.SIGHUP, GATHERING, id="SIGHUP-gathering"),
        pytest.param(signal.SIGTERM, WALKING, id="SIGTERM-suite"),
        pytest.param(signal.SIGINT, MEASURING, id="SIGINT-vitals"),
    ],
)
def test_an_interrupted_run_leaves_nothing_running(
    number: signal.Signals, moment: Moment, world: World, server: HostileServer
) -> None:
    """Exit code 130, no orphan, a ledger entry without a seal, and a workspace that `doctor --clean` removes."""
    target = f"{number.name.lower()}-{moment.name}"
    plan = write_plan(world.folder, server.url(), moment.checks(world.folder), name=target, pages=[HANGS])
    started = world.start("run", plan, "--json")
    try:
        started.wait_until_it_says(moment.phase)
        server.wait_for("/hang")
        family = started.remember_family()
        names = [process.name() for process in family]
        assert any(moment.process in name for name in names), names
        started.process.send_signal(number)
        ended = started.wait(AT_ONCE_SECONDS)
    finally:
        started.end()

    assert ended.code == 130, ended.err
    assert f"Interrupted by {number.name}." in ended.err
    _, alive = psutil.wait_procs(family, timeout=10)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert world.marked() == []

    listed = world.command("list", "--target", target, "--json").json()
    assert [(run["target"], run["sealed"]) for run in listed] == [(target, None)]
    run_id = listed[0]["run_id"]
    assert f"--resume {run_id}" in ended.err
    assert "`stageproof doctor --clean`" in ended.err
    assert (world.home / "runs" / run_id / "opened.json").is_file()
    told = {item["what"]: item["words"] for item in world.command("doctor", "--clean", "--json").json()}
    command = f"stageproof run {plan} --profile nightly --resume {run_id}"
    assert ended.json()["resume"] == command
    assert told[f"run {run_id}"].startswith(f"did not end; finish it with `{command}`")
    assert told[f"run {run_id}"].endswith("; removed")
    assert not (world.home / "runs" / run_id).exists()


def _interrupt(started: Started) -> None:
    started.process.send_signal(signal.SIGINT)


def _kill_at_once(started: Started) -> None:
    """As the kernel does when memory runs out: the run first, so that it mourns nobody."""
    for member in (psutil.Process(started.process.pid), *started.family):
        member.kill()


@pytest.mark.parametrize("end", [_interrupt, _kill_at_once])
def test_what_a_killed_run_left_in_the_temporary_folder_is_removed_by_the_next(
    end: Callable[[Started], None], world: World, server: HostileServer
) -> None:
    """A browser's profile and its driver's folder stay behind, whose processes were ended with no word."""
    plan = write_plan(world.folder, server.url(), {"page-health": {}}, name="temporary", pages=[HANGS])
    # Near the root: Chromium makes a socket there, whose path must be short.
    with tempfile.TemporaryDirectory(prefix="sp-") as short:
        folder = Path(short)
        started = world.start("run", plan, "--json", TMPDIR=short)
        try:
            server.wait_for("/hang")
            family = started.remember_family()
            end(started)
            started.wait(AT_ONCE_SECONDS)
        finally:
            started.end()
        psutil.wait_procs(family, timeout=10)
        (left,) = folder.glob(f"{PREFIX}*")
        assert [path.name for path in left.glob("playwright*")] != []

        server.answers["/hang"] = page("<h1>never shown</h1>")
        assert world.stageproof("run", plan, "--json", TMPDIR=short).code == 0
        assert list(folder.glob("stageproof-*")) == []


def test_a_hangup_that_was_to_be_ignored_stays_ignored() -> None:
    """`nohup stageproof run ...` goes on when its terminal ends."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _interruptible(Console(), {}, {}, as_json=False) as interrupt:
            handlers = [signal.getsignal(number) for number in INTERRUPTING]
        assert handlers == [interrupt, interrupt, signal.SIG_IGN]
    finally:
        signal.signal(signal.SIGHUP, before)
