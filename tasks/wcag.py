"""The success criteria of WCAG 2.2, levels A and AA (W3C Recommendation of 5 October 2023): number, name and level.

4.1.1 Parsing is not among them: WCAG 2.2 removed it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

STANDARD = "WCAG 2.2"


@dataclass(frozen=True)
class Criterion:
    """One success criterion; `slug` is how its pages at w3.org are named."""

    number: str
    name: str
    level: Literal["A", "AA"]
    slug: str

    @property
    def words(self) -> str:
        """How a person names it."""
        return f"{self.number} {self.name}"

    @property
    def url(self) -> str:
        """Its text in the recommendation."""
        return f"https://www.w3.org/TR/WCAG22/#{self.slug}"

    @property
    def understanding(self) -> str:
        """Its explanation, with examples."""
        return f"https://www.w3.org/WAI/WCAG22/Understanding/{self.slug}"


_TABLE = """
1.1.1  A   Non-text Content
1.2.1  A   Audio-only and Video-only (Prerecorded)
1.2.2  A   Captions (Prerecorded)
1.2.3  A   Audio Description or Media Alternative (Prerecorded)
1.2.4  AA  Captions (Live)
1.2.5  AA  Audio Description (Prerecorded)
1.3.1  A   Info and Relationships
1.3.2  A   Meaningful Sequence
1.3.3  A   Sensory Characteristics
1.3.4  AA  Orientation
1.3.5  AA  Identify Input Purpose
1.4.1  A   Use of Color
1.4.2  A   Audio Control
1.4.3  AA  Contrast (Minimum)
1.4.4  AA  Resize Text
1.4.5  AA  Images of Text
1.4.10 AA  Reflow
1.4.11 AA  Non-text Contrast
1.4.12 AA  Text Spacing
1.4.13 AA  Content on Hover or Focus
2.1.1  A   Keyboard
2.1.2  A   No Keyboard Trap
2.1.4  A   Character Key Shortcuts
2.2.1  A   Timing Adjustable
2.2.2  A   Pause, Stop, Hide
2.3.1  A   Three Flashes or Below Threshold
2.4.1  A   Bypass Blocks
2.4.2  A   Page Titled
2.4.3  A   Focus Order
2.4.4  A   Link Purpose (In Context)
2.4.5  AA  Multiple Ways
2.4.6  AA  Headings and Labels
2.4.7  AA  Focus Visible
2.4.11 AA  Focus Not Obscured (Minimum)
2.5.1  A   Pointer Gestures
2.5.2  A   Pointer Cancellation
2.5.3  A   Label in Name
2.5.4  A   Motion Actuation
2.5.7  AA  Dragging Movements
2.5.8  AA  Target Size (Minimum)
3.1.1  A   Language of Page
3.1.2  AA  Language of Parts
3.2.1  A   On Focus
3.2.2  A   On Input
3.2.3  AA  Consistent Navigation
3.2.4  AA  Consistent Identification
3.2.6  A   Consistent Help
3.3.1  A   Error Identification
3.3.2  A   Labels or Instructions
3.3.3  AA  Error Suggestion
3.3.4  AA  Error Prevention (Legal, Financial, Data)
3.3.7  A   Redundant Entry
3.3.8  AA  Accessible Authentication (Minimum)
4.1.2  A   Name, Role, Value
4.1.3  AA  Status Messages
"""


def _criterion(line: str) -> Criterion:
    number, level, name = line.split(maxsplit=2)
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return Criterion(number, name, "A" if level == "A" else "AA", slug)


CRITERIA: tuple[Criterion, ...] = tuple(_criterion(line) for line in _TABLE.strip().splitlines())
"""All 55, in the order of their numbers."""

_BY_NUMBER = {criterion.number: criterion for criterion in CRITERIA}
_TAG = re.compile(r"^wcag([1-4])([1-9])([1-9][0-9]?)$")


def criterion_named(number: str) -> Criterion | None:
    """The criterion of this number, or None when WCAG 2.2 has none of level A or AA."""
    return _BY_NUMBER.get(number)


def criteria_of_tags(tags: Iterable[object]) -> tuple[Criterion, ...]:
    """The criteria that axe-core's tags name (`wcag143` is 1.4.3), in order; tags of levels name none."""
    found = {
        ".".join(match.groups()) for tag in tags if isinstance(tag, str) and (match := _TAG.match(tag)) is not None
    }
    return tuple(criterion for criterion in CRITERIA if criterion.number in found)
