"""Labelled regressions of a page drawn by Chromium: every one is seen, and a picture of the same page is the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasks.visual.compare import Comparison, Pixels, compare, decode
from tests.tasks.visual.labelled import BANNER, PHONE, PHONE_ONLY, REGRESSIONS, SHIFTS, Camera, camera

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def eye() -> Iterator[Camera]:
    with camera() as taking:
        yield taking


@pytest.fixture(scope="module")
def approved(eye: Camera) -> Pixels:
    return decode(eye.shoot())


def looked(eye: Camera, approved: Pixels, script: str) -> Comparison:
    return compare(approved, decode(eye.shoot(script)))


def test_the_same_page_is_the_same(eye: Camera, approved: Pixels) -> None:
    assert looked(eye, approved, "").raw == 0


@pytest.mark.parametrize("label", REGRESSIONS)
def test_a_labelled_regression_is_seen_where_it_is(eye: Camera, approved: Pixels, label: str) -> None:
    result = looked(eye, approved, REGRESSIONS[label])
    assert result.regions, label
    assert all(region.pixels for region in result.regions)


def test_what_breaks_on_phones_alone_is_seen_there_alone(eye: Camera) -> None:
    on_desktop = compare(decode(eye.shoot()), decode(eye.shoot(PHONE_ONLY)))
    on_phone = compare(decode(eye.shoot(size=PHONE)), decode(eye.shoot(PHONE_ONLY, size=PHONE)))
    assert (on_desktop.raw, bool(on_phone.regions)) == (0, True)


@pytest.mark.parametrize("label", SHIFTS)
def test_a_gap_is_a_shift_and_nothing_else(eye: Camera, label: str) -> None:
    without_menu = "document.querySelectorAll('.menu, .badge').forEach(e => e.remove());"
    script, grew = SHIFTS[label]
    result = compare(decode(eye.shoot(without_menu)), decode(eye.shoot(without_menu + script)))
    (strip,) = result.strips
    assert (result.regions, strip.blank, strip.rows if strip.inserted else -strip.rows) == ((), True, grew)


def test_a_banner_is_told_apart_from_what_it_pushes_down(eye: Camera, approved: Pixels) -> None:
    result = looked(eye, approved, BANNER + "; figure.textContent = '1,264'")
    (strip,) = result.strips
    assert (strip.top, strip.rows, strip.inserted, strip.blank) == (61, 44, True, False)
    # The banner itself, the menu that stays where it was, and the figure that hid behind both.
    assert len(result.regions) == 3
    assert result.seen < approved.shape[0] * approved.shape[1] // 20
