"""The story as GitHub-flavoured Markdown, and the findings as rows: what an orchestrator's artifacts show.

Every character that Markdown or HTML could act on is escaped, so that a page title cannot open a table cell, a link or
a tag. An artifact has a size limit: tables are cut, by counted lines, until the whole fits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from evidence_store.model import Manifest
from evidence_store.report.plain_text import counted, line, web_address
from evidence_store.report.story import tell
from evidence_store.report.told import LABELS, WORST_FIRST, Cause, CheckTold, Section, Story, SubjectTold

MOST_BYTES = 900_000
"""Of the Markdown and of the table: an artifact holds less than a megabyte."""
MOST_ROWS = 1_000
"""Of the findings table."""

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "`": "&#96;", "\\": "&#92;"})
"""Escaped by number, because renderers disagree on a backslash before a pipe."""
_SPECIAL = re.compile(r"([*_\[\]~$@]|:(?=//)|(?<=[Ww]{3})\.)")
_CUTS = ((300, 300), (60, 240), (12, 160), (3, 60), (1, 20))
"""Rows of a table and characters of a cell, from generous to bare."""


def scorecard_markdown(story: Story, links: Mapping[str, str]) -> str:
    """The story as Markdown of less than a megabyte.

    `links` are labels and where they lead; only http(s) addresses become links, other values (a path, a command) are
    shown as they are.
    """
    text = ""
    for rows, characters in _CUTS:
        text = "\n".join(_Writing(rows, characters).story(story, links))
        if len(text.encode()) <= MOST_BYTES:
            break
    return text


def findings_table(manifest: Manifest) -> list[dict[str, str]]:
    """Rows of what was found (outcome, check, subject, message, measured, limit), worst first.

    When there are too many, the last row counts the rest. A subject that could not be judged is told with its reason,
    and its passes are left out: they count for nothing.
    """
    rows = [row for check in tell(manifest).checks for subject in check.subjects for row in _rows_of(check, subject)]
    rows.sort(key=lambda row: (WORST_FIRST.index(row[0]), *row[1:3]))
    kept: list[tuple[str, ...]] = []
    size = 0
    for row in rows[:MOST_ROWS]:
        size += len(json.dumps(row)) + 100  # its keys
        if size > MOST_BYTES:
            break
        kept.append((LABELS[row[0]], *row[1:]))
    if len(kept) < len(rows):
        rest = f"… {counted(len(rows) - len(kept), 'row')} more, in the evidence package"
        kept.append(("", "", "", rest, "", ""))
    return [dict(zip(_COLUMNS, row, strict=True)) for row in kept]


_COLUMNS = ("outcome", "check", "subject", "message", "measured", "limit")


def _rows_of(check: CheckTold, subject: SubjectTold) -> Iterator[tuple[str, ...]]:
    unjudged = subject.word in {"error", "not_run"}
    if unjudged and subject.reason:
        yield subject.word, check.check, subject.subject, subject.reason, "", ""
    for look in subject.looks:
        if unjudged and look.word == "pass":
            continue
        numbers = (look.measure.measured_words, look.measure.limit_words) if look.measure else ("", "")
        yield look.word, look.check, look.subject, look.message, *numbers


class _Writing:
    """Writes the story with tables of at most `rows` rows and cells of at most `characters` characters."""

    def __init__(self, rows: int, characters: int) -> None:
        self.rows = rows
        self.characters = characters

    def story(self, story: Story, links: Mapping[str, str]) -> Iterator[str]:
        yield f"# {self.cell(story.sentence, 1_000)}"
        yield ""
        if story.doubt:
            yield from (f"**{self.cell(story.doubt)}**", "")
        tally = ", ".join(f"**{amount:,}** {LABELS[word].lower()}" for word, amount in story.counts)
        yield from (f"{tally or '0 looked at'} (of {counted(story.total, 'subject')})", "")
        index = [
            (LABELS[group.first.word], *map(self.cell, (group.first.title, f"{group.where}, {group.amount}")))
            for group in story.index
        ]
        yield from self.table(("", "What is wrong", "Where"), index)
        facts = [(fact.label, self.cell(fact.value)) for fact in story.facts]
        yield from self.table(("Run", self.cell(story.run_id)), facts)
        yield from [f"- {self.cell(label)}: {self.link(value)}" for label, value in list(links.items())[: self.rows]]
        yield ""
        yield from self.heading(story.section("blocks"))
        yield from self.causes(story.blocks, "Nothing that was judged blocks this release.")
        yield from self.heading(story.section("unseen"))
        unseen = [
            (
                LABELS[told.word],
                self.cell(told.title),
                self.places(told.where, told.subjects),
                self.cell(told.reason),
                self.cell(told.remedy),
            )
            for told in story.unseen
        ]
        none = "Everything the plan expects was looked at and judged."
        yield from self.table(("Outcome", "Check", "Where", "Why", "What to do"), unseen, none)
        yield from self.heading(story.section("waivers"))
        waivers = [
            (
                told.label,
                *map(self.cell, (f"{told.check} on {told.pattern}", told.owner, told.until, told.reason, told.ticket)),
                self.cell(told.remark),
            )
            for told in story.waivers
        ]
        columns = ("State", "Waiver", "Owner", "Until", "Why", "Ticket", "In this run")
        yield from self.table(columns, waivers, "This run has no waivers.")
        yield from self.known(story)
        yield from self.changes(story)
        yield from self.scorecard(story)
        yield from self.heading(story.section("everything"))
        if story.notices:
            yield from ("### Warnings and open questions", "")
            yield from self.causes(story.notices, "")
        checks = [
            (told.label, self.cell(told.check), self.cell(told.title), self.cell(told.summary)) for told in story.checks
        ]
        yield from self.table(("Outcome", "Check", "What it promises", "Looked at"), checks, "The plan has no checks.")
        yield from self.heading(story.section("check"))
        for place, step in enumerate(story.steps, 1):
            yield f"{place}. {self.cell(step.words, 400)}"
            yield from ("", "   ```", *(f"   {command}" for command in step.command.splitlines()), "   ```", "")

    def known(self, story: Story) -> Iterator[str]:
        if story.known:
            yield from ("### Known findings", "")
        known = [
            (
                told.label,
                *map(self.cell, (f"{told.rule}, {told.amount} of {told.check}", told.owner, told.until, told.reason)),
                self.cell(told.ticket),
                self.cell(told.remark),
            )
            for told in story.known
        ]
        yield from self.table(("State", "Findings", "Owner", "Until", "Why", "Ticket", "In this run"), known)
        if story.answers:
            yield from ("### Answers of people", "", self.cell(story.answers), "")
        unasked = [tuple(map(self.cell, (told.question, told.said, told.file))) for told in story.unasked]
        yield from self.table(("Answered, no longer asked", "Answer", "File"), unasked)

    def changes(self, story: Story) -> Iterator[str]:
        yield from self.heading(story.section("changes"))
        yield from (self.cell(f"{story.changes.summary} {story.changes.remark}", 600), "")
        rows = [
            (state, cause.label, self.cell(cause.named), self.places(cause.where, cause.subjects))
            for state, causes in (("New", story.changes.new), ("Still there", story.changes.still))
            for cause in causes
        ]
        yield from self.table(("", "Outcome", "What", "Where"), rows)

    def scorecard(self, story: Story) -> Iterator[str]:
        yield from self.heading(story.section("scorecard"))
        for stream in story.scorecard:
            yield from (f"### {self.cell(stream.title)}", "", self.cell(stream.summary), "")
            rows = [
                (
                    row.id,
                    self.cell(row.title),
                    f"**{row.label}**",
                    self.cell(row.amount),
                    self.cell("; ".join(f"{fact.label}: {fact.value or 'not in this plan'}" for fact in row.proof)),
                )
                for row in stream.rows
                if row.word != "absent"
            ]
            # A launch plan has few rows, and a scorecard with missing ones would mislead: it is never cut.
            yield from self.table(("Row", "What", "Outcome", "How much", "Proof"), rows, most=len(rows))
            absent = [row.id for row in stream.rows if row.word == "absent"]
            if absent:
                yield from (f"Not in this plan: {', '.join(absent)}", "")
        criteria = story.criteria
        if criteria:
            counts = ", ".join(f"**{amount:,}** {LABELS[word].lower()}" for word, amount in criteria.counts)
            yield from ("### Accessibility, criterion by criterion", "", f"{self.cell(criteria.summary)} {counts}.", "")
            yield from (self.cell(criteria.by, 600), "")
            failed = [tuple(map(self.cell, (row.name, row.by, row.found))) for row in criteria.failed]
            yield from self.table(("Failed", "Looked at by", "Found"), failed)

    def causes(self, causes: Sequence[Cause], none: str) -> Iterator[str]:
        rows = [
            (
                cause.label,
                self.cell(cause.title),
                self.places(cause.where, cause.subjects),
                self.cell(cause.first.message),
                self.cell(cause.first.measure.words if cause.first.measure else ""),
                self.cell(cause.remedy),
            )
            for cause in causes
        ]
        yield from self.table(("Outcome", "What", "Where", "Seen", "Measured", "What to do"), rows, none)

    def heading(self, section: Section) -> Iterator[str]:
        count = f" ({self.cell(section.count)})" if section.count else ""
        yield from (f"## {self.cell(section.heading)}{count}", "")

    def places(self, where: str, subjects: Sequence[str]) -> str:
        if len(subjects) < 2:
            return self.cell(where)
        more = f" and {len(subjects) - 3:,} more" if len(subjects) > 3 else ""
        return self.cell(f"{where}: {', '.join(subjects[:3])}{more}")

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], none: str = "", most: int | None = None
    ) -> Iterator[str]:
        """Lines of a table whose cells are Markdown already; `none` stands in its place when it has no rows."""
        if not rows:
            yield from (none, "") if none else ()
            return
        most = self.rows if most is None else most
        yield f"| {' | '.join(columns)} |"
        yield f"|{' --- |' * len(columns)}"
        yield from (f"| {' | '.join(row)} |" for row in rows[:most])
        yield ""
        if len(rows) > most:
            yield from (f"… {counted(len(rows) - most, 'row')} more, in the evidence package", "")

    def cell(self, text: str, characters: int | None = None) -> str:
        """A text on one line in which nothing acts."""
        shown = line(text, characters or self.characters).translate(_ENTITIES)
        return _SPECIAL.sub(r"\\\1", shown)

    def link(self, value: str) -> str:
        address = web_address(value)
        if address:
            return f"[{self.cell(address, 500)}](<{quote(address, safe='/:?#[]@!$&+,;=%~')}>)"
        shown = line(value, 500)
        return self.cell(shown, 600) if "`" in shown else f"`{shown}`"
