"""Runs one shard of a source, so that whatever goes wrong in it costs that shard and is on record."""

from __future__ import annotations

from evidence_store.redaction import UnsafeArchiveError
from evidence_store.workspace import ShardFailure, Workspace, WorkspaceError
from tasks.contract import GatherError, Shard, Source
from tasks.plan import Plan


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
    workspace.write_failure(
        ShardFailure(
            source=source.id, shard=shard.id, members=shard.members, message=workspace.redactor.redact_text(message)
        )
    )
    return message
