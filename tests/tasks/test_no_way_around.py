"""Settings that would let everything pass are refused, and what is missing is still expected."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evidence_store.workspace import OpenedRun, Workspace
from flows.diagnosis import diagnose
from tasks.plan import PlanError, parse_plan
from tasks.registry import expected_subjects

DEMO = (Path(__file__).resolve().parents[2] / "deployments" / "targets" / "demo.toml").read_text(encoding="utf-8")
KNOWN = 'release = { url = "/version.json", pointer = "/commit" }'
UNKNOWN = 'release = { unknown = "it is not published anywhere" }'


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("[checks.axe]\ngate = []", "checks: axe.gate"),
        ("[checks.visual]\ntolerated_pixels = 1_000_000_000", "checks: visual.tolerated_pixels"),
    ],
    ids=["axe-without-a-gate", "every-pixel-tolerated"],
)
def test_a_table_that_lets_everything_pass_is_refused(table: str, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        parse_plan(DEMO.replace(table.splitlines()[0], table, 1), "demo.toml")


def test_a_prelaunch_run_of_an_unknowable_release_expects_it_named_all_the_same() -> None:
    plan = parse_plan(DEMO.replace(KNOWN, UNKNOWN).replace("[checks.release]\n", ""), "demo.toml")
    assert expected_subjects(plan, plan.profile("prelaunch"))["release"] == ("*",)
    assert "release" not in expected_subjects(plan, plan.profile("nightly"))


@pytest.mark.parametrize(("sha256", "is_left"), [(None, True), ("0" * 64, False)], ids=["unsealed", "sealed"])
def test_cleaning_never_removes_the_only_copy_of_a_package(
    sha256: str | None, is_left: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGEPROOF_HOME", str(tmp_path))
    run_id = "20261124T120000Z-demo-1a2b3c"
    opened = OpenedRun(
        run_id=run_id, target="demo", profile="prelaunch", opened_at=datetime.now(UTC), process=os.getpid()
    )
    workspace = Workspace.create(tmp_path, opened)
    workspace.package.write_bytes(b"a finished package")
    workspace.remember_summary(json.dumps({"sha256": sha256}))
    told = [finding["words"] for finding in diagnose(clean=True) if run_id in finding["what"]]
    assert workspace.root.exists() is is_left
    assert ("--profile prelaunch --resume" in told[0]) is is_left
