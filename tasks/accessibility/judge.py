"""Judge of axe-core's result over all frames of a page.

Rules:

- violations of WCAG 2.0 to 2.2, A and AA, gate by impact (`gate` in the plan); best practices are warnings;
- what axe could not decide is a question for a person (`review`), never dropped and never a violation;
- one finding for each rule and component: the elements whose selectors differ in nothing but counters. However many
  they are, they are one cause, counted; none is lost;
- a scan that did not finish, missed a frame, saw no element or applied no rule is an `error`, never clean;
- a violation that a person listed as known (`accessibility.toml`) does not gate until its acceptance expires; one that
  is listed and no longer there is a warning, as is one in more places than were accepted, which holds a release where
  the plan says `more_places = "gate"`; a page that could not be scanned proves nothing fixed;
- a person's answer closes a question (`pass`, `not-applicable`) or makes it a violation that gates (`fail`), until the
  element changes, looks different where the answer is given by eye (contrast), or the answer expires; a signature that
  does not verify is an `error`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from pydantic import Field

from evidence_store.model import CheckSpec, Finding, Outcome, deindexed
from evidence_store.report.plain_text import counted
from evidence_store.workspace import BrokenEvidenceError, EvidenceFiles, read_artifact
from tasks.accessibility.crops import Crops
from tasks.accessibility.models import Fingerprint, GivenAnswers, KnownFindings, fingerprint_of
from tasks.accessibility.people import People, PeopleOptions
from tasks.accessibility.questions import element_digest, is_answered_by_eye, question
from tasks.contract import Check, JudgeContext
from tasks.sweep.element_boxes import selector
from tasks.sweep.models import AxeScan, PageVisit, axe_parts

Impact = Literal["critical", "serious", "moderate", "minor"]
BEST_PRACTICE = "best-practice"
LONGEST_ELEMENT = 500
SELECTORS_TOLD = 3


class AxeOptions(PeopleOptions):
    """The plan's table for axe."""

    gate: tuple[Impact, ...] = Field(default=("critical", "serious"), min_length=1)
    """Impacts that hold a release; the others are warnings."""


@dataclass(frozen=True)
class Component:
    """The elements that break one rule in the same place of the page's structure."""

    rule: Mapping[str, Any]
    element: str
    """Their selector without its counters."""
    nodes: tuple[Mapping[str, Any], ...]

    @property
    def selectors(self) -> list[str]:
        """Where each of them is."""
        return [selector(node["target"]) for node in self.nodes]


def judge_axe(
    context: JudgeContext,
    visits: Sequence[PageVisit],
    known: Sequence[KnownFindings],
    given: Sequence[GivenAnswers],
) -> Iterator[Finding]:
    """Violations, questions, and a pass for each page without a gating violation."""
    if not known or not given:
        return  # nobody looked at what people accepted: the shard's failure, or the gate, says so
    people = People.of(context, known, given)
    for visit in visits:
        if visit.subject in context.plan.looks:
            yield from _judge_visit(context, visit, people)


def _judge_visit(context: JudgeContext, visit: PageVisit, people: People) -> Iterator[Finding]:
    rule, problem = ("gather", visit.problem) if visit.problem is not None else ("scan", _unscanned(visit))
    if visit.axe is None or problem is not None:
        yield _error(visit, people, rule, problem or "the page was never scanned")
        return
    result = _result(context.files, visit.axe)
    if not _applied(result):
        yield _error(visit, people, "scan", "axe applied no rule: it saw nothing it could judge")
        return
    evidence = tuple(item.path for item in (visit.screenshot, visit.axe.result) if item)
    crops = Crops(context.files, visit)
    asked = [(_question(visit, item, evidence, crops), item) for item in _components(result["incomplete"])]
    failed = [
        (_violation(visit, item, evidence, gates=_gates(item.rule, context.options.gate)), item)
        for item in _components(result["violations"])
    ]
    heard = people.heed(AXE.spec.id, visit.subject, [finding for finding, _ in (*failed, *asked)], context.options)
    yield from _with_pictures(crops, heard.findings, [*failed, *asked])
    if not heard.gates:
        aside = heard.known.union(finding.fingerprint for finding in heard.grown)
        warned = [f for f in heard.findings if f.outcome is Outcome.FAIL and f.fingerprint not in aside]
        new = "new " if heard.known else ""
        said = [
            f"0 {new}{' or '.join(context.options.gate)} violations",
            f"{counted(int(sum(finding.measured or 0 for finding in warned)), 'element')} with warnings",
        ]
        yield Finding(
            outcome=Outcome.PASS,
            subject=visit.subject,
            message=f"{'; '.join(said)}, {'; '.join([counted(heard.open, 'question') + ' to review', *heard.words()])}",
            looked_at=f"{visit.axe.nodes:,} elements, {visit.axe.frames} frames, {len(result['passes'])} rules passed",
            evidence=evidence,
        )


def questions_put(visits: Iterable[PageVisit], files: EvidenceFiles) -> dict[str, frozenset[Fingerprint]]:
    """The questions to people on each page that was scanned to its end, answered or not; raises BrokenEvidenceError."""
    put: dict[str, frozenset[Fingerprint]] = {}
    for visit in visits:
        if visit.axe is None or visit.problem is not None or _unscanned(visit) is not None:
            continue
        result = _result(files, visit.axe)
        if _applied(result):
            asked = (
                fingerprint_of(AXE.spec.id, str(item.rule["id"]), item.element, visit.subject)
                for item in _components(result["incomplete"])
            )
            put[visit.subject] = put.get(visit.subject, frozenset()).union(asked)
    return put


def _applied(result: Mapping[str, Sequence[Any]]) -> bool:
    """Whether any rule found something to judge."""
    return bool(result["passes"] or result["violations"])


def _unscanned(visit: PageVisit) -> str | None:
    """Why this page was not scanned to its end; None when it was."""
    if visit.axe is None:
        return visit.axe_problem or "the page was never scanned"
    if visit.axe.frames_missed:
        return f"{visit.axe.frames_missed} frames could not be scanned ({visit.axe.frames} were)"
    if not visit.axe.nodes:
        return "axe saw a document without an element"
    return None


def _error(visit: PageVisit, people: People, rule: str, message: str) -> Finding:
    message += people.unlooked(AXE.spec.id, visit.subject)
    return Finding(outcome=Outcome.ERROR, subject=visit.subject, rule=rule, message=message)


def _result(files: EvidenceFiles, scan: AxeScan) -> dict[str, list[dict[str, Any]]]:
    try:
        content = json.loads(read_artifact(files, scan.result))
    except (ValueError, RecursionError) as error:
        raise BrokenEvidenceError(f"{scan.result.path} is not JSON: {error}") from error
    parts = axe_parts(content)
    if parts is None:
        raise BrokenEvidenceError(f"{scan.result.path} is not an axe result")
    return parts


def _components(rules: Iterable[Mapping[str, Any]]) -> Iterator[Component]:
    for rule in rules:
        groups: dict[str, list[Mapping[str, Any]]] = {} if rule["nodes"] else {"": []}
        for node in rule["nodes"]:
            groups.setdefault(_element(selector(node["target"])), []).append(node)
        for element, nodes in groups.items():
            yield Component(rule, element, tuple(nodes))


def _element(place: str) -> str:
    """The de-indexed selector; of an endless one its beginning, and a digest so that no two are taken for one."""
    name = deindexed(place)
    if len(name) <= LONGEST_ELEMENT:
        return name
    return f"{name[: LONGEST_ELEMENT - 20]}…{sha256(name.encode('utf-8', 'replace')).hexdigest()[:12]}"


def _gates(rule: Mapping[str, Any], gate: Sequence[str]) -> bool:
    # A violation that names no impact may be of any: it is not let through.
    return not _is_best_practice(rule) and rule.get("impact") in {None, *gate}


def _is_best_practice(rule: Mapping[str, Any]) -> bool:
    return BEST_PRACTICE in (rule.get("tags") or ())


def _violation(visit: PageVisit, component: Component, evidence: tuple[str, ...], *, gates: bool) -> Finding:
    rule = component.rule
    count = f"{rule.get('impact') or 'no impact given'}, {counted(len(component.nodes), 'element')}"
    return Finding(
        outcome=Outcome.FAIL,
        subject=visit.subject,
        rule=str(rule["id"]),
        element=component.element,
        message=_joined(f"{rule.get('help', '')} ({count})", component),
        measured=len(component.nodes),
        limit=0,
        unit="elements",
        more_information=str(rule.get("helpUrl") or ""),
        evidence=evidence,
        gates=gates,
    ).fingerprinted(AXE.spec.id)


def _question(visit: PageVisit, component: Component, evidence: tuple[str, ...], crops: Crops) -> Finding:
    rule = component.rule
    asked = question(str(rule["id"]), str(rule.get("help", "")))
    finding = _violation(visit, component, evidence, gates=not _is_best_practice(rule))
    return finding.model_copy(
        update={
            "outcome": Outcome.REVIEW,
            "message": _joined(f"{asked} ({counted(len(component.nodes), 'element')})", component),
            "element_sha256": element_digest(component.nodes),
            "element_looks": crops.looks(component.selectors) if is_answered_by_eye(str(rule["id"])) else (),
        }
    )


def _joined(words: str, component: Component) -> str:
    """The words, then where and what the first elements are, and what axe says of them."""
    places = [place[:160] for place in component.selectors[:SELECTORS_TOLD]]
    more = len(component.nodes) - len(places)
    first = component.nodes[0] if component.nodes else {}
    parts = [
        f"{', '.join(places)}{f' and {more} more' if more > 0 else ''}",
        _line(first.get("html"), 160),
        _line(first.get("failureSummary"), 400),
    ]
    return f"{words}: {'; '.join(part for part in parts if part)}"


def _line(text: Any, most: int) -> str:
    return " ".join(str(text or "").split())[:most]


def _with_pictures(
    crops: Crops, findings: Iterable[Finding], components: Iterable[tuple[Finding, Component]]
) -> Iterator[Finding]:
    """The findings, with a picture of the element where a person has to act: fails that gate, and open questions."""
    places = {(bool(raw.element_sha256), raw.fingerprint): component.selectors for raw, component in components}
    for finding in sorted(findings, key=lambda item: item.outcome is Outcome.REVIEW):
        selectors = places.get((bool(finding.element_sha256), finding.fingerprint), ())
        acts = finding.outcome is Outcome.REVIEW or (finding.outcome is Outcome.FAIL and finding.gates)
        yield crops.shown(finding, selectors) if acts else finding


AXE = Check(
    spec=CheckSpec(
        id="axe",
        title="No serious accessibility violation",
        failure_title="People with disabilities meet a barrier",
        why="axe-core decides about a fifth to a third of the known barriers; what it finds is almost never wrong.",
        remedy="docs/checks.md#axe",
        rows=("5.4", "3.4"),
    ),
    needs=(PageVisit, KnownFindings, GivenAnswers),
    expects=lambda plan: plan.page_subjects(),
    judge=judge_axe,
    options=AxeOptions,
    judges_problems=True,
)
