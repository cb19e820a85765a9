"""Runs whose evidence lies in memory, judged and decided as a run would; what the tables of cases are made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from evidence_store.gate import decide
from evidence_store.model import Artifact, CheckResult, Decision, Evidence, Outcome, Release, SubjectDecision, Waiver
from evidence_store.workspace import BrokenEvidenceError, ShardFailure
from tasks.judging import judge
from tasks.plan import Plan, parse_stored_plan
from tasks.registry import check_named

STARTED = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
KNOWN = Release(before="4f2c9e1", after="4f2c9e1")
BASE = "http://127.0.0.1:8600"


@dataclass
class Run:
    """The files of a run, held in memory."""

    files: dict[str, bytes] = field(default_factory=dict)
    evidence: dict[str, list[Any]] = field(default_factory=dict)

    def file(self, path: str, content: bytes, media_type: str = "text/plain") -> Artifact:
        """Store a file and say what it must hash to."""
        self.files[path] = content
        return Artifact(path=path, media_type=media_type, sha256=hashlib.sha256(content).hexdigest(), size=len(content))

    def add(self, *evidence: Evidence) -> Run:
        """Store evidence, as one shard would."""
        for item in evidence:
            self.evidence.setdefault(item.kind, []).append(item.model_dump(mode="json"))
        self.files["data/source/shard.evidence.json"] = json.dumps(self.evidence).encode()
        return self

    def failed(self, source: str, *members: str, message: str, shard: str = "broken") -> Run:
        """Store that a shard could not look."""
        failure = ShardFailure(source=source, shard=shard, members=members, message=message)
        self.files[f"data/{source}/{shard}.failure.json"] = failure.model_dump_json().encode()
        return self

    def names(self) -> list[str]:
        return sorted(self.files)

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise BrokenEvidenceError(f"{path} is not there")
        return self.files[path]


def plan_of(checks: Mapping[str, Any], **changes: Any) -> Plan:
    """A plan with one page `home`, one viewport `desktop` and these checks."""
    content = {
        "schema": 1,
        "target": {
            "name": "demo",
            "base_url": BASE,
            "allowed_hosts": ["127.0.0.1"],
            "release": {"url": "/version.json", "pointer": "/commit"},
        },
        "viewports": {"desktop": {"width": 1280, "height": 800}},
        "pages": [{"name": "home", "path": "/en/home", "must_show": ["Welcome"]}],
        "checks": checks,
    }
    return parse_stored_plan(json.dumps(content | changes).encode(), "a test's plan")


def judged(check: str, run: Run, plan: Plan, profile: str = "nightly", release: Release = KNOWN) -> CheckResult:
    """The result of one check, as a run would have it."""
    return judge(check_named(check), plan, plan.profile(profile), STARTED, release, run)


def decided(result: CheckResult, plan: Plan, release: Release = KNOWN, waivers: Sequence[Waiver] = ()) -> Decision:
    """The gate's decision over what this one check expects."""
    expected = {result.check: tuple(check_named(result.check).expects(plan))}
    return decide(expected, [result], waivers, release, STARTED)


def only_subject(
    check: str, run: Run, plan: Plan, subject: str, profile: str = "nightly", release: Release = KNOWN
) -> SubjectDecision:
    """What one subject of one check ended in."""
    decision = decided(judged(check, run, plan, profile, release), plan, release)
    (found,) = [decided_subject for decided_subject in decision.subjects if decided_subject.subject == subject]
    return found


@dataclass(frozen=True)
class Case:
    """One look, what its subject must end in once the gate has decided, and words of the reason."""

    name: str
    outcome: Outcome
    says: str
    look: Callable[[], SubjectDecision]
    warns: bool = False
    """Whether a warning or a question must stand beside the outcome."""


def assert_ends_as_said(case: Case) -> None:
    """Judge, decide and compare."""
    subject = case.look()
    assert (subject.outcome, subject.warns) == (case.outcome, case.warns), subject.reason
    assert case.says in subject.reason
