"""Runs one shard of a source, so that whatever goes wrong in it costs that shard and is on record.

A shard can be run by a thread of the run (`gather_shard`) or, as an errand of plain data, by another process on this
machine or another one that sees the same folder (`run_errand`). The result is the same: evidence and files in the
workspace, and what the shard learned of secrets, which the run needs for its last sweep.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from evidence_store.redaction import UnsafeArchiveError
from evidence_store.workspace import ShardFailure, Workspace, WorkspaceError
from tasks.contract import GatherError, Shard, Source
from tasks.plan import Plan, missing_environment, parse_stored_plan

Secrets = tuple[tuple[str, str], ...]
"""Learned secrets and the public name of each."""


def gather_shard(source: Source, plan: Plan, shard: Shard, workspace: Workspace) -> str | None:
    """Gather one shard unless a resumed run has it already; returns why it could not look, or None."""
    if workspace.has_evidence(source.id, shard.id):
        return None
    try:
        source.gather(plan, shard, workspace)
    except (GatherError, UnsafeArchiveError, WorkspaceError) as error:
        message = str(error)
    except Exception as error:  # noqa: BLE001  - a source's bug must cost its own shard, and nothing else
        message = f"a bug in stageproof: the source '{source.id}' failed with {type(error).__name__}: {error}"
    else:
        return None
    record_failure(source.id, shard, message, workspace)
    return message


def record_failure(source: str, shard: Shard, message: str, workspace: Workspace) -> None:
    """Put on record that a shard could not look, and why."""
    words = workspace.redactor.redact_text(message)
    workspace.write_failure(ShardFailure(source=source, shard=shard.id, members=shard.members, message=words))


@dataclass(frozen=True)
class Errand:
    """One shard's work as plain data, for a process that shares nothing with the run but its folder."""

    source: str
    shard: Shard
    plan: bytes
    """The plan's canonical JSON: `env:` references and never their values; the process has its own environment."""
    root: Path
    """The run's workspace."""
    secrets: Secrets
    resumed: bool = False


@dataclass(frozen=True)
class ErrandDone:
    """Why the shard could not look, if it could not; what it learned, and how often each rule removed something."""

    problem: str | None
    secrets: Secrets
    redactions: dict[str, int]


def errand_for(source: Source, plan: Plan, shard: Shard, workspace: Workspace) -> Errand:
    """The errand that gathers this shard elsewhere."""
    return Errand(
        source=source.id,
        shard=shard,
        plan=plan.canonical_json(),
        root=workspace.root,
        secrets=workspace.redactor.secrets(),
        resumed=workspace.resumed,
    )


def run_errand(errand: Errand) -> ErrandDone:
    """Gather a shard in this process, into the run's folder."""
    from tasks.registry import SOURCES  # every source, with its browser and its parsers: only when there is work

    source = next(source for source in SOURCES if source.id == errand.source)
    workspace = Workspace.join(errand.root, resumed=errand.resumed)
    for secret, name in errand.secrets:
        workspace.redactor.learn(secret, name)
    plan = parse_stored_plan(errand.plan, "the run's plan")
    missing = missing_environment(plan, os.environ)
    if missing:
        words = f"{', '.join(missing)} has no value where this is gathered ({platform.node()}); set it there"
        record_failure(source.id, errand.shard, words, workspace)
        return ErrandDone(words, (), {})
    problem = gather_shard(source, plan, errand.shard, workspace)
    return ErrandDone(problem, workspace.redactor.secrets(), dict(workspace.redactor.report().counts))
