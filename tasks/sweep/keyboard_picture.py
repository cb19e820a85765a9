"""A page's picture with its tab stops numbered in order and joined by a line.

What a mark means is told by its shape and words besides its colour: a circle is a stop whose focus shows, a square one
whose focus does not (or not surely), a dashed frame something that only a pointer reaches. Pure: bytes in, bytes out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont

from tasks.sweep.models import PageBox, TabStop, WalkDetails

STOP = (29, 78, 216)
NOT_SEEN = (190, 18, 60)
MOUSE_ONLY = (126, 34, 206)
WHITE = (255, 255, 255)
INK = (17, 24, 39)
PALE = 0.35
"""How far the page is blended towards white, so that lines stand out on any design."""
MOST_PIXELS = 60_000_000

Point = tuple[float, float]


def draw(picture: bytes, details: WalkDetails, page_width: float = 0) -> bytes | None:
    """The picture with stops drawn on it, as PNG; None when it is not a picture. `page_width` in CSS pixels."""
    try:
        with Image.open(BytesIO(picture)) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                return None
            page = opened.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    ratio = page.width / page_width if page_width else 1.0
    scale = ratio if 0.9 < ratio < 4.1 else 1.0
    page = Image.blend(page, Image.new("RGB", page.size, WHITE), PALE)
    canvas = _Canvas(page, scale)
    for target in details.mouse_only:
        if target.path == "none" and target.box is not None:
            canvas.dashed(target.box)
    placed = [(stop, _anchor(stop.box, page, scale)) for stop in details.stops if stop.box is not None]
    for (_, start), (_, end) in pairwise(placed):
        canvas.line(start, end)
    for stop, _ in placed:
        if stop.box is not None:
            canvas.frame(stop.box, _colour(stop))
    for stop, point in placed:
        canvas.number(stop, point)
    legend = _legend(details)
    result = Image.new("RGB", (page.width, page.height + round(34 * scale) * len(legend)), WHITE)
    result.paste(page, (0, 0))
    pen = ImageDraw.Draw(result)
    for row, (words, colour) in enumerate(legend):
        top = page.height + round(34 * scale) * row
        pen.rectangle((0, top, result.width, top + 34 * scale), fill=INK if row == 0 else WHITE)
        pen.text(
            (12 * scale, top + 17 * scale),
            words,
            font=_font(15 * scale),
            fill=WHITE if row == 0 else colour,
            anchor="lm",
        )
    output = BytesIO()
    result.save(output, "PNG", compress_level=1)
    return output.getvalue()


def _legend(details: WalkDetails) -> list[tuple[str, tuple[int, int, int]]]:
    unseen = [stop for stop in details.stops if not _shows(stop)]
    mouse = [target for target in details.mouse_only if target.path == "none"]
    rows = [(f"{len(details.stops)} tab stops, numbered in the order of Tab", WHITE)]
    if unseen:
        rows.append((f"Square: the focus does not show, or could not be told ({len(unseen)})", NOT_SEEN))
    if mouse:
        rows.append((f"Dashed: answers to a pointer, Tab does not reach it ({len(mouse)})", MOUSE_ONLY))
    away = sum(stop.box is None for stop in details.stops)
    if away:
        rows.append((f"{away} stops have no place on the page as it is pictured", INK))
    return rows


def _shows(stop: TabStop) -> bool:
    return stop.visible is True


def _colour(stop: TabStop) -> tuple[int, int, int]:
    return STOP if _shows(stop) else NOT_SEEN


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(8, size))


def _anchor(box: PageBox | None, page: Image.Image, scale: float) -> Point:
    """The upper left corner of a box, where a mark hides the least of it, kept inside the picture."""
    if box is None:
        return (0, 0)
    edge = 13 * scale
    x, y = (box.x - 5) * scale, (box.y - 5) * scale
    return min(max(x, edge), page.width - edge), min(max(y, edge), page.height - edge)


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


class _Canvas:
    """Draws marks in CSS pixels on a picture of any pixel ratio."""

    def __init__(self, page: Image.Image, scale: float) -> None:
        self._pen = ImageDraw.Draw(page)
        self._scale = scale

    def _edges(self, box: PageBox, grow: float) -> tuple[float, float, float, float]:
        s = self._scale
        return (
            (box.x - grow) * s,
            (box.y - grow) * s,
            (box.x + max(box.width, 1) + grow) * s,
            (box.y + max(box.height, 1) + grow) * s,
        )

    def frame(self, box: PageBox, colour: tuple[int, int, int]) -> None:
        """A thin frame around an element, with a white edge that keeps it legible on a dark page."""
        self._pen.rectangle(self._edges(box, 3), outline=WHITE, width=max(1, round(3.5 * self._scale)))
        self._pen.rectangle(self._edges(box, 2), outline=colour, width=max(1, round(1.5 * self._scale)))

    def dashed(self, box: PageBox) -> None:
        """A dashed frame around an element."""
        left, top, right, bottom = self._edges(box, 3)
        corners: Sequence[Point] = ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
        for start, end in pairwise(corners):
            pieces = max(1, round(math.dist(start, end) / (7 * self._scale)))
            for piece in range(0, pieces, 2):
                first, last = (_between(start, end, step / pieces) for step in (piece, min(piece + 1, pieces)))
                for colour, width in ((WHITE, 5), (MOUSE_ONLY, 3)):
                    self._pen.line([first, last], fill=colour, width=round(width * self._scale))

    def line(self, start: Point, end: Point) -> None:
        """From one stop to the next."""
        for colour, width in ((WHITE, 5), (STOP, 2)):
            self._pen.line([start, end], fill=colour, width=max(1, round(width * self._scale)))

    def number(self, stop: TabStop, point: Point) -> None:
        """A stop's number, in a circle or a square."""
        text = str(stop.number)
        half = (11 if len(text) < 3 else 14) * self._scale
        edges = (point[0] - half, point[1] - half, point[0] + half, point[1] + half)
        shape = self._pen.ellipse if _shows(stop) else self._pen.rectangle
        shape(edges, fill=_colour(stop), outline=WHITE, width=max(1, round(2 * self._scale)))
        self._pen.text(point, text, font=_font(12 * self._scale), fill=WHITE, anchor="mm")
