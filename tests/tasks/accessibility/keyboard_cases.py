"""Walks by keyboard, clean, with barriers and broken off, each with the outcome it must end in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from evidence_store.model import CheckResult, Outcome, SubjectDecision
from tasks.plan import Plan
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
from tests.tasks.judged_runs import STARTED, Case, Run, judged, only_subject, plan_of

PASS, FAIL, ERROR, NOT_RUN = Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.NOT_RUN
SUBJECT = "home@desktop"
DETAILS = f"data/sweep/{SUBJECT}/keyboard.json"
FITS = NarrowWindow(width=320, content=320)


def stop(number: int = 1, selector: str = "#save", y: float = 0, x: float = 0, **more: Any) -> TabStop:
    """A stop whose focus shows, 100 px wide and 20 px high."""
    seen = {"tag": "button", "role": "button", "name": "Save", "visible": True, "told_by": "styles"}
    return TabStop(number=number, selector=selector, box=PageBox(x=x, y=y, width=100, height=20), **(seen | more))


def target(*signs: str, selector: str = "#open", path: str = "none", **more: Any) -> ClickTarget:
    """A `div` that answers to a pointer."""
    return ClickTarget(selector=selector, tag="div", name="Open", signs=signs, path=path, **more)


THREE = (stop(1, "#a", 0), stop(2, "#b", 40), stop(3, "#c", 80))
HAND = target("click listener", "pointer cursor")
KEYLESS_TEXT = target("click listener", path="keyless")
UNSEEN = stop(1, "#a", visible=False, told_by="pixels")


def evidence(
    stops: Sequence[TabStop] = THREE,
    *,
    content: bytes | None = None,
    stored: bytes | None = None,
    walked: bool = True,
    walks: int = 1,
    table: dict[str, Any] | None = None,
    narrow: NarrowWindow | None = FITS,
    texts: int | None = 40,
    walk: dict[str, Any] | None = None,
    **details: Any,
) -> tuple[Run, Plan]:
    """A run with a walk through `home`; `details` are parts of what it wrote down, `walk` of its evidence."""
    run = Run()
    told = WalkDetails(stops=tuple(stops), narrow=narrow, enlarged_texts=texts, **details)
    written = told.model_dump_json().encode() if content is None else content
    artifact = run.file(DETAILS, written, "application/json")
    if stored is not None:
        run.files[DETAILS] = stored
    counts = {"stops": len(stops), "tabbable": 3, "clickable": 14, "elements": 120, "frames": 2}
    seen = KeyboardWalk(
        subject=SUBJECT, gathered_at=STARTED, details=artifact if walked else None, **(counts | (walk or {}))
    )
    run.add(*[seen] * walks)
    return run, plan_of({"keyboard": table or {}})


def walk(*args: Any, **changes: Any) -> SubjectDecision:
    """What the page ended in."""
    run, plan = evidence(*args, **changes)
    return only_subject("keyboard", run, plan, SUBJECT)


def findings(*args: Any, **changes: Any) -> CheckResult:
    """Everything the judge said."""
    run, plan = evidence(*args, **changes)
    return judged("keyboard", run, plan)


def asks(name: str, says: str, *args: Any, **changes: Any) -> Case:
    """A question does not hold a release, and is never hidden."""
    return Case(name, PASS, says, partial(walk, *args, **changes), warns=True)


TRAP = FocusTrap(members=(PageElement(selector="#editor", tag="textarea"),), key_prevented=True)
WIDE = WideElement(selector="#card", pixels=220, two_dimensional=False)
ONE_QUESTION = "1 question to review"
GOOD = [
    Case("clean", PASS, "0 keyboard barriers of mouse-only or focus-not-visible; 0 questions to review", walk),
    Case(
        "nothing to operate",
        PASS,
        "0 keyboard barriers",
        partial(walk, (), walk={"tabbable": 0, "clickable": 0}),
    ),
    Case(
        "a frame's document needs no mark", PASS, "0 questions", partial(walk, [stop(visible=None, is_document=True)])
    ),
    Case("a header that stays in place", PASS, "0 questions", partial(walk, [stop(1, y=900), stop(2, pinned=True)])),
    Case("a second column", PASS, "0 questions", partial(walk, [stop(1, y=900), stop(2, x=400)])),
    Case(
        "a wide table that scrolls alone",
        PASS,
        "0 questions",
        partial(
            walk,
            narrow=NarrowWindow(
                width=320, content=320, elements=(WideElement(selector="table", pixels=90, two_dimensional=True),)
            ),
        ),
    ),
    asks("a handler without a sign", ONE_QUESTION, mouse_only=(target("click listener"),)),
    asks("a hand without a handler", ONE_QUESTION, mouse_only=(target("pointer cursor"),)),
    asks("a press handler", ONE_QUESTION, mouse_only=(target("pointer listener", "pointer cursor"),)),
    asks("taken out of the order", ONE_QUESTION, mouse_only=(target("control", "pointer cursor", path="script"),)),
    asks("whether a key leads there is unknown", ONE_QUESTION, mouse_only=(target("control", "role", path="unsure"),)),
    asks("Tab alone, and nothing shows that it is clicked", ONE_QUESTION, mouse_only=(KEYLESS_TEXT,)),
    asks("shown to a pointer alone", ONE_QUESTION, hover_only=(HoverPart(selector="#menu", pointed_at="#products"),)),
    asks("an empty backdrop", ONE_QUESTION, mouse_only=(target("onclick attribute", has_content=False),)),
    asks("a focus that could not be told", ONE_QUESTION, [stop(visible=None)]),
    asks("a covered focus", ONE_QUESTION, [stop(visible=None, obscured_by="footer")]),
    asks("a possible trap", ONE_QUESTION, traps=(TRAP,)),
    asks("not reached", ONE_QUESTION, unreached=(PageElement(selector="#hidden"),)),
    asks("a jump back", ONE_QUESTION, [stop(1, "#a", 400), stop(2, "#b", 0)]),
    asks("a dialog on focus", ONE_QUESTION, changes=("a dialog (alert: Hello)",)),
    asks("scrolls sideways", ONE_QUESTION, narrow=NarrowWindow(width=320, content=540, elements=(WIDE,))),
    asks("scrolls sideways, nobody knows why", ONE_QUESTION, narrow=NarrowWindow(width=320, content=540)),
    asks("cut off when large", ONE_QUESTION, lost_texts=(LostText(selector="#a", how="cut off"),)),
    asks("what is not gated is a question", "1 question", [UNSEEN], table={"gate": ["mouse-only"]}),
]
BAD = [
    Case(
        "mouse only",
        FAIL,
        'div "Open" (click listener, pointer cursor): the keyboard has no way to it',
        partial(walk, mouse_only=(HAND,)),
    ),
    Case("onclick with content", FAIL, "onclick attribute", partial(walk, mouse_only=(target("onclick attribute"),))),
    Case(
        "a button that is none",
        FAIL,
        "the keyboard has no way",
        partial(walk, mouse_only=(target("click listener", "role"),)),
    ),
    Case(
        "Tab alone",
        FAIL,
        'div "Open" (click listener, role): Tab reaches it, and no key operates it (WCAG 2.1.1)',
        partial(walk, mouse_only=(target("click listener", "role", path="keyless"),)),
    ),
    Case(
        "the focus does not show",
        FAIL,
        'nothing shows that button "Save" has the focus (WCAG 2.4.7)',
        partial(walk, [UNSEEN]),
    ),
    Case(
        "the focus is outside the window",
        FAIL,
        "which lies outside the window",
        partial(walk, [stop(visible=False, on_screen=False)]),
    ),
    Case(
        "a gated question",
        FAIL,
        "220 px beyond a window 320 px wide and has to be scrolled sideways",
        partial(walk, narrow=NarrowWindow(width=320, content=540, elements=(WIDE,)), table={"gate": ["reflow"]}),
    ),
    Case(
        "nothing but the mouse",
        FAIL,
        "no way to it",
        partial(walk, (), mouse_only=(HAND,), walk={"tabbable": 0, "clickable": 0}),
    ),
    Case(
        "a barrier beside a question",
        FAIL,
        "no way to it",
        partial(walk, mouse_only=(HAND,), traps=(TRAP,)),
        warns=True,
    ),
]
BROKEN = [
    Case(
        "no stop where there is something to operate",
        ERROR,
        "Tab reached nothing on a page with 14 things",
        partial(walk, ()),
    ),
    Case(
        "everything is inert",
        ERROR,
        "3 visible controls are inert",
        partial(walk, (), walk={"tabbable": 0, "clickable": 0, "inert": 3}),
    ),
    Case("only reached by script", ERROR, "Tab reached nothing", partial(walk, [stop(by_script=True)])),
    Case("ran out of time", ERROR, "out of time", partial(walk, walk={"problem": "ran out of time"})),
    Case(
        "ran out of time behind a barrier",
        ERROR,
        "out of time",
        partial(walk, [UNSEEN], walk={"problem": "ran out of time"}),
    ),
    Case(
        "a frame was missed",
        ERROR,
        "1 frames could not be walked through (2 were)",
        partial(walk, walk={"frames_missed": 1}),
    ),
    Case("an empty document", ERROR, "without an element", partial(walk, walk={"elements": 0})),
    Case(
        "stops that were not written down", ERROR, "counted 9 stops and wrote down 3", partial(walk, walk={"stops": 9})
    ),
    Case("never narrowed", ERROR, "narrow window", partial(walk, narrow=None)),
    Case("text never enlarged", ERROR, "large text", partial(walk, texts=None)),
    Case("handlers left out", ERROR, "7 elements with click handlers", partial(walk, mouse_only_left_out=7)),
    Case("never walked", ERROR, "nobody walked", partial(walk, walked=False)),
    Case("the visit failed", ERROR, "no answer", partial(walk, walked=False, walk={"problem": "no answer in 30 s"})),
    Case("half the details", ERROR, "is not what a walk writes", partial(walk, content=b'{"stops": [')),
    Case("HTML in place of details", ERROR, "is not what a walk writes", partial(walk, content=b"<!doctype html>")),
    Case("the details were altered", ERROR, "does not hash", partial(walk, stored=b"{}")),
    Case("walked twice", ERROR, "2 passes", partial(walk, walks=2)),
    Case("never visited", NOT_RUN, "never looked at", partial(walk, walks=0)),
]
CASES: dict[str, list[Case]] = {"keyboard": [*GOOD, *BAD, *BROKEN]}
