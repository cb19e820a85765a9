"""Compares two pictures as a careful person would; four detectors, over rows that were paired first.

- pixelmatch (threshold .1, anti-aliasing ignored) counts what looks different. It sees nothing in a button that went
  from #2563eb to #1d4ed8, hence
- the flat-colour detector: pixels whose 3x3 surroundings are one colour in both pictures, and not the same one; and for
  what is thinner than three pixels
- the stroke detector: lines, borders and letters whose colour was replaced by another one throughout. Noise from
  resampling a photograph has no flat surroundings and replaces no colour throughout, so neither counts it.
- A pixel that changed by `STRONG_LEVELS` counts even where pixelmatch takes it for anti-aliasing: a thin letter on a
  busy ground is nothing but such pixels.
- Rows are paired from the top and, where that shows a difference, by alignment (`tasks.visual.align`); the pairing that
  leaves less to look at counts, so that a wrong alignment can make nothing worse. Rows only one picture has are
  *strips*; a strip is blank when it only repeats a row beside it, otherwise its content counts as changed pixels.

Pictures are worked on in bands of `BAND_ROWS`, and only where they differ at all: memory is bounded by the pictures.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from pybind11_pixelmatch import Options, pixelmatch

from tasks.visual.align import Block, align, plain

MAX_PIXELS = 80_000_000
THRESHOLD = 0.1
FLAT_LEVELS = 2
"""Of 255, in any channel. A change below that is a rounding difference."""
STRONG_LEVELS = 110
"""Of 255, in any channel. Anti-aliasing that is placed differently changes a pixel by less."""
HEAVY_SHARE = 0.4
"""A band of which so much changed strongly is another picture: nobody asks which of its pixels are anti-aliasing."""
VISIBLE_LEVELS = 25
"""Of 255: about what pixelmatch's threshold is in grey; used for such bands."""
REGION_GAP = 24
"""Pixels: changes nearer than this are one region to a person."""
STROKE_PIXELS = 12
"""Fewer pixels of strokes than this, in one region, are no stroke that changed its colour."""
STROKE_SHARE = 0.75
"""Of a region's slightly changed pixels, how many must follow the same replacement of colours."""
BAND_ROWS = 512
CONTEXT = 3
"""Pixels around a change that pixelmatch looks at to tell anti-aliasing."""

_PNG = b"\x89PNG\r\n\x1a\n"

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Colours = NDArray[np.uint32]


class PictureError(Exception):
    """A file that cannot be read as a picture."""


@dataclass(frozen=True)
class Region:
    """A rectangle of changed pixels, in CSS pixels times the device pixel ratio; `top` in the current picture."""

    left: int
    top: int
    width: int
    height: int
    pixels: int


@dataclass(frozen=True)
class Strip:
    """Rows that only one picture has; `top` is where they stand, or stood, in the current picture."""

    top: int
    rows: int
    inserted: bool
    """False for rows that were removed."""
    blank: bool
    """Whether it shows nothing but the row beside it, repeated."""


@dataclass(frozen=True)
class Canvas:
    """What a picture of the difference is drawn from: all rows of both pictures, each once."""

    before: Pixels
    after: Pixels
    blocks: tuple[Block, ...]
    seen: Mask
    regions: tuple[Region, ...]
    """In rows of the canvas."""


@dataclass(frozen=True)
class Comparison:
    """How two pictures differ. `raw` counts pixels that differ at all, `seen` those a person could see."""

    size_before: tuple[int, int]
    size_after: tuple[int, int]
    raw: int
    seen: int
    regions: tuple[Region, ...] = ()
    strips: tuple[Strip, ...] = ()
    canvas: Canvas | None = None
    """None when a person would see no difference."""

    @property
    def shifted_rows(self) -> int:
        """Rows that only one of the pictures has."""
        return sum(strip.rows for strip in self.strips)


def decode(content: bytes) -> Pixels:
    """The picture's pixels as height x width x RGBA, transparent ones on white; raises PictureError."""
    _refuse_by_header(content)
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            if getattr(picture, "is_animated", False):
                raise PictureError("an animated PNG: nobody can say which frame counts")
            if picture.mode.startswith("I;16"):
                return _grey(np.asarray(picture) >> 8)
            if picture.mode == "I":
                return _grey(np.asarray(picture).clip(0, 65_535) >> 8)
            pixels = _rgba(picture)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PictureError(f"not a readable PNG: {error}") from error
    return _on_white(pixels)


def _rgba(picture: Image.Image) -> Pixels:
    """All pixels, band by band: converting a tall page at once takes four times its size."""
    pixels = np.empty((picture.height, picture.width, 4), dtype=np.uint8)
    for top in range(0, picture.height, BAND_ROWS):
        bottom = min(top + BAND_ROWS, picture.height)
        pixels[top:bottom] = np.asarray(picture.crop((0, top, picture.width, bottom)).convert("RGBA"))
    return pixels


def _refuse_by_header(content: bytes) -> None:
    """Refuse by what the first bytes say, before anything is unpacked."""
    if len(content) < 33 or not content.startswith(_PNG) or content[12:16] != b"IHDR":
        raise PictureError("not a readable PNG: it does not begin like one")
    width, height = struct.unpack(">II", content[16:24])
    if not width or not height:
        raise PictureError(f"not a readable PNG: {width}x{height} has no pixels")
    if width * height > MAX_PIXELS:
        raise PictureError(f"not a readable PNG: {width}x{height} is more than {MAX_PIXELS:,} pixels")


def _grey(levels: NDArray[np.generic]) -> Pixels:
    pixels = np.full((*levels.shape, 4), 255, dtype=np.uint8)
    pixels[:, :, :3] = levels.astype(np.uint8)[:, :, np.newaxis]
    return pixels


def _on_white(pixels: Pixels) -> Pixels:
    for top in range(0, pixels.shape[0], BAND_ROWS):
        band = pixels[top : top + BAND_ROWS]
        alpha = band[:, :, 3:].astype(np.uint16)
        if alpha.min() == 255:
            continue
        band[:, :, :3] = (band[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255
        band[:, :, 3] = 255
    return pixels


def compare(before: Pixels, after: Pixels) -> Comparison:
    """Compare two pictures; what lies beside the narrower one counts as changed."""
    sizes = (_size(before), _size(after))
    if sizes[0] == sizes[1] and np.array_equal(before, after):
        return Comparison(*sizes, raw=0, seen=0)
    best = _best_pairing(before, after)
    seen = int(best.seen.sum())
    if not best.cost:
        return Comparison(*sizes, raw=best.raw, seen=seen)
    drawn = _regions(best.seen)
    return Comparison(
        *sizes,
        raw=best.raw,
        seen=seen,
        regions=tuple(best.in_current(region) for region in drawn),
        strips=tuple(best.strips),
        canvas=Canvas(before, after, best.blocks, best.seen, drawn),
    )


def _best_pairing(before: Pixels, after: Pixels) -> _Pairing:
    """The pairing of rows that leaves the fewest pixels to look at; of two equal ones, the plain one."""
    straight = plain(before, after)
    if before.shape[1] != after.shape[1]:
        return _Pairing(before, after, straight)
    if before.shape[0] == after.shape[0]:
        # Most changes move nothing. One strip costs a whole row, so that a cheaper difference needs no alignment.
        first = _Pairing(before, after, straight)
        blocks = align(before, after) if first.cost > after.shape[1] else None
        second = _Pairing(before, after, blocks, most=first.cost) if blocks not in {None, straight} else None
        return first if second is None or second.cost >= first.cost else second
    blocks = align(before, after)
    if blocks is None or blocks == straight:
        return _Pairing(before, after, straight)
    aligned = _Pairing(before, after, blocks)
    first = _Pairing(before, after, straight, most=aligned.cost + 1)
    return first if first.cost <= aligned.cost else aligned


def _size(pixels: Pixels) -> tuple[int, int]:
    return int(pixels.shape[1]), int(pixels.shape[0])


class _Pairing:
    """Two pictures under one pairing of their rows: what is seen, on a canvas that holds every row once.

    It is given up as soon as its cost reaches `most`.
    """

    def __init__(self, before: Pixels, after: Pixels, blocks: Sequence[Block], most: float = math.inf) -> None:
        self.blocks = tuple(blocks)
        self.raw = 0
        self.strips: list[Strip] = []
        width = max(before.shape[1], after.shape[1])
        self.seen: Mask = np.zeros((sum(block.rows for block in blocks), width), dtype=np.bool_)
        self.cost = sum(block.rows for block in blocks if block.kind != "paired") * width
        """Pixels a person would have to look at: those that changed in paired rows, and every strip as a whole."""
        top = 0
        for block in blocks:
            if self.cost >= most:
                return
            seen = self.seen[top : top + block.rows]
            if block.kind == "paired":
                self._compare_rows(before, after, block, seen, most)
            else:
                source, first = (after, block.after) if block.kind == "inserted" else (before, block.before)
                seen[:, : source.shape[1]] = _content(source, first, block.rows)
                self.raw += block.rows * width
                self.strips.append(Strip(block.after, block.rows, block.kind == "inserted", not seen.any()))
            top += block.rows

    def _compare_rows(self, before: Pixels, after: Pixels, block: Block, seen: Mask, most: float) -> None:
        """Mark what is seen in paired rows, band by band."""
        width = min(before.shape[1], after.shape[1])
        seen[:, width:] = True
        self.raw += seen[:, width:].size
        self.cost += seen[:, width:].size
        for top in range(0, block.rows, BAND_ROWS):
            bottom = min(top + BAND_ROWS, block.rows)
            raw, found = _compare_band(before, after, block.before + top, block.after + top, bottom - top)
            self.raw += raw
            if found is not None:
                seen[top:bottom, :width] = found
                self.cost += int(np.count_nonzero(found))
            if self.cost >= most:
                return

    def in_current(self, region: Region) -> Region:
        """The same region, counted in rows of the current picture."""
        top = 0
        for block in self.blocks:
            if region.top < top + block.rows:
                inside = 0 if block.kind == "removed" else region.top - top
                return Region(region.left, block.after + inside, region.width, region.height, region.pixels)
            top += block.rows
        return region


def _compare_band(before: Pixels, after: Pixels, first: int, second: int, rows: int) -> tuple[int, Mask | None]:
    """How many pixels differ in some paired rows, and which of them are seen (None: the rows are equal)."""
    width = min(before.shape[1], after.shape[1])
    differs = _colours(before)[first : first + rows, :width] != _colours(after)[second : second + rows, :width]
    changed_rows = np.flatnonzero(differs.any(axis=1))
    if not len(changed_rows):
        return 0, None
    changed_columns = np.flatnonzero(differs.any(axis=0))
    # Only where something differs, with the surroundings that tell anti-aliasing.
    top, bottom = int(changed_rows[0]), int(changed_rows[-1]) + 1
    left, right = (
        max(int(changed_columns[0]) - CONTEXT, 0),
        min(int(changed_columns[-1]) + 1 + CONTEXT, width),
    )
    up = min(CONTEXT, first + top, second + top)
    down = min(CONTEXT, before.shape[0] - first - bottom, after.shape[0] - second - bottom)
    a = np.ascontiguousarray(before[first + top - up : first + bottom + down, left:right])
    b = np.ascontiguousarray(after[second + top - up : second + bottom + down, left:right])
    found = np.zeros(differs.shape, dtype=np.bool_)
    found[top:bottom, left:right] = _seen(a, b)[up : up + bottom - top]
    return int(np.count_nonzero(differs)), found & differs


def _seen(before: Pixels, after: Pixels) -> Mask:
    """Which pixels of two pictures of one size look different."""
    distance = _distance(before, after)
    strong: Mask = distance >= STRONG_LEVELS
    if np.count_nonzero(strong) > HEAVY_SHARE * strong.size:
        heavy: Mask = distance >= VISIBLE_LEVELS
        return heavy
    seen = _perceived(before, after) | strong
    slightly = distance >= FLAT_LEVELS
    seen |= slightly & _flat(before) & _flat(after)
    seen |= _strokes(before, after, slightly, seen)
    return seen


def _content(source: Pixels, first: int, rows: int) -> Mask:
    """What a strip shows besides the row above or below it, whichever it resembles more."""
    colours = _colours(source)
    strip = colours[first : first + rows]
    beside = [row for row in (first - 1, first + rows) if 0 <= row < len(colours)]
    shown = [strip != colours[row] for row in beside]
    return min(shown, key=np.count_nonzero, default=np.ones(strip.shape, dtype=np.bool_))


def _colours(pixels: Pixels) -> Colours:
    """Each pixel as one number. The rows of `pixels` must be whole."""
    return pixels.view(np.uint32)[:, :, 0]


def _distance(before: Pixels, after: Pixels) -> NDArray[np.uint8]:
    apart = np.maximum(before, after) - np.minimum(before, after)
    distance: NDArray[np.uint8] = np.maximum(np.maximum(apart[:, :, 0], apart[:, :, 1]), apart[:, :, 2])
    return distance


def _perceived(before: Pixels, after: Pixels) -> Mask:
    output = np.zeros_like(before)
    options = Options()
    options.threshold = THRESHOLD
    options.diffMask = True
    pixelmatch(before, after, output=output, options=options)
    seen: Mask = output[:, :, 3] > 0
    return seen


def _flat(pixels: Pixels) -> Mask:
    """Pixels whose 3x3 surroundings are one colour."""
    colour = _colours(pixels)
    flat = np.zeros(colour.shape, dtype=np.bool_)
    if min(colour.shape) < 3:
        return flat
    centre = colour[1:-1, 1:-1]
    inner = np.ones(centre.shape, dtype=np.bool_)
    height, width = colour.shape
    for down in range(3):
        for across in range(3):
            inner &= colour[down : height - 2 + down, across : width - 2 + across] == centre
    flat[1:-1, 1:-1] = inner
    return flat


def _strokes(before: Pixels, after: Pixels, slightly: Mask, found: Mask) -> Mask:
    """Slightly changed pixels of lines and letters whose colour was replaced by another one throughout.

    A stroke is three pixels in a row, in any direction, of one colour before and one after. A region counts when it has
    `STROKE_PIXELS` of them and most of what changed in it follows a replacement that holds for (nearly) every pixel of
    that colour there. In a photograph one colour strays to many, so nothing is replaced throughout.
    """
    marked = np.zeros(slightly.shape, dtype=np.bool_)
    left, right = _colours(before), _colours(after)
    strokes = _three_in_a_row(left, right, slightly & ~found)
    if int(strokes.sum()) < STROKE_PIXELS:
        return marked
    for region in _regions(strokes):
        if region.pixels < STROKE_PIXELS:
            continue
        # The letters of a word are wider than their strokes: what changed right beside counts as well.
        box = (
            slice(max(region.top - 2, 0), region.top + region.height + 2),
            slice(max(region.left - 2, 0), region.left + region.width + 2),
        )
        replaced, share = _replaced(left[box], right[box], slightly[box])
        if share >= STROKE_SHARE and int((replaced & strokes[box]).sum()) >= STROKE_PIXELS:
            marked[box] |= replaced
    return marked


def _three_in_a_row(left: Colours, right: Colours, among: Mask) -> Mask:
    found = np.zeros(among.shape, dtype=np.bool_)
    height, width = among.shape
    for down, across in ((0, 1), (1, 0), (1, 1), (1, -1)):
        if height <= 2 * down or width <= 2 * abs(across):
            continue
        rows = slice(down, height - down)
        columns = slice(abs(across), width - abs(across))
        before = (slice(0, height - 2 * down), slice(abs(across) - across, width - abs(across) - across))
        behind = (slice(2 * down, height), slice(abs(across) + across, width - abs(across) + across))
        middle = (rows, columns)
        run = among[middle] & among[before] & among[behind]
        for colours in (left, right):
            run &= (colours[middle] == colours[before]) & (colours[middle] == colours[behind])
        for place in (middle, before, behind):
            found[place] |= run
    return found


def _replaced(left: Colours, right: Colours, slightly: Mask) -> tuple[Mask, float]:
    """Pixels that follow a replacement of colours, and their share of all that changed slightly and repeats.

    A replacement takes (nearly) every pixel of a colour to another one. Or it is where (nearly) every pixel of the
    other colour comes from, as a pale line that appears on white replaces a little of the white; then most of the white
    that changed must have become that colour, for a compressed photograph scatters it over many.
    """
    _, index = np.unique(left[slightly].astype(np.uint64) << np.uint64(32) | right[slightly], return_inverse=True)
    times = np.bincount(index)[index]
    # How often each colour is there at all, by a hash of 16 bits: a collision can only make it look more frequent.
    present = []
    for colours in (left, right):
        buckets = _bucket(colours)
        present.append(np.bincount(buckets.ravel(), minlength=1 << 16)[buckets[slightly]])
    repeats = np.maximum(*present) >= 3
    before = _bucket(left[slightly])
    changed = np.bincount(before, minlength=1 << 16)[before]
    appears = (times >= 0.9 * present[1]) & (times >= STROKE_SHARE * changed)
    holds = (times >= 3) & ((times >= 0.9 * present[0]) | appears)
    replaced = np.zeros(slightly.shape, dtype=np.bool_)
    replaced[slightly] = holds
    return replaced, float(holds.sum()) / max(int(repeats.sum()), 1)


def _bucket(colours: Colours) -> NDArray[np.uint32]:
    hashed: NDArray[np.uint32] = (colours * np.uint32(2_654_435_761)) >> np.uint32(16)
    return hashed


def _regions(seen: Mask) -> tuple[Region, ...]:
    """Changed pixels as rectangles, the largest first: a coarse grid whose neighbouring cells are joined."""
    if not seen.any():
        return ()
    rows, columns = (-(-size // REGION_GAP) for size in seen.shape)
    padded = np.zeros((rows * REGION_GAP, columns * REGION_GAP), dtype=np.bool_)
    padded[: seen.shape[0], : seen.shape[1]] = seen
    cells = padded.reshape(rows, REGION_GAP, columns, REGION_GAP)
    pixels = cells.sum(axis=3, dtype=np.uint8).sum(axis=1, dtype=np.uint32)
    down: Mask = np.asarray(cells.any(axis=3))  # rows, gap, columns
    across: Mask = np.asarray(cells.any(axis=1))  # rows, columns, gap
    top, bottom = down.argmax(axis=1), REGION_GAP - down[:, ::-1].argmax(axis=1)
    left, right = across.argmax(axis=2), REGION_GAP - across[:, :, ::-1].argmax(axis=2)
    waiting = {(int(row), int(column)) for row, column in np.argwhere(pixels)}
    regions = []
    while waiting:
        stack, group = [waiting.pop()], []
        while stack:
            row, column = stack.pop()
            group.append((row, column))
            near = {(row + step, column + side) for step in (-1, 0, 1) for side in (-1, 0, 1)} & waiting
            waiting -= near
            stack.extend(near)
        first_row = min(row * REGION_GAP + int(top[row, column]) for row, column in group)
        last_row = max(row * REGION_GAP + int(bottom[row, column]) for row, column in group)
        first_column = min(column * REGION_GAP + int(left[row, column]) for row, column in group)
        last_column = max(column * REGION_GAP + int(right[row, column]) for row, column in group)
        regions.append(
            Region(
                left=first_column,
                top=first_row,
                width=last_column - first_column,
                height=last_row - first_row,
                pixels=sum(int(pixels[cell]) for cell in group),
            )
        )
    return tuple(sorted(regions, key=lambda region: (-region.pixels, region.top, region.left)))
