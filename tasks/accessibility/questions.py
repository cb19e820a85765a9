"""What axe could not decide, as a question to a person, and what an answer to it holds on to. Pure.

An answer holds until the element changes. "The element" is the set of distinct elements of the component, each as

- axe's snippet of its HTML, without what changes while nothing changes for a visitor: class names and `data-*` (renamed
  by every build), ids and nonces (made anew by every load; references keep their name and lose their value), counters,
  places in a drawing;
- what axe measured of it (colours, sizes, the attribute it stumbled over): a style sheet can change an element's looks
  while its HTML stays, and pixels would ask everything again after every update of the browser.

Of a question that is answered by eye (is the text readable on this picture?) axe measured nothing, which is why it
asks: there the answer holds on to the element's look as well (see `looks`), coarse enough to outlast an update.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from typing import Any

from evidence_store.model import deindexed

_VOLATILE = {"class", "id", "nonce"}
# Where a part of a drawing lies: a chart that is one pixel wider has the same labels.
_PLACES = {"cx", "cy", "d", "dx", "dy", "points", "r", "transform", "viewbox", "x", "x1", "x2", "y", "y1", "y2"}
_REFERENCES = {
    "aria-activedescendant",
    "aria-controls",
    "aria-describedby",
    "aria-details",
    "aria-errormessage",
    "aria-flowto",
    "aria-labelledby",
    "aria-owns",
    "for",
    "form",
    "headers",
    "list",
}
_QUESTIONS = {
    "aria-hidden-focus": "Can the focus land in this hidden part with the Tab key?",
    "aria-valid-attr-value": "Does the attribute point at an element that is there whenever it is used?",
    "audio-caption": "Is there a transcript of what is said?",
    "bypass": "Can the repeated beginning of the page be skipped?",
    "color-contrast": "Is the text readable on what lies behind it, at 4.5:1, or 3:1 when it is large?",
    "identical-links-same-purpose": "Do the links with this name all lead to the same thing?",
    "link-in-text-block": "Can the link be told from the text around it without seeing colours?",
    "no-autoplay-audio": "Does the sound end within 3 seconds, or can it be stopped?",
    "scrollable-region-focusable": "Can this region be scrolled with the keyboard alone?",
    "target-size": "Is the target at least 24 by 24 CSS pixels, or far enough from its neighbours?",
    "video-caption": "Are there captions for everything that is said and heard?",
}

_BY_EYE = {"color-contrast", "link-in-text-block"}


def is_answered_by_eye(rule: str) -> bool:
    """Whether a person answers it by looking at the picture of the element."""
    return rule in _BY_EYE


def question(rule: str, words: str) -> str:
    """What a person is asked about a rule that axe could not decide."""
    return _QUESTIONS.get(rule) or f"Does it meet the rule '{words}'?"


def element_digest(nodes: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 over the distinct elements of a component, as axe saw them."""
    forms = sorted({_canonical(node) for node in nodes})
    return hashlib.sha256("\x1e".join(forms).encode("utf-8", "replace")).hexdigest()


def _canonical(node: Mapping[str, Any]) -> str:
    measured = [
        (str(check.get("id", "")), _settled(check.get("data")))
        for group in ("any", "all", "none")
        for check in node.get(group) or ()
        if isinstance(check, Mapping)
    ]
    return json.dumps([_plain_html(str(node.get("html", ""))), measured], sort_keys=True)


def _settled(value: Any) -> Any:
    if isinstance(value, str):
        return deindexed(value)
    if isinstance(value, Mapping):
        return {str(key): _settled(item) for key, item in value.items()}
    return [_settled(item) for item in value] if isinstance(value, list) else value


def _plain_html(html: str) -> str:
    reader = _Reader()
    try:
        reader.feed(html)
        reader.close()
    except AssertionError:  # html.parser's answer to a marked section it does not know
        return html
    return " ".join(reader.parts)


class _Reader(HTMLParser):
    """Collects tags with their lasting attributes, and text."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        lasting = {
            name: "" if name in _REFERENCES else " ".join(deindexed(value or "").split())
            for name, value in attrs
            if name not in _VOLATILE | _PLACES and not name.startswith("data-")
        }
        self.parts.append(json.dumps([tag, sorted(lasting.items())]))

    def handle_endtag(self, tag: str) -> None:
        self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.parts.extend(data.split())
