"""Closed shadow roots that a document declares are read and scanned like any other part of its page."""

from __future__ import annotations

import html
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route

from tasks.sweep import axe_scan, stabilise
from tasks.sweep.closed_roots import open_declared
from tasks.sweep.hearing import Hearing
from tasks.sweep.stabilise import Stillness

pytestmark = pytest.mark.real

INSIDE = '<p>All is fine</p><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">'
STILL = Stillness(time=False)


def declared(content: str, mode: str = "closed", tag: str = "x-part") -> str:
    return f"<{tag}><template shadowrootmode={mode}>{content}</template></{tag}>"


def framed(content: str) -> str:
    return f'<iframe title="a frame" srcdoc="{html.escape(content)}"></iframe>'


HYDRATES = """<script>
  customElements.define('x-part', class extends HTMLElement {
    constructor() { super(); this.attachShadow({ mode: 'closed' }).innerHTML = `%s`; }
  });
</script>"""
DECLARED = {
    "closed": (declared(INSIDE), 1),
    "CLOSED": (declared(INSIDE).upper().replace("ALL IS FINE", "All is fine"), 1),
    "open": (declared(INSIDE, "open"), 0),
    "one in another": (declared(declared(INSIDE, tag="y-part")), 2),
    "a closed one in an open one": (declared(declared(INSIDE, tag="y-part"), "open"), 1),
    "of a block": (declared(INSIDE, tag="div"), 1),
    "of a part of a line": (declared(INSIDE, tag="span"), 1),
    "deep in the document": ("<div>" * 400 + declared(INSIDE), 1),
    "in a frame": (framed(declared(INSIDE)), 1),
    "taken up by a script": (declared("<p>later</p>") + HYDRATES % INSIDE, 1),
}


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 500, "height": 300})
    yield page
    page.close()


def opened(tab: Page, body: str, head: str = "") -> tuple[Hearing, list[str]]:
    """What was heard of a page of this body, and what was done to it."""

    def answer(route: Route) -> None:
        page = (
            f"<!doctype html><html lang=en><head><title>Test</title>{head}</head><body><main><h1>Test</h1>{body}</main>"
        )
        route.fulfill(body=page, content_type="text/html; charset=utf-8")

    hearing = Hearing()
    hearing.listen(tab)
    stabilise.stop_time(tab.context, STILL)
    stabilise.prepare(tab, STILL)
    tab.route("http://site/", answer)
    tab.goto("http://site/")
    return hearing, stabilise.settle(tab, STILL, hearing)


@pytest.mark.parametrize("name", DECLARED)
def test_what_a_declared_root_holds_is_read_and_scanned(name: str, tab: Page) -> None:
    body, roots = DECLARED[name]
    hearing, log = opened(tab, body)
    assert log[: bool(roots)] == [f"closed shadow roots that the document declares were opened: {roots}"] * bool(roots)
    assert [message.text for message in hearing.messages] == []
    assert "All is fine" in stabilise.shown_text(tab).text
    session = hearing.session(tab)
    scanned = axe_scan.scan(tab, session, opens_roots=hearing.declares_closed_roots)
    assert ("image-alt" in {rule["id"] for rule in scanned.result["violations"]}, scanned.missed) == (True, 0)


def test_a_root_that_is_not_opened_is_not_scanned(tab: Page) -> None:
    """Or the test above would say nothing."""
    hearing, _ = opened(tab, declared(INSIDE))
    scanned = axe_scan.scan(tab, hearing.session(tab))
    assert "image-alt" not in {rule["id"] for rule in scanned.result["violations"]}


@pytest.mark.parametrize(
    "body", ["<p>All is fine</p>", "<p>of shadow roots</p>", HYDRATES % INSIDE + "<x-part></x-part>"]
)
def test_a_page_that_declares_none_is_not_looked_through(body: str, tab: Page) -> None:
    hearing, log = opened(tab, body)
    assert not hearing.declares_closed_roots
    assert not any("opened" in line for line in log)


def test_a_script_that_may_not_attach_a_root_hears_so(tab: Page) -> None:
    twice = "<script>const part = document.querySelector('x-part'); part.attachShadow({ mode: 'open' });</script>"
    hearing, _ = opened(tab, declared("<p>closed</p>") + twice)
    assert [(message.level, "attachShadow" in message.text) for message in hearing.messages] == [("uncaught", True)]


def test_a_page_that_took_its_hosts_away_has_nothing_to_open(tab: Page) -> None:
    opened(tab, declared(INSIDE))
    tab.evaluate("document.querySelector('x-part').remove()")
    assert open_declared(tab.context.new_cdp_session(tab)) == 0
