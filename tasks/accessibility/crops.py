"""Pictures of single elements, cut out of the stored picture of the whole page. Pure."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from itertools import chain
from math import ceil
from typing import Any

from PIL import Image, ImageDraw, UnidentifiedImageError

from evidence_store.model import Finding, Rendering
from evidence_store.workspace import BrokenEvidenceError, EvidenceFiles, read_artifact
from tasks.accessibility.looks import Look, distinct, look_of
from tasks.sweep.element_boxes import is_length
from tasks.sweep.models import PageVisit
from tasks.sweep.thumbnail import upper_rows

MOST_OF_A_PAGE = 30
"""Pictures of one page; a page with more to show has one cause for most of it."""
LARGEST = (800, 600)
PADDING = 24
"""CSS pixels around the element, to see where it stands."""
MAX_PIXELS = 80_000_000
_MARK = (214, 0, 80)

Box = tuple[float, float, float, float]


class Crops:
    """Cuts elements out of one visit's picture, which is decoded, as far down as they stand, when one is asked for."""

    def __init__(self, files: EvidenceFiles, visit: PageVisit) -> None:
        self._files = files
        self._visit = visit
        self._picture: Image.Image | None = None
        self._problem: str | None = None
        self._scale = 1.0
        self._boxes: dict[str, Box] = {}
        self._read = False
        self._given = 0

    def shown(self, finding: Finding, elements: Iterable[str]) -> Finding:
        """The finding with a picture of the first of these elements that has a place; or the reason it has none."""
        box = next((self._box(element) for element in elements if self._box(element)), None)
        if box is None:
            return finding
        if self._given >= MOST_OF_A_PAGE:
            return _without(finding, f"only {MOST_OF_A_PAGE} elements of a page are cut out")
        cut = self._cut(box)
        if cut is None:
            return _without(finding, self._problem or "the element lies outside the picture that was taken")
        self._given += 1
        kind = "question" if finding.element_sha256 else "violation"
        path = f"data/accessibility/{finding.subject}/{kind}-{finding.fingerprint}.png"
        picture = self._visit.screenshot.path if self._visit.screenshot else ""
        # In place of the whole page, which is shown with the page itself.
        evidence = (path, *(name for name in finding.evidence if name != picture))
        rendering = Rendering(path=path, media_type="image/png", content=cut)
        return finding.model_copy(update={"evidence": evidence, "renderings": (rendering,)})

    def looks(self, elements: Iterable[str]) -> tuple[Look, ...]:
        """How those of these elements look that have a place in the picture, each look once."""
        places = [box for box in map(self._box, elements) if box is not None]
        picture = self._whole() if places else None
        if picture is None:
            return ()
        seen = []
        for place in places:
            left, top, width, height = (side * self._scale for side in place)
            frame = (max(round(left), 0), max(round(top), 0), round(left + width), round(top + height))
            frame = (*frame[:2], min(frame[2], picture.width), min(frame[3], picture.height))
            if frame[2] > frame[0] and frame[3] > frame[1]:
                seen.append(look_of(picture.crop(frame)))
        return distinct(seen)

    def _box(self, element: str) -> Box | None:
        if not self._read:
            self._read = True
            self._read_boxes()
        return self._boxes.get(element)

    def _read_boxes(self) -> None:
        axe = self._visit.axe
        if axe is None or axe.boxes is None or self._visit.screenshot is None:
            return
        try:
            told: Any = json.loads(read_artifact(self._files, axe.boxes))
            self._scale = float(told["scale"])
            for element, (left, top, width, height) in told["boxes"].items():
                self._boxes[element] = (float(left), float(top), float(width), float(height))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
            raise BrokenEvidenceError(f"{axe.boxes.path} does not say where elements are: {error}") from error
        if not all(map(is_length, (self._scale, *chain.from_iterable(self._boxes.values())))):
            raise BrokenEvidenceError(f"{axe.boxes.path} does not say where elements are: a place is no number")

    def _cut(self, box: Box) -> bytes | None:
        picture = self._whole()
        if picture is None:
            return None
        left, top, width, height = (side * self._scale for side in box)
        padding = PADDING * self._scale
        # Twice the largest picture at most, from its upper left corner: the rest of a long element says no more.
        right = min(left + width + padding, left + 2 * LARGEST[0] * self._scale, picture.width)
        bottom = min(top + height + padding, top + 2 * LARGEST[1] * self._scale, picture.height)
        frame = (max(int(left - padding), 0), max(int(top - padding), 0), int(right), int(bottom))
        if left >= picture.width or top >= picture.height or frame[2] - frame[0] < 1 or frame[3] - frame[1] < 1:
            return None
        cut = picture.crop(frame).convert("RGB")
        corner = (left - frame[0], top - frame[1])
        outline = (corner[0] - 3, corner[1] - 3, corner[0] + width + 2, corner[1] + height + 2)
        ImageDraw.Draw(cut).rectangle(outline, outline=_MARK, width=2)
        cut.thumbnail(LARGEST)
        encoded = io.BytesIO()
        cut.save(encoded, format="PNG", compress_level=6)
        return encoded.getvalue()

    def _lowest_row(self) -> int:
        """Of the picture, that shows something of an element: decoding what is below it is half of the judge's time."""
        return ceil(self._scale * (PADDING + max(top + height for _, top, _, height in self._boxes.values())))

    def _whole(self) -> Image.Image | None:
        if self._picture is None and self._problem is None and self._visit.screenshot is not None:
            try:
                content = upper_rows(read_artifact(self._files, self._visit.screenshot), self._lowest_row())
                picture = Image.open(io.BytesIO(content), formats=["PNG"])
                if picture.width * picture.height > MAX_PIXELS:
                    self._problem = f"the page's picture has more than {MAX_PIXELS:,} pixels"
                    return None
                picture.load()
                self._picture = picture
            except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                self._problem = f"the page's picture cannot be read: {error}"
        return self._picture


def _without(finding: Finding, why: str) -> Finding:
    return finding.model_copy(update={"message": f"{finding.message}; no picture of it: {why}"})
