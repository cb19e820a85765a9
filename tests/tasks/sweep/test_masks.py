"""Masks cover what is seen of an element: no more, and never beyond the page."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Page

from evidence_store.model import Artifact
from tasks.sweep.capture import take_picture
from tasks.sweep.hearing import Hearing
from tasks.sweep.stabilise import Stillness, Unfolding, capture

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


NONE_LEFT = {
    "the whole document": ("<p>Words</p>", ["html"]),
    "every part": ("<p class=m>Words</p><div class=m><b>More</b><img alt=x width=9 height=9></div>", [".m"]),
    "all but what is hidden": ("<p class=m>Words</p><p hidden>Hidden</p><script>1</script>", [".m"]),
}
SOME_LEFT = {
    "no mask": ("<p>Words</p>", []),
    "a mask that matches nothing": ("<p>Words</p>", [".nowhere"]),
    "one of two": ("<p class=m>Words</p><p>Other words</p>", [".m"]),
    "a picture beside it": ("<p class=m>Words</p><canvas width=50 height=50></canvas>", [".m"]),
    "a component beside it": ("<p class=m>Words</p><div><template shadowrootmode=open>Own</template></div>", [".m"]),
    "bars that a style draws": (
        "<p class=m>Words</p><div style='width:50px;height:50px;background:red'></div>",
        [".m"],
    ),
}


def all_masked(tab: Page, body: str, masks: list[str]) -> bool:
    kept: list[str] = []

    def keep(path: str, content: bytes, media_type: str) -> Artifact:
        kept.append(path)
        return Artifact(path=path, media_type=media_type, sha256="0" * 64, size=len(content))

    tab.set_content(f"<!doctype html><title>Test</title><body>{body}")
    recipe, hearing = Stillness(time=False), Hearing()
    return bool(take_picture(tab, "data", keep, masks, recipe, hearing, [], Unfolding())["all_masked"])


@pytest.mark.parametrize("name", NONE_LEFT)
def test_masks_that_leave_nothing_to_see_are_told(name: str, tab: Page) -> None:
    assert all_masked(tab, *NONE_LEFT[name]) is True


@pytest.mark.parametrize("name", SOME_LEFT)
def test_masks_that_leave_something_to_see(name: str, tab: Page) -> None:
    assert all_masked(tab, *SOME_LEFT[name]) is False


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
