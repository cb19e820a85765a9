"""Thumbnails show the upper part of a picture, and no more of it is decoded."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tasks.sweep.thumbnail import thumbnail


def png(width: int, height: int, below: int = 0) -> bytes:
    """Red, and blue from the row `below` on."""
    picture = Image.new("RGB", (width, height), "red")
    picture.paste("blue", (0, below or height, width, height))
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()


@pytest.mark.parametrize(
    ("width", "height", "below", "size", "red"),
    [(1280, 800, 0, (320, 200), 1.0), (1280, 9_000, 1_600, (320, 400), 1.0), (1280, 800, 200, (320, 200), 0.75)],
)
def test_the_upper_part_is_shown(width: int, height: int, below: int, size: tuple[int, int], red: float) -> None:
    small = thumbnail(png(width, height, below))
    assert small is not None
    assert Image.open(io.BytesIO(small.content)).size == size
    assert small.plain_share == red


@pytest.mark.parametrize("content", [b"", b"GIF89a" * 20, png(40, 40)[:50], b"\x89PNG" + b"\0" * 60])
def test_what_is_no_picture_has_none(content: bytes) -> None:
    assert thumbnail(content) is None
