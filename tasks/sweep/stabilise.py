"""The recipe that makes two looks at an unchanged page equal, pixel for pixel. Each part can be switched off by page.

1. The page's clock is installed and paused *before* navigation, Math.random is seeded; GIFs stand at their first frame.
2. After load: lazy images are made eager, time is run forward in steps, and after each the network must be quiet; then
   sockets must be silent, for a page that draws what they bring.
3. Images are awaited and decoded, fonts are awaited, and what says that it is busy (aria-busy); finite animations are
   finished, infinite ones cancelled; the caret is hidden, videos stand at their beginning. The same in every frame
   inside the page: a picture shows those as well.
4. Sticky and fixed elements are let into the flow, where that moves nothing: in a picture of the whole page they would
   stand wherever it happened to be scrolled to.
5. When the content scrolls in a part of its own, as in most applications, the window is made tall enough to show all:
   a picture of the whole page would else show the first screen and nothing more.
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
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageChops
from playwright.sync_api import CDPSession, Error, Page, ViewportSize

from tasks.plan import Page as PlannedPage
from tasks.sweep.hearing import Hearing

CLOCK_START_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z: any fixed instant will do, as long as it is the same every night."""
STEP_MS = 500
STEPS = 4
MAX_PICTURES = 5
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
READY_SECONDS = 5.0
QUIET_SECONDS = 3.0
"""A page that still talks after this long is looked at as it is, and the log says so."""
ANSWER_SECONDS = 10.0
"""A part of the page that has not come by then is told as one that does not come."""
ALL_MASKED = "masks: they cover all that the page shows"
_TIMER_ERROR = "Clock.run_for: "


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


# Playwright's paused clock leaks real time through performance.now() and the phase of requestAnimationFrame.
_SHIMS = """
(() => {
  const start = Date.now();
  performance.now = () => Date.now() - start;
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
# What stands in a closed shadow root is seen by visitors and would be seen by no check.
_OPEN_SHADOWS = """
(() => {
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (init) { return attach.call(this, { ...init, mode: 'open' }); };
})();
"""
# Web components have images and videos of their own; closed shadow roots were opened by the script above.
_ALL = """
  const all = selector => {
    const roots = [document], found = [];
    for (const root of roots) {
      found.push(...root.querySelectorAll(selector));
      for (const element of root.querySelectorAll('*')) if (element.shadowRoot) roots.push(element.shadowRoot);
    }
    return found;
  };
"""
_STILL = (
    "([animations, images, sticky]) => {"
    + _ALL
    + """
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
  return released;
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
_PENDING = (
    "() => {"
    + _ALL
    + """
  let images = 0, busy = 0;
  for (const image of all('img')) images += image.complete ? 0 : 1;
  for (const part of all('[aria-busy=true]')) busy += part.checkVisibility() ? 1 : 0;
  return [images, busy];
}
"""
)
_DECODED = (
    "() => {"
    + _ALL
    + """
  return Promise.allSettled([document.fonts.ready, ...all('img').map(image => image.decode())]).then(() => null);
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
_HIDDEN_BELOW = (
    "([planWidth, planHeight]) => {"
    + _ALL
    + """
  const root = document.documentElement;
  const ofWindow = [root, ...(getComputedStyle(root).overflowY === 'visible' ? [document.body] : [])];
  let most = 0;
  for (const element of all('*')) {
    const hidden = element.scrollHeight - element.clientHeight;
    if (!(hidden > most) || ofWindow.includes(element)) continue;
    if (!/auto|scroll/.test(getComputedStyle(element).overflowY)) continue;
    const box = element.getBoundingClientRect();
    const width = Math.min(box.right, innerWidth) - Math.max(box.left, 0);
    const height = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
    if (width > planWidth / 2 && height > planHeight / 2) most = hidden;
  }
  return Math.ceil(most);
}
"""
)
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


def prepare(page: Page, still: Stillness) -> None:
    """Steps to take before navigation."""
    if still.time:
        page.clock.install(time=CLOCK_START_MS / 1000)
        page.clock.pause_at(CLOCK_START_MS / 1000 + 1)
    before = [_OPEN_SHADOWS, _SHIMS if still.time else "", _SEEDED_RANDOM if still.random else ""]
    page.add_init_script("\n".join(before))


def in_frames(page: Page, script: str, argument: Any = None, inside: Any = None) -> Iterator[Any]:
    """What a script tells in the page itself, and then in each frame inside it (with the argument `inside`, if any)."""
    yield page.evaluate(script, argument)
    for frame in page.frames[1:MAX_FRAMES]:
        with suppress(Error):  # a frame that is gone shows nothing; axe tells of one it could not look into
            yield frame.evaluate(script, argument if inside is None else inside)


def _let_time_pass(page: Page, still: Stillness, hearing: Hearing) -> None:
    if not still.time:
        page.wait_for_timeout(STEP_MS / 2)
        return
    try:
        page.clock.run_for(STEP_MS)
    except Error as error:
        # An error in one of the page's own timers comes out here, in place of the page's console.
        if not str(error).startswith(_TIMER_ERROR):
            raise
        hearing.threw(str(error).removeprefix(_TIMER_ERROR).strip())


def settle(page: Page, still: Stillness, hearing: Hearing) -> list[str]:
    """Steps between load and the first frame; returns what was done. Errors of the page's timers are heard."""
    log = []
    how = [still.animations, still.images]
    # A frame is as tall as its page made it, so nothing in it is out of place in a picture of the whole page.
    released = sum(in_frames(page, _STILL, [*how, still.sticky], inside=[*how, False]))
    if released:
        log.append(f"sticky or fixed elements let into the flow: {released}")
    quiet = True
    for _ in range(STEPS):
        _let_time_pass(page, still, hearing)
        quiet = quiet and hearing.wait_until_quiet(page, QUIET_SECONDS)
    if not quiet:
        log.append(f"network never quiet within {QUIET_SECONDS:g} s")
    if not hearing.wait_until_silent(page, READY_SECONDS):
        log.append(f"a socket never silent within {READY_SECONDS:g} s")
    log.extend(_ready(page))
    if still.animations:
        finished, cancelled = (sum(counts) for counts in zip(*in_frames(page, _FINISH_ANIMATIONS), strict=True))
        log.append(f"animations: {finished} finished, {cancelled} cancelled")
    return log


def unfold(page: Page, still: Stillness, hearing: Hearing) -> list[str]:
    """Make the window as tall as the part that fills it and scrolls by itself; returns what was done.

    The window stays so: whoever goes on working with the page brings it back (`in_window`).
    """
    planned = page.viewport_size
    if not still.unfolded or planned is None:
        return []

    def hidden_at(height: int) -> int:
        page.set_viewport_size({"width": planned["width"], "height": height})
        _let_time_pass(page, still, hearing)
        hearing.wait_until_quiet(page, QUIET_SECONDS)
        return hidden_now()

    def hidden_now() -> int:
        return int(page.evaluate(_HIDDEN_BELOW, [planned["width"], planned["height"]]))

    most = still.most_height or MAX_HEIGHT + 1  # one more than a picture may have, so that it says it was cut
    height, hidden = planned["height"], hidden_now()
    for _ in range(UNFOLDINGS):
        if not hidden or height >= most:
            break
        taller = min(height + hidden, most)
        left = hidden_at(taller)
        if left >= hidden:
            # What is measured by the window grows with it, and shows no more of itself.
            hidden_at(height)
            break
        height, hidden = taller, left
    log = []
    if height != planned["height"]:
        log.append(f"a part that scrolls by itself was unfolded: the window is {height} px tall")
        log.extend(_ready(page))
        if still.animations:
            list(in_frames(page, _FINISH_ANIMATIONS))
    if hidden:
        log.append(f"a part that scrolls by itself hides {hidden} px of itself")
    return log


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
    list(in_frames(page, _DECODED))
    return ["images: all complete"]


@dataclass(frozen=True)
class Picture:
    """The last frame that was taken, and whether the page stood still."""

    content: bytes
    """PNG."""
    stable: bool
    clipped_at: int | None
    """CSS pixels of height that are in the picture, when the page is taller."""
    log: tuple[str, ...]


def capture(page: Page, masks: Sequence[str], still: Stillness, hearing: Hearing, approved: str | None) -> Picture:
    """Frames until two in a row are equal, or the first one hashes to the `approved` SHA-256."""
    log: list[str] = []
    session = page.context.new_cdp_session(page)
    try:
        previous, clipped = _masked_frame(page, session, masks, still, log)
        if approved is not None and hashlib.sha256(previous).hexdigest() == approved:
            return Picture(previous, True, clipped, (*log, "frames: the first equals the approved picture"))
        for number in range(2, MAX_PICTURES + 1):
            _let_time_pass(page, still, hearing)
            if still.animations:
                list(in_frames(page, _FINISH_ANIMATIONS))
            current, clipped = _masked_frame(page, session, masks, still, log)
            if alike(previous, current):
                said = f"frames: two {'equal' if current == previous else 'equal but for rounding'} after {number}"
                return Picture(current, True, clipped, (*dict.fromkeys(log), said))
            previous = current
        said = f"frames: no two of {MAX_PICTURES} were equal"
        return Picture(previous, False, clipped, (*dict.fromkeys(log), said))
    finally:
        session.detach()


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


def _masked_frame(
    page: Page, session: CDPSession, masks: Sequence[str], still: Stillness, log: list[str]
) -> tuple[bytes, int | None]:
    """One frame with its masks laid on anew: a page may have moved since the last one, and taking one can move it."""
    if not masks:
        return _frame(session, still)
    masked, missing, left = page.evaluate(_MASK, list(masks))
    nothing = f"; nothing matches {', '.join(missing)}" if missing else ""
    log.append(f"masks: {masked} elements covered{nothing}")
    if not left:
        log.append(ALL_MASKED)
    try:
        return _frame(session, still)
    finally:
        page.evaluate(_UNMASK)


def _frame(session: CDPSession, still: Stillness) -> tuple[bytes, int | None]:
    size: dict[str, Any] = session.send("Page.getLayoutMetrics")["cssContentSize"]
    height = min(size["height"], still.most_height or MAX_HEIGHT, MAX_HEIGHT)
    shot = session.send(
        "Page.captureScreenshot",
        {
            "format": "png",
            "optimizeForSpeed": True,
            "captureBeyondViewport": True,
            "clip": {
                "x": 0,
                "y": 0,
                "width": max(min(size["width"], MAX_WIDTH), 1),
                "height": max(height, 1),
                "scale": 1,
            },
        },
    )
    wanted = still.most_height is not None and height == still.most_height
    return base64.b64decode(shot["data"]), int(height) if size["height"] > height and not wanted else None
