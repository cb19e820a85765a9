"""Judges of coverage: good passes, bad fails, and everything else is an error that says what to do."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from evidence_store.model import Outcome, Release
from tasks.coverage.judge import E2E_COVERAGE, UNIT_COVERAGE
from tasks.coverage.models import CoverageReport, E2eCoverageOptions, UnitCoverageOptions
from tasks.plan import PlanError, parse_stored_plan

from .cases import BAD, BROKEN, CASES, GOOD, Case, coverage_py, istanbul, lcov
from .runs import HEADERS, RELEASE, STARTED, judged, only, plan_with

BOTH = pytest.mark.parametrize("check", ["unit-coverage", "e2e-coverage"])
EARLIER = (STARTED - timedelta(hours=1)).isoformat()


@BOTH
@pytest.mark.parametrize("case", [*GOOD, *BAD, *BROKEN], ids=lambda case: case.name)
def test_outcome_of_each_case(case: Case, check: str) -> None:
    result = judged(case.body, check=check)
    finding = only(result.findings)
    assert result.problem is None
    assert finding.outcome is case.outcome
    # `says` of a bad case speaks of the limit of 60 %, which is e2e-coverage's; the words are the same for both.
    assert case.says in finding.message
    assert finding.subject == "service:web"


def test_cases_are_good_bad_and_broken_for_both_checks() -> None:
    assert set(CASES) == {UNIT_COVERAGE.spec.id, E2E_COVERAGE.spec.id}
    for cases in CASES.values():
        assert {outcome for _, outcome in cases} == {Outcome.PASS, Outcome.FAIL, Outcome.ERROR}


def test_a_pass_says_how_much_was_looked_at() -> None:
    finding = only(judged(istanbul(987, 1234), table={"lines_percent": 79.9}).findings)
    assert finding.outcome is Outcome.PASS
    assert finding.looked_at == "1 file, 1,234 executable lines"
    assert finding.measured == 98700 / 1234
    assert (finding.limit, finding.unit) == (79.9, "%")
    assert finding.evidence == ("data/coverage/web.report",)
    assert f"Istanbul report of release {RELEASE}, made 2026-03-02 11:00+00:00" in finding.message


def test_the_default_limits_differ() -> None:
    assert only(judged(istanbul(70, 100), check="unit-coverage").findings).outcome is Outcome.FAIL
    assert only(judged(istanbul(70, 100), check="e2e-coverage").findings).outcome is Outcome.PASS


def test_a_services_own_limit_counts_before_the_tables() -> None:
    finding = only(judged(istanbul(85, 100), report={"lines_percent": 90}).findings)
    assert (finding.outcome, finding.limit) == (Outcome.FAIL, 90)


@pytest.mark.parametrize(
    ("ran", "outcome", "share"),
    [(7_999, Outcome.FAIL, "79.99 %"), (8_000, Outcome.PASS, "80.00 %"), (8_001, Outcome.PASS, "80.01 %")],
)
def test_the_share_is_compared_unrounded(ran: int, outcome: Outcome, share: str) -> None:
    finding = only(judged(lcov(ran, 10_000)).findings)
    assert finding.outcome is outcome
    assert finding.message.startswith(share)


@given(st.integers(1, 300), st.data())
def test_percent_is_what_an_independent_count_says(total: int, data: st.DataObject) -> None:
    ran = data.draw(st.integers(0, total))
    finding = only(judged(lcov(ran, total)).findings)
    assert (finding.outcome is Outcome.PASS) == (ran * 100 >= 80 * total)
    assert finding.measured == pytest.approx(ran / total * 100)


@settings(max_examples=2 * settings().max_examples)
@given(st.binary(max_size=200))
def test_no_bytes_make_a_pass_or_break_the_judge(body: bytes) -> None:
    result = judged(body)
    assert result.problem is None
    assert only(result.findings).outcome is Outcome.ERROR


@settings(max_examples=2 * settings().max_examples)
@given(st.fixed_dictionaries({"X-Generated-At": st.text(max_size=30), "Last-Modified": st.text(max_size=30)}))
def test_no_header_breaks_the_judge(headers: dict[str, str]) -> None:
    result = judged(istanbul(9, 10), headers={"X-Release": RELEASE} | headers)
    assert result.problem is None
    assert len(result.findings) == 1


@settings(max_examples=2 * settings().max_examples)
@given(st.binary(max_size=60) | st.dictionaries(st.sampled_from(["release", "generated_at"]), st.text()).map(
    lambda content: json.dumps(content).encode()
))  # fmt: skip
def test_no_metadata_makes_a_pass_or_breaks_the_judge(body: bytes) -> None:
    result = judged(istanbul(9, 10), metadata=body, headers={})
    assert result.problem is None
    assert only(result.findings).outcome is Outcome.ERROR


# --- How it was served --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "says"),
    [
        (302, {"Location": "/en/signin"}, "answered 302, a redirect to /en/signin"),
        (304, {}, "a redirect to nowhere"),
        (404, {}, "answered 404 in place of 200"),
        (403, {}, "answered 403"),
        (500, {}, "answered 500"),
        (204, {}, "answered 204"),
        (206, {}, "answered 206"),
        (None, {}, "answered None"),
    ],
)
def test_anything_but_200_is_an_error_even_with_a_good_body(
    status: int | None, headers: dict[str, str], says: str
) -> None:
    finding = only(judged(istanbul(9, 10), status=status, headers=HEADERS | headers).findings)
    assert (finding.outcome, finding.rule) == (Outcome.ERROR, "http")
    assert says in finding.message


def test_a_report_that_could_not_be_fetched_is_an_error_once() -> None:
    finding = only(judged(istanbul(9, 10), problem="no connection").findings)
    assert (finding.outcome, finding.message) == (Outcome.ERROR, "no connection")


def test_no_evidence_is_no_finding_so_the_gate_says_not_run() -> None:
    assert judged(istanbul(9, 10), copies=0).findings == ()


def test_two_reports_for_one_service_are_two_passes_which_the_gate_refuses() -> None:
    assert len(judged(istanbul(9, 10), copies=2).findings) == 2


# --- Of which release ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "outcome"),
    [
        (RELEASE, Outcome.PASS),
        (f" {RELEASE.upper()} ", Outcome.PASS),
        (f"{RELEASE}{'0' * 33}", Outcome.PASS),
        ("9d1b7aa", Outcome.ERROR),
        (RELEASE[:4], Outcome.ERROR),
        ("", Outcome.ERROR),
        ("  ", Outcome.ERROR),
    ],
)
def test_the_release_of_the_report(claim: str, outcome: Outcome) -> None:
    finding = only(judged(istanbul(9, 10), headers=HEADERS | {"X-Release": claim}).findings)
    assert finding.outcome is outcome
    assert finding.rule == ("lines" if outcome is Outcome.PASS else "release")


@pytest.mark.parametrize("required", [True, False])
def test_another_release_never_passes(required: bool) -> None:
    finding = only(
        judged(
            istanbul(9, 10), headers=HEADERS | {"X-Release": "9d1b7aa"}, table={"release_required": required}
        ).findings
    )
    assert finding.outcome is Outcome.ERROR
    assert "for another release: X-Release says 9d1b7aa, staging serves 4f2c9e1" in finding.message


@pytest.mark.parametrize(("required", "outcome"), [(True, Outcome.ERROR), (False, Outcome.PASS)])
def test_a_report_without_a_release(required: bool, outcome: Outcome) -> None:
    headers = {"X-Generated-At": EARLIER}
    finding = only(judged(istanbul(9, 10), headers=headers, table={"release_required": required}).findings)
    assert finding.outcome is outcome
    assert ("of an unnamed release" if outcome is Outcome.PASS else "does not say which release") in finding.message


@pytest.mark.parametrize(("required", "outcome"), [(True, Outcome.ERROR), (False, Outcome.PASS)])
def test_a_target_that_cannot_name_its_release(required: bool, outcome: Outcome) -> None:
    unknown = Release(unknown_reason="an appliance without a version page")
    finding = only(judged(istanbul(9, 10), release=unknown, table={"release_required": required}).findings)
    assert finding.outcome is outcome


def test_header_and_metadata_must_name_the_same_release() -> None:
    metadata = json.dumps({"release": "9d1b7aa", "generated_at": EARLIER}).encode()
    finding = only(judged(istanbul(9, 10), metadata=metadata).findings)
    assert finding.outcome is Outcome.ERROR
    assert "its metadata says 9d1b7aa" in finding.message


# --- Of when ------------------------------------------------------------------------------------------------------


def at(**before: float) -> str:
    return (STARTED - timedelta(**before)).isoformat()


@pytest.mark.parametrize(
    ("headers", "outcome", "says"),
    [
        ({"X-Generated-At": at(hours=71.9)}, Outcome.PASS, ""),
        ({"X-Generated-At": at(hours=72.1)}, Outcome.ERROR, "stale: it was made 3.0 days before the run"),
        ({"X-Generated-At": at(days=40)}, Outcome.ERROR, "40.0 days before the run"),
        ({"X-Generated-At": at(minutes=-9)}, Outcome.PASS, ""),
        ({"X-Generated-At": at(minutes=-11)}, Outcome.ERROR, "0.2 h after the run began"),
        ({"X-Generated-At": at(days=-400)}, Outcome.ERROR, "after the run began"),
        ({"X-Generated-At": "yesterday"}, Outcome.ERROR, "X-Generated-At says it was made 'yesterday'"),
        ({"X-Generated-At": "2026-03-02T03:30:00-08:00"}, Outcome.PASS, "2026-03-02 03:30-08:00"),
        ({"X-Generated-At": "2026-03-02T11:00:00"}, Outcome.PASS, ""),
        ({"X-Generated-At": "2026-03-03T01:00:00"}, Outcome.PASS, ""),
        ({"X-Generated-At": "2026-03-03T03:00:00"}, Outcome.ERROR, "after the run began"),
        ({"X-Generated-At": "0001-01-01T00:00:00+23:59"}, Outcome.ERROR, "stale"),
        ({"Last-Modified": "Mon, 02 Mar 2026 11:00:00 GMT"}, Outcome.PASS, ""),
        ({"Last-Modified": "Mon, 02 Feb 2026 11:00:00 GMT"}, Outcome.ERROR, "stale"),
        ({"Last-Modified": "soon"}, Outcome.ERROR, "not an HTTP date"),
        (
            {"X-Generated-At": at(days=40), "Last-Modified": "Mon, 02 Mar 2026 11:00:00 GMT"},
            Outcome.ERROR,
            "40.0 days",
        ),
        ({}, Outcome.ERROR, "does not say when it was made"),
    ],
)
def test_the_age_of_the_report(headers: dict[str, str], outcome: Outcome, says: str) -> None:
    finding = only(judged(istanbul(9, 10), headers={"X-Release": RELEASE} | headers).findings)
    assert finding.outcome is outcome
    assert finding.rule == ("lines" if outcome is Outcome.PASS else "age")
    assert says in finding.message


@pytest.mark.parametrize(
    ("timestamp", "headers", "outcome"),
    [
        ("2026-03-02T11:00:00", {}, Outcome.PASS),
        ("2026-01-02T11:00:00", {}, Outcome.ERROR),
        # Copied to another server today, or named fresh by it: made when it says itself.
        ("2026-01-02T11:00:00", {"Last-Modified": "Mon, 02 Mar 2026 11:00:00 GMT"}, Outcome.ERROR),
        ("2026-01-02T11:00:00", {"X-Generated-At": EARLIER}, Outcome.ERROR),
        ("never", {"X-Generated-At": EARLIER}, Outcome.ERROR),
        (None, {"X-Generated-At": EARLIER}, Outcome.PASS),
        (None, {}, Outcome.ERROR),
    ],
)
def test_coverage_py_says_itself_when_it_was_made(
    timestamp: str | None, headers: dict[str, str], outcome: Outcome
) -> None:
    content = coverage_py(9, 10) | {"meta": {"format": 3, "timestamp": timestamp}}
    result = judged(json.dumps(content).encode(), headers={"X-Release": RELEASE} | headers)
    assert only(result.findings).outcome is outcome


# --- What a side-car says -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "outcome", "says"),
    [
        ({"release": RELEASE, "generated_at": EARLIER}, Outcome.PASS, f"of release {RELEASE}"),
        ({"release": RELEASE, "generated_at": at(days=40)}, Outcome.ERROR, "stale"),
        ({"release": "9d1b7aa", "generated_at": EARLIER}, Outcome.ERROR, "another release"),
        ({"release": RELEASE}, Outcome.ERROR, "when it was made"),
        ({"generated_at": EARLIER}, Outcome.ERROR, "which release"),
        ({"release": 5, "generated_at": EARLIER}, Outcome.ERROR, "`release` is not a text"),
        ([RELEASE], Outcome.ERROR, "not a JSON object"),
        ({}, Outcome.ERROR, "which release"),
    ],
)
def test_metadata_speaks_for_a_report_without_headers(metadata: Any, outcome: Outcome, says: str) -> None:
    finding = only(judged(istanbul(9, 10), metadata=json.dumps(metadata).encode(), headers={}).findings)
    assert finding.outcome is outcome
    assert says in finding.message


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [(b"", 404, "answered 404"), (b"<html>", 200, "HTML in place of JSON"), (b"", 200, "not JSON")],
)
def test_broken_metadata_is_an_error_even_beside_good_headers(body: bytes, status: int, says: str) -> None:
    finding = only(judged(istanbul(9, 10), metadata=body, metadata_status=status).findings)
    assert (finding.outcome, finding.rule) == (Outcome.ERROR, "metadata")
    assert says in finding.message


def test_a_plan_that_names_metadata_is_not_judged_without_it() -> None:
    finding = only(judged(istanbul(9, 10), report={"metadata_url": "/m.json"}).findings)
    assert (finding.outcome, finding.rule) == (Outcome.ERROR, "metadata")


# --- The plan's table ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "table",
    [
        {"reports": []},
        {"reports": [{"service": "web", "url": ""}]},
        {"reports": [{"service": "Web", "url": "/a"}]},
        {"reports": [{"service": "web", "url": "/a"}, {"service": "web", "url": "/b"}]},
        {"reports": [{"service": "web", "url": "/a", "lines": 80}]},
        {"lines_percent": 0},
        {"lines_percent": 101},
        {"lines_percent": float("nan")},
        {"max_age_hours": 0},
        {"max_age_hours": float("inf")},
        {"line_percent": 80},
    ],
)
def test_a_table_that_would_check_nothing_is_refused(table: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        UnitCoverageOptions.model_validate({"reports": [{"service": "web", "url": "/a"}]} | table)


def test_a_table_without_reports_is_refused() -> None:
    with pytest.raises(PlanError, match=r"unit-coverage.reports: Field required"):
        plan_with(unit_coverage={})


def test_subjects_are_the_services_of_the_table() -> None:
    plan = plan_with(unit_coverage={"reports": [{"service": "web", "url": "/a"}, {"service": "api", "url": "/b"}]})
    assert tuple(UNIT_COVERAGE.expects(plan)) == ("service:web", "service:api")
    assert tuple(E2E_COVERAGE.expects(plan)) == ()


def test_a_report_on_a_foreign_host_is_refused() -> None:
    with pytest.raises(PlanError, match="not in allowed_hosts"):
        plan_with(unit_coverage={"reports": [{"service": "web", "url": "https://ci.example.org/a"}]})


def test_a_plan_survives_being_stored() -> None:
    plan = plan_with(e2e_coverage={"reports": [{"service": "web", "url": "/a", "lines_percent": 55}]})
    assert parse_stored_plan(plan.canonical_json(), "stored") == plan


@pytest.mark.parametrize("options", [UnitCoverageOptions, E2eCoverageOptions, CoverageReport])
def test_every_field_is_documented(options: type[UnitCoverageOptions]) -> None:
    undocumented = [name for name, field in options.model_fields.items() if not field.description]
    assert undocumented == []
