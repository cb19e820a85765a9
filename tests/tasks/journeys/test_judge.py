"""The judge of pytest suites: nothing passes that did not run to its end, be counted twice and agree."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_store.model import Outcome
from evidence_store.workspace import BrokenEvidenceError
from tasks.journeys.judge import count_junit
from tests.tasks.judged_runs import Case, Run, assert_ends_as_said, decided, judged

from .cases import (
    APPROVE,
    FAILED,
    FAILING,
    JOURNEY,
    JOURNEYS,
    LOG,
    ONE,
    PASSED,
    SIGN_IN,
    SKIPPED,
    SUITE,
    SUITES,
    Walk,
    evidence,
    findings,
    junit_of,
    log_of,
    suite,
)

BOTH = ("suites/e2e", "suites/more")
OUTCOMES = {"passed": PASSED, "failed": FAILED, "skipped": SKIPPED}


@pytest.mark.parametrize("case", SUITES, ids=lambda case: case.name)
def test_outcome_of_the_suite(case: Case) -> None:
    assert_ends_as_said(case)


@pytest.mark.parametrize("case", JOURNEYS, ids=lambda case: case.name)
def test_outcome_of_the_required_journey(case: Case) -> None:
    assert_ends_as_said(case)


def test_a_pass_says_how_much_was_looked_at() -> None:
    of_suite, of_journey = findings().findings
    assert of_suite.looked_at == "2 tests in 3.2 s; JUnit file and event log agree"
    assert of_suite.evidence == tuple(f"data/journeys/suites-e2e/{name}" for name in ("output.log", "junit", "events"))
    assert of_journey.looked_at == "test_approve"


def test_the_pictures_of_a_failed_journey_are_its_evidence() -> None:
    run = Run()
    attachments = tuple(
        run.file(f"data/journeys/suites-e2e/{name}/end.png", b"\x89PNG", "image/png")
        for name in ("test_approve", "test_sign_in")
    )
    run, plan = evidence((FAILING, SIGN_IN), run=run, attachments=attachments, **ONE)
    (of_journey,) = [f for f in judged("journeys", run, plan).findings if f.subject == f"journey:{JOURNEY}"]
    assert of_journey.evidence == ("data/journeys/suites-e2e/test_approve/end.png",)
    assert of_journey.element == f"{SUITE}::{FAILING.node}"


def test_a_journey_that_a_whole_suite_walks_passes_beside_a_suite_that_crashed() -> None:
    run, _ = evidence()
    run, plan = evidence((SIGN_IN,), exit_code=3, suite="suites/more", run=run, suites=BOTH)
    words = {s.subject: s.outcome.value for s in decided(judged("journeys", run, plan), plan).subjects}
    assert words == {f"journey:{JOURNEY}": "pass", "suite:suites/e2e": "pass", "suite:suites/more": "error"}


def test_a_journey_fails_in_whichever_suite_it_fails() -> None:
    run, _ = evidence()
    run, plan = evidence((FAILING,), suite="suites/more", run=run, suites=BOTH, **ONE)
    words = {s.subject: s.outcome.value for s in decided(judged("journeys", run, plan), plan).subjects}
    assert words == {f"journey:{JOURNEY}": "fail", "suite:suites/e2e": "pass", "suite:suites/more": "fail"}


def test_a_shard_that_could_not_run_is_an_error_for_its_suite_and_every_journey() -> None:
    run, plan = evidence(times=0)
    run.failed("journeys", f"suite:{SUITE}", f"journey:{JOURNEY}", message="the suite does not exist")
    reasons = {(s.outcome.value, s.reason) for s in decided(judged("journeys", run, plan), plan).subjects}
    assert reasons == {("error", "the suite does not exist")}


@given(st.lists(st.sampled_from(sorted(OUTCOMES)), min_size=1, max_size=8))
def test_counts_agree_with_what_ran(outcomes: list[str]) -> None:
    walks = [Walk(f"test_{n}", (), OUTCOMES[outcome]) for n, outcome in enumerate(outcomes)]
    failed, skipped = outcomes.count("failed"), outcomes.count("skipped")
    expected = Outcome.FAIL if failed else Outcome.ERROR if skipped == len(outcomes) else Outcome.PASS
    assert suite(walks, exit_code=int(failed > 0)).outcome is expected


@given(cut=st.integers(0, len(LOG) - 40))
def test_a_log_cut_anywhere_never_passes(cut: int) -> None:
    assert suite(events=LOG[:cut]).outcome is Outcome.ERROR


@given(data=st.data())
def test_a_junit_file_cut_anywhere_never_passes(data: st.DataObject) -> None:
    whole = junit_of(["test_approve", "test_sign_in"])
    assert suite(junit=whole[: data.draw(st.integers(0, len(whole) - 1))]).outcome is Outcome.ERROR


@given(st.binary(max_size=60))
def test_any_bytes_as_junit_are_counted_or_refused(content: bytes) -> None:
    with pytest.raises(BrokenEvidenceError):
        count_junit(content)


@pytest.mark.parametrize("gone", [b"finished", b"phase", b"collected"], ids=bytes.decode)
def test_a_log_without_one_kind_of_event_is_not_taken_for_a_pass(gone: bytes) -> None:
    lines = [line for line in log_of((APPROVE, SIGN_IN)).splitlines() if b'"event": "' + gone not in line]
    assert suite(events=b"\n".join(lines)).outcome is Outcome.ERROR


TWICE = (
    b'<testsuites><testsuite tests="2" failures="1" errors="1"><testcase name="test_approve"><failure/></testcase>'
    b'<testcase name="test_approve"><error/></testcase></testsuite></testsuites>'
)


def test_a_test_that_failed_in_call_and_in_teardown_is_a_fail() -> None:
    walk = Walk(phases=(("setup", "passed"), ("call", "failed"), ("teardown", "failed")))
    assert suite((walk,), junit=TWICE, **ONE).outcome is Outcome.FAIL


def test_a_suite_whose_subtests_all_passed_passes() -> None:
    # What pytest 9 writes for one test with three passing subtests.
    junit = junit_of(["test_approve"], declared=4)
    subtest = json.dumps({"event": "subtest", "test": APPROVE.node, "outcome": "passed"}).encode() + b"\n"
    *rest, last = log_of((APPROVE,)).splitlines(keepends=True)
    assert suite((APPROVE,), junit=junit, events=b"".join([*rest, subtest * 3, last])).outcome is Outcome.PASS
    assert suite((APPROVE,), junit=junit, events=b"".join([*rest, subtest * 2, last])).outcome is Outcome.ERROR


def test_a_journey_of_a_suite_that_could_not_run_is_an_error_with_the_reason() -> None:
    run, plan = evidence((SIGN_IN,), suites=BOTH)
    run.failed("journeys", "suite:suites/more", f"journey:{JOURNEY}", message="the suite does not exist")
    decision = decided(judged("journeys", run, plan), plan)
    (found,) = [s for s in decision.subjects if s.subject == f"journey:{JOURNEY}"]
    assert (found.outcome, found.reason) == (Outcome.ERROR, "the suite does not exist")
