"""axe-core in every frame of a page, cross-origin ones too: a partial run in each, joined in a blank page.

A page without frames is run whole: the result is the same, and a third of the time is saved.

The engine is the vendored axe-core 4.14.1, held by axe-playwright-python. Its own `run()` is not used: it tests the top
frame only, keeps one needs-review node for each rule and leaves out target-size (WCAG 2.2, 2.5.8).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Frame, Page

from tasks.sweep.models import axe_parts
from tasks.sweep.stabilise import MAX_FRAMES

AXE_FILE = Path(__file__).parent.parent / "doors" / "vendor" / "axe-core-4.14.1.min.js"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
GATING_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
OPTIONS = {
    "runOnly": {"type": "tag", "values": [*GATING_TAGS, "best-practice"]},
    # Of rules that pass or do not apply one node is kept each: that they were applied is what counts.
    "resultTypes": ["violations", "incomplete"],
    "elementRef": False,
}

_SCAN = """
async ([options, context]) => {
  const contexts = window.axe.utils.getFrameContexts(context || document, options);
  if (!context && !contexts.length) {
    return JSON.stringify({ whole: await window.axe.run(document, { ...options, iframes: false }), frames: [] });
  }
  const partial = await window.axe.runPartial(context || document, options);
  const frames = contexts.map(item => ({ selector: item.frameSelector, context: item.frameContext }));
  return JSON.stringify({ partial, frames });
}
"""
_FINISH = """
async ([partials, options]) =>
  JSON.stringify(await window.axe.finishRun(partials.map(text => text && JSON.parse(text)), options))
"""
# A page may have put its own functions in place of those that axe calls: what comes back is its word.
_SOMETHING_ELSE = "the page told something else than what axe found"
_CHILD = "selector => window.axe.utils.shadowSelect(selector)"


@cache
def axe_source() -> str:
    """The engine's text, after its digest was checked; raises RuntimeError when it was altered."""
    if hashlib.sha256(AXE_FILE.read_bytes()).hexdigest() != AXE_SHA256:
        raise RuntimeError(f"{AXE_FILE} is not the axe-core that was vendored; restore it with `make vendor`")
    return str(Axe.from_file(AXE_FILE).axe_script)


class Joiner:
    """The page in which the partial results of a browser's frames are joined; made anew when that browser died."""

    def __init__(self, browser: Callable[[], Browser]) -> None:
        self._browser = browser
        self._page: Page | None = None

    def join(self, partials: list[str | None]) -> Any:
        """One result of the parts of a page's frames, in axe's order; None stands for a frame that was missed."""
        return json.loads(self._blank().evaluate(_FINISH, [partials, OPTIONS]))

    def _blank(self) -> Page:
        """A page with axe-core in it, which nobody else touches; made when the first page with frames asks for it."""
        browser = self._browser()
        if self._page is None or self._page.is_closed() or self._page.context.browser is not browser:
            self._page = browser.new_context().new_page()
            self._page.evaluate(axe_source())
        return self._page


def scan(page: Page, joiner: Joiner) -> tuple[dict[str, Any], int, int]:
    """(axe's result, frames scanned, frames missed)."""
    told = _tell(page.main_frame, None)
    if "whole" in told:
        result, scanned, missed = told["whole"], 1, 0
    else:
        partials: list[str | None] = []
        missed = _join(page.main_frame, told, partials)
        result = joiner.join(partials)
        scanned = len([partial for partial in partials if partial])
    if axe_parts(result) is None:
        raise Error(_SOMETHING_ELSE)
    return result, scanned, missed


def _tell(frame: Frame, context: Any) -> dict[str, Any]:
    """What axe found in a frame, and which frames that one holds."""
    frame.evaluate(axe_source())
    try:
        told = json.loads(frame.evaluate(_SCAN, [OPTIONS, context]))
    except (ValueError, TypeError, RecursionError) as error:
        raise Error(_SOMETHING_ELSE) from error
    # A frame is asked for its part; only a page that holds no frame is told whole.
    asked = {"whole", "partial"} if context is None else {"partial"}
    if not isinstance(told, dict) or not told.keys() & asked or not _are_frames(told.get("frames")):
        raise Error(_SOMETHING_ELSE)
    return told


def _are_frames(frames: Any) -> bool:
    return isinstance(frames, list) and all(
        isinstance(frame, dict) and "selector" in frame and isinstance(frame.get("context"), dict) for frame in frames
    )


def _join(frame: Frame, told: dict[str, Any], partials: list[str | None]) -> int:
    partials.append(json.dumps(told["partial"]))
    missed = 0
    for child in told["frames"]:
        if len(partials) >= MAX_FRAMES:
            partials.append(None)
            missed += 1
            continue
        try:
            element = frame.evaluate_handle(_CHILD, child["selector"]).as_element()
            inner = element.content_frame() if element else None
            if inner is not None:
                missed += _join(inner, _tell(inner, child["context"]), partials)
                continue
        except Error:
            pass  # told below, as a frame that was missed
        # axe's own protocol: a null in this place makes finishRun report the frame as untested.
        partials.append(None)
        missed += 1
    return missed
