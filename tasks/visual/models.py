"""Evidence of what was approved, copied into the run so that it can be judged again anywhere."""

from __future__ import annotations

from typing import ClassVar

from pydantic import AwareDatetime

from evidence_store.model import Artifact, Evidence


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
