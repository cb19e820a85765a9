"""The proposed pages looked at once exactly as a run will, in both viewports; what does not hold is mended or named.

Rules:

- a text that one of the viewports does not show is taken out;
- a page that shows its texts only while its clock runs gets `freeze_time = false`;
- a page that is taller than a picture may be, or has no end, gets a `picture_height`: whoever reads the plan sees what
  is cut off;
- a page that never stands still is named: its pictures cannot be compared.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from evidence_store.workspace import OpenedRun, Workspace, evidence_of, read_artifact
from tasks.contract import GatherError, Shard
from tasks.discovery.crawl import Progress
from tasks.discovery.discover import Proposal, ProposedPage
from tasks.discovery.plan_text import plan_text
from tasks.plan import parse_plan
from tasks.sweep.gather import PageSweep
from tasks.sweep.models import PageVisit


@dataclass(frozen=True)
class Rehearsed:
    """One look of the rehearsal."""

    shown: str
    stable: bool
    problem: str
    clipped_at: int | None = None
    """Where its picture ends while the page goes on, in CSS pixels."""
    unseen: tuple[str, ...] = ()
    """Texts that stand on it where nobody sees them."""


def rehearse(proposal: Proposal, progress: Progress) -> Proposal:
    """The proposal after its rehearsal; a page that could not be rehearsed says so."""
    looks = _look(proposal, progress)
    frozen = [judged_page(page, looks) for page in proposal.pages]
    # A page that lost all its texts is tried once more with its clock running.
    again = [
        replace(before, freeze_time=False)
        for before, after in zip(proposal.pages, frozen, strict=True)
        if before.must_show and not after.must_show
    ]
    if again:
        retried = _look(replace(proposal, pages=again), progress)
        mended = {page.name: judged_page(page, retried) for page in again}
        frozen = [mended[page.name] if page.name in mended and mended[page.name].must_show else page for page in frozen]
    return replace(proposal, pages=frozen)


def _look(proposal: Proposal, progress: Progress) -> Mapping[str, Rehearsed]:
    plan = parse_plan(plan_text(proposal), "the proposed plan")
    source = PageSweep()
    with tempfile.TemporaryDirectory(prefix="stageproof-init-") as folder:
        run = OpenedRun(
            run_id="init", target=plan.target.name, profile="nightly", opened_at=datetime.now(UTC), process=0
        )
        workspace = Workspace.create(Path(folder), run)
        done = 0
        lock = threading.Lock()

        def looked(_source: str, _subject: str) -> None:
            nonlocal done
            with lock:
                done += 1
                progress("rehearsal", {"done": done, "looks": len(plan.page_subjects())})

        workspace.on_look = looked

        def gather(shard: Shard) -> str:
            try:
                source.gather(plan, shard, workspace)
            except GatherError as error:
                return str(error)
            return ""

        shards = source.shards(plan)
        with ThreadPoolExecutor(max_workers=len(shards)) as threads:
            problem = next(filter(None, threads.map(gather, shards)), "")
        visits = {visit.subject: visit for visit in evidence_of(workspace, PageVisit)}
        return {
            subject: _rehearsed(visits[subject], workspace) if subject in visits else Rehearsed("", True, problem)
            for subject in plan.page_subjects()
        }


def _rehearsed(visit: PageVisit, workspace: Workspace) -> Rehearsed:
    text = read_artifact(workspace, visit.text).decode("utf-8", "replace") if visit.text else ""
    unseen = tuple(item.text for item in visit.unseen)
    return Rehearsed(" ".join(text.split()), visit.stable, visit.problem or "", visit.clipped_at, unseen)


def judged_page(page: ProposedPage, looks: Mapping[str, Rehearsed]) -> ProposedPage:
    """The page after its looks (subject -> look), with what did not hold mended or named."""
    own = {subject.partition("@")[2]: look for subject, look in looks.items() if subject.partition("@")[0] == page.name}
    notes = [
        f"in {viewport} it could not be looked at: {look.problem}" for viewport, look in own.items() if look.problem
    ]
    seen = {viewport: look for viewport, look in own.items() if not look.problem}
    notes += [
        f"in {viewport} it never stands still, so its picture cannot be compared: mask what moves, or mend it"
        for viewport, look in seen.items()
        if not look.stable
    ]
    texts: Sequence[str] = page.must_show
    for viewport, look in seen.items():
        hidden = [text for text in texts if text not in look.shown or text in look.unseen]
        if hidden:
            notes.append(f"in {viewport} it does not show '{hidden[0]}', which was taken out of must_show")
        texts = [text for text in texts if text not in hidden]
    clipped = max((look.clipped_at for look in seen.values() if look.clipped_at is not None), default=None)
    return replace(page, must_show=tuple(texts), notes=(*page.notes, *notes), picture_height=clipped)
