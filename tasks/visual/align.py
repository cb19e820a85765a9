"""Pairs the rows of two pictures, so that a banner that pushes a page down is told as rows that were inserted.

Patience alignment over the digests of rows: equal beginnings and ends, then rows that occur once in both pictures (in
their longest common order), then what lies between them in the same way; where no row is unique, a longest common
subsequence. What stays unpaired is a change in place where both pictures have as many rows there, and otherwise rows
that were inserted or removed.

It gives up (None) when fewer than `LEAST_SHARE` of the rows have an equal partner: such pictures share too little for
an alignment to mean anything. Whoever uses it must still compare with the plain pairing and take the cheaper one.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_SHARE = 0.3
"""Of the rows of the shorter picture."""
MOST_CELLS = 4_000_000
"""Of the table of a longest common subsequence (two bytes each); larger gaps are paired by their ends."""

Pixels = NDArray[np.uint8]
Names = NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """Rows `before` and `after` onwards that belong together; `kind` is paired, inserted or removed."""

    kind: str
    before: int
    after: int
    rows: int


def plain(before: Pixels, after: Pixels) -> tuple[Block, ...]:
    """The pairing row by row from the top; what one picture has beyond the other is at the end."""
    return tuple(_gap(0, before.shape[0], 0, after.shape[0], at_top=True))


def align(before: Pixels, after: Pixels) -> tuple[Block, ...] | None:
    """The pairing of rows that makes most of them equal; None when too few are. Pictures of one width only."""
    names: dict[bytes, int] = {}
    first, second = _names(before, names), _names(after, names)
    partner = _partners(first, second)
    matched = np.flatnonzero(partner >= 0)
    if len(matched) < LEAST_SHARE * min(len(first), len(second)):
        return None
    return tuple(_joined(_settled(_joined(_blocks(matched, partner[matched], before, after)))))


def _names(pixels: Pixels, known: dict[bytes, int]) -> Names:
    """A number for each row; equal rows have the same one."""
    digests = (hashlib.blake2b(row.data, digest_size=16).digest() for row in pixels)
    return np.fromiter((known.setdefault(digest, len(known)) for digest in digests), np.int64, pixels.shape[0])


def _partners(first: Names, second: Names) -> Names:
    """For each row of the first picture the equal one of the second, in rising order; -1 for none."""
    partner = np.full(len(first), -1, dtype=np.int64)
    waiting = [(0, len(first), 0, len(second))]
    while waiting:
        a0, a1, b0, b1 = waiting.pop()
        a0, b0 = _equal_run(first, second, partner, (a0, a1, b0, b1), 1)
        a1, b1 = _equal_run(first, second, partner, (a0, a1, b0, b1), -1)
        if a0 == a1 or b0 == b1:
            continue
        anchors = _anchors(first[a0:a1], second[b0:b1])
        if not anchors and a1 - a0 != b1 - b0 and (a1 - a0) * (b1 - b0) <= MOST_CELLS:
            for a, b in _common_subsequence(first[a0:a1], second[b0:b1]):
                partner[a0 + a] = b0 + b
        last_a, last_b = a0, b0
        for a, b in (((a0 + a, b0 + b) for a, b in anchors)) if anchors else ():
            partner[a] = b
            if a > last_a and b > last_b:
                waiting.append((last_a, a, last_b, b))
            last_a, last_b = a + 1, b + 1
        if anchors:
            waiting.append((last_a, a1, last_b, b1))
    return partner


def _equal_run(
    first: Names, second: Names, partner: Names, window: tuple[int, int, int, int], direction: int
) -> tuple[int, int]:
    """Pair equal rows at the beginning (1) or end (-1) of a window; where the rest of it then begins or ends."""
    a0, a1, b0, b1 = window
    length = min(a1 - a0, b1 - b0)
    if direction > 0:
        differ = first[a0 : a0 + length] != second[b0 : b0 + length]
        run = int(differ.argmax()) if differ.any() else length
        partner[a0 : a0 + run] = np.arange(b0, b0 + run)
        return a0 + run, b0 + run
    differ = (first[a1 - length : a1] != second[b1 - length : b1])[::-1]
    run = int(differ.argmax()) if differ.any() else length
    partner[a1 - run : a1] = np.arange(b1 - run, b1)
    return a1 - run, b1 - run


def _anchors(first: Names, second: Names) -> list[tuple[int, int]]:
    """Rows that occur once in both, in their longest common order."""
    once = []
    for names in (first, second):
        values, places, counts = np.unique(names, return_index=True, return_counts=True)
        once.append((values[counts == 1], places[counts == 1]))
    _, left, right = np.intersect1d(once[0][0], once[1][0], assume_unique=True, return_indices=True)
    if not len(left):
        return []
    a, b = once[0][1][left], once[1][1][right]
    order = np.argsort(a)
    a, b = a[order].tolist(), b[order].tolist()
    return [(a[index], b[index]) for index in _longest_rising(b)]


def _longest_rising(values: list[int]) -> list[int]:
    """Indexes of the longest rising subsequence (patience sorting)."""
    tops: list[int] = []
    piles: list[int] = []
    below = [-1] * len(values)
    for index, value in enumerate(values):
        pile = bisect_left(tops, value)
        below[index] = piles[pile - 1] if pile else -1
        if pile == len(tops):
            tops.append(value)
            piles.append(index)
        else:
            tops[pile], piles[pile] = value, index
    chain = []
    index = piles[-1] if piles else -1
    while index >= 0:
        chain.append(index)
        index = below[index]
    return chain[::-1]


def _common_subsequence(first: Names, second: Names) -> list[tuple[int, int]]:
    """Pairs of a longest common subsequence of two short sequences."""
    table = np.zeros((len(first) + 1, len(second) + 1), dtype=np.uint16)
    for row, name in enumerate(first):
        step = np.maximum(table[row, 1:], table[row, :-1] + (second == name))
        table[row + 1, 1:] = np.maximum.accumulate(step)
    pairs = []
    a, b = len(first), len(second)
    while a and b:
        if first[a - 1] == second[b - 1]:
            a, b = a - 1, b - 1
            pairs.append((a, b))
        elif table[a - 1, b] >= table[a, b - 1]:
            a -= 1
        else:
            b -= 1
    return pairs[::-1]


def _blocks(a: Names, b: Names, before: Pixels, after: Pixels) -> Iterator[Block]:
    """Runs of equal rows, and what lies between them."""
    breaks = np.flatnonzero((np.diff(a) != 1) | (np.diff(b) != 1)) + 1
    starts, ends = [0, *breaks.tolist()], [*breaks.tolist(), len(a)]
    at_a, at_b = 0, 0
    for start, end in zip(starts, ends, strict=True):
        if start == end:
            continue
        yield from _filled(at_a, int(a[start]), at_b, int(b[start]), before, after)
        yield Block("paired", int(a[start]), int(b[start]), end - start)
        at_a, at_b = int(a[end - 1]) + 1, int(b[end - 1]) + 1
    yield from _filled(at_a, before.shape[0], at_b, after.shape[0], before, after)


def _filled(a0: int, a1: int, b0: int, b1: int, before: Pixels, after: Pixels) -> Iterator[Block]:
    """A gap whose rows are paired at its top or at its bottom, whichever leaves fewer pixels different."""
    rows = min(a1 - a0, b1 - b0)

    def cost(a: int, b: int) -> int:
        return int(np.count_nonzero(before[a : a + rows, ::4] != after[b : b + rows, ::4]))

    at_top = a1 - a0 == b1 - b0 or rows == 0 or cost(a0, b0) <= cost(a1 - rows, b1 - rows)
    yield from _gap(a0, a1, b0, b1, at_top=at_top)


def _gap(a0: int, a1: int, b0: int, b1: int, *, at_top: bool) -> Iterator[Block]:
    rows = min(a1 - a0, b1 - b0)
    removed, inserted = a1 - a0 - rows, b1 - b0 - rows
    skip_a, skip_b = (0, 0) if at_top else (removed, inserted)
    pair = Block("paired", a0 + skip_a, b0 + skip_b, rows)
    strip_a, strip_b = (a0 + rows, b0 + rows) if at_top else (a0, b0)
    strip = Block("removed" if removed else "inserted", strip_a, strip_b, removed or inserted)
    yield from (block for block in ((pair, strip) if at_top else (strip, pair)) if block.rows)


def _settled(blocks: Iterator[Block]) -> Iterator[Block]:
    """Rows inserted and rows removed a few rows apart, as a change in place.

    With no more rows between than the larger strip has, that never leaves more to look at than the strips would.
    """
    settled: list[Block] = []
    for block in blocks:
        settled.append(block)
        if len(settled) < 3:
            continue
        first, between, last = settled[-3:]
        opposite = {first.kind, last.kind} == {"inserted", "removed"}
        if opposite and between.kind == "paired" and between.rows <= max(first.rows, last.rows):
            a1 = last.before + (last.rows if last.kind == "removed" else 0)
            b1 = last.after + (last.rows if last.kind == "inserted" else 0)
            settled[-3:] = _gap(first.before, a1, first.after, b1, at_top=True)
    yield from settled


def _joined(blocks: Iterator[Block]) -> Iterator[Block]:
    """Neighbours of one kind that continue each other, as one."""
    last: Block | None = None
    for block in blocks:
        if last is not None and last.kind == block.kind:
            last = Block(last.kind, last.before, last.after, last.rows + block.rows)
            continue
        if last is not None:
            yield last
        last = block
    if last is not None:
        yield last
