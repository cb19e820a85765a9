"""The recipe that makes two looks at an unchanged page equal, pixel for pixel.

1. The page's clock is installed and paused *before* navigation, Math.random is seeded.
2. After load: images are made eager and awaited, fonts are awaited, time is run forward in steps.
3. Finite animations are finished, infinite ones cancelled; the caret is hidden.
4. Masked elements are painted over.
5. Frames are taken until two in a row are equal.

Everything in the page is done through CSSOM and the DOM, so that a Content Security Policy or Trusted Types neither
blocks the recipe nor has to be switched off.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, CDPSession, Error, Page
from playwright.sync_api import TimeoutError as TimedOut

CLOCK_START_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z: any fixed instant will do, as long as it is the same every night."""
STEP_MS = 500
STEPS = 4
MAX_FRAMES = 5
MAX_HEIGHT = 15_000
"""CSS pixels. Above about 16,000 Chromium repeats the page's beginning in place of its end."""
IMAGES_WAIT_SECONDS = 5.0
NETWORK_IDLE_MS = 3_000
_TIMER_ERROR = "Clock.run_for: "

Complain = Callable[[str], None]

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
_STILL = """
() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`*, *::before, *::after {
    caret-color: transparent !important; transition: none !important; scroll-behavior: auto !important }`);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  for (const image of document.querySelectorAll('img[loading=lazy], iframe[loading=lazy]')) image.loading = 'eager';
  for (const video of document.querySelectorAll('video, audio')) { video.pause(); video.autoplay = false; }
}
"""
_PENDING_IMAGES = "() => [...document.images].filter(image => !image.complete).length"
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
_MASK = """
selectors => {
  let masked = 0;
  const missing = [];
  for (const selector of selectors) {
    const elements = [...document.querySelectorAll(selector)];
    if (!elements.length) missing.push(selector);
    for (const element of elements) {
      const box = element.getBoundingClientRect();
      const cover = document.createElement('div');
      cover.setAttribute('data-stageproof-mask', '');
      cover.setAttribute('aria-hidden', 'true');
      const style = cover.style;
      style.position = 'absolute'; style.zIndex = '2147483647';
      style.background = '#9aa3ad'; style.pointerEvents = 'none';
      style.left = `${Math.floor(box.left + scrollX)}px`; style.top = `${Math.floor(box.top + scrollY)}px`;
      style.width = `${Math.ceil(box.width) + 1}px`; style.height = `${Math.ceil(box.height) + 1}px`;
      document.documentElement.appendChild(cover);
      masked += 1;
    }
  }
  return [masked, missing];
}
"""
_UNMASK = "() => document.querySelectorAll('[data-stageproof-mask]').forEach(cover => cover.remove())"


def prepare(context: BrowserContext, page: Page, freeze_time: bool) -> None:
    """Steps to take before navigation."""
    if freeze_time:
        page.clock.install(time=CLOCK_START_MS / 1000)
        page.clock.pause_at(CLOCK_START_MS / 1000 + 1)
        page.add_init_script(_SHIMS)
    context.add_init_script(_SEEDED_RANDOM)


def _let_time_pass(page: Page, freeze_time: bool, complain: Complain) -> None:
    if not freeze_time:
        page.wait_for_timeout(STEP_MS / 2)
        return
    try:
        page.clock.run_for(STEP_MS)
    except Error as error:
        # An error in one of the page's own timers comes out here, in place of the page's console.
        if not str(error).startswith(_TIMER_ERROR):
            raise
        complain(str(error).removeprefix(_TIMER_ERROR).strip())


def settle(page: Page, freeze_time: bool, complain: Complain) -> list[str]:
    """Steps between load and the first frame; returns what was done. Errors of the page's timers go to `complain`."""
    log = []
    page.evaluate(_STILL)
    for _ in range(STEPS):
        _let_time_pass(page, freeze_time, complain)
    try:
        page.wait_for_load_state("networkidle", timeout=NETWORK_IDLE_MS)
    except TimedOut:
        # A page that always talks is looked at as it is; the log says so.
        log.append(f"network never idle within {NETWORK_IDLE_MS} ms")
    if freeze_time:
        _let_time_pass(page, freeze_time, complain)
    log.extend(_images(page))
    page.evaluate("() => document.fonts.ready.then(() => document.fonts.size)")
    finished, cancelled = page.evaluate(_FINISH_ANIMATIONS)
    log.append(f"animations: {finished} finished, {cancelled} cancelled")
    return log


def _images(page: Page) -> list[str]:
    until = time.monotonic() + IMAGES_WAIT_SECONDS
    while pending := page.evaluate(_PENDING_IMAGES):
        if time.monotonic() > until:
            return [f"images: {pending} still loading after {IMAGES_WAIT_SECONDS:g} s"]
        time.sleep(0.05)
    return ["images: all complete"]


def capture(page: Page, masks: tuple[str, ...], freeze_time: bool, complain: Complain) -> tuple[bytes, bool, list[str]]:
    """Frames until two in a row are equal: (PNG, whether two were, what was done)."""
    log: list[str] = []
    session = page.context.new_cdp_session(page)
    try:
        previous = _masked_frame(page, session, masks, log)
        for number in range(2, MAX_FRAMES + 1):
            _let_time_pass(page, freeze_time, complain)
            page.evaluate(_FINISH_ANIMATIONS)
            current = _masked_frame(page, session, masks, log)
            if current == previous:
                return current, True, [*dict.fromkeys(log), f"frames: two equal after {number}"]
            previous = current
        return previous, False, [*dict.fromkeys(log), f"frames: no two of {MAX_FRAMES} were equal"]
    finally:
        session.detach()


def _masked_frame(page: Page, session: CDPSession, masks: tuple[str, ...], log: list[str]) -> bytes:
    """One frame with its masks laid on anew: a page may have moved since the last one, and taking one can move it."""
    masked, missing = page.evaluate(_MASK, list(masks))
    if masks:
        nothing = f"; nothing matches {', '.join(missing)}" if missing else ""
        log.append(f"masks: {masked} elements covered{nothing}")
    try:
        picture, clipped = _frame(session)
    finally:
        page.evaluate(_UNMASK)
    if clipped:
        log.append(f"taller than {MAX_HEIGHT} px: only the upper part is in the picture")
    return picture


def _frame(session: CDPSession) -> tuple[bytes, bool]:
    size: dict[str, Any] = session.send("Page.getLayoutMetrics")["cssContentSize"]
    height = min(size["height"], MAX_HEIGHT)
    shot = session.send(
        "Page.captureScreenshot",
        {
            "format": "png",
            "optimizeForSpeed": True,
            "captureBeyondViewport": True,
            "clip": {"x": 0, "y": 0, "width": size["width"], "height": max(height, 1), "scale": 1},
        },
    )
    return base64.b64decode(shot["data"]), size["height"] > MAX_HEIGHT
