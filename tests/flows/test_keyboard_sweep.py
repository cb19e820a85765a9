"""The walk by keyboard as a run makes it: a healthy site passes, and each keyboard fault of the site is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence_store.model import Outcome
from tasks.sweep.gather import PageSweep
from tasks.sweep.models import KeyboardWalk
from tests.flows.conftest import Site
from tests.flows.hostile_server import HostileServer, page
from tests.flows.looking import VIEWER, look, write_plan

pytestmark = pytest.mark.real

DASHBOARD = {"name": "dashboard", "path": "/en/dashboard", "identity": "viewer", "must_show": ["Impact"]}


@pytest.mark.usefixtures("passwords")
@pytest.mark.parametrize(
    ("faults", "outcome", "says"),
    [
        ((), Outcome.PASS, "0 keyboard barriers"),
        (("focus-invisible",), Outcome.FAIL, "nothing shows that"),
        (("mouse-only-button",), Outcome.FAIL, 'button "Print"'),
    ],
    ids=["healthy", "focus-invisible", "mouse-only-button"],
)
def test_the_dashboard_by_keyboard(
    site: Site, tmp_path: Path, faults: tuple[str, ...], outcome: Outcome, says: str
) -> None:
    plan = write_plan(tmp_path, site(*faults), {"keyboard": {}}, pages=[DASHBOARD], identities=VIEWER)
    looked = look(plan, [PageSweep()], tmp_path)
    subject = looked.subject("dashboard@desktop", "keyboard")
    assert (subject.outcome, says in subject.reason) == (outcome, True), subject.reason
    walk = looked.evidence(KeyboardWalk, "dashboard@desktop")
    assert walk.picture.path == "data/sweep/dashboard@desktop/keyboard.png"


def test_a_page_that_cannot_be_visited_is_an_error_of_the_walk_too(server: HostileServer, tmp_path: Path) -> None:
    server.answers["/gone"] = lambda exchange: exchange.connection.close()
    plan = write_plan(tmp_path, server.url(), {"keyboard": {}}, pages=[{"name": "gone", "path": "/gone"}])
    subject = look(plan, [PageSweep()], tmp_path).subject("gone@desktop", "keyboard")
    assert (subject.outcome, "ERR_EMPTY_RESPONSE" in subject.reason) == (Outcome.ERROR, True)


def test_a_page_that_swallows_tab_is_no_pass(server: HostileServer, tmp_path: Path) -> None:
    script = "<script>addEventListener('keydown', e => e.preventDefault(), true)</script>"
    server.answers["/"] = page("<h1>Swallows</h1><button>Open</button>", script)
    plan = write_plan(tmp_path, server.url(), {"keyboard": {}}, pages=[{"name": "home", "path": "/"}])
    looked = look(plan, [PageSweep()], tmp_path)
    subject = looked.subject("home@desktop", "keyboard")
    assert (subject.outcome, "Tab reached nothing" in subject.reason) == (Outcome.ERROR, True)
