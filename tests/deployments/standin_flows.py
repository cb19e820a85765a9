"""The smallest flows with the signatures that deployments/prefect.yaml expects, for tests of the deployments alone."""

from __future__ import annotations

import os

from prefect import flow


@flow(name="standin-nightly")
def nightly(target: str, profile: str = "nightly", note: str = "") -> str:
    """Say which target and store this run would look at."""
    return f"{target} {profile} {note} {os.environ['STAGEPROOF_S3_BUCKET']}"


@flow(name="standin-prelaunch")
def prelaunch(target: str, release: str, profile: str = "prelaunch", note: str = "") -> str:
    """As above, for one release."""
    return f"{target} {release} {profile} {note}"
