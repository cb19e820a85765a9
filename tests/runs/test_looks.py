"""Sources against a living site with faults: gather, judge and decide, without an orchestrator or a store."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from evidence_store.gate import decide
from evidence_store.model import Decision, Outcome, Release
from evidence_store.workspace import OpenedRun, Workspace
from tasks.gathering import gather_shard
from tasks.judging import judge
from tasks.plan import load_plan
from tasks.registry import check_named, expected_subjects, sources_for
from tests.runs.conftest import PASSWORDS, Site

pytestmark = pytest.mark.real
PlanFile = Callable[..., Path]
Look = Callable[..., tuple[Decision, Workspace]]
DASHBOARD = 'path = "/en/dashboard"\nidentity = "viewer"\nmust_show = ["Impact this quarter"]\nmask = ["[data-live]"]'
CATALOG = 'path = "/en/catalog"\nidentity = "viewer"\nmust_show = ["Data catalogue"]\nmask = ["[data-live]"]'
VIEWER = """
[identities.viewer]
login = { url = "/api/login", json = { email = "viewer@tidemark.example", password = "env:DEMO_VIEWER_PASSWORD" } }
"""


@pytest.fixture
def look(tmp_path: Path, plan_file: PlanFile, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Gather and judge everything a small plan asks for."""
    for name, value in PASSWORDS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("STAGEPROOF_BASELINES", str(tmp_path / "baselines"))

    def gather_judge_decide(base_url: str, rest: str, **page: str) -> tuple[Decision, Workspace]:
        plan = load_plan(plan_file(base_url, rest, **page))
        profile = plan.profile("nightly")
        now = datetime.now(UTC)
        opened = OpenedRun(run_id="run", target="small", profile="nightly", opened_at=now, process=os.getpid())
        workspace = Workspace.create(tmp_path, opened)
        for name, value in PASSWORDS.items():
            workspace.redactor.learn(value, f"env:{name}")
        release = Release(before="4f2c9e1", after="4f2c9e1")
        expected = expected_subjects(plan, profile)
        for source in sources_for(expected, plan):
            for shard in source.shards(plan):
                gather_shard(source, plan, shard, workspace)
        results = [judge(check_named(check), plan, profile, now, release, workspace) for check in expected]
        return decide(expected, results, (), release, now), workspace

    return gather_judge_decide


def outcome(decision: Decision, check: str, subject: str = "page@desktop") -> tuple[Outcome, str]:
    (found,) = [item for item in decision.subjects if (item.check, item.subject) == (check, subject)]
    return found.outcome, found.reason


def no_browser_is_left() -> bool:
    return not [child for child in psutil.Process().children(recursive=True) if "chrom" in child.name()]


PAGE = "[checks.page-health]\n[checks.visual]\n[checks.axe]\n"


def test_a_healthy_page_passes_and_awaits_its_baseline(site: Site, look: Look) -> None:
    decision, _ = look(site(), VIEWER + PAGE, page=DASHBOARD)
    assert outcome(decision, "page-health")[0] is Outcome.PASS
    assert outcome(decision, "axe")[0] is Outcome.PASS
    assert outcome(decision, "visual") == (Outcome.NOT_RUN, outcome(decision, "visual")[1])
    assert "awaits approval" in outcome(decision, "visual")[1]
    assert no_browser_is_left()


@pytest.mark.parametrize(
    ("fault", "page", "check", "expected", "says"),
    [
        ("login-instead-of-page", DASHBOARD, "page-health", Outcome.FAIL, "not on the page"),
        ("api-fails-behind-pretty-page", DASHBOARD, "page-health", Outcome.FAIL, "answered 500"),
        ("console-error", DASHBOARD, "page-health", Outcome.FAIL, "uncaught error"),
        ("unlabeled-button", DASHBOARD, "axe", Outcome.FAIL, "discernible text"),
        ("frame-unlabeled", CATALOG, "axe", Outcome.FAIL, "label"),
    ],
)
def test_a_fault_is_named_by_its_check(
    site: Site,
    look: Look,
    fault: str,
    page: str,
    check: str,
    expected: Outcome,
    says: str,
) -> None:
    decision, _ = look(site(fault), f"{VIEWER}[checks.{check}]\n", page=page)
    seen, reason = outcome(decision, check)
    assert (seen, says in reason) == (expected, True), reason
