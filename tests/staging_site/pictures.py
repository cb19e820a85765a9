"""The site's pictures, drawn at start so that no binary file needs a review."""

from __future__ import annotations

import io
import math
from functools import lru_cache

from PIL import Image, ImageDraw

# Drawn at twice the size and reduced: Pillow's polygons have no smooth edges of their own.
_OVERSAMPLING = 2


def _png(image: Image.Image) -> bytes:
    reduced = image.resize((image.width // _OVERSAMPLING, image.height // _OVERSAMPLING), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    reduced.save(buffer, "PNG")
    return buffer.getvalue()


def _wave(image: Image.Image, base: float, height: float, length: float, phase: float, colour: str) -> None:
    points = [
        (x, base + height * math.sin(x / length + phase) + height * 0.4 * math.sin(x / length * 2.3 + phase))
        for x in range(0, image.width + 8, 8)
    ]
    ImageDraw.Draw(image).polygon([*points, (image.width + 8, image.height), (0, image.height)], fill=colour)


@lru_cache(maxsize=1)
def hero_png() -> bytes:
    """A coast at low tide, 1200 x 260: the largest picture of the dashboard."""
    width, height = 1200 * _OVERSAMPLING, 260 * _OVERSAMPLING
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    for y in range(height):
        share = y / height
        draw.line([(0, y), (width, y)], fill=(round(226 - 30 * share), round(238 - 14 * share), 254))
    sun = (width * 0.8, height * 0.34)
    for radius, colour in ((150, "#eaf1fe"), (108, "#f3f7ff"), (70, "#ffffff")):
        draw.ellipse([sun[0] - radius, sun[1] - radius, sun[0] + radius, sun[1] + radius], fill=colour)
    for base, tall, length, phase, colour in (
        (0.56, 34, 330, 0.4, "#b5cdfb"),
        (0.68, 26, 250, 2.1, "#86adf8"),
        (0.79, 20, 190, 4.0, "#5a8bf2"),
        (0.90, 16, 150, 1.2, "#2f68e8"),
    ):
        _wave(image, height * base, tall, length, phase, colour)
    return _png(image)


@lru_cache(maxsize=1)
def report_cover_png() -> bytes:
    """The cover of the third quarter's report, 480 x 620."""
    width, height = 480 * _OVERSAMPLING, 620 * _OVERSAMPLING
    image = Image.new("RGB", (width, height), "#f5f8ff")
    draw = ImageDraw.Draw(image)
    draw.rectangle([0, 0, width, 16], fill="#2563eb")
    for number, share in enumerate((1.0, 0.72, 0.86)):
        draw.rounded_rectangle([80, 110 + 46 * number, 80 + 560 * share, 130 + 46 * number], 10, fill="#c3d4f7")
    for number, tall in enumerate((180, 230, 210, 290, 330, 400)):
        left = 90 + 135 * number
        draw.rounded_rectangle([left, 760 - tall, left + 82, 760], 12, fill="#2563eb" if number == 5 else "#a9c3f8")
    _wave(image, height * 0.74, 30, 130, 0.6, "#86adf8")
    _wave(image, height * 0.84, 26, 110, 2.6, "#2f68e8")
    return _png(image)
