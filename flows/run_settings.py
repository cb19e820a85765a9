"""Where a run finds its plan, its folders and its store: names from the environment, with defaults that work."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from evidence_store.redaction import SHORTEST_SECRET
from tasks.plan import Plan, PlanError, load_plan, missing_environment, nearest

REPOSITORY = Path(__file__).resolve().parent.parent


def targets_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where plans are looked up by name: STAGEPROOF_TARGETS, else deployments/targets of this repository."""
    return Path(environment.get("STAGEPROOF_TARGETS") or REPOSITORY / "deployments" / "targets")


def target_names(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Names of the targets that have a plan."""
    return sorted(path.stem for path in targets_folder(environment).glob("*.toml"))


def home_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where workspaces are made: STAGEPROOF_HOME, else .stageproof of this repository."""
    return Path(environment.get("STAGEPROOF_HOME") or REPOSITORY / ".stageproof")


def plan_path(target: str, environment: Mapping[str, str] = os.environ) -> Path:
    """The plan a person means: a path to a TOML file, or the name of a target. Raises PlanError."""
    given = Path(target)
    if given.suffix == ".toml" or given.is_file():
        return given
    named = targets_folder(environment) / f"{target}.toml"
    if "/" in target or not named.is_file():
        known = target_names(environment)
        raise PlanError(target, [f"no target of that name in {targets_folder(environment)}{nearest(target, known)}"])
    return named


def lasting_name(target: str, environment: Mapping[str, str] = os.environ) -> str:
    """What means the same plan from every folder: a target's name, or the whole path of a plan given by path."""
    path = plan_path(target, environment)
    return str(path.resolve()) if path == Path(target) else target


def ready_plan(target: str, environment: Mapping[str, str] = os.environ) -> Plan:
    """The plan, with every value it takes from the environment there; raises PlanError."""
    path = plan_path(target, environment)
    plan = load_plan(path)
    missing = missing_environment(plan, environment)
    if missing:
        raise PlanError(
            str(path), [f"the environment variable {name} has no value; set it and try again" for name in missing]
        )
    text = plan.canonical_json().decode()
    for name in plan.environment_names():
        if environment[name] in text or json.dumps(environment[name], ensure_ascii=False)[1:-1] in text:
            raise PlanError(
                str(path), [f"the value of {name} stands in the plan itself, so it cannot be kept out of the evidence"]
            )
        if len(environment[name]) < SHORTEST_SECRET:
            raise PlanError(
                str(path),
                [
                    f"the value of {name} is shorter than {SHORTEST_SECRET} characters: it could not be told from"
                    " ordinary text, and so not be kept out of the evidence"
                ],
            )
    return plan
