"""A profile that was used before is as empty as a new one, on a real Chromium and servers that ask it to remember."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from evidence_store.model import Outcome
from evidence_store.workspace import read_artifact
from tasks.doors.chromium import find_chromium
from tasks.doors.profiles import Profile
from tasks.sweep.gather import PageSweep
from tasks.sweep.models import PageVisit
from tests.flows.ending_browsers import is_renderer, killer
from tests.flows.hostile_server import Exchange, HostileServer, answer, hostile_server, page
from tests.flows.looking import VIEWER, Looked, look, new_workspace, write_plan
from tests.flows.worlds import PASSWORDS

pytestmark = pytest.mark.real

FOR_EVER = "public, max-age=31536000, immutable"
# Each line: what is found of it, and then how it is left behind.
LEAVES = """
const found = {}, keep = run => Promise.resolve().then(run).catch(() => {});
const left = async () => {
  const root = await navigator.storage.getDirectory();
  found.cookie = document.cookie;
  found.local = localStorage.length;
  found.session = sessionStorage.length;
  found.databases = (await indexedDB.databases()).length;
  found.caches = (await caches.keys()).length;
  found.files = (await Array.fromAsync(root.keys())).length;
  found.buckets = (await navigator.storageBuckets.keys()).length;
  found.locks = (await navigator.locks.query()).held.length;
  found.name = window.name;
  found.history = history.length;
  found.worker = await new Promise(done => {
    const worker = new SharedWorker('/worker.js');
    worker.port.onmessage = event => done(event.data);
  });
  document.cookie = 'left=1; max-age=9999; path=/';
  localStorage.left = sessionStorage.left = window.name = 'left';
  history.pushState({}, '', '#left');
  await new Promise(done => { indexedDB.open('left').onsuccess = done; });
  await keep(async () => (await caches.open('left')).put('/left', new Response('left')));
  await keep(() => root.getFileHandle('left', { create: true }));
  await keep(() => navigator.storageBuckets.open('left'));
  navigator.locks.request('left', () => new Promise(() => {}));
  await fetch('http://localhost:PORT/api', { method: 'PUT', headers: { 'x-left': '1' } });
};
left().then(() => { document.querySelector('pre').textContent = JSON.stringify(found); },
            error => { document.querySelector('pre').textContent = `could not tell: ${error}`; });
"""
FRAMED = """
<script>
const found = [document.cookie, localStorage.length, sessionStorage.length];
indexedDB.databases().then(async databases => {
  found.push(databases.length, (await caches.keys()).length);
  document.body.append(`framed: ${JSON.stringify(found)}`);
  document.cookie = 'left=1; Secure; SameSite=None; Partitioned; path=/';
  localStorage.left = sessionStorage.left = 1;
  indexedDB.open('left');
  await caches.open('left');
});
</script>"""
EMPTY = {
    "cookie": "",
    "local": 0,
    "session": 0,
    "databases": 0,
    "caches": 0,
    "files": 0,
    "buckets": 0,
    "locks": 0,
    "name": "",
    "worker": 1,
}
VISITED = "<style>a { color: rgb(0, 0, 255) } a:visited { color: rgb(255, 0, 0) }</style>"
PAGES = [{"name": f"look-{number}", "path": "/leaves", "must_show": ["framed:"]} for number in (1, 2, 3)]


def _may_ask(exchange: Exchange) -> None:
    """The permission to ask for `/api`, for ten minutes (Fetch, CORS-preflight cache)."""
    allow = {"Access_Control_Allow_Origin": "*", "Access_Control_Allow_Methods": "PUT"}
    more = {"Access_Control_Allow_Headers": "x-left", "Access_Control_Max_Age": "600"}
    exchange.send(answer("ok", "text/plain", **allow, **more))


@pytest.fixture(scope="module")
def asked() -> list[tuple[str, ...]]:
    """What the server was asked for in each look, in no order."""
    return []


@pytest.fixture(scope="module")
def three_looks(asked: list[tuple[str, ...]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looked]:
    """A page that leaves all that a page can leave, looked at three times in a row as someone signed in."""
    folder = tmp_path_factory.mktemp("used")
    with hostile_server() as server, hostile_server() as other, pytest.MonkeyPatch.context() as patch:
        for name, value in PASSWORDS.items():
            patch.setenv(name, value)
        frame = f"<iframe title=inner src={other.url('/framed', 'localhost')}></iframe>"
        head = f"{VISITED}<script src=/asset.js></script><link rel=stylesheet href=/asset.css>"
        body = f"<h1>Leaves</h1><a href=/leaves>a way</a><img alt='' src=/asset.svg>{frame}<pre></pre>"
        script = LEAVES.replace("PORT", other.url("/").split(":")[2].strip("/"))
        leaves = page(f"{body}<script>{script}</script>", head).replace(
            b"\r\nConnection", b"\r\nSet-Cookie: of-the-server=1; HttpOnly; Max-Age=9999\r\nETag: x\r\nConnection", 1
        )
        square = "<svg xmlns='http://www.w3.org/2000/svg' width='20' height='20'><rect width='20' height='20'/></svg>"
        server.answers |= {
            "/api/login": answer("{}", "application/json", Set_Cookie="signed-in=yes; HttpOnly; Path=/"),
            "/leaves": leaves,
            "/asset.js": answer("0", "text/javascript", Cache_Control=FOR_EVER),
            "/asset.css": answer("h1 { color: green }", "text/css", Cache_Control=FOR_EVER),
            "/asset.svg": answer(square, "image/svg+xml", Cache_Control=FOR_EVER),
            "/worker.js": answer("let n = 0; onconnect = e => e.ports[0].postMessage(++n)", "text/javascript"),
        }
        other.answers |= {"/framed": page(FRAMED), "/api": _may_ask}
        pages = [{**page, "identity": "viewer"} for page in PAGES]
        plan = write_plan(
            folder,
            server.url(),
            {"page-health": {}, "axe": {}},
            pages=pages,
            hosts=["127.0.0.1", "localhost"],
            identities=VIEWER,
            target={"pages_at_a_time": 1},
        )
        heard: list[list[str]] = []

        def note(_source: str, _subject: str) -> None:
            heard.append([path for path, _ in (*server.asked, *other.asked)])
            server.asked.clear()
            other.asked.clear()

        workspace = new_workspace(folder)
        workspace.on_look = note
        looked = look(plan, [PageSweep()], folder, in_one_shard=True, workspace=workspace)
        asked += [tuple(sorted(path for path in paths if path != "/api/login")) for paths in heard]
        yield looked


def _visits(looked: Looked) -> list[Any]:
    return [looked.evidence(PageVisit, f"{page['name']}@desktop") for page in PAGES]


def test_the_profile_was_used_again(three_looks: Looked) -> None:
    """Else the tests below would hold whatever emptying does."""
    assert [visit.stabilisation[0] for visit in _visits(three_looks)] == [
        "profile: fresh",
        "profile: emptied after 1 looks",
        "profile: emptied after 2 looks",
    ]


def test_a_page_finds_nothing_of_what_was_left_before_it(three_looks: Looked) -> None:
    """Not in any of the browser's stores, its own or those of a frame of another site."""
    for visit in _visits(three_looks):
        text = read_artifact(three_looks.workspace, visit.text).decode()
        told = json.loads(text[text.index("{") : text.index("}") + 1])
        assert {key: told[key] for key in EMPTY} == EMPTY
        assert 'framed: ["",0,0,0,0]' in text.replace(" ,", ",")
        assert told["history"] == 2


def test_whoever_is_signed_in_stays_so(three_looks: Looked) -> None:
    """The same cookies each time: of the sign-in, and of the page itself."""
    names = [sorted(item.name for item in visit.stored if item.place == "cookie") for visit in _visits(three_looks)]
    assert names == [["left", "left", "of-the-server", "signed-in"]] * 3


def test_everything_is_asked_of_the_server_anew(three_looks: Looked, asked: list[tuple[str, ...]]) -> None:
    """What may be kept for a year, and the permission to ask another site, are not kept from look to look."""
    assert len(asked[0]) == 8
    assert asked == [asked[0]] * 3
    answered = [sorted((seen.url, seen.status) for seen in visit.requests) for visit in _visits(three_looks)]
    assert answered == [answered[0]] * 3


def test_the_pictures_are_the_same(three_looks: Looked) -> None:
    """Byte by byte; a link to a page that was visited looks like any other."""
    assert len({visit.screenshot.sha256 for visit in _visits(three_looks)}) == 1
    decided = [three_looks.subject(visit.subject, "page-health") for visit in _visits(three_looks)]
    assert [subject.outcome for subject in decided] == [Outcome.PASS] * 3, decided[0].reason


def test_a_profile_that_cannot_forget_is_given_up(tmp_path: Path) -> None:
    """A server that asks for client hints would get them with the first request of the next look."""
    heads: list[str] = []

    def hint(exchange: Exchange) -> None:
        heads.append("\n".join(exchange.head).lower())
        exchange.send(answer("<!doctype html><title>Hints</title><h1>Hints</h1>", Accept_CH="Device-Memory"))

    with hostile_server() as server:
        server.answers["/hints"] = hint
        looked = _one_by_one(server, tmp_path, "/hints", "/hints")
    assert [_of(looked, number).stabilisation[0] for number in (0, 1)] == ["profile: fresh"] * 2
    assert ["device-memory" in head for head in heads] == [False, False]


def test_a_look_that_failed_ends_its_profile(tmp_path: Path) -> None:
    """What follows it begins in a fresh one; the failure is told, and not tried away."""
    with hostile_server() as server:
        server.answers["/fine"] = page("<h1>Fine</h1>")
        server.answers["/broken"] = lambda exchange: exchange.connection.close()
        looked = _one_by_one(server, tmp_path, "/fine", "/broken", "/fine")
        paths = [path for path in server.paths() if path in {"/fine", "/broken"}]
    assert (_of(looked, 1).problem_code, "ERR_EMPTY_RESPONSE" in _of(looked, 1).problem) == ("browser", True)
    assert [_of(looked, number).stabilisation[:1] for number in (0, 2)] == [("profile: fresh",)] * 2
    assert paths.count("/fine") == 2


def test_a_process_that_crashed_after_others_had_used_it_is_not_told_of_the_page(tmp_path: Path) -> None:
    """The page is looked at again in a fresh profile."""
    kill = killer(is_renderer)
    tries: list[str] = []

    def crash_once(exchange: Exchange) -> None:
        tries.append(exchange.path)
        if len(tries) == 1:
            kill(exchange)
        exchange.send(answer("", "image/png"))

    with hostile_server() as server:
        server.answers["/fine"] = page("<h1>Fine</h1>")
        server.answers["/crashes"] = page("<h1>Crashes</h1><img alt='' src=/crash.png>")
        server.answers["/crash.png"] = crash_once
        looked = _one_by_one(server, tmp_path, "/fine", "/crashes")
    assert (_of(looked, 1).problem, _of(looked, 1).stabilisation[0], len(tries)) == (None, "profile: fresh", 2)


@pytest.mark.parametrize("left", ["a window", "a page's process that does not answer"])
def test_what_cannot_be_emptied_is_not_used_again(left: str) -> None:
    """A window that stays open, or a process that is still busy, would be the next page's."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_chromium()), args=["--no-sandbox"])
        context = browser.new_context()
        keeper = context.new_page()
        profile = Profile(context, keeper, context.new_cdp_session(keeper), [])
        assert profile.empty()
        if left == "a window":
            context.new_page()
        else:
            keeper.evaluate("setTimeout(() => { for (const until = Date.now() + 6000; Date.now() < until;); }, 0)")
        assert not profile.empty()
        browser.close()


def _one_by_one(server: HostileServer, folder: Path, *paths: str) -> Looked:
    pages = [
        {"name": f"look-{number}", "path": path, "must_show": [path.strip("/").capitalize()]}
        for number, path in enumerate(paths)
    ]
    plan = write_plan(folder, server.url(), {"page-health": {}}, pages=pages, target={"pages_at_a_time": 1})
    return look(plan, [PageSweep()], folder, in_one_shard=True)


def _of(looked: Looked, number: int) -> Any:
    return looked.evidence(PageVisit, f"look-{number}@desktop")
