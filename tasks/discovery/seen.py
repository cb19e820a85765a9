"""What the crawl and the probes saw: plain records, validated where a page made them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from tasks.discovery.templates import Structure


class FromPage(BaseModel):
    """Something that a script in a page answered; the page may have changed what the script uses."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Link(FromPage):
    """A link as the browser resolved it."""

    href: str = Field(max_length=4_000)
    text: str = Field(max_length=200)
    marked: bool
    """It carries `data-method`, `download` or the like: following it is not only looking."""


class Look(FromPage):
    """Everything one rendered page told about itself."""

    title: str
    headings: list[tuple[int, str]]
    """(level, text), visible ones, in the page's order."""
    phrases: list[str]
    """Short visible texts that may tell this page from others."""
    text: str
    """innerText, cut off at 100,000 characters."""
    steps: list[str]
    links: list[Link]
    signs_in: bool
    """It has a visible password field."""
    versions: list[tuple[str, str]]
    """Meta elements that name a version: (name, content)."""


@dataclass(frozen=True)
class SeenPage:
    """One visit. `problem` says why there is no look."""

    address: str
    final: str
    """Where it ended, as an address of this site; the whole URL when it ended elsewhere."""
    status: int | None = None
    look: Look | None = None
    structure: Structure = frozenset()
    third_parties: frozenset[str] = frozenset()
    """Hosts it asked for something that are not the site's."""
    asked: frozenset[str] = frozenset()
    """Addresses of this site that it asked for."""
    problem: str = ""

    @property
    def moved(self) -> bool:
        """It answered with another page."""
        return self.final != self.address

    @property
    def is_shown(self) -> bool:
        """There is something to look at."""
        return self.look is not None and self.status is not None and self.status < 400


class Piece(FromPage):
    """A leaf of a page: an element with text of its own, or a picture."""

    path: str
    """Its place in the tree; only for finding it again."""
    kind: str
    text: str
    box: tuple[float, float, float, float]
    """Left, top, width, height in CSS pixels of the document."""


class Candidate(FromPage):
    """A selector that could mask a piece: how far above it it starts, and which elements it hits."""

    path: str
    """Of the piece."""
    selector: str = Field(max_length=300)
    up: int
    rank: int
    names: list[str]
    """What of it a developer or a build tool named."""
    hits: list[str]
    """Paths of all elements it matches."""
    share: float
    """Of the viewport's area that the nearest hit covers."""


class Cost(FromPage):
    """One load, in milliseconds (`cls`: a score); None where nothing was painted."""

    ttfb: float | None = None
    fcp: float | None = None
    lcp: float | None = None
    cls: float | None = None
    tbt: float | None = None


@dataclass(frozen=True)
class Stability:
    """Two loads of a page compared."""

    masks: Sequence[tuple[str, str]] = ()
    """(selector, why)."""
    notes: Sequence[str] = ()
    """What changes and cannot be masked."""
    cost: Cost | None = None
    texts: Sequence[str] = ()
    """The text of both loads."""
    problem: str = ""


@dataclass(frozen=True)
class FoundService:
    """A health answer: its address and what its body says."""

    name: str
    url: str
    expect: dict[str, str | int | bool]


@dataclass(frozen=True)
class FoundRelease:
    """Where the release stands; `url` None when nobody names it."""

    url: str | None = None
    pointer: str | None = None
    pattern: str | None = None
    value: str = ""
    note: str = ""


@dataclass
class Counted:
    """What was left out, with an example each: skipped links are never silently skipped."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, why: str, example: str, count: int = 1) -> None:
        """Count one, or several of which this is one."""
        self.counts[why] = self.counts.get(why, 0) + count
        self.examples.setdefault(why, example)
