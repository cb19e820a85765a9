"""What a site asks of crawlers: robots.txt, read as RFC 9309 says. Pure.

Rules:

- the group that names `stageproof` counts, else that of `*`; several groups for one name are one;
- of all rules that match, the longest counts, and of two of the same length the allowing one (section 2.2.2);
- `*` stands for anything and a final `$` for the end (section 2.2.3);
- the first 500 KiB are read (section 2.5); what is no plain text (an HTML page that answers 200) holds no rule;
- 4xx: no rules; a server error or no answer: everything is disallowed (section 2.3.1).

`urllib.robotparser` takes the first matching rule and no wildcard: under `Allow: /` and then `Disallow: /private` it
lets `/private` be fetched, and `/*.pdf$` never matches.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, unquote

AGENT = "stageproof"
MOST_BYTES = 500 * 1024
MOST_RULES = 2_000
MOST_DELAY_SECONDS = 5.0


@dataclass(frozen=True)
class Robots:
    """The rules for us; `note` tells a person what was odd about the file."""

    rules: Sequence[tuple[str, bool]] = ()
    """(path pattern, whether it allows)."""
    sitemaps: Sequence[str] = ()
    delay_seconds: float = 0.0
    note: str = ""

    @cached_property
    def _longest_first(self) -> list[tuple[tuple[str, ...], bool, bool]]:
        ordered = sorted(self.rules, key=lambda rule: (-len(rule[0]), not rule[1]))
        return [
            (tuple(_normal(part) for part in path.removesuffix("$").split("*")), path.endswith("$"), allows)
            for path, allows in ordered
        ]

    def allows(self, address: str) -> bool:
        """Whether an address (path and query) may be fetched."""
        plain = _normal(address.partition("#")[0])
        return next((allows for parts, ended, allows in self._longest_first if _matches(plain, parts, ended)), True)


EVERYTHING_DISALLOWED = (("/", False),)


def read_robots(status: int | None, content_type: str, body: bytes) -> Robots:
    """The rules in an answer; `status` None means that there was none."""
    if status is None or status >= 500:
        words = "did not answer" if status is None else f"answered {status}"
        return Robots(EVERYTHING_DISALLOWED, note=f"robots.txt {words}, which forbids everything (RFC 9309)")
    if status >= 400:
        return Robots()
    if status != 200:
        return Robots(note=f"robots.txt answered {status}; it holds no rules")
    if "html" in content_type.lower() or body.lstrip()[:1] == b"<":
        return Robots(note="robots.txt is an HTML page; it holds no rules")
    note = f"only the first {MOST_BYTES // 1024} KiB of robots.txt were read" if len(body) > MOST_BYTES else ""
    return _parse(body[:MOST_BYTES].decode("utf-8-sig", "replace"), note)


def _parse(text: str, note: str) -> Robots:
    groups: dict[str, list[tuple[str, bool]]] = {}
    delays: dict[str, float] = {}
    sitemaps: list[str] = []
    agents: list[str] = []
    in_rules = False
    for line in text.splitlines():
        key, colon, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "user-agent":
            agents = [] if in_rules else agents
            in_rules = False
            agents.append(value.lower())
            groups.setdefault(value.lower(), [])
        elif key in {"allow", "disallow"}:
            in_rules = True
            # An empty rule matches nothing; `Disallow:` alone is how a file says that all is open.
            for agent in agents if value else ():
                groups[agent].append((value, key == "allow"))
        elif key == "crawl-delay":
            in_rules = True
            delays |= dict.fromkeys(agents, _seconds(value))
        elif key == "sitemap" and len(sitemaps) < 20:
            sitemaps.append(value)
    ours = AGENT if AGENT in groups else "*"
    rules = groups.get(ours, [])
    if len(rules) > MOST_RULES:
        # Fewer rules would allow more, so a file that is too long to be kept to forbids everything.
        return Robots(EVERYTHING_DISALLOWED, sitemaps, note=f"robots.txt has more than {MOST_RULES:,} rules for us")
    return Robots(tuple(rules), tuple(sitemaps), delays.get(ours, 0.0), note)


def _seconds(text: str) -> float:
    return min(float(text), MOST_DELAY_SECONDS) if re.fullmatch(r"\d{1,6}(\.\d+)?", text) else 0.0


def _normal(path: str) -> str:
    """Percent-encodings of what needs none are undone, and all others written alike."""
    return quote(unquote(path, errors="replace"), safe="/-._~!$&'()*+,;=:@?")


def _matches(path: str, parts: Sequence[str], ended: bool) -> bool:
    """Whether the path begins with the pattern; each part is looked for once, so that no pattern costs much."""
    if not path.startswith(parts[0]):
        return False
    position = len(parts[0])
    for part in parts[1:-1]:
        found = path.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    if len(parts) == 1:
        return not ended or position == len(path)
    if ended:
        return path.endswith(parts[-1]) and len(path) - len(parts[-1]) >= position
    return path.find(parts[-1], position) >= 0
