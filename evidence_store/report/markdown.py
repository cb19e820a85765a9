"""The story as Markdown (skeleton)."""

from __future__ import annotations

from collections.abc import Mapping

from evidence_store.model import Manifest
from evidence_store.report.story import Story


def scorecard_markdown(story: Story, links: Mapping[str, str]) -> str:
    """The story for a Prefect Markdown artifact."""
    raise NotImplementedError


def findings_table(manifest: Manifest) -> list[dict[str, str]]:
    """Rows for a Prefect table artifact, worst first."""
    raise NotImplementedError
