"""Steps of a sweep proposed from ARIA snapshots of a stored run: where a person would move, and what is announced now.

Pure. A snapshot says what the page tells assistive technology, not what it should tell: a proposal is a list to be read
and mended, never a truth. Texts come from the page under test, so they are made plain and short, and the number of
steps is bounded; every kind of element keeps its share of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count, zip_longest
from typing import Any

import yaml

from tasks.reading import parse_yaml
from tasks.records.manual import BadFileError

MOST_SNAPSHOT_BYTES = 1_000_000
MOST_ELEMENTS = 5_000
MOST_NAME = 120

LANDMARKS = frozenset({"banner", "navigation", "main", "complementary", "contentinfo", "search", "form", "region"})
LIVE = frozenset({"status", "alert", "log", "timer", "marquee"})
DIALOGS = frozenset({"dialog", "alertdialog"})
ROLE_WORDS: Mapping[str, str] = {
    "button": "button",
    "link": "link",
    "textbox": "edit field",
    "searchbox": "search field",
    "checkbox": "check box",
    "radio": "radio button",
    "switch": "switch",
    "combobox": "combo box",
    "listbox": "list box",
    "slider": "slider",
    "spinbutton": "spin button",
    "tab": "tab",
    "menuitem": "menu item",
    "menuitemcheckbox": "menu item with a check mark",
    "menuitemradio": "menu item of a choice",
    "treeitem": "tree item",
}
"""How screen readers say a role, in plain words; each reader has its own."""
STATES = ("checked", "expanded", "pressed", "selected", "disabled", "invalid")

_KEY = re.compile(r'^(?P<role>[a-z]+)(?: (?P<name>"(?:[^"\\]|\\.)*"))?(?P<attributes>(?: \[[^\[\]]*\])*)$')


@dataclass(frozen=True)
class Element:
    """One line of a snapshot: role, accessible name, attributes such as `level`, and the text beside it."""

    role: str
    name: str
    attributes: Mapping[str, str]
    text: str = ""


@dataclass(frozen=True)
class Seen:
    """What a stored run saw of one subject."""

    subject: str
    url: str
    title: str
    snapshot: bytes


@dataclass(frozen=True)
class Proposal:
    """Steps as they are written to a sweep file, and how many elements had no room."""

    steps: tuple[dict[str, str], ...]
    left_out: int


def read_snapshot(content: bytes) -> list[Element]:
    """The elements of Playwright's ARIA snapshot, in order; raises BadFileError."""
    found, problem = parse_yaml(content, MOST_SNAPSHOT_BYTES)
    if problem is not None:
        # The snapshot of a very long page is cut where its bound is, often in the middle of a line.
        found, still = parse_yaml(content.rpartition(b"\n")[0], MOST_SNAPSHOT_BYTES)
        if still is not None or not found:
            raise BadFileError(problem)
    elements = []
    for element in _elements(found):
        elements.append(element)
        if len(elements) > MOST_ELEMENTS:
            raise BadFileError(f"it names more than {MOST_ELEMENTS:,} elements")
    if not elements:
        raise BadFileError(f"it names no element: {_plain(content[:200].decode('utf-8', 'replace')) or 'it is empty'}")
    return elements


def _elements(found: Any) -> Iterator[Element]:
    # Without recursion: how deep a page nests is up to the page.
    waiting = [found]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(reversed(item))
        elif isinstance(item, dict):
            for key, inside in item.items():
                yield from _element(key, inside if isinstance(inside, str) else "")
                waiting.append(inside if isinstance(inside, list) else [])
        elif isinstance(item, str):
            yield from _element(item, "")


def _element(key: str, text: str) -> Iterator[Element]:
    match = _KEY.match(key)
    if match is None:  # a property such as `/url`, or a text
        return
    try:
        name = json.loads(match["name"], strict=False) if match["name"] else ""
    except ValueError:
        name = match["name"].strip('"')
    pairs = (pair.partition("=") for pair in re.findall(r"\[([^\[\]]*)\]", match["attributes"]))
    yield Element(match["role"], _plain(name), {key: value for key, _, value in pairs}, _plain(text))


def _plain(text: str) -> str:
    shown = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return shown if len(shown) <= MOST_NAME else shown[: MOST_NAME - 1].rstrip() + "…"


def propose(seen: Sequence[Seen], most_steps: int) -> Proposal:
    """Steps for what was seen, at most `most_steps`; each page opens with its title. Raises BadFileError."""
    proposed: list[tuple[str, dict[str, str]]] = []
    for number, page in enumerate(seen):
        where = f" on {page.subject}" if number else ""
        opening = {
            "do": f"Open {page.subject} ({_plain(page.url)}).",
            "expect": _plain(page.title) or "a title that says what the page is",
            "criterion": "2.4.2",
        }
        proposed.append(("page", opening))
        known = set()
        try:
            elements = read_snapshot(page.snapshot)
        except BadFileError as error:
            raise BadFileError(f"the ARIA snapshot of {page.subject} cannot be read: {error}") from error
        for element in elements:
            kind, step = _step(element, where)
            # The same thing fifty times, such as a link in every row of a table, is walked once.
            if step is not None and tuple(step.values()) not in known:
                known.add(tuple(step.values()))
                proposed.append((kind, step))
    chosen = _shared_out([kind for kind, _ in proposed], most_steps)
    steps = [step for place, (_, step) in enumerate(proposed) if place in chosen]
    return Proposal(tuple(_with_ids(steps)), len(proposed) - len(steps))


def _step(element: Element, where: str) -> tuple[str, dict[str, str] | None]:
    role, name = element.role, element.name
    called = f' "{name}"' if name else ""
    if role in LANDMARKS:
        return "landmark", {
            "do": f"Move by landmarks to the {role}{called}{where}.",
            "expect": f"{name}, {role} landmark" if name else f"{role} landmark",
            "criterion": "1.3.1",
        }
    if role == "heading":
        level = element.attributes.get("level", "")
        return "heading", {
            "do": f"Move by headings to{called or ' the heading without a text'}{where}.",
            "expect": f"{name or 'a text that says what follows'}, heading level {level}".removesuffix(" level "),
            "criterion": "1.3.1",
        }
    if role in LIVE:
        return "live", {
            "do": f"Do what changes the {role}{called}{where}, and do not move the focus.",
            "expect": f"{element.text or name or 'the new text'}, announced by itself",
            "criterion": "4.1.3",
        }
    if role in DIALOGS:
        return "dialog", {
            "do": f"Open the dialog{called}{where}.",
            "expect": f"{name or 'a name that says what it asks'}, dialog; the focus is inside it",
            "criterion": "4.1.2",
        }
    if role in ROLE_WORDS:
        states = ", ".join(_states(element))
        said = f"{name or 'a name that says what it does'}, {ROLE_WORDS[role]}" + (f", {states}" if states else "")
        return role, {
            "do": f"Move to the {ROLE_WORDS[role]}{called or ' without a name'}{where}.",
            "expect": said,
            "criterion": "2.4.4" if role == "link" else "4.1.2",
        }
    if role == "img":
        return "image", {
            "do": f"Move to the image{called or ' without a name'}{where}.",
            "expect": f"{name or 'what the image shows'}, image",
            "criterion": "1.1.1",
        }
    if role in {"table", "grid"}:
        return "table", {
            "do": f"Move into the {role}{called}{where}, and through a row of it.",
            "expect": f"{name or 'a name that says what it holds'}, {role}; each cell with its headers",
            "criterion": "1.3.1",
        }
    return "", None


def _states(element: Element) -> Iterator[str]:
    for state in STATES:
        if state in element.attributes:
            value = element.attributes[state]
            yield {"": state, "true": state, "false": f"not {state}"}.get(value, f"{value} {state}")
    if element.text and element.role in {"textbox", "searchbox", "combobox", "slider", "spinbutton"}:
        yield element.text


def _shared_out(kinds: Sequence[str], most: int) -> set[int]:
    """Places of at most `most` items, taken from each kind in turn: forty headings leave room for the buttons."""
    places: dict[str, list[int]] = {}
    for place, kind in enumerate(kinds):
        places.setdefault(kind, []).append(place)
    in_turn = chain.from_iterable(zip_longest(*places.values()))
    return set([place for place in in_turn if place is not None][:most])


def _with_ids(steps: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    taken: set[str] = set()
    for step in steps:
        target = re.split(r" \(|, and ", step["do"].lower())[0]
        target = re.sub(r"^(move (by [a-z]+ )?(in)?to (the )?|do what changes the )", "", target)
        name = re.sub(r"[^a-z0-9]+", "-", target).strip("-")[:48].strip("-") or "step"
        numbered = chain([name], (f"{name}-{number}" for number in count(2)))
        name = next(candidate for candidate in numbered if candidate not in taken)
        taken.add(name)
        yield {"id": name, **step}


def sweep_text(title: str, subjects: Sequence[str], assistive_technology: str, proposal: Proposal, source: str) -> str:
    """A sweep file with proposed steps, to be read and mended by a person."""
    content = {
        "schema": "1",
        "title": title,
        "subjects": list(subjects),
        "assistive_technology": assistive_technology,
        "steps": [dict(step) for step in proposal.steps],
    }
    room = f"\n# {proposal.left_out} further elements had no room; raise --steps, or add what matters." * bool(
        proposal.left_out
    )
    return (
        f"# Proposed from the ARIA snapshots of {source}.\n"
        "# Read every step: `expect` is what was announced then. Write what should be announced, in the order of the\n"
        "# flow, and take out what nobody needs to hear."
        f"{room}\n" + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
    )
