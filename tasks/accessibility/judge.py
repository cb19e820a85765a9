"""Judge of axe-core's result over all frames of a page.

Rules:

- violations of WCAG 2.0 to 2.2, A and AA, gate by impact (`gate` in the plan); best practices are warnings;
- what axe could not decide is a question for a person (`review`), never dropped and never a violation;
- a scan that did not finish, missed a frame, saw no element or applied no rule is an `error`, never clean.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import Field

from evidence_store.model import CheckSpec, Finding, Outcome
from evidence_store.workspace import BrokenEvidenceError, read_artifact
from tasks.contract import Check, JudgeContext
from tasks.plan import CheckOptions
from tasks.sweep.models import PageVisit

Impact = Literal["critical", "serious", "moderate", "minor"]
BEST_PRACTICE = "best-practice"


class AxeOptions(CheckOptions):
    """The plan's table for axe."""

    gate: tuple[Impact, ...] = Field(default=("critical", "serious"), min_length=1)
    """Impacts that hold a release; the others are warnings."""


def judge_axe(context: JudgeContext, visits: Sequence[PageVisit]) -> Iterator[Finding]:
    """Violations, questions, and a pass for each page without a gating violation."""
    for visit in visits:
        yield from _judge_visit(context, visit)


def _judge_visit(context: JudgeContext, visit: PageVisit) -> Iterator[Finding]:
    if visit.axe is None:
        yield _error(visit, visit.axe_problem or "the page was never scanned")
        return
    if visit.axe.frames_missed:
        yield _error(visit, f"{visit.axe.frames_missed} frames could not be scanned ({visit.axe.frames} were)")
        return
    if not visit.axe.nodes:
        yield _error(visit, "axe saw a document without an element")
        return
    result = _result(context, visit)
    passes, violations, incomplete = (result[part] for part in ("passes", "violations", "incomplete"))
    if not passes and not violations:
        yield _error(visit, "axe applied no rule: it saw nothing it could judge")
        return
    evidence = tuple(item.path for item in (visit.screenshot, visit.axe.result) if item)
    findings = [
        _finding(visit, rule, evidence, Outcome.FAIL, gates=_gates(rule, context.options.gate)) for rule in violations
    ]
    questions = [_finding(visit, rule, evidence, Outcome.REVIEW, gates=False) for rule in incomplete]
    yield from findings
    yield from questions
    if not any(finding.gates for finding in findings):
        serious = sum(len(rule["nodes"]) for rule in violations)
        yield Finding(
            outcome=Outcome.PASS,
            subject=visit.subject,
            message=f"0 {' or '.join(context.options.gate)} violations; {serious} elements with warnings,"
            f" {len(incomplete)} questions to review",
            looked_at=f"{visit.axe.nodes:,} elements, {visit.axe.frames} frames, {len(passes)} rules passed",
            evidence=evidence,
        )


def _result(context: JudgeContext, visit: PageVisit) -> dict[str, list[dict[str, Any]]]:
    if visit.axe is None:
        raise BrokenEvidenceError(f"{visit.subject} has no axe result")
    try:
        content = json.loads(read_artifact(context.files, visit.axe.result))
    except ValueError as error:
        raise BrokenEvidenceError(f"{visit.axe.result.path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise BrokenEvidenceError(f"{visit.axe.result.path} is not an axe result")
    parts: dict[str, Any] = {part: content.get(part) for part in ("passes", "violations", "incomplete")}
    if any(not isinstance(part, list) for part in parts.values()):
        raise BrokenEvidenceError(f"{visit.axe.result.path} is not an axe result")
    return parts


def _gates(rule: dict[str, Any], gate: Sequence[str]) -> bool:
    # A violation that names no impact may be of any: it is not let through.
    return BEST_PRACTICE not in rule.get("tags", []) and rule.get("impact") in {None, *gate}


def _finding(
    visit: PageVisit, rule: dict[str, Any], evidence: tuple[str, ...], outcome: Outcome, *, gates: bool
) -> Finding:
    nodes = rule.get("nodes", [])
    first = nodes[0] if nodes else {}
    impact = rule.get("impact") or "no impact given"
    return Finding(
        outcome=outcome,
        subject=visit.subject,
        rule=str(rule.get("id", "")),
        element=_selector(first.get("target", [])),
        message=f"{rule.get('help', '')} ({impact}, {len(nodes)} elements): {str(first.get('html', ''))[:160]}",
        measured=len(nodes),
        limit=0,
        unit="elements",
        more_information=str(rule.get("helpUrl", "")),
        evidence=evidence,
        gates=gates,
    )


def _selector(target: Sequence[Any]) -> str:
    # A step into a frame is a list item; a step into a shadow root is a list inside it.
    return " >> ".join(" >>> ".join(step) if isinstance(step, list) else str(step) for step in target)[:500]


def _error(visit: PageVisit, message: str) -> Finding:
    return Finding(outcome=Outcome.ERROR, subject=visit.subject, rule="scan", message=message)


AXE = Check(
    spec=CheckSpec(
        id="axe",
        title="No serious accessibility violation",
        failure_title="People with disabilities meet a barrier",
        why="axe-core decides about a fifth to a third of the known barriers; what it finds is almost never wrong.",
        remedy="docs/checks.md#axe",
        rows=("5.4", "3.4"),
    ),
    needs=(PageVisit,),
    expects=lambda plan: plan.page_subjects(),
    judge=judge_axe,
    options=AxeOptions,
)
