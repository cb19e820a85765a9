"""The proposed pages looked at once exactly as a run will, in both viewports; what does not hold is mended or named.

Rules:

- a text that one of the viewports does not show is taken out; when it was what tells the page, another one that all of
  them show takes its place;
- a page that shows its texts only while its clock runs gets `freeze_time = false`;
- a page that is taller than a picture may be, or has no end, gets a `picture_height`: whoever reads the plan sees what
  is cut off;
- a page that never stands still is named: its pictures cannot be compared;
- what a run would find wrong with a page as it is (a script's error, a request that fails) is named: it is to be mended
  or accepted, and whoever reads the plan should not learn it from the first run;
- when the time is over no further look is begun, and what was not looked at is named.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from evidence_store.model import Finding, Outcome
from evidence_store.workspace import OpenedRun, Workspace, evidence_of, read_artifact
from tasks.contract import GatherError, Shard
from tasks.discovery.crawl import Progress
from tasks.discovery.discover import Proposal, ProposedPage
from tasks.discovery.plan_text import plan_text
from tasks.plan import Plan, parse_plan, texts_not_shown
from tasks.sweep.gather import PageSweep
from tasks.sweep.models import PageVisit
from tasks.sweep.shown_text import ShownText

FaultsOf = Callable[[Plan, Workspace], Iterable[Finding]]
"""What is wrong with the pages of a plan, by evidence of looks at them."""
MUST_SHOW = "must-show"
"""The rule of the texts, which are mended here."""
MOST_FAULTS = 5
"""Of one page, that its notes tell."""
MANY_PAGES = 3
"""From so many on, what is wrong with all of them is told once."""
_QUERY = re.compile(r"\?[^\s'\"]+")
NO_TIME = "no time was left to look at it as a run does: texts and stillness are not tried"


class _TimeIsUpError(Exception):
    """No further look is to be begun."""


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
    faults: Sequence[str] = ()
    """What a run would call a fail, but for the texts."""


def rehearse(proposal: Proposal, progress: Progress, until: float, faults_of: FaultsOf) -> Proposal:
    """The proposal after its rehearsal, which begins no look after `until` (`time.monotonic()`)."""
    looks, shared = _shared_told_once(proposal.pages, _look(proposal, progress, until, faults_of))
    untried = sum(look.problem == NO_TIME for look in looks.values())
    frozen = [judged_page(page, looks) for page in proposal.pages]
    # A page that lost all its texts is tried once more with its clock running.
    again = [
        replace(before, freeze_time=False)
        for before, after in zip(proposal.pages, frozen, strict=True)
        if before.must_show and not after.must_show
    ]
    if again:
        retried = _look(replace(proposal, pages=again), progress, until, faults_of)
        # Texts that nobody was left to look for would seem to hold.
        tried = [page for page in again if all(look.problem != NO_TIME for look in _looks_at(page, retried).values())]
        mended = {page.name: judged_page(page, retried) for page in tried}
        frozen = [mended[page.name] if page.name in mended and mended[page.name].must_show else page for page in frozen]
    notes = [*proposal.notes, *shared]
    if untried:
        notes.append(
            f"{untried} of the {len(looks)} looks of the rehearsal were not made, because --minutes left no time for"
            " them: the first run makes them"
        )
    return replace(proposal, pages=frozen, notes=notes)


def _shared_told_once(
    pages: Sequence[ProposedPage], looks: Mapping[str, Rehearsed]
) -> tuple[Mapping[str, Rehearsed], Sequence[str]]:
    """(the looks without the faults that many pages share, a note for each of those)."""
    found_on = Counter(
        fault
        for page in pages
        for fault in {fault for look in _looks_at(page, looks).values() for fault in look.faults}
    )
    shared = {fault: count for fault, count in found_on.items() if count >= MANY_PAGES}
    own = {
        subject: replace(look, faults=[fault for fault in look.faults if fault not in shared])
        for subject, look in looks.items()
    }
    return own, [_fault_note(f"{count} of these pages as they are", fault) for fault, count in shared.items()]


def _fault_note(where: str, fault: str) -> str:
    return f"a run fails on {where}: {fault[:300]}; mend it, or accept it (`ignore_requests`, `ignore_console`)"


def _look(proposal: Proposal, progress: Progress, until: float, faults_of: FaultsOf) -> Mapping[str, Rehearsed]:
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
            end_in_time()

        def end_in_time() -> None:
            if time.monotonic() >= until:
                raise _TimeIsUpError

        workspace.on_look = looked

        def gather(shard: Shard) -> str:
            try:
                end_in_time()
                source.gather(plan, shard, workspace)
            except _TimeIsUpError:
                pass  # what was looked at before is evidence all the same
            except GatherError as error:
                return str(error)
            return NO_TIME

        shards = source.shards(plan)
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
            problems = {
                subject: problem
                for shard, problem in zip(shards, threads.map(gather, shards), strict=True)
                for subject in shard.members
            }
        visits = {visit.subject: visit for visit in evidence_of(workspace, PageVisit)}
        faults: dict[str, list[str]] = {}
        for fault in faults_of(plan, workspace) if visits else ():
            if fault.outcome is Outcome.FAIL and fault.gates and fault.rule != MUST_SHOW:
                # A plan is committed: what a page wrote into an address or onto its console may be anybody's key.
                told = workspace.redactor.redact_text(_QUERY.sub("?…", fault.message))
                faults.setdefault(fault.subject, []).append(told)
        return {
            subject: _rehearsed(visits[subject], workspace, faults.get(subject, ()))
            if subject in visits
            else Rehearsed("", True, problems[subject])
            for subject in plan.page_subjects()
        }


def _rehearsed(visit: PageVisit, workspace: Workspace, faults: Sequence[str]) -> Rehearsed:
    text = read_artifact(workspace, visit.text).decode("utf-8", "replace") if visit.text else ""
    unseen = tuple(item.text for item in visit.unseen)
    return Rehearsed(" ".join(text.split()), visit.stable, visit.problem or "", visit.clipped_at, unseen, faults)


def _looks_at(page: ProposedPage, looks: Mapping[str, Rehearsed]) -> dict[str, Rehearsed]:
    """The looks at one page, by viewport."""
    return {
        subject.partition("@")[2]: look for subject, look in looks.items() if subject.partition("@")[0] == page.name
    }


def judged_page(page: ProposedPage, looks: Mapping[str, Rehearsed]) -> ProposedPage:
    """The page after its looks (subject -> look), with what did not hold mended or named."""
    own = _looks_at(page, looks)
    untried = [viewport for viewport, look in own.items() if look.problem == NO_TIME]
    notes = [f"in {' and '.join(untried)} {NO_TIME}"] if untried else []
    notes += [
        f"in {viewport} it could not be looked at: {look.problem}"
        for viewport, look in own.items()
        if look.problem not in {"", NO_TIME}
    ]
    seen = {viewport: look for viewport, look in own.items() if not look.problem}
    notes += [
        f"in {viewport} it never stands still, so its picture cannot be compared: mask what moves, or mend it"
        for viewport, look in seen.items()
        if not look.stable
    ]
    faults = dict.fromkeys(fault for look in seen.values() for fault in look.faults)
    notes += [_fault_note("it as it is", fault) for fault in list(faults)[:MOST_FAULTS]]
    texts = list(page.must_show)
    taken_out = []
    for viewport, look in seen.items():
        hidden = ShownText(look.shown, dict.fromkeys(look.unseen, "")).lacks(texts)
        if hidden:
            taken_out.append(f"in {viewport} it does not show '{hidden[0]}', which was taken out of must_show")
        texts = [text for text in texts if text not in hidden]
    everywhere = [
        text for text in page.spare_texts if not any(texts_not_shown(one.shown, [text]) for one in seen.values())
    ]
    if taken_out and page.must_show[-1] not in texts and everywhere:
        texts.append(everywhere[0])
    else:
        notes += taken_out
    clipped = max((look.clipped_at for look in seen.values() if look.clipped_at is not None), default=None)
    return replace(page, must_show=tuple(texts), notes=(*page.notes, *notes), picture_height=clipped)
