"""Copies the approved pictures of the planned subjects into the run; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from evidence_store.model import Evidence
from evidence_store.workspace import Workspace
from tasks.baselines import BaselineError, baselines_root, picture_path, read_index
from tasks.contract import GatherError, Shard, Turn
from tasks.plan import Plan
from tasks.visual.models import ApprovedIndex, Baseline


class ApprovedBaselines:
    """Source: what a person approved for this target."""

    id = "visual-baselines"
    provides = (Baseline, ApprovedIndex)
    turn = Turn.TOGETHER

    def shards(self, plan: Plan) -> Sequence[Shard]:
        """One look into one folder."""
        return [Shard("approved", plan.page_subjects())]

    def gather(self, plan: Plan, shard: Shard, workspace: Workspace) -> None:
        """Copy the index and the pictures of the planned subjects."""
        folder = baselines_root() / plan.target.name
        now = datetime.now(UTC)
        try:
            index = read_index(folder)
        except BaselineError as error:
            raise GatherError(str(error)) from error
        evidence: list[Evidence] = [ApprovedIndex(subject="baselines", gathered_at=now, approved=tuple(sorted(index)))]
        for subject in shard.members:
            if subject not in index:
                continue
            approved = index[subject]
            path = picture_path(folder, approved.sha256)
            picture = None
            problem = None
            try:
                picture = workspace.write(f"data/visual/{subject}/baseline.png", path.read_bytes(), "image/png")
                if picture.sha256 != approved.sha256:
                    problem = (
                        f"the approved picture {path} does not hash to what was approved; restore it or approve anew"
                    )
            except OSError as error:
                problem = f"the approved picture {path} cannot be read ({error.strerror}); restore it or approve anew"
            evidence.append(
                Baseline(
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
            )
        workspace.write_evidence(self.id, shard.id, evidence)
