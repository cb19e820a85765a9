"""A run that is interrupted after its last look: while it judges, packs, uploads, reads back or seals.

Each moment is held open until the signal has come, so that none is missed: a judge reads from a pipe that says
nothing, a package is as large as a disk, a request to the store or its answer is lost on the way.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from deployments.local_stack import Stack
from evidence_store.ledger import LedgerEntry, RunRecord
from tests.flows.hostile_server import RELEASE, Doorway, Exchange, HostileServer, Loss, hostile_server, json_answer
from tests.flows.looking import write_plan
from tests.flows.worlds import Ended, World

pytestmark = pytest.mark.real

CHECKS: dict[str, dict[str, object]] = {"release": {}, "health": {}}
SERVICE = {"name": "main", "url": "/health", "expect": {"/status": "ok"}}
PATIENCE_SECONDS = 120
PADDING = "data/padding.bin"


class Run:
    """A run of its own world, for which a moment is made to last when it asks for the release the second time."""

    def __init__(self, world: World, server: HostileServer, number: signal.Signals, moment: Moment) -> None:
        self.world = world
        self.number = number
        self.target = f"{number.name.lower()}-{moment.name}"
        self.moment = moment
        self.reached: Callable[[], bool] = lambda: False
        """Whether the moment is there."""
        self.server = server
        server.answers["/version.json"] = self._tell_release
        self.store = Doorway(world.stack.ports.s3)
        self.prefect = Doorway(world.stack.ports.prefect)
        self.plan = write_plan(world.folder, server.url(), CHECKS, name=self.target, services=[SERVICE])
        self.pipe: int | None = None
        self.ledger = world.ledger()
        self.started = world.start(
            "run",
            self.plan,
            "--json",
            STAGEPROOF_S3_ENDPOINT=f"http://127.0.0.1:{self.store.port}",
            PREFECT_API_URL=f"http://127.0.0.1:{self.prefect.port}/api",
        )

    def _tell_release(self, exchange: Exchange) -> None:
        if self.server.paths().count("/version.json") == 2:
            self.reached = self.moment.arrange(self)
        exchange.send(json_answer({"commit": RELEASE}))

    def record(self) -> RunRecord:
        """What the ledger says of it by now."""
        (record,) = [record for record in self.ledger.runs() if record.target == self.target]
        return record

    @cached_property
    def run_id(self) -> str:
        """Its id."""
        (folder,) = (self.world.home / "runs").iterdir()
        return folder.name

    @property
    def folder(self) -> Path:
        """Its workspace."""
        return self.world.home / "runs" / self.run_id

    @property
    def health(self) -> Path:
        """What the service answered, which its judge reads."""
        return self.folder / "bag" / "data" / "probes" / "main.body"

    def stored(self) -> list[str]:
        """What the store shows of this run's package."""
        keys = self.ledger.store.list_keys("v1/stageproof/runs/")
        return [key.rpartition("/")[2] for key in keys if f"/{self.run_id}/" in key]

    def end(self) -> None:
        """Leave nothing behind."""
        self.started.end()
        self.store.shut()
        self.prefect.shut()
        if self.pipe is not None:
            os.close(self.pipe)


def wait_for_the_moment(run: Run) -> None:
    """Return when it is there; fails when the run ends before, or when it never comes."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not run.reached():
        running = run.started.process.poll() is None and time.monotonic() < end
        assert running, f"the moment never came: {run.started.said()}"
        time.sleep(0.01)


# -- the moments ------------------------------------------------------------------------------------------------------


def judge_from_a_pipe(run: Run) -> Callable[[], bool]:
    """What a service answered becomes a pipe that says nothing, which can be written to once its judge reads it."""
    body = run.health
    body.rename(run.folder / "body")
    os.mkfifo(body)

    def reads() -> bool:
        try:
            run.pipe = os.open(body, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False
        return True

    return reads


def pack_a_disk(run: Run) -> Callable[[], bool]:
    """A file of 8 GiB, without a byte on the disk, is among the evidence, and packing has begun."""
    padding = run.folder / "bag" / PADDING
    padding.touch()
    os.truncate(padding, 8 << 30)
    return lambda: any(part.stat().st_size > 1 << 20 for part in run.folder.glob(".*.part"))


def upload_half(run: Run) -> Callable[[], bool]:
    """The package has several parts, and the second of them is lost on its way."""
    (run.folder / "bag" / PADDING).write_bytes(os.urandom(20 << 20))
    run.store.lose(Loss(re.compile(rb"PUT \S+/bundle\.zip\?\S*partNumber=2\b")))
    return run.store.lost.is_set


def lose(loss: Loss) -> Callable[[Run], Callable[[], bool]]:
    """Something is lost on its way to or from the store."""

    def arrange(run: Run) -> Callable[[], bool]:
        run.store.lose(loss)
        return run.store.lost.is_set

    return arrange


def lose_what_prefect_is_shown(run: Run) -> Callable[[], bool]:
    """All is sealed, and Prefect never hears of the findings."""
    run.prefect.lose(Loss(re.compile(rb"POST /api/artifacts/")))
    return run.prefect.lost.is_set


GET_PACKAGE = re.compile(rb"GET \S+/bundle\.zip")
SEAL = re.compile(rb"PUT \S+/ledger/")

OPENED, FINISHED, SEALED = "as opened and never sealed", "is finished, and may be sealed or not", "was sealed before"


@dataclass(frozen=True)
class Moment:
    """When a signal comes, and what must be true then."""

    name: str
    phase: str
    """The last thing that was told."""
    arrange: Callable[[Run], Callable[[], bool]]
    """Makes the moment last, before it comes; returns what says that it is there."""
    told: str
    stored: tuple[str, ...] = ()
    sealed: bool = False


SEALING = "uploading, reading back, sealing"
MOMENTS = [
    Moment("judging", "judging", judge_from_a_pipe, OPENED),
    Moment("packing", "packing the evidence", pack_a_disk, OPENED),
    Moment("uploading", SEALING, upload_half, FINISHED),
    Moment("reading-back", SEALING, lose(Loss(GET_PACKAGE, answer=True, spared=1)), FINISHED, ("bundle.zip",)),
    Moment("sealing", SEALING, lose(Loss(SEAL)), FINISHED, ("bundle.zip",)),
    Moment("sealed-unheard", SEALING, lose(Loss(SEAL, answer=True)), FINISHED, ("bundle.zip",), sealed=True),
    Moment("sealed", SEALING, lose_what_prefect_is_shown, SEALED, ("bundle.zip", "summary.json"), sealed=True),
]


@pytest.mark.parametrize("moment", MOMENTS, ids=[moment.name for moment in MOMENTS])
def test_a_run_interrupted_at_its_end_can_be_brought_to_its_end(moment: Moment, stack: Stack, tmp_path: Path) -> None:
    """Both signals end it with 130 and true words; nothing half counts, and the command it names finishes it."""
    with hostile_server() as one, hostile_server() as other:
        runs: list[Run] = []
        try:
            # Side by side, since most of the time goes into starting.
            for server, number in ((one, signal.SIGINT), (other, signal.SIGTERM)):
                folder = tmp_path / number.name
                folder.mkdir()
                runs.append(Run(World(folder, stack), server, number, moment))
            with ThreadPoolExecutor(len(runs)) as watchers:
                ends = list(watchers.map(interrupt, runs))
            for run, ended in zip(runs, ends, strict=True):
                is_told(run, moment, ended)
                nothing_half_counts(run, moment)
            # What both have left was just seen to be the same.
            is_brought_to_its_end(run, moment, ended)
        finally:
            for run in runs:
                run.end()


def interrupt(run: Run) -> Ended:
    """Send the signal when the moment is there."""
    wait_for_the_moment(run)
    family = run.started.remember_family()
    run.started.process.send_signal(run.number)
    # Below the 60 s after which a store that does not answer is given up.
    ended = run.started.wait(30)
    assert [process for process in family if process.is_running()] == []
    assert run.world.marked() == []
    return ended


def is_told(run: Run, moment: Moment, ended: Ended) -> None:
    """The exit code, the words, and the state in Prefect."""
    told_to_programs = ended.json()
    assert (ended.code, told_to_programs["exit_code"]) == (130, 130)
    assert (told_to_programs["interrupted"], told_to_programs["run_id"]) == (run.number.name, run.run_id)
    assert told_to_programs["sealed"] is (moment.told == SEALED)
    assert told_to_programs["verdict"] == ("go" if moment.told == SEALED else "incomplete")
    assert (told_to_programs["resume"] is None) is (moment.told == SEALED)
    assert told_to_programs["problem"] in " ".join(ended.err.split())
    phases = [line.partition(" s  ")[2] for line in ended.err.splitlines() if " s  " in line]
    assert phases[-1] == moment.phase
    words = ended.err.partition(f"Interrupted by {run.number.name}.")[2]
    assert run.run_id in words
    told = [state for state in (OPENED, FINISHED, SEALED) if state in words]
    assert told == [moment.told]
    (flow_run,) = run.world.in_prefect(run.plan)
    assert (flow_run["state"]["name"], flow_run["state"]["type"]) == ("Interrupted", "CANCELLED")


def nothing_half_counts(run: Run, moment: Moment) -> None:
    """What the ledger and the store show, and what `verify` says of it and of every zip that is left."""
    assert (seal_of(run) is not None) is moment.sealed
    assert run.stored() == list(moment.stored)
    of_store = run.world.command("verify", run.run_id, "--json")
    assert of_store.code == (0 if moment.sealed else 3)
    left = [*run.folder.glob("*.zip"), *run.folder.glob(".*.part")]
    assert len(left) == (0 if moment.name == "judging" else 1)
    for zipped in left:
        assert run.world.command("verify", zipped, "--json").code == (0 if moment.sealed else 1)


def is_brought_to_its_end(run: Run, moment: Moment, ended: Ended) -> None:
    """The command that was named finishes the run, without another look; then its folder can be cleaned."""
    run_id, folder, sealed = run.run_id, run.folder, seal_of(run)
    looks = run.server.paths().count("/health")
    if moment.told != SEALED:
        if moment.told == OPENED:
            (folder / "bag" / PADDING).unlink(missing_ok=True)
            if run.pipe is not None:
                (folder / "body").rename(run.health)
        command = [part for part in ended.err.split("`") if "--resume" in part]
        assert shlex.split(command[0]) == [
            *("stageproof", "run", str(run.plan), "--profile", "nightly", "--resume", run_id)
        ]
        kept = finding(run, "doctor", "--clean") if moment.told == FINISHED else ""
        assert kept.endswith(f"finish it with `{command[0]}`") or moment.told == OPENED
        told = run.world.answer(run.plan, profile="nightly", resume=run_id)
        assert (told["state"], told["run_id"]) == ("Go", run_id), told["sentence"]
    record = seal_of(run)
    assert record is not None
    assert sealed is None or record == sealed
    assert run.server.paths().count("/health") == looks
    assert run.world.command("verify", run_id, "--json").code == 0
    assert [path.name for path in folder.glob(".*")] == []
    assert finding(run, "doctor", "--clean").endswith("; removed")
    assert not folder.exists()
    assert run.ledger.check_chain() == []


def seal_of(run: Run) -> LedgerEntry | None:
    """The seal as the ledger holds it."""
    return run.record().sealed


def finding(run: Run, *command: str) -> str:
    """What `doctor` says of a run."""
    told = {item["what"]: item["words"] for item in run.world.command(*command, "--json").json()}
    return str(told[f"run {run.run_id}"])


def test_a_run_interrupted_before_its_first_look_says_so(world: World, server: HostileServer) -> None:
    """Whatever the store makes of the entry, there is nothing to finish; Prefect's own handler does not keep it up."""
    number = signal.SIGTERM
    store = Doorway(world.stack.ports.s3)
    store.lose(Loss(SEAL))
    plan = write_plan(world.folder, server.url(), CHECKS, name="interrupted-opening", services=[SERVICE])
    started = world.start("run", plan, STAGEPROOF_S3_ENDPOINT=f"http://127.0.0.1:{store.port}")
    try:
        assert store.lost.wait(PATIENCE_SECONDS), started.said("out")
        started.process.send_signal(number)
        ended = started.wait(30)
    finally:
        started.end()
        store.shut()
    assert ended.code == 130
    assert f"Interrupted by {number.name}.\nNothing was looked at yet; start the run again." in ended.out
    assert (server.asked, world.marked(), (world.home / "runs").exists()) == ([], [], False)
