"""The recipe that makes two looks at an unchanged page equal, pixel for pixel. Each part can be switched off by page.

1. The page's clock is installed and paused *before* navigation, Math.random is seeded; GIFs stand at their first frame.
2. After load: lazy images are made eager, a page that waits for parts of it to be scrolled to is scrolled through, time
   is run forward in steps, and after each the network must be quiet; then
   sockets must be silent, for a page that draws what they bring.
3. What the plan says the page must show is awaited, images are awaited and decoded, fonts are awaited, and what says
   that it is busy (aria-busy), and then that nothing is drawn any more; finite animations are finished, infinite ones
   cancelled; the caret is hidden, videos stand at their beginning. The same in every frame inside the page: a picture
   shows those as well.
4. Sticky and fixed elements are let into the flow, where that moves nothing: in a picture of the whole page they would
   stand wherever it happened to be scrolled to.
5. When the content scrolls in a part of its own, as in most applications, the window is made tall enough to show all:
   a picture of the whole page would else show the first screen and nothing more. What a taller window does not show is
   scrolled to, and laid below the picture strip by strip.
6. Masked elements are painted over.
7. Frames are taken until two in a row are equal, but for rounding of colours. One is enough when it equals what was
   approved: that page stands as still as it did then.

Everything in the page is done through CSSOM and the DOM, so that a Content Security Policy or Trusted Types neither
blocks the recipe nor has to be switched off.
"""

from __future__ import annotations

import base64
import hashlib
import io
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from PIL import Image, ImageChops
from playwright.sync_api import BrowserContext, CDPSession, Error, Frame, Page, ViewportSize

from tasks.plan import Page as PlannedPage
from tasks.sweep.closed_roots import open_declared
from tasks.sweep.hearing import Hearing
from tasks.sweep.shown_text import MAX_PLACES, SHOWN_TEXT, ShownText, read

CLOCK_START_MS = 1_767_225_601_000
"""2026-01-01T00:00:01Z: any fixed instant will do, as long as it is the same every night."""
VISIT_SECONDS = 90.0
"""At most, for all that is done with one page."""
STEP_MS = 500
STEPS = 4
MORE_STEPS = 8
"""At most, for a page that is still being drawn."""
MAX_PICTURES = 8
ROUNDING = 2
"""Of 255: how far a colour may be from itself in two frames of a page that stands still. Drawn anew, the edge of a
round corner comes out one lighter or darker now and then; what moves differs by more."""
MAX_FRAMES = 60
"""Documents of a page, its own among them, that are stilled and read; axe says so when there are more."""
MAX_HEIGHT = 15_000
"""CSS pixels. Above about 16,000 Chromium repeats the page's beginning in place of its end."""
MAX_WIDTH = 8_000
UNFOLDINGS = 3
"""Times the window is made taller: what comes into view may bring more."""
HIDDEN_MARGIN = 8
"""CSS pixels of a part that scrolls which may stay hidden: less than a line of the smallest text."""
SHOWN_SECONDS = 10.0
"""For the texts without which a page is not there: an application may just have been started."""
READY_SECONDS = 5.0
DRAWN_MS = 100
"""Of real time, in each of those steps: what a processor or a worker is at needs that."""
QUIET_SECONDS = 3.0
"""A page that still talks after this long is looked at as it is, and the log says so."""
ANSWER_SECONDS = 10.0
"""A part of the page that has not come by then is told as one that does not come."""
ALL_MASKED = "masks: they cover all that the page shows"
Taken = TypeVar("Taken")


@dataclass(frozen=True)
class Stillness:
    """Which parts of the recipe a page can live with."""

    time: bool = True
    random: bool = True
    animations: bool = True
    images: bool = True
    sticky: bool = True
    unfolded: bool = True
    most_height: int | None = None
    """CSS pixels of the page that are to be in the picture; None: all of them."""

    @classmethod
    def of(cls, page: PlannedPage) -> Stillness:
        """As the plan says for this page."""
        return cls(
            time=page.freeze_time,
            random=page.seed_random,
            animations=page.finish_animations,
            images=page.eager_images,
            sticky=page.release_sticky,
            unfolded=page.unfold_scrolling,
            most_height=page.picture_height,
        )


# Playwright's paused clock leaks real time through performance.now() and the phase of requestAnimationFrame. Of errors
# in timers it tells the first of each step and asks no one: a browser asks the page, which may have an answer to them.
_SHIMS = """
(() => {
  const report = window.reportError.bind(window), run = window.eval;
  const reporting = timer => typeof timer !== 'function' && typeof timer !== 'string' ? timer : (...given) => {
    try { return typeof timer === 'string' ? run(timer) : timer.apply(window, given); } catch (error) { report(error); }
  };
  for (const name of ['setTimeout', 'setInterval', 'requestIdleCallback']) {
    const set = window[name];
    window[name] = (timer, ...more) => set(reporting(timer), ...more);
  }
  const start = Date.now();
  performance.now = () => Date.now() - start;
  Object.defineProperty(performance, 'timeOrigin', { value: start, configurable: true });
  window.requestAnimationFrame = run =>
    setTimeout(() => run(performance.now()), 16 - ((Date.now() - start) % 16));
  window.cancelAnimationFrame = handle => clearTimeout(handle);
})();
"""
_SEEDED_RANDOM = """
(() => {
  let state = 0x9e3779b9;
  Math.random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
})();
"""
# What stands in a closed shadow root is seen by visitors and would be seen by no check. A page that is being drawn is
# told by elements and text that come and go: attributes change all the time in a page that stands still to the eye.
_WATCH = """
(() => {
  let changes = 0;
  const observer = new MutationObserver(records => { changes += records.length; });
  const observe = root => observer.observe(root, { childList: true, characterData: true, subtree: true });
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (init) {
    let root;
    try {
      root = attach.call(this, { ...init, mode: 'open' });
    } catch {
      // One that the document declares as closed can be attached again as a closed one alone; it is opened later.
      root = attach.call(this, init);
    }
    observe(root);
    return root;
  };
  observe(document);
  Object.defineProperty(window, Symbol.for('stageproof.changes'), { get: () => changes });
  // An observer hears in the next frame that is drawn, whatever the page's clock says.
  const Observer = window.IntersectionObserver;
  const frame = () => new Promise(done => new Observer(() => done()).observe(document.documentElement));
  let waits = false;
  window.IntersectionObserver = new Proxy(Observer, {
    construct(target, given, made) { waits = true; return Reflect.construct(target, given, made); },
  });
  Object.defineProperty(window, Symbol.for('stageproof.scrolling'), { value: { waits: () => waits, frame } });
})();
"""
# What waits to be scrolled to would wait for ever: a picture of the whole page scrolls to nothing.
_SCROLL_THROUGH = """
async most => {
  const scrolling = window[Symbol.for('stageproof.scrolling')];
  let screens = 0;
  for (let y = innerHeight; y < Math.min(document.documentElement.scrollHeight, most); y += innerHeight) {
    scrollTo({ top: y, behavior: 'instant' });
    await scrolling.frame();
    screens += 1;
  }
  if (screens) { scrollTo({ top: 0, behavior: 'instant' }); await scrolling.frame(); }
  return screens;
}
"""
_CHANGES = "() => window[Symbol.for('stageproof.changes')] ?? 0"
# Web components have images and videos of their own; closed shadow roots were opened by the script above.
ALL = """
  const roots = [document];
  for (const root of roots) {
    for (const element of root.querySelectorAll('*')) if (element.shadowRoot) roots.push(element.shadowRoot);
  }
  const all = selector => roots.flatMap(root => [...root.querySelectorAll(selector)]);
"""
"""For scripts: `all(selector)`, and the `roots` it looks into."""
_STILL = (
    "([animations, images, sticky]) => {"
    + ALL
    + """
  const changes = window[Symbol.for('stageproof.changes')] ?? 0;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`*, *::before, *::after { caret-color: transparent !important; scroll-behavior: auto !important;
    ${animations ? 'transition: none !important' : ''} }`);
  sheet.ofStageproof = [];
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  if (images) {
    for (const image of all('img[loading=lazy], iframe[loading=lazy]')) image.loading = 'eager';
  }
  for (const media of all('video, audio')) {
    media.pause(); media.autoplay = false;
    if (media.currentTime) media.currentTime = 0;
  }
  let released = 0;
  if (sticky) {
    for (const element of document.querySelectorAll('body, body *')) {
      const position = getComputedStyle(element).position;
      if (position !== 'sticky' && position !== 'fixed') continue;
      const before = element.getBoundingClientRect();
      const written = element.style.getPropertyValue('position');
      const priority = element.style.getPropertyPriority('position');
      element.style.setProperty('position', position === 'sticky' ? 'relative' : 'absolute', 'important');
      const after = element.getBoundingClientRect();
      const moved = ['left', 'top', 'width', 'height'].some(side => Math.abs(before[side] - after[side]) > .01);
      if (moved) element.style.setProperty('position', written, priority);
      else { released += 1; sheet.ofStageproof.push([element, written, priority]); }
    }
  }
  // What could hold a closed shadow root that no script ever saw: a component, or what is empty and yet takes room.
  const hosts = /^(article|aside|blockquote|div|footer|h[1-6]|header|main|nav|p|section|span)$/;
  const takesRoom = element => element.offsetWidth > 0 && element.offsetHeight > 0
    && element.computedStyleMap().get('height')?.value === 'auto';
  const mayHide = element => !element.shadowRoot && (element.localName.includes('-')
    || (!element.firstChild && hosts.test(element.localName) && takesRoom(element)));
  const waits = window[Symbol.for('stageproof.scrolling')]?.waits() ?? false;
  return [changes, released, Number(waits), Number(all('*').some(mayHide))];
}
"""
)
_UNDO = """
() => {
  for (const sheet of document.adoptedStyleSheets) {
    for (const [element, written, priority] of sheet.ofStageproof ?? []) {
      element.style.setProperty('position', written, priority);
    }
  }
  document.adoptedStyleSheets = [...document.adoptedStyleSheets].filter(sheet => !sheet.ofStageproof);
}
"""
# What is still awaited; when that is nothing, fonts and images were made ready to be drawn before this answers.
_PENDING = (
    "async () => {"
    + ALL
    + """
  const images = all('img');
  let loading = 0, busy = 0;
  for (const image of images) loading += image.complete ? 0 : 1;
  for (const part of all('[aria-busy=true]')) busy += part.checkVisibility() ? 1 : 0;
  if (!loading && !busy) await Promise.allSettled([document.fonts.ready, ...images.map(image => image.decode())]);
  return [loading, busy];
}
"""
)
_FINISH_ANIMATIONS = """
() => {
  let finished = 0, cancelled = 0;
  for (const animation of document.getAnimations()) {
    const timing = animation.effect && animation.effect.getComputedTiming();
    try {
      if (timing && timing.endTime !== Infinity) { animation.finish(); finished += 1; }
      else { animation.cancel(); cancelled += 1; }
    } catch { animation.cancel(); cancelled += 1; }
  }
  return [finished, cancelled];
}
"""
# Overflow of <body> is the window's as long as <html> has none of its own (CSS Overflow 3, 3.3).
_HIDDEN = (
    "([planWidth, planHeight, margin]) => {"
    + ALL
    + """
  const root = document.documentElement;
  const ofWindow = [root, ...(getComputedStyle(root).overflowY === 'visible' ? [document.body] : [])];
  let part = null, most = 0, smaller = 0;
  for (const element of all('*')) {
    const below = element.scrollHeight - element.clientHeight, beside = element.scrollWidth - element.clientWidth;
    if (!(below > margin || beside > margin) || ofWindow.includes(element)) continue;
    const style = getComputedStyle(element);
    const scrolls = (hidden, overflow) => hidden > margin && /auto|scroll/.test(overflow);
    const down = scrolls(below, style.overflowY);
    if (!down && !scrolls(beside, style.overflowX)) continue;
    // A dialog that is not open often lies over the whole window, unseen.
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const box = element.getBoundingClientRect();
    const width = Math.min(box.right, innerWidth) - Math.max(box.left, 0);
    const height = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
    if (down && width > planWidth / 2 && height > planHeight / 2) {
      if (below > most) [part, most] = [element, below];
    } else if (width > 0 && box.height > 0) smaller += 1;
  }
  Object.defineProperty(window, Symbol.for('stageproof.part'), { value: part, configurable: true });
  return [Math.ceil(most), smaller];
}
"""
)
# Where the part stands after it was scrolled: how far, what is still below, and its place in the page without borders.
_SCROLLED = """
top => {
  const part = window[Symbol.for('stageproof.part')];
  if (!part?.isConnected) return null;
  if (top !== null) part.scrollTo({ top, behavior: 'instant' });
  if (top !== 0) part.scrollIntoView({ block: 'end', inline: 'nearest', behavior: 'instant' });
  else scrollTo({ top: 0, left: 0, behavior: 'instant' });
  const box = part.getBoundingClientRect();
  return {
    top: part.scrollTop, below: part.scrollHeight - part.clientHeight - part.scrollTop,
    left: box.left + scrollX + part.clientLeft, bottom: box.top + scrollY + part.clientTop + part.clientHeight,
    width: part.clientWidth, height: Math.min(part.clientHeight, innerHeight),
  };
}
"""
# A cover over what a scrolling ancestor cuts off would hide what is beside it and make the picture wider than the page.
_MASK = """
selectors => {
  const {scrollWidth, scrollHeight} = document.documentElement;
  const seen = element => {
    let {left, top, right, bottom} = element.getBoundingClientRect();
    let {position} = getComputedStyle(element);
    for (let up = element.parentElement; up && up !== document.body && position !== 'fixed'; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (position === 'absolute' && style.position === 'static') continue;
      position = style.position;
      const box = up.getBoundingClientRect();
      if (style.overflowX !== 'visible') { left = Math.max(left, box.left); right = Math.min(right, box.right); }
      if (style.overflowY !== 'visible') { top = Math.max(top, box.top); bottom = Math.min(bottom, box.bottom); }
    }
    left = Math.max(Math.floor(left + scrollX), 0); right = Math.min(Math.ceil(right + scrollX) + 1, scrollWidth);
    top = Math.max(Math.floor(top + scrollY), 0); bottom = Math.min(Math.ceil(bottom + scrollY) + 1, scrollHeight);
    return {left, top, width: right - left, height: bottom - top};
  };
  const covered = new Set();
  const missing = [];
  for (const selector of selectors) {
    const elements = [...document.querySelectorAll(selector)];
    if (!elements.length) missing.push(selector);
    for (const element of elements) {
      const box = seen(element);
      if (box.width <= 1 || box.height <= 1) continue;
      const cover = document.createElement('div');
      cover.setAttribute('data-stageproof-mask', '');
      cover.setAttribute('aria-hidden', 'true');
      const style = cover.style;
      style.position = 'absolute'; style.zIndex = '2147483647';
      style.background = '#9aa3ad'; style.pointerEvents = 'none';
      for (const side in box) style[side] = `${box[side]}px`;
      document.documentElement.appendChild(cover);
      covered.add(element);
    }
  }
  const isCovered = node => {
    for (let up = node; up; up = up.parentElement) if (covered.has(up)) return true;
    return false;
  };
  const things = 'img, svg, canvas, video, iframe, object, embed, input, button, select, textarea';
  const isLeft = node => {
    const element = node instanceof Element ? node : node.parentElement;
    const shows = node instanceof Element ? node.matches(things) || node.shadowRoot : node.nodeValue.trim();
    return shows && element && element.checkVisibility() && !isCovered(element);
  };
  const walker = document.createTreeWalker(document.body ?? document, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  let left = !covered.size;
  while (!left && walker.nextNode()) left = Boolean(isLeft(walker.currentNode));
  return [covered.size, missing, left];
}
"""
_UNMASK = "() => document.querySelectorAll('[data-stageproof-mask]').forEach(cover => cover.remove())"


# Playwright's clock keeps all that it is told for every later page of a profile, so that it is told no more than that
# it stands still. What is done with one page is done where its own calls end up. An error in a timer that the page
# could set past the scripts above comes out of it, in place of the page's console.
_RUN_TIME = """
async milliseconds => {
  try { await globalThis.__pwClock?.controller.runFor(milliseconds); } catch (error) { return [String(error)]; }
  return [];
}
"""
_RESUME_TIME = "globalThis.__pwClock?.controller.resume();"


def stop_time(context: BrowserContext, still: Stillness) -> None:
    """Stop the clock of every page of a profile, now and later."""
    if still.time:
        # Between the two the clock runs, however long a busy machine takes, and it cannot be paused in the past.
        context.clock.install(time=CLOCK_START_MS / 1000 - VISIT_SECONDS)
        context.clock.pause_at(CLOCK_START_MS / 1000)


def resume_time(page: Page, still: Stillness) -> None:
    """Let the time of a page go on, and of what it comes to hold."""
    if still.time:
        page.add_init_script(_RESUME_TIME)
        list(_of_each(page.frames[:MAX_FRAMES], f"() => {{ {_RESUME_TIME} }}"))


def prepare(page: Page, still: Stillness) -> None:
    """Steps to take before navigation, in a profile whose time was stopped."""
    before = [_WATCH, _SHIMS if still.time else "", _SEEDED_RANDOM if still.random else ""]
    page.add_init_script("\n".join(before))


def in_frames(page: Page, script: str, argument: Any = None, inside: Any = None) -> Iterator[Any]:
    """What a script tells in the page itself, and then in each frame inside it (with the argument `inside`, if any)."""
    yield page.evaluate(script, argument)
    yield from in_inner_frames(page, script, argument if inside is None else inside)


def in_inner_frames(page: Page, script: str, argument: Any) -> Iterator[Any]:
    """What a script tells in each frame inside the page."""
    return _of_each(page.frames[1:MAX_FRAMES], script, argument)


def _of_each(frames: Sequence[Frame], script: str, argument: Any = None) -> Iterator[Any]:
    """What a script tells in each of these; one whose document is left meanwhile tells nothing."""
    for frame in frames:
        with suppress(Error):  # a frame that is gone shows nothing; axe tells of one it could not look into
            yield frame.evaluate(script, argument)


def shown_text(page: Page, wanted: Sequence[str] = ()) -> ShownText:
    """What a reader sees, in frames and open shadow roots as well, and which wanted texts nobody sees; ValueError."""
    return read(in_frames(page, SHOWN_TEXT, [list(wanted), MAX_PLACES]), wanted)


def _let_time_pass(page: Page, still: Stillness, hearing: Hearing) -> None:
    if not still.time:
        page.wait_for_timeout(STEP_MS / 2)
        return
    for errors in _of_each(page.frames[:MAX_FRAMES], _RUN_TIME, STEP_MS):
        for words in errors:
            hearing.threw(words)


def settle(page: Page, still: Stillness, hearing: Hearing, must_show: Sequence[str] = ()) -> list[str]:
    """Steps between load and the first frame; returns what was done. Errors of the page's timers are heard.

    `must_show` are texts without which the page is not there yet; one that does not come is left to the judge.
    """
    log = []
    how = [still.animations, still.images]
    # A frame is as tall as its page made it, so nothing in it is out of place in a picture of the whole page.
    told = list(in_frames(page, _STILL, [*how, still.sticky], inside=[*how, False]))
    changes, released = (sum(map(int, counts)) for counts in list(zip(*told, strict=True))[:2])
    if any(may_hide for *_, may_hide in told) and (opened := _opened(page, hearing)):
        log.append(f"closed shadow roots that the document declares were opened: {opened}")
        list(in_frames(page, _STILL, [*how, False]))  # what they hold as well
    if released:
        log.append(f"sticky or fixed elements let into the flow: {released}")
    waits_to_be_seen = still.images and told[0][2]
    if waits_to_be_seen and (screens := page.evaluate(_SCROLL_THROUGH, still.most_height or MAX_HEIGHT)):
        log.append(f"scrolled through for what waits to be seen: {screens} screens")
    quiet = True
    for _ in range(STEPS):
        _let_time_pass(page, still, hearing)
        quiet = quiet and hearing.wait_until_quiet(page, QUIET_SECONDS)
    if not quiet:
        log.append(f"network never quiet within {QUIET_SECONDS:g} s")
    log.extend(_texts_awaited(page, still, hearing, must_show))
    if not hearing.wait_until_silent(page, READY_SECONDS):
        log.append(f"a socket never silent within {READY_SECONDS:g} s")
    log.extend(_drawn(page, still, hearing, changes))
    log.extend(_ready(page))
    if still.animations:
        finished, cancelled = (sum(counts) for counts in zip(*in_frames(page, _FINISH_ANIMATIONS), strict=True))
        log.append(f"animations: {finished} finished, {cancelled} cancelled")
    return log


def _opened(page: Page, hearing: Hearing) -> int:
    """How many closed shadow roots a document declared, which are open now."""
    hearing.read_documents()
    return open_declared(hearing.session(page)) if hearing.declares_closed_roots else 0


def _texts_awaited(page: Page, still: Stillness, hearing: Hearing, must_show: Sequence[str]) -> list[str]:
    began = time.monotonic()
    waited = 0.0
    while must_show and (missing := shown_text(page, must_show).lacks(must_show)):
        if waited > SHOWN_SECONDS:
            return [f"not shown within {SHOWN_SECONDS:g} s: '{missing[0]}'"]
        page.wait_for_timeout(STEP_MS / 2)
        _let_time_pass(page, still, hearing)
        hearing.wait_until_quiet(page, QUIET_SECONDS)
        waited = time.monotonic() - began
    return [f"what the page must show came after {waited:.1f} s"] if waited else []


def _changes(page: Page) -> int:
    return sum(map(int, in_frames(page, _CHANGES)))


def _drawn(page: Page, still: Stillness, hearing: Hearing, changes: int) -> list[str]:
    """Let time pass until elements and text neither come nor go; `changes` had been counted when the page was loaded.

    A page that came whole is not waited for. Steps are counted and not seconds, so that a page that changes with its
    clock stands at the same time every night.
    """
    for _ in range(MORE_STEPS):
        if (now := _changes(page)) == changes:
            return []
        changes = now
        page.wait_for_timeout(DRAWN_MS)
        _let_time_pass(page, still, hearing)
        hearing.wait_until_quiet(page, QUIET_SECONDS)
        hearing.wait_until_silent(page, READY_SECONDS)
    return [f"still being drawn after {STEPS + MORE_STEPS} steps"]


@dataclass(frozen=True)
class Unfolding:
    """What parts that scroll by themselves show of themselves in the window as it now is."""

    log: tuple[str, ...] = ()
    hidden: int = 0
    """CSS pixels of height that the part which fills the window keeps to itself; 0: it shows all, or there is none."""
    smaller_parts: int = 0
    """Other parts that scroll, and show less than they hold: tables, menus, code."""


def unfold(page: Page, still: Stillness, hearing: Hearing) -> Unfolding:
    """Make the window as tall as the part that fills it and scrolls by itself.

    The window stays so: whoever goes on working with the page brings it back (`in_window`).
    """
    planned = page.viewport_size
    if planned is None:
        return Unfolding()

    def hidden_now() -> tuple[int, int]:
        most, smaller = page.evaluate(_HIDDEN, [planned["width"], planned["height"], HIDDEN_MARGIN])
        return int(most), int(smaller)

    def hidden_at(height: int) -> tuple[int, int]:
        page.set_viewport_size({"width": planned["width"], "height": height})
        _let_time_pass(page, still, hearing)
        hearing.wait_until_quiet(page, QUIET_SECONDS)
        return hidden_now()

    most = still.most_height or MAX_HEIGHT + 1  # one more than a picture may have, so that it says it was cut
    height, (hidden, smaller) = planned["height"], hidden_now()
    for _ in range(UNFOLDINGS if still.unfolded else 0):
        if not hidden or height >= most:
            break
        taller = min(height + hidden, most)
        left, others = hidden_at(taller)
        if left >= hidden:
            # What is measured by the window grows with it, and shows no more of itself.
            hidden_at(height)
            break
        height, hidden, smaller = taller, left, others
    log = []
    if height != planned["height"]:
        log.append(f"a part that scrolls by itself was unfolded: the window is {height} px tall")
        log.extend(_ready(page))
        if still.animations:
            list(in_frames(page, _FINISH_ANIMATIONS))
    if hidden:
        log.append(f"a part that scrolls by itself hides {hidden} px of itself")
    return Unfolding(tuple(log), hidden, smaller)


@contextmanager
def in_window(page: Page, size: ViewportSize | None) -> Iterator[None]:
    """The page in a window of this size (None: as it is), and then back in the one it had."""
    before = page.viewport_size
    if size is None or before is None or size == before:
        yield
        return
    page.set_viewport_size(size)
    try:
        yield
    finally:
        page.set_viewport_size(before)


def undo(page: Page) -> None:
    """Take back what `settle` laid over the page, for a page that somebody goes on working with."""
    list(in_frames(page, _UNDO))


def _ready(page: Page) -> list[str]:
    until = time.monotonic() + READY_SECONDS
    while any(pending := [sum(counts) for counts in zip(*in_frames(page, _PENDING), strict=True)]):
        if time.monotonic() > until:
            images, busy = pending
            return [f"{images} images still loading, {busy} parts still busy after {READY_SECONDS:g} s"]
        page.wait_for_timeout(50)
    return ["images: all complete"]


@dataclass(frozen=True)
class Picture:
    """The last frame that was taken, and whether the page stood still."""

    content: bytes
    """PNG."""
    stable: bool
    clipped_at: int | None
    """CSS pixels of height that are in the picture, when the page goes on and the plan does not say that is enough."""
    hidden: int
    """CSS pixels that a part which scrolls by itself keeps out of the picture."""
    log: tuple[str, ...]


@dataclass(frozen=True)
class _Frame:
    content: bytes
    height: float
    """CSS pixels."""
    clipped_at: int | None
    hidden: int = 0


def capture(
    page: Page, masks: Sequence[str], still: Stillness, hearing: Hearing, hidden: int = 0, approved: str | None = None
) -> Picture:
    """Frames until two in a row are equal, or the first one hashes to the `approved` SHA-256.

    `hidden` is what a part that scrolls kept to itself when it was unfolded.
    """
    log: list[str] = []
    session = hearing.session(page)

    def frame() -> _Frame:
        first = _masked(page, masks, log, partial(_frame, session, still))
        if not hidden or not still.unfolded:
            return replace(first, hidden=hidden)
        log.append("what a part that scrolls hides is below: each strip is what another scroll brought to light")
        return _with_the_rest(first, page, session, masks, still, hearing)

    def picture(last: _Frame, stable: bool, said: str) -> Picture:
        return Picture(last.content, stable, last.clipped_at, last.hidden, (*dict.fromkeys(log), f"frames: {said}"))

    with _one_document(page):
        previous = frame()
        if approved is not None and hashlib.sha256(previous.content).hexdigest() == approved:
            return picture(previous, True, "the first equals the approved picture")
        for number in range(2, MAX_PICTURES + 1):
            _let_time_pass(page, still, hearing)
            if still.animations:
                list(in_frames(page, _FINISH_ANIMATIONS))
            current = frame()
            if alike(previous.content, current.content):
                how = "equal" if current.content == previous.content else "equal but for rounding"
                return picture(current, True, f"two {how} after {number}")
            previous = current
        return picture(previous, False, f"no two of {MAX_PICTURES} were equal")


@contextmanager
def _one_document(page: Page) -> Iterator[None]:
    """Close a page that goes on to another document meanwhile: Chromium can leave its screenshot without an answer."""
    left = False

    def leave(_: Page) -> None:
        nonlocal left
        left = True
        with suppress(Error):
            page.close()

    page.on("domcontentloaded", leave)
    try:
        yield
    except Error as error:
        if left:
            raise Error("the page was left while its picture was taken, because of a navigation") from error
        raise
    finally:
        page.remove_listener("domcontentloaded", leave)


def alike(one: bytes, other: bytes) -> bool:
    """Whether two frames show a page that stands still: equal, or different by rounding of colours alone."""
    if one == other:
        return True
    with Image.open(io.BytesIO(one)) as first, Image.open(io.BytesIO(other)) as second:
        if first.size != second.size:
            return False
        difference = ImageChops.difference(first.convert("RGB"), second.convert("RGB"))
    # One after the other: how many pixels have which difference in red, in green, in blue.
    return not any(count for level, count in enumerate(difference.histogram()) if level % 256 > ROUNDING)


def _masked(page: Page, masks: Sequence[str], log: list[str], take: Callable[[], Taken]) -> Taken:
    """What is taken with masks laid on anew: a page may have moved since the last time, and taking one can move it."""
    if not masks:
        return take()
    masked, missing, left = page.evaluate(_MASK, list(masks))
    nothing = f"; nothing matches {', '.join(missing)}" if missing else ""
    log.append(f"masks: {masked} elements covered{nothing}")
    if not left:
        log.append(ALL_MASKED)
    try:
        return take()
    finally:
        page.evaluate(_UNMASK)


def _frame(session: CDPSession, still: Stillness) -> _Frame:
    size: dict[str, Any] = session.send("Page.getLayoutMetrics")["cssContentSize"]
    height = max(min(size["height"], still.most_height or MAX_HEIGHT, MAX_HEIGHT), 1)
    content = _shot(session, 0, 0, min(size["width"], MAX_WIDTH), height, beyond_window=True)
    wanted = still.most_height is not None and height == still.most_height
    goes_on = (size["height"] > height and not wanted) or size["width"] > MAX_WIDTH
    return _Frame(content, height, int(height) if goes_on else None)


def _shot(session: CDPSession, x: float, y: float, width: float, height: float, *, beyond_window: bool) -> bytes:
    """PNG of a part of the page, in CSS pixels."""
    clip = {"x": x, "y": y, "width": max(width, 1), "height": height, "scale": 1}
    options = {"format": "png", "optimizeForSpeed": True, "captureBeyondViewport": beyond_window}
    return base64.b64decode(session.send("Page.captureScreenshot", {**options, "clip": clip})["data"])


@dataclass(frozen=True)
class _Part:
    """A part that scrolls by itself, in CSS pixels; its place in the page is that of what it shows."""

    top: float
    """How far it is scrolled."""
    below: float
    """How much it hides below."""
    left: float
    bottom: float
    width: float
    height: float
    """Of what of it can be in the window."""


def _with_the_rest(
    first: _Frame, page: Page, session: CDPSession, masks: Sequence[str], still: Stillness, hearing: Hearing
) -> _Frame:
    """The frame with strips below it: what each scroll of the part that hides something brings to light."""
    most = still.most_height or MAX_HEIGHT
    strips: list[tuple[float, bytes]] = []
    height, cut, part = first.height, 0.0, _scrolled(page, 0)
    while height < most and part.below > HIDDEN_MARGIN:
        top = part.top + part.height
        _scrolled(page, top)
        _let_time_pass(page, still, hearing)  # some bring what belongs there only now
        hearing.wait_until_quiet(page, QUIET_SECONDS)
        moved = _scrolled(page, top)
        rows = moved.top - part.top
        if not 0 < rows <= moved.height:
            break  # the page has its own mind about where it stands: what it skipped was not seen
        kept = min(rows, most - height)
        # Beyond the window the page would be laid out anew, and a part that snaps would not stay where it stands.
        place = (moved.left, moved.bottom - rows, moved.width, kept)
        strip = _masked(page, masks, [], partial(_shot, session, *place, beyond_window=False))
        if _scrolled(page, None).top != moved.top:
            break  # it went on while it was pictured
        strips.append((moved.left, strip))
        height, cut, part = height + kept, rows - kept, moved
    _scrolled(page, 0)
    hidden = math.ceil(part.below + cut) if part.below + cut > HIDDEN_MARGIN else 0
    enough = not hidden or (still.most_height is not None and height >= still.most_height)
    clipped_at = first.clipped_at if enough else int(height)
    return _Frame(_stacked(first, strips), height, clipped_at, hidden)


def _stacked(first: _Frame, strips: Sequence[tuple[float, bytes]]) -> bytes:
    """PNG of a frame and strips below each other, each as far from the left (CSS pixels) as it stands in the page."""
    if not strips:
        return first.content
    places = [0.0, *(left for left, _ in strips)]
    images = [Image.open(io.BytesIO(content)) for content in (first.content, *(content for _, content in strips))]
    scale = images[0].height / first.height
    whole = Image.new("RGB", (images[0].width, sum(image.height for image in images)), "white")
    y = 0
    for left, image in zip(places, images, strict=True):
        whole.paste(image, (round(left * scale), y))
        y += image.height
    encoded = io.BytesIO()
    whole.save(encoded, "PNG", compress_level=1)
    return encoded.getvalue()


def _scrolled(page: Page, top: float | None) -> _Part:
    """The part that hides most, after it was scrolled (None: as it stands); raises Error when it is gone."""
    told = page.evaluate(_SCROLLED, top)
    if told is None:
        raise Error("the part that scrolls by itself was taken away while its picture was taken")
    return _Part(**{side: float(value) for side, value in told.items()})
