"""The story as GitHub-flavoured Markdown, and the findings as rows: what an orchestrator's artifacts show.

Every character that Markdown or HTML could act on is escaped, so that a page title cannot open a table cell, a link or a
tag. An artifact has a size limit: tables are cut, by counted lines, until the whole fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from evidence_store.model import Manifest, Outcome
from evidence_store.report.plain_text import counted, line, number, web_address
from evidence_store.report.story import tell
from evidence_store.report.told import LABELS, WORST_FIRST, Cause, Fact, Section, Story

MOST_BYTES = 900_000
"""Of the Markdown and of the table: an artifact holds less than a megabyte."""
MOST_ROWS = 1_000
"""Of the findings table."""

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$^:@-])")
_CUTS = ((300, 300), (60, 240), (12, 160), (3, 60), (0, 40))
"""Rows of a table and characters of a cell, from generous to bare."""


def scorecard_markdown(story: Story, links: Mapping[str, str]) -> str:
    """The story as Markdown, less than a megabyte; `links` are labels and http(s) addresses to show under the verdict."""
    for rows, characters in _CUTS:
        text = _Writing(rows, characters).story(story, links)
        if len(text.encode()) <= MOST_BYTES:
            return text
    return _Writing(0, 40).story(story, {})[:MOST_BYTES // 4]


def findings_table(manifest: Manifest) -> list[dict[str, str]]:
    """Rows of what was found (outcome, check, subject, message, measured, limit), worst first; the last counts the rest.

    A subject that could not be judged is one row with its reason, and its passes are not shown: they count for nothing.
    """
    story = tell(manifest)
    rows = []
    for check in story.checks:
        for subject in check.subjects:
            unjudged = subject.word in {Outcome.ERROR.value, Outcome.NOT_RUN.value}
            looks = [look for look in subject.looks if not (unjudged and look.word == "pass")]
            if unjudged and not any(look.word == subject.word for look in looks):
                rows.append(_row(subject.word, check.check, subject.subject, subject.reason, "", ""))
            for look in looks:
                unit = line(look.measure.words, 80) if look.measure else ""
                measured, _, limit = unit.partition(", limit ")
                rows.append(_row(look.word, look.check, look.subject, look.message, measured, limit))
    rows.sort(key=lambda row: (WORST_FIRST.index(row[0]), row[1], row[2]))
    kept, size = [], 0
    for row in rows[:MOST_ROWS]:
        size += sum(len(cell.encode()) for cell in row) + 120
        if size > MOST_BYTES:
            break
        kept.append(row)
    if len(kept) < len(rows):
        kept.append(_row("", "", "", f"… {counted(len(rows) - len(kept), 'row')} more, in the evidence package", "", ""))
    columns = ("outcome", "check", "subject", "message", "measured", "limit")
    return [dict(zip(columns, (LABELS.get(row[0], ""), *row[1:]), strict=True)) for row in kept]
