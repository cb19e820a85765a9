"""Evidence of one visit to one page in one viewport; what visual, axe and page-health are judged on."""

from __future__ import annotations

from typing import ClassVar

from evidence_store.model import Artifact, Evidence, Record


class SeenRequest(Record):
    """One request the page made."""

    url: str
    method: str
    type: str
    status: int | None = None
    failure: str | None = None
    size: int | None = None
    """Bytes of the body as the server sent it; None when nobody told."""
    seconds: float | None = None
    """From its start to its end; None when it did not end."""
    third_party: bool = False
    """It went to a host that the plan lists under `third_parties`."""


class SeenMessage(Record):
    """One console message or uncaught error."""

    level: str
    text: str
    url: str = ""


class PolicyViolation(Record):
    """One thing that a Content Security Policy blocked, or would have (report only), as the browser told it."""

    directive: str
    blocked: str
    """The URL, or `inline`, `eval`, `trusted-types-sink` and the like."""
    report_only: bool = False
    source: str = ""


class HeadLink(Record):
    """A link in the document's head that speaks of its address or language: canonical, alternate, icon, manifest."""

    rel: str
    href: str
    language: str = ""
    """Its `hreflang`."""


class StoredItem(Record):
    """One thing the page left in the browser: its name and size, never its value."""

    place: str
    """`cookie`, `local` or `session`."""
    name: str
    size: int
    attributes: str = ""
    """Of a cookie, as the browser holds it; the raw header is in `PageVisit.headers`."""


class AxeScan(Record):
    """axe-core over every frame of a page; `frames_missed` could not be scanned."""

    result: Artifact
    frames: int
    frames_missed: int
    nodes: int
    """Elements in the document when it was scanned."""
    boxes: Artifact | None = None
    """Where the elements that axe speaks of lie in the picture, as JSON (see `element_boxes`)."""


class PageVisit(Evidence):
    """Everything one navigation told."""

    kind: ClassVar[str] = "page-visit"

    page: str
    state: str = ""
    """The state of the page that actions led to; empty for the page as it loads."""
    viewport: str
    identity: str | None = None
    url: str
    final_url: str | None = None
    status: int | None = None
    redirects: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    document_seconds: float | None = None
    """From asking for the document to its last byte."""
    document_size: int | None = None
    """Bytes of the document as the server sent it."""
    title: str = ""
    language: str = ""
    links: tuple[HeadLink, ...] = ()
    stored: tuple[StoredItem, ...] = ()
    elements: int = 0
    """Elements in the document when its text was read."""
    password_fields: int = 0
    """Visible ones: a page behind a sign-in that shows one is often the sign-in page."""
    headings: tuple[str, ...] = ()
    """Of the first level, as they are shown."""
    pictured: int = 0
    """Visible images, canvases, drawings and videos: a page of pictures may show no text."""
    text: Artifact | None = None
    """The text a reader sees (innerText)."""
    aria: Artifact | None = None
    """What a screen reader is told, as Playwright's ARIA snapshot (YAML)."""
    screenshot: Artifact | None = None
    screenshot_problem: str | None = None
    clipped_at: int | None = None
    """CSS pixels of height that are in the screenshot, when the page is taller and the plan does not say that this is
    enough: what is below was not looked at."""
    thumbnail: Artifact | None = None
    """The screenshot, small enough for a page of 500 of them."""
    plain_share: float | None = None
    """Share of the picture (0 to 1) that has its most frequent colour."""
    stable: bool = False
    """Two frames in a row were equal, or the first one equals the approved picture."""
    environment: str = ""
    """Everything a screenshot depends on besides the page: browser, platform, viewport."""
    stabilisation: tuple[str, ...] = ()
    requests: tuple[SeenRequest, ...] = ()
    requests_left_out: int = 0
    messages: tuple[SeenMessage, ...] = ()
    messages_left_out: int = 0
    policy_violations: tuple[PolicyViolation, ...] = ()
    mixed_content: tuple[str, ...] = ()
    """Addresses the page asked for over http from a document that came over https."""
    dialogs: tuple[str, ...] = ()
    """Dialogs the page opened (`alert: Saved`), each dismissed."""
    axe: AxeScan | None = None
    axe_problem: str | None = None
    problem_code: str | None = None
    seconds: float = 0
