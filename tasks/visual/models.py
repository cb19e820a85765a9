"""Evidence of what was approved, copied into the run so that it can be judged again anywhere."""

from __future__ import annotations

from typing import ClassVar

from pydantic import AwareDatetime, Field

from evidence_store.model import Artifact, Evidence
from tasks.baselines import Quarantine

APPROVALS = "baselines"
"""The subject that speaks of all approvals of a target: whether the plan still names what was approved."""


class Baseline(Evidence):
    """The approved picture of one subject."""

    kind: ClassVar[str] = "visual-baseline"

    picture: Artifact | None = None
    approved_sha256: str
    environment: str
    approved_by: str
    approved_at: AwareDatetime
    run_id: str


class ApprovedIndex(Evidence):
    """The list of everything approved for the target: its presence says that the baselines were looked up."""

    kind: ClassVar[str] = "visual-index"

    approved: tuple[str, ...]
    digests: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of the approved picture, by subject; also of subjects that the plan no longer names."""
    quarantined: dict[str, Quarantine] = Field(default_factory=dict)
