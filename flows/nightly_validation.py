"""Entry: the schedule. Validates a target every night against its nightly profile."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.task_runners import ThreadPoolTaskRunner

from flows.staging_validation import run_validation
from flows.target_names import TargetName


@flow(name="nightly-validation", task_runner=ThreadPoolTaskRunner(max_workers=8))  # type: ignore[arg-type]
def nightly_validation(target: TargetName, profile: str = "nightly", note: str = "") -> State[Any]:
    """Validate the release that is on staging tonight.

    Args:
        target: The staging deployment.
        profile: What a nightly run expects; a profile of the target's plan.
        note: What a reader of the evidence should know about this run.
    """
    return run_validation(target.value, profile, note=note)
