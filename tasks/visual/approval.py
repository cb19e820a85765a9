"""Approving pictures from a stored run, without another look at staging."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from evidence_store.workspace import EvidenceFiles, evidence_of, read_artifact
from tasks.baselines import ApprovedPicture, BaselineError, approve
from tasks.sweep.models import PageVisit


def approve_pictures(
    files: EvidenceFiles, folder: Path, *, run_id: str, subjects: Sequence[str], approved_by: str, reason: str
) -> tuple[list[str], dict[str, str]]:
    """Approve the pictures of these subjects (none named: all); (approved, refused with the reason each)."""
    visits = {visit.subject: visit for visit in evidence_of(files, PageVisit)}
    unknown = [subject for subject in subjects if subject not in visits]
    if unknown:
        raise BaselineError(
            f"run {run_id} took no picture of {', '.join(unknown)}; it took: {', '.join(sorted(visits))}"
        )
    pictures: dict[str, tuple[ApprovedPicture, bytes]] = {}
    refused: dict[str, str] = {}
    now = datetime.now(UTC)
    for subject in subjects or sorted(visits):
        visit = visits[subject]
        why = _unfit(visit)
        if why is not None or visit.screenshot is None:
            refused[subject] = why or "no picture was taken"
            continue
        approved = ApprovedPicture(
            sha256=visit.screenshot.sha256,
            environment=visit.environment,
            approved_by=approved_by,
            approved_at=now,
            run_id=run_id,
            reason=reason,
        )
        pictures[subject] = (approved, read_artifact(files, visit.screenshot))
    if pictures:
        approve(folder, pictures)
    return sorted(pictures), refused


def _unfit(visit: PageVisit) -> str | None:
    """Why a picture must not become what later ones are measured by."""
    if visit.problem is not None:
        return f"the visit failed: {visit.problem}"
    if visit.status != 200:
        return f"the page answered {visit.status}"
    if not visit.stable:
        return "the page never stood still, so no later picture could equal this one"
    return None
