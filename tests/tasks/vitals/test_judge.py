"""The judge of vitals: good passes, bad fails, broken is an error, and nothing is expected that cannot be seen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_store.model import Finding, Outcome
from tasks.plan import PlanError, parse_stored_plan
from tasks.vitals.judge import VITALS

from .runs import BAD, BASE_URL, BROKEN, BUSY, CASES, CLICK, GOOD, Case, judged, look, plan_with, run, series

LOAD_METRICS = ("ttfb", "fcp", "lcp", "cls", "tbt")
SILENT = {"name": "home", "path": "/"}
SECOND = {"name": "second", "path": "/second"}


def only(findings: tuple[Finding, ...], subject: str) -> Finding:
    (finding,) = [finding for finding in findings if finding.subject == subject]
    return finding


@pytest.mark.parametrize("case", [*GOOD, *BAD, *BROKEN], ids=lambda case: case.name)
def test_outcome_of_each_case(case: Case) -> None:
    result = judged([look(case.runs)], plan_with(**case.table))
    finding = only(result.findings, f"home@desktop/{case.metric}")
    assert result.problem is None
    assert (finding.outcome, finding.rule) == (case.outcome, case.metric)
    assert case.says in finding.message
    assert (finding.measured is None) == (case.outcome is Outcome.ERROR)


def test_cases_are_good_bad_and_broken() -> None:
    assert {outcome for _, outcome in CASES["vitals"]} == {Outcome.PASS, Outcome.FAIL, Outcome.ERROR}


def test_a_pass_says_how_much_was_looked_at() -> None:
    runs = (*series("lcp", 812, 840, 833), run({"lcp": 4000}, discarded=BUSY))
    finding = only(judged([look(runs)]).findings, "home@desktop/lcp")
    assert finding.looked_at == "3 runs: 812, 840, 833 ms; 1 discarded; median"
    assert (finding.measured, finding.limit, finding.unit) == (833, 2500, "ms")
    assert finding.evidence == ("data/vitals/pages.evidence.json",)
    assert finding.more_information == "https://web.dev/articles/lcp"


def test_too_few_runs_have_no_median_and_none_has_no_numbers() -> None:
    busy = [run({"lcp": 4000}, discarded=BUSY)] * 7
    none, one = (only(judged([look([*kept, *busy])]).findings, "home@desktop/lcp") for kept in ((), series("lcp", 812)))
    assert none.looked_at == "no run gave a value; 7 of 7 runs discarded"
    assert one.looked_at == "1 run: 812 ms; 7 discarded"


def test_a_score_has_no_unit() -> None:
    finding = only(judged([look(series("cls", 0.02, 0.01, 0.03))]).findings, "home@desktop/cls")
    assert finding.looked_at == "3 runs: 0.020, 0.010, 0.030; 0 discarded; median"
    assert (finding.measured, finding.limit, finding.unit) == (0.02, 0.1, "")


def test_blocking_time_names_its_window_and_a_page_that_never_came_to_rest() -> None:
    runs = [run(), run(), run().model_copy(update={"quiet": False})]
    looked_at = only(judged([look(runs)]).findings, "home@desktop/tbt").looked_at
    assert "from first contentful paint (300 ms) until quiet (900 ms)" in looked_at
    assert "1 still busy" in looked_at


def test_a_value_that_one_run_lacks_is_told() -> None:
    runs = [run(), run(), run(), run(absent={"lcp": "the page reported no LCP"})]
    finding = only(judged([look(runs)]).findings, "home@desktop/lcp")
    assert finding.outcome is Outcome.PASS
    assert "3 runs" in finding.looked_at
    assert "no value in 1" in finding.looked_at


def test_a_look_with_a_problem_is_an_error_in_every_metric() -> None:
    problem = "load 1: ended on http://127.0.0.1:8600/login in place of http://127.0.0.1:8600/"
    result = judged([look([run()] * 5, problem=problem)])
    assert {finding.subject for finding in result.findings} == set(VITALS.expects(plan_with()))
    assert {(finding.outcome, finding.message) for finding in result.findings} == {(Outcome.ERROR, problem)}


def test_without_evidence_nothing_is_said() -> None:
    assert judged([]).findings == ()


def test_evidence_of_a_page_the_plan_no_longer_measures_is_left_alone() -> None:
    assert judged([look([run()] * 3, subject="gone@desktop")]).findings == ()


@given(
    st.lists(st.floats(min_value=0, max_value=10_000).map(lambda value: round(value, 1)), min_size=3, max_size=25),
    st.floats(min_value=1, max_value=10_000).map(lambda value: round(value, 1)),
)
def test_a_pass_has_at_least_half_of_the_runs_within_the_budget(values: list[float], budget: float) -> None:
    plan = plan_with(budgets={"lcp_ms": budget})
    finding = only(judged([look(series("lcp", *values))], plan).findings, "home@desktop/lcp")
    within = sum(value <= budget for value in values)
    over = len(values) - within
    assert finding.outcome in {Outcome.PASS, Outcome.FAIL}
    assert within * 2 >= len(values) or finding.outcome is Outcome.FAIL
    assert over * 2 >= len(values) or finding.outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("pages", "table", "expected"),
    [
        pytest.param(
            [SILENT], {}, [f"home@desktop/{metric}" for metric in LOAD_METRICS], id="no input, no budget for it"
        ),
        pytest.param(
            [SILENT],
            {"budgets": {"inp_ms": 200}},
            [f"home@desktop/{metric}" for metric in (*LOAD_METRICS, "inp")],
            id="a budget for input that nothing will make",
        ),
        pytest.param(
            [SILENT | {"interactions": [CLICK]}, SECOND],
            {"budgets": {"inp_ms": 200}},
            [
                *(f"home@desktop/{metric}" for metric in (*LOAD_METRICS, "inp")),
                *(f"second@desktop/{metric}" for metric in LOAD_METRICS),
            ],
            id="input on one of two pages",
        ),
        pytest.param(
            [SILENT, SECOND], {"pages": ["second"]}, [f"second@desktop/{m}" for m in LOAD_METRICS], id="chosen page"
        ),
        pytest.param(
            [SILENT | {"viewports": ["phone", "desktop"]}],
            {},
            [f"home@phone/{metric}" for metric in LOAD_METRICS],
            id="the page's first viewport",
        ),
        pytest.param(
            [SILENT],
            {"viewports": ["desktop", "phone"]},
            [f"home@{viewport}/{metric}" for viewport in ("desktop", "phone") for metric in LOAD_METRICS],
            id="chosen viewports",
        ),
    ],
)
def test_what_is_expected(pages: list[dict[str, Any]], table: dict[str, Any], expected: list[str]) -> None:
    viewports = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844, "touch": True}}
    plan = plan_with(pages, BASE_URL, viewports, **table)
    assert sorted(VITALS.expects(plan)) == sorted(expected)
    # A stored plan holds every key with its value, and must still expect the same.
    assert sorted(VITALS.expects(parse_stored_plan(plan.canonical_json(), "stored"))) == sorted(expected)


def test_a_budget_for_input_without_any_input_was_not_run() -> None:
    plan = plan_with([SILENT], budgets={"inp_ms": 200})
    finding = only(judged([look([run()] * 3)], plan).findings, "home@desktop/inp")
    assert (finding.outcome, finding.measured) == (Outcome.NOT_RUN, None)
    assert "no interaction is planned" in finding.message


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"pages": ["hone"]}, "names page 'hone'; did you mean 'home'?"),
        ({"viewports": ["desk"]}, "names viewport 'desk'; did you mean 'desktop'?"),
        ({"viewports": ["phone"]}, "page 'home' is looked at in none of phone"),
    ],
)
def test_a_table_that_names_nothing_is_refused(table: dict[str, Any], says: str) -> None:
    viewports = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
    plan = plan_with([SILENT | {"viewports": ["desktop"]}], BASE_URL, viewports, **table)
    with pytest.raises(PlanError, match=r"checks\.vitals") as refused:
        list(VITALS.expects(plan))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "table",
    [
        {"runs": 2},
        {"runs": 26},
        {"extra_runs": -1},
        {"pressure_limit": 0},
        {"budgets": {"lcp": 2500}},
        {"budgets": {"lcp_ms": 0}},
        {"budgets": {"lcp_ms": float("inf")}},
    ],
)
def test_a_table_that_makes_no_sense_is_refused(table: dict[str, Any]) -> None:
    with pytest.raises(PlanError):
        plan_with(**table)
