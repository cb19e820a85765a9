"""The judges of release and health: every false green of a careless client ends in fail or error."""

from __future__ import annotations

import pytest

from evidence_store.model import Release, VerdictWord
from tests.tasks.judged_runs import Case, Run, assert_ends_as_said, decided, judged, plan_of

from .cases import HEALTH_CASES, RELEASE_CASES

SERVICES = [
    {"name": name, "url": f"/services/{name}/health", "expect": {"/status": "ok"}} for name in ("billing", "gateway")
]


@pytest.mark.parametrize("case", HEALTH_CASES, ids=lambda case: case.name)
def test_health(case: Case) -> None:
    assert_ends_as_said(case)


@pytest.mark.parametrize("case", RELEASE_CASES, ids=lambda case: case.name)
def test_release(case: Case) -> None:
    assert_ends_as_said(case)


def test_a_shard_that_could_not_ask_is_an_error_for_each_of_its_services() -> None:
    plan = plan_of({"health": {}}, services=SERVICES)
    run = Run().failed("probes", "service:billing", "service:gateway", message="no route to host")
    decision = decided(judged("health", run, plan), plan)
    assert {(s.subject, s.outcome.value, s.reason) for s in decision.subjects} == {
        ("service:billing", "error", "no route to host"),
        ("service:gateway", "error", "no route to host"),
    }


def test_an_unknowable_release_does_not_hold_a_night_back_and_holds_a_launch() -> None:
    plan = plan_of({"release": {}})
    unknown = Release(unknown_reason="a static site")
    verdicts = [
        decided(judged("release", Run(), plan, name, unknown), plan, unknown).verdict
        for name in ("nightly", "prelaunch")
    ]
    assert verdicts == [VerdictWord.GO, VerdictWord.INCOMPLETE]


def test_the_answers_of_the_release_address_are_named_as_evidence() -> None:
    run = Run()
    run.file("data/release/before.body", b"{}")
    run.file("data/probes/billing.body", b"{}")
    (finding,) = judged("release", run, plan_of({"release": {}})).findings
    assert finding.evidence == ("data/release/before.body",)
    assert finding.looked_at == "2 probes of the release address"
