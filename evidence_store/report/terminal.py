"""The story on a terminal (skeleton)."""

from __future__ import annotations

from rich.console import Console

from evidence_store.report.story import Story


def render_terminal(story: Story, console: Console) -> None:
    """Print the story."""
    raise NotImplementedError
