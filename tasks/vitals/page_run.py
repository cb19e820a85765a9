"""One cold load of one page in a browser, and what it cost.

The order is what makes the numbers true: load, wait until the page is quiet (this ends the window TBT counts in),
check that it is the page, then real inputs, then two frames and an idle moment, then hide the page, because INP and the
final CLS are told only then. Nothing else is collected meanwhile: coverage or a trace would be measured with the page.

Quiet: loaded, no request in flight, no timer pending that the page armed while it started and that ends within 5 s,
and 500 ms without a long task, a larger paint or a layout shift.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TypeVar
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Request
from playwright.sync_api import Page as Tab
from pydantic import ValidationError

from evidence_store.model import Record
from tasks.doors.browser import BrowserError, first_line
from tasks.plan import Interaction, Page, Plan, Viewport, texts_not_shown
from tasks.vitals.metrics import FCP, INP, METRICS, TBT, total_blocking_ms
from tasks.vitals.models import VitalsRun

LIBRARY = "web-vitals-6.2.3.iife.js"
QUIET_MS = 500.0
MOST_SETTLE_SECONDS = 8.0
"""From the load event; a page that is still busy is read as it is, and the evidence says so."""
POLL_MS = 100.0
NAVIGATION_MS = 30_000.0
INTERACTION_MS = 3_000.0

ENDLESS = frozenset({"eventsource", "websocket", "ping"})
"""Requests that stay open or are never reported as finished; a page that has one can still be quiet."""

_STATE = "() => window.__stageproofVitals.state()"
_SHOWN = "() => document.body ? document.body.innerText : ''"
_NEXT_FRAMES = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() =>
    requestIdleCallback(() => done(), { timeout: 1000 }))))"""
_RESULT = """async () => {
    await window.__stageproofVitals.hide();
    return window.__stageproofVitals.result();
}"""


class NotThePageError(Exception):
    """What was loaded is not the planned page, so its vitals are not that page's."""


class _State(Record):
    document: float
    """When the document was begun: another number is another document."""
    now: float
    loaded: bool
    quiet_for: float


class _Result(Record):
    document: float
    values: dict[str, float]
    tasks: list[tuple[float, float]]


Answer = TypeVar("Answer", bound=Record)


@dataclass
class _InFlight:
    """Requests under way, and when the last one ended (seconds, monotonic)."""

    requests: set[Request] = field(default_factory=set)
    last_end: float = 0.0

    def listen(self, tab: Tab) -> None:
        tab.on("request", self._started)
        tab.on("requestfinished", self._ended)
        tab.on("requestfailed", self._ended)

    def _started(self, request: Request) -> None:
        if request.resource_type not in ENDLESS:
            self.requests.add(request)

    def _ended(self, request: Request) -> None:
        self.requests.discard(request)
        self.last_end = time.monotonic()

    def quiet_ms(self) -> float:
        return 0.0 if self.requests else (time.monotonic() - self.last_end) * 1000


def watching_script() -> str:
    """The library and our script as one function, so that neither leaves a name the page could use."""
    library = files("tasks.doors").joinpath("vendor", LIBRARY).read_text(encoding="utf-8")
    watch = files("tasks.vitals").joinpath("watch.js").read_text(encoding="utf-8")
    return f"(() => {{ if (window.top !== window) return;\n{library}\n{watch}\n}})();"


def measure(context: BrowserContext, plan: Plan, page: Page, viewport: Viewport) -> VitalsRun:
    """Load the page once in a fresh context; raises NotThePageError, or BrowserError when a step did not end."""
    began = time.monotonic()
    context.add_init_script(watching_script())
    tab = context.new_page()
    in_flight = _InFlight()
    in_flight.listen(tab)
    address = plan.url(page.path)
    response = tab.goto(address, wait_until="load", timeout=NAVIGATION_MS)
    if response is not None and response.status >= 400:
        raise NotThePageError(f"{response.url} answered {response.status}")
    _stands_at(tab, address)
    state, quiet = _settle(tab, in_flight, address, page.must_show)
    url = tab.url
    interrupted = _interact(tab, page.interactions, touch=viewport.touch)
    tab.evaluate(_NEXT_FRAMES)
    result = _ask(tab, _RESULT, _Result)
    if result.document != state.document:
        raise NotThePageError(f"an interaction left the page for {tab.url}, and the page's vitals went with it")
    values, absent, window = _values(result, page, state.now, interrupted)
    return VitalsRun(
        url=url,
        values=values,
        absent=absent,
        window=window,
        quiet=quiet,
        seconds=round(time.monotonic() - began, 3),
    )


def _ask(tab: Tab, script: str, kind: type[Answer]) -> Answer:
    try:
        return kind.model_validate(tab.evaluate(script))
    except ValidationError as error:
        raise NotThePageError("the page changed what the watching script answers") from error


def _settle(tab: Tab, in_flight: _InFlight, address: str, must_show: tuple[str, ...]) -> tuple[_State, bool]:
    """Wait until the page is quiet and shows its texts: the state this ended in, and whether quiet came."""
    give_up = time.monotonic() + MOST_SETTLE_SECONDS
    while True:
        state = _ask(tab, _STATE, _State)
        late = time.monotonic() >= give_up
        quiet = state.loaded and state.quiet_for >= QUIET_MS and in_flight.quiet_ms() >= QUIET_MS
        if quiet or late:
            _stands_at(tab, address)
            # Read only now: laying out the page for its text would count as the page's own work.
            missing = texts_not_shown(str(tab.evaluate(_SHOWN)), must_show) if must_show else []
            if not missing:
                return state, quiet
            if late:
                raise NotThePageError(f"'{missing[0]}' is not on the page {MOST_SETTLE_SECONDS:g} s after it loaded")
        tab.wait_for_timeout(POLL_MS)


def _stands_at(tab: Tab, address: str) -> None:
    """Raise NotThePageError when the page went elsewhere, such as to a login page."""
    if _place(tab.url) != _place(address):
        raise NotThePageError(f"ended on {tab.url} in place of {address}")


def _place(url: str) -> tuple[str, str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc, parts.path.rstrip("/") or "/"


def _interact(tab: Tab, interactions: tuple[Interaction, ...], *, touch: bool) -> str | None:
    """Do the planned inputs as a device would; why one could not be done, or None."""
    for number, step in enumerate(interactions, start=1):
        try:
            if step.click is not None and touch:
                tab.tap(step.click, timeout=INTERACTION_MS)
            elif step.click is not None:
                tab.click(step.click, timeout=INTERACTION_MS)
            elif step.key is not None:
                tab.keyboard.press(step.key)
            elif step.type is not None:
                tab.keyboard.type(step.type)
            tab.evaluate(_NEXT_FRAMES)
        except BrowserError as error:
            if tab.is_closed() or not _connected(tab):
                raise
            return f"interaction {number} ({_words(step)}) could not be done: {first_line(error)}"
    return None


def _connected(tab: Tab) -> bool:
    browser = tab.context.browser
    return browser is not None and browser.is_connected()


def _words(step: Interaction) -> str:
    return next(f"{name} '{value}'" for name, value in step.model_dump(exclude_none=True).items())


def _values(
    result: _Result, page: Page, quiet_at: float, interrupted: str | None
) -> tuple[dict[str, float], dict[str, str], tuple[float, float] | None]:
    """(metric id -> value, metric id -> why there is none, the window of TBT)."""
    values = {}
    absent = {}
    for metric in METRICS:
        value = result.values.get(metric.id, math.nan)
        if math.isfinite(value) and value >= 0:
            values[metric.id] = round(value, 1 if metric.unit else 4)
        else:
            absent[metric.id] = f"the page reported no {metric.name}"

    window = (values[FCP.id], round(quiet_at, 1)) if FCP.id in values else None
    if window is not None:
        values[TBT.id] = round(total_blocking_ms(result.tasks, *window), 1)
        del absent[TBT.id]
    else:
        absent[TBT.id] = "nothing was painted, so there is no window to count in"

    # An input that came by itself, or a half-done plan, is not the interaction the plan asks about.
    if not page.interactions or interrupted is not None:
        values.pop(INP.id, None)
        absent[INP.id] = interrupted or "no interaction is planned"
    return values, absent, window
