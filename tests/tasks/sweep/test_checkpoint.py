"""A checkpoint of a journey hears what the sweep hears, though nothing stilled the journey's page before."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tasks.doors.chromium import find_chromium
from tasks.plan import parse_plan
from tasks.sweep.checkpoint import FOLDER, VISITS, hear, plan_checkpoints, take
from tasks.sweep.models import PageVisit
from tests.flows.hostile_server import answer, hostile_server, page

pytestmark = pytest.mark.real

PLAN = """
schema = 1
[target]
name = "small"
base_url = "http://127.0.0.1"
allowed_hosts = ["127.0.0.1"]
release = { url = "/version.json", pointer = "/commit" }
[viewports.desktop]
width = 400
height = 300
[[checkpoints]]
name = "shares"
viewport = "desktop"
[[pages]]
name = "start"
path = "/"
must_show = ["Alone"]
[checks.journeys]
suites = ["suites/e2e"]
required = ["shares"]
"""
STARTS = (
    "<h1>Alone</h1><script>new SharedWorker('%s').port.onmessage = event => { document.title = event.data }</script>"
)
WORKERS = {
    "/speaks.js": (None, False),
    "/nowhere.js": ("the shared worker did not start", False),
    "/hang": (None, True),
}
"""Script -> why it failed, and whether it is told as one without an answer."""


@pytest.mark.parametrize("script", WORKERS)
def test_a_shared_worker_is_told_as_the_page_heard_of_it(
    script: str, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path / "checkpoints"))
    monkeypatch.setenv("STAGEPROOF_CHROMIUM", str(find_chromium()))
    plan_checkpoints(parse_plan(PLAN, "small.toml"), tmp_path / "checkpoints")
    with hostile_server() as server, browser.new_context() as context:
        server.answers["/"] = page(STARTS % script)
        server.answers["/speaks.js"] = answer(
            "onconnect = event => event.ports[0].postMessage('Hello')", "text/javascript"
        )
        tab = hear(context.new_page())
        tab.goto(server.url("/"))
        take(tab, "shares")
    visit = PageVisit.model_validate_json((tmp_path / "checkpoints" / VISITS).read_text())
    told = [(seen.failure, bool(seen.unanswered_seconds)) for seen in visit.requests if seen.url.endswith(script)]
    assert told == [WORKERS[script]]
