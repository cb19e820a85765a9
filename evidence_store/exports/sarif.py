"""Findings as SARIF 2.1.0 (OASIS), for tools that collect what many scanners found. Pure: it reads the manifest alone.

Rules:

- one rule for each check, one result for each fail, warning and question; passes are counted and not listed, because a
  tool that does not know a result's `kind` would show each of them as an alert;
- a gating fail is an `error`, another fail a `warning`; a question has the kind `review`, which SARIF gives no level;
- a waived fail stays, with a suppression that names who accepted it and why;
- what could not be judged or was never looked at is a notification of the tool, and the run was then not successful: an
  empty list of results never looks clean.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from math import isfinite
from typing import Any
from urllib.parse import quote

from evidence_store.model import CheckResult, Finding, Manifest, Outcome, Severity, SubjectDecision
from evidence_store.report.plain_text import passage, remedy_words, web_address

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "stageproof/v1"
PACKAGE = "PACKAGE"
_PART_OF_AN_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")
_TOLD = {Outcome.FAIL, Outcome.REVIEW}


def findings_sarif(manifest: Manifest) -> bytes:
    """The findings of a run."""
    results = sorted(manifest.results, key=lambda result: result.check)
    places = {result.check: place for place, result in enumerate(results)}
    missing = [subject for subject in manifest.decision.subjects if subject.outcome in {Outcome.ERROR, Outcome.NOT_RUN}]
    waived = _waived(manifest)
    run = {
        "tool": {
            "driver": {
                "name": "stageproof",
                "version": manifest.toolchain.get("stageproof", "unknown"),
                "rules": [_rule(result) for result in results],
            }
        },
        "automationDetails": {"id": f"stageproof/{manifest.target}/{manifest.profile}/{manifest.run_id}"},
        "originalUriBaseIds": {PACKAGE: {"description": {"text": "The root of the evidence package"}}},
        "invocations": [
            {
                "executionSuccessful": not missing,
                "startTimeUtc": _instant(manifest.started_at),
                "endTimeUtc": _instant(manifest.finished_at),
                "toolExecutionNotifications": [_notification(subject, places) for subject in missing],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(result, finding, places, waived)
            for result in results
            for finding in sorted(result.findings, key=lambda found: (found.subject, found.fingerprint, found.message))
            if finding.outcome in _TOLD
        ],
        "properties": {
            "verdict": manifest.decision.verdict.value,
            "release": manifest.release.before,
            "passes": sum(finding.outcome is Outcome.PASS for result in results for finding in result.findings),
        },
    }
    content = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(content, indent=1, ensure_ascii=False).encode("utf-8", "replace")


def _instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _finite(value: float | None) -> float | None:
    # JSON knows neither infinity nor "not a number".
    return value if value is not None and isfinite(value) else None


def _rule(result: CheckResult) -> dict[str, Any]:
    spec = result.spec
    rule: dict[str, Any] = {
        "id": spec.id,
        "name": "".join(part.title() for part in spec.id.split("-")),
        "shortDescription": {"text": spec.failure_title},
        "fullDescription": {"text": f"{spec.title}. {spec.why}"},
        "help": {"text": f"{spec.why} What to do: {remedy_words(spec.remedy).removesuffix('.')}."},
        "defaultConfiguration": {"level": "warning" if spec.severity is Severity.WARNING else "error"},
        "properties": {"tags": [spec.mode, *(f"launch-plan-{row}" for row in spec.rows)]},
    }
    if web_address(spec.remedy):
        rule["helpUri"] = spec.remedy
    return rule


def _result(
    result: CheckResult, finding: Finding, places: dict[str, int], waived: dict[tuple[str, str], list[str]]
) -> dict[str, Any]:
    check = result.check
    detailed = _PART_OF_AN_ID.match(finding.rule)
    told: dict[str, Any] = {
        # SARIF 3.27.5: an id with parts below its rule's own.
        "ruleId": f"{check}/{finding.rule}" if detailed else check,
        "ruleIndex": places[check],
        "message": {"text": passage(f"{finding.subject}: {finding.message}") or finding.subject},
        "locations": [_location(finding.subject, finding.evidence[0] if finding.evidence else "run.json")],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
    }
    if finding.outcome is Outcome.REVIEW:
        told |= {"kind": "review", "level": "none"}
    else:
        told |= {"kind": "fail", "level": "error" if finding.gates else "warning"}
    if more := finding.evidence[1:]:
        told["relatedLocations"] = [_file(path) for path in more]
    properties = {
        "element": passage(finding.element, 500),
        "measured": _finite(finding.measured),
        "limit": _finite(finding.limit),
        "unit": finding.unit,
        "moreInformation": web_address(finding.more_information),
    }
    told["properties"] = {"subject": finding.subject} | {
        name: value for name, value in properties.items() if value not in (None, "")
    }
    owners = waived.get((check, finding.subject)) if finding.outcome is Outcome.FAIL and finding.gates else None
    if owners:
        told["suppressions"] = [{"kind": "external", "status": "accepted", "justification": words} for words in owners]
    return told


def _waived(manifest: Manifest) -> dict[tuple[str, str], list[str]]:
    """Who accepted the fails of a subject, and why, by (check, subject)."""
    used = [note.waiver for note in manifest.decision.waivers if note.state == "used"]
    return {
        (subject.check, subject.subject): [
            f"{waiver.owner}, until {waiver.expires.isoformat()}: {waiver.reason}"
            for waiver in used
            if waiver.check == subject.check and waiver.owner in (subject.waived_by or "")
        ]
        or [f"accepted by {subject.waived_by}"]
        for subject in manifest.decision.subjects
        if subject.waived_by
    }


def _notification(subject: SubjectDecision, places: dict[str, int]) -> dict[str, Any]:
    words = "could not be judged" if subject.outcome is Outcome.ERROR else "was never looked at"
    told: dict[str, Any] = {
        "level": "error",
        "descriptor": {"id": subject.outcome.value},
        "message": {"text": passage(f"{subject.check}, {subject.subject} {words}: {subject.reason}")},
        "locations": [_location(subject.subject, "run.json")],
    }
    if subject.check in places:
        told["associatedRule"] = {"id": subject.check, "index": places[subject.check]}
    return told


def _location(subject: str, path: str) -> dict[str, Any]:
    return _file(path) | {"logicalLocations": [{"fullyQualifiedName": subject, "kind": "resource"}]}


def _file(path: str) -> dict[str, Any]:
    address = {"uri": quote(path, safe="/@"), "uriBaseId": PACKAGE}
    return {"physicalLocation": {"artifactLocation": address, "region": {"startLine": 1}}}
