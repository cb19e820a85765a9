"""Runs the judges over gathered evidence. Pure but for the clock it times them with.

Rules:

- evidence whose look failed ends in `error` before its judge is asked (unless the check judges failed looks);
- a judge that raises is our own bug: the check ends in `error` with its name, never in silence;
- a subject nobody spoke of, whose shard could not look, ends in `error` with the shard's reason; without such a reason
  it is left to the gate, which calls it `not_run`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from evidence_store.model import LEFT_OUT, CheckResult, Evidence, Finding, Outcome, Release, Rendering, Severity
from evidence_store.workspace import BrokenEvidenceError, EvidenceFiles, ShardFailure, evidence_of, failures_of
from tasks.contract import Check, JudgeContext
from tasks.plan import Plan, Profile
from tasks.registry import SOURCES

Keep = Callable[[Rendering], None]


def judge(
    check: Check,
    plan: Plan,
    profile: Profile,
    started_at: datetime,
    release: Release,
    files: EvidenceFiles,
    keep: Keep | None = None,
) -> CheckResult:
    """Judge one check on the evidence of a run, being made or stored.

    Pictures a judge draws are handed to `keep` as they come, if it is given: hundreds at once would fill the memory.
    """
    began = time.monotonic()
    # A check the plan has no table for is judged by nobody; `options` is then never looked at.
    options = plan.checks.get(check.spec.id) or check.options.model_construct()
    context = JudgeContext(plan, profile, options, started_at, release, files)
    expected = tuple(check.expects(plan))
    findings: list[Finding] = []
    problem = None
    try:
        failures = [failure for failure in failures_of(files) if failure.source in _sources_of(check)]
        gathered = [evidence_of(files, kind) for kind in check.needs]
        for finding in _findings(check, context, gathered, expected):
            if keep is not None and finding.renderings:
                for rendering in finding.renderings:
                    keep(rendering)
                finding = finding.model_copy(update={"renderings": ()})
            findings.append(finding)
        findings.extend(_failed_shards(expected, findings, failures))
    except BrokenEvidenceError as error:
        problem = f"the evidence cannot be read: {error}"
    except Exception as error:  # noqa: BLE001  - a judge's bug must cost its own check, and nothing else
        problem = f"a bug in stageproof: the judge of '{check.spec.id}' failed with {type(error).__name__}: {error}"
    severity = options.severity or check.spec.severity
    return CheckResult(
        spec=check.spec.model_copy(update={"severity": severity}),
        findings=tuple(_final(finding, check.spec.id, severity) for finding in findings),
        problem=problem,
        seconds=round(time.monotonic() - began, 4),
    )


def left_out(check: Check, expected: Sequence[str], why: str) -> CheckResult:
    """The result of a check that a run did not look at: `not_run`, in words that say why."""
    findings = [Finding(outcome=Outcome.NOT_RUN, subject=subject, rule=LEFT_OUT, message=why) for subject in expected]
    return CheckResult(spec=check.spec, findings=tuple(found.fingerprinted(check.spec.id) for found in findings))


def _findings(
    check: Check, context: JudgeContext, gathered: Sequence[Sequence[Evidence]], expected: Sequence[str]
) -> Iterator[Finding]:
    usable = gathered
    if not check.judges_problems:
        for kind in gathered:
            for item in kind:
                if item.problem is not None:
                    yield from (
                        Finding(outcome=Outcome.ERROR, subject=subject, rule="gather", message=item.problem)
                        for subject in _covered(item.subject, expected)
                    )
        usable = [[item for item in kind if item.problem is None] for kind in gathered]
    yield from check.judge(context, *usable)


def _covered(subject: str, expected: Sequence[str]) -> list[str]:
    return [name for name in expected if name == subject or name.startswith(f"{subject}/")]


def _failed_shards(
    expected: Sequence[str], findings: Iterable[Finding], failures: Sequence[ShardFailure]
) -> Iterator[Finding]:
    spoken_of = {finding.subject for finding in findings}
    reasons: dict[str, str] = {}
    for failure in failures:
        for member in failure.members:
            for subject in _covered(member, expected):
                reasons.setdefault(subject, failure.message)
    for subject in expected:
        if subject not in spoken_of and subject in reasons:
            yield Finding(outcome=Outcome.ERROR, subject=subject, rule="gather", message=reasons[subject])


def _sources_of(check: Check) -> set[str]:
    return {source.id for source in SOURCES if set(source.provides) & set(check.needs)}


def _final(finding: Finding, check: str, severity: Severity) -> Finding:
    if severity is Severity.WARNING and finding.outcome in {Outcome.FAIL, Outcome.REVIEW}:
        finding = finding.model_copy(update={"gates": False})
    return finding.fingerprinted(check)
