"""The recipe reaches every frame inside a page: what moves there would move in the page's picture."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from tasks.doors.chromium import find_chromium
from tasks.sweep import stabilise
from tasks.sweep.hearing import Hearing
from tasks.sweep.stabilise import Stillness

pytestmark = pytest.mark.real

MOVES = "<style>@keyframes away { to { transform: translateX(200px) } } h1 { animation: away %s }</style><h1>Hours</h1>"
PLAYS = """<canvas></canvas><script>
  let at = 0;
  setInterval(() => { document.querySelector('canvas').getContext('2d').fillRect(at += 1, 0, 1, 9); }, 100);
</script>"""


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    arguments = ["--hide-scrollbars", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_chromium()), args=arguments)
        yield browser.new_page(viewport={"width": 500, "height": 300})
        browser.close()


def framed(content: str) -> str:
    return f'<iframe width=450 height=250 srcdoc="{html.escape(content)}"></iframe>'


def still_picture(tab: Page, body: str, still: Stillness) -> stabilise.Picture:
    hearing = Hearing()
    tab.set_content(f"<!doctype html><title>Test</title><body>{body}")
    stabilise.settle(tab, still, hearing)
    return stabilise.capture(tab, [], still, hearing, None)


@pytest.mark.parametrize(
    "body",
    [
        framed(MOVES % "9s"),
        framed(MOVES % "3s infinite"),
        framed(framed(MOVES % "3s infinite")),
    ],
    ids=["a movement that ends", "one that does not end", "in a frame of a frame"],
)
def test_what_moves_in_a_frame_stands_still(body: str, tab: Page) -> None:
    assert still_picture(tab, body, Stillness(time=False)).stable


@pytest.mark.parametrize(
    "body", [framed(MOVES % "9s"), framed(PLAYS)], ids=["animations that are let go on", "a drawing by the clock"]
)
def test_what_the_recipe_was_told_to_leave_alone_is_unstable(body: str, tab: Page) -> None:
    picture = still_picture(tab, body, Stillness(time=False, animations=False))
    assert not picture.stable
    assert picture.log[-1] == "frames: no two of 5 were equal"


def test_images_of_a_web_component_far_below_are_waited_for(tab: Page) -> None:
    tab.route("**/far-below.svg", lambda route: route.fulfill(body="<svg/>", content_type="image/svg+xml"))
    tab.set_content("""<title>Test</title><x-card></x-card><script>
      const root = document.querySelector('x-card').attachShadow({ mode: 'open' });
      root.innerHTML = '<p style="height:9000px"></p><img loading=lazy src="http://site/far-below.svg">';
    </script>""")
    image = tab.locator("x-card img")
    assert not image.evaluate("image => image.complete")
    stabilise.settle(tab, Stillness(time=False), Hearing())
    assert image.evaluate("image => image.complete")


def test_a_script_is_asked_of_the_page_and_of_every_frame(tab: Page) -> None:
    tab.set_content(f"<title>page</title>{framed('<title>one</title>' + framed('<title>two</title>'))}")
    tab.wait_for_function("frames[0]?.frames[0]?.document.title === 'two'")
    told = list(stabilise.in_frames(tab, "which => `${document.title} ${which}`", "outer", inside="inner"))
    assert told == ["page outer", "one inner", "two inner"]
