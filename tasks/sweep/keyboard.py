"""Walks through a loaded page by keyboard and tells what only behaviour shows; decides nothing.

What is done, in this order, within `WALK_SECONDS`:

1. Tab is pressed with real key events, from wherever the focus is, until every stop was seen (WCAG 2.1.1, 2.4.3).
   Frames of the same and of other origins and shadow roots are entered. Each stop is asked what marks it as focused,
   once it has lost the focus again (2.4.7), and what lies over it (2.4.11).
2. Where Tab does not lead on although more could be reached, Escape and Shift+Tab are tried (2.1.2), and the walk goes
   on behind the trap.
3. Elements that answer to a pointer are compared with the stops (2.1.1): their listeners are asked for over CDP, so a
   handler on `document`, `body` or a wrapper of controls does not count. Libraries that listen at a root for all
   elements leave marks on those that have a handler, which are asked for too. So are parts that style sheets show while
   a pointer is on another one.
4. Where the styles leave doubt, two pictures with and without the focus are compared.
5. Every text is doubled in place for a moment (1.4.4). Text alone is enlarged, as a phone's text size and Firefox's
   "zoom text only" do: a zoom of the whole page is a narrower window, which is the next step.
6. The window is made 320 CSS pixels wide (1.4.10).

Nothing is ever activated: no Enter, no Space, no click. Target size (2.5.8) is axe's. The probe runs in isolated
worlds, so a page whose clock is stopped or whose scripts replaced built-ins is walked like any other; only the marks of
libraries are read in the page's own world, where alone they can be seen. Dialogs are
dismissed by whoever listens to the page (Playwright does when nobody is). A page that does not answer is ended by the
deadline of the visit, which kills the browser; then, as after a navigation, the evidence says how far the walk came.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any

from PIL import Image, ImageChops
from playwright.sync_api import CDPSession, Error, Page

from evidence_store.model import deindexed
from evidence_store.workspace import Workspace
from tasks.doors.browser import first_line
from tasks.sweep.keyboard_picture import draw
from tasks.sweep.models import (
    ClickTarget,
    FocusTrap,
    HoverPart,
    KeyboardWalk,
    LostText,
    NarrowWindow,
    PageBox,
    PageElement,
    TabStop,
    WalkDetails,
    WideElement,
)

WALK_SECONDS = 30.0
MAX_STOPS = 600
MAX_INNER_STOPS = 24
"""Presses inside one element; a date and time field with its picker has seven."""
MAX_TRAPS = 5
MAX_FRAMES = 60
MAX_LISTENERS = 1_500
"""Elements with pointer listeners that are looked up in one document."""
MAX_COMPARED = 40
"""Pairs of pictures for one page."""
ALIKE = 2
"""Pairs of pictures for elements that differ by nothing but their place."""
NARROW_WIDTH = 320
PROBE_MS = 10_000
"""The longest one question to the probe may take on the largest page."""
REFLOW_SETTLES_MS = 300
MARGIN = 12
"""CSS pixels around an element that belong to the pictures of its focus."""
VISIBLE_DIFFERENCE = 24
"""Of 255, in any channel of a pixel."""
VISIBLE_PIXELS = 12

_POINTER_EVENTS = frozenset({"click", "mousedown", "mouseup", "pointerdown", "pointerup", "touchstart", "touchend"})
_KEY_EVENTS = frozenset({"keydown", "keyup", "keypress"})
_FOCUS_EVENTS = frozenset({"focus", "focusin"})
_HEARD_EVENTS = _POINTER_EVENTS | _KEY_EVENTS | _FOCUS_EVENTS
_TAB = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
_ESCAPE = {"key": "Escape", "code": "Escape", "windowsVirtualKeyCode": 27}
_SHIFT = 8
_WINDOW = "function () { return this.defaultView; }"
_PROBE = "globalThis.stageproofKeyboard"

_Key = tuple[int, int]
"""A document and an element in it; -1 is the document itself."""


class _UnfinishedError(Exception):
    """The walk ends here, for a reason a person can act on."""


@cache
def _source(name: str) -> str:
    return files("tasks.sweep").joinpath(name).read_text(encoding="utf-8")


@dataclass
class Walk:
    """What one walk saw; `problem` says why it did not come to its end."""

    details: WalkDetails = field(default_factory=WalkDetails)
    picture: bytes | None = None
    tabbable: int = 0
    clickable: int = 0
    elements: int = 0
    inert: int = 0
    frames: int = 0
    frames_missed: int = 0
    presses: int = 0
    problem: str | None = None
    seconds: float = 0


def keyboard_evidence(
    tab: Page, subject: str, workspace: Workspace, picture: bytes | None = None, seconds: float = WALK_SECONDS
) -> KeyboardWalk:
    """Walk through a loaded page whose clock runs, and write what was seen; browser errors become its `problem`.

    `picture` is a PNG of the whole page, to draw the stops on; without one it is taken.
    """
    walked = walk(tab, picture, seconds)
    folder = f"data/sweep/{subject}"
    content = walked.details.model_dump_json(indent=1).encode("utf-8", "replace")
    return KeyboardWalk(
        subject=subject,
        gathered_at=datetime.now(UTC),
        problem=walked.problem,
        details=workspace.write(f"{folder}/keyboard.json", content, "application/json"),
        picture=workspace.write(f"{folder}/keyboard.png", walked.picture, "image/png") if walked.picture else None,
        stops=len(walked.details.stops),
        tabbable=walked.tabbable,
        clickable=walked.clickable,
        elements=walked.elements,
        inert=walked.inert,
        frames=walked.frames,
        frames_missed=walked.frames_missed,
        seconds=walked.seconds,
    )


def not_walked(subject: str, reason: str | None) -> KeyboardWalk:
    """In place of a walk that could not begin, because the visit had failed before."""
    problem = reason or "the visit ended before the walk by keyboard could begin"
    return KeyboardWalk(subject=subject, gathered_at=datetime.now(UTC), problem=problem)


def walk(tab: Page, picture: bytes | None = None, seconds: float = WALK_SECONDS) -> Walk:
    """Walk through a loaded page; never raises for what a page does, but says how far it came."""
    began = time.monotonic()
    walker = _Walker(tab, began + seconds)
    problem = None
    try:
        walker.go(picture)
    except _UnfinishedError as unfinished:
        problem = str(unfinished)
    except Error as error:
        problem = walker.left_for or f"the walk by keyboard broke off: {first_line(error)}"
    finally:
        walker.clean_up()
    walked = walker.result()
    walked.problem = problem
    if walked.picture is None and picture is not None:
        walked.picture = _drawn(picture, walked.details, 0)
    walked.seconds = round(time.monotonic() - began, 3)
    return walked


@dataclass
class _Document:
    """One frame's document, with the isolated world the probe lives in."""

    index: int
    frame_id: str
    session: CDPSession
    world: int
    parent: int | None
    path: str
    """Selectors of the frames that lead here, each followed by ` >> `."""

    def call(self, expression: str, *, wait: bool = False) -> Any:
        """Ask the probe; raises Error when the document is gone or the probe failed."""
        answer = self.session.send(
            "Runtime.evaluate",
            {
                "expression": f"{_PROBE}.{expression}",
                "contextId": self.world,
                "returnByValue": True,
                "awaitPromise": wait,
                "timeout": PROBE_MS,
            },
        )
        return _value(answer)


def _value(answer: Mapping[str, Any]) -> Any:
    if "exceptionDetails" in answer:
        details = answer["exceptionDetails"]
        words = details.get("exception", {}).get("description") or details.get("text", "")
        raise Error(f"the probe failed in the page: {words}")
    return answer["result"].get("value")


@dataclass
class _Stop:
    """A stop while the walk goes on."""

    key: _Key
    seen: dict[str, Any]
    after_start: bool
    """It was reached after the focus had left the document, so it comes before those reached earlier."""
    by_script: bool = False
    inner: int = 0
    shown_by: str = ""
    plain: bool = False
    on_itself: bool = False
    """What marks it is on the element, and on nothing beside or around it."""
    settled: bool = False
    visible: bool | None = None
    told_by: str = ""


class _Walker:
    """The state of one walk."""

    def __init__(self, tab: Page, until: float) -> None:
        self._tab = tab
        self._until = until
        self._sessions: list[CDPSession] = []
        self._documents: list[_Document] = []
        self._missed = 0
        self._stops: dict[_Key, _Stop] = {}
        self._traps: list[FocusTrap] = []
        self._changes: list[str] = []
        self._last_document = 0
        self._presses = 0
        self._viewport = tab.viewport_size
        self._scroll = (0.0, 0.0)
        self._seen: dict[str, Any] = {}
        self._tabbable = self._clickable = self._elements = self._inert = 0
        self._places: dict[_Key, PageBox] = {}
        self._picture: bytes | None = None
        self.left_for: str | None = None
        """Set when the page's own document was replaced: what it went to, and from which stop."""

    # -- the order of things -------------------------------------------------------------------------------------------

    def go(self, picture: bytes | None) -> None:
        """All steps, one after the other; raises _UnfinishedError or Error where it has to end."""
        self._enter()
        focused_first = self._main.call("activeId()")
        viewport = self._main.call("viewport()")
        self._scroll = (viewport["scroll"][0], viewport["scroll"][1])
        counts = [document.call("start()") for document in self._documents]
        self._tabbable = sum(count["tabbables"] for count in counts)
        self._elements = sum(count["elements"] for count in counts)
        self._inert = sum(count["inert"] for count in counts)
        self._press_through()
        for document in self._documents:
            self._settle(document, document.call("leave()"))
        self._unreached()
        self._clickables()
        self._compare()
        self._enlarge()
        self._locate(picture)
        self._narrow()
        if focused_first is not None:
            self._main.call(f"focusUnlooked({focused_first})")
        self._main.call(f"scroll({self._scroll[0]}, {self._scroll[1]})")

    def clean_up(self) -> None:
        """Leave the page as it was found, as far as it is still there."""
        with suppress(Error):
            if self._viewport is not None and self._tab.viewport_size != self._viewport:
                self._tab.set_viewport_size(self._viewport)
        for document in self._documents:
            with suppress(Error):
                document.call("end()")
        for session in self._sessions:
            with suppress(Error):
                session.detach()

    def result(self) -> Walk:
        """What was seen, with the stops numbered in the order of the page."""
        ordered = [s for s in self._stops.values() if s.after_start] + [
            s for s in self._stops.values() if not s.after_start
        ]
        stops = tuple(self._told(stop, number) for number, stop in enumerate(ordered, 1))
        details = WalkDetails(stops=stops, traps=tuple(self._traps), changes=tuple(self._changes), **self._seen)
        return Walk(
            details=details,
            picture=self._picture,
            tabbable=self._tabbable,
            clickable=self._clickable,
            elements=self._elements,
            inert=self._inert,
            frames=len(self._documents),
            frames_missed=self._missed,
            presses=self._presses,
        )

    @property
    def _main(self) -> _Document:
        return self._documents[0]

    def _in_time(self, doing: str) -> None:
        if time.monotonic() > self._until:
            raise _UnfinishedError(
                f"the walk by keyboard ran out of time while {doing}, after {len(self._stops)} stops"
                f" and {self._presses} presses of Tab; what follows was not looked at"
            )

    # -- documents -----------------------------------------------------------------------------------------------------

    def _enter(self) -> None:
        session = self._open(self._tab)
        session.on("Page.javascriptDialogOpening", self._dialog)
        # A session of a crashed page waits for ever; closing the page ends what waits with an error.
        session.on("Inspector.targetCrashed", lambda _event: self._crashed())
        session.on("Page.windowOpen", lambda event: self._changed(f"a new window for {str(event.get('url'))[:200]}"))
        session.send("Page.enable")
        session.send("DOM.enable")
        tree = session.send("Page.getFrameTree")["frameTree"]
        main = tree["frame"]["id"]

        def navigated(event: dict[str, Any]) -> None:
            if event["frame"]["id"] == main:
                self.left_for = (
                    f"the page went to {str(event['frame']['url'])[:200]} {self._where()}; the walk ended there"
                )
                self._changed(f"went to {str(event['frame']['url'])[:200]}")

        session.on("Page.frameNavigated", navigated)
        self._add(session, tree, None, "")
        for frame in self._tab.frames[1:]:
            try:
                inner = self._open(frame)
            except Error:
                continue  # a frame of the same process: it is in the tree of another session
            try:
                inner.send("DOM.enable")
                tree = inner.send("Page.getFrameTree")["frameTree"]
                parent = next((d for d in self._documents if d.frame_id == tree["frame"].get("parentId")), None)
                if parent is not None:
                    self._add_frame(inner, tree, parent)
            except Error:
                self._missed += not frame.is_detached()

    def _open(self, where: Any) -> CDPSession:
        session = self._tab.context.new_cdp_session(where)
        self._sessions.append(session)
        return session

    def _add(self, session: CDPSession, tree: Mapping[str, Any], parent: _Document | None, path: str) -> None:
        frame_id = tree["frame"]["id"]
        world = session.send("Page.createIsolatedWorld", {"frameId": frame_id, "worldName": "stageproof-keyboard"})
        document = _Document(
            index=len(self._documents),
            frame_id=frame_id,
            session=session,
            world=world["executionContextId"],
            parent=None if parent is None else parent.index,
            path=path,
        )
        _value(
            session.send("Runtime.evaluate", {"expression": _source("keyboard_probe.js"), "contextId": document.world})
        )
        self._documents.append(document)
        for child in tree.get("childFrames", ()):
            try:
                self._add_frame(session, child, document)
            except Error:
                self._missed += 1

    def _add_frame(self, session: CDPSession, tree: Mapping[str, Any], parent: _Document) -> None:
        """Look into a frame, unless nobody can see or reach it."""
        if len(self._documents) >= MAX_FRAMES:
            self._missed += 1
            return
        index = len(self._documents)
        owner = parent.session.send("DOM.getFrameOwner", {"frameId": tree["frame"]["id"]})
        element = self._resolve(parent, owner["backendNodeId"])
        answer = parent.session.send(
            "Runtime.callFunctionOn",
            {
                "functionDeclaration": f"function (index) {{ return {_PROBE}.frame(this, index) }}",
                "objectId": element,
                "arguments": [{"value": index}],
                "returnByValue": True,
            },
        )
        if not _value(answer):
            return
        place = parent.call(f"frameBox({index})")
        self._add(session, tree, parent, f"{parent.path}{place['selector']} >> ")

    @staticmethod
    def _resolve(document: _Document, node: int) -> str:
        found = document.session.send(
            "DOM.resolveNode", {"backendNodeId": node, "executionContextId": document.world, "objectGroup": "walk"}
        )
        return str(found["object"]["objectId"])

    def _crashed(self) -> None:
        self.left_for = f"the page crashed {self._where()}; the walk by keyboard ended there"
        with suppress(Error):
            self._tab.close()

    def _dialog(self, event: dict[str, Any]) -> None:
        self._changed(f"a dialog ({event.get('type')}: {str(event.get('message'))[:120]})")

    def _changed(self, what: str) -> None:
        if len(self._changes) < 20:
            self._changes.append(f"{what} {self._where()}")

    def _where(self) -> str:
        if not self._stops:
            return "before the focus reached anything"
        last = next(reversed(self._stops.values()))
        return f"while the focus was at or near {self._documents[last.key[0]].path}{last.seen['selector']}"

    # -- Tab -----------------------------------------------------------------------------------------------------------

    def _press(self, key: Mapping[str, Any], modifiers: int = 0) -> None:
        session = self._main.session
        session.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "modifiers": modifiers, **key})
        session.send("Input.dispatchKeyEvent", {"type": "keyUp", "modifiers": modifiers, **key})
        self._presses += 1

    def _look(self, *, after_start: bool, by_script: bool = False) -> tuple[_Key | None, bool]:
        """(where the focus is, whether the page kept the key from its work)."""
        document = self._main
        chain = []
        while True:
            chain.append(document.index)
            seen = document.call("look()")
            self._settle(document, seen["settled"])
            if seen["at"] != "frame":
                break
            document = self._documents[seen["frame"]] if seen["frame"] < len(self._documents) else document
            if document.index in chain:
                break
        if self._last_document not in chain:
            last = self._documents[self._last_document]
            with suppress(Error):  # a frame that went away takes nothing with it but its last answer
                self._settle(last, last.call("settle()"))
        self._last_document = document.index
        if seen["at"] == "nowhere" and document.index == 0:
            return None, bool(seen["prevented"])
        key = (document.index, seen["id"] if seen["at"] == "element" else -1)
        if key not in self._stops:
            stop = seen.get("stop") or self._document_stop(document, seen)
            self._stops[key] = _Stop(key, stop, after_start=after_start, by_script=by_script)
        return key, bool(seen["prevented"])

    def _document_stop(self, document: _Document, seen: Mapping[str, Any]) -> dict[str, Any]:
        """The focus stands on a frame's document, or in a frame that came after the walk had begun."""
        if seen["at"] == "unknown frame":
            self._missed += 1
        inside = "" if document.index == 0 or seen["at"] == "unknown frame" else "html"
        return {"selector": seen.get("selector") or inside, "tag": "iframe", "document": True, "inner": True}

    def _settle(self, document: _Document, told: Mapping[str, Any] | None) -> None:
        if told is None or (document.index, told["id"]) not in self._stops:
            return
        stop = self._stops[document.index, told["id"]]
        stop.settled = not told.get("gone", False)
        stop.shown_by, stop.plain = str(told.get("what", "")), bool(told.get("plain"))
        stop.on_itself = bool(told.get("own"))

    def _press_through(self) -> None:
        """Press Tab until the focus comes back to where it first was, or left the document twice."""
        first: _Key | None = None
        last: _Key | None = None
        run: list[_Key] = []
        left = False
        while True:
            self._in_time("pressing Tab")
            if len(self._stops) > MAX_STOPS:
                raise _UnfinishedError(f"the page has more than {MAX_STOPS} tab stops; what follows was not looked at")
            self._press(_TAB)
            key, prevented = self._look(after_start=left)
            if key is None:
                if left:
                    return
                left, last, run = True, None, []
                continue
            stop = self._stops[key]
            if key == last:
                stop.inner += 1
                inner = stop.seen.get("inner") or self._is_closed(key)
                if stop.inner <= (0 if prevented else MAX_INNER_STOPS if inner else 1):
                    continue
                members = [key]
            elif key == first:
                if left or not self._more():
                    return
                members = list(run)
            elif key in run:
                members = run[run.index(key) :]
            else:
                first = key if first is None else first
                last = key
                run.append(key)
                continue
            if all(self._stops[one].seen.get("modal") for one in members) or not self._more():
                return
            key = self._get_out(members, after_start=left, prevented=prevented)
            if key is None:
                return
            last, run = key, [key]

    def _is_closed(self, key: _Key) -> bool:
        """Whether an element has a closed shadow root, in which the focus may move unseen."""
        document = self._documents[key[0]]
        if key[1] < 0:
            return False
        answer = document.session.send(
            "Runtime.evaluate", {"expression": f"{_PROBE}.element({key[1]})", "contextId": document.world}
        )
        node = document.session.send("DOM.describeNode", {"objectId": answer["result"]["objectId"]})["node"]
        return any(root.get("shadowRootType") == "closed" for root in node.get("shadowRoots", ()))

    def _more(self) -> bool:
        return any(document.call("unreached()")["count"] for document in self._documents)

    def _get_out(self, members: Sequence[_Key], *, after_start: bool, prevented: bool) -> _Key | None:
        """Try the ways out of a possible trap, record it, and go on behind it; None when that cannot be done."""
        exit_key, key = "", None
        for word, pressed, modifiers in (("Escape", _TAB, 0), ("Shift+Tab", _TAB, _SHIFT)):
            if word == "Escape":
                self._press(_ESCAPE)
                self._look(after_start=after_start)
            for _ in range(len(members) + 1):
                self._in_time("looking for a way out of a possible trap")
                self._press(pressed, modifiers)
                key, _ = self._look(after_start=after_start)
                if key not in members:
                    exit_key = word
                    break
            if exit_key:
                break
        self._traps.append(
            FocusTrap(
                members=tuple(self._element(self._stops[one]) for one in members[:20]),
                exit=exit_key,
                key_prevented=prevented,
            )
        )
        if exit_key == "Escape" and key is not None:
            return key
        if len(self._traps) >= MAX_TRAPS:
            raise _UnfinishedError(f"the focus was caught {MAX_TRAPS} times; what follows was not looked at")
        for document in self._documents:
            for element in document.call("unreached()")["first"][:3]:
                if document.call(f"focusUnlooked({element['id']})"):
                    key, _ = self._look(after_start=after_start, by_script=True)
                    if key is not None and key not in members:
                        return key
        return None

    # -- what else is there --------------------------------------------------------------------------------------------

    def _unreached(self) -> None:
        found, count = [], 0
        for document in self._documents:
            told = document.call("unreached()")
            count += told["count"]
            found += [self._named(document, item) for item in told["first"]]
        self._seen |= {"unreached": tuple(found[:200]), "unreached_left_out": count - len(found[:200])}

    def _clickables(self) -> None:
        found: list[ClickTarget] = []
        hover_only: list[HoverPart] = []
        left_out = 0
        for document in self._documents:
            self._in_time("asking for click handlers")
            types, window_hears_keys = self._listeners(document)
            left_out += max(0, len(types) - MAX_LISTENERS)
            nodes = []
            for node in list(types)[:MAX_LISTENERS]:
                with suppress(Error):  # a node that is gone cannot be clicked
                    nodes.append((self._resolve(document, node), types[node]))
            told = _value(
                document.session.send(
                    "Runtime.callFunctionOn",
                    {
                        "functionDeclaration": f"(types, far, ...heard) => {_PROBE}.clickables(types, heard, far)",
                        "executionContextId": document.world,
                        "arguments": [
                            {"value": [kinds for _, kinds in nodes]},
                            {"value": window_hears_keys},
                            *({"objectId": node} for node, _ in nodes),
                        ],
                        "returnByValue": True,
                    },
                )
            )
            document.session.send("Runtime.releaseObjectGroup", {"objectGroup": "walk"})
            self._clickable += told["count"]
            left_out += told["leftOut"]
            found += [
                ClickTarget(
                    **self._named(document, item).model_dump(),
                    signs=tuple(item["signs"]),
                    path=item["path"],
                    has_content=item["content"],
                    hidden=item["hidden"],
                )
                for item in told["found"]
            ]
            hover_only += [
                HoverPart(**self._named(document, item).model_dump(), pointed_at=f"{document.path}{item['by']}")
                for item in document.call("shownToPointers()")
            ]
        self._seen |= {"mouse_only": tuple(found), "mouse_only_left_out": left_out, "hover_only": tuple(hover_only)}

    @staticmethod
    def _listeners(document: _Document) -> tuple[dict[int, list[str]], bool]:
        """(types of listeners by node, in the document and its shadow roots; whether its window hears keys).

        What libraries listen for at a root is told to the probe on the way.
        """
        types: dict[int, list[str]] = {}
        window_hears_keys = False
        told_by, events = f"stageproof-{secrets.token_hex(8)}", sorted(_HEARD_EVENTS)
        roots = int(document.call("roots()"))
        document.call(f"hear({json.dumps(told_by)}, {json.dumps(events)})")
        for root in range(roots):
            answer = document.session.send(
                "Runtime.evaluate",
                {"expression": f"{_PROBE}.root({root})", "contextId": document.world, "objectGroup": "walk"},
            )
            # Chromium tells the listeners of the world an object comes from, and those of the page are in the page's.
            node = document.session.send("DOM.describeNode", {"objectId": answer["result"]["objectId"]})["node"]
            its_own = document.session.send(
                "DOM.resolveNode", {"backendNodeId": node["backendNodeId"], "objectGroup": "walk"}
            )["object"]["objectId"]
            told = document.session.send(
                "DOMDebugger.getEventListeners",
                # Never with `pierce`: after it, Chromium 156 crashes when text is enlarged.
                {"objectId": its_own, "depth": -1, "pierce": False},
            )
            for listener in told["listeners"]:
                target = listener.get("backendNodeId")
                if listener["type"] in _HEARD_EVENTS and target is not None:
                    types.setdefault(target, []).append(listener["type"])
            if root == 0:
                window = document.session.send(
                    "Runtime.callFunctionOn",
                    {"functionDeclaration": _WINDOW, "objectId": its_own, "objectGroup": "walk"},
                )
                told = document.session.send(
                    "DOMDebugger.getEventListeners", {"objectId": window["result"]["objectId"]}
                )
                window_hears_keys = any(listener["type"] in _KEY_EVENTS for listener in told["listeners"])
            document.session.send(
                "Runtime.callFunctionOn",
                {
                    "functionDeclaration": _source("keyboard_delegates.js"),
                    "objectId": its_own,
                    "arguments": [{"value": told_by}, {"value": events}],
                    # A page that put its own in place of what this calls can hide its handlers, not end the walk.
                    "silent": True,
                },
            )
        # What hears the focus alone is neither clicked nor operated by it.
        operated = {node: kinds for node, kinds in types.items() if not _FOCUS_EVENTS.issuperset(kinds)}
        return operated, window_hears_keys

    # -- pictures of the focus -----------------------------------------------------------------------------------------

    def _compare(self) -> None:
        """Say of each stop whether its focus can be seen, by its styles or by two pictures."""
        told: dict[str, list[bool | None]] = {}
        compared = 0
        for stop in self._stops.values():
            coverage = stop.seen.get("coverage")
            if stop.seen.get("document") or coverage is None:
                stop.visible, stop.told_by = True, "document"
            elif stop.seen["caret"]:
                stop.visible, stop.told_by, stop.shown_by = True, "styles", stop.shown_by or "caret"
            elif stop.settled and stop.plain and (coverage["inside"] or (coverage["proxy"] and not stop.on_itself)):
                stop.visible, stop.told_by = True, "styles"
            elif coverage["inside"] and not coverage["seen"] and coverage["covered"]:
                stop.told_by = "covered"  # its mark lies under the same thing
            else:
                kind = f"{stop.key[0]} {deindexed(stop.seen['selector'])} {stop.shown_by}"
                alike = told.setdefault(kind, [])
                if len(alike) >= ALIKE and len(set(alike)) == 1:
                    stop.visible, stop.told_by = alike[0], "alike"
                elif compared < MAX_COMPARED:
                    self._in_time("comparing pictures of the focus")
                    stop.visible, stop.told_by = self._differs(stop), "pixels"
                    stop.shown_by = (stop.shown_by or "pixels") if stop.visible else ""
                    alike.append(stop.visible)
                    compared += 1

    def _differs(self, stop: _Stop) -> bool | None:
        """Whether the page looks different where an element has the focus; None when that cannot be told."""
        document = self._documents[stop.key[0]]
        box = document.call(f"focus({stop.key[1]})")
        if box is None:
            return None
        clip = self._clip(document, box)
        if clip is None:
            return False  # all of it lies outside the window
        focused = self._shot(clip)
        document.call("leave()")
        blurred = self._shot(clip)
        if _pixels_differ(focused, blurred) < VISIBLE_PIXELS:
            return False
        if document.call(f"focus({stop.key[1]})") is None:
            return None
        again = self._shot(clip)
        document.call("leave()")
        # Something else moves there: what differs need not be the focus.
        return True if _pixels_differ(focused, again) < VISIBLE_PIXELS else None

    def _clip(self, document: _Document, box: Mapping[str, float]) -> dict[str, float] | None:
        x, y, _ = self._offset(document)
        window = self._main.call("viewport()")
        left, top = max(0.0, box["x"] + x - MARGIN), max(0.0, box["y"] + y - MARGIN)
        right = min(window["width"], box["x"] + x + box["width"] + MARGIN)
        bottom = min(window["height"], box["y"] + y + box["height"] + MARGIN)
        if right - left < 1 or bottom - top < 1:
            return None
        scroll = window["scroll"]
        return {
            "x": left + scroll[0],
            "y": top + scroll[1],
            "width": right - left,
            "height": bottom - top,
            "scale": 1,
        }

    def _shot(self, clip: Mapping[str, float]) -> bytes:
        shot = self._main.session.send(
            "Page.captureScreenshot", {"format": "png", "optimizeForSpeed": True, "clip": dict(clip)}
        )
        return base64.b64decode(shot["data"])

    def _offset(self, document: _Document) -> tuple[float, float, bool]:
        """Where a document's window lies in the page's own, and whether it is fixed or sticky there."""
        x = y = 0.0
        pinned = False
        while document.parent is not None:
            place = self._documents[document.parent].call(f"frameBox({document.index})")
            x, y, pinned = x + place["x"], y + place["y"], pinned or place["pinned"]
            document = self._documents[document.parent]
        return x, y, pinned

    # -- text and window -----------------------------------------------------------------------------------------------

    def _enlarge(self) -> None:
        texts, left_out = 0, 0
        lost: list[LostText] = []
        for document in self._documents:
            self._in_time("enlarging text")
            told = document.call("enlarge()")
            texts += told["texts"]
            left_out += told["leftOut"]
            lost += [
                LostText(
                    selector=f"{document.path}{item['selector']}",
                    name=item["name"],
                    how=item["how"],
                    pixels=item["pixels"],
                )
                for item in told["found"]
            ]
        self._seen |= {"enlarged_texts": texts, "lost_texts": tuple(lost), "lost_texts_left_out": left_out}

    def _narrow(self) -> None:
        self._in_time("narrowing the window")
        size = self._viewport
        if size is None:
            return
        self._tab.set_viewport_size({"width": NARROW_WIDTH, "height": size["height"]})
        self._main.call("frames()", wait=True)
        told = self._main.call("reflow()")
        if told["found"] or told["content"] > told["width"] + 1:
            # Charts and menus follow a new width with a delay.
            self._tab.wait_for_timeout(REFLOW_SETTLES_MS)
            told = self._main.call("reflow()")
        self._tab.set_viewport_size(size)
        self._main.call("frames()", wait=True)
        self._seen["narrow"] = NarrowWindow(
            width=told["width"],
            content=told["content"],
            elements=tuple(
                WideElement(selector=item["selector"], pixels=item["pixels"], two_dimensional=item["flat"])
                for item in told["found"]
            ),
            left_out=told["leftOut"],
        )

    # -- names and places ----------------------------------------------------------------------------------------------

    def _locate(self, picture: bytes | None) -> None:
        """Where each stop lies on the page that is not scrolled, and the picture with all of them."""
        self._in_time("drawing the stops")
        self._main.call("toTop()")
        for document in self._documents:
            wanted = [key[1] for key in self._stops if key[0] == document.index and key[1] >= 0]
            if not wanted:
                continue
            x, y, _ = self._offset(document)
            for element, place in zip(wanted, document.call(f"places({wanted})"), strict=True):
                # What only comes into view with the focus, such as a skip link, is drawn where it then was.
                if place is not None and place["y"] + y + place["height"] > 0 and place["x"] + x + place["width"] > 0:
                    self._places[document.index, element] = PageBox(
                        x=round(place["x"] + x, 1),
                        y=round(place["y"] + y, 1),
                        width=place["width"],
                        height=place["height"],
                    )
        page = self._main.call("viewport()")["page"]
        self._picture = _drawn(picture or self._page_picture(page), self.result().details, page[0])

    def _page_picture(self, page: Sequence[float]) -> bytes:
        return base64.b64decode(
            self._main.session.send(
                "Page.captureScreenshot",
                {
                    "format": "png",
                    "optimizeForSpeed": True,
                    "captureBeyondViewport": True,
                    "clip": {"x": 0, "y": 0, "width": page[0], "height": min(page[1], 15_000), "scale": 1},
                },
            )["data"]
        )

    def _named(self, document: _Document, item: Mapping[str, Any]) -> PageElement:
        place = item.get("place")
        x, y, _ = self._offset(document) if place else (0.0, 0.0, False)
        scroll = (
            (place or {}).get("scroll", (0, 0)) if document.index == 0 and place and not place["pinned"] else (0, 0)
        )
        return PageElement(
            selector=f"{document.path}{item['selector']}",
            tag=item.get("tag", ""),
            role=item.get("role", ""),
            name=item.get("name", ""),
            box=place
            and PageBox(
                x=round(place["x"] + x + scroll[0], 1),
                y=round(place["y"] + y + scroll[1], 1),
                width=place["width"],
                height=place["height"],
            ),
        )

    def _element(self, stop: _Stop) -> PageElement:
        return PageElement(
            selector=f"{self._documents[stop.key[0]].path}{stop.seen['selector']}".removesuffix(" >> "),
            tag=stop.seen.get("tag", ""),
            role=stop.seen.get("role", ""),
            name=stop.seen.get("name", ""),
            box=self._places.get(stop.key) or _first_place(stop),
        )

    def _told(self, stop: _Stop, number: int) -> TabStop:
        coverage = stop.seen.get("coverage")
        covered = bool(coverage and coverage["inside"] and not coverage["seen"] and coverage["covered"])
        return TabStop(
            **self._element(stop).model_dump(),
            number=number,
            tabindex=stop.seen.get("tabindex"),
            pinned=bool(stop.seen.get("place", {}).get("pinned")),
            is_document=bool(stop.seen.get("document")),
            visible=stop.visible,
            shown_by=stop.shown_by,
            told_by=stop.told_by,
            on_screen=coverage is None or bool(coverage["inside"] or coverage["proxy"]),
            obscured_by=coverage["by"] if coverage and covered else "",
            inner_stops=stop.inner,
            by_script=stop.by_script,
        )


def _first_place(stop: _Stop) -> PageBox | None:
    """Where an element that is gone lay when it had the focus."""
    place = stop.seen.get("place")
    if place is None or stop.key[0] != 0:
        return None
    scroll = (0, 0) if place["pinned"] else place["scroll"]
    return PageBox(x=place["x"] + scroll[0], y=place["y"] + scroll[1], width=place["width"], height=place["height"])


def _pixels_differ(one: bytes, other: bytes) -> int:
    with Image.open(BytesIO(one)) as first, Image.open(BytesIO(other)) as second:
        if first.size != second.size:
            return first.width * first.height
        channels = ImageChops.difference(first.convert("RGB"), second.convert("RGB")).split()
    largest = ImageChops.lighter(ImageChops.lighter(channels[0], channels[1]), channels[2])
    return sum(largest.histogram()[VISIBLE_DIFFERENCE:])


def _drawn(picture: bytes, details: WalkDetails, page_width: float) -> bytes | None:
    return draw(picture, details, page_width) if details.stops or details.mouse_only else None
