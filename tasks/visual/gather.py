"""Copies the approved pictures of the planned subjects into the run; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from evidence_store.model import Artifact
from evidence_store.workspace import Workspace
from tasks.baselines import (
    ApprovedPicture,
    BadPictureError,
    BaselineError,
    PictureStore,
    baselines_root,
    picture_store,
    read_visual_index,
)
from tasks.contract import GatherError, Shard, Turn
from tasks.plan import Plan
from tasks.visual.models import APPROVALS, ApprovedIndex, Baseline

PICTURES_AT_A_TIME = 8
"""From the object store, whose every answer takes a while."""


class ApprovedBaselines:
    """Source: what a person approved for this target."""

    id = "visual-baselines"
    provides = (Baseline, ApprovedIndex)
    turn = Turn.TOGETHER

    def shards(self, plan: Plan) -> Sequence[Shard]:
        """One look into one folder."""
        return [Shard("approved", (*plan.page_subjects(), APPROVALS))]

    def gather(self, plan: Plan, shard: Shard, workspace: Workspace) -> None:
        """Copy the index and the pictures of the planned subjects."""
        folder = baselines_root() / plan.target.name
        now = datetime.now(UTC)
        try:
            index = read_visual_index(folder)
            store = picture_store(folder, plan.project)
            wanted = [(subject, index.approved[subject]) for subject in shard.members if subject in index.approved]
            with ThreadPoolExecutor(PICTURES_AT_A_TIME, "baselines") as threads:
                copying = [threads.submit(_copied, store, *item, now, workspace) for item in wanted]
                baselines = [copied.result() for copied in copying]
        except BaselineError as error:
            raise GatherError(str(error)) from error
        whole = ApprovedIndex(
            subject=APPROVALS,
            gathered_at=now,
            approved=tuple(sorted(index.approved)),
            digests={subject: picture.sha256 for subject, picture in sorted(index.approved.items())},
            quarantined=index.quarantine,
        )
        workspace.write_evidence(self.id, shard.id, [whole, *baselines])


def _copied(
    store: PictureStore, subject: str, approved: ApprovedPicture, now: datetime, workspace: Workspace
) -> Baseline:
    """One approved picture, copied; one that is missing or altered says so in its evidence."""
    picture: Artifact | None = None
    problem = None
    try:
        content = store.read(approved.sha256)
        picture = workspace.write(f"data/visual/{subject}/baseline.png", content, "image/png")
    except BadPictureError as error:
        problem = str(error)
    return Baseline(
        subject=subject,
        gathered_at=now,
        problem=problem,
        picture=picture,
        approved_sha256=approved.sha256,
        environment=approved.environment,
        approved_by=approved.approved_by,
        approved_at=approved.approved_at,
        run_id=approved.run_id,
    )
