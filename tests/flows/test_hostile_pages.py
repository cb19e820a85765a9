"""Pages that do what no page should: each has a clear outcome of its own, loses nothing, and costs no other page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from evidence_store.model import Outcome
from evidence_store.report.plain_text import line
from evidence_store.workspace import read_artifact
from tasks.accessibility.gather import AcceptedAndAnswered
from tasks.sweep.gather import PageSweep
from tasks.sweep.models import PageVisit
from tasks.visual.gather import ApprovedBaselines
from tests.flows.hostile_server import HostileServer, answer, hostile_server, page
from tests.flows.looking import Looked, look, write_plan

pytestmark = pytest.mark.real

HOSTILE = "\x1b[31mred\x1b[0m <img src=x onerror=alert(1)> \u202egnp.exe \x07 |cell| [link](javascript:alert(1))"
LONG_LINE = 5_000_000


def script(code: str) -> str:
    return f"<script>{code}</script>"


def nested(chains: int, depth: int) -> str:
    """Frames in frames in frames."""
    return script(
        f"for (let chain = 0; chain < {chains}; chain += 1) {{ let place = document.body;"
        f"for (let n = 0; n < {depth}; n += 1) {{ const f = document.createElement('iframe'); f.title = 'inner';"
        "place.appendChild(f); f.contentDocument.documentElement.lang = 'en'; f.contentDocument.title = 'Inner';"
        "place = f.contentDocument.body; } }"
    )


FINE = "<h1>All is fine</h1>"
NAMELESS = "<img src=/moving.gif width=40 height=40>"
PAGES: dict[str, str] = {
    "unload": FINE + script("addEventListener('beforeunload', event => { event.preventDefault(); return 'stay'; })"),
    "print": FINE + script("print()"),
    "permissions": FINE
    + script(
        "navigator.geolocation.getCurrentPosition(() => 0, () => 0); Notification.requestPermission();"
        "navigator.mediaDevices?.getUserMedia({audio: true}).catch(() => 0)"
    ),
    "window": FINE + script("open('/fine'); open('/fine')"),
    "goes-away": FINE + script("location.href = '/fine'"),
    "goes-on-going": FINE + script("setInterval(() => { location.href = '/goes-on-going?' + Math.random() }, 30)"),
    "tall": FINE + "<div style='height: 60000px; background: linear-gradient(red, blue)'></div>",
    "canvas": FINE
    + "<canvas width=4000 height=2600 style='width: 400px'></canvas>"
    + script("document.querySelector('canvas').getContext('2d').fillRect(0, 0, 4000, 2600)"),
    "zero-size": "<style>html, body { width: 0; height: 0; overflow: hidden } h1 { font-size: 0; margin: 0 }</style>"
    + FINE,
    "white": "<style>* { color: white !important; background: white !important }</style>" + FINE,
    "closed-shadow": FINE
    + "<div id=host></div>"
    + script(
        "document.getElementById('host').attachShadow({mode: 'closed'}).innerHTML ="
        " '<p>Hidden words</p><button></button>'"
    ),
    "nested-frames": FINE + nested(chains=20, depth=10),
    "written-over": FINE + script("addEventListener('load', () => document.write('<p>Somebody else wrote this'))"),
    "hostile-words": f'<title>{HOSTILE}</title>{FINE}<img src=/pixel.gif alt="{HOSTILE.replace("<", "&lt;")}">'
    + script(
        f"console.error({json.dumps(HOSTILE)}); console.error('a\\u0000b'); document.title = {json.dumps(HOSTILE)}"
    ),
    "long-line": FINE + script(f"console.error('x'.repeat({LONG_LINE})); throw new Error('y'.repeat({LONG_LINE}))"),
    "many-messages": FINE + script("for (let n = 0; n < 500; n += 1) console.error('message ' + n)"),
    "alerts-for-ever": FINE + script("setInterval(() => alert('again'), 1)"),
    "gif": FINE + "<img src=/moving.gif width=40 height=40 alt=''>",
    "forges-json": FINE + NAMELESS + script("""JSON.stringify = () => '{"whole": {"violations": []}, "frames": []}'"""),
    "forges-frames": FINE
    + NAMELESS
    + "<iframe title=inner srcdoc='<p>Inner'></iframe>"
    + script("""JSON.stringify = () => '{"partial": {}, "frames": [{"selector": ["iframe"], "context": null}]}'"""),
    # In place of text, numbers and lists the page hands out something else; and it is looked at before the last one.
    "forges-values": FINE + script("String = () => ({ toString: 1 }); Math.ceil = () => 'wide';"),
    "own-worker": FINE
    + script(
        "if ('serviceWorker' in navigator) navigator.serviceWorker.register('/gone.js')"
        ".then(registration => registration.active).catch(error => console.error(error))"
    ),
    "last": FINE,
}
MUST_SHOW = {"closed-shadow": "Hidden words"}


def moving_gif() -> bytes:
    """Two frames of two colours, ten a second, without end."""
    from io import BytesIO

    from PIL import Image

    frames = [Image.new("P", (40, 40), colour) for colour in (0, 1)]
    for frame in frames:
        frame.putpalette([255, 0, 0, 0, 0, 255])
    content = BytesIO()
    frames[0].save(content, format="GIF", save_all=True, append_images=frames[1:], duration=100, loop=0)
    return content.getvalue()


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looked]:
    """One sweep over all of them, in one browser."""
    folder = tmp_path_factory.mktemp("hostile-pages")
    with hostile_server() as server:
        add_answers(server)
        pages: list[dict[str, Any]] = [
            {"name": name, "path": f"/{name}", "must_show": [MUST_SHOW.get(name, "All is fine")]} for name in PAGES
        ]
        plan = write_plan(folder, server.url(), {"page-health": {}, "axe": {}, "visual": {}}, pages=pages)
        yield look(plan, [ApprovedBaselines(), AcceptedAndAnswered(), PageSweep()], folder, in_one_shard=True)


def add_answers(server: HostileServer) -> None:
    server.answers |= {f"/{name}": page(body) for name, body in PAGES.items()}
    server.answers["/pixel.gif"] = answer(moving_gif(), "image/gif")
    server.answers["/moving.gif"] = answer(moving_gif(), "image/gif")


def health(looked: Looked, name: str) -> tuple[Outcome, str]:
    decided = looked.subject(f"{name}@desktop", "page-health")
    return decided.outcome, decided.reason


def visit(looked: Looked, name: str) -> PageVisit:
    found: PageVisit = looked.evidence(PageVisit, f"{name}@desktop")
    return found


ENDS = {
    "unload": (Outcome.PASS, "as itself"),
    "print": (Outcome.PASS, "as itself"),
    "permissions": (Outcome.PASS, "as itself"),
    "window": (Outcome.PASS, "as itself"),
    "goes-away": (Outcome.FAIL, "ended on http://127.0.0.1:"),
    "tall": (Outcome.PASS, "as itself"),
    "canvas": (Outcome.PASS, "as itself"),
    "white": (Outcome.FAIL, "its picture is of one colour"),
    "closed-shadow": (Outcome.PASS, "as itself"),
    "nested-frames": (Outcome.PASS, "as itself"),
    "written-over": (Outcome.FAIL, "1 of 1 texts are not on the page: 'All is fine'"),
    "hostile-words": (Outcome.FAIL, "console error: "),
    "long-line": (Outcome.FAIL, "error: "),
    "many-messages": (Outcome.ERROR, "console messages were beyond what a visit keeps"),
    "gif": (Outcome.PASS, "as itself"),
    "forges-json": (Outcome.PASS, "as itself"),
    "forges-frames": (Outcome.PASS, "as itself"),
    "forges-values": (Outcome.ERROR, "it told something that no page tells"),
    "own-worker": (Outcome.PASS, "as itself"),
    "last": (Outcome.PASS, "as itself"),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_hostile_page_ends_in_words(name: str, looked: Looked) -> None:
    """Passes only where the page is itself and whole; else it says what was wrong."""
    outcome, says = ENDS[name]
    decided, reason = health(looked, name)
    assert (decided, says in reason) == (outcome, True), reason


def test_a_page_that_goes_on_going_is_no_pass(looked: Looked) -> None:
    """It never is the page that was asked for, whenever it is looked at."""
    outcome, reason = health(looked, "goes-on-going")
    assert outcome in {Outcome.FAIL, Outcome.ERROR}, reason


def test_a_page_of_no_size_shows_nothing(looked: Looked) -> None:
    """Its document holds the words, and nobody sees them."""
    assert health(looked, "zero-size")[0] is Outcome.FAIL


def test_dialogs_without_end_are_dismissed_and_told(looked: Looked) -> None:
    """The visit ends, and what was opened is part of it."""
    assert health(looked, "alerts-for-ever")[0] in {Outcome.PASS, Outcome.ERROR}
    assert visit(looked, "alerts-for-ever").dialogs[:1] == ("alert: again",)


def test_what_is_below_the_picture_was_not_looked_at(looked: Looked) -> None:
    """60,000 px of page, and the picture says how far it reaches."""
    assert visit(looked, "tall").clipped_at == 15_000
    decided = looked.subject("tall@desktop", "visual")
    assert (decided.outcome, "the rest was not looked at" in decided.reason) == (Outcome.ERROR, True)


def test_a_closed_shadow_root_is_seen_by_every_check(looked: Looked) -> None:
    """Its button without a name is found, as an open one's is."""
    decided = looked.subject("closed-shadow@desktop", "axe")
    assert (decided.outcome, "discernible text" in decided.reason) == (Outcome.FAIL, True), decided.reason


def test_frames_beyond_the_limit_make_the_scan_an_error(looked: Looked) -> None:
    """What was not scanned is never clean."""
    decided = looked.subject("nested-frames@desktop", "axe")
    assert (decided.outcome, "frames could not be scanned" in decided.reason) == (Outcome.ERROR, True), decided.reason


@pytest.mark.parametrize("name", ["forges-json", "forges-frames"])
def test_a_page_cannot_make_up_its_own_scan(name: str, looked: Looked) -> None:
    """What it put in place of the browser's functions is not what axe calls: its violation is found."""
    decided = looked.subject(f"{name}@desktop", "axe")
    assert (decided.outcome, "Images must have alternative text" in decided.reason) == (Outcome.FAIL, True)


def test_a_moving_picture_stands_still(looked: Looked) -> None:
    """A GIF shows its first frame, so that two looks are equal."""
    assert visit(looked, "gif").stable


def test_hostile_words_are_kept_short_and_shown_harmless(looked: Looked) -> None:
    """Control characters reach no terminal, and 5 MB of console are cut where they are heard."""
    texts = [message.text for name in ("hostile-words", "long-line") for message in visit(looked, name).messages]
    assert max(map(len, texts)) <= 2_000
    shown = line(" ".join(texts))
    assert [character for character in ("\x1b", "\x00", "\u202e", "\x07") if character in shown] == []


def test_nothing_is_lost(looked: Looked) -> None:
    """Every page has its visit, whatever the others did; text and picture hash to what was recorded."""
    visits = [visit(looked, name) for name in PAGES]
    assert [item.problem_code for item in visits if item.text is None] in (["strange"], ["went-away", "strange"])
    kept = [item for item in visits if item.text is not None and item.screenshot is not None]
    assert len(kept) >= len(PAGES) - 2
    for item in kept:
        assert item.text is not None
        read_artifact(looked.workspace, item.text)
    assert not looked.is_go
