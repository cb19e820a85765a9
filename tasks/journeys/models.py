"""Evidence of one run of one pytest suite."""

from __future__ import annotations

from typing import ClassVar

from evidence_store.model import Artifact, Evidence


class SuiteRun(Evidence):
    """How a suite's process ended and what it left behind."""

    kind: ClassVar[str] = "suite-run"

    suite: str
    exit_code: int
    exit_words: str
    ended_because: str | None = None
    seconds: float
    log: Artifact | None = None
    junit: Artifact | None = None
    events: Artifact | None = None
    attachments: tuple[Artifact, ...] = ()
    """Screenshots and traces of failed tests, under `data/journeys/<suite>/<test>/`."""
    attachments_left_out: int = 0
