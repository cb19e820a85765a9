"""How an element looks, coarsely: whether what a person judged by eye is still what is there. Pure.

Axe cannot measure text on a gradient or a picture, so what it tells of such an element stays the same whatever lies
behind it. Its pixels do not. A look is the colour of each of 8 by 4 fields of the element in the picture of the page,
and how dark and how light it is at its extremes (so that thin text counts as much as what lies behind it); letters that
come out a little bolder in another version of the browser are within what is taken for the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

FIELDS = (8, 4)
ALIKE = 8
"""Of 255, in any colour of any field."""
EXTREMES_ALIKE = 24
"""Of 255: the edge of a letter falls on other pixels when it moves by a part of one."""
EXTREME_SHARE = 0.02
_EXTREMES = 2

Look = str
"""Hexadecimal digits: three colours of each field, the darkest, the lightest."""
LOOK_PATTERN = rf"^[0-9a-f]{{{2 * (3 * FIELDS[0] * FIELDS[1] + _EXTREMES)}}}$"


def look_of(element: Image.Image) -> Look:
    """The look of an element that was cut out of a picture."""
    plain = element.convert("RGB")
    fields = plain.resize(FIELDS, Image.Resampling.BOX).tobytes()
    shades = plain.convert("L").histogram()
    return (fields + bytes([_extreme(shades), 255 - _extreme(shades[::-1])])).hex()


def _extreme(shades: Sequence[int]) -> int:
    """The first shade that, with those before it, has a share of the pixels that can be seen."""
    least, seen = EXTREME_SHARE * sum(shades), 0
    for shade, pixels in enumerate(shades):
        seen += pixels
        if pixels and seen >= least:
            return shade
    return 0


def are_alike(one: Look, other: Look) -> bool:
    """Whether a person would see no difference worth a second look."""
    differences = [abs(first - second) for first, second in zip(bytes.fromhex(one), bytes.fromhex(other), strict=True)]
    return max(differences[:-_EXTREMES]) <= ALIKE and max(differences[-_EXTREMES:]) <= EXTREMES_ALIKE


def distinct(looks: Sequence[Look]) -> tuple[Look, ...]:
    """These looks without those that are like an earlier one."""
    kept: list[Look] = []
    for look in looks:
        if not any(are_alike(look, other) for other in kept):
            kept.append(look)
    return tuple(kept)


def new_among(now: Sequence[Look], before: Sequence[Look]) -> int:
    """How many looks are like none of those before."""
    return sum(not any(are_alike(look, other) for other in before) for look in now)
