"""Runs made by hand, judged by the real judges, and what is exported of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import yaml

from evidence_store.gate import decide
from evidence_store.model import CheckResult, CheckSpec, Finding, Manifest, Outcome, Release
from tasks.exporting import Exports
from tasks.records.models import ManualSweep
from tasks.registry import check_named
from tasks.sweep.models import AxeScan, PageVisit
from tests.tasks.accessibility.cases import rule
from tests.tasks.judged_runs import BASE, KNOWN, STARTED, Run, judged, plan_of
from tests.tasks.records.cases import SIGNERS, answered, sweep_file

CONTRAST = rule("color-contrast", tags=["wcag2aa", "wcag143"])
LANGUAGE = rule("html-has-lang", None, tags=["wcag2a", "wcag311"])
CAPTIONS = rule("video-caption", tags=["wcag2a", "wcag122"])
REGION = rule("region", "moderate", tags=["best-practice"])
NAME = rule("button-name", "critical", tags=["wcag2a", "wcag412"])
VIEWPORTS = ("a", "b", "c")
GOOD_SCAN: Mapping[str, Sequence[Any]] = {
    "passes": [CONTRAST, LANGUAGE],
    "violations": [],
    "incomplete": [],
    "inapplicable": [CAPTIONS],
}
KEYBOARD = CheckSpec(id="keyboard", title="t", failure_title="f", why="w", remedy="r", rows=("3.4",))


def scans(**by_viewport: Any) -> Run:
    """A run with a scan of `home` in each viewport: parts of axe's result, bytes, None (no scan), or changes."""
    run = Run()
    for viewport in VIEWPORTS:
        given = by_viewport.get(viewport, GOOD_SCAN)
        changes = given if isinstance(given, dict) and "problem" in given else {}
        content = given if isinstance(given, bytes) else json.dumps(given).encode()
        path = f"data/sweep/home@{viewport}/axe.json"
        missed = by_viewport.get("missed") == viewport
        scan = AxeScan(result=run.file(path, content), frames=2, frames_missed=int(missed), nodes=40)
        run.add(
            PageVisit(
                subject=f"home@{viewport}",
                gathered_at=STARTED,
                page="home",
                viewport=viewport,
                url=f"{BASE}/en/home",
                final_url=f"{BASE}/en/home?a=1",
                axe=None if given is None or changes else scan,
                **changes,
            )
        )
    return run


def walked(run: Run, record: bytes | None = None) -> Run:
    """The run with a manual sweep in it, and its record unless that is empty."""
    folder = "data/records/manual-a11y"
    kept = {
        "sweep": run.file(f"{folder}/approvals.yaml", sweep_file()),
        "signers": run.file(f"{folder}/signers.toml", SIGNERS),
    }
    if record != b"":
        kept["record"] = run.file(f"{folder}/approvals.record.json", record or answered())
    return run.add(ManualSweep(subject="sweep:approvals", gathered_at=STARTED, name="approvals", **kept))


def told(
    run: Run,
    *checks: str,
    keyboard: Mapping[str, Sequence[Finding]] | None = None,
    release: Release = KNOWN,
    **changes: Any,
) -> Manifest:
    """The manifest of a run: these checks judged, and findings of a keyboard walk by subject when there are any."""
    tables = {"axe": {}, "manual-a11y": {"sweeps": ["approvals"]}}
    plan = plan_of(
        {check: tables[check] for check in checks or ("axe",)},
        viewports={name: {"width": 800, "height": 600} for name in VIEWPORTS},
    )
    results = [judged(check, run, plan, release=release) for check in plan.checks]
    expected = {check: tuple(check_named(check).expects(plan)) for check in plan.checks}
    if keyboard is not None:
        expected["keyboard"] = tuple(keyboard)
        findings = [item.fingerprinted("keyboard") for found in keyboard.values() for item in found]
        results.append(CheckResult(spec=KEYBOARD, findings=tuple(findings)))
    fields: dict[str, Any] = {
        "run_id": "20260302T120000Z-demo-3fa9c1",
        "project": "impact",
        "target": "demo",
        "base_url": BASE,
        "profile": "nightly",
        "started_by": "a test",
        "release": release,
        "started_at": STARTED,
        "finished_at": STARTED + timedelta(minutes=4),
        "plan_sha256": "9f" * 32,
        "expected": expected,
        "results": tuple(results),
        "decision": decide(expected, results, (), release, STARTED),
        "toolchain": {"axe-core": "4.14.1", "stageproof": "0.1.0"},
    }
    return Manifest(**(fields | changes))


def exported(manifest: Manifest, run: Run) -> dict[str, Any]:
    """Every export, parsed, by its name without the folder; each must have been made."""
    made = list(Exports(manifest, run).files())
    assert [export.problem for export in made] == [None] * 4
    content = {export.path.rpartition("/")[2]: export.content for export in made}
    return {
        name: yaml.safe_load(body) if name.endswith(".yaml") else json.loads(body) for name, body in content.items()
    }


def keyboard_pass(subject: str) -> Finding:
    return Finding(outcome=Outcome.PASS, subject=subject, message="12 stops, all visible")


def keyboard_fail(subject: str, **changes: Any) -> Finding:
    words = {"message": "the focus never leaves #menu", "rule": "2.1.2-trap"} | changes
    return Finding(outcome=Outcome.FAIL, subject=subject, **words)
