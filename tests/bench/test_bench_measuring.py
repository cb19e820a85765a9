"""The bench's arithmetic, and how it reads what tools report: a tool that did not look is never fast or right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flows.run_settings import REPOSITORY
from tests.bench.measuring import Measured, Repeated, against_goal, in_turns, measure, ratio, shown
from tests.bench.parts import Alarms, growth_table, sweep_table
from tests.bench.screens import Screen, desktop_screens
from tests.bench.tools import AxeCommand, BackstopPuppeteer, Pa11y, PlaywrightTest, Reading, Stageproof, Tool

HOME, DASHBOARD = desktop_screens(2)
URL = "http://127.0.0.1:8700"


def _repeated(*walls: float) -> Repeated:
    repeated = Repeated("tool", "1.0")
    for wall in walls:
        repeated.add(Measured(wall, wall * 2, 0), 20, 20)
    return repeated


def test_tools_take_turns() -> None:
    """Never all runs of one tool together."""
    assert list(in_turns(["a", "b"], 2)) == [(1, "a"), (1, "b"), (2, "a"), (2, "b")]


def test_ratios() -> None:
    """Ours divided by the peer's; nothing measured is no ratio, and no goal met."""
    assert ratio(10, 20) == 0.5
    assert ratio(None, 20) is None
    assert ratio(10, None) is None
    assert against_goal(0.5, 0.5) == "0.50 (goal 0.50: met)"
    assert against_goal(0.51, 0.5) == "0.51 (goal 0.50: not met)"
    assert against_goal(0.51, None) == "0.51"
    assert against_goal(None, 0.5) == "not measured"
    assert (shown(None), shown(1.26), shown(1.26, 2)) == ("–", "1.3", "1.26")


def test_minimum_and_median() -> None:
    """Of wall seconds, and the median of CPU seconds."""
    repeated = _repeated(30, 10, 11)
    assert (repeated.wall(min), repeated.wall(), repeated.cpu()) == (10, 11, 22)


@pytest.mark.parametrize(("checked", "problem"), [(0, ""), (19, ""), (20, "no report")])
def test_a_run_that_did_not_check_everything_is_not_counted(checked: int, problem: str) -> None:
    """However fast it was."""
    repeated = _repeated(30)
    repeated.add(Measured(0.1, 0.1, 1), checked, 20, problem)
    assert repeated.wall(min) == 30
    assert repeated.problems == [problem or f"checked {checked} of 20"]


def test_a_tool_that_never_looked_has_no_time() -> None:
    """And no ratio, so that its table row says so."""
    never = Repeated("backstop", "6.3.25")
    never.add(Measured(0.1, 0.1, 1), 0, 20)
    assert (never.wall(), never.wall(min), never.cpu()) == (None, None, None)
    table = sweep_table({"stageproof": _repeated(10), "backstop": never, "pa11y-ci": _repeated(40)}, 20, "like ours")
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert [row[-1] for row in rows] == ["", "not measured", "0.25 (goal 0.50: met)"]
    assert [row[2] for row in rows] == ["1 of 1", "0 of 1", "1 of 1"]


def test_growth_is_told_against_the_smallest_size() -> None:
    """Seconds a page and memory; a size that was not measured has a dash."""
    small: dict[str, Any] = {"wall_median": 10.0, "seconds_a_page": 0.5, "peak_tree": 2**30, "peak_own": 2**27}
    large = {"wall_median": 500.0, "seconds_a_page": 1.0, "peak_tree": 2**31, "peak_own": 2**27}
    missing = dict.fromkeys(small)
    table = growth_table({20: small, 500: large, 1000: missing})
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert rows[1] == ("500", "500.0", "1.000", "2.00", "2,048 MiB", "2.00", "128 MiB", "1.00")
    assert rows[2] == ("1000", "–", "–", "–", "–", "–", "–", "–")


def test_alarms_are_counted_by_condition() -> None:
    """Screens that did not pass are false alarms; those not checked are neither right nor wrong."""
    alarms = Alarms("1.0")
    alarms.add("normal", Reading({"a@desktop": True, "b@desktop": False}), 3)
    alarms.add("normal", Reading({"a@desktop": True, "b@desktop": False, "c@desktop": True}), 3)
    assert (alarms.looked, alarms.false, alarms.unchecked) == (
        {"normal": 5},
        {"normal": ["b@desktop", "b@desktop"]},
        {"normal": 1},
    )


def test_missed_regressions_are_those_whose_screen_passed() -> None:
    """A screen that was not checked is told apart."""
    alarms = Alarms("1.0")
    alarms.judge_regressions(Reading({"a": True, "b": False}), {"shift": "a", "banner": "b", "one-letter": "c"})
    assert (alarms.missed, alarms.unanswered) == (["shift"], ["one-letter"])


# -- what tools report ------------------------------------------------------------------------------------------------


def _tool(kind: type[Tool], folder: Path) -> Tool:
    return kind(folder, URL, [HOME, DASHBOARD])


@pytest.mark.parametrize("kind", [Stageproof, BackstopPuppeteer, PlaywrightTest, Pa11y, AxeCommand])
@pytest.mark.parametrize("content", [None, "", "{"])
def test_a_missing_or_broken_report_is_a_problem(kind: type[Tool], content: str | None, tmp_path: Path) -> None:
    """And nothing was checked; a report of an earlier run does not speak for this one."""
    tool = _tool(kind, tmp_path)
    tool.report().parent.mkdir(exist_ok=True)
    tool.report().write_text("{}", encoding="utf-8")
    tool.forget()
    assert not tool.report().exists()
    for text in (content,) if content is not None else ():
        tool.report().write_text(text, encoding="utf-8")
    reading = tool.read()
    assert (reading.passed, reading.problem.startswith("no report: ")) == ({}, True)


def _ours(home: str, dashboard: str, axe: str = "pass", reason: str = "") -> dict[str, Any]:
    visual = {HOME.name: home, DASHBOARD.name: dashboard}
    checks = {"visual": visual, "axe": dict.fromkeys(visual, axe), "page-health": dict.fromkeys(visual, "pass")}
    reasons = {check: dict.fromkeys(visual, reason) for check in checks}
    return {
        "outcomes": checks,
        "reasons": reasons,
        "problems": [],
        "rules": {},
        "gather_seconds": 1,
        "judge_seconds": 1,
    }


OURS = {
    "good": (_ours("pass", "fail"), {HOME.name: True, DASHBOARD.name: False}),
    "axe-fails": (_ours("pass", "pass", axe="fail"), {HOME.name: True, DASHBOARD.name: True}),
    "axe-error": (_ours("pass", "pass", axe="error"), {}),
    "awaits-approval": (_ours("pass", "not_run"), {HOME.name: True}),
    "no-browser": (_ours("error", "error", reason="Chromium did not start"), {}),
    "unstable": (
        _ours("pass", "error", reason="the page never stood still: mask what moves"),
        {HOME.name: True, DASHBOARD.name: False},
    ),
}


@pytest.mark.parametrize(("content", "passed"), OURS.values(), ids=OURS.keys())
def test_our_report(content: dict[str, Any], passed: dict[str, bool], tmp_path: Path) -> None:
    """A screen is checked when all three checks judged it; an unstable one is a false alarm."""
    reading = _tool(Stageproof, tmp_path).reading(content)
    assert (reading.passed, reading.problem) == (passed, "")


def _pair(screen: Screen, status: str, **more: str) -> dict[str, Any]:
    pair = {"label": screen.page.name, "viewportLabel": screen.viewport, "test": f"../test/{screen.page.name}.png"}
    return {"pair": pair | more, "status": status}


def test_backstops_report(tmp_path: Path) -> None:
    """A pair with an engine error, or whose picture is not there, was not checked."""
    tool = _tool(BackstopPuppeteer, tmp_path)
    (tool.folder / "json").mkdir()
    (tool.folder / "test").mkdir()
    (tool.folder / "test" / "home.png").touch()
    reading = tool.reading({"tests": [_pair(HOME, "pass"), _pair(DASHBOARD, "fail")]})
    assert reading.passed == {HOME.name: True}, "the second picture is missing"
    (tool.folder / "test" / "dashboard.png").touch()
    reading = tool.reading({"tests": [_pair(HOME, "pass"), _pair(DASHBOARD, "fail")]})
    assert reading.passed == {HOME.name: True, DASHBOARD.name: False}
    reading = tool.reading({"tests": [_pair(HOME, "fail", engineErrorMsg="Failed to launch")]})
    assert reading.passed == {}


def _spec(screen: Screen, status: str, message: str = "") -> dict[str, Any]:
    result = {"status": status, "error": {"message": message} if message else None}
    return {"title": screen.name, "tests": [{"results": [result]}]}


PLAYWRIGHT = {
    "passed": (_spec(HOME, "passed"), {HOME.name: True}),
    "different": (_spec(HOME, "failed", "expect(page).toHaveScreenshot(expected) failed"), {HOME.name: False}),
    "no-browser": (_spec(HOME, "failed", "browserType.launch: Executable doesn't exist"), {}),
    "skipped": (_spec(HOME, "skipped"), {}),
}


@pytest.mark.parametrize(("spec", "passed"), PLAYWRIGHT.values(), ids=PLAYWRIGHT.keys())
def test_playwrights_report(spec: dict[str, Any], passed: dict[str, bool], tmp_path: Path) -> None:
    """Only a test that failed for its picture, or passed, has checked anything."""
    reading = _tool(PlaywrightTest, tmp_path).reading({"suites": [{"specs": [spec]}], "errors": []})
    assert (reading.passed, reading.problem) == (passed, "")


def test_playwrights_own_errors_are_a_problem(tmp_path: Path) -> None:
    """A configuration that cannot be loaded checks nothing."""
    reading = _tool(PlaywrightTest, tmp_path).reading({"suites": [], "errors": [{"message": "No tests found"}]})
    assert (reading.passed, reading.problem) == ({}, "No tests found")


PA11Y = {
    "clean": ([], {HOME.name: True}),
    "issues": ([{"code": "color-contrast", "message": "…"}], {HOME.name: False}),
    "not-loaded": ([{"message": "Failed to launch the browser process"}], {}),
}


@pytest.mark.parametrize(("found", "passed"), PA11Y.values(), ids=PA11Y.keys())
def test_pa11ys_report(found: list[dict[str, str]], passed: dict[str, bool], tmp_path: Path) -> None:
    """It lists the error of a page that did not load among the issues; without a rule it is none."""
    reading = _tool(Pa11y, tmp_path).reading({"results": {URL + HOME.page.path: found}})
    assert reading.passed == passed


AXE = {
    "clean": ({"url": URL + HOME.page.path, "violations": []}, {HOME.name: True}),
    "violations": ({"url": URL + HOME.page.path, "violations": [{"id": "label"}]}, {HOME.name: False}),
    "not-loaded": ({"url": "chrome-error://chromewebdata/", "violations": []}, {}),
}


@pytest.mark.parametrize(("page", "passed"), AXE.values(), ids=AXE.keys())
def test_axe_clis_report(page: dict[str, Any], passed: dict[str, bool], tmp_path: Path) -> None:
    """It scans the browser's own page of errors like any other; that is none of the screens."""
    assert _tool(AxeCommand, tmp_path).reading([page]).passed == passed


# -- measuring a process ----------------------------------------------------------------------------------------------

WORK = "import time\nwhile time.process_time() < 0.5: pass"
LEFT_BEHIND = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {WORK!r}])"
# In a process of its own: to adopt orphans is for life, and would change what other tests see.
MEASURE_IT = f"""
import sys
from pathlib import Path
from tests.bench.measuring import adopt_orphans, measure
adopt_orphans()
measured = measure([sys.executable, "-c", {LEFT_BEHIND!r}], cwd=Path(), log=Path(sys.argv[1]))
print(measured.exit_code, measured.cpu)
"""


@pytest.mark.real
@pytest.mark.skipif(sys.platform != "linux", reason="orphans can be adopted on Linux only")
def test_the_work_of_orphans_is_counted(tmp_path: Path) -> None:
    """A browser that outlives the tool that started it has cost what it cost; none is left."""
    command = [sys.executable, "-c", MEASURE_IT, str(tmp_path / "log.txt")]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY).stdout
    code, cpu = said.split()
    assert code == "0"
    assert float(cpu) >= 0.5


@pytest.mark.real
def test_a_command_over_time_is_ended(tmp_path: Path) -> None:
    """It has no result, and its memory was seen."""
    command = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]
    measured = measure(command, cwd=tmp_path, log=tmp_path / "log.txt", timeout=3, memory=True)
    assert measured.exit_code == -9
    assert measured.peak_tree >= measured.peak_own > 0
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "log.txt").read_text(encoding="utf-8")), 0)


def test_reports_are_json(tmp_path: Path) -> None:
    """What is kept beside the tables holds every run."""
    kept = json.loads(json.dumps(_repeated(10, 12).as_json()))
    assert (len(kept["runs"]), kept["wall_median"], kept["cpu_median"]) == (2, 11, 22)
