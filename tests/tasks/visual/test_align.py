"""Alignment: what was inserted or removed is found, each row is used once, a wrong alignment makes nothing worse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.visual.align import Block, Pixels, align, plain
from tasks.visual.compare import Strip, compare


def rows(*shades: int, width: int = 60) -> Pixels:
    """A picture whose row n is one grey, with a mark that tells rows of one grey apart from nothing."""
    pixels = np.full((len(shades), width, 4), 255, dtype=np.uint8)
    for row, shade in enumerate(shades):
        pixels[row, :, :3] = shade
    return pixels


def page(height: int = 120, seed: int = 1) -> Pixels:
    """Rows that all differ, with empty ones between."""
    random = np.random.default_rng(seed)
    pixels = np.full((height, 60, 4), 255, dtype=np.uint8)
    pixels[::2, :, :3] = random.integers(0, 120, (len(pixels[::2]), 60, 1), dtype=np.uint8)
    return pixels


def inserted(pixels: Pixels, at: int, strip: Pixels) -> Pixels:
    return np.concatenate([pixels[:at], strip, pixels[at:]])


BLANK = rows(*[255] * 10)


@pytest.mark.parametrize("at", [1, 41, 60, 119, 120])
def test_an_empty_gap_is_found_wherever_it_is(at: int) -> None:
    result = compare(page(), inserted(page(), at, BLANK))
    assert (result.regions, result.shifted_rows, [strip.blank for strip in result.strips]) == ((), 10, [True])
    assert all(strip.inserted and at - 1 <= strip.top <= at + 1 for strip in result.strips)


def test_a_gap_that_closed_is_removed_rows() -> None:
    result = compare(inserted(page(), 41, BLANK), page())
    assert [(strip.rows, strip.inserted, strip.blank) for strip in result.strips] == [(10, False, True)]
    assert result.regions == ()


def test_a_band_with_content_is_changed_pixels_within_it() -> None:
    band = rows(*[200] * 12)
    band[3:6, 10:20, :3] = 0
    result = compare(page(), inserted(page(), 60, band))
    assert [(strip.top, strip.rows, strip.inserted, strip.blank) for strip in result.strips] == [(60, 12, True, False)]
    assert [(region.top, region.height) for region in result.regions] == [(60, 12)]


def test_removed_content_is_changed_pixels_where_it_was() -> None:
    band = rows(*[0] * 12)
    result = compare(inserted(page(), 60, band), page())
    assert result.strips == (Strip(60, 12, inserted=False, blank=False),)
    assert [(region.top, region.height) for region in result.regions] == [(60, 12)]


def test_a_change_below_a_gap_is_told_apart_from_it() -> None:
    after = inserted(page(), 41, BLANK)
    after[100, 5:9, :3] = 250
    result = compare(page(), after)
    assert [(strip.top in {41, 42}, strip.rows) for strip in result.strips] == [(True, 10)]
    assert [(region.left, region.top, region.height) for region in result.regions] == [(5, 100, 1)]


def test_several_gaps_are_each_told() -> None:
    after = inserted(inserted(page(), 81, BLANK), 41, BLANK[:4])
    assert [strip.rows for strip in compare(page(), after).strips] == [4, 10]


def test_a_gap_in_a_list_of_equal_rows_is_found() -> None:
    item = (0, 50, 50, 255, 255, 255)
    before, after = rows(1, *item * 20, 2), rows(1, *item * 20, 255, 255, 255, 2)
    result = compare(before, after)
    assert (result.regions, result.shifted_rows) == ((), 3)


def test_a_line_that_was_rewritten_is_changed_in_place_and_not_inserted_and_removed() -> None:
    before, after = page(), page()
    before[40:60, :, :3] = np.arange(20, dtype=np.uint8)[:, np.newaxis, np.newaxis]
    after[40:60, :, :3] = np.roll(np.arange(20, dtype=np.uint8) + 100, 3)[:, np.newaxis, np.newaxis]
    after[55, :, :3] = 5
    assert [block.kind for block in align(before, after) or ()] == ["paired"]


def test_pictures_that_share_too_little_are_not_aligned() -> None:
    assert align(page(seed=1)[::2], page(seed=2)[::2]) is None


def test_photographs_that_only_stray_are_paired_in_place_below_a_gap() -> None:
    random = np.random.default_rng(4)
    photograph = page()
    photograph[70:90, 10:40, :3] = random.integers(60, 200, (20, 30, 3))
    stray = photograph.copy()
    stray[70:90, 10:40, :3] += random.integers(0, 3, (20, 30, 3), dtype=np.uint8)
    result = compare(photograph, inserted(stray, 21, BLANK))
    assert (result.regions, [strip.rows for strip in result.strips]) == ((), [10])


@given(
    before=st.lists(st.integers(0, 5), min_size=1, max_size=40),
    after=st.lists(st.integers(0, 5), min_size=1, max_size=40),
)
def test_every_row_of_both_pictures_is_used_once_and_in_order(before: list[int], after: list[int]) -> None:
    first, second = (rows(*[40 * shade for shade in shades]) for shades in (before, after))
    for blocks in (plain(first, second), align(first, second) or plain(first, second)):
        assert used(blocks, "before", "inserted") == list(range(len(before)))
        assert used(blocks, "after", "removed") == list(range(len(after)))


def used(blocks: tuple[Block, ...], side: str, but: str) -> list[int]:
    return [
        row
        for block in blocks
        if block.kind != but
        for row in range(getattr(block, side), getattr(block, side) + block.rows)
    ]


@given(
    before=st.lists(st.integers(0, 5), min_size=1, max_size=40),
    after=st.lists(st.integers(0, 5), min_size=1, max_size=40),
)
def test_alignment_never_leaves_more_to_look_at_than_the_plain_pairing(before: list[int], after: list[int]) -> None:
    first, second = (rows(*[40 * shade for shade in shades]) for shades in (before, after))
    differing = sum(left != right for left, right in zip(before, after, strict=False))
    result = compare(first, second)
    in_strips = sum(region.pixels for region in result.regions) if result.strips else 0
    assert min(result.seen, result.seen - in_strips + result.shifted_rows * 60) <= 60 * (
        differing + abs(len(before) - len(after))
    )
    assert (result.raw == 0) == (before == after)
