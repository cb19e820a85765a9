"""`stageproof rejudge`: which plans a stored package may be judged under."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from flows.command_line import application
from tests.evidence_store.packages import build, good_files, write_tree

PLAN = """
schema = 1
[target]
name = "shop"
base_url = "http://127.0.0.1:9"
allowed_hosts = ["127.0.0.1"]
release = { unknown = "a vendor hosts it" }
[viewports]
desktop = { width = 1280, height = 800 }
[[pages]]
name = "home"
path = "/"
[checks.page-health]
"""


def test_a_package_is_not_judged_under_the_plan_of_another_target(tmp_path: Path) -> None:
    """Exit code 2 and both names: the package shows nothing of that target."""
    package = build(write_tree(tmp_path / "bag", good_files()), tmp_path / "package.zip").path
    plan = tmp_path / "shop.toml"
    plan.write_text(PLAN, encoding="utf-8")
    ended = CliRunner().invoke(application, ["rejudge", str(package), "--plan", str(plan), "--json"])
    told = json.loads(ended.stdout)
    assert (ended.exit_code, told["problem"]) == (2, f"{package} cannot be judged again")
    assert told["problems"] == ["the plan is of target 'shop', and the package of 'demo'"]
