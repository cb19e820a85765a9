"""Visits every planned page and state in every planned viewport once, and keeps all that the visit told.

One navigation tells everything: picture, text, requests, console, policy violations, accessibility. It decides nothing.
Pieces of the work are small (`LOOKS_A_SHARD`), so that memory stays the same however many pages a plan names. A browser
looks at several pages beside each other, each in a profile of its own: while one waits, for the server or for another
process of the browser, the others go on. A profile is emptied and used again. A page that was cut off because that
browser ended, or whose process crashed after it had served other pages, is looked at again, by itself, in a fresh
profile: what one page does to its browser is told of that page alone.
"""

from __future__ import annotations

import os
import platform
import threading
import time
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from playwright.sync_api import Page as Tab
from playwright.sync_api import Response

from evidence_store.model import Evidence
from evidence_store.workspace import Workspace
from tasks.baselines import BaselineError, baselines_root, read_index
from tasks.contract import GatherError, Shard, Turn
from tasks.doors.browser import TILE, BrowserError, BrowserSession, first_line
from tasks.doors.profiles import Profile, Profiles
from tasks.plan import Look, Page, Plan
from tasks.sweep import capture, stabilise
from tasks.sweep.actions import StepError, perform
from tasks.sweep.hearing import Hearing
from tasks.sweep.keyboard import keyboard_evidence, not_walked
from tasks.sweep.models import KeyboardWalk, PageVisit
from tasks.sweep.stabilise import Stillness

VISIT_DEADLINE_SECONDS = stabilise.VISIT_SECONDS
NAVIGATION_TIMEOUT_MS = 20_000
LOOKS_A_SHARD = 24
"""At most. A shard's evidence and its browser last as long as the shard."""
BROWSERS = max(1, (os.cpu_count() or 1) // 2)
"""At a time. Each has processes that several cores are busy with; more would only wait for each other."""

KEYBOARD = "keyboard"
"""The check that a walk by keyboard is made for; it takes longer than all else, so it is made when it is asked for."""
_NAVIGATION_PROBLEMS = {
    "ERR_TOO_MANY_REDIRECTS": "redirect-loop",
    "ERR_NAME_NOT_RESOLVED": "dns",
    "ERR_CONNECTION_REFUSED": "refused",
    "ERR_CERT": "tls",
    "ERR_SSL": "tls",
    "Timeout": "timeout",
    "Execution context was destroyed": "went-away",
    "because of a navigation": "went-away",
}
_CRASHED = "crashed"
"""In Playwright's words for a page whose process ended."""
_STRANGE = (ArithmeticError, LookupError, TypeError, ValueError)
"""What our own code raises over answers of a page that put functions of its own in place of the browser's."""
_BROWSERS = threading.BoundedSemaphore(BROWSERS)


class PageSweep:
    """Source: one navigation for each page or state x viewport."""

    id = "sweep"
    provides: tuple[type[Evidence], ...] = (PageVisit, KeyboardWalk)
    turn = Turn.TOGETHER

    def shards(self, plan: Plan) -> Sequence[Shard]:
        """Pieces of at most LOOKS_A_SHARD looks, one for each browser; dealt out in turn, so that slow pages spread."""
        subjects = tuple(look.subject for look in plan.looks.values() if look.page is not None)
        pieces = max(min(BROWSERS, len(subjects)), -(-len(subjects) // LOOKS_A_SHARD))
        return [Shard(f"pages-{number + 1}", subjects[number::pieces]) for number in range(pieces)]

    def gather(self, plan: Plan, shard: Shard, workspace: Workspace) -> None:
        """Visit the shard's pages in one browser, several beside each other."""
        seen: dict[str, list[Evidence]] = {}
        try:
            with _BROWSERS, BrowserSession(plan, workspace.redactor) as session:
                _Visits(session, plan, workspace, seen).make([plan.looks[subject] for subject in shard.members])
        finally:
            # A browser that cannot be replaced ends the shard; what was seen before that is still evidence.
            if seen:
                # In the plan's order, and not as they happened to end.
                told = [evidence for subject in shard.members for evidence in seen.get(subject, [])]
                workspace.write_evidence(self.id, shard.id, told)


class _Visits:
    """The visits of one shard, in its browser; what they tell is put into `seen`, by subject."""

    def __init__(
        self, session: BrowserSession, plan: Plan, workspace: Workspace, seen: dict[str, list[Evidence]]
    ) -> None:
        self._session = session
        self._plan = plan
        self._workspace = workspace
        self._seen = seen
        self._approved = _approved(plan)
        self._profiles = Profiles(session, plan.target.pages_at_a_time)

    def make(self, looks: Sequence[Look]) -> None:
        """Visit all; raises GatherError when there is no browser to do it with."""
        waiting, cut_off = deque(looks), deque[Look]()
        while waiting:
            self._prepare(waiting)
            beside = [partial(self._work_off, waiting, cut_off)] * min(self._plan.target.pages_at_a_time, len(waiting))
            self._session.beside_each_other(beside)
            if waiting or cut_off:
                self._profiles.close()  # else they end with the browser
        while cut_off:
            self._prepare(cut_off)
            self._work_off(cut_off, None)

    def _prepare(self, looks: Collection[Look]) -> None:
        """A browser, and whoever the pages are looked at as signed in: each once, however many pages there are."""
        _ = self._session.browser
        for identity in {look.page.identity for look in looks if look.page and look.page.identity}:
            with suppress(GatherError):  # told by each page that is to be looked at as them
                self._session.sign_in(identity)

    def _work_off(self, waiting: deque[Look], cut_off: deque[Look] | None) -> None:
        """Visit what is waiting while the browser lives; a page that others may have disturbed is put aside, if it may.

        Without a place to put it aside, each is looked at in a fresh profile.
        """
        while waiting and self._session.is_connected():
            look = waiting.popleft()
            if look.page is None:
                continue
            approved = self._approved.get(look.subject)
            visit = _Visit(self._profiles, self._plan, look, look.page, self._workspace, approved)
            told = visit.make(fresh=cut_off is None)
            if visit.was_disturbed and cut_off is not None:
                cut_off.append(look)
                continue
            self._seen[look.subject] = told
            self._workspace.on_look(PageSweep.id, look.subject)


def _approved(plan: Plan) -> dict[str, str]:
    """SHA-256 of the approved picture by subject: a first frame that equals it needs no second one."""
    try:
        index = read_index(baselines_root() / plan.target.name)
    except BaselineError:
        return {}  # told as an error by the source of baselines; here it only costs a second frame
    return {subject: picture.sha256 for subject, picture in index.items()}


class _Visit:
    """One visit; whatever goes wrong is in the evidence, so that one page cannot cost the others."""

    def __init__(
        self,
        profiles: Profiles,
        plan: Plan,
        look: Look,
        page: Page,
        workspace: Workspace,
        approved: str | None,
    ) -> None:
        self._session = profiles.session
        self._profiles = profiles
        self._plan = plan
        self._look = look
        self._page = page
        self._workspace = workspace
        self._approved = approved
        self._hearing = Hearing(plan.target.third_parties)
        self._seen: dict[str, Any] = {}
        self._walk: KeyboardWalk | None = None
        self.was_disturbed = False
        """Whether others may have ended it: its browser ended, or the process that had served others before."""

    def make(self, *, fresh: bool) -> list[Evidence]:
        """Visit, and return what was seen, the visit first; `fresh`: in a profile that was never used."""
        look, page = self._look, self._page
        began, most_seconds = time.monotonic(), VISIT_DEADLINE_SECONDS
        visit = PageVisit(
            subject=look.subject,
            gathered_at=datetime.now(UTC),
            page=page.name,
            state=look.state.name if look.state else "",
            viewport=look.viewport,
            identity=page.identity,
            url=self._plan.url(page.path),
            # A browser that cannot be started is every page's problem, so that error is not caught here.
            environment=environment_of(self._session.version(), self._plan, look.viewport),
        )
        still, size = Stillness.of(page), self._plan.viewports[look.viewport]
        prepare, served_others = partial(stabilise.stop_time, still=still), False
        try:
            with (
                self._session.deadline(most_seconds),
                self._profiles.tab(size, page.identity, still.time, prepare, fresh=fresh) as (tab, profile),
            ):
                served_others = profile.looks > 0
                self._look_at(tab, still, profile)
        except GatherError as error:
            self._seen |= {"problem": str(error), "problem_code": "sign-in"}
        except StepError as error:
            self._seen |= {"problem": str(error), "problem_code": "step"}
        except BrowserError as error:
            late = time.monotonic() - began >= most_seconds
            crashed = served_others and _CRASHED in str(error)
            self.was_disturbed = not late and (crashed or not self._session.is_alive())
            words = f"the visit took longer than {most_seconds:g} s and the browser was ended"
            self._seen |= {"problem": words, "problem_code": "deadline"} if late else self._broken_off(error)
        except _STRANGE as error:
            words = f"it told something that no page tells ({type(error).__name__}: {first_line(error)})"
            self._seen |= {"problem": words, "problem_code": "strange"}
        seconds = round(time.monotonic() - began, 3)
        visit = visit.model_copy(update=self._seen | capture.heard(self._hearing) | {"seconds": seconds})
        if KEYBOARD not in self._plan.checks:
            return [visit]
        return [visit, self._walk or not_walked(visit.subject, visit.problem or visit.axe_problem)]

    def _look_at(self, tab: Tab, still: Stillness, profile: Profile) -> None:
        folder, keep = f"data/sweep/{self._look.subject}", self._workspace.write
        self._hearing.listen(tab)
        stabilise.prepare(tab, still)
        response = tab.goto(self._plan.url(self._page.path), wait_until="load", timeout=NAVIGATION_TIMEOUT_MS)
        log = [f"profile: emptied after {profile.looks} looks" if profile.looks else "profile: fresh"]
        log += stabilise.settle(tab, still, self._hearing, self._page.must_show)
        if (state := self._look.state) is not None:
            perform(tab, state.do)
            log += [f"steps done: {len(state.do)}"]
            log += stabilise.settle(tab, still, self._hearing, state.must_show)
        planned = tab.viewport_size
        unfolding = stabilise.unfold(tab, still, self._hearing)
        masks, approved = self._look.mask, self._approved
        self._seen |= capture.take_picture(tab, folder, keep, masks, still, self._hearing, log, unfolding, approved)
        self._hearing.note_unanswered(tab, stabilise.ANSWER_SECONDS)
        # Time passes between frames: a page that became another one meanwhile is read as what the picture shows.
        self._seen |= capture.read_page(tab, folder, keep, self._look.must_show, self._hearing) | self._document(
            response
        )
        self._seen |= capture.read_aria(tab, folder, keep)
        pictured = tab.viewport_size
        if planned is not None and planned != pictured:
            stabilise.resume_time(tab, still)  # what was drawn for a taller window is drawn anew, and by timers
            tab.set_viewport_size(planned)
        # While the page's clock stands still, so that axe sees the page of the picture.
        self._seen |= capture.scan_accessibility(tab, folder, keep, self._hearing, pictured)
        if KEYBOARD in self._plan.checks and not tab.is_closed():
            stabilise.resume_time(tab, still)  # a page may answer to the focus by its timers
            stabilise.undo(tab)  # sticky bars must lie where they would hide what has the focus
            shown = self._workspace.read(self._seen["screenshot"].path)
            self._walk = keyboard_evidence(tab, self._look.subject, self._workspace, shown)

    def _document(self, response: Response | None) -> dict[str, Any]:
        redirects: list[str] = []
        request = response.request if response else None
        while request is not None and request.redirected_from is not None:
            redirects.insert(0, request.url)
            request = request.redirected_from
        document = self._hearing.document_of(response.url) if response else None
        raw = response.headers_array() if response else []
        return {
            "status": response.status if response else None,
            "redirects": tuple(redirects),
            "headers": tuple(self._workspace.redactor.headers((item["name"], item["value"]) for item in raw)),
            "document_seconds": document.seconds if document else None,
            "document_size": document.size if document else None,
        }

    def _broken_off(self, error: BrowserError) -> dict[str, Any]:
        line = first_line(error)
        code = next((code for sign, code in _NAVIGATION_PROBLEMS.items() if sign in line), "browser")
        if code == "went-away":
            places = " -> ".join(dict.fromkeys(self._hearing.went_to[-3:]))
            line = f"the page went elsewhere by itself while it was looked at ({places})"
        return {"problem": line, "problem_code": code}


def environment_of(browser: str, plan: Plan, viewport: str) -> str:
    """Everything a screenshot depends on besides the page."""
    size = plan.viewports[viewport]
    touch = " touch" if size.touch else ""
    drawn = f"{size.width}x{size.height}@{size.scale:g}{touch}; tiles {TILE}"
    return f"{browser}; {platform.system()} {platform.machine()}; {drawn}"
