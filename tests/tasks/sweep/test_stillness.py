"""The recipe reaches every frame inside a page: what moves there would move in the page's picture."""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageColor
from playwright.sync_api import Browser, Error, Page, ViewportSize
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

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
def tab(browser: Browser) -> Page:
    return browser.new_page(viewport={"width": 500, "height": 300})


def framed(content: str) -> str:
    return f'<iframe width=450 height=250 srcdoc="{html.escape(content)}"></iframe>'


def still_picture(tab: Page, body: str, still: Stillness) -> stabilise.Picture:
    hearing = Hearing()
    tab.set_content(f"<!doctype html><title>Test</title><body>{body}")
    stabilise.settle(tab, still, hearing)
    return stabilise.capture(tab, [], still, hearing)


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
    assert picture.log[-1] == "frames: no two of 8 were equal"


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


LISTENS = """<!doctype html><title>Test</title><p id=told></p><script>
  new WebSocket(location.href.replace('http', 'ws') + 'socket').onmessage = event => { told.append(event.data); };
</script>"""


@contextmanager
def speaking(times: int) -> Iterator[str]:
    """The address of a page with a socket that says a letter every 0.6 s, so many times, and stays open."""

    def page(connection: ServerConnection, request: Request) -> Response | None:
        answer = connection.respond(HTTPStatus.OK, LISTENS)
        del answer.headers["Content-Type"]
        answer.headers["Content-Type"] = "text/html"
        return answer if request.path == "/" else None

    def speak(socket: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            for _ in range(times):
                time.sleep(0.6)
                socket.send("x")
            socket.recv()

    with serve(speak, "127.0.0.1", 0, process_request=page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}/"
        server.shutdown()
    thread.join()


def settled(tab: Page, body: str) -> list[str]:
    tab.goto("about:blank")
    tab.set_content(f"<!doctype html><title>Test</title><body>{body}")
    return stabilise.settle(tab, Stillness(time=False), Hearing())


@pytest.mark.parametrize(
    ("times", "told", "silent"),
    [(5, "xxxxx", True), (60, "xxxxxxx", False)],
    ids=["until it says no more", "but not for ever"],
)
def test_what_a_socket_brings_is_waited_for(times: int, told: str, silent: bool, tab: Page) -> None:
    hearing = Hearing()
    hearing.listen(tab)
    with speaking(times) as address:
        tab.goto(address)
        log = stabilise.settle(tab, Stillness(time=False), hearing)
        assert str(tab.text_content("#told")).startswith(told)
        assert ("a socket never silent within 5 s" not in log) is silent
        tab.goto("about:blank")


BUSY = "<p aria-busy=true %s>x</p><script>setTimeout(() => document.querySelector('p').ariaBusy = %s, 3000)</script>"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (BUSY % ("", "'false'"), "images: all complete"),
        (BUSY % ("", "'true'"), "0 images still loading, 1 parts still busy after 5 s"),
        (BUSY % ("hidden", "'true'"), "images: all complete"),
    ],
    ids=["for a while", "for ever", "unseen"],
)
def test_what_says_that_it_is_busy_is_waited_for(body: str, says: str, tab: Page) -> None:
    assert says in settled(tab, body)


LATE = """<p>The report</p><script>
  const told = document.createElement('p');
  setTimeout(() => { told.textContent = 'Figures of %s'; document.body.append(told); }, 2500);
</script>"""


@pytest.mark.parametrize(
    ("must_show", "says"),
    [
        (["The report"], None),
        (["Figures  of May"], "what the page must show came after"),
        (["Figures of June", "The report"], "not shown within 10 s: 'Figures of June'"),
    ],
    ids=["there", "late", "never"],
)
def test_what_the_page_must_show_is_waited_for(must_show: list[str], says: str | None, tab: Page) -> None:
    tab.goto("about:blank")
    tab.set_content(LATE % "May")
    log = stabilise.settle(tab, Stillness(time=False), Hearing(), must_show)
    told = [line for line in log if "show" in line]
    assert [says is not None and line.startswith(says) for line in told] == [True] * (says is not None)


# A page that fetches one part after the other: the network is quiet while the processor works on what it brought.
DRAWN = """<ul></ul><script>
  const list = document.querySelector('ul');
  const draw = () => {
    list.insertAdjacentHTML('beforeend', '<li>row</li>');
    if (list.childElementCount < %s) setTimeout(draw, 40);
  };
  setTimeout(draw, 700);
</script>"""


@pytest.mark.parametrize(("rows", "says"), [("30", False), ("1e9", True)], ids=["for a while", "for ever"])
def test_a_page_that_is_being_drawn_is_waited_for(rows: str, says: bool, browser: Browser) -> None:
    still = Stillness(time=False)
    with browser.new_context() as context:
        tab = context.new_page()
        stabilise.stop_time(context, still)
        stabilise.prepare(tab, still)
        tab.route("**/*", lambda route: route.fulfill(body=DRAWN % rows, content_type="text/html"))
        tab.goto("http://site/")
        log = stabilise.settle(tab, still, Hearing())
        assert ("still being drawn after 12 steps" in log) is says
        assert tab.locator("li").count() >= 30


WAITS = """<style>p { height: 900px }</style><p>top</p><p>more</p><p id=late>Loading</p><script>
  new IntersectionObserver(([seen]) => {
    if (seen.isIntersecting) document.getElementById('late').textContent = 'Figures';
  }).observe(document.getElementById('late'));
</script>"""
SPIES = """<style>section { height: 900px }</style><nav></nav><section id=one></section><section id=two></section>
<script>
  const menu = document.querySelector('nav');
  const spy = new IntersectionObserver(seen => {
    for (const { target, isIntersecting } of seen) if (isIntersecting) menu.textContent = target.id;
  });
  document.querySelectorAll('section').forEach(section => spy.observe(section));
</script>"""
NEVER_ENDS = """<ul></ul><b>end</b><script>
  new IntersectionObserver(([seen]) => {
    if (seen.isIntersecting) document.querySelector('ul').insertAdjacentHTML('beforeend', '<li style="height:900px">');
  }).observe(document.querySelector('b'));
</script>"""


@pytest.mark.parametrize(
    ("body", "recipe", "shows", "screens"),
    [
        (WAITS, {}, "Figures", 9),
        (WAITS, {"time": True}, "Figures", 9),
        (WAITS, {"images": False}, "Loading", 0),
        (SPIES, {}, "one", 6),
        ("<p style='height:9000px'>No observer</p>", {}, "No observer", 0),
    ],
    ids=["waits to be seen", "with its clock stopped", "left alone", "a menu that follows", "waits not"],
)
def test_what_waits_to_be_scrolled_to_is_scrolled_to(
    body: str, recipe: dict[str, Any], shows: str, screens: int, browser: Browser
) -> None:
    text, told = scrolled_through(browser, body, Stillness(**{"time": False, **recipe}))
    assert shows in text
    assert told == [f"scrolled through for what waits to be seen: {screens} screens"][: bool(screens)]


def test_a_page_that_grows_as_it_is_scrolled_is_scrolled_as_far_as_it_is_pictured(browser: Browser) -> None:
    text, told = scrolled_through(browser, NEVER_ENDS, Stillness(time=False, most_height=2_000))
    assert text.endswith("end")
    assert told[0] <= "scrolled through for what waits to be seen: 6 screens"


def scrolled_through(browser: Browser, body: str, still: Stillness) -> tuple[str, list[str]]:
    """The page's text when it has come to rest at its top, and what the recipe said of scrolling."""
    with browser.new_context(viewport={"width": 500, "height": 300}) as context:
        tab = context.new_page()
        stabilise.stop_time(context, still)
        stabilise.prepare(tab, still)
        tab.route("**/*", lambda route: route.fulfill(body=f"<!doctype html>{body}", content_type="text/html"))
        tab.goto("http://site/")
        log = stabilise.settle(tab, still, Hearing())
        assert tab.evaluate("scrollY") == 0
        return stabilise.shown_text(tab).text, [line for line in log if line.startswith("scrolled through")]


SHELL = "<style>body { margin: 0 } main { height: 100vh; overflow-y: auto } p { height: %s; margin: 0 }</style>"
ROWS = "<main>" + "".join(f"<p>{number}</p>" for number in range(20)) + "</main>"
WIDE, TALL = {"width": 500, "height": 300}, {"width": 500, "height": 2000}


def unfolded(tab: Page, body: str, **still: Any) -> tuple[stabilise.Unfolding, ViewportSize | None, stabilise.Picture]:
    """What was done, the window then, and the picture; the window is brought back."""
    tab.goto("about:blank")  # what a page did to its own functions stays with it
    tab.set_content(f"<!doctype html><title>Test</title><body>{body}")
    recipe, hearing = Stillness(time=False, **still), Hearing()
    try:
        unfolding = stabilise.unfold(tab, recipe, hearing)
        return unfolding, tab.viewport_size, stabilise.capture(tab, [], recipe, hearing, unfolding.hidden)
    finally:
        tab.set_viewport_size({"width": 500, "height": 300})


def height_of(picture: stabilise.Picture) -> int:
    with Image.open(BytesIO(picture.content)) as image:
        return image.height


def test_content_that_scrolls_in_a_part_of_its_own_is_pictured_to_its_end(tab: Page) -> None:
    told, window, picture = unfolded(tab, SHELL % "100px" + ROWS)
    assert (window, height_of(picture), picture.clipped_at) == (TALL, 2000, None)
    assert told.log[0] == "a part that scrolls by itself was unfolded: the window is 2000 px tall"
    assert (told.hidden, told.smaller_parts) == (0, 0)


def test_what_comes_into_view_may_bring_more(tab: Page) -> None:
    more = """<script>
      const main = document.querySelector('main');
      new IntersectionObserver(([seen]) => {
        if (!seen.isIntersecting || main.childElementCount > 25) return;
        main.insertAdjacentHTML('beforeend', '<p></p>'.repeat(6));
      }).observe(main.lastElementChild);
    </script>"""
    _, window, _ = unfolded(tab, SHELL % "100px" + ROWS + more)
    assert window == {"width": 500, "height": 2600}


MODAL = "<div style='position:fixed; inset:0; overflow:auto; %s'><p>a</p><p>b</p><p>c</p><p>d</p></div>"


@pytest.mark.parametrize(
    ("body", "hidden", "smaller_parts"),
    [
        (SHELL % "100vh" + ROWS, 5700, 0),
        (SHELL % "100px" + ROWS.replace("<main>", "<main style='height:200px'>"), 1800, 0),
        (SHELL % "100px" + ROWS.replace("<main>", "<main style='height:100px'>"), 0, 1),
        (SHELL % "100px" + "<main style='height:auto; overflow-x:auto'><p style='width:900px'>wide</p></main>", 0, 1),
        (SHELL % "100px" + ROWS.replace("<main>", "<main style='overflow:hidden'>"), 0, 0),
        (SHELL % "100px" + MODAL % "visibility:hidden", 0, 0),
        (SHELL % "100px" + MODAL % "opacity:0", 0, 0),
        (SHELL % "100px" + "<style>body { height: 100%; overflow: auto }</style>" + ROWS.replace("main", "div"), 0, 0),
        ("<script>Object.defineProperty(Element.prototype, 'scrollHeight', { get: () => NaN })</script>", 0, 0),
    ],
    ids=[
        "as tall as the window", "of fixed height", "a small part", "a wide table", "cut off for good",
        "a closed modal", "a faded one", "the window's", "no number",
    ],
)  # fmt: skip
def test_a_window_that_would_show_no_more_stays_as_it_is_and_what_is_hidden_is_told(
    body: str, hidden: int, smaller_parts: int, tab: Page
) -> None:
    told, window, _ = unfolded(tab, body)
    says = (f"a part that scrolls by itself hides {hidden} px of itself",) if hidden else ()
    assert window == WIDE
    assert told == stabilise.Unfolding(says, hidden, smaller_parts)


@pytest.mark.parametrize(
    ("recipe", "row", "height", "clipped_at"),
    [
        ({}, "1000px", 15_000, 15_000),
        ({"most_height": 700}, "100px", 700, None),
        ({"unfolded": False}, "9px", 300, None),
    ],
    ids=["taller than a picture may be", "as tall as the plan says", "switched off"],
)
def test_a_picture_is_as_tall_as_it_may_be(
    recipe: dict[str, Any], row: str, height: int, clipped_at: int | None, tab: Page
) -> None:
    _, _, picture = unfolded(tab, SHELL % row + ROWS, **recipe)
    assert (height_of(picture), picture.clipped_at) == (height, clipped_at)


COLOURS = ["red", "lime", "blue", "yellow"]
SNAPS = """<style>body { margin: 0 } main { height: 100vh; overflow-y: scroll; scroll-snap-type: y mandatory }
section { height: 100vh; scroll-snap-align: start } %s</style><main>
""" + "".join(f"<section style='background: {colour}'></section>" for colour in COLOURS)
FIXED = (
    "<style>body { margin: 0 } section { height: 170px } main { height: 200px; overflow: auto } %s</style><main>"
    + ("".join(f"<section style='background: {colour}'></section>" for colour in COLOURS))
)
OVERHANGS = """<style>body { margin: 0 } main { height: 100vh; overflow: auto }
header { height: 60px; background: red } section { min-height: 100vh; background: linear-gradient(lime 50%%, blue 0) }
%s</style><main><header></header><section></section>"""
GROWS = (
    SNAPS
    + """<script>
  const main = document.querySelector('main');
  main.onscroll = () => main.insertAdjacentHTML('beforeend', '<section>more</section>');
</script>"""
)


@pytest.mark.parametrize(
    ("body", "recipe", "colours", "height", "hidden", "clipped_at"),
    [
        (SNAPS % "", {}, {150: "red", 450: "lime", 750: "blue", 1050: "yellow"}, 1200, 0, None),
        (FIXED % "", {}, {85: "red", 185: "lime", 320: "lime", 500: "blue", 700: "yellow"}, 780, 0, None),
        (
            FIXED % "main { height: 400px; margin: 100px 0 0 9px; width: 300px }", {},
            {50: "white", 150: "red", 490: "blue", 600: "blue", 620: "yellow", 779: "yellow"}, 780, 0, None,
        ),
        (OVERHANGS % "", {}, {30: "red", 80: "lime", 290: "blue", 359: "blue"}, 360, 0, None),
        (SNAPS % "", {"most_height": 700}, {150: "red", 450: "lime", 699: "blue"}, 700, 500, None),
        (SNAPS % "", {"unfolded": False}, {150: "red"}, 300, 900, None),
        (GROWS % "", {}, {150: "red", 850: "blue"}, 900, None, 900),
    ],
    ids=["screens that snap", "of fixed height", "below the window", "always more than the window", "as the plan says",
         "switched off", "without end"],
)  # fmt: skip
def test_what_no_window_shows_is_scrolled_to_and_laid_below(
    body: str, recipe: dict[str, Any], colours: dict[int, str], height: int, hidden: int | None,
    clipped_at: int | None, tab: Page, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(stabilise, "MAX_HEIGHT", 900 if "onscroll" in body else stabilise.MAX_HEIGHT)
    _, window, picture = unfolded(tab, body, **recipe)
    with Image.open(BytesIO(picture.content)) as image:
        shown = {y: image.convert("RGB").getpixel((20, y)) for y in colours}
    assert shown == {y: ImageColor.getrgb(colour) for y, colour in colours.items()}
    assert (height_of(picture), picture.clipped_at, picture.stable, window) == (height, clipped_at, True, WIDE)
    assert picture.hidden == (picture.hidden if hidden is None else hidden)


def test_what_a_part_skips_as_it_is_scrolled_is_not_taken_for_seen(tab: Page) -> None:
    jumps = "<script>const m = document.querySelector('main'); m.onscroll = () => m.scrollTo(0, 9000)</script>"
    _, _, picture = unfolded(tab, SNAPS % "main { scroll-snap-type: none }" + jumps)
    assert (picture.hidden, picture.clipped_at, height_of(picture)) == (900, 300, 300)


def test_a_page_wider_than_a_picture_is_cut_off(tab: Page) -> None:
    _, _, picture = unfolded(tab, "<div style='width: 9000px'>wide</div>")
    assert (picture.clipped_at, picture.hidden) == (300, 0)


def test_a_part_that_is_taken_away_is_no_picture_of_its_rest(tab: Page) -> None:
    gone = "<script>document.querySelector('main').onscroll = event => event.target.remove()</script>"
    with pytest.raises(Error, match="was taken away"):
        unfolded(tab, SNAPS % "" + gone)


def frame(*, size: tuple[int, int] = (4, 3), corner: tuple[int, int, int] = (200, 10, 30)) -> bytes:
    picture, encoded = Image.new("RGB", size, (200, 10, 30)), BytesIO()
    picture.putpixel((0, 0), corner)
    picture.save(encoded, "PNG")
    return encoded.getvalue()


@pytest.mark.parametrize(
    ("other", "still"),
    [
        (frame(), True),
        (frame(corner=(202, 8, 30)), True),
        (frame(corner=(200, 10, 33)), False),
        (frame(size=(4, 4)), False),
    ],
    ids=["equal", "rounding", "another colour", "another size"],
)
def test_frames_may_differ_by_rounding_and_no_more(other: bytes, still: bool) -> None:
    assert stabilise.alike(frame(), other) is still


def test_a_script_is_asked_of_the_page_and_of_every_frame(tab: Page) -> None:
    tab.set_content(f"<title>page</title>{framed('<title>one</title>' + framed('<title>two</title>'))}")
    tab.wait_for_function("frames[0]?.frames[0]?.document.title === 'two'")
    told = list(stabilise.in_frames(tab, "which => `${document.title} ${which}`", "outer", inside="inner"))
    assert told == ["page outer", "one inner", "two inner"]
