"""Compares two pictures as a careful person would: pixels that look different, and flat areas that changed colour.

- pixelmatch (threshold .1, anti-aliasing ignored) counts what looks different. It sees nothing in a button that went
  from #2563eb to #1d4ed8, hence
- the flat-colour detector: pixels whose 3x3 surroundings are one colour in both pictures, and not the same one. Noise
  from resampling a photograph has no flat surroundings, so it is not counted.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from pybind11_pixelmatch import Options, pixelmatch

MAX_PIXELS = 80_000_000
THRESHOLD = 0.1
FLAT_LEVELS = 2
"""Of 255, in any channel. A change below that is a rounding difference."""
REGION_GAP = 24
"""Pixels: changes nearer than this are one region to a person."""

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class PictureError(Exception):
    """A file that cannot be read as a picture."""


@dataclass(frozen=True)
class Region:
    """A rectangle of changed pixels, in CSS pixels times the device pixel ratio."""

    left: int
    top: int
    width: int
    height: int
    pixels: int


@dataclass(frozen=True)
class Comparison:
    """How two pictures differ. `raw` counts pixels that differ at all, `seen` those a person could see."""

    size_before: tuple[int, int]
    size_after: tuple[int, int]
    raw: int
    seen: int
    regions: tuple[Region, ...]
    difference: bytes | None
    """A PNG: the current picture faded, with the changes marked; None when nothing differs."""


def decode(content: bytes) -> Pixels:
    """The picture's pixels as height x width x RGBA; raises PictureError."""
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise PictureError(f"{picture.width}x{picture.height} is more than {MAX_PIXELS:,} pixels")
            return np.ascontiguousarray(np.asarray(picture.convert("RGBA"), dtype=np.uint8))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PictureError(f"not a readable PNG: {error}") from error


def compare(before: Pixels, after: Pixels) -> Comparison:
    """Compare two pictures; of different sizes, what lies outside the smaller one counts as changed."""
    height = max(before.shape[0], after.shape[0])
    width = max(before.shape[1], after.shape[1])
    outside = np.ones((height, width), dtype=np.bool_)
    outside[: min(before.shape[0], after.shape[0]), : min(before.shape[1], after.shape[1])] = False
    left, right = _padded(before, height, width), _padded(after, height, width)

    changed = np.any(left != right, axis=2)
    raw = int(changed.sum())
    if raw == 0 and not outside.any():
        return Comparison(_size(before), _size(after), 0, 0, (), None)
    seen = _perceived(left, right) | _flat_change(left, right, changed) | outside
    regions = _regions(seen)
    return Comparison(
        _size(before), _size(after), raw, int(seen.sum()), regions, _marked(right, seen, regions) if regions else None
    )


def _size(pixels: Pixels) -> tuple[int, int]:
    return int(pixels.shape[1]), int(pixels.shape[0])


def _padded(pixels: Pixels, height: int, width: int) -> Pixels:
    if pixels.shape[:2] == (height, width):
        return pixels
    padded = np.full((height, width, 4), 255, dtype=np.uint8)
    padded[: pixels.shape[0], : pixels.shape[1]] = pixels
    return padded


def _perceived(before: Pixels, after: Pixels) -> Mask:
    output = np.zeros_like(before)
    options = Options()
    options.threshold = THRESHOLD
    options.diffMask = True
    pixelmatch(before, after, output=output, options=options)
    seen: Mask = output[:, :, 3] > 0
    return seen


def _flat_change(before: Pixels, after: Pixels, changed: Mask) -> Mask:
    if not changed.any():
        return changed
    distance = np.abs(before.astype(np.int16) - after.astype(np.int16)).max(axis=2)
    flat: Mask = (distance >= FLAT_LEVELS) & _flat(before) & _flat(after)
    return flat


def _flat(pixels: Pixels) -> Mask:
    colour = np.ascontiguousarray(pixels).view(np.uint32)[:, :, 0]
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


def _regions(seen: Mask) -> tuple[Region, ...]:
    """Changed pixels as rectangles: a coarse grid whose neighbouring cells are joined."""
    if not seen.any():
        return ()
    rows, columns = (-(-size // REGION_GAP) for size in seen.shape)
    padded = np.zeros((rows * REGION_GAP, columns * REGION_GAP), dtype=np.bool_)
    padded[: seen.shape[0], : seen.shape[1]] = seen
    cells = padded.reshape(rows, REGION_GAP, columns, REGION_GAP).any(axis=(1, 3))
    waiting = {(int(row), int(column)) for row, column in np.argwhere(cells)}
    regions = []
    while waiting:
        stack, group = [waiting.pop()], []
        while stack:
            row, column = stack.pop()
            group.append((row, column))
            near = {(row + down, column + across) for down in (-1, 0, 1) for across in (-1, 0, 1)} & waiting
            waiting -= near
            stack.extend(near)
        top, left = (min(cell[axis] for cell in group) * REGION_GAP for axis in (0, 1))
        bottom, right = ((max(cell[axis] for cell in group) + 1) * REGION_GAP for axis in (0, 1))
        changed = np.argwhere(padded[top:bottom, left:right])
        (first_row, first_column), (last_row, last_column) = changed.min(axis=0), changed.max(axis=0)
        regions.append(
            Region(
                left=left + int(first_column),
                top=top + int(first_row),
                width=int(last_column - first_column) + 1,
                height=int(last_row - first_row) + 1,
                pixels=len(changed),
            )
        )
    return tuple(sorted(regions, key=lambda region: -region.pixels))


def _marked(after: Pixels, seen: Mask, regions: tuple[Region, ...]) -> bytes:
    picture = (255 - (255 - after[:, :, :3].astype(np.uint16)) * 35 // 100).astype(np.uint8)
    picture[seen] = (214, 0, 80)
    for region in regions:
        top, left = max(region.top - 4, 0), max(region.left - 4, 0)
        bottom = min(region.top + region.height + 4, picture.shape[0] - 1)
        right = min(region.left + region.width + 4, picture.shape[1] - 1)
        for line in (slice(top, top + 2), slice(max(bottom - 1, 0), bottom + 1)):
            picture[line, left : right + 1] = (214, 0, 80)
        for line in (slice(left, left + 2), slice(max(right - 1, 0), right + 1)):
            picture[top : bottom + 1, line] = (214, 0, 80)
    encoded = io.BytesIO()
    Image.fromarray(picture).save(encoded, format="PNG", compress_level=1)
    return encoded.getvalue()
