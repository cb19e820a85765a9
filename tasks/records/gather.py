"""Copies the planned sweeps, their records and the known signers into the run; decides nothing."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from evidence_store.model import Artifact
from evidence_store.signing import SIGNERS
from evidence_store.workspace import Workspace
from tasks.baselines import baselines_root
from tasks.contract import Shard, Turn
from tasks.plan import Plan
from tasks.records.manual import MOST_RECORD_BYTES, MOST_SWEEP_BYTES
from tasks.records.models import MANUAL_A11Y, ManualSweep, planned_sweeps, subject_of

MOST_SIGNERS_BYTES = 200_000


def sweeps_folder(target: str) -> Path:
    """Where the sweeps and records of a target lie."""
    return baselines_root() / target / MANUAL_A11Y


def sweep_path(target: str, name: str) -> Path:
    """The file of a sweep's steps; `name` is a plain name."""
    return sweeps_folder(target) / f"{name}.yaml"


def record_path(target: str, name: str) -> Path:
    """The file of a sweep's answers."""
    return sweeps_folder(target) / f"{name}.record.json"


class ManualRecords:
    """Source: what people walked through and signed for."""

    id = "records"
    provides = (ManualSweep,)
    turn = Turn.TOGETHER

    def shards(self, plan: Plan) -> Sequence[Shard]:
        """One look into one folder."""
        sweeps = planned_sweeps(plan)
        return [Shard(MANUAL_A11Y, tuple(map(subject_of, sweeps)))] if sweeps else []

    def gather(self, plan: Plan, shard: Shard, workspace: Workspace) -> None:
        """Copy the files of every planned sweep."""
        folder = f"data/{self.id}/{shard.id}"
        signers, signers_problem = _copy(
            baselines_root() / SIGNERS, f"{folder}/{SIGNERS}", "application/toml", MOST_SIGNERS_BYTES, workspace
        )
        evidence = []
        for name in planned_sweeps(plan):
            sweep, sweep_problem = _copy(
                sweep_path(plan.target.name, name),
                f"{folder}/{name}.yaml",
                "application/yaml",
                MOST_SWEEP_BYTES,
                workspace,
            )
            record, record_problem = _copy(
                record_path(plan.target.name, name),
                f"{folder}/{name}.record.json",
                "application/json",
                MOST_RECORD_BYTES,
                workspace,
            )
            evidence.append(
                ManualSweep(
                    subject=subject_of(name),
                    gathered_at=datetime.now(UTC),
                    problem=sweep_problem or record_problem or signers_problem,
                    name=name,
                    sweep=sweep,
                    record=record,
                    signers=signers,
                )
            )
            workspace.on_look(self.id, subject_of(name))
        workspace.write_evidence(self.id, shard.id, evidence)


def _copy(
    source: Path, path: str, media_type: str, most_bytes: int, workspace: Workspace
) -> tuple[Artifact | None, str | None]:
    """(the copy, None); (None, None) when the file is not there; or why it cannot be copied as it is."""
    try:
        # A pipe that lies in a file's place must neither be waited for nor read without end.
        with os.fdopen(os.open(source, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return None, f"{source} is not a plain file"
            content = stream.read(most_bytes + 1)
    except FileNotFoundError:
        return None, None
    except OSError as error:
        return None, f"{source} cannot be read ({error.strerror or error})"
    if len(content) > most_bytes:
        return None, f"{source} has more than {most_bytes:,} bytes"
    kept = workspace.write(path, content, media_type)
    if kept.sha256 != hashlib.sha256(content).hexdigest():
        return (
            kept,
            f"{source} holds a secret of this run, so it cannot be kept as it was signed; remove it and sign anew",
        )
    return kept, None
