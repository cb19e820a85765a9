"""axe sees the page, and neither what its scripts put in place of what axe calls nor what its frames keep from them."""

from __future__ import annotations

import html

import pytest
from playwright.sync_api import Browser, Error, Page

from tasks.sweep import axe_scan

pytestmark = pytest.mark.real

NAMELESS = '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">'
CLAIMS_TO_BE_CLEAN = """<script>
  const clean = { violations: [], incomplete: [], passes: [{ id: 'page-has-heading-one', nodes: [] }] };
  const axe = { utils: { getFrameContexts: () => [] }, run: async () => clean };
  Object.defineProperty(window, 'axe', { value: axe, writable: false });
</script>"""
TAKES_VIOLATIONS_OUT = """<script>
  const before = JSON.stringify;
  JSON.stringify = (value, ...more) => before(value?.whole ? { whole: { ...value.whole, violations: [] } } : value);
</script>"""
OLD_LIBRARIES = """<script>
  Array.prototype.toJSON = function () { return 'a library of 2007 does this'; };
  Array.from = () => []; Array.prototype.filter = () => []; Object.prototype.inherited = 1;
</script>"""
STOPPED_CLOCK = "<script>window.setTimeout = () => 0; window.Promise = class {};</script>"


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Page:
    return browser.new_page(viewport={"width": 500, "height": 300})


def scanned(tab: Page, body: str) -> tuple[set[str], int, int]:
    """Rules and elements that fail, frames scanned, frames missed."""
    tab.goto("about:blank")  # what a page did to its own functions stays with it
    tab.set_content(f"<!doctype html><html lang=en><title>Test</title><body><main><h1>Test</h1>{body}</main>")
    told = axe_scan.scan(tab, tab.context.new_cdp_session(tab))
    found = {f"{rule['id']}: {len(node['target'])}" for rule in told.result["violations"] for node in rule["nodes"]}
    return {words for words in found if words.startswith("image-alt")}, told.frames, told.missed


@pytest.mark.parametrize(
    "script",
    ["", CLAIMS_TO_BE_CLEAN, TAKES_VIOLATIONS_OUT, OLD_LIBRARIES, STOPPED_CLOCK],
    ids=["none", "an axe of its own", "another JSON", "libraries that extend built-ins", "timers that never run"],
)
def test_scripts_of_the_page_change_nothing_of_what_is_found(script: str, tab: Page) -> None:
    assert scanned(tab, NAMELESS + script) == ({"image-alt: 1"}, 1, 0)
    assert scanned(tab, "<p>All is fine</p>" + script) == (set(), 1, 0)


def framed(content: str, attributes: str) -> str:
    return f'<iframe title="a frame" {attributes} srcdoc="{html.escape(content)}"></iframe>'


@pytest.mark.parametrize("attributes", ["", "sandbox", "sandbox=allow-scripts"])
def test_frames_are_scanned_whatever_their_sandbox_forbids(attributes: str, tab: Page) -> None:
    inside = framed(f"<main>{NAMELESS}</main>", attributes)
    assert scanned(tab, inside) == ({"image-alt: 2"}, 2, 0)
    assert scanned(tab, framed(inside, "")) == ({"image-alt: 3"}, 3, 0)
    assert scanned(tab, framed("<p>All is fine</p>", attributes)) == (set(), 2, 0)


DOCUMENT = "data:text/html,<p>All is fine</p>"
DRAWING = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'/>"


@pytest.mark.parametrize(
    ("body", "missed"),
    [
        (f'<object aria-label=inside type="text/html" data="{DOCUMENT}"></object>', 1),
        (f'<embed title=inside type="text/html" src="{DOCUMENT}">', 1),
        (f'<object aria-label=inside hidden type="text/html" data="{DOCUMENT}"></object>', 0),
        (f'<object aria-label=drawing type="image/svg+xml" data="{DRAWING}"></object>', 0),
    ],
    ids=["an object", "an embed", "hidden", "a drawing"],
)
def test_a_document_that_axe_looks_past_is_a_missed_frame(body: str, missed: int, tab: Page) -> None:
    assert scanned(tab, body) == (set(), 1, missed)
    assert scanned(tab, framed("<p>All is fine</p>", "") + body) == (set(), 2, missed)


@pytest.mark.parametrize(
    "policy", ["sandbox", "sandbox allow-same-origin", "script-src 'none'; require-trusted-types-for 'script'"]
)
def test_frames_are_joined_in_a_page_whose_policy_forbids_scripts(policy: str, browser: Browser) -> None:
    tab = browser.new_page()
    page = f"<!doctype html><html lang=en><title>Test</title>{NAMELESS}{framed(NAMELESS, '')}"
    headers = {"Content-Security-Policy": policy}
    tab.route("**/*", lambda route: route.fulfill(body=page, content_type="text/html", headers=headers))
    tab.goto("http://site/")
    told = axe_scan.scan(tab, tab.context.new_cdp_session(tab))
    nameless = [len(rule["nodes"]) for rule in told.result["violations"] if rule["id"] == "image-alt"]
    assert (nameless, told.frames, told.missed) == ([2], 2, 0)
    tab.close()


def test_a_page_that_is_gone_is_an_error(browser: Browser) -> None:
    gone = browser.new_page()
    session = gone.context.new_cdp_session(gone)
    gone.close()
    with pytest.raises(Error):
        axe_scan.scan(gone, session)
