"""Approving pictures from a stored run, without another look at staging.

Refused, each with its reason, while the others are approved:

- a page that never stood still: no later picture could equal this one; or that is masked as a whole: any could;
- a visit that failed or did not answer 200 (a checkpoint has no answer of its own): that is not the page;
- a picture whose environment is not known, or that cannot be read as a picture: nothing could be compared with it.

A picture that is fit may still show a page that is not the page: what `page-health` said of it in that run is told
beside it, for whoever approves.

A picture of another environment than the approved one's is not refused, because a new browser needs approvals anew; it
is told as such, since its differences may come from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from evidence_store.model import CheckResult, Outcome
from evidence_store.workspace import EvidenceFiles, evidence_of, read_artifact
from tasks.baselines import (
    ApprovedPicture,
    BadPictureError,
    BaselineError,
    FolderPictures,
    PictureStore,
    approve,
    read_index,
)
from tasks.plan import CHECKPOINTS
from tasks.sweep.models import PageVisit
from tasks.visual.compare import PictureError, compare, decode
from tasks.visual.judge import environments_differ

PAGE_HEALTH = "page-health"


@dataclass(frozen=True)
class Candidate:
    """One picture that may be approved, and how it differs from what is approved now."""

    subject: str
    change: str
    """`new`, `changed`, `same` (it is approved already) or `environment` (approved in another one)."""
    words: str
    """By how much it changed, and what else a person should know before approving."""
    sha256: str
    environment: str
    content: bytes


@dataclass(frozen=True)
class Candidates:
    """What of a run can be approved, and what not, for which reason."""

    run_id: str
    fit: tuple[Candidate, ...]
    refused: dict[str, str]


def faults_of(results: Iterable[CheckResult]) -> dict[str, str]:
    """What is wrong with each page of a run by its own check: the first fault that gates, or the error."""
    faults: dict[str, str] = {}
    for result in results:
        for finding in result.findings if result.check == PAGE_HEALTH else ():
            if finding.outcome in {Outcome.FAIL, Outcome.ERROR} and finding.gates:
                faults.setdefault(finding.subject, finding.message)
    return faults


def candidates(
    files: EvidenceFiles,
    folder: Path,
    *,
    run_id: str,
    subjects: Sequence[str],
    store: PictureStore | None = None,
    faults: Mapping[str, str] | None = None,
) -> Candidates:
    """The pictures of these subjects (patterns such as `dashboard@*`; none: all) beside what is approved now.

    `faults` are told beside the pictures of the subjects they are of.
    Raises BaselineError when a name or pattern fits no subject of the run, or the index cannot be read.
    """
    visits = {visit.subject: visit for visit in evidence_of(files, PageVisit)}
    chosen = _chosen(sorted(visits), subjects, run_id)
    store = store or FolderPictures(folder)
    index = read_index(folder)
    fit, refused = [], {}
    for subject in chosen:
        visit = visits[subject]
        why = _unfit(visit)
        if why is not None or visit.screenshot is None:
            refused[subject] = why or "no picture was taken"
            continue
        content = read_artifact(files, visit.screenshot)
        try:
            decode(content)
        except PictureError as error:
            refused[subject] = f"its picture cannot be read: {error}"
            continue
        change, words = _change(index.get(subject), visit.environment, visit.screenshot.sha256, content, store)
        if fault := (faults or {}).get(subject):
            words = f"{words}; but {PAGE_HEALTH} says: {fault[:200]}"
        fit.append(Candidate(subject, change, words, visit.screenshot.sha256, visit.environment, content))
    return Candidates(run_id, tuple(fit), refused)


def approve_candidates(
    chosen: Candidates, folder: Path, *, approved_by: str, reason: str, store: PictureStore | None = None
) -> list[str]:
    """Approve what is fit; the subjects. Raises BaselineError, and then nothing was approved.

    Who stood for the same picture before goes on standing for it; its bytes are written anew, should they be lost.
    """
    now, index = datetime.now(UTC), read_index(folder)
    pictures = {}
    for item in chosen.fit:
        approved = ApprovedPicture(
            sha256=item.sha256,
            environment=item.environment,
            approved_by=approved_by,
            approved_at=now,
            run_id=chosen.run_id,
            reason=reason,
        )
        before = index.get(item.subject)
        if before and (before.sha256, before.environment) == (item.sha256, item.environment):
            approved = before
        pictures[item.subject] = (approved, item.content)
    if pictures:
        approve(folder, pictures, store)
    return sorted(pictures)


def _chosen(taken: Sequence[str], patterns: Sequence[str], run_id: str) -> list[str]:
    if not patterns:
        return list(taken)
    unknown = [pattern for pattern in patterns if not any(fnmatchcase(subject, pattern) for subject in taken)]
    if unknown:
        raise BaselineError(f"run {run_id} took no picture of {', '.join(unknown)}; it took: {', '.join(taken)}")
    return [subject for subject in taken if any(fnmatchcase(subject, pattern) for pattern in patterns)]


def _unfit(visit: PageVisit) -> str | None:
    """Why a picture must not become what later ones are measured by."""
    if visit.problem is not None:
        return f"the visit failed: {visit.problem}"
    # A checkpoint is a place in a journey: no document need have been asked for on the way there.
    is_checkpoint = visit.subject.startswith(f"{CHECKPOINTS}.")
    if visit.status != 200 and not (is_checkpoint and visit.status is None):
        return f"the page answered {visit.status}"
    if (cut_off := visit.cut_off()) is not None:
        return f"{cut_off}; set `picture_height`"
    if visit.all_masked:
        return "the plan's masks cover all that the page shows, so any later page would equal this picture"
    if not visit.stable:
        return "the page never stood still, so no later picture could equal this one"
    if not visit.environment:
        return "the run does not say in which environment it was taken, so no later picture could be compared with it"
    return None


def _change(
    approved: ApprovedPicture | None, environment: str, sha256: str, content: bytes, store: PictureStore
) -> tuple[str, str]:
    if approved is None:
        return "new", "nothing is approved for it yet"
    if approved.sha256 == sha256:
        return "same", f"{approved.approved_by} approved the same picture"
    try:
        result = compare(decode(store.read(approved.sha256)), decode(content))
    except (BadPictureError, PictureError) as error:
        return "changed", f"by how much is not known: {error}"
    words = f"{result.seen:,} pixels in {len(result.regions)} regions"
    if result.strips:
        words += f", {result.shifted_rows} rows inserted or removed"
    if approved.environment != environment:
        return "environment", f"{environments_differ(approved.environment, environment)}; {words}"
    return "changed", words
