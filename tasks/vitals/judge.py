"""Judge of Web Vitals: whether what a page costs is within its budgets.

Rules:

- the median of the kept runs is judged: at most the budget is a pass, anything above it is a fail;
- fewer than 3 kept runs, or fewer than 3 runs with a value, are an error: nobody knows what the page costs;
- runs that leave open on which side of the budget the median is were followed by more, up to the plan's cap; after that
  the median decides all the same, and the finding says that it is close;
- INP is expected only of pages with planned interactions. Where its budget is written down and no measured page has
  any, it is expected of every look and ends in `not_run`: without an input there is no INP, and it is not 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evidence_store.model import CheckSpec, Finding, Outcome
from evidence_store.report.plain_text import counted
from tasks.contract import Check, JudgeContext
from tasks.plan import Plan
from tasks.vitals.metrics import FEWEST_RUNS, INP, METRICS, TBT, Metric, median, median_interval, straddles
from tasks.vitals.models import (
    PageVitals,
    VitalsOptions,
    options_of,
    planned_looks,
    subject_of,
    values_of,
)

EVIDENCE = "data/vitals/pages.evidence.json"


def judge_vitals(context: JudgeContext, looks: Sequence[PageVitals]) -> Iterator[Finding]:
    """Each budgeted metric of each look against its budget."""
    options: VitalsOptions = context.options
    judged = _judged(context.plan, options)
    for look in looks:
        for metric in judged.get(look.subject, ()):
            yield _finding(look, metric, options)
    for subject in _never_interacted(context.plan, options):
        yield Finding(
            outcome=Outcome.NOT_RUN,
            subject=f"{subject}/{INP.id}",
            rule=INP.id,
            message="no interaction is planned, so there is no INP to measure",
            limit=options.budgets.of(INP.id),
            unit=INP.unit,
            more_information=INP.source,
        )


def _judged(plan: Plan, options: VitalsOptions) -> dict[str, list[Metric]]:
    return {
        subject_of(page, viewport): [metric for metric in METRICS if metric is not INP or page.interactions]
        for page, viewport in planned_looks(plan, options)
    }


def _never_interacted(plan: Plan, options: VitalsOptions) -> list[str]:
    looks = planned_looks(plan, options)
    if options.budgets.inp_ms is None or any(page.interactions for page, _ in looks):
        return []
    return [subject_of(*look) for look in looks]


def _finding(look: PageVitals, metric: Metric, options: VitalsOptions) -> Finding:
    kept = look.kept()
    values = values_of(kept, metric.id)
    budget = options.budgets.of(metric.id)
    discarded = [run.discarded for run in look.runs if run.discarded is not None]
    measured = None
    if len(kept) < FEWEST_RUNS:
        outcome, message = Outcome.ERROR, f"only {len(kept)} of {len(look.runs)} runs could be kept"
        if discarded:
            message += f": {discarded[0]}"
    elif len(values) < FEWEST_RUNS:
        why = next((run.absent[metric.id] for run in kept if metric.id in run.absent), "no reason was recorded")
        outcome = Outcome.ERROR
        message = f"{metric.name} was measured in {len(values)} of {len(kept)} runs: {why}"
    else:
        measured = round(median(values), 4)
        over = measured > budget
        outcome = Outcome.FAIL if over else Outcome.PASS
        message = (
            f"{metric.name} is {metric.text(measured)} (median of {len(values)} runs),"
            f" {'over' if over else 'within'} the budget of {metric.text(budget)}{_closeness(metric, values, budget)}"
        )
    return Finding(
        outcome=outcome,
        subject=f"{look.subject}/{metric.id}",
        rule=metric.id,
        message=message,
        measured=measured,
        limit=budget,
        unit=metric.unit,
        evidence=(EVIDENCE,),
        looked_at=_looked_at(look, metric, values, len(discarded)),
        more_information=metric.source,
    )


def _closeness(metric: Metric, values: Sequence[float], budget: float) -> str:
    if not straddles(values, budget):
        return ""
    low, high = median_interval(values)
    return f"; close: the true median may be anywhere from {metric.number(low)} to {metric.text(high)}"


def _looked_at(look: PageVitals, metric: Metric, values: Sequence[float], discarded: int) -> str:
    if not values:
        return f"no run gave a value; {discarded} of {counted(len(look.runs), 'run')} discarded"
    numbers = ", ".join(metric.number(value) for value in values)
    unit = f" {metric.unit}" if metric.unit else ""
    words = [f"{counted(len(values), 'run')}: {numbers}{unit}", f"{discarded} discarded"]
    # What is not judged has no median that anybody took.
    words += ["median"] if len(values) >= FEWEST_RUNS else []
    absent = len(look.kept()) - len(values)
    if absent:
        words.append(f"no value in {absent}")
    windows = [run.window for run in look.kept() if run.window is not None]
    if metric is TBT and windows:
        starts, ends = zip(*windows, strict=True)
        words.append(
            f"counted from first contentful paint ({metric.text(median(starts))}) until quiet"
            f" ({metric.text(median(ends))})"
        )
        restless = sum(not run.quiet for run in look.kept())
        if restless:
            words.append(f"{restless} still busy when the wait for quiet was over")
    return "; ".join(words)


def _expected(plan: Plan) -> Iterator[str]:
    options = options_of(plan)
    for subject, metrics in _judged(plan, options).items():
        yield from (f"{subject}/{metric.id}" for metric in metrics)
    yield from (f"{subject}/{INP.id}" for subject in _never_interacted(plan, options))


VITALS = Check(
    spec=CheckSpec(
        id="vitals",
        title="Pages keep their Web Vitals budgets",
        failure_title="A page costs its visitors more than its budget",
        why="Slow answers, late content, moving layout and blocked input drive people away. One load proves nothing;"
        " the median of several cold ones, made while nothing else works on the machine, does.",
        remedy="docs/checks.md#vitals",
        rows=("5.5",),
    ),
    needs=(PageVitals,),
    expects=_expected,
    judge=judge_vitals,
    options=VitalsOptions,
)
