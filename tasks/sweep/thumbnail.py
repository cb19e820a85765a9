"""A screenshot made small, for a report of hundreds of them; and how plain it is."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

WIDTH = 320
MOST_HEIGHT = 400
"""Pixels. The upper part tells one page from another; the whole of a long one would be a thread of grey."""


@dataclass(frozen=True)
class Thumbnail:
    """A small WebP, and the share (0 to 1) of its pixels that have the most frequent colour."""

    content: bytes
    plain_share: float


def thumbnail(png: bytes) -> Thumbnail | None:
    """The upper part of a picture, small; None when it cannot be read as one."""
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
            height = min(picture.height, max(1, picture.width * MOST_HEIGHT // WIDTH))
            # Cut and made small before anything else: a long page is mostly what is not shown.
            upper = picture.crop((0, 0, picture.width, height))
            small = upper.resize(
                (WIDTH, max(1, height * WIDTH // picture.width)), Image.Resampling.BOX, reducing_gap=1.0
            )
            small = small.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    colours = small.getcolors(small.width * small.height) or [(0, None)]
    encoded = io.BytesIO()
    small.save(encoded, format="WEBP", quality=60, method=2)
    return Thumbnail(encoded.getvalue(), round(max(count for count, _ in colours) / (small.width * small.height), 4))
