"""Masks cover what is seen of an element: no more, and never beyond the page."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Page

from tasks.sweep.hearing import Hearing
from tasks.sweep.stabilise import Stillness, capture

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Page:
    return browser.new_page(viewport={"width": 400, "height": 300})


def picture(tab: Page, body: str) -> tuple[Image.Image, tuple[int, int, int, int] | None]:
    """The page as captured with `.m` masked, and the box in it that is not white."""
    tab.set_content(f"<!doctype html><title>Test</title><body style='margin:0'>{body}")
    taken = capture(tab, [".m"], Stillness(time=False), Hearing(), None)
    image = Image.open(BytesIO(taken.content)).convert("RGB")
    return image, ImageOps.invert(image).getbbox()


WIDE = "width:900px;height:40px"
PLACED = "position:absolute;top:50px;width:30px;height:40px"


# A cover is one pixel larger than what it covers, for edges between pixels.
@pytest.mark.parametrize(
    ("body", "box"),
    [
        (f"<div style='width:200px;overflow-x:auto'><div class=m style='{WIDE}'></div></div>", (0, 0, 201, 41)),
        (f"<div style='height:25px;overflow:hidden'><div class=m style='{WIDE}'></div></div>", (0, 0, 400, 26)),
        (f"<main style='overflow-x:clip'><div class=m style='{WIDE}'></div></main>", (0, 0, 400, 41)),
        (f"<div style='height:10px;overflow:hidden'><div class=m style='{PLACED}'></div></div>", (0, 50, 31, 91)),
        ("<svg class=m width=0 height=0></svg><p class=m hidden>x</p>", None),
    ],
    ids=["scrolled aside", "cut below", "as wide as the window", "not held by what cuts off", "nothing to see"],
)
def test_what_is_cut_off_is_not_covered(body: str, box: tuple[int, int, int, int] | None, tab: Page) -> None:
    image, covered = picture(tab, body)
    assert image.size == (400, 300)
    assert covered == box
