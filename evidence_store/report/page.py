"""The page in the package: `index.html`, one file that opens from file://, offline, with or without JavaScript.

Nothing is loaded but the pictures beside it. Its own style and script are named by hash in a content security policy
that allows nothing else, so a text that slipped through every escape would still not run.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as resources
from typing import TypeVar
from urllib.parse import quote

from jinja2 import DictLoader, Environment, StrictUndefined, Template
from markupsafe import Markup

from evidence_store.model import Manifest, safe_relative_path
from evidence_store.report.plain_text import counted, line
from evidence_store.report.story import tell
from evidence_store.report.told import LABELS, WORST_FIRST, Look, Measure, Story

MOST_SUBJECTS = 5_000
"""Of one check in full; what is beyond is counted and stands in run.json."""
MOST_PLACES = 1_000
"""Causes of one check, places of one cause, findings of one subject."""
FEW = 3
"""Of a long list, what is shown before it is unfolded: the worst, for they come first."""
FEW_PICTURES = 8
FEW_KNOWN = 6
FEW_CAUSES = 6
"""A report with no more causes than these is short enough to stand unfolded."""

_SCREENSHOT = re.compile(r"data/sweep/([^/]+)@([^/@]+)/screenshot\.(?:png|jpe?g|webp|avif)")
_GAUGE_WIDTH = 160

Item = TypeVar("Item")


@dataclass(frozen=True)
class PageState:
    """A screenshot of a page in a viewport, and what the checks said of it."""

    subject: str
    path: str
    small: str
    """A small picture of it, for a page of hundreds of them; the screenshot itself when there is none."""
    word: str
    checks: str

    @property
    def label(self) -> str:
        """The word a person reads."""
        return LABELS[self.word]


EXPORTS = (
    (
        "data/exports/wcag-coverage.json",
        "each success criterion of WCAG 2.2, A and AA: what looked at it, or that nobody did",
    ),
    ("data/exports/openacr.yaml", "the same as an accessibility conformance report (OpenACR)"),
    ("data/exports/earl.jsonld", "every assertion about accessibility (W3C EARL, JSON-LD)"),
    ("data/exports/findings.sarif", "every finding, for tools that read SARIF"),
)
"""Other views of the same record that a package may hold, and what each of them tells."""


@dataclass(frozen=True)
class Gauge:
    """A measured bar and the mark of its limit, in pixels."""

    bar: float
    mark: float


def render(manifest: Manifest, files: Collection[str]) -> str:
    """The whole report as one HTML page; `files` are the paths that are in the bag, others are not linked."""
    story = tell(manifest)
    present = frozenset(files)
    style, script = _asset("page.css"), _asset("page.js")
    return _template().render(
        story=story,
        states=_states(manifest, present),
        exports=list(_exports(present)),
        style=Markup(style),  # noqa: S704  - our own file
        script=Markup(script),  # noqa: S704  - our own file
        policy=_policy(style, script),
        present=present,
        anchor=_anchors(),
        address=_address,
        gauge=_gauge,
        counted=counted,
        shown=line,
        first=_first,
        labels=LABELS,
        words=[word for word in WORST_FIRST if word in _words_of(story)],
        most_subjects=MOST_SUBJECTS,
        most_places=MOST_PLACES,
        few=FEW,
        few_pictures=FEW_PICTURES,
        few_known=FEW_KNOWN,
        all_open=len(story.blocks) <= FEW_CAUSES,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=DictLoader({"page.html": _asset("page.html")}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


@cache
def _asset(name: str) -> str:
    return resources("evidence_store.report.templates").joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        "default-src 'none'; img-src 'self' data: file:; "
        f"style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; base-uri 'none'; form-action 'none'"
    )


def _address(path: str) -> str:
    """The relative URL of a path in the bag; `./` keeps a name from being read as a scheme."""
    return f"./{quote(safe_relative_path(path), safe='/@', errors='replace')}"


def _exports(present: Collection[str]) -> Iterator[tuple[str, str]]:
    """The exports of the package, and in place of one that failed the file that says why."""
    for path, words in EXPORTS:
        failed = f"{path}.problem.txt"
        if path in present:
            yield path, words
        elif failed in present:
            yield failed, f"why this one could not be written ({words})"


def _first(items: Sequence[Item], most: int) -> Sequence[Item]:
    return items[:most]


def _anchors() -> Callable[[Look], str]:
    """Names a finding's place in the page; only the first finding of a fingerprint gets it, for ids are unique."""
    taken: set[str] = set()

    def anchor(look: Look) -> str:
        if not look.fingerprint or look.fingerprint in taken:
            return ""
        taken.add(look.fingerprint)
        return f"f={look.fingerprint}"

    return anchor


def _gauge(measure: Measure | None) -> Gauge | None:
    """Where bar and mark stand when measured and limit share one scale; None when they cannot."""
    if measure is None or measure.measured is None or measure.limit is None:
        return None
    if measure.measured < 0 or measure.limit < 0 or not (measure.measured or measure.limit):
        return None
    full = max(measure.measured, measure.limit * 1.25)
    return Gauge(round(_GAUGE_WIDTH * measure.measured / full, 1), round(_GAUGE_WIDTH * measure.limit / full, 1))


def _states(manifest: Manifest, present: Collection[str]) -> list[PageState]:
    words: dict[str, dict[str, list[str]]] = {}
    for subject in manifest.decision.subjects:
        state = subject.subject.partition("/")[0]
        words.setdefault(state, {}).setdefault(subject.word, []).append(subject.check)
    states = []
    for path in sorted(present):
        found = _SCREENSHOT.fullmatch(path)
        if not found:
            continue
        name = f"{found[1]}@{found[2]}"
        said = words.get(name, {})
        word = min(said, key=WORST_FIRST.index) if said else "absent"
        checks = sorted(set(said.get(word, [])))
        told = counted(len(checks), "check") if word == "pass" else line(", ".join(checks))
        small = f"{path.rpartition('/')[0]}/thumbnail.webp"
        states.append(PageState(line(name), path, small if small in present else path, word, told))
    return sorted(states, key=lambda state: (WORST_FIRST.index(state.word), state.subject))


def _words_of(story: Story) -> set[str]:
    return {word for check in story.checks for subject in check.subjects for word in subject.words}
