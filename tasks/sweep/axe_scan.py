"""axe-core in every frame of a page, cross-origin ones too: a partial run in each, joined in the page's own document.

A page without frames is run whole: the result is the same, and a third of the time is saved.

The engine runs in a world of its own beside the page's scripts. It sees the same document, and nothing that the page
put in place of what axe calls (`Array.from`, `JSON.stringify`, an `axe` of its own); its timers go on while the page's
clock stands still, and what it puts off for no time comes at once. A frame whose sandbox forbids scripts lets no timer
run, not even there: it is scanned without any. What axe advises a blank page for, joining the parts where no script of
the page can alter them, that world gives as well.

The engine is the vendored axe-core 4.14.1, held by axe-playwright-python. Its own `run()` is not used: it tests the top
frame only, keeps one needs-review node for each rule and leaves out target-size (WCAG 2.2, 2.5.8).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import CDPSession, Error, Page

from tasks.sweep.closed_roots import open_declared
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

# Of axe's timers the short ones put work off, and in a row of them the browser makes each wait 4 ms (HTML, timers). The
# long ones end waiting, in a frame that lets no timer run for what such a frame is not asked for.
_TIMERS = """
globalThis.stageproofScriptless = matchMedia('(scripting: none)').matches;
(() => {
  const later = stageproofScriptless ? () => 0 : setTimeout;
  globalThis.setTimeout = (run, wait = 0, ...given) => {
    if (wait >= 1) return later(run, wait, ...given);
    Promise.resolve().then(() => run(...given));
    return 0;
  };
  if (stageproofScriptless) globalThis.clearTimeout = () => {};
})();
"""
_SCAN = """
async function (options, context) {
  // Style sheets of other origins come by events, which such a frame never hears; one rule reads them.
  const here = !stageproofScriptless ? options
    : { ...options, preload: false, rules: { 'css-orientation-lock': { enabled: false } } };
  const contexts = axe.utils.getFrameContexts(context || document, here);
  const nodes = document.querySelectorAll('*').length;
  if (!context && !contexts.length) {
    return JSON.stringify({ whole: await axe.run(document, { ...here, iframes: false }), frames: [], nodes });
  }
  const partial = await axe.runPartial(context || document, here);
  const frames = contexts.map(item => ({ selector: item.frameSelector, context: item.frameContext }));
  return JSON.stringify({ partial, frames, nodes });
}
"""
_FINISH = """
async function (partials, options) {
  return JSON.stringify(await axe.finishRun(partials.map(text => text && JSON.parse(text)), options));
}
"""
_SOMETHING_ELSE = "the page told something else than what axe found"
_IS_SEEN_IN_AN_OBJECT = "element => ['object', 'embed'].includes(element.localName) && element.checkVisibility()"
_CHILD = "function (selector) { return axe.utils.shadowSelect(selector); }"


@cache
def axe_source() -> str:
    """The engine's text in ASCII, after its digest was checked; raises RuntimeError when it was altered."""
    if hashlib.sha256(AXE_FILE.read_bytes()).hexdigest() != AXE_SHA256:
        raise RuntimeError(f"{AXE_FILE} is not the axe-core that was vendored; restore it with `make vendor`")
    # One letter beyond Latin makes the whole text, and each copy of it on its way into a page, twice as long.
    return re.sub(r"[^\x00-\x7f]", lambda letter: f"\\u{ord(letter[0]):04x}", Axe.from_file(AXE_FILE).axe_script)


@dataclass(frozen=True)
class Scanned:
    """What axe said of a page, and how much of it it looked at."""

    result: dict[str, Any]
    frames: int
    missed: int
    """Frames that could not be looked into."""
    nodes: int
    """Elements of the page's own document."""


def scan(page: Page, session: CDPSession, *, opens_roots: bool = False) -> Scanned:
    """Run axe in every frame of a page, whose own debugging session this is; raises Error when it did not finish.

    `opens_roots`: a document of it declares closed shadow roots, which are opened for axe.
    """
    with _opened(page, session, opens_roots) as documents:
        main = documents.main()
        told = _tell(main, None)
        if "whole" in told:
            result, scanned, missed = told["whole"], 1, 0
        else:
            partials: list[str | None] = []
            missed = _join(documents, main, told, partials)
            result = _json(main.call(_FINISH, partials, OPTIONS))
            scanned = len([partial for partial in partials if partial])
        missed += _documents_in_objects(page)
    if axe_parts(result) is None:
        raise Error(_SOMETHING_ELSE)
    return Scanned(result, scanned, missed, told["nodes"])


def _documents_in_objects(page: Page) -> int:
    """How many documents stand in an `object` or `embed`: axe knows frames alone and looks past them."""
    found = 0
    for frame in page.frames[1:]:
        with suppress(Error):  # a frame that is gone shows nothing
            if frame.frame_element().evaluate(_IS_SEEN_IN_AN_OBJECT):
                found += "html" in str(frame.evaluate("() => document.contentType"))
    return found


@dataclass(frozen=True)
class _Document:
    """One frame's document, with the world that axe lives in."""

    session: CDPSession
    world: int

    def call(self, function: str, *arguments: Any, by_value: bool = True) -> Mapping[str, Any]:
        """What a function returns (its `value`, or the object itself); raises Error when it failed."""
        answer = self.session.send(
            "Runtime.callFunctionOn",
            {
                "functionDeclaration": function,
                "executionContextId": self.world,
                "arguments": [{"value": argument} for argument in arguments],
                "returnByValue": by_value,
                "awaitPromise": True,
            },
        )
        return _result(answer)


class _Documents:
    """The documents of a page, as they are asked for."""

    def __init__(self, page: Page, session: CDPSession, opens_roots: bool) -> None:
        self._page = page
        self._main = session
        self._opens_roots = opens_roots
        self._apart: dict[str, CDPSession] | None = None

    def main(self) -> _Document:
        """The page's own document."""
        return self._with_axe(self._main, _own_frame(self._main))

    def inside(self, outer: _Document, selector: Any) -> _Document | None:
        """The document in a frame of another one, by axe's selector; None when there is none. Raises Error."""
        element = outer.call(_CHILD, selector, by_value=False).get("objectId")
        if element is None:
            return None
        frame = outer.session.send("DOM.describeNode", {"objectId": element})["node"].get("frameId")
        if frame is None:
            return None
        # A frame of another site has a process, and so a session, of its own.
        return self._with_axe(self._sessions_apart().get(frame, outer.session), frame)

    def _sessions_apart(self) -> Mapping[str, CDPSession]:
        if self._apart is None:
            self._apart = {}
            for frame in self._page.frames[1:]:
                with suppress(Error):  # of the same process, or gone
                    session = self._page.context.new_cdp_session(frame)
                    self._apart[_own_frame(session)] = session
        return self._apart

    def close(self) -> None:
        """Give up the sessions that were opened for frames."""
        for session in (self._apart or {}).values():
            with suppress(Error):
                session.detach()

    def _with_axe(self, session: CDPSession, frame: str) -> _Document:
        world = session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "stageproof-axe"})
        document = _Document(session, world["executionContextId"])
        source = _TIMERS + axe_source()
        _result(session.send("Runtime.evaluate", {"expression": source, "contextId": document.world}))
        if self._opens_roots:
            open_declared(session, document.world)
        return document


@contextmanager
def _opened(page: Page, session: CDPSession, opens_roots: bool) -> Iterator[_Documents]:
    documents = _Documents(page, session, opens_roots)

    # A session of a crashed page waits for ever; closing the page ends what waits with an error.
    def leave(_event: object) -> None:
        with suppress(Error):
            page.close()

    session.on("Inspector.targetCrashed", leave)
    try:
        yield documents
    finally:
        session.remove_listener("Inspector.targetCrashed", leave)
        documents.close()


def _own_frame(session: CDPSession) -> str:
    return str(session.send("Page.getFrameTree")["frameTree"]["frame"]["id"])


def _result(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    if "exceptionDetails" in answer:
        details = answer["exceptionDetails"]
        raise Error(str(details.get("exception", {}).get("description") or details.get("text", "")))
    result: Mapping[str, Any] = answer["result"]
    return result


def _json(answer: Mapping[str, Any]) -> Any:
    try:
        return json.loads(answer.get("value", ""))
    except (ValueError, TypeError, RecursionError) as error:
        raise Error(_SOMETHING_ELSE) from error


def _tell(document: _Document, context: Any) -> dict[str, Any]:
    """What axe found in a document, and which frames that one holds."""
    told = _json(document.call(_SCAN, OPTIONS, context))
    # A frame is asked for its part; only a page that holds no frame is told whole.
    asked = {"whole", "partial"} if context is None else {"partial"}
    if not isinstance(told, dict) or not told.keys() & asked or not _are_frames(told.get("frames")):
        raise Error(_SOMETHING_ELSE)
    if not isinstance(told.get("nodes"), int):
        raise Error(_SOMETHING_ELSE)
    return told


def _are_frames(frames: Any) -> bool:
    return isinstance(frames, list) and all(
        isinstance(frame, dict) and "selector" in frame and isinstance(frame.get("context"), dict) for frame in frames
    )


def _join(documents: _Documents, outer: _Document, told: dict[str, Any], partials: list[str | None]) -> int:
    partials.append(json.dumps(told["partial"]))
    missed = 0
    for child in told["frames"]:
        if len(partials) >= MAX_FRAMES:
            partials.append(None)
            missed += 1
            continue
        try:
            inner = documents.inside(outer, child["selector"])
            if inner is not None:
                missed += _join(documents, inner, _tell(inner, child["context"]), partials)
                continue
        except Error:
            pass  # told below, as a frame that was missed
        # axe's own protocol: a null in this place makes finishRun report the frame as untested.
        partials.append(None)
        missed += 1
    return missed
