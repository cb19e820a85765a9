"""Text from strangers made safe to show: nothing invisible acts, nothing endless is printed, nothing is lost silently.

Page titles, console messages and file names come from the site under test. They may hold escape sequences,
bidirectional overrides, NUL or five megabytes on one line. What could act on a reader's screen is replaced by a visible
name of itself; what is cut says how much. Escaping for HTML, Markdown or a terminal is the business of each face.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from math import isfinite, isnan
from urllib.parse import urlsplit

MESSAGE_CHARACTERS = 1_200
LINE_CHARACTERS = 240

_C0_PICTURES = 0x2400
_ACTS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, but for tab and line feed
    "\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # bidirectional and invisible
    "\u2028\u2029"  # line ends that are not line feeds
    "\ud800-\udfff\ufffe\uffff"  # not characters at all
    "\U000e0000-\U000e007f]"  # tags: text nobody sees
)
_MARK = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_PILED_MARKS = re.compile(f"({_MARK}{{4}})({_MARK}+)")


def passage(text: str, limit: int = MESSAGE_CHARACTERS) -> str:
    """A text that may have several lines, safe to show and cut to `limit` characters."""
    shown = text[:limit]
    if shown.isascii() and shown.isprintable():  # most texts, and there are many
        return f"{shown}{_cut(len(text) - limit)}"
    shown = shown.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    shown = _PILED_MARKS.sub(lambda found: f"{found[1]}⟨{len(found[2])} more marks⟩", _ACTS.sub(_visible, shown)).strip(
        "\n"
    )
    return f"{shown}{_cut(len(text) - limit)}"


def line(text: str, limit: int = LINE_CHARACTERS) -> str:
    """A text on one line, safe to show and cut to `limit` characters."""
    return passage(text, limit).replace("\n", " ␤ ").strip()


def web_address(text: str) -> str | None:
    """The text when it is an http or https address with a host and nothing hidden in it, else None."""
    if len(text) > 2_000 or _ACTS.search(text) or any(character in text for character in ' \t\n\r"<>\\^`{|}'):
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in {"http", "https"} and parts.hostname else None


def number(value: float) -> str:
    """A number for people: thousands apart, at most three decimals, no trailing zeros."""
    if not isfinite(value):
        return "not a number" if isnan(value) else f"{'-' if value < 0 else ''}infinite"
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    if value == int(value):
        return f"{int(value):,}"
    decimals = 1 if abs(value) >= 100 else 3
    shown = f"{value:,.{decimals}f}".rstrip("0").rstrip(".")
    return shown if shown.strip("-0") else f"{value:.2g}"


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """`1 page`, `2 pages`, `1,212 nodes`."""
    return f"{count:,} {singular if count == 1 else plural or f'{singular}s'}"


def listed(parts: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def instant(moment: datetime) -> str:
    """A moment in UTC, with its zone: `2026-03-02 21:04 UTC`."""
    try:
        return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except OverflowError:  # the last hours of year 9999, west of Greenwich
        return moment.isoformat(" ", "minutes")


def duration(span: timedelta) -> str:
    """A length of time: `4.2 s`, `38 s`, `4 min 12 s`, `1 h 03 min`."""
    seconds = max(span.total_seconds(), 0.0)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def remedy_words(remedy: str) -> str:
    """What to do, in words or as an address; a bare path of our documentation says that it lies there.

    No package holds it: a reader would look for it in vain beside the report.
    """
    return remedy if re.search(r"\s|^https?:", remedy) or not remedy else f"see {remedy} in stageproof's documentation"


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(_C0_PICTURES + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"


def _cut(more: int) -> str:
    return f"… {counted(more, 'more character')}" if more > 0 else ""
