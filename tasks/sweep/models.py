"""Evidence of one visit to one page in one viewport; what visual, axe and page-health are judged on."""

from __future__ import annotations

from typing import Any, ClassVar

from evidence_store.model import Artifact, Evidence, Record

PARTS_OF_A_PAGE = frozenset({"document", "script", "stylesheet", "image", "font"})
"""Types of requests for what a page is made of, in contrast to its data."""

PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/json"})
"""Of an answer that is a page or data, and so neither picture nor video nor sound."""


class SeenRequest(Record):
    """One request the page made."""

    url: str
    method: str
    type: str
    status: int | None = None
    failure: str | None = None
    media_type: str = ""
    """Of the answer, as the server named it, without parameters."""
    size: int | None = None
    """Bytes of the body as the server sent it; None when nobody told."""
    seconds: float | None = None
    """From its start to its end; None when it did not end."""
    unanswered_seconds: float | None = None
    """How long it had been without an answer when it failed, or soon after the page was pictured; None when it had
    one."""
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


class UnseenText(Record):
    """One text of `must_show` that stands on the page where nobody sees it."""

    text: str
    why: str


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
    documents: int = 1
    """Documents the page's own frame asked for: more than one is a page that goes on by itself."""
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
    announced: tuple[str, ...] = ()
    """Visible alerts and headings of the second level, as they are shown; of frames those of the first level too."""
    pictured: int = 0
    """Visible images, canvases, drawings and videos: a page of pictures may show no text."""
    unreadable: tuple[str, ...] = ()
    """Addresses of images that the browser could not show (of those that style sheets draw: in place of which a page
    came), of style sheets in which it found no rule and of videos and sounds of which it could play no source; also of
    those that never came."""
    text: Artifact | None = None
    """The text a reader sees (innerText)."""
    unseen: tuple[UnseenText, ...] = ()
    """Of the texts that the page must show, those that are in its text and cannot be seen."""
    aria: Artifact | None = None
    """What a screen reader is told, as Playwright's ARIA snapshot (YAML)."""
    screenshot: Artifact | None = None
    screenshot_problem: str | None = None
    clipped_at: int | None = None
    """CSS pixels of height that are in the screenshot, when the page is taller and the plan does not say that this is
    enough: what is below was not looked at."""
    hidden: int = 0
    """CSS pixels of height that the part which fills the window and scrolls by itself keeps out of the screenshot."""
    smaller_parts: int = 0
    """Other parts that scroll, and are in the screenshot as far as they show."""
    all_masked: bool = False
    """Masks cover every text, picture and control of the page: the screenshot shows none of it."""
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

    def cut_off(self) -> str | None:
        """Where the screenshot ends, when that is not the page's end and the plan does not say that it is enough."""
        if self.clipped_at is None:
            return None
        if self.hidden:
            return f"a part that scrolls by itself hides {self.hidden:,} px that the picture does not show"
        return f"the picture ends at {self.clipped_at:,} px and the page goes on"


class PageBox(Record):
    """Where something lies on the page that is not scrolled, in CSS pixels."""

    x: float
    y: float
    width: float
    height: float


class PageElement(Record):
    """An element as it is named to a person; everything in it is the page's own text."""

    selector: str
    """From the nearest id or the body; ` >> ` steps into a frame, ` >>> ` into a shadow root."""
    tag: str = ""
    role: str = ""
    name: str = ""
    box: PageBox | None = None


class TabStop(PageElement):
    """One place where the focus stood, in the order of Tab."""

    number: int
    tabindex: int | None = None
    """Its `tabindex` attribute, where it has one."""
    pinned: bool = False
    """It or what holds it is fixed or sticky, so its place says nothing about the order of the page."""
    is_document: bool = False
    """A frame without anything to tab to: the focus stands on its document, which nobody has to mark."""
    visible: bool | None = None
    """Whether the focus can be seen; None when it could not be told."""
    shown_by: str = ""
    """`outline`, `shadow`, `border`, ..., `caret` of a text field, or `pixels` that differ."""
    told_by: str = ""
    """`styles`, `pixels`, or `alike`: not looked at itself, but like others that were."""
    on_screen: bool = True
    """Some part of it lay inside the window when it had the focus, or it is hidden on purpose."""
    obscured_by: str = ""
    """What lies over all of it."""
    inner_stops: int = 0
    """Further presses of Tab inside it: a date field has one for each part."""
    by_script: bool = False
    """Tab did not lead here: the focus was put here to see what follows a trap."""


class ClickTarget(PageElement):
    """An element that answers to a pointer and to no key that is known of."""

    signs: tuple[str, ...]
    """Why it is taken for clickable: `click listener`, `onclick attribute`, `role`, `pointer cursor`, ..."""
    path: str
    """`none`; `keyless`: Tab reaches it, and no script hears a key there; `unsure`: scripts hear keys, but far away or
    for a list beside a field; or `script`: it has `tabindex=-1`, so the page itself can put the focus on it."""
    has_content: bool = True
    """It has a name or a picture; an empty one is often a backdrop."""
    hidden: bool = False
    """`aria-hidden`."""


class HoverPart(PageElement):
    """A part with something to reach in it that a style sheet shows to a pointer alone."""

    pointed_at: str
    """What the pointer has to be on."""


class FocusTrap(Record):
    """Elements that the focus did not leave by Tab although there was more to reach."""

    members: tuple[PageElement, ...]
    exit: str = ""
    """`Escape` or `Shift+Tab` where that led out; empty when neither did."""
    key_prevented: bool = False
    """A script of the page kept Tab from its work."""


class WideElement(Record):
    """An element that does not fit into the narrow window."""

    selector: str
    pixels: float
    """Beyond the window's edge."""
    two_dimensional: bool
    """A table, picture, drawing, map, code: WCAG 1.4.10 leaves these out."""


class NarrowWindow(Record):
    """The page in a window 320 CSS pixels wide (WCAG 1.4.10)."""

    width: float
    content: float
    """Width of the document; more than `width` has to be scrolled sideways."""
    elements: tuple[WideElement, ...] = ()
    left_out: int = 0


class LostText(Record):
    """A text that is cut off, or lies on another, when text is twice as large (WCAG 1.4.4)."""

    selector: str
    name: str = ""
    how: str
    pixels: float = 0


class WalkDetails(Record):
    """What a walk by keyboard saw, stop by stop (`keyboard.json`)."""

    stops: tuple[TabStop, ...] = ()
    mouse_only: tuple[ClickTarget, ...] = ()
    mouse_only_left_out: int = 0
    hover_only: tuple[HoverPart, ...] = ()
    traps: tuple[FocusTrap, ...] = ()
    unreached: tuple[PageElement, ...] = ()
    """What has a place in the order of Tab, and Tab did not lead there."""
    unreached_left_out: int = 0
    changes: tuple[str, ...] = ()
    """What the page did while the focus moved: dialogs, new windows, another address."""
    narrow: NarrowWindow | None = None
    enlarged_texts: int | None = None
    """Texts that were doubled; None when that was not done."""
    lost_texts: tuple[LostText, ...] = ()
    lost_texts_left_out: int = 0


class KeyboardWalk(Evidence):
    """A walk through a page or a state of it by Tab, with what else only behaviour shows."""

    kind: ClassVar[str] = "keyboard-walk"

    details: Artifact | None = None
    """`WalkDetails` as JSON; also of a walk that broke off."""
    picture: Artifact | None = None
    """The page with its stops numbered in the order of Tab."""
    stops: int = 0
    tabbable: int = 0
    """Elements that should be reached by Tab, before the walk began."""
    clickable: int = 0
    """Visible elements that answer to a pointer, controls included."""
    elements: int = 0
    inert: int = 0
    """Visible controls that the page made `inert`."""
    frames: int = 0
    """Documents looked into, the page's own included."""
    frames_missed: int = 0
    seconds: float = 0


_AXE_PARTS = ("violations", "incomplete", "passes")


def axe_parts(content: Any) -> dict[str, list[dict[str, Any]]] | None:
    """The rules in axe-core's result by what became of them; None when the content is no such result."""
    parts: dict[str, Any] = {part: content.get(part) for part in _AXE_PARTS} if isinstance(content, dict) else {}
    if not parts or not all(isinstance(part, list) and all(map(_is_rule, part)) for part in parts.values()):
        return None
    return parts


def _is_rule(rule: Any) -> bool:
    return (
        isinstance(rule, dict)
        and isinstance(rule.get("id"), str)
        and isinstance(rule.get("nodes"), list)
        and all(isinstance(node, dict) and isinstance(node.get("target"), list) for node in rule["nodes"])
    )
