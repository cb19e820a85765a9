"""Judge of manual accessibility sweeps: what people walked through with assistive technology, and signed for.

Rules:

- a sweep that is not there, was never walked, changed since it was walked, or whose record has expired was `not_run`;
- with `same_release`, so is one that was walked on another release; with `signed`, one without a signature;
- a signature that does not verify, or of nobody in signers.toml, is an `error`, whether one is asked for or not;
- every step of the sweep has exactly one result: a missing or foreign one is an `error`, and so are a sweep without
  steps, a record of which no step applied, and a record from after the start of the run;
- a page of the sweep that the plan does not name (any more) is a warning: what was walked may be gone;
- each failed step is a fail, with its own words; a pass says how many steps, by whom, with what, when and until when.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from evidence_store.model import Artifact, CheckSpec, Finding, Outcome, same_release
from evidence_store.signing import SIGNERS, Envelope, SigningError, parse_signers, signers_of
from evidence_store.workspace import read_artifact
from tasks.contract import Check, JudgeContext
from tasks.records.manual import (
    PAYLOAD_TYPE,
    BadFileError,
    Sweep,
    SweepRecord,
    last_instant,
    read_record,
    read_sweep,
    sweep_digest,
    unanswered,
)
from tasks.records.models import MANUAL_A11Y, ManualA11yOptions, ManualSweep, planned_sweeps, subject_of
from tasks.wcag import criterion_named


class _Ends(Exception):  # noqa: N818  - not an error: how the look at one sweep ends
    def __init__(self, outcome: Outcome, rule: str, message: str) -> None:
        self.outcome, self.rule, self.message = outcome, rule, message
        super().__init__(message)


def judge_manual_a11y(context: JudgeContext, sweeps: Sequence[ManualSweep]) -> Iterator[Finding]:
    """One finding for each failed step, or one for the sweep."""
    for evidence in sweeps:
        files = tuple(item.path for item in (evidence.sweep, evidence.record) if item)
        try:
            sweep = _sweep(context, evidence)
            record, signed = _record(context, evidence)
            _must_count(context, evidence, sweep, record)
        except _Ends as end:
            yield Finding(
                outcome=end.outcome, subject=evidence.subject, rule=end.rule, message=end.message, evidence=files
            )
            continue
        yield from _concluded(evidence.subject, context, sweep, record, signed, files)


def _sweep(context: JudgeContext, evidence: ManualSweep) -> Sweep:
    target = context.plan.target.name
    if evidence.sweep is None:
        page = context.plan.pages[0].name
        raise _Ends(
            Outcome.NOT_RUN,
            "sweep",
            f"there is no sweep '{evidence.name}'; write it with"
            f" `stageproof manual new {target} {evidence.name} --page {page}`",
        )
    try:
        return read_sweep(read_artifact(context.files, evidence.sweep))
    except BadFileError as error:
        raise _Ends(Outcome.ERROR, "sweep", f"the sweep {evidence.name}.yaml cannot be used: {error}") from error


def _record(context: JudgeContext, evidence: ManualSweep) -> tuple[SweepRecord, str]:
    """The record, and how a person is told whether it is signed."""
    again = _again(context, evidence)
    if evidence.record is None:
        raise _Ends(Outcome.NOT_RUN, "record", f"nobody has walked this sweep; {again}")
    try:
        record, envelope = read_record(read_artifact(context.files, evidence.record))
    except BadFileError as error:
        raise _Ends(
            Outcome.ERROR, "record", f"the record {evidence.name}.record.json cannot be used: {error}"
        ) from error
    if envelope is not None:
        return record, _verified(context, evidence, envelope, record.by)
    if context.options.signed:
        raise _Ends(
            Outcome.NOT_RUN,
            "signature",
            f"its record by {record.by} is not signed; {again}, with --key and your SSH key",
        )
    return record, "not signed"


def _verified(context: JudgeContext, evidence: ManualSweep, envelope: Envelope, by: str) -> str:
    try:
        signers = signers_of(envelope, PAYLOAD_TYPE, _known(context, evidence.signers))
    except SigningError as error:
        raise _Ends(
            Outcome.ERROR, "signature", f"the signature on {evidence.name}.record.json proves nothing: {error}"
        ) from error
    if [name.casefold() for name in signers] == [by.casefold()]:
        return "signed"
    return f"signed by {', '.join(signers)}"


def _known(context: JudgeContext, signers: Artifact | None) -> Mapping[str, Ed25519PublicKey]:
    if signers is None:
        return {}
    text = read_artifact(context.files, signers).decode("utf-8", "replace")
    return parse_signers(text, SIGNERS)


def _must_count(context: JudgeContext, evidence: ManualSweep, sweep: Sweep, record: SweepRecord) -> None:
    """Raise when the record says nothing, or nothing any more, about this sweep on this target."""
    target, again = context.plan.target.name, _again(context, evidence)
    if (record.target, record.sweep) != (target, evidence.name):
        raise _Ends(
            Outcome.ERROR,
            "record",
            f"the record is of sweep '{record.sweep}' of {record.target}, and not of '{evidence.name}' of {target}",
        )
    if evidence.sweep is not None and record.sweep_sha256 != sweep_digest(read_artifact(context.files, evidence.sweep)):
        raise _Ends(
            Outcome.NOT_RUN,
            "changed",
            f"the sweep changed since {record.by} walked it on {record.made_at:%Y-%m-%d}; {again}",
        )
    if record.made_at > context.started_at:
        raise _Ends(
            Outcome.ERROR,
            "record",
            f"the record says it was made at {record.made_at.isoformat()}, after this run began",
        )
    end = last_instant(record, context.options.max_age_days)
    if context.started_at >= end:
        raise _Ends(
            Outcome.NOT_RUN,
            "expired",
            f"the record by {record.by} of {record.made_at:%Y-%m-%d} counted until {end:%Y-%m-%d}; {again}",
        )
    if context.options.same_release:
        _must_be_this_release(context, record, again)
    if problems := list(unanswered(sweep, record)):
        raise _Ends(Outcome.ERROR, "steps", "; ".join(problems))
    if all(result.result == "not-applicable" for result in record.results):
        raise _Ends(Outcome.ERROR, "steps", f"none of {len(record.results)} steps applied: nothing was looked at")


def _must_be_this_release(context: JudgeContext, record: SweepRecord, again: str) -> None:
    now = context.release.before
    if now is None:
        raise _Ends(Outcome.ERROR, "release", "the release under test is not known, so no record can be held to it")
    if record.release is None or not same_release(record.release, now):
        raise _Ends(
            Outcome.NOT_RUN,
            "release",
            f"it was walked on release {record.release or '(not named)'}, and staging serves {now}; {again}",
        )


def _concluded(
    subject: str, context: JudgeContext, sweep: Sweep, record: SweepRecord, signed: str, files: tuple[str, ...]
) -> Iterator[Finding]:
    results = {result.step: result for result in record.results}
    made = f"by {record.by} with {record.assistive_technology} on {record.made_at:%Y-%m-%d}, {signed}"
    failed = [step for step in sweep.steps if results[step.id].result == "fail"]
    left_out = sum(result.result == "not-applicable" for result in record.results)
    looked_at = f"{len(sweep.steps)} steps on {', '.join(sweep.subjects)}"
    for step in failed:
        criterion = criterion_named(step.criterion)
        yield Finding(
            outcome=Outcome.FAIL,
            subject=subject,
            rule=step.id,
            message=f"{step.do.rstrip('.')}: expected “{step.expect}”, found: {results[step.id].note}"
            f" ({criterion.words if criterion else step.criterion}; {made})",
            more_information=criterion.understanding if criterion else "",
            looked_at=looked_at,
            evidence=files,
        )
    if unplanned := [name for name in sweep.subjects if name not in context.plan.looks]:
        yield Finding(
            outcome=Outcome.FAIL,
            subject=subject,
            rule="subjects",
            message=f"the sweep speaks of {', '.join(unplanned)}, which the plan does not name: is it still there?",
            evidence=files,
            gates=False,
        )
    if not failed:
        apart = f" ({left_out} did not apply)" if left_out else ""
        end = last_instant(record, context.options.max_age_days)
        yield Finding(
            outcome=Outcome.PASS,
            subject=subject,
            message=f"{len(sweep.steps)} of {len(sweep.steps)} steps{apart} {made}, until {end:%Y-%m-%d}",
            looked_at=looked_at,
            evidence=files,
        )


def _again(context: JudgeContext, evidence: ManualSweep) -> str:
    return f"walk it: `stageproof manual record {context.plan.target.name} {evidence.name}`"


MANUAL = Check(
    spec=CheckSpec(
        id=MANUAL_A11Y,
        title="People walked through with assistive technology and found no barrier",
        failure_title="A person met a barrier with assistive technology",
        why="Automatic checks decide a part of WCAG only. Whether what is announced makes sense, a person has to hear:"
        " with a screen reader, step by step.",
        remedy=f"docs/checks.md#{MANUAL_A11Y}",
        rows=("5.4", "3.4"),
        mode="human",
    ),
    needs=(ManualSweep,),
    expects=lambda plan: map(subject_of, planned_sweeps(plan)),
    judge=judge_manual_a11y,
    options=ManualA11yOptions,
)
