"""Pictures with the texture of photographs, computed from a number, so that no binary file is kept."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image

_PALETTES = (
    ((22, 46, 84), (96, 142, 190), (236, 216, 178)),
    ((28, 52, 36), (104, 138, 84), (232, 226, 190)),
    ((70, 30, 28), (190, 104, 70), (248, 214, 160)),
    ((36, 34, 60), (128, 104, 158), (244, 196, 200)),
    ((18, 60, 66), (88, 160, 156), (244, 236, 206)),
)


SIZES = ((1200, 480), (640, 480), (320, 240))


@lru_cache(maxsize=1024)
def photograph(number: int, width: int, height: int, kind: str) -> bytes:
    """A landscape under a sky with grain, as JPEG (`jpg`) or WebP (`webp`); the same bytes for the same arguments."""
    image = _landscape(number)
    part = min(image.width, image.height * width // height)
    image = image.crop((0, 0, part, image.height)).resize((width, height), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    # WebP at its slower settings would cost the site more to start than a whole sweep of it.
    options = {"quality": 80} if kind == "jpg" else {"quality": 80, "method": 2}
    image.save(buffer, {"jpg": "JPEG", "webp": "WEBP"}[kind], **options)
    return buffer.getvalue()


@lru_cache(maxsize=64)
def _landscape(number: int) -> Image.Image:
    width, height = SIZES[0]
    random = np.random.default_rng(number)
    dark, middle, light = (np.array(colour, dtype=np.float32) for colour in _PALETTES[number % len(_PALETTES)])
    relief = sum(
        (_smooth(random, width, height, cells) / cells for cells in (3, 7, 17, 41)),
        np.zeros((height, width), np.float32),
    )
    relief = (relief - relief.min()) / float(np.ptp(relief))
    depth = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    share = np.clip(0.75 * (1 - depth) + 0.5 * relief, 0, 1)[..., None]
    colours = np.where(share < 0.5, dark + (middle - dark) * (share * 2), middle + (light - middle) * (share * 2 - 1))
    for ridge in range(3):
        line = 0.45 + 0.17 * ridge + 0.12 * (_smooth(random, width, 1, 6 + 3 * ridge)[0] - 0.5)
        colours = np.where((depth > line[None, :])[..., None], colours * (0.86 - 0.08 * ridge), colours)
    grain = random.normal(0, 5, (height, width, 1)).astype(np.float32)
    return Image.fromarray(np.clip(colours + grain, 0, 255).astype(np.uint8))


def _smooth(random: np.random.Generator, width: int, height: int, cells: int) -> np.ndarray:
    """Noise of so many cells across, between 0 and 1."""
    small = (random.random((max(2, cells * height // width), cells)) * 255).astype(np.uint8)
    large = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(large, dtype=np.float32) / 255
