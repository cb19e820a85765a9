"""Pages that look right to one of the looks, or wrong, and are not: one sweep on a real Chromium over all of them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from evidence_store.model import Outcome
from tasks.accessibility.gather import AcceptedAndAnswered
from tasks.sweep.gather import PageSweep
from tasks.sweep.models import PageVisit
from tests.flows.hostile_server import Answer, Exchange, answer, hostile_server, page, redirect
from tests.flows.looking import Looked, look, write_plan

pytestmark = pytest.mark.real

FINE = "<h1>All is fine</h1>"
NAMELESS = '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">'
BECOMES = "<script>setTimeout(() => { document.querySelector('main').innerHTML = `%s` }, %d)</script>"
PASS, FAIL, ERROR = Outcome.PASS, Outcome.FAIL, Outcome.ERROR

PAGES: dict[str, Answer] = {
    # The steps before the picture are 2 s of the page's time, and those between two frames half a second each.
    "ends-in-an-error": page(FINE + BECOMES % ("<h1>No answer in time</h1>", 2_300)),
    "comes-late": page("<h1>Loading</h1>" + BECOMES % (FINE, 2_300)),
    "tidies-up": page(FINE + NAMELESS + BECOMES % (FINE, 2_600)),
    "sandboxed": page(FINE + "<iframe sandbox title=mail srcdoc='<p>A letter</p>'></iframe>"),
}
FADES = (
    "<style>h1 { opacity: 0; %s } .in { opacity: 1 } @keyframes in { to { opacity: 1 } }</style>"
    + FINE
    + "<p>words</p>"
)
FADES_LATE = "<script>setTimeout(() => { document.querySelector('h1').classList.add('in') }, 3_000)</script>"
SPLASH = "<div id=splash style='position:fixed;inset:0;background:#fff'>Loading</div>"
GOES = "<script>setTimeout(() => { document.querySelector('#splash').remove() }, 3_000)</script>"
PAGES |= {
    "never-fades-in": page(FADES % ""),
    "fades-in-late": page(FADES.replace(".in", "h1.in") % "" + FADES_LATE),
    "fades-in": page(FADES % "animation: in 3s forwards"),
    "stays-under-its-splash": page(FINE + SPLASH),
    "loses-its-splash": page(FINE + SPLASH + GOES),
}
THROWS = (
    FINE
    + """<script>
  %s
  setTimeout(() => { throw new Error('one') }, 100);
  setInterval("throw new Error('two')", 1_500);
  requestAnimationFrame(() => { throw 'three' });
</script>"""
)
PAGES |= {
    "throws-in-its-timers": page(THROWS % ""),
    "answers-its-errors": page(THROWS % "window.onerror = () => true;"),
    "prevents-its-errors": page(THROWS % "addEventListener('error', event => event.preventDefault());"),
    "uses-its-timers": page(
        "<h1>Loading</h1><script>"
        "setTimeout(function (one, two) { if (this === window && one + two === 3) setTimeout(`idle()`) }, 9, 1, 2);"
        "const idle = () => requestIdleCallback(left => { if (left.timeRemaining() >= 0) set() });"
        "const set = () => { const n = setInterval(() => { clearInterval(n); requestAnimationFrame(show) }, 9) };"
        "const show = () => { document.querySelector('h1').textContent = 'All is fine' };"
        "</script>"
    ),
}
SHADOW = """<x-part%s></x-part><script>
  document.querySelector('x-part').attachShadow({ mode: 'closed' }).innerHTML = `%s`;
</script>"""
LONG = "<p>" + "words " * 80 + "</p>"
SLOTTED = SHADOW.replace("></x-part>", ">%s</x-part>", 1)
PAGES |= {
    "has-an-error-for-a-headline": page("<p>All is fine</p>" + LONG + SHADOW % ("", "<h1>Page not found</h1>")),
    "puts-an-error-in-its-headline": page(
        "<p>All is fine</p>" + LONG + SLOTTED % ("", "not <b>found</b>", "<h1>Page <slot></slot></h1>")
    ),
    "hides-an-error-in-a-part": page("<p>All is fine</p>" + LONG + SHADOW % ("", "<h1 hidden>Page not found</h1>")),
    "speaks-of-an-error-in-a-part": page(
        "<p>All is fine</p>" + LONG + SLOTTED % ("", "Page not found", "<h1>What to do about: <slot></slot></h1>")
    ),
    "has-a-broken-component": page(FINE + LONG + SHADOW % ("", "<p role=alert>An error occurred</p>")),
}
REGISTERS = """<script>
  navigator.serviceWorker.register('/worker.js').then(registration => {
    registration.addEventListener('updatefound', () => {});
    registration.onupdatefound = () => {};
    document.querySelector('h1').textContent = `All is fine at ${registration.scope.slice(location.origin.length)}`;
    %s
  });
</script>"""
PAGES |= {
    "registers-a-worker": page("<h1>Offline first</h1>" + REGISTERS % ""),
    "falls-over-its-worker": page(FINE + REGISTERS % "registration.active.postMessage('now')"),
}
SHARES = """<script>
  const worker = new SharedWorker('%s');
  worker.port.onmessage = event => { document.querySelector('h1').textContent = event.data };
</script>"""
SPEAKS = answer("onconnect = event => event.ports[0].postMessage('All is fine')", "text/javascript")
ASKS_AGAIN = """<script>
  const again = Object.assign(document.createElement('script'), { src: '%s' });
  worker.port.addEventListener('message', () => setTimeout(() => document.body.append(again), %s));
</script>"""


class Once:
    """Answers with a shared worker that speaks, once; who asks again waits for ever."""

    def __init__(self) -> None:
        self.answered = False

    def __call__(self, exchange: Exchange) -> None:
        """One answer."""
        if self.answered:
            exchange.hang()
        self.answered = True
        exchange.send(SPEAKS)


PAGES |= {
    "shares-a-worker": page("<h1>Alone</h1>" + SHARES % "/shared.js"),
    "shares-no-worker": page(FINE + SHARES % "/nowhere.js"),
    "shares-a-worker-that-never-comes": page(FINE + SHARES % "/hang"),
    "asks-for-its-worker-again": page(FINE + SHARES % "/once.js" + ASKS_AGAIN % ("/once.js", 0)),
    "asks-for-its-worker-later": page(FINE + SHARES % "/once-more.js" + ASKS_AGAIN % ("/once-more.js", 1400)),
    "once.js": Once(),
    "once-more.js": Once(),
    "shared.js": SPEAKS,
}


def drops_its_query(exchange: Exchange) -> None:
    """Redirects to its own path without the query."""
    path, _, query = exchange.path.partition("?")
    exchange.send(redirect(path) if query else page(FINE))


UNSEEN = "<template>All is fine</template><noscript>All is fine</noscript><p hidden>All is fine</p>"
NOT_SHOWN = {
    "in-a-hidden-frame": "<iframe hidden title=inner srcdoc='<p>All is fine</p>'></iframe>",
    "in-a-hidden-component": SHADOW % (" hidden", FINE),
    "in-a-hidden-part": SHADOW % ("", "<div style='display:none'><h1>All is fine</h1></div><p>words</p>"),
    "in-a-hidden-body": "<style>body { display: none } html { background: linear-gradient(red, blue) }</style>" + FINE,
    "in-no-element": UNSEEN,
}
SHOWN = {
    "in-a-frame": "<iframe title=inner srcdoc='<p>All is fine</p>'></iframe>",
    "in-a-component": SHADOW % ("", FINE),
    "in-no-box": SHADOW % (" style='display:contents'", f"<div style='display:contents'>{FINE}</div>"),
}
PAGES |= {name: page(f"<p>words</p>{body}") for name, body in (NOT_SHOWN | SHOWN).items()}
START_PAGE = answer("<!doctype html><title>Start</title>")
DRAWING = answer("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'/>", "image/svg+xml")
LOGO = "<img alt=Logo width=90 height=40 src=/%s>"
PAGES |= {
    "start-page.png": START_PAGE,
    "drawing.svg": DRAWING,
    "shows-no-logo": page(FINE + LOGO % "start-page.png"),
    "shows-its-logo": page(FINE + LOGO % "drawing.svg"),
    "has-a-placeholder": page(FINE + NAMELESS.replace("<img", "<img alt=Logo width=90 height=40")),
    "start-page.css": START_PAGE,
    "start-page.woff2": START_PAGE,
    "style.css": answer("h1 { color: #000 }", "text/css"),
    "empty.css": answer("/* nothing yet */", "text/css; charset=utf-8"),
    "has-no-style": page(FINE, "<link rel=stylesheet href=/start-page.css>"),
    "has-its-style": page(
        FINE,
        "<link rel=stylesheet href=/style.css><link rel=stylesheet href=/empty.css>"
        "<link rel=stylesheet media=print href=/style.css><link rel=stylesheet disabled href=/style.css>"
        "<link rel='alternate stylesheet' title=other href=/style.css>",
    ),
    "has-no-font": page(
        FINE, "<style>@font-face { font-family: own; src: url(/start-page.woff2) } h1 { font-family: own }</style>"
    ),
    "misses-its-logo": page(FINE + LOGO % "nowhere.png"),
    "waits-for-a-script": page(FINE + "<script>import('/hang')</script>"),
    "gives-up": page(FINE + "<script>fetch('/hang', { signal: AbortSignal.timeout(3200) }).catch(() => {})</script>"),
    "waits-for-news": page(FINE + "<script>fetch('/hang')</script>"),
}
VIDEO = "<video width=90 height=40 %s></video>"
PAGES |= {
    "start-page.webm": START_PAGE,
    "unknown.mp4": answer(b"\0\0\0\x10ftypmp42\0\0\0\0", "video/mp4"),
    "shows-no-video": page(FINE + VIDEO % "src=/start-page.webm"),
    "has-no-sound": page(FINE + "<audio controls><source src=/start-page.webm></audio>"),
    "has-videos": page(
        FINE
        + VIDEO % ""
        + VIDEO % "preload=none src=/start-page.webm"
        + VIDEO % "src=/unknown.mp4"
        + "<p style='height:4000px'>x</p>"
        + VIDEO % "preload=none loading=lazy src=/start-page.webm"
    ),
}
PAINTED = "<div style='width:90px;height:%dpx;background:url(/%s)'></div>"
PIXEL = base64.b64decode("R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=")
PAGES |= {
    "misnamed.gif": answer(PIXEL),
    "paints-no-picture": page(FINE + PAINTED % (40, "start-page.png")),
    "draws-no-picture": page(FINE + "<svg width=90 height=40><image href=/start-page.png width=90 height=40 /></svg>"),
    "has-no-poster": page(FINE + "<video width=90 height=40 poster=/start-page.png></video>"),
    "paints-a-misnamed-picture": page(FINE + PAINTED % (40, "misnamed.gif") + "<svg><image href='http://[' /></svg>"),
    "counts-visitors": page(
        FINE + PAINTED % (1, "start-page.png") + "<script>new Image().src = '/start-page.png'</script>"
    ),
    "error-page.html": page("<h1>Page not found</h1>"),
    "frames-an-error": page(FINE + "<iframe title=inner src=/error-page.html></iframe>"),
    "frames-an-error-unseen": page(FINE + "<iframe hidden title=inner src=/error-page.html></iframe>"),
}
MENU = "<button id=b onclick='m.hidden = !m.hidden'>Menu</button><p id=m hidden>Settings</p>"
PAGES |= {"opens-its-menu": page(FINE + MENU), "opens-nothing": page(FINE + MENU.replace("onclick", "data-onclick"))}
STATES = {
    name: [{"name": "menu", "do": [{"click": "#b"}], "must_show": ["All is fine"]}]
    for name in ("opens-its-menu", "opens-nothing")
}
ALERT = "<p>%s</p><div role=alert%s>An error occurred</div>"
PAGES |= {
    "has-a-broken-part": page(FINE + ALERT % ("words " * 80, "")),
    "hides-its-alert": page(FINE + ALERT % ("", " hidden")),
}
PAGES |= {
    "tidies-its-address": page(FINE + "<script>history.replaceState(null, '', location.pathname)</script>"),
    "keeps-its-address": page(FINE + "<script>history.replaceState(null, '', location.href + '&page=1')</script>"),
    "drops-its-query": drops_its_query,
}
ASKS = ("tidies-its-address", "keeps-its-address", "drops-its-query")
ENDS_IN: dict[tuple[str, str], tuple[Outcome, str]] = {
    ("ends-in-an-error", "page-health"): (FAIL, "1 of 1 texts are not on the page: 'All is fine'"),
    ("comes-late", "page-health"): (PASS, "shows 1 of 1 texts"),
    ("tidies-up", "axe"): (FAIL, "Images must have alternative text"),
    ("sandboxed", "axe"): (PASS, "0 critical or serious violations"),
    ("sandboxed", "page-health"): (PASS, "answered 200 as itself"),
    ("shows-no-logo", "page-health"): (FAIL, "/start-page.png came and is not what the page needs"),
    ("shows-its-logo", "page-health"): (PASS, "answered 200 as itself"),
    ("has-a-placeholder", "page-health"): (PASS, "answered 200 as itself"),
    ("has-no-style", "page-health"): (FAIL, "/start-page.css came and is not what the page needs"),
    ("has-its-style", "page-health"): (PASS, "answered 200 as itself"),
    ("has-no-font", "page-health"): (FAIL, "/start-page.woff2 came and is not what the page needs"),
    ("misses-its-logo", "page-health"): (FAIL, "/nowhere.png answered 404"),
    ("waits-for-a-script", "page-health"): (FAIL, "/hang had no answer after"),
    ("gives-up", "page-health"): (PASS, "answered 200 as itself"),
    ("waits-for-news", "page-health"): (PASS, "answered 200 as itself"),
    ("never-fades-in", "page-health"): (
        FAIL,
        "'All is fine' is on the page, and nobody sees it: its opacity is 0 (h1)",
    ),
    ("fades-in-late", "page-health"): (PASS, "shows 1 of 1 texts"),
    ("fades-in", "page-health"): (PASS, "shows 1 of 1 texts"),
    ("stays-under-its-splash", "page-health"): (FAIL, "all of the window lies under div#splash"),
    ("loses-its-splash", "page-health"): (PASS, "shows 1 of 1 texts"),
    ("throws-in-its-timers", "page-health"): (FAIL, "uncaught error: three"),
    ("answers-its-errors", "page-health"): (PASS, "answered 200 as itself"),
    ("prevents-its-errors", "page-health"): (PASS, "answered 200 as itself"),
    ("uses-its-timers", "page-health"): (PASS, "shows 1 of 1 texts"),
    ("has-an-error-for-a-headline", "page-health"): (FAIL, "it reads like an error page: 'Page not found'"),
    ("puts-an-error-in-its-headline", "page-health"): (FAIL, "it reads like an error page: 'Page not found'"),
    ("hides-an-error-in-a-part", "page-health"): (PASS, "answered 200 as itself"),
    ("speaks-of-an-error-in-a-part", "page-health"): (PASS, "answered 200 as itself"),
    ("shows-no-video", "page-health"): (FAIL, "/start-page.webm came and is not what the page needs"),
    ("has-no-sound", "page-health"): (FAIL, "/start-page.webm came and is not what the page needs"),
    ("has-videos", "page-health"): (PASS, "answered 200 as itself"),
    ("paints-no-picture", "page-health"): (FAIL, "/start-page.png came and is not what the page needs"),
    ("draws-no-picture", "page-health"): (FAIL, "/start-page.png came and is not what the page needs"),
    ("has-no-poster", "page-health"): (FAIL, "/start-page.png came and is not what the page needs"),
    ("paints-a-misnamed-picture", "page-health"): (PASS, "answered 200 as itself"),
    ("counts-visitors", "page-health"): (PASS, "answered 200 as itself"),
    ("registers-a-worker", "page-health"): (PASS, "shows 1 of 1 texts"),
    ("falls-over-its-worker", "page-health"): (FAIL, "uncaught error: Cannot read properties of null"),
    ("shares-a-worker", "page-health"): (PASS, "shows 1 of 1 texts"),
    ("shares-a-worker-that-never-comes", "page-health"): (FAIL, "/hang had no answer after"),
    ("asks-for-its-worker-again", "page-health"): (FAIL, "/once.js had no answer after"),
    ("asks-for-its-worker-later", "page-health"): (FAIL, "/once-more.js had no answer after"),
    ("shares-no-worker", "page-health"): (FAIL, "/nowhere.js failed: the shared worker did not start"),
}
ENDS_IN |= {(name, "page-health"): (FAIL, "1 of 1 texts are not on the page") for name in NOT_SHOWN}
ENDS_IN |= {(name, "page-health"): (PASS, "shows 1 of 1 texts") for name in SHOWN}


def planned(name: str) -> dict[str, Any]:
    path = f"/{name}?status=open" if name in ASKS else f"/{name}"
    return {"name": name, "path": path, "must_show": ["All is fine"], "states": STATES.get(name, [])}


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Looked:
    folder = tmp_path_factory.mktemp("misleading")
    checks: dict[str, Any] = {"page-health": {}, "axe": {}}
    with hostile_server() as server:
        server.answers |= {f"/{name}": content for name, content in PAGES.items()}
        plan = write_plan(folder, server.url(), checks, pages=[planned(name) for name in PAGES if "." not in name])
        return look(plan, [AcceptedAndAnswered(), PageSweep()], folder)


@pytest.mark.parametrize(("name", "check"), ENDS_IN)
def test_each_page_ends_as_it_must(name: str, check: str, looked: Looked) -> None:
    outcome, says = ENDS_IN[name, check]
    decided = looked.subject(f"{name}@desktop", check)
    assert (decided.outcome, says in decided.reason) == (outcome, True), decided.reason


@pytest.mark.parametrize(("name", "warns"), [("opens-its-menu", False), ("opens-nothing", True)])
def test_a_state_whose_steps_did_nothing_is_told(name: str, warns: bool, looked: Looked) -> None:
    decided = looked.subject(f"{name}.menu@desktop", "page-health")
    assert (decided.outcome, decided.warns) == (PASS, warns), decided.reason


@pytest.mark.parametrize(
    ("name", "warns"),
    [
        ("has-a-broken-part", True),
        ("hides-its-alert", False),
        ("has-a-broken-component", True),
        ("frames-an-error", True),
        ("frames-an-error-unseen", False),
        ("tidies-its-address", True),
        ("keeps-its-address", False),
        ("drops-its-query", True),
        ("shows-its-logo", False),
        ("waits-for-news", True),
        ("gives-up", True),
    ],
)
def test_what_may_be_wrong_is_a_warning(name: str, warns: bool, looked: Looked) -> None:
    assert looked.subject(f"{name}@desktop", "page-health").warns is warns


def test_every_error_of_a_timer_is_heard(looked: Looked) -> None:
    messages = looked.evidence(PageVisit, "throws-in-its-timers@desktop").messages
    assert {(message.level, message.text) for message in messages} == {
        ("uncaught", "one"),
        ("uncaught", "two"),
        ("uncaught", "three"),
    }
