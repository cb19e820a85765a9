"""The same shards gathered by threads, by processes and on a Dask cluster give the same evidence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from evidence_store.workspace import Workspace
from flows.gathering_places import VARIABLE, gathering_place
from tasks.gathering import errand_for, run_errand
from tasks.plan import PlanError, load_plan
from tasks.sweep.gather import PageSweep
from tests.flows.conftest import Site
from tests.flows.looking import SIGN_IN_PAGE, VIEWER, new_workspace, write_plan
from tests.flows.worlds import PASSWORDS

pytestmark = pytest.mark.real

DASHBOARD = {
    "name": "dashboard",
    "path": "/en/dashboard",
    "identity": "viewer",
    "must_show": ["Impact this quarter"],
    "mask": ["[data-live]"],
    "states": [{"name": "filtered", "do": [{"click": "#filter-toggle"}], "must_show": ["Period"]}],
}
# What tells one look from another: instants, durations, and the session the server gave.
CHANGES = re.compile(r'"(gathered_at|seconds|document_seconds|headers|stored)": ')


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a Dask scheduler with two worker processes on this machine, which have the plan's variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in PASSWORDS.items():
            patch.setenv(name, value)
        with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as running:
            yield running.scheduler_address.replace("tcp://", "dask://")


def gathered(place: str, plan_file: Path, home: Path) -> tuple[dict[str, Any], Workspace]:
    """All evidence of a sweep that was gathered there, without what changes with every look."""
    plan, source, workspace = load_plan(plan_file), PageSweep(), new_workspace(home)
    workspace.redactor.learn("viewers-long-password", "env:DEMO_VIEWER_PASSWORD")
    with gathering_place({VARIABLE: place}) as somewhere:
        problems = [somewhere.gather(source, plan, shard, workspace) for shard in source.shards(plan)]
    assert problems == [None] * len(problems)
    evidence = {
        visit["subject"]: {name: value for name, value in visit.items() if not CHANGES.match(f'"{name}": ')}
        for name in workspace.names()
        if name.endswith(".evidence.json")
        for visit in json.loads(workspace.read(name))["page-visit"]
    }
    for visit in evidence.values():
        visit["requests"] = sorted((item["url"], item["status"]) for item in visit["requests"])
        visit["axe"] = {key: value for key, value in visit["axe"].items() if key != "result"}  # it holds an instant
    return evidence, workspace


def test_the_place_makes_no_difference(site: Site, cluster: str, tmp_path: Path, passwords: None) -> None:
    """Screenshots, texts and all else are the same to the byte, and every place learned the session's secret."""
    plan = write_plan(tmp_path, site(), {"visual": {}}, pages=[SIGN_IN_PAGE, DASHBOARD], identities=VIEWER)
    seen = {place: gathered(place, plan, tmp_path / place[:4]) for place in ("threads", "processes", cluster)}
    (reference, _), *others = seen.values()
    assert sorted(reference) == ["dashboard.filtered@desktop", "dashboard@desktop", "sign-in@desktop"]
    for evidence, _ in others:
        assert evidence == reference
    for _, workspace in seen.values():
        assert "cookie:tidemark_session" in [name for _, name in workspace.redactor.secrets()]


def test_a_process_without_the_plans_variables_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker elsewhere has an environment of its own; what it lacks is named."""
    plan = load_plan(write_plan(tmp_path, "http://127.0.0.1:9", {"visual": {}}, identities=VIEWER))
    source, workspace = PageSweep(), new_workspace(tmp_path)
    monkeypatch.delenv("DEMO_VIEWER_PASSWORD", raising=False)
    done = run_errand(errand_for(source, plan, source.shards(plan)[0], workspace))
    assert "DEMO_VIEWER_PASSWORD has no value where this is gathered" in str(done.problem)


def test_a_process_that_is_gone_costs_its_shard_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shard is a failure on record, as if it had failed here."""
    monkeypatch.setenv("STAGEPROOF_CHROMIUM", "/nowhere/chromium")
    plan = load_plan(write_plan(tmp_path, "http://127.0.0.1:9", {"visual": {}}))
    source, workspace = PageSweep(), new_workspace(tmp_path)
    (shard,) = source.shards(plan)
    with ExitStack() as ending:
        place = ending.enter_context(gathering_place({VARIABLE: "processes"}))
        problem = place.gather(source, plan, shard, workspace)
    assert "/nowhere/chromium" in str(problem)
    assert workspace.names() == [f"data/sweep/{shard.id}.failure.json"]


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("elsewhere", "'elsewhere' is none of threads, processes and dask://"),
        ("dask://127.0.0.1:9", "no Dask scheduler"),
    ],
)
def test_a_place_that_is_not_there_is_refused(place: str, says: str) -> None:
    """Before anything was looked at, with what can be named in its place."""
    with pytest.raises(PlanError, match=says), gathering_place({VARIABLE: place}):
        pytest.fail("it was had")
