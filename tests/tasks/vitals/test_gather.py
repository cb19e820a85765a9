"""Vitals of real pages: each number against what the page was built to cost, and each failure told as what it is."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from evidence_store.model import Outcome, Release
from evidence_store.workspace import Workspace, evidence_of
from tasks.contract import GatherError, Turn
from tasks.judging import judge
from tasks.plan import Plan
from tasks.vitals import gather
from tasks.vitals.gather import VitalsRuns, another_run_needed, with_pressure
from tasks.vitals.judge import VITALS
from tasks.vitals.models import PageVitals, VitalsOptions, values_of
from tasks.vitals.pressure import ProcessorReading, others_share, read_processor

from .runs import BUSY, CLICK, STARTED, plan_with, run, series
from .site import BLOCK_MS, LATE_MS, SHIFT, SLOW_ANSWER_SECONDS, WORDS, site

SLACK_MS = 700
"""What a machine that others use may add to a number; every lower bound is exact."""
VIEWPORTS = {
    "desktop": {"width": 1280, "height": 800},
    "phone": {"width": 390, "height": 844, "touch": True},
}


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with site() as address:
        yield address


def page(name: str, interactions: Sequence[dict[str, str]] = (), **changes: Any) -> dict[str, Any]:
    """A page of the site as a plan names it."""
    return {"name": name, "path": f"/{name}", "must_show": [WORDS], "interactions": list(interactions)} | changes


def gathered(plan: Plan, folder: Path) -> tuple[dict[str, PageVitals], Workspace]:
    """What the source wrote, by subject."""
    workspace = Workspace(folder)
    source = VitalsRuns()
    for shard in source.shards(plan):
        source.gather(plan, shard, workspace)
    return {look.subject: look for look in evidence_of(workspace, PageVitals)}, workspace


def measured_plan(base_url: str, pages: Sequence[dict[str, Any]], **table: Any) -> Plan:
    """Three runs whatever else the machine does: bounds are generous instead."""
    table = {"runs": 3, "extra_runs": 0, "pressure_limit": 1} | table
    return plan_with(pages, base_url, VIEWPORTS, **table)


KNOWN = [
    page("plain"),
    page("slow-answer"),
    page("late-text"),
    page("late-picture"),
    page("shift"),
    page("blocked"),
    page("slow-click", [CLICK]),
    page("slow-tap", [CLICK], path="/slow-click", viewports=["phone"]),
    page("slow-key", [CLICK, {"type": "a"}]),
    page("cancelled-timer"),
    page("unpainted", must_show=[]),
    page("no-button", [{"click": "#nowhere"}], path="/plain"),
]


@pytest.fixture(scope="module")
def known(base_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, PageVitals]:
    looks, _ = gathered(measured_plan(base_url, KNOWN), tmp_path_factory.mktemp("known"))
    return {subject.partition("@")[0]: look for subject, look in looks.items()}


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "metric", "least", "most"),
    [
        ("slow-answer", "ttfb", SLOW_ANSWER_SECONDS * 1000, SLOW_ANSWER_SECONDS * 1000 + SLACK_MS),
        ("late-text", "lcp", LATE_MS, LATE_MS + SLACK_MS),
        ("late-picture", "lcp", LATE_MS, LATE_MS + SLACK_MS),
        ("shift", "cls", SHIFT - 0.001, SHIFT + 0.001),
        ("blocked", "tbt", BLOCK_MS - 50 - 1, BLOCK_MS - 50 + SLACK_MS),
        # Event Timing rounds durations to 8 ms.
        ("slow-click", "inp", BLOCK_MS - 8, BLOCK_MS + SLACK_MS),
        ("slow-tap", "inp", BLOCK_MS - 8, BLOCK_MS + SLACK_MS),
        ("slow-key", "inp", BLOCK_MS - 8, BLOCK_MS + SLACK_MS),
    ],
)
def test_a_known_cost_is_measured(
    known: dict[str, PageVitals], name: str, metric: str, least: float, most: float
) -> None:
    look = known[name]
    values = sorted(values_of(look.runs, metric))
    assert look.problem is None
    assert len(values) == 3
    assert least <= values[0]
    assert values[1] <= most


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "metric", "most"),
    [
        ("plain", "cls", 0),
        ("plain", "lcp", LATE_MS - 1),
        ("late-text", "fcp", LATE_MS - 1),
        ("slow-click", "tbt", BLOCK_MS - 51),  # what an input costs is not what loading costs
        ("late-picture", "fcp", LATE_MS - 1),
    ],
)
def test_what_a_page_does_not_cost_is_not_measured(
    known: dict[str, PageVitals], name: str, metric: str, most: float
) -> None:
    values = sorted(values_of(known[name].runs, metric))
    assert len(values) == 3
    assert values[1] <= most


@pytest.mark.real
def test_each_run_tells_where_it_ended_what_it_counted_in_and_how_busy_the_machine_was(
    known: dict[str, PageVitals],
) -> None:
    look = known["late-text"]
    assert "no throttling; web-vitals-6.2.3; 1280x800@1" in look.environment
    for each in look.runs:
        assert each.url.endswith("/late-text")
        assert each.quiet
        assert each.window is not None
        assert each.window[0] == each.values["fcp"]
        assert each.window[1] >= each.values["lcp"] + 400
        assert each.pressure is not None
        assert each.absent == {"inp": "no interaction is planned"}


@pytest.mark.real
def test_a_timer_that_was_cancelled_is_not_waited_for(known: dict[str, PageVitals]) -> None:
    ends = sorted(each.window[1] for each in known["cancelled-timer"].runs if each.window)
    assert len(ends) == 3
    assert ends[1] < 4900


@pytest.mark.real
def test_a_page_that_paints_nothing_has_no_value_and_says_why(known: dict[str, PageVitals]) -> None:
    for each in known["unpainted"].runs:
        assert set(each.values) == {"ttfb"}
        assert each.absent["lcp"] == "the page reported no LCP"
        assert "nothing was painted" in each.absent["tbt"]


@pytest.mark.real
def test_an_input_that_cannot_be_done_costs_only_inp(known: dict[str, PageVitals]) -> None:
    look = known["no-button"]
    assert look.problem is None
    for each in look.runs:
        assert set(each.values) == {"ttfb", "fcp", "lcp", "cls", "tbt"}
        assert "interaction 1 (click '#nowhere') could not be done" in each.absent["inp"]


@contextmanager
def processes_started() -> Iterator[list[psutil.Process]]:
    """Every process below this one that came up meanwhile; servers of the session were there before."""
    before = set(psutil.Process().children(recursive=True))
    seen: set[psutil.Process] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.1):
            seen.update(psutil.Process().children(recursive=True))

    watcher = threading.Thread(target=watch)
    watcher.start()
    found: list[psutil.Process] = []
    try:
        yield found
    finally:
        stop.set()
        watcher.join()
        found.extend(seen - before)


@pytest.mark.real
def test_one_pages_failure_is_told_and_costs_the_others_nothing(base_url: str, tmp_path: Path) -> None:
    pages = [
        page("for-ever"),
        page("members"),
        page("gone"),
        page("login", must_show=["Please sign in", "Your approvals"]),
        page("leaving", [CLICK]),
        page("plain"),
    ]
    plan = measured_plan(base_url, pages, run_seconds=12)
    with processes_started() as processes:
        looks, workspace = gathered(plan, tmp_path)
    assert [look.problem for look in looks.values()] == [
        "load 1: the page did not come to rest in 12 s and the browser was ended",
        f"load 1: ended on {base_url}/login in place of {base_url}/members",
        f"load 1: {base_url}/gone answered 404",
        "load 1: 'Your approvals' is not on the page 8 s after it loaded",
        f"load 1: an interaction left the page for {base_url}/plain, and the page's vitals went with it",
        None,
    ]
    assert len(looks["plain@desktop"].runs) == 3
    assert len(processes) > 1
    _, alive = psutil.wait_procs(processes, timeout=15)
    assert [process.pid for process in alive] == []

    result = judge(VITALS, plan, plan.profile("nightly"), STARTED, Release(), workspace)
    outcomes = {finding.subject: finding.outcome for finding in result.findings}
    assert set(outcomes) == set(VITALS.expects(plan))
    failed = {subject for subject, outcome in outcomes.items() if outcome is Outcome.ERROR}
    assert failed == {subject for subject in outcomes if not subject.startswith("plain@")}


@pytest.mark.real
def test_a_run_beside_other_work_is_discarded_and_repeated(
    base_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = iter([0.1, 0.9])
    monkeypatch.setattr(gather, "others_share", lambda *_: next(shares, 0.05))
    monkeypatch.setattr(gather, "CALM_SECONDS", 0)
    plan = measured_plan(base_url, [page("plain")], extra_runs=2, pressure_limit=0.5, budgets={"fcp_ms": 60_000})
    looks, _ = gathered(plan, tmp_path)
    runs = looks["plain@desktop"].runs
    assert [(each.pressure, each.discarded) for each in runs] == [
        (0.1, None),
        (0.9, "other processes used 90% of the processors meanwhile (limit 50%)"),
        (0.05, None),
        (0.05, None),
    ]


@pytest.mark.real
def test_an_identity_that_cannot_sign_in_costs_only_its_own_pages(base_url: str, tmp_path: Path) -> None:
    content = json.loads(measured_plan(base_url, [page("slow-answer", identity=None), page("plain")]).canonical_json())
    content["identities"] = {"viewer": {"login": {"url": "/api/login", "json": {"email": "viewer@example.org"}}}}
    content["pages"][0]["identity"] = "viewer"
    looks, _ = gathered(Plan.model_validate(content), tmp_path)
    assert "'viewer' could not sign in" in str(looks["slow-answer@desktop"].problem)
    assert looks["plain@desktop"].problem is None


@pytest.mark.real
def test_without_a_browser_nothing_can_be_looked_at(
    base_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGEPROOF_CHROMIUM", str(tmp_path / "no-browser"))
    with pytest.raises(GatherError, match="no-browser"):
        gathered(measured_plan(base_url, [page("plain")]), tmp_path)
    assert not Workspace(tmp_path).has_evidence("vitals", "pages")


def test_the_work_is_one_piece_that_runs_alone() -> None:
    plan = plan_with([page("one"), page("two")])
    (shard,) = VitalsRuns().shards(plan)
    assert shard.members == ("one@desktop", "two@desktop")
    assert VitalsRuns.turn is Turn.ALONE


@pytest.mark.parametrize(
    ("pressure", "discarded"),
    [(0.0, None), (0.4, None), (0.7, BUSY)],
)
def test_pressure_above_the_limit_discards(pressure: float, discarded: str | None) -> None:
    told = with_pressure(run(), pressure, 0.4)
    assert (told.pressure, told.discarded) == (pressure, discarded)


@pytest.mark.parametrize(
    ("runs", "interactive", "needed"),
    [
        ((), True, True),
        (series("lcp", 800, 800), True, True),
        (series("lcp", 800, 800, 800), True, False),
        ((*series("lcp", 800, 800), run(discarded=BUSY)), True, True),
        (series("lcp", 2400, 2400, 2600), True, True),
        (series("lcp", 2600, 2600, 2600), True, False),
        (series("inp", 100, 300, 300), True, True),
        (series("inp", 100, 300, 300), False, False),
        ((*series("lcp", 2400, 2400, 2600), *series("lcp", 2400, 2600)), True, False),  # the cap of 3 + 2
        (tuple(run(discarded=BUSY) for _ in range(5)), True, False),
    ],
)
def test_when_another_run_is_made(runs: tuple[Any, ...], interactive: bool, needed: bool) -> None:
    options = VitalsOptions(runs=3, extra_runs=2)
    assert another_run_needed(runs, options, interactive=interactive) is needed


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        pytest.param((0, 10, {1: 5}), (2, 12, {1: 7}), 0, id="all of it ours"),
        pytest.param((0, 10, {1: 5}), (2, 14, {1: 7}), 0.5, id="half of the machine was others'"),
        pytest.param((0, 10, {1: 5}), (2, 12, {1: 5, 2: 2}), 0, id="a process of ours that started meanwhile"),
        pytest.param((0, 10, {1: 5, 2: 9}), (2, 12, {1: 7}), 0, id="a process of ours that ended meanwhile"),
        pytest.param((0, 10, {}), (0, 10, {}), 0, id="no time went by"),
        pytest.param((0, 10, {}), (1, 99, {}), 1, id="never more than the machine"),
    ],
)
def test_what_others_used(before: tuple[Any, ...], after: tuple[Any, ...], share: float) -> None:
    assert others_share(ProcessorReading(*before), ProcessorReading(*after), 2) == share


def test_our_own_processes_are_read() -> None:
    reading = read_processor()
    assert psutil.Process().pid in reading.ours
    assert reading.everybody >= sum(reading.ours.values())
