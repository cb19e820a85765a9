"""index.html (skeleton)."""

from __future__ import annotations

from collections.abc import Collection

from evidence_store.model import Manifest


def render(manifest: Manifest, files: Collection[str]) -> str:
    """The whole report as one HTML page; `files` are the paths that are in the bag."""
    raise NotImplementedError
