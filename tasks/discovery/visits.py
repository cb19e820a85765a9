"""Visits to pages in a real browser, for the crawl and for the comparison of two loads; decides nothing about plans.

Rules:

- a document that robots.txt forbids, or whose address looks like an action, is refused before it is asked for, also as
  the target of a redirect or of a script (CDP `Fetch`, documents only);
- nothing is clicked or submitted, dialogs are dismissed, downloads are not accepted;
- what a page adds to its own address by itself (`/orders` becomes `/orders?sort=name`) leads to no other page;
- every visit has a deadline that ends the browser; what a script in the page answers is validated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import BrowserContext, Request, Response
from playwright.sync_api import Page as Tab
from pydantic import TypeAdapter, ValidationError

from tasks.discovery.addresses import Origin, address_of, adds_to_query
from tasks.discovery.seen import Candidate, Cost, Look, Piece, SeenPage
from tasks.discovery.templates import structure_of
from tasks.doors.browser import BrowserError, BrowserSession, first_line
from tasks.plan import Viewport

NOTHING_TO_SHOW = "answered with an error and nothing to show"
"""The whole browser shows a page of its own then, and the headless shell an empty one."""
DOWNLOAD = "is a download, or has no content"
CIRCLE = "redirects in a circle"
NO_HTML = "is no HTML page"
ANSWERED = frozenset({NOTHING_TO_SHOW, DOWNLOAD, CIRCLE, NO_HTML})
"""Problems of one page alone: the site is up."""
NAVIGATION_MS = 15_000
VISIT_SECONDS = 40.0
CALM_MS = 250
MOST_CALM_SECONDS = 4.0
MOST_IDLE_MS = 1_000
"""A page with an event stream is never idle; what it draws is waited for by its size."""
MOST_PIECES = 4_000
MOST_PICTURE_HEIGHT = 5_000
MOST_REQUESTS = 1_000

Answer = TypeVar("Answer")
MayOpen = Callable[[str], bool]
"""Whether a document at this absolute URL may be asked for."""

_GROWTH = """() => {
  const text = document.body ? document.body.innerText.trim().length : 0;
  return [document.querySelectorAll('*').length + text, text > 0];
}"""


class OddAnswerError(Exception):
    """A page changed what our script in it answers; there is nothing to rely on."""


def _script(name: str) -> str:
    return files("tasks.discovery").joinpath(name).read_text(encoding="utf-8")


@dataclass
class _Asked:
    """Which hosts and addresses a page asked for."""

    origin: Origin
    hosts: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    refused: str = ""
    documents: int = 0
    """That the tab itself asked for, redirects among them."""

    def listen(self, tab: Tab) -> None:
        tab.on("request", self._requested)
        tab.on("dialog", lambda dialog: dialog.dismiss())
        tab.on("popup", lambda popup: popup.close())

    def _requested(self, request: Request) -> None:
        parts = urlsplit(request.url)
        self.documents += request.is_navigation_request() and request.frame.parent_frame is None
        if parts.scheme not in {"http", "https"} or len(self.addresses) + len(self.hosts) > MOST_REQUESTS:
            return
        if parts.hostname == self.origin.hostname:
            self.addresses.add(parts.path[:500])
        elif parts.hostname and not request.is_navigation_request():
            self.hosts.add(parts.hostname[:253])


@dataclass(frozen=True)
class Visitor:
    """Opens pages of one site as one identity (None: a stranger)."""

    session: BrowserSession
    origin: Origin
    viewport: Viewport
    may_open: MayOpen
    identity: str | None = None

    def see(self, address: str) -> SeenPage:
        """One visit; whatever goes wrong is in the answer. GatherError when no browser or no sign-in is to be had."""
        seen, _ = self._visit(address, lambda _tab: None)
        return seen

    def measure(self, address: str) -> tuple[SeenPage, Loaded | None]:
        """One visit that also notes the pieces of the page, a picture and what the load cost."""
        return self._visit(address, _note, _script("cost.js"))

    def compare(self, address: str, differing: Callable[[Loaded], Sequence[str]]) -> tuple[SeenPage, Second | None]:
        """Another visit; for the pieces that `differing` names, selectors are looked up while the page is open."""

        def note(tab: Tab) -> Second:
            loaded = _note(tab)
            paths = list(differing(loaded))
            found = _ask(tab, _script("candidates.js"), list[Candidate], paths) if paths else []
            return Second(loaded, found)

        return self._visit(address, note)

    def _visit(
        self, address: str, take: Callable[[Tab], Answer], before: str | None = None
    ) -> tuple[SeenPage, Answer | None]:
        asked = _Asked(self.origin)
        url = urljoin(self.origin.base_url, address)
        began = time.monotonic()
        try:
            with self.session.deadline(VISIT_SECONDS), self.session.context(self.viewport, self.identity) as context:
                if before:
                    context.add_init_script(before)
                tab = context.new_page()
                asked.listen(tab)
                _guard(context, tab, self.may_open, asked)
                response = tab.goto(url, wait_until="load", timeout=NAVIGATION_MS)
                if response is not None and "html" not in response.headers.get("content-type", "html").lower():
                    # A browser shows texts and JSON too: a health address is no page of the site.
                    return SeenPage(address, address, problem=NO_HTML), None
                _wait_until_calm(tab)
                look = _ask(tab, _script("look.js"), Look)
                if response is not None and response.status >= 400 and not look.text.strip():
                    return SeenPage(address, address, problem=NOTHING_TO_SHOW), None
                return self._seen(address, tab, response, look, asked), take(tab)
        except OddAnswerError as error:
            problem = str(error)
        except BrowserError as error:
            problem = _words(error, began, asked)
        return SeenPage(address, address, problem=problem), None

    def _seen(self, address: str, tab: Tab, response: Response | None, look: Look, asked: _Asked) -> SeenPage:
        final = address_of(tab.url, self.origin) or tab.url
        return SeenPage(
            address=address,
            final=address if asked.documents == 1 and adds_to_query(address, final) else final,
            status=response.status if response else None,
            look=look,
            structure=structure_of(look.steps),
            third_parties=frozenset(asked.hosts),
            asked=frozenset(asked.addresses),
        )


@dataclass(frozen=True)
class Loaded:
    """What one load looked like and cost; `picture` is a PNG, empty when none could be taken."""

    pieces: Sequence[Piece]
    picture: bytes
    cost: Cost


@dataclass(frozen=True)
class Second:
    """The second load, with selectors for what differs."""

    loaded: Loaded
    candidates: Sequence[Candidate]


def _note(tab: Tab) -> Loaded:
    cost = Cost()
    with suppress(BrowserError, OddAnswerError):  # only the first load carries the script, and a page may break it
        cost = _ask(tab, "() => window.__stageproofCost()", Cost)
    pieces = _ask(tab, _script("pieces.js"), list[Piece], MOST_PIECES)
    try:
        height = int(tab.evaluate("() => document.documentElement.scrollHeight"))
        size = tab.viewport_size or {"width": 800, "height": 600}
        clip = {"x": 0.0, "y": 0.0, "width": float(size["width"]), "height": float(min(height, MOST_PICTURE_HEIGHT))}
        picture = tab.screenshot(
            full_page=True,
            animations="disabled",
            timeout=10_000,
            clip=clip,  # type: ignore[arg-type]
        )
    except (BrowserError, TypeError, ValueError):
        picture = b""  # pixels are not compared then; texts and sizes still are
    return Loaded(pieces, picture, cost)


def _ask(tab: Tab, script: str, kind: type[Answer], argument: Any = None) -> Answer:
    try:
        return TypeAdapter(kind).validate_python(tab.evaluate(script, argument), strict=False)
    except ValidationError as error:
        raise OddAnswerError("the page changed what our script in it answers") from error


def _wait_until_calm(tab: Tab) -> None:
    """Until two readings in a row find the page as large as before: single-page applications draw after load.

    One that shows no text yet is taken for calm only when the time is over.
    """
    until = time.monotonic() + MOST_CALM_SECONDS
    before = _ask(tab, _GROWTH, tuple[int, bool])
    with suppress(BrowserError):
        tab.wait_for_load_state("networkidle", timeout=MOST_IDLE_MS)
    while time.monotonic() < until:
        now = _ask(tab, _GROWTH, tuple[int, bool])
        _, shows_text = now
        if now == before and shows_text:
            return
        before = now
        tab.wait_for_timeout(CALM_MS)


def _guard(context: BrowserContext, tab: Tab, may_open: MayOpen, asked: _Asked) -> None:
    session = context.new_cdp_session(tab)

    def paused(event: dict[str, Any]) -> None:
        with suppress(BrowserError):  # the tab may be gone by now
            url = str(event["request"]["url"])
            if urlsplit(url).scheme not in {"http", "https"} or may_open(url):
                session.send("Fetch.continueRequest", {"requestId": event["requestId"]})
            else:
                asked.refused = url
                session.send("Fetch.failRequest", {"requestId": event["requestId"], "errorReason": "BlockedByClient"})

    session.on("Fetch.requestPaused", paused)
    session.send("Fetch.enable", {"patterns": [{"urlPattern": "*", "resourceType": "Document"}]})


def _words(error: BaseException, began: float, asked: _Asked) -> str:
    line = first_line(error)
    if asked.refused:
        return f"leads to {asked.refused[:200]}, which is not to be opened"
    if time.monotonic() - began >= VISIT_SECONDS:
        return f"took longer than {VISIT_SECONDS:g} s"
    for sign, words in {
        "Page.evaluate: ": "changed what our script in it uses",
        "Timeout": f"did not load within {NAVIGATION_MS / 1000:g} s",
        "ERR_TOO_MANY_REDIRECTS": CIRCLE,
        "ERR_HTTP_RESPONSE_CODE_FAILURE": NOTHING_TO_SHOW,
        "ERR_NAME_NOT_RESOLVED": "leads to a host that is not this site's",
        "ERR_CONNECTION_REFUSED": "refuses connections",
        "Download is starting": DOWNLOAD,
        "ERR_ABORTED": DOWNLOAD,
    }.items():
        if sign in line:
            return words
    return line
