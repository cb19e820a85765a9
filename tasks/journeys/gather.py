"""Runs the plan's pytest suites as child processes and keeps what they leave; decides nothing.

What a suite gets: the environment it needs by name (`STAGEPROOF_BASE_URL`, `STAGEPROOF_CHROMIUM` and its arguments,
`STAGEPROOF_ATTACHMENTS`, `STAGEPROOF_CHECKPOINTS`) and the plan's `env:` values; never the credentials of the evidence
store, nor the passphrase of a person's key.
"""

from __future__ import annotations

import mimetypes
import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from evidence_store.model import Artifact, Evidence
from evidence_store.redaction import UnsafeArchiveError
from evidence_store.signing import PASSPHRASE_VARIABLE
from evidence_store.workspace import Workspace
from tasks.contract import GatherError, Shard, Turn
from tasks.doors.browser import DETERMINISTIC_RENDERING
from tasks.doors.child_process import run_child
from tasks.doors.chromium import BrowserMissing, find_chromium
from tasks.journeys.judge import JourneyOptions
from tasks.journeys.models import SuiteRun
from tasks.plan import Plan
from tasks.sweep.checkpoint import FOLDER, plan_checkpoints, read_checkpoints
from tasks.sweep.models import PageVisit

MAX_LOG_BYTES = 2_000_000
MAX_REPORT_BYTES = 50_000_000
MAX_ATTACHMENTS = 400
KEPT_FROM_SUITES = ("STAGEPROOF_S3_", PASSPHRASE_VARIABLE)
"""Beginnings of variables: whoever holds these can write evidence, or answer in a person's name."""
CHECKPOINTS = "checkpoints"


def suite_name(suite: str) -> str:
    """A suite's path as part of file names."""
    return re.sub(r"[^a-zA-Z0-9]+", "-", suite).strip("-").lower() or "suite"


class JourneySuites:
    """Source: every suite of the plan, one process each."""

    id = "journeys"
    provides: tuple[type[Evidence], ...] = (SuiteRun, PageVisit)
    turn = Turn.WALK

    def shards(self, plan: Plan) -> Sequence[Shard]:
        """A shard a suite. Journeys and checkpoints belong to all: only running tells which suite walks which."""
        options = plan.checks.get("journeys")
        if not isinstance(options, JourneyOptions):
            return []
        journeys = tuple(f"journey:{journey}" for journey in options.required)
        checkpoints = tuple(look.subject for look in plan.looks.values() if look.page is None)
        return [Shard(suite_name(suite), (f"suite:{suite}", *journeys, *checkpoints)) for suite in options.suites]

    def gather(self, plan: Plan, shard: Shard, workspace: Workspace) -> None:
        """Run one suite to its end or its deadline."""
        options = plan.checks["journeys"]
        if not isinstance(options, JourneyOptions):
            raise GatherError("the plan has no table for journeys")
        suite = shard.members[0].removeprefix("suite:")
        if not Path(suite).exists():
            raise GatherError(f"the suite {suite} does not exist (looked in {Path.cwd()})")
        with tempfile.TemporaryDirectory(prefix="stageproof-suite-") as temporary:
            folder = Path(temporary)
            ran = _run(plan, options, suite, folder, workspace, os.environ)
            checkpoints = read_checkpoints(folder / CHECKPOINTS, plan, workspace)
            workspace.write_evidence(self.id, shard.id, [ran, *checkpoints])


def _run(
    plan: Plan, options: JourneyOptions, suite: str, folder: Path, workspace: Workspace, environment: Mapping[str, str]
) -> SuiteRun:
    try:
        chromium = str(find_chromium())
    except BrowserMissing as error:
        raise GatherError(str(error)) from error
    attachments = folder / "attachments"
    attachments.mkdir()
    plan_checkpoints(plan, folder / CHECKPOINTS)
    log, junit, events = folder / "output.log", folder / "junit.xml", folder / "events.jsonl"
    ended = run_child(
        [
            sys.executable,
            "-m",
            "pytest",
            suite,
            "-p",
            "tasks.journeys.event_log",
            f"--junit-xml={junit}",
            "-o",
            "junit_family=xunit2",
            f"--basetemp={folder / 'pytest'}",
            "-p",
            "no:cacheprovider",
            "--color=no",
            "-ra",
        ],
        environment={
            **{name: value for name, value in environment.items() if not name.startswith(KEPT_FROM_SUITES)},
            "STAGEPROOF_BASE_URL": plan.target.base_url,
            "STAGEPROOF_CHROMIUM": chromium,
            "STAGEPROOF_CHROMIUM_ARGUMENTS": " ".join(DETERMINISTIC_RENDERING),
            FOLDER: str(folder / CHECKPOINTS),
            "STAGEPROOF_ATTACHMENTS": str(attachments),
            "STAGEPROOF_EVENT_LOG": str(events),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        folder=Path.cwd(),
        output=log,
        deadline_seconds=options.deadline_seconds,
    )
    base = f"data/journeys/{suite_name(suite)}"
    kept, left_out = _attachments(attachments, base, workspace)
    return SuiteRun(
        subject=f"suite:{suite}",
        gathered_at=datetime.now(UTC),
        suite=suite,
        exit_code=ended.code,
        exit_words=ended.words,
        ended_because=ended.ended_because,
        seconds=ended.seconds,
        log=_adopted(workspace, log, f"{base}/output.log", "text/plain", MAX_LOG_BYTES),
        junit=_adopted(workspace, junit, f"{base}/junit.xml", "application/xml", MAX_REPORT_BYTES),
        events=_adopted(workspace, events, f"{base}/events.jsonl", "application/x-ndjson", MAX_REPORT_BYTES),
        attachments=kept,
        attachments_left_out=left_out,
    )


def _adopted(workspace: Workspace, source: Path, path: str, media_type: str, most_bytes: int) -> Artifact | None:
    # A pipe or a link in its place is no report: reading one could wait for ever, or read any file of this machine.
    plain = source.is_file() and not source.is_symlink()
    return workspace.adopt(source, path, media_type, most_bytes) if plain else None


def _attachments(folder: Path, base: str, workspace: Workspace) -> tuple[tuple[Artifact, ...], int]:
    # A link could name any file of this machine, and a suite is not trusted with that.
    if folder.is_symlink():
        return (), 0
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    kept: list[Artifact] = []
    left_out = 0
    for path in files:
        name = "/".join(re.sub(r"[^A-Za-z0-9._-]+", "-", part) for part in path.relative_to(folder).parts)
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        try:
            if len(kept) >= MAX_ATTACHMENTS:
                left_out += 1
            else:
                kept.append(workspace.adopt(path, f"{base}/{name}", media_type, MAX_REPORT_BYTES))
        except UnsafeArchiveError:
            left_out += 1
    return tuple(kept), left_out
