"""Draws what changed between two pictures, for a person who has seconds.

The current page stands in faded grey, so that colour means change alone: changed pixels and their numbered boxes are
magenta, rows that were inserted are a green band, rows that were removed an orange one (drawn from the approved
picture, so the drawing holds every row of both). All of them keep light and dark, so that one can read what is there.
Outlines and numbers grow with the page, because a tall page is looked at scaled down. The PNG has a palette: a byte for
each pixel, and a fraction of the bytes of a photograph of the page.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tasks.visual.align import Block
from tasks.visual.compare import BAND_ROWS, Canvas, Region

NUMBERED_BOXES = 60
"""More boxes than this get no number: they would hide the page."""
TAGGED_STRIPS = 8
"""Of more strips than this, only those of `TAGGED_ROWS` are told in words: a banner whose height is no whole number of
pixels moves many lines by one, and their tags would hide the page."""
TAGGED_ROWS = 4
CHANGED = (214, 0, 80)
INSERTED = (22, 130, 60)
REMOVED = (190, 84, 0)

_GREYS = 192
_STEPS = 16
_SIGNS = {"inserted": "+", "removed": "-"}
_FADE = 0.42
"""How much of a pixel's darkness is kept."""
_COLOURS = (CHANGED, INSERTED, REMOVED)
_MAGENTA, _GREEN, _ORANGE = (_GREYS + _STEPS * number for number in range(len(_COLOURS)))

Indices = NDArray[np.uint8]


def draw(canvas: Canvas) -> bytes:
    """The difference as a PNG, as wide as the wider picture and as tall as all rows of both."""
    height, width = canvas.seen.shape
    drawn = np.full((height, width), _GREYS - 1, dtype=np.uint8)
    line = max(2, min(8, height // 900))
    letters = max(13, min(48, height // 130))
    for top, block in _placed(canvas.blocks):
        _draw_rows(drawn, canvas, top, block)
    strips = [(top, block) for top, block in _placed(canvas.blocks) if block.kind != "paired"]
    free = 0
    for top, block in strips:
        _draw_edges(drawn, top, block, line)
        if len(strips) <= TAGGED_STRIPS or block.rows >= TAGGED_ROWS:
            # Below the one before: strips may lie closer than their tags are tall.
            words = f"{_SIGNS[block.kind]}{block.rows} row{'' if block.rows == 1 else 's'} {block.kind}"
            free = _draw_tag(drawn, width, max(free, top), words, _ink(block), letters, right=True)
    for number, region in enumerate(canvas.regions, start=1):
        words = str(number) if number <= NUMBERED_BOXES else ""
        ink = _ink_of_strip(strips, region)
        if ink is None:
            _draw_box(drawn, region, line, words, letters)
        elif words:
            _draw_tag(drawn, region.left, region.top, words, ink, letters)
    picture = Image.fromarray(drawn)
    picture.putpalette(_palette())
    encoded = io.BytesIO()
    picture.save(encoded, format="PNG", compress_level=3)
    return encoded.getvalue()


def _palette() -> list[int]:
    greys = [value for step in range(_GREYS) for value in [64 + step] * 3]
    ramps = [
        round(channel + (255 - channel) * step / (_STEPS - 1))
        for colour in _COLOURS
        for step in range(_STEPS)
        for channel in colour
    ]
    return greys + ramps


def _placed(blocks: tuple[Block, ...]) -> Iterator[tuple[int, Block]]:
    top = 0
    for block in blocks:
        yield top, block
        top += block.rows


def _draw_rows(drawn: Indices, canvas: Canvas, top: int, block: Block) -> None:
    source, first = (canvas.before, block.before) if block.kind == "removed" else (canvas.after, block.after)
    width = source.shape[1]
    for start in range(0, block.rows, BAND_ROWS):
        rows = min(BAND_ROWS, block.rows - start)
        red, green, blue = (source[first + start : first + start + rows, :, channel] for channel in range(3))
        # Luma of ITU-R BT.601 in whole numbers.
        luma = (red * np.uint16(77) + green * np.uint16(150) + blue * np.uint16(29)) >> 8
        place = slice(top + start, top + start + rows)
        if block.kind == "paired":
            drawn[place, :width] = _GREYS - 1 - ((255 - luma) * _FADE).astype(np.uint8)
            seen = canvas.seen[place]
            whole = np.full(seen.shape, 255, dtype=luma.dtype)
            whole[:, :width] = luma
            drawn[place][seen] = _MAGENTA + whole[seen] * 7 // 255
        else:
            drawn[place, :width] = _ink(block) + 4 + luma * 9 // 255


def _ink(block: Block) -> int:
    return _GREEN if block.kind == "inserted" else _ORANGE


def _ink_of_strip(strips: Sequence[tuple[int, Block]], region: Region) -> int | None:
    """The colour of the strip that holds the whole region; None when none does."""
    for top, block in strips:
        if top <= region.top and region.top + region.height <= top + block.rows:
            return _ink(block)
    return None


def _draw_edges(drawn: Indices, top: int, block: Block, line: int) -> None:
    """The upper and lower edge of a strip."""
    drawn[top : top + min(line, block.rows)] = _ink(block)
    drawn[max(top + block.rows - line, top) : top + block.rows] = _ink(block)


def _draw_box(drawn: Indices, region: Region, line: int, number: str, letters: int) -> None:
    """An outline with a white halo, a little outside what changed, and its number at the upper left corner."""
    for gap, ink in ((2 * line + 2, _GREYS - 1), (line + 2, _MAGENTA)):
        thick = line + 2 * (ink != _MAGENTA)
        top, left = max(region.top - gap, 0), max(region.left - gap, 0)
        bottom = min(region.top + region.height + gap, drawn.shape[0])
        right = min(region.left + region.width + gap, drawn.shape[1])
        for rows in (slice(top, min(top + thick, bottom)), slice(max(bottom - thick, top), bottom)):
            drawn[rows, left:right] = ink
        for columns in (slice(left, min(left + thick, right)), slice(max(right - thick, left), right)):
            drawn[top:bottom, columns] = ink
    if number:
        _draw_tag(drawn, region.left - line - 2, region.top - line - 2, number, _MAGENTA, letters)


def _draw_tag(drawn: Indices, x: int, y: int, words: str, ink: int, letters: int, *, right: bool = False) -> int:
    """White words on a plate of `ink`, its lower left (or upper right) corner at x, y, kept inside; where it ends."""
    font = ImageFont.load_default(size=letters)
    pad = letters // 4
    box = font.getbbox(words)
    plate = Image.new("L", (int(box[2] - box[0]) + 2 * pad, int(box[3] - box[1]) + 2 * pad), 0)
    ImageDraw.Draw(plate).text((pad - box[0], pad - box[1]), words, fill=255, font=font)
    shade = ink + np.asarray(plate).astype(np.uint16) * (_STEPS - 1) // 255
    height, width = min(plate.height, drawn.shape[0]), min(plate.width, drawn.shape[1])
    left = max(0, min(x - width if right else x, drawn.shape[1] - width))
    top = max(0, min(y if right else y - height, drawn.shape[0] - height))
    drawn[top : top + height, left : left + width] = shade[:height, :width].astype(np.uint8)
    return int(top + height)
