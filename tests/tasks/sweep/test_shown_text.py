"""Which texts a reader sees: what is in the document and cannot be seen is told, and what can be seen never is."""

from __future__ import annotations

import html
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tasks.sweep import stabilise
from tasks.sweep.shown_text import read

WORDS = "All is fine"
HIDDEN = "position:absolute;width:1px;height:1px;overflow:hidden;white-space:nowrap"


def headline(style: str, around: str = "") -> str:
    return f"<div style='{around}'><h1 style='{style}'>{WORDS}</h1></div>"


def framed(body: str, style: str = "") -> str:
    return f'<iframe title=inner style="{style}" srcdoc="{html.escape(body)}"></iframe>'


def component(body: str, style: str = "") -> str:
    return f"""<x-part style="{style}"></x-part><script>
      document.querySelector('x-part').attachShadow({{ mode: 'open' }}).innerHTML = `{body}`;
    </script>"""


OVER = "position:fixed;inset:0;background:#fff"
COVER = f"<div class=splash style='{OVER};%s'>%s</div>"
UNSEEN = {
    "opacity 0": (headline("opacity:0"), "its opacity is 0 (h1)"),
    "opacity 0 above": (headline("", "opacity:0"), "its opacity is 0 (div)"),
    "opacity 0 of a component's host": (component(headline(""), "opacity:0"), "its opacity is 0 (x-part)"),
    "opacity 0 of what a component holds": (component(headline("opacity:0")), "its opacity is 0 (h1)"),
    "opacity 0 of a frame": (framed(headline(""), "opacity:0"), "its opacity is 0 (iframe)"),
    "opacity 0 in a frame": (framed(headline("opacity:0")), "its opacity is 0 (h1)"),
    "a frame of no size": (framed(headline(""), "width:0;height:0"), "in a frame of no size"),
    "clip-path inset": (headline("clip-path:inset(50%)"), "cut to nothing (h1)"),
    "clip-path inset of one side": (headline("clip-path:inset(0 100% 0 0)"), "cut to nothing (h1)"),
    "clip-path inset with corners": (headline("clip-path:inset(100% round 4px)"), "cut to nothing (h1)"),
    "clip-path circle": (headline("clip-path:circle(0)"), "cut to nothing (h1)"),
    "clip": (headline("position:absolute;clip:rect(0 0 0 0)"), "cut to nothing (h1)"),
    "clip of one pixel": (headline("position:absolute;clip:rect(1px,1px,1px,1px)"), "cut to nothing (h1)"),
    "for screen readers": (headline(HIDDEN), "cut to nothing (h1)"),
    "a folded panel": (headline("", "height:0;overflow:hidden"), "cut to nothing (div)"),
    "a folded panel that holds its own": (
        headline("position:absolute", "position:relative;height:0;overflow:hidden"),
        "cut to nothing (div)",
    ),
    "no size of letters": (headline("font-size:0"), "have no size (h1)"),
    "scaled to nothing": (headline("transform:scale(0)"), "have no size (h1)"),
    "transparent letters": (headline("color:transparent"), "are transparent (h1)"),
    "transparent letters, newly written": (headline("color:oklch(50% 0.1 20 / 0)"), "are transparent (h1)"),
    "transparent fill": (headline("-webkit-text-fill-color:#fff0"), "are transparent (h1)"),
    "to the left": (headline("position:absolute;left:-9999px"), "nobody can scroll to (h1)"),
    "above": (headline("position:fixed;top:-400px"), "nobody can scroll to (h1)"),
    "under a splash screen": (headline("") + COVER % ("", "Loading"), "lies under div.splash"),
    "under a component": (component(headline("")) + COVER % ("", "Loading"), "lies under div.splash"),
    "in many elements": (
        headline("opacity:0").replace("is", "<b>is</b>"),
        "its opacity is 0 (h1)",
    ),
    "in capitals": (headline("opacity:0;text-transform:uppercase"), "its opacity is 0 (h1)"),
    "in two places": (headline("opacity:0") + headline("font-size:0"), "its opacity is 0 (h1)"),
    "beside one that is not drawn": (headline("display:none") + headline("opacity:0"), "its opacity is 0 (h1)"),
    "a paused animation": (
        "<style>@keyframes in { from { opacity: 0 } } h1 { animation: in 9s paused }</style>" + headline(""),
        "its opacity is 0 (h1)",
    ),
}
PICTURE = "<canvas style='position:absolute;inset:0' width=400 height=200></canvas>"
SEEN = {
    "plainly": headline(""),
    "almost see-through": headline("opacity:.05"),
    "in one place of two": headline("opacity:0") + headline(""),
    "in part": headline("").replace("fine", "<span style='opacity:0'>fine</span>"),
    "see-through until it is scrolled to": "<p style='height:3000px'>x</p>" + headline("opacity:0"),
    "fading in": "<style>@keyframes in { from { opacity: 0 } } h1 { animation: in 90s 60s both }</style>"
    + headline(""),
    "a gradient": headline("background:linear-gradient(red,blue);background-clip:text;color:transparent"),
    "a gradient around it": "<div style='background:linear-gradient(red,blue);-webkit-background-clip:text'>"
    + headline("-webkit-text-fill-color:transparent")
    + "</div>",
    "a gradient of one colour": headline("background-color:red;background-clip:text;color:transparent"),
    "a shadow": headline("color:transparent;text-shadow:0 0 2px #000"),
    "an outline": headline("color:transparent;-webkit-text-stroke:1px #000"),
    "transparent over a picture": PICTURE + headline("color:transparent;position:relative"),
    "transparent over a picture in a component": component(PICTURE) + headline("color:transparent;position:relative"),
    "see-through over a canvas": PICTURE + headline("opacity:0;position:relative"),
    "transparent colour, black fill": headline("color:transparent;-webkit-text-fill-color:#000"),
    "red": headline("color:rgb(255, 0, 0)"),
    "a logo in its place": headline(f"{HIDDEN};background:url(data:,)"),
    "a logo around it": headline(HIDDEN, "background:url(data:,)"),
    "a logo by its indent": headline("text-indent:-9999px;overflow:hidden;background:url(data:,)"),
    "the words of another": "<style>h1 { font-size: 0 } h1::before { content: 'All is fine'; font-size: 20px }</style>"
    + headline(""),
    "clipped a little": headline("clip-path:inset(5%)"),
    "clipped by a calculation": headline("clip-path:inset(calc(10% + 2px))"),
    "clip without a position": headline("clip:rect(0 0 0 0)"),
    "past a part of no height": headline("position:absolute", "height:0;overflow:hidden"),
    "fixed, past a part of no height": headline("position:fixed", "position:relative;height:0;overflow:hidden"),
    "out of a part of no height": headline("", "height:0"),
    "in a line": f"<p style='overflow:hidden'><span style='overflow:hidden'>{WORDS}</span></p>",
    "in no box": f"<p><span style='display:contents;overflow:hidden'>{WORDS}</span></p>",
    "in a body of no height": "<style>body { height: 0; overflow: hidden }</style>" + headline(""),
    "a slide that went by": "<div style='overflow:hidden;width:300px'>"
    + headline("", "position:relative;left:-300px")
    + "</div>",
    "a drawer that is moved aside": headline("transform:translateX(-2000px)"),
    "the beginning of what is scrolled": "<div id=log style='overflow:auto;height:100px'>"
    + headline("")
    + "<p style='height:2000px'>x</p></div><script>document.querySelector('#log').scrollTop = 1500</script>",
    "to the left, where that is forth": "<script>document.documentElement.dir = 'rtl'</script>"
    + headline("position:absolute;left:-300px")
    + "<p style='width:3000px'>x</p>",
    "below": headline("position:absolute;top:4000px"),
    "in a list of choices": f"<select><option>One<option>{WORDS}</select>",
    "in a drawing": f"<svg width=200 height=50><text y=20 style='color:transparent'>{WORDS}</text></svg>",
    "on what fills the window": f"<div style='{OVER}'>{headline('')}</div>",
    "above what fills the window": COVER % ("z-index:-1", "") + headline(""),
    "above what fills the window, past the pointer": COVER % ("", "")
    + headline("position:relative;pointer-events:none"),
    "inert above what fills the window": COVER % ("", "") + f"<div inert>{headline('position:relative')}</div>",
    "under a banner": headline("") + COVER % ("bottom:auto;height:90%", "Cookies"),
    "under a veil": headline("") + COVER % ("opacity:.9", "Wait"),
    "under a thin veil": headline("") + COVER % ("background:#fff8", "Wait"),
    "under a veil of a veil": headline("") + f"<div style='opacity:.5'>{COVER % ('', 'Wait')}</div>",
    "under a light": headline("") + COVER % ("mix-blend-mode:multiply", ""),
    "under a hole": headline("") + COVER % ("clip-path:circle(9px at 700px 500px)", ""),
    "under what catches clicks": headline("")
    + "<button style='position:fixed;bottom:0;background:#fff'>Close<style>button::after { content: ''; inset: 0;"
    + " position: fixed }</style></button>",
    "below what covers the first screen": "<p style='height:900px'>x</p>" + headline("") + COVER % ("", "Loading"),
    "in a dialog": headline("")
    + "<dialog>One thing first</dialog><script>document.querySelector('dialog').showModal()</script>",
}


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Page:
    return browser.new_page(viewport={"width": 800, "height": 600})


def unseen(tab: Page, body: str, *wanted: str) -> dict[str, str]:
    tab.goto("about:blank")
    tab.set_content(f"<!doctype html><title>Test</title><body><p>words</p>{body}", wait_until="load")
    return dict(stabilise.shown_text(tab, wanted).unseen)


@pytest.mark.real
@pytest.mark.parametrize("name", UNSEEN)
def test_what_nobody_sees_is_told(name: str, tab: Page) -> None:
    body, why = UNSEEN[name]
    words = WORDS.upper() if "uppercase" in body else WORDS
    assert why in unseen(tab, body, words)[words]


@pytest.mark.real
@pytest.mark.parametrize("name", SEEN)
def test_what_can_be_seen_is_not_told(name: str, tab: Page) -> None:
    assert unseen(tab, SEEN[name], WORDS) == {}
    assert WORDS in " ".join(stabilise.shown_text(tab).text.split())


@pytest.mark.real
def test_a_text_of_two_frames_is_seen_in_the_one_that_shows_it(tab: Page) -> None:
    assert unseen(tab, framed(headline("opacity:0")) + framed(headline("")), WORDS) == {}


@pytest.mark.real
def test_a_text_in_more_places_than_are_looked_at_is_not_told(tab: Page) -> None:
    once = headline("font-size:0")
    assert (len(unseen(tab, once * 100, WORDS)), len(unseen(tab, once * 201, WORDS))) == (1, 0)


def slotted(light: str, shadow: str) -> str:
    return component(shadow).replace("></x-part>", f">{light}</x-part>")


READ = {
    "a sentence with a slot": slotted("is <b>fine</b>", "<h1>All <slot></slot></h1>"),
    "a sentence with a slot that nobody fills": component("<h1>All <slot>is fine</slot></h1>"),
    "a sentence around a component": "<p>All " + component("is") + " fine</p>",
    "a sentence without an element": component("All is fine"),
    "a sentence around an element": component("All <b>i</b>s fine"),
    "blocks": component("<div>All</div><div>is fine</div>"),
    "a slot in a slot": slotted("is", "<h1>All <x-in><slot></slot></x-in> fine</h1>").replace(
        "innerHTML =", "innerHTML="
    )
    + "<script>document.querySelector('x-part').shadowRoot.querySelector('x-in').attachShadow({ mode: 'open' })"
    + ".innerHTML = '<i><slot></slot></i>'</script>",
    "a word that may be parted": "<h1>A&shy;ll is&#8203; fi&#8288;ne</h1>",
}
NOT_READ = {
    "a part that is not drawn": slotted("<b hidden>is</b>", "<h1>All <slot></slot> fine</h1>"),
    "a part that is hidden": slotted("<b style='visibility:hidden'>is</b>", "<h1>All <slot></slot> fine</h1>"),
    "what no slot takes": slotted(WORDS, "<h1>All <slot name=other></slot></h1>"),
    "what is in a place that is not drawn": slotted("is", "<h1 hidden>All <slot></slot> fine</h1>"),
    "styles and scripts": component("<style>/* All is fine */</style><script>/* All is fine */<\\/script>"),
}


@pytest.mark.real
@pytest.mark.parametrize("name", READ)
def test_what_components_compose_is_read_as_one(name: str, tab: Page) -> None:
    assert unseen(tab, READ[name], WORDS) == {}
    assert stabilise.shown_text(tab, [WORDS]).lacks([WORDS]) == []


@pytest.mark.real
@pytest.mark.parametrize("name", NOT_READ)
def test_what_components_do_not_show_is_not_read(name: str, tab: Page) -> None:
    unseen(tab, NOT_READ[name], WORDS)
    assert stabilise.shown_text(tab, [WORDS]).lacks([WORDS]) == [WORDS]


@pytest.mark.real
def test_a_text_is_not_read_twice_for_a_component_beside_it(tab: Page) -> None:
    unseen(tab, "<h1>All is fine" + component("<img alt=''>") + "</h1>")
    assert stabilise.shown_text(tab).text.count(WORDS) == 1


def document(text: str, unseen: list[Any], there: list[Any]) -> dict[str, Any]:
    return {"text": text, "unseen": unseen, "there": there}


def test_a_wanted_text_is_lacking_when_it_is_not_there_or_nobody_sees_it() -> None:
    wanted = ["A", "B", "C"]
    shown = read([document("A B", ["", "its opacity is 0", ""], [True, True, False])], wanted)
    assert (shown.lacks(wanted), shown.unseen) == (["B", "C"], {"B": "its opacity is 0"})


@pytest.mark.parametrize(
    "told",
    [None, "A", {}, document("A", [], []), document("A", [{}], [True]), document("A", [""], [True, True])],
    ids=["nothing", "a text", "no field", "too few", "no words", "too many"],
)
def test_a_page_that_tells_something_else_is_no_text(told: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read([told], ["A"])
