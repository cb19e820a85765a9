"""Entry: a person in the Prefect UI, who names the release that is to leave staging."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.task_runners import ThreadPoolTaskRunner

from flows.staging_validation import run_validation
from flows.target_names import TargetName


@flow(name="prelaunch-validation", task_runner=ThreadPoolTaskRunner(max_workers=8))  # type: ignore[arg-type]
def prelaunch_validation(target: TargetName, release: str, profile: str = "prelaunch", note: str = "") -> State[Any]:
    """Validate one release before its launch; everything the plan names must be shown.

    Args:
        target: The staging deployment.
        release: The release that must be on staging, as its version address names it (7 or more digits of a commit).
        profile: What this run expects; a profile of the target's plan.
        note: What a reader of the evidence should know about this run.
    """
    return run_validation(target.value, profile, release=release.strip() or None, note=note)
