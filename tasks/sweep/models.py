"""Evidence of one visit to one page in one viewport; what visual, axe and page-health are judged on."""

from __future__ import annotations

from typing import ClassVar

from evidence_store.model import Artifact, Evidence, Record


class SeenRequest(Record):
    """One request the page made. Size in bytes as transferred; milliseconds from start to end."""

    url: str
    method: str
    type: str
    status: int | None = None
    failure: str | None = None


class SeenMessage(Record):
    """One console message or uncaught error."""

    level: str
    text: str
    url: str = ""


class AxeScan(Record):
    """axe-core over every frame of a page; `frames_missed` could not be scanned."""

    result: Artifact
    frames: int
    frames_missed: int
    nodes: int
    """Elements in the document when it was scanned."""


class PageVisit(Evidence):
    """Everything one navigation told."""

    kind: ClassVar[str] = "page-visit"

    page: str
    viewport: str
    identity: str | None = None
    url: str
    final_url: str | None = None
    status: int | None = None
    redirects: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    title: str = ""
    language: str = ""
    text: Artifact | None = None
    """The text a reader sees (innerText)."""
    screenshot: Artifact | None = None
    screenshot_problem: str | None = None
    stable: bool = False
    """Two frames in a row were equal."""
    environment: str = ""
    """Everything a screenshot depends on besides the page: browser, platform, viewport."""
    stabilisation: tuple[str, ...] = ()
    requests: tuple[SeenRequest, ...] = ()
    requests_left_out: int = 0
    messages: tuple[SeenMessage, ...] = ()
    messages_left_out: int = 0
    axe: AxeScan | None = None
    axe_problem: str | None = None
    problem_code: str | None = None
    seconds: float = 0
