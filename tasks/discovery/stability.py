"""What changed between two loads of a page, and which selectors would mask it. Pure.

Rules:

- a piece changed when its text, its size or the pixels inside it differ; one that only moved was moved by another;
- one that tells an age (`2 minutes ago`) and nothing else will change, whatever two loads within one minute say;
- a mask is a selector that a later build is likely to keep: `data-*`, then `id`, then classes, then a semantic element
  in one of those; never a position, and nothing a build tool made up (`css-1q2w3e`, `:r1:`);
- a selector is taken only when most of what it hits did change (all of it, when it hits a column of a table), and never
  when it covers a large part of the view;
- a page of which most differs, or much that no selector covers, is not masked but named;
- what differs on most pages that were loaded twice is masked on the pages that were not, too: a footer with a duration
  is on all pages that query something, and the start page may query nothing.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.discovery.seen import Candidate, Piece, Stability

MOST_CHANGED_SHARE = 0.5
MOST_UNCOVERED = 60
MOST_HITS = 40
"""Of a selector of which only most hits did change."""
LARGEST_SHARE = 0.35
FEWEST_TO_SHARE = 2
"""Pages that must agree on a mask before others get it unseen: one alone speaks for itself."""
VISIBLE_LEVELS = 24
"""Of 255: below it a difference is the noise of resampling."""
VISIBLE_PIXELS = 6

_GENERATED = re.compile(
    r"\d{3,}|[:]|^(css|sc|jsx|emotion|ember|radix|headlessui|mui|react-select|svelte|ng|v|jss|r|yui|ext-gen)-?[\w-]*\d"
    r"|__[A-Za-z0-9_-]*[0-9][A-Za-z0-9_-]*$|^(?=.*\d)(?=.*[a-zA-Z])[A-Za-z0-9]{6,}$|^_[A-Za-z0-9]+_[A-Za-z0-9]+_\d+$"
    r"|-(?=[a-z]*\d)[a-z0-9]{5,}$"
)


_AGE = re.compile(r"([\w:]+ ){0,3}(\d+|an?|one) (second|minute|hour|day|week|month)s? ago|just now", re.IGNORECASE)
"""The whole of a piece: a sentence that mentions an age is prose, and was true when it was written."""


@dataclass(frozen=True)
class Change:
    """One piece that differs between loads."""

    path: str
    why: str
    """In words, with what was seen."""


def looks_generated(name: str) -> bool:
    """Whether an id, class or attribute was made up by a build tool, and so will be another one tomorrow."""
    return bool(_GENERATED.search(name))


def changes_between(before: Sequence[Piece], after: Sequence[Piece], pixels: Collection[str] = ()) -> list[Change]:
    """Pieces of the second load that differ from the first; `pixels` are paths whose picture differs."""
    earlier = {piece.path: piece for piece in before}
    changes = []
    for piece in after:
        was = earlier.get(piece.path)
        if was is None or was.kind != piece.kind:
            changes.append(Change(piece.path, f"only in one of two loads: {_quoted(piece)}"))
        elif was.text != piece.text:
            changes.append(Change(piece.path, f"differs between loads: {_quoted(was)}, then {_quoted(piece)}"))
        elif piece.kind != "text" and _size_differs(was, piece):
            changes.append(Change(piece.path, f"its size differs between loads: {_size(was)}, then {_size(piece)}"))
        elif piece.path in pixels:
            changes.append(Change(piece.path, f"its picture differs between loads ({piece.kind})"))
        elif _AGE.fullmatch(piece.text):
            changes.append(Change(piece.path, f"tells an age, which grows: {_quoted(piece)}"))
    return changes


def gone_between(before: Sequence[Piece], after: Sequence[Piece]) -> list[Piece]:
    """Pieces that only the first load had: nothing is left to point a mask at."""
    there = {piece.path for piece in after}
    return [piece for piece in before if piece.path not in there]


def _quoted(piece: Piece) -> str:
    return f"'{piece.text[:40]}'" if piece.kind == "text" and piece.text else f"a {piece.kind}"


def _size(piece: Piece) -> str:
    return f"{piece.box[2]:.0f}x{piece.box[3]:.0f}"


def _size_differs(one: Piece, other: Piece) -> bool:
    return abs(one.box[2] - other.box[2]) > 1 or abs(one.box[3] - other.box[3]) > 1


def pixel_changes(before: Sequence[Piece], after: Sequence[Piece], one: bytes, other: bytes) -> set[str]:
    """Paths of pieces that stand where they stood and look different; ValueError or OSError for no picture."""
    first, second = _pixels(one), _pixels(other)
    earlier = {piece.path: piece for piece in before}
    above = {
        "/".join(steps[:end]) for piece in after for steps in [piece.path.split("/")] for end in range(1, len(steps))
    }
    changed = set()
    for piece in after:
        if piece.path in above:
            continue  # what differs inside it is told of the piece that differs
        was = earlier.get(piece.path)
        if was is None or any(abs(a - b) > 1 for a, b in zip(was.box, piece.box, strict=True)):
            continue
        left, top, width, height = (round(number) for number in piece.box)
        area = np.s_[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
        here, there = first[area], second[area]
        if here.shape != there.shape or not here.size:
            continue
        visible = np.abs(here.astype(np.int16) - there.astype(np.int16)).max(axis=2) > VISIBLE_LEVELS
        if int(visible.sum()) >= VISIBLE_PIXELS:
            changed.add(piece.path)
    return changed


def _pixels(picture: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(picture)) as image:
        return np.asarray(image.convert("RGB"))


def differs_as_a_whole(changes: Sequence[Change], pieces: Sequence[Piece]) -> bool:
    """Whether masking would leave little to look at."""
    return len(changes) > 3 and len(changes) > MOST_CHANGED_SHARE * max(len(pieces), 1)


def choose_masks(
    changes: Sequence[Change], candidates: Sequence[Candidate]
) -> tuple[list[tuple[str, str]], list[Change]]:
    """([(selector, why)], changes that no robust selector covers)."""
    changed = {change.path for change in changes}
    offered: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        offered.setdefault(candidate.path, []).append(candidate)
    masks: dict[str, str] = {}
    covered: set[str] = set()
    uncovered = []
    for change in changes:
        if change.path in covered:
            continue
        best = min(
            (one for one in offered.get(change.path, ()) if _is_robust(one, changed)),
            key=lambda one: (one.up, one.rank, len(one.selector)),
            default=None,
        )
        if best is None:
            uncovered.append(change)
            continue
        masks.setdefault(best.selector, change.why)
        covered |= {path for path in changed if any(_within(path, hit) for hit in best.hits)}
    return list(masks.items()), uncovered


def with_shared_masks(stabilities: Sequence[Stability]) -> list[Stability]:
    """Pages of which two loads could not be compared get the masks that most others need, when two or more do."""
    compared = [stability for stability in stabilities if not stability.problem]
    needed_by = Counter(selector for stability in compared for selector, _ in stability.masks)
    shared = [
        (
            selector,
            f"differs between loads on {pages} of the {len(compared)} pages that were loaded twice; not this one",
        )
        for selector, pages in needed_by.items()
        if pages >= FEWEST_TO_SHARE and 2 * pages > len(compared)
    ]
    return [replace(stability, masks=shared) if stability.problem else stability for stability in stabilities]


def _within(path: str, ancestor: str) -> bool:
    return path == ancestor or path.startswith(f"{ancestor}/")


def _is_robust(candidate: Candidate, changed: Collection[str]) -> bool:
    if not candidate.hits or candidate.share > LARGEST_SHARE:
        return False
    if any(looks_generated(name) for name in candidate.names):
        return False
    around = {
        "/".join(steps[:end]) for path in changed for steps in [path.split("/")] for end in range(1, len(steps) + 1)
    }
    hit = sum(hit in around for hit in candidate.hits)
    return hit == len(candidate.hits) or (len(candidate.hits) <= MOST_HITS and hit * 2 > len(candidate.hits))


def by_path(pieces: Sequence[Piece]) -> Mapping[str, Piece]:
    """Pieces by their place."""
    return {piece.path: piece for piece in pieces}
