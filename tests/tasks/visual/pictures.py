"""Small pictures of pages, and what can happen to them between two runs."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from tasks.visual.compare import Pixels

BLUE, CLOSE_BLUE = (37, 99, 235), (29, 78, 216)
"""#2563eb and #1d4ed8: pixelmatch tells no difference between them, a person does."""


def png(picture: Image.Image) -> bytes:
    """The picture as a PNG."""
    encoded = io.BytesIO()
    picture.save(encoded, format="PNG", compress_level=1)
    return encoded.getvalue()


def pixels(picture: Image.Image) -> Pixels:
    """The picture as the comparison takes it."""
    return np.ascontiguousarray(np.asarray(picture.convert("RGBA"), dtype=np.uint8))


def page(
    button: tuple[int, int, int] = BLUE,
    words: str = "Impact this quarter: 42",
    move: int = 0,
    size: tuple[int, int] = (320, 240),
) -> Image.Image:
    """A page with a headline and a flat button."""
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    draw.text((20, 20), words, fill=(17, 24, 39))
    draw.rectangle((20 + move, 80, 119 + move, 111), fill=button)
    return picture


@cache
def photograph(noise: int = 0) -> Image.Image:
    """A page with a photograph; `noise` is how far, of 255, another encoder strays from it."""
    random = np.random.default_rng(7)
    colours = random.integers(60, 200, (240, 320, 3), dtype=np.int16)
    stray = np.random.default_rng(8).integers(-noise, noise + 1, colours.shape, dtype=np.int16)
    return Image.fromarray((colours + stray).astype(np.uint8))
