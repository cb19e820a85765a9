"""Judge of a walk by keyboard: barriers that behaviour shows and a rule engine cannot see.

Rules, with the WCAG 2.2 criterion each speaks of; those in `gate` hold a release, the others are questions to a person:

- `mouse-only` (2.1.1 Keyboard), gates: it has a click handler (its own, or one that React, Solid, Svelte or jQuery
  hears for at a root), it looks like something to click (a hand, a role, an `onclick` with content), and no key
  operates it: Tab reaches neither it nor a control inside, around or beside it (label, dialog it is the ground of), or
  it reaches a `div` whose scripts hear no key. An item that arrows should lead to (tab, option, radio button with
  `tabindex=-1`) has no way where no script hears a key. A part that only scrolls, or a component around everything, is
  no way either;
- `focus-not-visible` (2.4.7 Focus Visible), gates: no style of it, of its label or its surroundings, and no pixel
  around it, differs when it has the focus;
- `maybe-mouse-only` (2.1.1): one of those signs only, a press handler in place of a click, or `tabindex=-1`; also where
  keys are heard only by the document, the window or what fills it, so that nobody can say for what; where a list beside
  a field may be typed; and where a carousel's tabs have buttons for back and forth beside them;
- `hover-only` (2.1.1): a style sheet shows a part with links or controls in it while a pointer is on another one, and
  none does for the focus, nor does a script listen there. A question, because the page that the pointer is led over may
  hold the same links. What scripts show to a pointer is not told: they listen to it for much else;
- `focus-uncertain` (2.4.7): whether the focus shows could not be told, because the place never stood still;
- `possible-trap` (2.1.2 No Keyboard Trap): Tab does not lead on though there is more; a way out that the page explains
  (Escape, Ctrl+M) is no trap, so a person decides; a modal dialog that keeps the focus is none;
- `not-reached` (2.1.1): it has a place in the order of Tab, and Tab did not lead there;
- `focus-order` (2.4.3 Focus Order): the focus jumps back up the page;
- `focus-obscured` (2.4.11 Focus Not Obscured): something lies over all of what has the focus;
- `change-on-focus` (3.2.1 On Focus): a dialog, a window or another address came while the focus moved;
- `reflow` (1.4.10 Reflow): the page scrolls sideways, or loses content, in a window 320 CSS pixels wide. A question,
  because what needs two dimensions (tables, pictures, maps) is left out by the criterion;
- `text-200` (1.4.4 Resize Text): a text twice as large is cut off or lies on another. A question, because a page that
  keeps its text whole when the browser zooms meets the criterion too.

A walk that did not finish, missed a frame, or found no tab stop where there is something to operate (or all of it is
`inert`), is an `error`.
Elements that differ by nothing but their place are one finding with a count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal, get_args

from pydantic import Field, ValidationError

from evidence_store.model import CheckSpec, Finding, Outcome, deindexed
from evidence_store.report.plain_text import counted
from evidence_store.workspace import BrokenEvidenceError, read_artifact
from tasks.contract import Check, JudgeContext
from tasks.plan import CheckOptions
from tasks.sweep.models import ClickTarget, KeyboardWalk, PageElement, TabStop, WalkDetails

Rule = Literal[
    "mouse-only",
    "focus-not-visible",
    "maybe-mouse-only",
    "hover-only",
    "focus-uncertain",
    "possible-trap",
    "not-reached",
    "focus-order",
    "focus-obscured",
    "change-on-focus",
    "reflow",
    "text-200",
]
CRITERIA: dict[Rule, tuple[str, str]] = {
    "mouse-only": ("2.1.1", "keyboard"),
    "focus-not-visible": ("2.4.7", "focus-visible"),
    "maybe-mouse-only": ("2.1.1", "keyboard"),
    "hover-only": ("2.1.1", "keyboard"),
    "focus-uncertain": ("2.4.7", "focus-visible"),
    "possible-trap": ("2.1.2", "no-keyboard-trap"),
    "not-reached": ("2.1.1", "keyboard"),
    "focus-order": ("2.4.3", "focus-order"),
    "focus-obscured": ("2.4.11", "focus-not-obscured-minimum"),
    "change-on-focus": ("3.2.1", "on-focus"),
    "reflow": ("1.4.10", "reflow"),
    "text-200": ("1.4.4", "resize-text"),
}
"""Number of the criterion, and its page in Understanding WCAG 2.2."""
JUMP = 8.0
"""CSS pixels an element must lie above the last one before it counts as a way back."""
MOST_NAMED = 5

_NO_WAY = frozenset({"none", "keyless"})
_WAYS = {
    "none": "the keyboard has no way to it",
    "keyless": "Tab reaches it, and no key operates it",
    "script": "it is taken out of the order of Tab",
    "unsure": "it could not be told whether a key leads to it and operates it",
}

_Seen = tuple[Rule, str, str]
"""Rule, selector, and what was seen."""


class KeyboardOptions(CheckOptions):
    """The plan's table for keyboard."""

    gate: tuple[Rule, ...] = Field(default=("mouse-only", "focus-not-visible"), min_length=1)
    """Rules that hold a release; what the others find is a question to a person."""


def judge_keyboard(context: JudgeContext, walks: Sequence[KeyboardWalk]) -> Iterator[Finding]:
    """Barriers, questions, and a pass for each page or state without a barrier that gates."""
    for walk in walks:
        yield from _judge_walk(context, walk)


def _judge_walk(context: JudgeContext, walk: KeyboardWalk) -> Iterator[Finding]:
    if walk.details is None:
        yield _error(walk, walk.problem or "nobody walked through the page")
        return
    details = _details(context, walk)
    evidence = tuple(item.path for item in (walk.picture, walk.details) if item)
    findings = list(_grouped(context, walk, _seen(details), evidence))
    yield from findings
    doubt = walk.problem or _doubt(walk, details)
    if doubt is not None:
        yield _error(walk, doubt)
    elif not any(finding.outcome is Outcome.FAIL for finding in findings):
        questions = sum(finding.outcome is Outcome.REVIEW for finding in findings)
        yield Finding(
            outcome=Outcome.PASS,
            subject=walk.subject,
            message=f"0 keyboard barriers of {' or '.join(context.options.gate)}; "
            f"{counted(questions, 'question')} to review",
            looked_at=_looked_at(walk, details),
            evidence=evidence,
        )


def _details(context: JudgeContext, walk: KeyboardWalk) -> WalkDetails:
    if walk.details is None:
        raise BrokenEvidenceError(f"{walk.subject} has no details of its walk")
    try:
        return WalkDetails.model_validate_json(read_artifact(context.files, walk.details))
    except ValidationError as error:
        raise BrokenEvidenceError(f"{walk.details.path} is not what a walk writes: {error}") from error


def _doubt(walk: KeyboardWalk, details: WalkDetails) -> str | None:
    """Why this walk says nothing, though it came to its end."""
    if not walk.elements:
        return "the walk saw a document without an element"
    if walk.frames_missed:
        return f"{walk.frames_missed} frames could not be walked through ({walk.frames} were)"
    if walk.stops != len(details.stops):
        return f"the walk counted {walk.stops} stops and wrote down {len(details.stops)}"
    reached = [stop for stop in details.stops if not stop.by_script]
    if not reached and (walk.tabbable or walk.clickable):
        return (
            f"Tab reached nothing on a page with {max(walk.tabbable, walk.clickable)} things to operate:"
            " does a script swallow the key?"
        )
    if not reached and walk.inert:
        return f"Tab reached nothing, and {walk.inert} visible controls are inert: was the attribute left behind?"
    if details.narrow is None or details.enlarged_texts is None:
        return "the page was not looked at in a narrow window and with large text"
    if details.mouse_only_left_out:
        return f"{details.mouse_only_left_out} elements with click handlers were left out: too many on one page"
    return None


def _looked_at(walk: KeyboardWalk, details: WalkDetails) -> str:
    return (
        f"{len(details.stops)} tab stops, {walk.frames} frames, {walk.clickable} clickable elements,"
        f" {details.enlarged_texts} texts"
    )


def _seen(details: WalkDetails) -> Iterator[_Seen]:
    for target in details.mouse_only:
        yield _mouse_only(target)
    for part in details.hover_only:
        message = (
            f"{_called(part)} comes when a pointer is on {part.pointed_at}: does it, or the same, come by keyboard?"
        )
        yield "hover-only", part.selector, message
    for stop in details.stops:
        yield from _focus(stop)
    yield from _jumps(details.stops)
    for trap in details.traps:
        members = ", ".join(member.selector for member in trap.members[:MOST_NAMED])
        way = f"{trap.exit} leads out: does the page say so?" if trap.exit else "neither Escape nor Shift+Tab leads out"
        kept = "a script keeps Tab" if trap.key_prevented else "the focus does not move on"
        yield "possible-trap", trap.members[0].selector if trap.members else "", f"{kept} at {members}; {way}"
    for element in details.unreached:
        yield "not-reached", element.selector, f"Tab does not lead to {_called(element)}"
    for change in details.changes:
        yield "change-on-focus", "", change
    yield from _sizes(details)


def _mouse_only(target: ClickTarget) -> _Seen:
    signs = set(target.signs)
    looks = signs & {"pointer cursor", "role"} or ("onclick attribute" in signs and target.has_content)
    answers = signs & {"click listener", "onclick attribute", "role", "control", "label of a hidden control"}
    certain = bool(looks and answers) and target.path in _NO_WAY and target.has_content and signs != {"role"}
    why = ", ".join(target.signs)
    how = _WAYS.get(target.path, target.path)
    return "mouse-only" if certain else "maybe-mouse-only", target.selector, f"{_called(target)} ({why}): {how}"


def _focus(stop: TabStop) -> Iterator[_Seen]:
    if stop.is_document:
        return
    if stop.obscured_by:
        yield "focus-obscured", stop.selector, f"{stop.obscured_by} lies over all of {_called(stop)}"
    elif stop.visible is False:
        away = "" if stop.on_screen else ", which lies outside the window"
        yield "focus-not-visible", stop.selector, f"nothing shows that {_called(stop)} has the focus{away}"
    elif stop.visible is None:
        yield "focus-uncertain", stop.selector, f"it could not be told whether {_called(stop)} shows its focus"


def _jumps(stops: Sequence[TabStop]) -> Iterator[_Seen]:
    flowing = [stop for stop in stops if not stop.pinned and not stop.by_script]
    for before, after in pairwise(flowing):
        if before.number + 1 != after.number or before.box is None or after.box is None:
            continue
        above = after.box.y + after.box.height <= before.box.y - JUMP
        beside = after.box.x >= before.box.x + before.box.width
        if above and not beside:
            ordered = f" (tabindex {after.tabindex})" if after.tabindex else ""
            far = f"{before.box.y - after.box.y:.0f} px up"
            message = f"from stop {before.number} the focus jumps {far} to {_called(after)}{ordered}"
            yield "focus-order", after.selector, message


def _sizes(details: WalkDetails) -> Iterator[_Seen]:
    narrow = details.narrow
    if narrow is not None:
        sideways = narrow.content > narrow.width + 1
        for element in narrow.elements:
            if element.two_dimensional and not sideways:
                continue
            kind = "a table, picture or code " if element.two_dimensional else ""
            lost = "has to be scrolled sideways" if sideways else "is cut off"
            yield (
                "reflow",
                element.selector,
                f"{kind}reaches {element.pixels:.0f} px beyond a window {narrow.width:.0f} px wide and {lost}",
            )
        if sideways and not narrow.elements:
            yield "reflow", "", f"the page is {narrow.content:.0f} px wide in a window of {narrow.width:.0f} px"
    for text in details.lost_texts:
        yield "text-200", text.selector, f'"{text.name[:60]}" {text.how} when text is twice as large'


def _called(element: PageElement) -> str:
    kind = element.role or element.tag or "element"
    return f'{kind} "{element.name[:60]}"' if element.name else f"a nameless {kind}"


def _grouped(
    context: JudgeContext, walk: KeyboardWalk, seen: Iterator[_Seen], evidence: tuple[str, ...]
) -> Iterator[Finding]:
    """One finding for each rule and component, gating ones first."""
    groups: dict[tuple[Rule, str], list[_Seen]] = defaultdict(list)
    for item in seen:
        groups[item[0], deindexed(item[1])].append(item)
    rules = get_args(Rule)
    for (rule, _), members in sorted(groups.items(), key=lambda group: rules.index(group[0][0])):
        gates = rule in context.options.gate
        number, page = CRITERIA[rule]
        more = f" and {len(members) - 1} more like it" if len(members) > 1 else ""
        yield Finding(
            outcome=Outcome.FAIL if gates else Outcome.REVIEW,
            subject=walk.subject,
            rule=rule,
            element=members[0][1],
            message=f"{members[0][2]}{more} (WCAG {number})",
            measured=len(members),
            limit=0,
            unit="elements",
            more_information=f"https://www.w3.org/WAI/WCAG22/Understanding/{page}",
            evidence=evidence,
            gates=gates,
        )


def _error(walk: KeyboardWalk, message: str) -> Finding:
    return Finding(outcome=Outcome.ERROR, subject=walk.subject, rule="walk", message=message)


KEYBOARD = Check(
    spec=CheckSpec(
        id="keyboard",
        title="Everything can be reached and seen by keyboard",
        failure_title="Who uses a keyboard cannot reach or see something",
        why="Rule engines find almost no keyboard barriers: what Tab reaches, and whether the focus shows, only a walk"
        " through the page tells.",
        remedy="docs/checks.md#keyboard",
        rows=("3.4", "5.4"),
    ),
    needs=(KeyboardWalk,),
    # A checkpoint is left out: a walk would move the focus of the journey that stands there.
    expects=lambda plan: tuple(subject for subject, look in plan.looks.items() if look.page is not None),
    judge=judge_keyboard,
    options=KeyboardOptions,
    judges_problems=True,
)
