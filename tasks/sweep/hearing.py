"""Listens to a page from before its first request: requests, console, uncaught errors, dialogs, blocked content.

What a page says is kept up to a limit, and what is beyond it is counted: a page that says too much is told as such, and
cannot fill a disk. Policy violations and mixed content come from the browser itself, which a page cannot keep from
telling as it could a listener of its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import CDPSession, ConsoleMessage, Dialog, Error, Frame, Page, Request, Response, WebSocket

from tasks.sweep.closed_roots import SIGN
from tasks.sweep.models import PAGE_TYPES, PARTS_OF_A_PAGE, PolicyViolation, SeenMessage, SeenRequest

MAX_REQUESTS = 500
MAX_MESSAGES = 200
MAX_MESSAGE_LENGTH = 2_000
MAX_URL_LENGTH = 2_000
MAX_BLOCKED = 100
MAX_DOCUMENTS = 60
"""Bodies of documents that are looked into for what they declare."""
MAX_TRIED = 20
"""Pictures that are looked for in the page."""
ENDLESS = frozenset({"eventsource", "websocket", "ping"})
"""Requests that stay open or are never reported as finished; a page that has one can still be quiet."""
SILENCE_SECONDS = 1.0
"""Without a message on any of its sockets, a page that draws what they bring is taken to have drawn it."""
_PATIENCE_SECONDS = 0.2
"""For requests to end, before anything is asked about them."""
_WATCH_SHARED_WORKERS = """
(() => {
  // Of the script of a shared worker only the page that starts it can tell: it hears from it, or that it did not start.
  const workers = {}, Shared = window.SharedWorker;
  if (Shared) window.SharedWorker = new Proxy(Shared, {
    construct(target, given, made) {
      const worker = Reflect.construct(target, given, made), url = new URL(String(given[0]), document.baseURI).href;
      worker.port.addEventListener('message', event => { if (event.isTrusted) workers[url] ??= ''; });
      worker.addEventListener('error', () => { workers[url] = 'the shared worker did not start'; });
      return worker;
    },
  });
  Object.defineProperty(window, Symbol.for('stageproof.workers'), { value: workers });
})();
"""
_SHARED_WORKERS = "() => window[Symbol.for('stageproof.workers')] ?? {}"
"""What a page heard of its shared workers, by the address of their scripts: "" or why they did not start."""


class Hearing:
    """What the browser told of one page; `third_parties` are the hosts a plan lists besides its own."""

    def __init__(self, third_parties: Sequence[str] = ()) -> None:
        self._third_parties = frozenset(third_parties)
        self._requests: dict[Request, SeenRequest] = {}
        self._under_way: set[Request] = set()
        self._asked_at: dict[Request, float] = {}
        """As `time.monotonic()`, of requests that have no answer yet."""
        self._heard_from: set[str] = set()
        """Addresses of shared workers' scripts, each of one request; what else is asked for there is another thing."""
        self._pictured = False
        self._socket_spoke: float | None = None
        """When a socket opened or brought something, as `time.monotonic()`; None: the page has no socket."""
        self.requests_left_out = 0
        self.messages: list[SeenMessage] = []
        self.messages_left_out = 0
        self.dialogs: list[str] = []
        self.violations: list[PolicyViolation] = []
        self.mixed_content: list[str] = []
        self.went_to: list[str] = []
        """Addresses of the documents the page itself went to, the planned one first."""
        self._documents: dict[Request, Response] = {}
        """Answers that are documents, which nobody has read yet."""
        self._ended: list[Response] = []
        """Those of them that came to their end."""
        self.declares_closed_roots = False
        """A document seems to declare closed shadow roots, as far as `read_documents` looked."""
        self.documents = 0
        """Documents the page's own frame asked for; redirects of one are one."""
        self._session: CDPSession | None = None

    def listen(self, page: Page) -> None:
        """Hear everything from now on."""
        page.on("request", self._requested)
        page.on("response", self._answered)
        page.on("requestfinished", self._finished)
        page.on("requestfailed", self._failed)
        page.on("console", self._said)
        page.on("websocket", self._connected)
        page.on("pageerror", lambda error: self.threw(str(error)))
        page.on("dialog", self._asked)
        page.on("framenavigated", self._navigated)
        # A window the page opens by itself is none of the plan's: it would take time and memory from the look.
        page.on("popup", lambda window: window.close())
        page.add_init_script(_WATCH_SHARED_WORKERS)
        session = self.session(page)
        session.on("Audits.issueAdded", lambda event: self._issue(event.get("issue", {})))
        session.send("Audits.enable")

    def session(self, page: Page) -> CDPSession:
        """The debugging session of this page; each one costs the browser time, so that all who need one share it."""
        if self._session is None:
            self._session = page.context.new_cdp_session(page)
        return self._session

    @property
    def requests(self) -> tuple[SeenRequest, ...]:
        """Every request that was kept, in order."""
        return tuple(self._requests.values())

    def wait_until_quiet(self, page: Page, seconds: float, quiet_ms: int = 50) -> bool:
        """Return when no request is under way any more, True; or after some seconds in any case, False."""
        began, asked = time.monotonic(), False
        while self._under_way:
            waited = time.monotonic() - began
            if waited > seconds:
                return False
            if waited > _PATIENCE_SECONDS and not asked:
                self._hear_of_shared_workers(page)
                asked = True
            page.wait_for_timeout(15)
            if not self._under_way:
                page.wait_for_timeout(quiet_ms)  # an answer often makes the page ask for more
        return True

    def wait_until_silent(self, page: Page, seconds: float) -> bool:
        """Return when no socket has brought anything for SILENCE_SECONDS, True; or after some seconds, False."""
        until = time.monotonic() + seconds
        while self._socket_spoke is not None and time.monotonic() - self._socket_spoke < SILENCE_SECONDS:
            if time.monotonic() > until:
                return False
            page.wait_for_timeout(50)
        return True

    def note_unanswered(self, page: Page, seconds: float) -> None:
        """Write down how long requests have been without an answer; parts of the page are given so many seconds."""
        self._hear_of_shared_workers(page)
        until = time.monotonic() + seconds  # for a page that never ends asking
        while time.monotonic() < until and any(
            request.resource_type in PARTS_OF_A_PAGE and time.monotonic() - since < seconds
            for request, since in self._asked_at.items()
        ):
            page.wait_for_timeout(50)
        self._pictured = True
        for request, since in self._asked_at.items():
            self._update(request, unanswered_seconds=round(time.monotonic() - since, 1))

    def _hear_of_shared_workers(self, page: Page) -> None:
        """Ask the page, since the browser tells nobody whether the script of a shared worker came.

        One that the page has not heard from is left without an answer, and so is a second request for its address.
        """
        waiting = [request for request in self._asked_at if request.resource_type == "script"]
        for frame in page.frames if waiting else []:
            told: Any = None
            with suppress(Error):  # a frame that is gone waits for nothing
                told = frame.evaluate(_SHARED_WORKERS)
            for request in waiting if isinstance(told, dict) else []:
                if request.url in told and request.url not in self._heard_from:
                    self._heard_from.add(request.url)
                    self._under_way.discard(request)
                    self._asked_at.pop(request, None)
                    self._update(request, failure=str(told[request.url])[:MAX_MESSAGE_LENGTH] or None)

    def threw(self, words: str) -> None:
        """Keep an uncaught error of the page."""
        self._keep(SeenMessage(level="uncaught", text=words[:MAX_MESSAGE_LENGTH]))

    def document_of(self, url: str) -> SeenRequest | None:
        """The request for this document, once it has an answer."""
        documents = (seen for seen in self.requests if seen.type == "document" and seen.url == url)
        return next((seen for seen in documents if seen.status is not None), None)

    def read_documents(self) -> None:
        """Look into the documents of the page and of its frames that nobody has looked into yet."""
        while self._ended:
            with suppress(Error):  # the page was left, and what it was with it
                self.declares_closed_roots |= SIGN in self._ended.pop().body().lower()

    def pages_in_place_of_pictures(self) -> list[str]:
        """Addresses of images that the server answered with a page; it may be one that it named wrongly."""
        found = (seen for seen in self.requests if seen.type == "image" and seen.status == 200)
        return list(dict.fromkeys(seen.url for seen in found if seen.media_type in PAGE_TYPES))[:MAX_TRIED]

    def _navigated(self, frame: Frame) -> None:
        if frame.parent_frame is None and len(self.went_to) < MAX_BLOCKED:
            self.went_to.append(frame.url[:MAX_URL_LENGTH])

    def _requested(self, request: Request) -> None:
        if len(self._requests) >= MAX_REQUESTS:
            self.requests_left_out += 1
            return
        if request.is_navigation_request() and request.redirected_from is None and _of_the_page(request):
            self.documents += 1
        if request.resource_type not in ENDLESS:
            self._under_way.add(request)
            self._asked_at[request] = time.monotonic()
        self._requests[request] = SeenRequest(
            url=request.url[:MAX_URL_LENGTH],
            method=request.method,
            type=request.resource_type,
            third_party=urlsplit(request.url).hostname in self._third_parties,
        )

    def _answered(self, response: Response) -> None:
        length = response.headers.get("content-length", "")
        size = int(length) if length.isascii() and length.isdecimal() and len(length) < 16 else None
        self._asked_at.pop(response.request, None)
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()[:100]
        is_document = response.request.resource_type == "document" and media_type == "text/html"
        if is_document and len(self._documents) < MAX_DOCUMENTS:
            self._documents[response.request] = response
        self._update(response.request, status=response.status, size=size, media_type=media_type)

    def _finished(self, request: Request) -> None:
        self._under_way.discard(request)
        self._asked_at.pop(request, None)
        if request in self._documents and len(self._ended) < MAX_DOCUMENTS:
            self._ended.append(self._documents.pop(request))
        seconds = request.timing.get("responseEnd", -1) / 1000
        self._update(request, seconds=round(seconds, 3) if seconds >= 0 else None)

    def _failed(self, request: Request) -> None:
        self._under_way.discard(request)
        since = self._asked_at.pop(request, None)
        # Afterwards the page is closed, which ends what is under way.
        waited = {} if since is None or self._pictured else {"unanswered_seconds": round(time.monotonic() - since, 1)}
        self._update(request, failure=request.failure or "failed", **waited)

    def _update(self, request: Request, **seen: Any) -> None:
        if request in self._requests:
            self._requests[request] = self._requests[request].model_copy(update=seen)

    def _connected(self, socket: WebSocket) -> None:
        self._spoke()
        socket.on("framereceived", self._spoke)

    def _spoke(self, _content: object = None) -> None:
        self._socket_spoke = time.monotonic()

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning", "assert"}:
            url = str(message.location.get("url", ""))[:MAX_URL_LENGTH]
            self._keep(SeenMessage(level=message.type, text=message.text[:MAX_MESSAGE_LENGTH], url=url))

    def _keep(self, message: SeenMessage) -> None:
        if len(self.messages) >= MAX_MESSAGES:
            self.messages_left_out += 1
        else:
            self.messages.append(message)

    def _asked(self, dialog: Dialog) -> None:
        # An open dialog would stop the page; dismissing is what a person who came to look does.
        if len(self.dialogs) < MAX_BLOCKED:
            self.dialogs.append(f"{dialog.type}: {dialog.message[:200]}")
        dialog.dismiss()

    def _issue(self, issue: dict[str, Any]) -> None:
        details = issue.get("details", {})
        policy = details.get("contentSecurityPolicyIssueDetails")
        if policy is not None and len(self.violations) < MAX_BLOCKED:
            kind = str(policy.get("contentSecurityPolicyViolationType", ""))
            place = policy.get("sourceCodeLocation") or {}
            self.violations.append(
                PolicyViolation(
                    directive=str(policy.get("violatedDirective", ""))[:200],
                    blocked=str(policy.get("blockedURL") or kind.removeprefix("k").removesuffix("Violation"))[:500],
                    report_only=bool(policy.get("isReportOnly")),
                    source=f"{place.get('url', '')}:{place.get('lineNumber', '')}"[:500] if place else "",
                )
            )
        mixed = details.get("mixedContentIssueDetails")
        if mixed is not None and len(self.mixed_content) < MAX_BLOCKED:
            self.mixed_content.append(str(mixed.get("insecureURL", ""))[:MAX_URL_LENGTH])


def _of_the_page(request: Request) -> bool:
    try:
        return request.frame.parent_frame is None
    except Error:
        return False  # of a window that is being opened
