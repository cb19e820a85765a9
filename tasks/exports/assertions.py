"""Every statement about accessibility that a run can stand for, from its manifest and its evidence. Pure.

Rules:

- one assertion for each rule of axe-core on each page state, for each criterion that a probe of ours tests on each page
  state, and for each step of a manual sweep;
- what a check expected and nobody looked at, or what could not be judged, is `untested`; a scan that missed a frame
  yields failures and no passes;
- a fail stays a fail when it is waived or known: a waiver accepts a barrier, it does not remove it;
- what axe-core could not decide is `cantTell`, and a person's answer that it is a barrier makes it `failed`;
- steps count only when the record counted: signed as asked for, not expired, answering this very sweep;
- names that come from the page under test are checked or made plain before they are passed on.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from evidence_store.model import Finding, Manifest, Outcome
from evidence_store.report.plain_text import line, web_address
from evidence_store.workspace import BrokenEvidenceError, EvidenceFiles, evidence_of, read_artifact
from tasks.records.manual import BadFileError, read_record, read_sweep
from tasks.records.models import MANUAL_A11Y, ManualSweep
from tasks.sweep.models import PageVisit
from tasks.wcag import CRITERIA, Criterion, criteria_of_tags, criterion_named

AXE, KEYBOARD = "axe", "keyboard"
PROBED: Mapping[str, tuple[str, ...]] = {
    KEYBOARD: ("1.4.4", "1.4.10", "2.1.1", "2.1.2", "2.4.3", "2.4.7", "2.4.11", "3.2.1"),
}
"""The criteria that a check of ours tests by behaviour, on every state it looked at."""

_RULE = re.compile(r"^[a-z0-9][a-z0-9-]{0,79}$")
_NUMBER = re.compile(r"(?<![\d.])\d\.\d\.\d{1,2}(?![\d.])")


class Result(StrEnum):
    """EARL's outcomes, worst first."""

    FAILED = "failed"
    CANT_TELL = "cantTell"
    PASSED = "passed"
    INAPPLICABLE = "inapplicable"
    UNTESTED = "untested"


_PARTS: Mapping[str, Result] = {
    "violations": Result.FAILED,
    "incomplete": Result.CANT_TELL,
    "passes": Result.PASSED,
    "inapplicable": Result.INAPPLICABLE,
}
"""Of axe-core's result, worst first."""

LOOKED = frozenset({Result.FAILED, Result.CANT_TELL, Result.PASSED})
"""Results of a look at something that was there."""


@dataclass(frozen=True)
class Assertion:
    """One statement: who found what, by which test, on which subject."""

    check: str
    subject: str
    test: str
    result: Result
    title: str = ""
    criteria: tuple[Criterion, ...] = ()
    link: str | None = None
    address: str = ""
    """The URL that was looked at."""
    info: str = ""
    elements: int = 0
    person: str | None = None
    """Who found it with assistive technology; None for a program."""
    means: str = ""
    """The assistive technology, in the person's words."""
    at: datetime | None = None

    @property
    def by_hand(self) -> bool:
        """Whether a person made it."""
        return self.person is not None


def assertions_of(manifest: Manifest, files: EvidenceFiles) -> tuple[Assertion, ...]:
    """All of them, ordered by check, subject and test."""
    visits: defaultdict[str, list[PageVisit]] = defaultdict(list)
    for visit in evidence_of(files, PageVisit):
        visits[visit.subject].append(visit)
    found = [
        *_by_axe(manifest, files, visits),
        *(made for check in PROBED for made in _by_probe(manifest, check, visits)),
        *_by_people(manifest, files, visits),
    ]
    return tuple(sorted(found, key=lambda made: (made.check, made.subject, made.test)))


def _findings(manifest: Manifest, check: str) -> dict[str, list[Finding]]:
    found: defaultdict[str, list[Finding]] = defaultdict(list)
    for result in manifest.results:
        if result.check == check:
            for finding in result.findings:
                found[finding.subject].append(finding)
    return found


def _address(manifest: Manifest, visits: Sequence[PageVisit]) -> str:
    seen = (visits[0].final_url or visits[0].url) if visits else manifest.base_url
    return web_address(seen) or manifest.base_url


def _not_concluded(findings: Sequence[Finding]) -> str | None:
    """Why a check concluded nothing about a subject, or None when it did.

    Its findings say so, and not the decision: with a release in doubt every decision is an error, and what was seen is
    still what was seen.
    """
    if not findings:
        return "nobody looked"
    for finding in findings:
        if finding.outcome in {Outcome.ERROR, Outcome.NOT_RUN}:
            return finding.message
    return None if any(item.outcome in {Outcome.PASS, Outcome.FAIL} for item in findings) else "it was not concluded"


# -- axe-core ---------------------------------------------------------------------------------------------------------


def _by_axe(manifest: Manifest, files: EvidenceFiles, visits: Mapping[str, Sequence[PageVisit]]) -> Iterator[Assertion]:
    findings = _findings(manifest, AXE)
    for subject in manifest.expected.get(AXE, ()):
        seen = visits.get(subject, ())
        address = _address(manifest, seen)
        try:
            rules = _scan(seen, files)
        except BrokenEvidenceError as error:
            yield Assertion(
                AXE, subject, "all-rules", Result.UNTESTED, "axe-core, all rules", address=address, info=str(error)
            )
            continue
        answered = {finding.rule for finding in findings.get(subject, ()) if finding.outcome is Outcome.FAIL}
        whole = seen[0].axe is not None and not seen[0].axe.frames_missed
        for rule, (result, content) in rules.items():
            info = ""
            if result is Result.CANT_TELL and rule in answered:
                result, info = Result.FAILED, "a person answered that it is a barrier"
            elif result in {Result.PASSED, Result.INAPPLICABLE} and not whole:
                result, info = Result.CANT_TELL, "a frame of the page could not be scanned"
            yield Assertion(
                AXE,
                subject,
                rule,
                result,
                line(str(content.get("help", ""))),
                criteria_of_tags(_listed(content.get("tags"))),
                web_address(str(content.get("helpUrl", ""))),
                address,
                info,
                elements=len(_listed(content.get("nodes"))),
            )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _scan(visits: Sequence[PageVisit], files: EvidenceFiles) -> dict[str, tuple[Result, Mapping[str, Any]]]:
    """The worst result of each rule; raises BrokenEvidenceError when the page was not scanned, in words."""
    if len(visits) != 1:
        raise BrokenEvidenceError("nobody looked" if not visits else f"it was looked at {len(visits)} times")
    (visit,) = visits
    if visit.problem is not None or visit.axe is None or not visit.axe.nodes:
        raise BrokenEvidenceError(line(visit.problem or visit.axe_problem or "the page was never scanned"))
    try:
        content = json.loads(read_artifact(files, visit.axe.result))
    except (ValueError, RecursionError) as error:
        raise BrokenEvidenceError(f"{visit.axe.result.path} is not JSON") from error
    rules: dict[str, tuple[Result, Mapping[str, Any]]] = {}
    for part, result in _PARTS.items():
        listed = content.get(part) if isinstance(content, dict) else None
        if listed is None and part == "inapplicable":
            continue
        if not isinstance(listed, list):
            raise BrokenEvidenceError(f"{visit.axe.result.path} is not a result of axe-core")
        for rule in listed:
            name = rule.get("id") if isinstance(rule, dict) else None
            # The page runs where the engine runs: what is no rule's name is not passed on as one.
            if not isinstance(name, str) or not _RULE.match(name):
                raise BrokenEvidenceError(f"{visit.axe.result.path} is not a result of axe-core")
            rules.setdefault(name, (result, rule))
    if not any(result in LOOKED for result, _ in rules.values()):
        raise BrokenEvidenceError(f"{visit.axe.result.path} tells of no rule that applied")
    return rules


# -- probes of our own ------------------------------------------------------------------------------------------------


def _by_probe(manifest: Manifest, check: str, visits: Mapping[str, Sequence[PageVisit]]) -> Iterator[Assertion]:
    findings = _findings(manifest, check)
    title = f"{check} walk"
    for subject in manifest.expected.get(check, ()):
        address = _address(manifest, visits.get(subject, ()))
        seen = findings.get(subject, [])
        if (why := _not_concluded(seen)) is not None:
            yield Assertion(check, subject, "all", Result.UNTESTED, title, address=address, info=line(why))
            continue
        for number in PROBED[check]:
            criterion = criterion_named(number)
            mine = [finding for finding in seen if criterion in criteria_of(finding)]
            outcomes = {finding.outcome for finding in mine}
            unclear = Result.CANT_TELL if Outcome.REVIEW in outcomes else Result.PASSED
            result = Result.FAILED if Outcome.FAIL in outcomes else unclear
            yield Assertion(
                check,
                subject,
                number,
                result,
                f"{title}: {criterion.name}" if criterion else title,
                (criterion,) if criterion else (),
                criterion.understanding if criterion else None,
                address,
                line("; ".join(finding.message for finding in mine if finding.outcome is not Outcome.PASS), 1_000),
            )


def criteria_of(finding: Finding) -> tuple[Criterion, ...]:
    """The criteria a finding is about: those its rule names by number, or whose explanation it links to."""
    numbers = set(_NUMBER.findall(finding.rule))
    link = finding.more_information
    return tuple(item for item in CRITERIA if item.number in numbers or link in {item.understanding, item.url})


# -- people -----------------------------------------------------------------------------------------------------------


def _by_people(
    manifest: Manifest, files: EvidenceFiles, visits: Mapping[str, Sequence[PageVisit]]
) -> Iterator[Assertion]:
    sweeps = {item.subject: item for item in evidence_of(files, ManualSweep)}
    findings = _findings(manifest, MANUAL_A11Y)
    for subject in manifest.expected.get(MANUAL_A11Y, ()):
        why, evidence = _not_concluded(findings.get(subject, [])), sweeps.get(subject)
        if why is not None or evidence is None or evidence.sweep is None or evidence.record is None:
            yield Assertion(
                MANUAL_A11Y,
                subject,
                "all",
                Result.UNTESTED,
                "manual sweep",
                address=manifest.base_url,
                info=line(why or "nobody looked"),
            )
            continue
        try:
            sweep = read_sweep(read_artifact(files, evidence.sweep))
            record, _ = read_record(read_artifact(files, evidence.record))
        except BadFileError as error:
            raise BrokenEvidenceError(f"{subject} was judged, and cannot be read: {error}") from error
        given = {result.step: result for result in record.results}
        address = _address(manifest, visits.get(sweep.subjects[0], ()))
        words = {"pass": Result.PASSED, "fail": Result.FAILED, "not-applicable": Result.INAPPLICABLE}
        for step in sweep.steps:
            criterion = criterion_named(step.criterion)
            yield Assertion(
                MANUAL_A11Y,
                subject,
                step.id,
                words[given[step.id].result],
                f"{line(step.do)} Expected: {line(step.expect)}",
                (criterion,) if criterion else (),
                criterion.understanding if criterion else None,
                address,
                line(given[step.id].note, 1_000),
                person=line(record.by),
                means=line(record.assistive_technology),
                at=record.made_at,
            )
