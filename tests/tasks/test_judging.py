"""Judging: whatever breaks costs its own check or subject, in words, and nothing is ever left in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evidence_store.gate import decide
from evidence_store.model import CheckResult, Finding, Outcome, Severity, VerdictWord
from evidence_store.workspace import BrokenEvidenceError
from tasks.contract import Check, JudgeContext
from tasks.judging import judge, left_out
from tasks.plan import load_plan
from tasks.probes.models import ServiceProbe
from tasks.registry import CHECKS, check_named
from tests.tasks.judged_runs import KNOWN, STARTED, Run, decided, plan_of

SERVICES = [
    {"name": name, "url": f"/services/{name}/health", "expect": {"/status": "ok"}} for name in ("billing", "gateway")
]
BILLING, GATEWAY = "service:billing", "service:gateway"
PLAN = plan_of({"health": {}}, services=SERVICES)
HEALTH = check_named("health")
DEMO = Path(__file__).resolve().parents[2] / "deployments" / "targets" / "demo.toml"


def probe(run: Run, subject: str, problem: str | None = None) -> ServiceProbe:
    name = subject.removeprefix("service:")
    body = run.file(f"data/probes/{name}.body", b'{"status":"ok"}')
    return ServiceProbe(
        subject=subject,
        gathered_at=STARTED,
        problem=problem,
        method="GET",
        url=f"http://127.0.0.1:8600/services/{name}/health",
        status=200,
        headers=(("content-type", "application/json"),),
        body=body,
        seconds=0.01,
    )


def run_with(**problems: str | None) -> Run:
    run = Run()
    return run.add(*[probe(run, f"service:{name}", problem) for name, problem in problems.items()])


def result_of(run: Run, check: Check = HEALTH, plan: Any = PLAN) -> CheckResult:
    return judge(check, plan, plan.profile("nightly"), STARTED, KNOWN, run)


def words(result: CheckResult, plan: Any = PLAN) -> dict[str, tuple[str, str]]:
    return {s.subject: (s.outcome.value, s.reason) for s in decided(result, plan).subjects}


def test_a_check_that_was_left_out_says_so() -> None:
    said = ("not_run", "left out of this run by --only")
    assert words(left_out(HEALTH, (BILLING, GATEWAY), "left out of this run by --only")) == {
        BILLING: said,
        GATEWAY: said,
    }


def test_all_well() -> None:
    result = result_of(run_with(billing=None, gateway=None))
    assert result.problem is None
    assert {outcome for outcome, _ in words(result).values()} == {"pass"}
    assert result.seconds >= 0


def test_a_look_that_failed_is_an_error_unasked_and_its_sibling_is_judged() -> None:
    found = words(result_of(run_with(billing="connection refused", gateway=None)))
    assert found[BILLING] == ("error", "connection refused")
    assert found[GATEWAY][0] == "pass"


def test_a_failed_look_never_reaches_the_judge() -> None:
    asked: list[str] = []

    def note(context: JudgeContext, probes: Sequence[ServiceProbe]) -> Iterator[Finding]:
        asked.extend(item.subject for item in probes)
        return iter(())

    result_of(run_with(billing="refused", gateway=None), replace(HEALTH, judge=note))
    assert asked == [GATEWAY]
    result_of(run_with(billing="refused", gateway=None), replace(HEALTH, judge=note, judges_problems=True))
    assert asked == [GATEWAY, BILLING, GATEWAY]


def test_a_failed_look_speaks_for_its_facets_too() -> None:
    facets = (f"{BILLING}/p50", f"{BILLING}/p95", f"{BILLING}-other/p50")
    result = result_of(run_with(billing="refused"), replace(HEALTH, expects=lambda _plan: facets))
    assert {(f.subject, f.outcome, f.rule) for f in result.findings if f.rule == "gather"} == {
        (facets[0], Outcome.ERROR, "gather"),
        (facets[1], Outcome.ERROR, "gather"),
    }


def test_a_shard_that_could_not_look_is_the_reason_of_what_nobody_spoke_of() -> None:
    run = run_with(billing=None).failed("probes", BILLING, GATEWAY, message="no route to host")
    found = words(result_of(run))
    assert found[BILLING][0] == "pass"
    assert found[GATEWAY] == ("error", "no route to host")


def test_a_shard_of_another_source_is_no_reason() -> None:
    run = run_with(billing=None).failed("sweep", GATEWAY, message="no Chromium")
    assert words(result_of(run))[GATEWAY] == ("not_run", "expected, but never looked at")


def test_the_first_of_two_shards_that_could_not_look_is_the_reason() -> None:
    run = (
        Run()
        .failed("probes", GATEWAY, message="first", shard="a")
        .failed("probes", GATEWAY, message="second", shard="b")
    )
    assert words(result_of(run))[GATEWAY] == ("error", "first")


def test_without_evidence_and_without_a_failure_nothing_ran() -> None:
    assert set(words(result_of(Run())).values()) == {("not_run", "expected, but never looked at")}


def raising(error: BaseException, first: bool) -> Callable[..., Iterator[Finding]]:
    def broken(context: JudgeContext, probes: Sequence[ServiceProbe]) -> Iterator[Finding]:
        if not first:
            yield Finding(outcome=Outcome.PASS, subject=BILLING, message="before the bug")
        raise error

    return broken


@pytest.mark.parametrize("first", [True, False], ids=["at-once", "after-a-pass"])
@pytest.mark.parametrize(
    "error", [KeyError("x"), RecursionError("deep"), MemoryError(), AssertionError("no")], ids=repr
)
def test_a_judge_that_raises_is_an_error_of_its_check_with_its_name(error: Exception, first: bool) -> None:
    result = result_of(run_with(billing=None, gateway=None), replace(HEALTH, judge=raising(error, first)))
    assert f"a bug in stageproof: the judge of 'health' failed with {type(error).__name__}" in (result.problem or "")
    assert {outcome for outcome, _ in words(result).values()} == {"error"}


def test_siblings_of_a_judge_that_raises_are_unaffected() -> None:
    plan = plan_of({"health": {}, "release": {}}, services=SERVICES)
    run = run_with(billing=None, gateway=None)
    results = [
        result_of(run, replace(HEALTH, judge=raising(KeyError("x"), True)), plan),
        result_of(run, check_named("release"), plan),
    ]
    decision = decide({"health": (BILLING, GATEWAY), "release": ("release",)}, results, (), KNOWN, STARTED)
    assert {(s.check, s.outcome.value) for s in decision.subjects} == {("health", "error"), ("release", "pass")}
    assert decision.verdict is VerdictWord.INCOMPLETE


def test_a_person_who_stops_the_run_is_not_a_bug_of_a_judge() -> None:
    with pytest.raises(KeyboardInterrupt):
        result_of(run_with(billing=None), replace(HEALTH, judge=raising(KeyboardInterrupt(), True)))


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"service-probe": [7]}', b'{"service-probe": [{"subject": "x"}]}', b"\xff"], ids=repr
)
def test_evidence_that_cannot_be_read_is_an_error_of_every_subject(content: bytes) -> None:
    run = run_with(billing=None)
    run.files["data/probes/more.evidence.json"] = content
    result = result_of(run)
    assert (result.problem or "").startswith("the evidence cannot be read: data/probes/more.evidence.json")
    assert {outcome for outcome, _ in words(result).values()} == {"error"}


def test_a_file_that_is_gone_is_an_error() -> None:
    run = run_with(billing=None, gateway=None)
    del run.files["data/probes/billing.body"]
    assert "data/probes/billing.body is not there" in (result_of(run).problem or "")


def test_a_failure_that_cannot_be_read_is_an_error() -> None:
    run = run_with(billing=None, gateway=None)
    run.files["data/probes/x.failure.json"] = b"{"
    assert result_of(run).problem is not None


def test_files_that_cannot_be_listed_are_an_error() -> None:
    class Gone(Run):
        def names(self) -> list[str]:
            raise BrokenEvidenceError("the package is gone")

    assert result_of(Gone()).problem == "the evidence cannot be read: the package is gone"


def test_every_finding_has_a_name_that_is_the_same_next_time() -> None:
    first, second = (result_of(run_with(billing=None, gateway="refused")).findings for _ in range(2))
    assert [finding.fingerprint for finding in first] == [finding.fingerprint for finding in second]
    assert len({finding.fingerprint for finding in first}) == len(first)
    assert all(len(finding.fingerprint) == 16 for finding in first)


def each_outcome(context: JudgeContext, probes: Sequence[ServiceProbe]) -> Iterator[Finding]:
    for outcome in Outcome:
        yield Finding(outcome=outcome, subject=BILLING, rule=outcome.value, message="m")


@pytest.mark.parametrize(
    ("table", "own", "severity", "silent"),
    [
        ({}, Severity.BLOCKER, Severity.BLOCKER, set()),
        ({}, Severity.WARNING, Severity.WARNING, {"fail", "review"}),
        ({"severity": "warning"}, Severity.BLOCKER, Severity.WARNING, {"fail", "review"}),
        ({"severity": "blocker"}, Severity.WARNING, Severity.BLOCKER, set()),
    ],
    ids=["blocker", "a warning by itself", "a warning by the plan", "a blocker by the plan"],
)
def test_a_warning_check_gates_by_no_fail_and_still_by_error_and_not_run(
    table: dict[str, str], own: Severity, severity: Severity, silent: set[str]
) -> None:
    check = replace(HEALTH, spec=HEALTH.spec.model_copy(update={"severity": own}), judge=each_outcome)
    result = result_of(Run(), check, plan_of({"health": table}, services=SERVICES))
    assert result.spec.severity is severity
    assert {finding.rule for finding in result.findings if not finding.gates} == silent


def test_a_judge_knows_the_plan_its_table_the_profile_the_start_and_the_release() -> None:
    seen: list[JudgeContext] = []

    def note(context: JudgeContext, probes: Sequence[ServiceProbe]) -> Iterator[Finding]:
        seen.append(context)
        return iter(())

    run = Run()
    result_of(run, replace(HEALTH, judge=note))
    (context,) = seen
    assert (context.plan, context.options, context.profile) == (PLAN, PLAN.checks["health"], PLAN.profile("nightly"))
    assert (context.started_at, context.release, context.files) == (STARTED, KNOWN, run)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.spec.id)
def test_no_check_says_anything_good_of_nothing(check: Check) -> None:
    plan = load_plan(DEMO)
    result = judge(check, plan, plan.profile("nightly"), STARTED, KNOWN.model_copy(update={"after": None}), Run())
    assert result.problem is None
    assert Outcome.PASS not in {finding.outcome for finding in result.findings}
