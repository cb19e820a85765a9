"""Visits every planned page in every planned viewport once, and keeps all that the visit told; decides nothing."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response
from playwright.sync_api import Page as BrowserPage

from evidence_store.model import Evidence
from evidence_store.workspace import Workspace
from tasks.contract import GatherError, Shard
from tasks.doors.browser import BrowserError, BrowserSession, first_line
from tasks.plan import Page, Plan
from tasks.sweep import axe_scan, stabilise
from tasks.sweep.keyboard import keyboard_evidence, not_walked
from tasks.sweep.models import AxeScan, KeyboardWalk, PageVisit, SeenMessage, SeenRequest

VISIT_DEADLINE_SECONDS = 90.0
NAVIGATION_TIMEOUT_MS = 20_000
MAX_REQUESTS = 500
MAX_MESSAGES = 200
MAX_MESSAGE_LENGTH = 2_000
MAX_TEXT_LENGTH = 500_000

_NAVIGATION_PROBLEMS = {
    "ERR_TOO_MANY_REDIRECTS": "redirect-loop",
    "ERR_NAME_NOT_RESOLVED": "dns",
    "ERR_CONNECTION_REFUSED": "refused",
    "ERR_CERT": "tls",
    "ERR_SSL": "tls",
    "Timeout": "timeout",
}


@dataclass
class _Told:
    """What the browser said while a page was visited."""

    requests: dict[Request, SeenRequest] = field(default_factory=dict)
    requests_left_out: int = 0
    messages: list[SeenMessage] = field(default_factory=list)
    messages_left_out: int = 0

    def listen(self, page: BrowserPage) -> None:
        page.on("request", self._requested)
        page.on("response", self._answered)
        page.on("requestfailed", self._failed)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.threw(str(error)))
        # An open dialog would stop the page; dismissing is what a person who came to look does.
        page.on("dialog", lambda dialog: dialog.dismiss())

    def _requested(self, request: Request) -> None:
        if len(self.requests) >= MAX_REQUESTS:
            self.requests_left_out += 1
            return
        self.requests[request] = SeenRequest(url=request.url[:2_000], method=request.method, type=request.resource_type)

    def _answered(self, response: Response) -> None:
        self._update(response.request, status=response.status)

    def _failed(self, request: Request) -> None:
        self._update(request, failure=request.failure or "failed")

    def _update(self, request: Request, **seen: Any) -> None:
        if request in self.requests:
            self.requests[request] = self.requests[request].model_copy(update=seen)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning", "assert"}:
            url = str(message.location.get("url", ""))[:2_000]
            self._keep(SeenMessage(level=message.type, text=message.text[:MAX_MESSAGE_LENGTH], url=url))

    def threw(self, words: str) -> None:
        """Keep an uncaught error of the page."""
        self._keep(SeenMessage(level="uncaught", text=words[:MAX_MESSAGE_LENGTH]))

    def _keep(self, message: SeenMessage) -> None:
        if len(self.messages) >= MAX_MESSAGES:
            self.messages_left_out += 1
        else:
            self.messages.append(message)


class PageSweep:
    """Source: one navigation for each page x viewport."""

    id = "sweep"
    provides = (PageVisit, KeyboardWalk)
    exclusive = False

    def shards(self, plan: Plan) -> Sequence[Shard]:
        """As many pieces as there are cores, pages dealt out in turn so that slow ones spread."""
        subjects = plan.page_subjects()
        pieces = max(1, min(os.cpu_count() or 1, len(subjects)))
        return [Shard(f"pages-{number + 1}", subjects[number::pieces]) for number in range(pieces)]

    def gather(self, plan: Plan, shard: Shard, workspace: Workspace) -> None:
        """Visit the shard's pages one after the other in one browser."""
        pages = {page.name: page for page in plan.pages}
        visits: list[Evidence] = []
        try:
            with BrowserSession(plan, workspace.redactor) as session:
                for subject in shard.members:
                    name, _, viewport = subject.partition("@")
                    walks: list[KeyboardWalk] = []
                    visit = _visit(session, plan, pages[name], viewport, workspace, walks)
                    visits.append(visit)
                    if "keyboard" in plan.checks:
                        visits.extend(walks or [not_walked(subject, visit.problem or visit.axe_problem)])
                    workspace.on_look(self.id, subject)
        finally:
            # A browser that cannot be replaced ends the shard; what was seen before that is still evidence.
            if visits:
                workspace.write_evidence(self.id, shard.id, visits)


def _visit(
    session: BrowserSession,
    plan: Plan,
    page: Page,
    viewport: str,
    workspace: Workspace,
    walks: list[KeyboardWalk],
) -> PageVisit:
    """One visit; whatever goes wrong is in the evidence, so that one page cannot cost the others."""
    began = time.monotonic()
    visit = PageVisit(
        subject=f"{page.name}@{viewport}",
        gathered_at=datetime.now(UTC),
        page=page.name,
        viewport=viewport,
        identity=page.identity,
        url=plan.url(page.path),
    )
    # A browser that cannot be started is every page's problem, so that error is not caught here.
    seen: dict[str, Any] = {"environment": _environment(session, plan, viewport)}
    told = _Told()
    try:
        with (
            session.deadline(VISIT_DEADLINE_SECONDS),
            session.context(plan.viewports[viewport], page.identity) as context,
        ):
            _look(context, plan, page, visit.subject, told, seen, workspace, walks)
    except GatherError as error:
        seen |= {"problem": str(error), "problem_code": "sign-in"}
    except BrowserError as error:
        line = first_line(error)
        code = next((code for sign, code in _NAVIGATION_PROBLEMS.items() if sign in line), "browser")
        late = time.monotonic() - began >= VISIT_DEADLINE_SECONDS
        seen["problem_code"] = "deadline" if late else code
        seen["problem"] = (
            f"the visit took longer than {VISIT_DEADLINE_SECONDS:g} s and the browser was ended" if late else line
        )
    return visit.model_copy(
        update=seen
        | {
            "requests": tuple(told.requests.values()),
            "requests_left_out": told.requests_left_out,
            "messages": tuple(told.messages),
            "messages_left_out": told.messages_left_out,
            "seconds": round(time.monotonic() - began, 3),
        }
    )


def _environment(session: BrowserSession, plan: Plan, viewport: str) -> str:
    size = plan.viewports[viewport]
    touch = " touch" if size.touch else ""
    return (
        f"{session.version()}; {platform.system()} {platform.machine()};"
        f" {size.width}x{size.height}@{size.scale:g}{touch}"
    )


def _look(
    context: BrowserContext,
    plan: Plan,
    page: Page,
    subject: str,
    told: _Told,
    seen: dict[str, Any],
    workspace: Workspace,
    walks: list[KeyboardWalk],
) -> None:
    tab = context.new_page()
    told.listen(tab)
    stabilise.prepare(context, tab, page.freeze_time)
    response = tab.goto(plan.url(page.path), wait_until="load", timeout=NAVIGATION_TIMEOUT_MS)
    log = stabilise.settle(tab, page.freeze_time, told.threw)
    seen |= _document(tab, response, workspace)
    folder = f"data/sweep/{subject}"
    text = str(tab.evaluate("() => document.body ? document.body.innerText : ''"))[:MAX_TEXT_LENGTH]
    seen["text"] = workspace.write(f"{folder}/text.txt", text.encode("utf-8", "replace"), "text/plain")

    picture, stable, frames = stabilise.capture(tab, page.mask, page.freeze_time, told.threw)
    seen["screenshot"] = workspace.write(f"{folder}/screenshot.png", picture, "image/png")
    seen["stable"] = stable
    seen["stabilisation"] = (*log, *frames)

    if page.freeze_time:
        tab.clock.resume()  # axe waits on timers of the page
    try:
        blank = context.new_page()
        result, frames_scanned, missed = axe_scan.scan(tab, blank)
        content = json.dumps(result, ensure_ascii=False).encode("utf-8", "replace")
        seen["axe"] = AxeScan(
            result=workspace.write(f"{folder}/axe.json", content, "application/json"),
            frames=frames_scanned,
            frames_missed=missed,
            nodes=int(tab.evaluate("() => document.querySelectorAll('*').length")),
        )
    except BrowserError as error:
        seen["axe_problem"] = f"axe did not finish: {first_line(error)}"
        # The browser may be gone; then the visit as a whole is still what it was before axe.
        with suppress(BrowserError):
            tab.close()
        return
    if "keyboard" in plan.checks:
        walks.append(keyboard_evidence(tab, subject, workspace, picture))


def _document(tab: BrowserPage, response: Response | None, workspace: Workspace) -> dict[str, Any]:
    redirects: list[str] = []
    request = response.request if response else None
    while request is not None and request.redirected_from is not None:
        redirects.insert(0, request.url)
        request = request.redirected_from
    raw = response.headers_array() if response else []
    headers = workspace.redactor.headers((item["name"], item["value"]) for item in raw)
    return {
        "final_url": tab.url,
        "status": response.status if response else None,
        "redirects": tuple(redirects),
        "headers": tuple(headers),
        "title": tab.title()[:500],
        "language": str(tab.evaluate("() => document.documentElement.lang || ''"))[:50],
    }
