"""A screenshot made small, for a report of hundreds of them; and how plain it is."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass

from PIL import Image

WIDTH = 320
MOST_HEIGHT = 400
"""Pixels. The upper part tells one page from another; the whole of a long one would be a thread of grey."""

_BEGINNING = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


@dataclass(frozen=True)
class Thumbnail:
    """A small WebP, and the share (0 to 1) of its pixels that have the most frequent colour."""

    content: bytes
    plain_share: float


def thumbnail(png: bytes) -> Thumbnail | None:
    """The upper part of a picture, small; None when it cannot be read as one."""
    try:
        (width,) = struct.unpack(">I", png[16:20])
        with Image.open(io.BytesIO(upper_rows(png, width * MOST_HEIGHT // WIDTH)), formats=["PNG"]) as picture:
            size = (WIDTH, max(1, picture.height * WIDTH // picture.width))
            small = picture.resize(size, Image.Resampling.BOX, reducing_gap=1.0).convert("RGB")
    except (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError):
        return None
    colours = small.getcolors(small.width * small.height) or [(0, None)]
    encoded = io.BytesIO()
    small.save(encoded, format="WEBP", quality=60, method=2)
    return Thumbnail(encoded.getvalue(), round(max(count for count, _ in colours) / (small.width * small.height), 4))


def upper_rows(png: bytes, rows: int) -> bytes:
    """The PNG, its header saying that it ends there: no row below is decoded (PNG 3, 11.2.1). Else what it was."""
    if not png.startswith(_BEGINNING) or len(png) < 33:
        return png
    (height,) = struct.unpack(">I", png[20:24])
    header = png[12:20] + struct.pack(">I", max(1, min(height, rows))) + png[24:29]
    return png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]
