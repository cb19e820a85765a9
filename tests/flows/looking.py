"""Gather through the real doors, judge and decide as a run would, without the flow around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tomli_w

from evidence_store.gate import decide
from evidence_store.model import Decision, Evidence, Release, SubjectDecision, VerdictWord
from evidence_store.workspace import OpenedRun, Workspace, evidence_of
from tasks.contract import Shard, Source
from tasks.gathering import gather_shard
from tasks.judging import judge
from tasks.plan import Plan, load_plan
from tasks.registry import check_named
from tests.flows.hostile_server import RELEASE

KNOWN = Release(before=RELEASE, after=RELEASE)
DESKTOP = {"desktop": {"width": 800, "height": 600}}
SIGN_IN_PAGE = {"name": "sign-in", "path": "/en/", "must_show": ["Sign in"]}
VIEWER = {
    "viewer": {
        "login": {
            "url": "/api/login",
            "json": {"email": "viewer@tidemark.example", "password": "env:DEMO_VIEWER_PASSWORD"},
        }
    }
}


def write_plan(
    folder: Path,
    base_url: str,
    checks: Mapping[str, Any],
    *,
    name: str = "small",
    pages: Sequence[Mapping[str, Any]] = (SIGN_IN_PAGE,),
    hosts: Sequence[str] = ("127.0.0.1",),
    **more: Any,
) -> Path:
    """A plan with one viewport and only what a test needs; `more` are further tables."""
    content: dict[str, Any] = {
        "schema": 1,
        "target": {
            "name": name,
            "base_url": base_url,
            "allowed_hosts": list(hosts),
            "release": {"url": "/version.json", "pointer": "/commit"},
            **more.pop("target", {}),
        },
        "viewports": DESKTOP,
        "pages": [dict(page) for page in pages],
        "checks": {check: dict(table) for check, table in checks.items()},
        **more,
    }
    path = folder / f"{name}.toml"
    path.write_text(tomli_w.dumps(content), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Looked:
    """What was gathered, and how the gate decided it."""

    plan: Plan
    workspace: Workspace
    decision: Decision
    problems: tuple[str | None, ...]
    """One for each shard: why it could not look."""

    def subject(self, name: str, check: str) -> SubjectDecision:
        """How one subject was decided; whatever it is, a run with it must not be a go unless it passed."""
        (found,) = [s for s in self.decision.subjects if (s.subject, s.check) == (name, check)]
        return found

    def evidence(self, kind: type[Evidence], subject: str) -> Any:
        """The one piece of evidence of a kind on a subject."""
        (found,) = [item for item in evidence_of(self.workspace, kind) if item.subject == subject]
        return found

    def everything(self) -> bytes:
        """All bytes of the evidence, one file after the other."""
        return b"\n".join(self.workspace.read(name) for name in self.workspace.names())

    @property
    def is_go(self) -> bool:
        """Whether this alone would let a release pass."""
        return self.decision.verdict is VerdictWord.GO


def new_workspace(home: Path) -> Workspace:
    """The folder of a run that nobody else knows of."""
    now = datetime.now(UTC)
    return Workspace.create(
        home, OpenedRun(run_id="a-test", target="small", profile="nightly", opened_at=now, process=1)
    )


def look(
    plan_file: Path,
    sources: Sequence[Source],
    home: Path,
    *,
    in_one_shard: bool = False,
    workspace: Workspace | None = None,
) -> Looked:
    """Gather with these sources, then judge and decide every check of the plan."""
    plan = load_plan(plan_file)
    workspace = workspace or new_workspace(home)
    problems = []
    for source in sources:
        shards = source.shards(plan)
        if in_one_shard:
            shards = [Shard("all", tuple(dict.fromkeys(m for shard in shards for m in shard.members)))]
        problems += [gather_shard(source, plan, shard, workspace) for shard in shards]
    workspace.sweep_secrets()
    now, profile = datetime.now(UTC), plan.profile("nightly")
    expected = {check: tuple(check_named(check).expects(plan)) for check in plan.checks}
    results = [judge(check_named(check), plan, profile, now, KNOWN, workspace) for check in expected]
    return Looked(plan, workspace, decide(expected, results, (), KNOWN, now), tuple(problems))
