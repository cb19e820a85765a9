"""The gate: expectations x findings x waivers = verdict. Pure, so a stored bundle can be decided again by anyone.

Rules, in the order they bind:

1. The plan is walked, not the results: an expected subject without a finding is `not_run`.
2. A check that is planned but expects no subject, is reported twice, or is reported without being planned, is `error`.
3. A finding for a subject nobody expected is `error` on that subject: the run looked at something else than it said.
4. A subject passes only by exactly one `pass` finding beside which stands nothing that gates. A second pass, or a pass
   beside a gating fail, is a contradiction and therefore `error`.
5. When nobody can say which release was tested, every subject is `error`.
6. A waiver covers a fail of its check and subject until its expiry. It never covers error or not_run.
7. Warnings (fails that do not gate) are shown and do not hold a release; questions alone prove nothing.
8. `no-go`: an unwaived gating fail. Else `incomplete`: any error or not_run, or an empty plan. Else `go`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from evidence_store.model import (
    CheckResult,
    Decision,
    Finding,
    Outcome,
    Release,
    SubjectDecision,
    VerdictWord,
    Waiver,
    WaiverNote,
)

EXPIRES_SOON = timedelta(days=14)


def decide(
    expected: Mapping[str, Sequence[str]],
    results: Iterable[CheckResult],
    waivers: Sequence[Waiver],
    release: Release,
    now: datetime,
) -> Decision:
    """Decide one run; `now` is the instant at which waivers are valid or expired (time-zone aware)."""
    by_check: dict[str, list[CheckResult]] = defaultdict(list)
    for result in results:
        by_check[result.check].append(result)

    used: set[int] = set()
    subjects: list[SubjectDecision] = []
    for check in sorted({*expected, *by_check}):
        decided = _decide_check(check, expected.get(check), by_check.get(check, []))
        findings = _by_subject(by_check.get(check, []))
        subjects.extend(_waived(subject, findings[subject.subject], waivers, now, used) for subject in decided)

    doubt = release.doubt()
    if doubt is not None:
        subjects = [
            subject.model_copy(update={"outcome": Outcome.ERROR, "reason": doubt, "waived_by": None})
            for subject in subjects
        ]
    return Decision(
        verdict=_verdict(subjects),
        decided_at=now,
        subjects=tuple(subjects),
        waivers=tuple(_note(index, waiver, now, used) for index, waiver in enumerate(waivers)),
        doubt=doubt,
    )


def _decide_check(check: str, subjects: Sequence[str] | None, results: Sequence[CheckResult]) -> list[SubjectDecision]:
    def all_of_it(reason: str) -> list[SubjectDecision]:
        named = sorted(set(subjects or ())) or ["*"]
        return [
            SubjectDecision(check=check, subject=subject, outcome=Outcome.ERROR, reason=reason) for subject in named
        ]

    if subjects is None:
        return all_of_it("a result that no plan asked for")
    if not subjects:
        return all_of_it("planned, but it expects nothing: 0 subjects")
    if len(results) > 1:
        return all_of_it(f"reported {len(results)} times; which one counts is not known")
    if results and results[0].problem is not None:
        return all_of_it(results[0].problem)

    findings = _by_subject(results)
    named = set(subjects)
    repeated = {subject for subject, times in Counter(subjects).items() if times > 1}
    decided = []
    for subject in sorted(named | set(findings)):
        if subject not in named:
            outcome, reason = Outcome.ERROR, "a finding for a subject that the plan does not name"
        elif subject in repeated:
            outcome, reason = Outcome.ERROR, "the plan names this subject more than once"
        else:
            outcome, reason = _decide_subject(findings[subject])
        decided.append(
            SubjectDecision(
                check=check,
                subject=subject,
                outcome=outcome,
                reason=reason,
                findings=tuple(finding.fingerprint for finding in findings[subject]),
                gates=outcome is not Outcome.FAIL
                or any(f.outcome is Outcome.FAIL and f.gates for f in findings[subject]),
                warns=any(
                    finding.outcome is Outcome.REVIEW or (finding.outcome is Outcome.FAIL and not finding.gates)
                    for finding in findings[subject]
                ),
            )
        )
    return decided


def _decide_subject(findings: Sequence[Finding]) -> tuple[Outcome, str]:
    if not findings:
        return Outcome.NOT_RUN, "expected, but never looked at"
    first = {outcome: [f for f in findings if f.outcome is outcome] for outcome in Outcome}
    gating_reviews = [finding for finding in first[Outcome.REVIEW] if finding.gates]
    gating_fails = [finding for finding in first[Outcome.FAIL] if finding.gates]
    passes = first[Outcome.PASS]
    if first[Outcome.ERROR]:
        return Outcome.ERROR, first[Outcome.ERROR][0].message
    if passes and gating_fails:
        return Outcome.ERROR, "contradictory: both a pass and a fail were reported"
    if len(passes) > 1:
        return Outcome.ERROR, f"contradictory: {len(passes)} passes were reported for one subject"
    if gating_fails:
        return Outcome.FAIL, gating_fails[0].message
    if first[Outcome.NOT_RUN]:
        return Outcome.NOT_RUN, first[Outcome.NOT_RUN][0].message
    if gating_reviews:
        return Outcome.NOT_RUN, f"waits for a person's answer: {gating_reviews[0].message}"
    if passes:
        return Outcome.PASS, passes[0].message
    if first[Outcome.FAIL]:
        return Outcome.FAIL, first[Outcome.FAIL][0].message
    return Outcome.ERROR, "only questions were reported, and no pass says what was looked at"


def _by_subject(results: Sequence[CheckResult]) -> defaultdict[str, list[Finding]]:
    findings: defaultdict[str, list[Finding]] = defaultdict(list)
    for result in results:
        for finding in result.findings:
            findings[finding.subject].append(finding)
    return findings


def _waived(
    decided: SubjectDecision, findings: Sequence[Finding], waivers: Sequence[Waiver], now: datetime, used: set[int]
) -> SubjectDecision:
    if decided.outcome is not Outcome.FAIL or not decided.gates:
        return decided
    fails = [finding for finding in findings if finding.outcome is Outcome.FAIL and finding.gates]
    covering: set[int] = set()
    for finding in fails:
        covers = next((i for i, waiver in enumerate(waivers) if _covers(waiver, decided.check, finding, now)), None)
        if covers is None:
            return decided
        covering.add(covers)
    used |= covering
    unseen = [
        finding
        for finding in findings
        if finding.outcome is Outcome.NOT_RUN or (finding.outcome is Outcome.REVIEW and finding.gates)
    ]
    if unseen:
        # The waiver covers the fail, and not what was never looked at beside it.
        return decided.model_copy(update={"outcome": Outcome.NOT_RUN, "reason": unseen[0].message})
    owners = ", ".join(sorted({waivers[index].owner for index in covering}))
    return decided.model_copy(update={"waived_by": owners})


def _covers(waiver: Waiver, check: str, finding: Finding, now: datetime) -> bool:
    return (
        waiver.check == check
        and now < waiver.expires
        and fnmatchcase(finding.subject, waiver.subject)
        and (waiver.fingerprint is None or waiver.fingerprint == finding.fingerprint)
    )


def _verdict(subjects: Sequence[SubjectDecision]) -> VerdictWord:
    if any(subject.outcome is Outcome.FAIL and subject.gates and not subject.waived_by for subject in subjects):
        return VerdictWord.NO_GO
    complete = {Outcome.PASS, Outcome.FAIL}  # a fail that is left here is waived or a warning
    if not subjects or any(subject.outcome not in complete for subject in subjects):
        return VerdictWord.INCOMPLETE
    return VerdictWord.GO


def _note(index: int, waiver: Waiver, now: datetime, used: set[int]) -> WaiverNote:
    if now >= waiver.expires:
        return WaiverNote(waiver=waiver, state="expired")
    state = "used" if index in used else "unused"
    return WaiverNote(waiver=waiver, state=state, expires_soon=waiver.expires - now <= EXPIRES_SOON)
