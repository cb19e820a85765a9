"""What pages can do to a sweep on a real Chromium: each costs itself, never its neighbours, and never ends in a go."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from evidence_store.model import Outcome
from evidence_store.redaction import Redactor
from evidence_store.workspace import read_artifact
from tasks.accessibility.gather import AcceptedAndAnswered
from tasks.doors import browser
from tasks.doors.browser import BrowserSession
from tasks.plan import load_plan
from tasks.sweep import gather as sweep
from tasks.sweep.gather import PageSweep
from tasks.sweep.models import PageVisit
from tasks.visual.gather import ApprovedBaselines
from tests.flows.conftest import Site
from tests.flows.ending_browsers import browsers, is_browser, is_renderer, killer
from tests.flows.hostile_server import Exchange, HostileServer, answer, hostile_server, page, redirect
from tests.flows.looking import SIGN_IN_PAGE, VIEWER, Looked, look, new_workspace, write_plan
from tests.flows.worlds import PASSWORDS

pytestmark = pytest.mark.real

SHORT_DEADLINE_SECONDS = 5.0


def _page(name: str, path: str | None = None, *texts: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "path": path or f"/{name}", "must_show": list(texts or ["All is fine"]), **more}


STORM = (
    _page("spin"),
    _page("after-spin", "/fine"),
    _page("kill-renderer"),
    _page("after-renderer", "/fine"),
    _page("kill-browser"),
    _page("after-browser", "/fine"),
    _page("foreign"),
    _page("foreign-document"),
    _page("frames", None, "Frames"),
    _page("dialogs", None, "Survived the dialogs"),
    _page("download"),
    _page("refused"),
    _page("last", "/fine"),
)


class _Storm:
    """All of those pages, visited one after the other in one browser session."""

    def __init__(self, folder: Path, server: HostileServer, stranger: HostileServer, framed: HostileServer) -> None:
        field = "<form><input type=text></form>"
        framed.answers["/framed"] = page(f"<h1>Framed</h1>{field}")
        many = "".join(f"alert({number});" for number in range(20))
        server.answers |= {
            "/spin": page("", "<script>while (true) {}</script>"),
            "/kill-renderer": page("<h1>All is fine</h1><img alt='' src=/renderer-killer.png>"),
            "/renderer-killer.png": killer(is_renderer),
            "/kill-browser": page("<h1>All is fine</h1><img alt='' src=/browser-killer.png>"),
            "/browser-killer.png": killer(is_browser),
            "/foreign": page(
                f"<h1>All is fine</h1><img alt='' src={stranger.url('/pixel.png')}>"
                "<script src=http://tracker.invalid/track.js></script>"
            ),
            "/foreign-document": redirect(stranger.url("/fine")),
            "/frames": page(f"<h1>Frames</h1><iframe title=inner src={framed.url('/framed', 'localhost')}></iframe>"),
            "/dialogs": page("<h1>Survived the dialogs</h1>", f"<script>{many} confirm('?'); prompt('?')</script>"),
            "/download": b"HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nContent-Length: 4\r\n\r\nPK\3\4",
            "/refused": lambda exchange: exchange.connection.close(),
        }
        plan = write_plan(
            folder,
            server.url(),
            {"page-health": {}, "axe": {}, "visual": {}},
            pages=STORM,
            hosts=["127.0.0.1", "localhost"],
            target={"pages_at_a_time": 1},
        )
        self.stranger_asked = stranger
        workspace = new_workspace(folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sweep, "VISIT_DEADLINE_SECONDS", SHORT_DEADLINE_SECONDS)
            # Only the page that spins is to be hurried; a busy machine must not cost the others theirs.
            workspace.on_look = lambda _source, _subject: patch.setattr(sweep, "VISIT_DEADLINE_SECONDS", 90.0)
            self.looked = look(
                plan,
                [ApprovedBaselines(), AcceptedAndAnswered(), PageSweep()],
                folder,
                in_one_shard=True,
                workspace=workspace,
            )
        self.browsers_left = browsers()


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Storm]:
    """The one sweep over all hostile pages."""
    with hostile_server() as server, hostile_server("127.0.0.2") as stranger, hostile_server() as framed:
        yield _Storm(tmp_path_factory.mktemp("storm"), server, stranger, framed)


BROKEN_VISITS = {
    "spin": ("deadline", "the visit took longer than 5 s and the browser was ended"),
    "kill-renderer": ("browser", "crashed"),
    "kill-browser": ("browser", "closed"),
    "foreign-document": ("dns", "ERR_NAME_NOT_RESOLVED"),
    "download": ("browser", "Download"),
    "refused": ("browser", "ERR_EMPTY_RESPONSE"),
}


@pytest.mark.parametrize("name", BROKEN_VISITS)
def test_a_visit_that_breaks_off_is_an_error_of_that_page(name: str, storm: _Storm) -> None:
    """Its evidence says what happened, and every check of it ends in error."""
    code, says = BROKEN_VISITS[name]
    visit = storm.looked.evidence(PageVisit, f"{name}@desktop")
    assert (visit.problem_code, says in str(visit.problem)) == (code, True), visit.problem
    reasons = {check: storm.looked.subject(visit.subject, check) for check in ("page-health", "axe", "visual")}
    assert {decided.outcome for decided in reasons.values()} == {Outcome.ERROR}
    assert all(says in decided.reason for decided in reasons.values()), reasons


@pytest.mark.parametrize("name", ["after-spin", "after-renderer", "after-browser", "last"])
def test_the_page_after_a_broken_one_is_looked_at_as_ever(name: str, storm: _Storm) -> None:
    """A new browser takes over, and the page passes with a picture of it."""
    decided = storm.looked.subject(f"{name}@desktop", "page-health")
    assert decided.outcome is Outcome.PASS, decided.reason
    assert storm.looked.evidence(PageVisit, f"{name}@desktop").screenshot is not None


def test_dialogs_do_not_hold_a_visit(storm: _Storm) -> None:
    """Twenty alerts, a confirm and a prompt are dismissed, and the page behind them is seen."""
    decided = storm.looked.subject("dialogs@desktop", "page-health")
    assert decided.outcome is Outcome.PASS, decided.reason


def test_requests_to_unlisted_hosts_are_blocked_and_told(storm: _Storm) -> None:
    """A name and an address that the plan does not list: both are named, and the one that listens was never asked."""
    decided = storm.looked.subject("foreign@desktop", "page-health")
    assert decided.outcome is Outcome.FAIL
    visit = storm.looked.evidence(PageVisit, "foreign@desktop")
    failed = {request.url.split("/")[2].split(":")[0]: request.failure for request in visit.requests if request.failure}
    assert failed == {"127.0.0.2": "net::ERR_NAME_NOT_RESOLVED", "tracker.invalid": "net::ERR_NAME_NOT_RESOLVED"}
    assert storm.stranger_asked.paths() == []


def test_a_frame_of_another_origin_is_scanned(storm: _Storm) -> None:
    """Axe looks into the frame and finds what is wrong in it alone."""
    visit = storm.looked.evidence(PageVisit, "frames@desktop")
    assert (visit.axe.frames, visit.axe.frames_missed) == (2, 0)
    result = json.loads(read_artifact(storm.looked.workspace, visit.axe.result))
    unlabelled = [node for rule in result["violations"] if rule["id"] == "label" for node in rule["nodes"]]
    assert [len(node["target"]) for node in unlabelled] == [2], "the path to the node leads through the frame"
    assert storm.looked.subject("frames@desktop", "axe").outcome is Outcome.FAIL


def test_no_browser_is_left_behind(storm: _Storm) -> None:
    """After killed renderers, a killed browser and a spinning page no Chromium lives on."""
    assert storm.browsers_left == []
    assert not storm.looked.is_go


SLOW = ("slow-1", "slow-2", "slow-3")


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looked]:
    """Four pages beside each other in one browser; one of them ends it, while the others wait for their images."""
    folder = tmp_path_factory.mktemp("beside")
    ended = threading.Event()
    kill = killer(is_browser)

    def kill_when_all_wait(exchange: Exchange) -> None:
        for name in SLOW:
            server.wait_for(f"/{name}.png")
        threading.Timer(1, ended.set).start()
        kill(exchange)

    def come_late(exchange: Exchange) -> None:
        ended.wait(60)
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 0\r\n\r\n")

    with hostile_server() as server:
        server.answers |= {f"/{name}": page(f"<h1>All is fine</h1><img alt='' src=/{name}.png>") for name in SLOW}
        server.answers |= {f"/{name}.png": come_late for name in SLOW}
        server.answers |= {
            "/kill-browser": page("<h1>All is fine</h1><img alt='' src=/browser-killer.png>"),
            "/browser-killer.png": kill_when_all_wait,
        }
        pages = [_page(name) for name in ("kill-browser", *SLOW)]
        plan = write_plan(folder, server.url(), {"page-health": {}}, pages=pages)
        yield look(plan, [PageSweep()], folder, in_one_shard=True)


def test_what_a_page_does_to_its_browser_is_told_of_that_page_alone(beside: Looked) -> None:
    """Those that were cut off with it are looked at again."""
    assert beside.evidence(PageVisit, "kill-browser@desktop").problem_code == "browser"
    visits = [beside.evidence(PageVisit, f"{name}@desktop") for name in SLOW]
    assert [(visit.problem, visit.screenshot is not None) for visit in visits] == [(None, True)] * len(SLOW)


def test_pieces_beside_each_other_all_end_and_their_error_comes_out(tmp_path: Path) -> None:
    """One piece goes on while another waits for the browser; an error in one costs the others nothing."""
    plan = load_plan(write_plan(tmp_path, "http://127.0.0.1:9", {"page-health": {}}))
    ended = []

    def wait(session: BrowserSession, milliseconds: int) -> None:
        session.browser.new_page().wait_for_timeout(milliseconds)
        ended.append(milliseconds)

    def fail() -> None:
        raise OSError("no space left")

    with BrowserSession(plan, Redactor()) as session:
        _ = session.browser
        pieces: list[Callable[[], None]] = [partial(wait, session, 800), partial(wait, session, 1), fail]
        with pytest.raises(OSError, match="no space left"):
            session.beside_each_other(pieces)
    assert ended == [1, 800]


def test_pages_are_drawn_in_the_tiles_that_the_environment_tells(
    server: HostileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scaled image has seams where tiles meet: a browser that is not told their size draws another picture."""
    noise, file = Image.effect_noise((300, 900), 80), io.BytesIO()
    noise.save(file, "PNG")
    server.answers["/noise.png"] = answer(file.getvalue(), "image/png")
    server.answers["/scaled"] = page("<h1>All is fine</h1><img alt=noise src=/noise.png width=700 height=2100>")
    plan = write_plan(tmp_path, server.url(), {"visual": {}}, pages=[_page("scaled")])

    def drawn(home: Path) -> str:
        visit = look(plan, [PageSweep()], home).evidence(PageVisit, "scaled@desktop")
        assert (visit.problem, visit.environment.endswith(f"; tiles {browser.TILE}")) == (None, True)
        return str(visit.screenshot.sha256)

    told, again = drawn(tmp_path / "told"), drawn(tmp_path / "again")
    not_told = tuple(flag for flag in browser.DETERMINISTIC_RENDERING if "-tile-" not in flag)
    monkeypatch.setattr(browser, "DETERMINISTIC_RENDERING", not_told)
    assert (told == again, told == drawn(tmp_path / "not-told")) == (True, False)


# -- the staging site -------------------------------------------------------------------------------------------------

FAULTY_PAGES = (
    _page("approvals", "/en/approvals", "Approvals"),
    _page("dashboard", "/en/dashboard", "Impact this quarter", identity="viewer"),
    _page("catalog", "/en/catalog", "Data catalogue", identity="viewer"),
)


@pytest.fixture(scope="module")
def not_themselves(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looked]:
    """Pages that answer and are not the page."""
    folder = tmp_path_factory.mktemp("not-themselves")
    plan = write_plan(
        folder, site("redirect-loop", "soft-404"), {"page-health": {}}, pages=FAULTY_PAGES, identities=VIEWER
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in PASSWORDS.items():
            patch.setenv(name, value)
        yield look(plan, [PageSweep()], folder)


NOT_THE_PAGE = {
    "approvals": "ended on http://127.0.0.1:",
    "dashboard": "ERR_TOO_MANY_REDIRECTS",
    "catalog": "1 of 1 texts are not on the page: 'Data catalogue'",
}


@pytest.mark.parametrize("name", NOT_THE_PAGE)
def test_a_page_that_is_not_the_page_fails(name: str, not_themselves: Looked) -> None:
    """A redirect to the sign-in page, a redirect loop and an error page that answers 200 are fails that say so."""
    decided = not_themselves.subject(f"{name}@desktop", "page-health")
    assert (decided.outcome, NOT_THE_PAGE[name] in decided.reason) == (Outcome.FAIL, True), decided.reason
    assert not not_themselves.is_go


def test_a_page_that_never_settles_is_unstable(site: Site, tmp_path: Path, passwords: None) -> None:
    """It cannot be compared: an error that says what to do, whatever was approved."""
    dashboard = _page("dashboard", "/en/dashboard", "Impact this quarter", identity="viewer")
    plan = write_plan(tmp_path, site("never-settles"), {"visual": {}}, pages=[dashboard], identities=VIEWER)
    decided = look(plan, [ApprovedBaselines(), PageSweep()], tmp_path).subject("dashboard@desktop", "visual")
    assert decided.outcome is Outcome.ERROR
    assert "the page never stood still: mask what moves, or mend it" in decided.reason
    assert "no two of 8 were equal" in decided.reason


def test_a_refused_sign_in_costs_only_the_pages_of_that_identity(
    site: Site, tmp_path: Path, passwords: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page behind the sign-in is an error that names the variables; the public one passes."""
    monkeypatch.setenv("DEMO_VIEWER_PASSWORD", "not-the-password")
    dashboard = _page("dashboard", "/en/dashboard", "Impact this quarter", identity="viewer")
    plan = write_plan(tmp_path, site(), {"page-health": {}}, pages=[dashboard, SIGN_IN_PAGE], identities=VIEWER)
    looked = look(plan, [PageSweep()], tmp_path, in_one_shard=True)
    refused = looked.subject("dashboard@desktop", "page-health")
    assert (refused.outcome, "could not sign in: /api/login answered 401" in refused.reason) == (Outcome.ERROR, True)
    assert "DEMO_VIEWER_PASSWORD" in refused.reason
    assert looked.subject("sign-in@desktop", "page-health").outcome is Outcome.PASS
    assert b"not-the-password" not in looked.everything()


def test_a_sign_in_never_takes_the_password_to_a_foreign_host(
    server: HostileServer, stranger: HostileServer, tmp_path: Path, passwords: None
) -> None:
    """A login that answers 307 asks for the same body to be sent elsewhere; it is not."""
    server.answers["/api/login"] = redirect(stranger.url("/collect"), "307 Temporary Redirect")
    pages = [_page("fine", identity="viewer")]
    plan = write_plan(tmp_path, server.url(), {"page-health": {}}, pages=pages, identities=VIEWER)
    decided = look(plan, [PageSweep()], tmp_path).subject("fine@desktop", "page-health")
    assert (decided.outcome, "could not sign in" in decided.reason) == (Outcome.ERROR, True), decided.reason
    assert stranger.paths() == []


BROWSERS_THAT_ARE_NOT = {
    "missing": ("/nowhere/chromium", "STAGEPROOF_CHROMIUM is set to '/nowhere/chromium', which is not an executable"),
    "not-a-browser": ("/bin/false", "Chromium did not start"),
}


@pytest.mark.parametrize(("path", "says"), BROWSERS_THAT_ARE_NOT.values(), ids=BROWSERS_THAT_ARE_NOT.keys())
def test_without_a_browser_every_page_is_an_error(
    path: str, says: str, server: HostileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shards fail with what to do, and each page ends in error with the same words."""
    monkeypatch.setenv("STAGEPROOF_CHROMIUM", path)
    pages = [_page("fine"), _page("other", "/fine")]
    looked = look(
        write_plan(tmp_path, server.url(), {"page-health": {}, "axe": {}}, pages=pages),
        [AcceptedAndAnswered(), PageSweep()],
        tmp_path,
    )
    listed, *swept = looked.problems
    assert (listed, swept != []) == (None, True)
    assert all(says in str(problem) for problem in swept), swept
    outcomes = {(s.check, s.subject): (s.outcome, says in s.reason) for s in looked.decision.subjects}
    assert len(outcomes) == 4
    assert set(outcomes.values()) == {(Outcome.ERROR, True)}
    assert not looked.is_go
