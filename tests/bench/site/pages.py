"""What the site's pages hold: everything follows from a page's number, nothing from the clock or from chance."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Final

LIVE: Final = "[data-live]"
"""What shows the time of day, and so must be masked in pictures."""

PHOTOGRAPHS: Final = 32
"""Different motifs; pages share them, as pages of a real site do."""

_TEXT: Final = (
    "harbour field season report water grain market supply partner region measure target result energy forest"
    " river programme quarter budget review method sample station survey volume average growth balance route depot"
    " carrier freight vessel cargo storage yield weather forecast change supplier audit standard local national"
    " record annual steady early late strong careful open shared direct clear whole common simple useful"
)
_WORDS: Final = _TEXT.split()

KINDS: Final[dict[str, tuple[str, ...]]] = {
    "home": ("hero", "figures", "carousel", "article:2", "gallery:6", "quotes"),
    "dashboard": ("clock", "figures", "chart", "canvas", "table:14"),
    "report": ("hero", "article:6", "chart", "article:6", "table:24", "article:6", "gallery:6", "article:4"),
    "ledger": ("figures", "table:190"),
    "gallery": ("gallery:30",),
    "shop": ("cards:12", "prices"),
    "product": ("carousel", "call", "article:2", "table:10", "quotes"),
    "contact": ("form", "map", "frame"),
    "status": ("clock", "services", "timeline:10"),
    "team": ("cards:12", "quotes"),
    "blog": ("teasers:14",),
    "story": ("hero", "article:8", "gallery:4", "article:8", "gallery:4", "article:8", "quotes"),
    "pricing": ("prices", "questions:8"),
    "docs": ("manual:22",),
    "events": ("animation", "cards:6", "timeline:16"),
    "map": ("map", "table:18", "chart"),
    "compare": ("wide", "article:2"),
    "help": ("questions:14", "modal", "form"),
    "careers": ("cards:9", "form", "frame"),
    "about": ("hero", "article:3", "canvas", "timeline:8", "cards:6"),
}
"""Kind of page -> its sections; `name:count` is a section of so many parts."""

KNOWN_DEFECTS: Final[dict[str, tuple[str, str]]] = {
    "shop": ("image-alt", "a picture has no text alternative"),
    "contact": ("label", "a field has no label"),
    "pricing": ("color-contrast", "small print in pale grey"),
    "team": ("button-name", "a button shows only an icon and has no name"),
    "docs": ("link-name", "a link holds nothing but a drawing"),
}
"""Kind of page -> (axe's rule, the defect in words); every other page is free of violations."""


@dataclass(frozen=True)
class Section:
    """One part of a page, with its own texts and figures."""

    kind: str
    count: int
    title: str
    lead: str
    parts: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class SitePage:
    """One page of the site."""

    number: int
    kind: str

    @property
    def name(self) -> str:
        """`dashboard` for the first of its kind, then `dashboard-2` and so on."""
        issue = self.number // len(KINDS) + 1
        return self.kind if issue == 1 else f"{self.kind}-{issue}"

    @property
    def path(self) -> str:
        """Where the site answers with it."""
        return f"/pages/{self.name}"

    @property
    def title(self) -> str:
        """Its heading."""
        return f"{self.kind.capitalize()} of the {_phrase(random.Random(self.number), 2)}"

    @property
    def shows_time(self) -> bool:
        """Whether a clock ticks on it."""
        return "clock" in KINDS[self.kind]

    @property
    def defect(self) -> str:
        """The accessibility rule it breaks, or an empty text."""
        return KNOWN_DEFECTS.get(self.kind, ("", ""))[0]

    def sections(self) -> list[Section]:
        """Its parts, in order."""
        chance = random.Random(self.number * 7919 + 1)
        sections = []
        for words in KINDS[self.kind]:
            kind, _, count = words.partition(":")
            parts = tuple(_part(chance, position) for position in range(int(count or 4)))
            sections.append(
                Section(kind, len(parts), _phrase(chance, 3).capitalize(), _sentence(chance).strip(), parts)
            )
        return sections


def _part(chance: random.Random, position: int) -> dict[str, Any]:
    return {
        "position": position,
        "photograph": chance.randrange(PHOTOGRAPHS),
        "title": _phrase(chance, 2).capitalize(),
        "words": _phrase(chance, 4).capitalize(),
        "text": " ".join(_sentence(chance) for _ in range(3)),
        "amount": f"{chance.randrange(1_000, 90_000):,}",
        "share": chance.randrange(12, 98),
        "date": f"2026-{chance.randrange(1, 10):02d}-{chance.randrange(1, 28):02d}",
    }


def _phrase(chance: random.Random, words: int) -> str:
    return " ".join(chance.choice(_WORDS) for _ in range(words))


def _sentence(chance: random.Random) -> str:
    return _phrase(chance, chance.randrange(8, 17)).capitalize() + "."


def site_pages(count: int = len(KINDS)) -> list[SitePage]:
    """So many pages, all kinds in turn."""
    kinds = list(KINDS)
    return [SitePage(number, kinds[number % len(kinds)]) for number in range(count)]
