"""Walks by keyboard through pages with known barriers, and through pages that only look as if they had one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import psutil
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from tasks.sweep.keyboard import Walk, keyboard_evidence, walk
from tests.flows.hostile_server import hostile_server, page
from tests.flows.looking import new_workspace

pytestmark = pytest.mark.real

SIZE = {"width": 800, "height": 600}
ENDS = "<a href=#x id=first>First</a>{}<a href=#y id=last>Last</a>"


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport=SIZE) as context:
        yield context.new_page()


def walked(tab: Page, body: str, head: str = "") -> Walk:
    """Walk through a page made of this body."""
    tab.set_content(f"<!doctype html><html lang=en><head><title>Test</title>{head}</head><body>{body}</body></html>")
    return walk(tab)


def order(seen: Walk) -> list[str]:
    return [stop.selector for stop in seen.details.stops]


def between(tab: Page, body: str, head: str = "") -> Walk:
    """Walk through a page with this between two links; it must come to its end without a false alarm elsewhere."""
    seen = walked(tab, ENDS.format(body), head)
    assert seen.problem is None
    assert {"#first", "#last"} <= set(order(seen))
    return seen


def no_way(seen: Walk) -> list[tuple[str, str]]:
    return [(target.selector, target.path) for target in seen.details.mouse_only]


# -- click handlers ----------------------------------------------------------------------------------------------------

MOUSE_ONLY = {
    "onclick": "<div id=x onclick='go()'>Open</div>",
    "listener": "<div id=x style='cursor:pointer'>Open</div><script>x.addEventListener('click',()=>1)</script>",
    "listener that nothing shows": "<p id=x>Open</p><script>x.addEventListener('mouseup',()=>1)</script>",
    "listener in a shadow root": "<div id=x></div><script>x.attachShadow({mode:'open'}).innerHTML='<p>Open</p>';"
    "x.shadowRoot.firstChild.addEventListener('click',()=>1)</script>",
    "role": "<span id=x role=button>Open</span><script>x.onclick=()=>1</script>",
    "label of a hidden field": "<label id=x style='cursor:pointer'>Up<input type=file style='display:none'></label>",
    "in a shadow root": "<div id=x></div><script>x.attachShadow({mode:'open'}).innerHTML="
    "'<div onclick=go()>Open</div>'</script>",
}


@pytest.mark.parametrize("name", MOUSE_ONLY)
def test_a_click_without_a_way_for_the_keyboard_is_found(name: str, tab: Page) -> None:
    ((selector, path),) = no_way(between(tab, MOUSE_ONLY[name]))
    assert (selector.partition(" >>> ")[0], path) == ("#x", "none")


SIGNS = {
    "onclick": {"click listener", "onclick attribute"},
    "listener": {"click listener", "pointer cursor"},
    "listener that nothing shows": {"pointer listener"},
    "listener in a shadow root": {"click listener"},
    "role": {"click listener", "role"},
    "label of a hidden field": {"label of a hidden control", "pointer cursor"},
}


@pytest.mark.parametrize("name", SIGNS)
def test_it_is_told_why_something_is_taken_for_clickable(name: str, tab: Page) -> None:
    (target,) = between(tab, MOUSE_ONLY[name]).details.mouse_only
    assert set(target.signs) == SIGNS[name]


ALL_HAVE_A_WAY = {
    "delegate on the body": "<p>Text</p><script>document.body.addEventListener('click',()=>1)</script>",
    "listener on a wrapper": "<div id=w><button>Open</button> or text</div><script>w.onclick=()=>1</script>",
    "delegate on a wrapper": "<div onclick='go()'><button>Open</button> or text</div>",
    "label": "<label onclick='go()' style='cursor:pointer'>Name <input></label>",
    "inside a button": "<button><span style='cursor:pointer' onclick='go()'>Open</span></button>",
    "tabindex and keys": "<div tabindex=0 role=button onclick='go()' onkeydown='go()'>Open</div>",
    "keys that what holds it hears": "<div onkeyup='go()'><div tabindex=0 role=button onclick='go()'>Open</div></div>",
    "keys that React hears for it": "<div id=x tabindex=0 role=button onclick='go()'>Open</div>"
    "<script>x['__reactProps$k1']={onKeyDown(){go()}}</script>",
    "keys that its component hears": "<div id=x></div><script>x.attachShadow({mode:'open'}).innerHTML="
    "'<div tabindex=0 role=button onclick=go()>Open</div>';x.shadowRoot.addEventListener('keydown',()=>go())</script>",
    "a role, where clicks and keys are heard for others": "<div tabindex=0 role=button>Open</div>"
    "<script>document.onclick=document.onkeydown=()=>go()</script>",
    "what no pointer meets": "<div style='pointer-events:none' onclick='go()'>Open</div>",
    "an answer to the focus itself": "<div tabindex=0 role=button onclick='go()' onfocus='go()'>Open</div>",
    "a scroller that hears keys": "<div tabindex=0 onkeydown='go()'><p onclick='go()'>Open</div>",
    "a scroller that holds controls": "<div tabindex=0 onclick='go()' role=button><button>Open</button></div>",
    "hidden": "<div onclick='go()' hidden>Open</div><div inert><div onclick='go()'>Open</div></div>",
    "roving tabindex": "<div role=toolbar onkeydown='go()'><button tabindex=0 onclick='go()'>B</button>"
    "<button tabindex=-1 onclick='go()'>I</button></div>",
    "list of a combobox": "<input role=combobox aria-controls=l onkeydown='go()'><ul role=listbox id=l>"
    "<li role=option onclick='go()' style='cursor:pointer'>One</li></ul>",
    "chart in SVG": "<svg tabindex=0 style='outline:0' width=90 height=40><rect width=90 height=40 /></svg>",
    "tabs that arrows lead to": "<div role=tablist><button role=tab>A</button>"
    "<button role=tab tabindex=-1 id=b>B</button></div>"
    "<script>b.previousSibling.addEventListener('keydown',()=>b.focus())</script>",
    "tabs that are all in the order of Tab": "<div role=tablist><button role=tab>A</button>"
    "<button role=tab>B</button></div>",
    "list of tabs that hands its focus on": "<div role=tablist tabindex=0 id=t onkeydown='go()'>"
    "<button role=tab tabindex=-1 id=a>A</button><button role=tab tabindex=-1>B</button></div>"
    "<script>t.onfocus=()=>{a.tabIndex=0;a.focus()}</script>",
    "around a tab that arrows lead to": "<div role=tablist onkeydown='go()'><p><button role=tab>A</button></p>"
    "<p onclick='go()' style='cursor:pointer'><b role=tab tabindex=-1>B</b></p></div>",
    "a component's own label": "<div id=x></div><script>x.attachShadow({mode:'open'}).innerHTML="
    "'<label onclick=go()>Name</label><input>'</script>",
    "a field that carries a value into a form": "<div aria-hidden=true><input tabindex=-1></div>",
    "radio group": "<label><input type=radio name=r>One</label><label><input type=radio name=r>Two</label>",
}


@pytest.mark.parametrize("name", ALL_HAVE_A_WAY)
def test_what_the_keyboard_has_a_way_to_is_no_barrier(name: str, tab: Page) -> None:
    seen = between(tab, ALL_HAVE_A_WAY[name])
    assert no_way(seen) == []
    assert seen.details.unreached == ()


KEYLESS = {
    "a button that is none": ("<div id=x tabindex=0 role=button onclick='go()'>Open</div>", ["keyless"]),
    "a role without any script": ("<div id=x tabindex=0 role=button style='cursor:pointer'>Open</div>", ["keyless"]),
    "a label that has the focus in place of its field": (
        "<label id=x tabindex=0 style='cursor:pointer'>Up<input type=file style='display:none'></label>",
        ["keyless"],
    ),
    "inside a part that scrolls": (
        "<div style='height:60px;overflow:auto'><p id=x style='cursor:pointer;height:99px' onclick='go()'>Open</div>",
        ["none"],
    ),
    "inside a part that can have the focus": ("<div tabindex=0><p id=x onclick='go()'>Open</p></div>", ["none"]),
    "beside a button in one component around all": (
        "<div id=x></div><script>x.attachShadow({mode:'open'}).innerHTML="
        "'<button>B</button><p onclick=go()>Open'</script>",
        ["none"],
    ),
    "tabs": (
        "<div role=tablist><button role=tab>A</button><button role=tab tabindex=-1 id=x>B</button></div>",
        ["none"],
    ),
    "a list that has the focus": (
        "<ul role=listbox tabindex=0><li role=option id=x onclick='go()'>One</ul>",
        ["none"],
    ),
    "radio buttons that are none": (
        "<div role=radiogroup><p id=a role=radio tabindex=0 onclick='go()'>A"
        "<p id=b role=radio tabindex=-1 onclick='go()'>B</div>",
        ["keyless", "none"],
    ),
    "keys are heard elsewhere": (
        "<p onkeydown='go()'>Text</p><div id=x tabindex=0 role=button onclick='go()'>Open</div>",
        ["keyless"],
    ),
    "a key is kept from others": (
        "<div id=x tabindex=0 role=button onclick='go()'>Open</div>"
        "<script>x['__reactProps$k1']={onKeyDown:e=>e.stopPropagation()}</script>",
        ["keyless"],
    ),
    "the document hears keys, for whatever": (
        "<div id=x tabindex=0 role=button onclick='go()'>Open</div><script>document.onkeydown=()=>go()</script>",
        ["unsure"],
    ),
    "the window hears keys, for whatever": (
        "<div role=tablist><button role=tab>A</button><button role=tab tabindex=-1 id=x>B</button></div>"
        "<script>addEventListener('keyup',()=>go())</script>",
        ["unsure"],
    ),
    "what lies over the whole window hears keys": (
        "<div style='position:fixed;inset:0' onkeydown='go()'><p id=x tabindex=0 role=button onclick='go()'>Open</div>",
        ["unsure"],
    ),
    "a closed component, whatever it hears": (
        "<x-y id=x tabindex=0 onclick='go()' style='display:block'>Open</x-y>"
        "<script>x.attachShadow({mode:'closed'}).innerHTML='<slot></slot>'</script>",
        ["unsure"],
    ),
    "a carousel with steps": (
        "<div><button>Next</button><div role=tablist><button role=tab>1</button>"
        "<button role=tab tabindex=-1 id=x>2</button></div></div>",
        ["unsure"],
    ),
    "a list beside a field": (
        "<input role=combobox aria-controls=l><ul role=listbox id=l><li role=option onclick='go()'>One</ul>",
        ["unsure"],
    ),
}


@pytest.mark.parametrize("name", KEYLESS)
def test_what_has_the_focus_and_hears_no_key_is_no_way(name: str, tab: Page) -> None:
    body, ways = KEYLESS[name]
    assert [path for _, path in no_way(between(tab, body))] == ways


# What libraries leave on elements for which they listen at a root
REACT = "x['__reactProps$k1']={onClick(){go()}}"
HAND = "<div id=x style='cursor:pointer'>Open</div>"
DELEGATED = {
    "React": (REACT, "click listener"),
    "React, with the empty handler it gives an element": (f"{REACT};x.onclick=function(){{}}", "click listener"),
    "React 16": ("x['__reactEventHandlers$k1']={onClick(){go()}}", "click listener"),
    "React, on the way down": ("x['__reactProps$k1']={onClickCapture(){go()}}", "click listener"),
    "React, a press": ("x['__reactProps$k1']={onMouseDown(){go()}}", "pointer listener"),
    "Solid": ("x.$$click=()=>go()", "click listener"),
    "Solid, with data": ("x.$$click=[id=>go(id),7]", "click listener"),
    "Svelte": ("x[Symbol('events')]={click:()=>go()}", "click listener"),
    "Svelte 5.0": ("x.__click=[id=>go(id),7]", "click listener"),
    "jQuery": ("document.jQuery400={events:{click:[{selector:'#x',handler(){go()}}]}}", "click listener"),
    "a mark that is broken beside one that is not": (
        "Object.defineProperty(first,'$$click',{enumerable:true,get(){throw 1}});x.$$click=()=>go()",
        "click listener",
    ),
}


@pytest.mark.parametrize("name", DELEGATED)
def test_a_handler_that_a_library_hears_for_at_a_root_is_found(name: str, tab: Page) -> None:
    script, sign = DELEGATED[name]
    (target,) = between(tab, f"{HAND}<script>{script}</script>").details.mouse_only
    assert (target.selector, target.path, set(target.signs)) == ("#x", "none", {sign, "pointer cursor"})


def test_a_handler_that_a_library_hears_for_is_found_in_a_shadow_root(tab: Page) -> None:
    inside = "x.attachShadow({mode:'open'}).innerHTML='<p>Open</p>';x.shadowRoot.firstChild.$$click=()=>go()"
    (target,) = between(tab, f"<div id=x></div><script>{inside}</script>").details.mouse_only
    assert (target.selector, target.signs) == ("#x >>> p", ("click listener",))


ALL_REACT = "for(const e of document.querySelectorAll('#x,#x *'))e['__reactProps$k1']={onClick(){go()}}"
ROOT = "x['_reactListening7']=true;for(const c of [true,false])x.addEventListener('click',()=>go(),c)"
DELEGATED_WITH_A_WAY = {
    "a card that holds its link": f"<div id=x><h2>Card</h2><a href=#c>Open</a></div><script>{REACT}</script>",
    "what stands in a button": f"<button id=x><span>Open</span></button><script>{ALL_REACT}</script>",
    "a label": f"<label id=x>Name <input></label><script>{REACT}</script>",
    "the root of React": f"<div id=x>Text</div><script>{ROOT}</script>",
    "a handler that is gone": "<p id=x>Text</p>"
    "<script>x['__reactProps$k1']={};x.onclick=function noop$1(){\n}</script>",
    "no function": "<p id=x>Text</p><script>x['__reactProps$k1']={onClick:true};x.$$click=7;x.__click=null</script>",
    "a table that hears for the links in it": "<table id=x><tr><td>Text<td><a href=#a>A</a></table>"
    "<script>x.jQuery37={events:{click:[{selector:'a',handler(){go()}}]}};x.onclick=()=>go()</script>",
    "a text whose library hears for what is not there": "<p id=x>Text</p>"
    "<script>x.jQuery37={events:{click:[{selector:'a',handler(){go()}}]}};x.onclick=()=>go()</script>",
    "a selector that no browser reads": "<p id=x>Text</p>"
    "<script>document.jQuery37={events:{click:[{selector:'p:eq(0',handler(){go()}}]}}</script>",
    "jQuery's marks, broken": "<p id=x>Text</p><script>x.jQuery1=7;document.jQuery2={events:{click:9}};"
    "document.jQuery3={get events(){throw 1}}</script>",
}


@pytest.mark.parametrize("name", DELEGATED_WITH_A_WAY)
def test_a_mark_of_a_library_alone_is_no_barrier(name: str, tab: Page) -> None:
    assert no_way(between(tab, DELEGATED_WITH_A_WAY[name])) == []


IDLE = [
    "()=>{}",
    "e=>{}",
    "function(){}",
    "function noop$1() {\n }",
    "e=>e.stopPropagation()",
    "(e) => { e.stopPropagation(); }",
]
BUSY = [
    "()=>1",
    "e=>{e.stopPropagation();go()}",
    "function(){go()}",
    "go.bind(null)",
    "async()=>{await go()}",
]


@pytest.mark.parametrize(("handler", "found"), [*((text, 0) for text in IDLE), *((text, 1) for text in BUSY)])
def test_a_handler_that_does_nothing_operates_nothing(handler: str, found: int, tab: Page) -> None:
    script = f"<script>function go(){{return 1}};x['__reactProps$k1']={{onClick:{handler}}}</script>"
    assert len(no_way(between(tab, f"<p id=x>Text</p>{script}"))) == found


FORGED = {
    "keys": "Reflect.ownKeys=()=>{throw 1}",
    "events": "EventTarget.prototype.dispatchEvent=()=>{throw 1}",
    "the walker": "Document.prototype.createTreeWalker=()=>({nextNode(){return {}}})",
    "no walker": "Document.prototype.createTreeWalker=undefined",
    "endless keys": "Reflect.ownKeys=()=>Array(1e6).fill('$$click')",
}


@pytest.mark.parametrize("name", FORGED)
def test_a_page_that_forges_what_its_marks_are_read_with_is_walked(name: str, tab: Page) -> None:
    """It can hide its own marks; what listeners tell, it cannot."""
    page_of = f"{HAND}<script>{FORGED[name]};x.addEventListener('click',()=>go())</script>"
    assert no_way(between(tab, page_of)) == [("#x", "none")]


def test_a_page_of_many_listeners_is_judged_whole(tab: Page) -> None:
    script = "for(const e of document.querySelectorAll('b'))e.onclick=()=>go()"
    seen = between(tab, f"<a href=#x id=x>{'<b>x </b>' * 600}</a><script>{script}</script>")
    assert (no_way(seen), seen.details.mouse_only_left_out) == ([], 0)


def test_the_ground_behind_an_open_dialog_is_no_barrier(tab: Page) -> None:
    ground = "<div id=x style='position:fixed;inset:0;z-index:-1'></div><script>x.onclick=()=>go()</script>"
    assert no_way(between(tab, f"{ground}<div role=dialog><button>Close</button></div>")) == []
    assert no_way(between(tab, f"{ground}<div role=dialog>No way out</div>")) == [("#x", "none")]
    assert no_way(between(tab, f"{ground}<div role=dialog hidden><button>Close</button></div>")) == [("#x", "none")]


# -- what only a pointer brings up -------------------------------------------------------------------------------------

MENU = "<ul><li id=l><a href=#p>Products</a><ul id=s><li><a href=#q>Chairs</a></ul></ul>"
HOVER_ONLY = {
    "display": ("#s{display:none}#l:hover>#s{display:block}", MENU),
    "visibility": ("#s{visibility:hidden}#l:hover #s{visibility:visible}", MENU),
    "a neighbour": (
        "#s{display:none}#l:hover+#s{display:block}",
        "<p id=l>Menu</p><p id=s><button>Chairs</button></p>",
    ),
    "nested rules": ("#l{#s{display:none}&:hover{#s{display:block}}}", MENU),
    "in a layer, for this window": (
        "#s{display:none}@layer a{@media(min-width:9px){p,#l:hover #s{display:block}}}",
        MENU,
    ),
    "names with colons": (
        ".g\\:hide{display:none}#l:hover .g\\:hide{display:flex}",
        MENU.replace("id=s", "id=s class=g:hide"),
    ),
    "for the focus, and nothing to put it on": (
        "#s{display:none}#l:hover #s,#l:focus-within #s{display:block}",
        "<div id=l>Menu<p id=s><a href=#q>Chairs</a></p></div>",
    ),
}
NOT_HOVER_ONLY = {
    "the focus within": ("#s{display:none}#l:hover #s,#l:focus-within #s{display:block}", MENU),
    "the focus, in one selector": ("#s{display:none}#l:is(:hover,:focus-within) #s{display:block}", MENU),
    "the focus on its neighbour": ("#s{display:none}a:hover+#s,a:focus-visible+#s{display:block}", MENU),
    "nothing to reach in it": ("#s{display:none}#l:hover #s{display:block}", "<p id=l>Text<b id=s>A tip</b></p>"),
    "a key that a script hears": (
        "#s{display:none}#l:hover #s{display:block}",
        f"{MENU}<script>l.onkeydown=()=>1</script>",
    ),
    "a click that React hears": (
        "#s{display:none}#l:hover #s{display:block}",
        f"{MENU}<script>l['__reactProps$k1']={{onClick(){{go()}}}}</script>",
    ),
    "a button that says what it opens": (
        "#s{display:none}#l:hover #s{display:block}",
        MENU.replace("<a href=#p", "<a aria-expanded=false href=#p"),
    ),
    "for another window": ("#s{display:none}@media(max-width:9px){#l:hover #s{display:block}}", MENU),
    "a pointer on what is not shown": ("#s{display:none}#s:hover{display:block}", MENU),
    "shown anyway": ("#l:hover #s{display:block}", MENU),
    "it looks different, and is there": ("#s{opacity:.5}#l:hover #s{opacity:1}", MENU),
    "a rule that no browser reads": ("#s{display:none}#l:hover:nonsense( #s{display:block}", MENU),
}


@pytest.mark.parametrize("name", HOVER_ONLY)
def test_what_a_style_sheet_shows_to_a_pointer_alone_is_told(name: str, tab: Page) -> None:
    style, body = HOVER_ONLY[name]
    (part,) = between(tab, body, f"<style>{style}</style>").details.hover_only
    assert (part.selector, part.pointed_at) == ("#s", "#l")


@pytest.mark.parametrize("name", NOT_HOVER_ONLY)
def test_what_has_another_way_to_be_shown_is_no_question(name: str, tab: Page) -> None:
    style, body = NOT_HOVER_ONLY[name]
    assert between(tab, body, f"<style>{style}</style>").details.hover_only == ()


# -- the focus shows ---------------------------------------------------------------------------------------------------

SHOWN = {
    "the browser's own": ("<button id=x>X</button>", ""),
    "a shadow": ("<button id=x>X</button>", "#x:focus{outline:0;box-shadow:0 0 0 3px #1d4ed8}"),
    "a background": ("<button id=x>X</button>", "#x{background:#fff}#x:focus{outline:0;background:#fde047}"),
    "a neighbour": ("<input type=checkbox id=x><span>X</span>", "#x{outline:0}#x:focus+span{outline:2px solid #000}"),
    "the wrapper": (
        "<p id=w><button id=x>X</button><button>Y</button></p>",
        "#x{outline:0}#w:focus-within{outline:3px solid #000}",
    ),
    "moves into view": ("<a id=x href=#z>Skip</a>", "#x{position:absolute;left:-999px;outline:0}#x:focus{left:9px}"),
    "the caret": ("<input id=x>", "#x:focus{outline:0}"),
    "a label for a field that is not drawn": (
        "<input type=checkbox id=x><label for=x>X</label>",
        "#x{opacity:0}#x:focus+label{outline:2px solid #000}",
    ),
    "a large wrapper of a field that is not drawn": (
        "<div id=w style='width:700px;height:500px'><input type=file id=x></div>",
        "#x{opacity:0}#w:focus-within{outline:3px solid #000}",
    ),
    "content": ("<button id=x>X</button>", "#x:focus{outline:0}#x:focus::after{content:' (here)'}"),
}
UNSHOWN = {
    "no outline": ("<button id=x>X</button>", "#x:focus{outline:0}"),
    "a transparent outline": ("<button id=x>X</button>", "#x:focus{outline:2px solid transparent}"),
    "an outline like its ground": ("<button id=x>X</button>", "#x{margin:9px}#x:focus{outline:2px solid #fff}"),
    "an outline of what is not drawn": ("<a id=x href=#z>X</a>", "#x{opacity:0}#x:focus{outline:3px solid #00f}"),
    "an outline of what is cut away": (
        "<a id=x href=#z>X</a>",
        "#x{position:absolute;clip-path:inset(50%)}#x:focus{outline:3px solid #00f}",
    ),
    "outside the window": ("<a id=x href=#z>Skip</a>", "#x{position:absolute;left:-999px}"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_focus_that_shows(name: str, tab: Page) -> None:
    body, style = SHOWN[name]
    (stop,) = [s for s in between(tab, body, f"<style>{style}</style>").details.stops if s.selector == "#x"]
    assert stop.visible is True, stop


@pytest.mark.parametrize("name", UNSHOWN)
def test_a_focus_that_does_not_show(name: str, tab: Page) -> None:
    body, style = UNSHOWN[name]
    (stop,) = [s for s in between(tab, body, f"<style>{style}</style>").details.stops if s.selector == "#x"]
    assert (stop.visible, stop.told_by) == (False, "pixels")


def test_a_footer_that_stays_covers_the_focus(tab: Page) -> None:
    footer = "<div id=foot style='position:fixed;bottom:0;left:0;right:0;height:200px;background:#ccc'>Footer</div>"
    seen = between(tab, f"<p style='height:590px'></p><button id=x>X</button>{footer}")
    obscured = {stop.selector: stop.obscured_by for stop in seen.details.stops}
    assert obscured["#x"] == "#foot"
    assert obscured["#first"] == ""


# -- the order, traps and dialogs --------------------------------------------------------------------------------------

TRAPS = {
    "no way out": ("e.preventDefault()", ""),
    "out by Escape": ("if(!out)e.preventDefault()", "Escape"),
    "out backwards": ("if(!e.shiftKey)e.preventDefault()", "Shift+Tab"),
}


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_is_told_with_its_way_out_and_the_walk_goes_on_behind_it(name: str, tab: Page) -> None:
    handler, way_out = TRAPS[name]
    script = (
        f"<script>let out=false;x.onkeydown=e=>{{if(e.key==='Escape')out=true;if(e.key==='Tab'){{{handler}}}}}</script>"
    )
    seen = between(tab, f"<textarea id=x></textarea>{script}")
    (trap,) = seen.details.traps
    assert ([member.selector for member in trap.members], trap.exit) == (["#x"], way_out)
    assert trap.key_prevented is True


NO_TRAPS = {
    "a date": "<input type=date id=x>",
    "a date and a time": "<input type=datetime-local id=x>",
    "an editor": "<div id=x contenteditable>Text</div>",
    "a closed shadow root": "<div id=x></div><script>x.attachShadow({mode:'closed'}).innerHTML="
    "'<button>1</button><button>2</button><button>3</button><button>4</button>'</script>",
}


@pytest.mark.parametrize("name", NO_TRAPS)
def test_several_stops_inside_an_element_are_no_trap(name: str, tab: Page) -> None:
    seen = between(tab, NO_TRAPS[name])
    assert seen.details.traps == ()
    assert order(seen) == ["#first", "#x", "#last"]


def test_a_modal_dialog_that_keeps_the_focus_is_no_trap(tab: Page) -> None:
    seen = walked(tab, ENDS.format("<dialog id=d><button id=x>X</button><button id=y>Y</button></dialog>"))
    assert order(seen) == ["#first", "#last"]
    tab.evaluate("document.querySelector('#d').showModal()")
    inside = walk(tab)
    assert (inside.problem, inside.details.traps, inside.details.unreached) == (None, (), ())
    assert sorted(order(inside)) == ["#x", "#y"]


DRAWERS = {
    "beside the window": "<div aria-modal=true style='position:fixed;left:-400px;width:300px'><p>Menu</p></div>",
    "not drawn": "<div aria-modal=true style='position:fixed;top:0;opacity:0'><p>Menu</p></div>",
    "hidden": "<div aria-modal=true aria-hidden=true style='position:fixed;top:0'><p>Menu</p></div>",
    "without size": "<div aria-modal=true></div>",
}
OPEN = {
    "open": "<div aria-modal=true style='position:fixed;top:0;left:0'><button id=in>In</button></div>",
    "open in a wrapper": "<div aria-modal=true><div style='position:fixed;top:0'><button id=in>In</button></div></div>",
}


@pytest.mark.parametrize("name", DRAWERS)
def test_behind_a_modal_that_is_closed_everything_is_looked_at(name: str, tab: Page) -> None:
    assert no_way(between(tab, f"{DRAWERS[name]}{MOUSE_ONLY['onclick']}")) == [("#x", "none")]


@pytest.mark.parametrize("name", OPEN)
def test_behind_a_modal_that_is_open_nothing_is_to_be_reached(name: str, tab: Page) -> None:
    assert no_way(walked(tab, f"{OPEN[name]}{MOUSE_ONLY['onclick']}")) == []


def test_controls_that_are_inert_are_counted(tab: Page) -> None:
    seen = walked(tab, "<main inert><a href=#x>X</a><button>Y</button><button hidden>Z</button></main>")
    assert (seen.tabbable, seen.inert, seen.details.stops) == (0, 2, ())
    assert walked(tab, "<button>Y</button>").inert == 0


def test_positive_tabindex_comes_first(tab: Page) -> None:
    seen = between(tab, "<button id=x tabindex=5>X</button>")
    assert order(seen) == ["#x", "#first", "#last"]
    assert seen.details.stops[0].tabindex == 5


def test_a_page_that_takes_the_focus_when_it_loads_is_walked_from_its_beginning(tab: Page) -> None:
    seen = between(tab, "<input id=x autofocus>")
    assert order(seen) == ["#first", "#x", "#last"]
    assert tab.evaluate("document.activeElement.id") == "x"


def test_a_page_without_anything_to_operate(tab: Page) -> None:
    seen = walked(tab, "<p>Nothing but text</p>")
    assert (seen.problem, order(seen), seen.tabbable, seen.clickable) == (None, [], 0, 0)


def test_a_text_that_only_listens_is_nothing_to_operate(tab: Page) -> None:
    seen = walked(tab, "<p id=x>Text</p><script>x.onclick=()=>1</script>")
    assert (seen.problem, seen.clickable, no_way(seen)) == (None, 0, [("#x", "none")])


def test_frames_of_both_kinds_and_shadow_roots_are_entered(tab: Page) -> None:
    with hostile_server() as server, hostile_server() as other:
        inner = page("<button id=in>In</button><div id=mouse onclick='go()'>Only by mouse</div>")
        server.answers["/inner"] = other.answers["/inner"] = inner
        server.answers["/"] = page(
            f"<a href=#x id=first>First</a><iframe id=same src=/inner></iframe>"
            f"<iframe id=cross src={other.url('/inner', 'localhost')}></iframe><div id=host></div>"
            "<script>host.attachShadow({mode:'open'}).innerHTML='<button id=deep>Deep</button>'</script>"
        )
        tab.goto(server.url("/"))
        seen = walk(tab)
    assert (seen.problem, seen.frames, seen.frames_missed) == (None, 3, 0)
    assert order(seen) == ["#first", "#same >> #in", "#cross >> #in", "#host >>> #deep"]
    assert sorted(no_way(seen)) == [("#cross >> #mouse", "none"), ("#same >> #mouse", "none")]
    assert [stop.visible for stop in seen.details.stops] == [True] * 4


# -- windows and text --------------------------------------------------------------------------------------------------


def test_what_is_too_wide_for_a_narrow_window(tab: Page) -> None:
    seen = between(tab, "<div id=x style='width:500px'>Wide</div><table id=t><tr><td style='min-width:400px'>1</table>")
    narrow = seen.details.narrow
    assert narrow is not None
    assert narrow.content > narrow.width == 320
    assert {element.selector: element.two_dimensional for element in narrow.elements} == {"#x": False, "#t": True}
    assert tab.viewport_size == SIZE


def test_text_that_is_cut_off_when_it_is_twice_as_large(tab: Page) -> None:
    seen = between(
        tab,
        "<div id=x style='height:20px;overflow:hidden;line-height:20px'>Cut off</div><div>Grows</div>"
        "<div style='position:absolute;width:1px;height:1px;overflow:hidden'>For screen readers</div>",
    )
    assert [text.selector for text in seen.details.lost_texts] == ["#x"]
    assert tab.evaluate("document.querySelectorAll('div[style*=font-size]').length") == 0


# -- hostile pages -----------------------------------------------------------------------------------------------------


def test_a_page_that_goes_away_on_focus_ends_the_walk_and_keeps_what_was_seen(tab: Page) -> None:
    with hostile_server() as server:
        server.answers["/"] = page(ENDS.format("<button id=x onfocus='location=\"/away\"'>X</button>"))
        server.answers["/away"] = page("Away")
        tab.goto(server.url("/"))
        seen = walk(tab)
    assert seen.problem is not None
    assert "/away" in seen.problem
    assert order(seen)[:1] == ["#first"]


def test_a_dialog_on_focus_is_told(tab: Page) -> None:
    seen = between(tab, "<button id=x onfocus='if(!window.said){said=1;alert(\"Hello\")}'>X</button>")
    assert ["a dialog (alert: Hello)" in change for change in seen.details.changes] == [True]


def _kill_renderers() -> None:
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "--type=renderer" in process.cmdline():
                process.kill()


def test_a_page_that_crashes_ends_the_walk(tab: Page) -> None:
    """A raw CDP session never answers after a crash: the walk must not wait for it."""
    tab.set_content(ENDS.format("<button>X</button>" * 200))
    timer = threading.Timer(0.5, _kill_renderers)
    timer.start()
    try:
        problem = walk(tab).problem
    finally:
        timer.cancel()
    assert "crashed" in str(problem)


def test_a_walk_without_time_says_so(tab: Page) -> None:
    tab.set_content(ENDS.format(""))
    assert "ran out of time" in str(walk(tab, seconds=0).problem)


def test_names_are_cut_and_secrets_are_not_read(tab: Page) -> None:
    seen = between(tab, f"<button>{'x' * 5_000}</button><input id=pw type=password value=hunter2>")
    assert max(len(stop.name) for stop in seen.details.stops) == 120
    assert "hunter2" not in seen.details.model_dump_json()


def test_a_form_that_hides_its_own_properties_is_walked(tab: Page) -> None:
    fields = "".join(f"<input name={name}>" for name in ("parentNode", "id", "getAttribute", "children", "matches"))
    seen = between(tab, f"<form>{fields}</form>")
    assert len(seen.details.stops) == 7


def test_nothing_is_activated(tab: Page) -> None:
    count = "window.pressed=(window.pressed||0)+1"
    between(tab, f"<button onclick='{count}'>X</button><div onclick='{count}'>Y</div>")
    assert tab.evaluate("window.pressed") is None


def test_the_walk_is_evidence_with_a_picture_of_the_stops(tab: Page, tmp_path: Path) -> None:
    tab.set_content(ENDS.format("<div onclick='go()'>Only by mouse</div>"))
    workspace = new_workspace(tmp_path)
    seen = keyboard_evidence(tab, "home@desktop", workspace, tab.screenshot(full_page=True))
    assert (seen.problem, seen.stops, seen.subject) == (None, 2, "home@desktop")
    assert seen.details is not None
    assert seen.picture is not None
    with Image.open(BytesIO(workspace.read(seen.picture.path))) as picture:
        assert picture.width == SIZE["width"]
        assert picture.height > SIZE["height"]
