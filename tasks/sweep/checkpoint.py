"""Checkpoints: places in a journey that are looked at exactly like a page, by the process that walks the journey.

The suite's process takes them (`take`) and leaves files and one JSON line each in a folder; the run reads that folder
when the suite has ended (`read_checkpoints`), removes secrets and hands them on as visits. A suite is not trusted more
than a page: what it left is validated, links are not followed, and nothing lands but under its own subject.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import weakref
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Page
from pydantic import ValidationError

from evidence_store.model import Artifact
from evidence_store.workspace import Workspace
from tasks.doors.chromium import edition
from tasks.plan import CHECKPOINTS, Plan, nearest
from tasks.sweep import capture, stabilise
from tasks.sweep.gather import environment_of
from tasks.sweep.hearing import Hearing
from tasks.sweep.models import PageVisit
from tasks.sweep.stabilise import Stillness

FOLDER = "STAGEPROOF_CHECKPOINTS"
"""Names the folder, in the suite's environment; without it nothing is taken, as when a suite is run by hand."""
PLANNED = "planned.json"
VISITS = "visits.jsonl"
FILES = "files"
MAX_FILE_BYTES = 60_000_000
MAX_VISITS_BYTES = 50_000_000
STILL = Stillness(time=False, random=False, sticky=False)
"""A journey goes on after its checkpoint: what would change how the page works is left alone."""

_hearings: weakref.WeakKeyDictionary[Page, Hearing] = weakref.WeakKeyDictionary()


def plan_checkpoints(plan: Plan, folder: Path) -> None:
    """Write down what is planned, for the suite's process."""
    folder.mkdir()
    planned = {
        checkpoint.name: {
            "subject": f"{CHECKPOINTS}.{checkpoint.name}@{checkpoint.viewport}",
            "viewport": checkpoint.viewport,
            "size": plan.viewports[checkpoint.viewport].model_dump(include={"width", "height"}),
            "mask": checkpoint.mask,
            "must_show": checkpoint.must_show,
            "still": {"unfolded": checkpoint.unfold_scrolling, "most_height": checkpoint.picture_height},
            "environment": environment_of("", plan, checkpoint.viewport),
        }
        for checkpoint in plan.checkpoints
    }
    (folder / PLANNED).write_text(json.dumps(planned), encoding="utf-8")


def hear(page: Page) -> Page:
    """Hear what this page says from now on, for the checkpoints that will be taken of it; returns the page."""
    if os.environ.get(FOLDER):
        _hearings[page] = Hearing()
        _hearings[page].listen(page)
    return page


def take(page: Page, name: str) -> None:
    """Look at this place of the journey; raises LookupError for a name that the plan does not know."""
    root = os.environ.get(FOLDER)
    if not root:
        return
    folder = Path(root)
    planned = json.loads((folder / PLANNED).read_text(encoding="utf-8"))
    if name not in planned:
        raise LookupError(f"the plan names no checkpoint '{name}'{nearest(name, set(planned))}")
    visit = _visit(page, planned[name], folder)
    with (folder / VISITS).open("a", encoding="utf-8") as stream:
        stream.write(visit.model_dump_json() + "\n")


def _visit(page: Page, planned: Mapping[str, Any], folder: Path) -> PageVisit:
    began = time.monotonic()
    subject = str(planned["subject"])

    def keep(path: str, content: bytes, media_type: str) -> Artifact:
        destination = folder / FILES / path
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        return Artifact(path=path, media_type=media_type, sha256=digest, size=len(content))

    browser = page.context.browser
    if browser is None:
        raise RuntimeError("a checkpoint needs a page of a launched browser")
    hearing = _hearings.get(page) or Hearing()
    place = f"data/sweep/{subject}"
    seen: dict[str, Any] = {}
    still = replace(STILL, **planned["still"])
    with _brought_to(page, planned["size"]):
        log = stabilise.settle(page, still, hearing, planned["must_show"])
        unfolding = stabilise.unfold(page, still, hearing)
        seen |= capture.take_picture(page, place, keep, planned["mask"], still, hearing, log, unfolding)
        hearing.note_unanswered(page, stabilise.ANSWER_SECONDS)
        seen |= capture.read_page(page, place, keep, planned["must_show"], hearing) | capture.read_aria(
            page, place, keep
        )
        pictured = page.viewport_size
        page.set_viewport_size(planned["size"])
        seen |= capture.scan_accessibility(page, place, keep, hearing, pictured)
    return PageVisit(
        subject=subject,
        gathered_at=datetime.now(UTC),
        page=CHECKPOINTS,
        viewport=planned["viewport"],
        url=page.url[:2_000],
        environment=f"{edition(Path(os.environ['STAGEPROOF_CHROMIUM']))} {browser.version}{planned['environment']}",
    ).model_copy(update=seen | capture.heard(hearing) | {"seconds": round(time.monotonic() - began, 3)})


@contextmanager
def _brought_to(page: Page, size: Any) -> Iterator[None]:
    """The page in the planned viewport, and then back as the journey had it."""
    before, place = page.viewport_size, page.evaluate("() => [scrollX, scrollY]")
    page.set_viewport_size(size)
    try:
        yield
    finally:
        stabilise.undo(page)
        if before is not None:
            page.set_viewport_size(before)
        page.evaluate("([x, y]) => scrollTo(x, y)", place)


def read_checkpoints(folder: Path, plan: Plan, workspace: Workspace) -> list[PageVisit]:
    """What a suite left of its checkpoints, as visits; what cannot be read is a visit that says so."""
    planned = {look.subject for look in plan.looks.values() if look.page is None}
    visits: list[PageVisit] = []
    try:
        for line in _lines(folder / VISITS):
            # One at a time: what was read before a broken line counts.
            visits.append(_adopted(PageVisit.model_validate_json(line), planned, folder / FILES, workspace))  # noqa: PERF401
    except (ValueError, OSError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        told = {visit.subject for visit in visits}
        words = f"what the suite left of its checkpoints cannot be read: {reason}"
        visits += [_unreadable(plan, subject, words) for subject in sorted(planned - told)]
    return visits


def _lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_VISITS_BYTES:
        raise ValueError(f"{path.name} is not a plain file of at most {MAX_VISITS_BYTES:,} bytes")
    return path.read_text(encoding="utf-8").splitlines()


def _adopted(visit: PageVisit, planned: Collection[str], files: Path, workspace: Workspace) -> PageVisit:
    if visit.subject not in planned:
        raise ValueError(f"it speaks of '{visit.subject[:200]}', which the plan does not name")

    def adopt(artifact: Artifact) -> Artifact:
        if not artifact.path.startswith(f"data/sweep/{visit.subject}/"):
            raise ValueError(f"{artifact.path} does not lie under its subject")
        source = files / artifact.path
        if source.is_symlink() or not source.is_file() or not source.resolve().is_relative_to(files.resolve()):
            raise ValueError(f"{artifact.path} is not a plain file")
        if source.stat().st_size > MAX_FILE_BYTES:
            raise ValueError(f"{artifact.path} is larger than {MAX_FILE_BYTES:,} bytes")
        return workspace.write(artifact.path, source.read_bytes(), artifact.media_type)

    update: dict[str, Any] = {
        name: adopt(value)
        for name in ("text", "aria", "screenshot", "thumbnail")
        if (value := getattr(visit, name)) is not None
    }
    if visit.axe is not None:
        places = adopt(visit.axe.boxes) if visit.axe.boxes else None
        update["axe"] = visit.axe.model_copy(update={"result": adopt(visit.axe.result), "boxes": places})
    return visit.model_copy(update=update)


def _unreadable(plan: Plan, subject: str, words: str) -> PageVisit:
    return PageVisit(
        subject=subject,
        gathered_at=datetime.now(UTC),
        page=CHECKPOINTS,
        viewport=plan.looks[subject].viewport,
        url=plan.target.base_url,
        problem=words,
        problem_code="checkpoint",
    )
