"""The story on a terminal: the page's words in the page's order, shortened where a terminal would scroll away.

Text is printed as text, never as rich markup, and holds no escape sequence (see `plain_text`). A terminal that cannot
show a character gets a plain one in its place.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from evidence_store.report.plain_text import counted
from evidence_store.report.told import (
    LABELS,
    Cause,
    CheckTold,
    CriteriaTold,
    KnownTold,
    Section,
    Story,
    Unseen,
    WaiverTold,
)

MOST_CAUSES = 20
MOST_PLACES = 5

_STYLES = {
    "go": "bold green",
    "no-go": "bold red",
    "incomplete": "bold yellow",
    "pass": "green",
    "fail": "red",
    "error": "yellow",
    "not_run": "yellow",
    "warn": "yellow",
    "review": "cyan",
    "partly": "yellow",
    "unused": "yellow",
    "expired": "yellow",
    "fixed": "yellow",
    "not_scanned": "yellow",
}
_SIGNS = {
    "go": "✔",
    "no-go": "✘",
    "incomplete": "!",
    "pass": "✔",
    "fail": "✘",
    "error": "!",
    "not_run": "○",
    "warn": "▲",
    "review": "?",
    "waived": "⚑",
    "partly": "◐",
    "used": "⚑",
    "unused": "○",
    "expired": "!",
    "known": "⚑",
    "fixed": "○",
    "not_scanned": "○",
}
_SINCE = {"new": " (new)", "partly new": " (partly new)", "still": " (was there before)", "": ""}
_PLAIN = str.maketrans(
    {"✔": "+", "✘": "x", "○": "o", "▲": "^", "⚑": "~", "◐": "%", "…": "...", "·": "-", "–": "-", "×": "x", "␤": "/"}
)


def render_terminal(story: Story, console: Console) -> None:
    """Print the story; colour, width and encoding are the console's."""
    _Printing(console).story(story)


class _Printing:
    """The console, with the ways of printing that keep text from being more than text."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def story(self, story: Story) -> None:
        self.verdict(story)
        self.heading(story.section("blocks"))
        self.causes(story.blocks, "Nothing that was judged blocks this release." if not story.doubt else story.doubt)
        self.heading(story.section("unseen"))
        for unseen in story.unseen[:MOST_CAUSES]:
            self.unseen(unseen)
        self.beyond(len(story.unseen), MOST_CAUSES, "reason")
        if not story.unseen:
            self.say("Everything the plan expects was looked at and judged.")
        self.heading(story.section("waivers"))
        for waiver in story.waivers:
            self.waiver(waiver)
        if not story.waivers:
            self.say("This run has no waivers.")
        for known in story.known[:MOST_CAUSES]:
            self.known(known)
        self.beyond(len(story.known), MOST_CAUSES, "acceptance")
        if story.answers:
            self.say(story.answers)
        for answer in story.unasked[:MOST_PLACES]:
            self.say(f"{answer.question}: {answer.said} ({answer.file})", 4)
        self.beyond(len(story.unasked), MOST_PLACES, "answer")
        self.changes(story)
        self.scorecard(story)
        if story.criteria:
            self.criteria(story.criteria)
        self.heading(story.section("everything"))
        if story.notices:
            self.causes(story.notices, "")
        self.checks(story.checks)
        self.heading(story.section("check"))
        self.say("stageproof verify does it all; index.html and README.txt in the package say how to do it by hand.")

    def verdict(self, story: Story) -> None:
        word = story.verdict.value
        sentence = Text(self.fit(f"{_SIGNS[word]} {story.verdict_label}"), style=_STYLES[word])
        sentence.append(self.fit(story.sentence[len(story.verdict_label) :]), style="bold")
        self.console.print()
        self.put(sentence)
        if story.doubt:
            self.say(story.doubt)
        tally = ", ".join(f"{amount:,} {LABELS[word].lower()}" for word, amount in story.counts)
        self.say(f"{tally} (of {counted(story.total, 'subject')})" if tally else "0 subjects")
        index = Table.grid(padding=(0, 2))
        index.add_column(no_wrap=True)
        index.add_column(overflow="fold")
        index.add_column(overflow="fold", style="dim")
        for group in story.index:
            words = (group.first.title, f"{group.where}, {group.amount}")
            index.add_row(self.badge(group.first.word), *(Text(self.fit(text)) for text in words))
        if story.index:
            self.put(Padding(index, (1, 0, 0, 2), expand=False))
        facts = Table.grid(padding=(0, 2))
        facts.add_column(style="dim", no_wrap=True)
        facts.add_column(overflow="fold")
        for fact in story.facts:
            facts.add_row(Text(self.fit(fact.label)), Text(self.fit(fact.value)))
        self.put(Padding(facts, (1, 0, 0, 2), expand=False))

    def causes(self, causes: Sequence[Cause], none: str) -> None:
        for cause in causes[:MOST_CAUSES]:
            self.entry(cause.word, f"{cause.title} {cause.where}{_SINCE[cause.since]}")
            self.say(cause.first.message, 4)
            if cause.first.measure:
                self.say(cause.first.measure.words, 4)
            if cause.element or cause.rule:
                at = f" at {cause.element}" if cause.element else ""
                self.say(f"{cause.check}{f', rule {cause.rule}' if cause.rule else ''}{at}", 4, style="dim")
            self.places(cause.subjects)
            for picture in cause.first.pictures:
                self.say(f"{picture.role}: {picture.path}", 4, style="dim")
            if cause.remedy:
                self.say(f"What to do: {cause.remedy}", 4)
        self.beyond(len(causes), MOST_CAUSES, "cause")
        if not causes and none:
            self.say(none)

    def unseen(self, unseen: Unseen) -> None:
        self.entry(unseen.word, f"{unseen.title}: {unseen.where}")
        self.say(unseen.reason, 4)
        self.places(unseen.subjects)
        if unseen.remedy:
            self.say(f"What to do: {unseen.remedy}", 4)

    def waiver(self, waiver: WaiverTold) -> None:
        self.entry(waiver.state, f"{waiver.check} on {waiver.pattern}")
        self.say(waiver.reason, 4)
        ticket = f", ticket {waiver.ticket}" if waiver.ticket else ""
        self.say(f"{waiver.owner}, until {waiver.until}{ticket}. {waiver.remark}", 4)

    def known(self, known: KnownTold) -> None:
        self.entry(known.state, f"{known.rule}, {known.amount} of {known.check}")
        ticket = f", ticket {known.ticket}" if known.ticket else ""
        self.say(f"{known.owner}, until {known.until}{ticket}: {known.reason}", 4)
        self.say(known.remark, 4)
        self.places([place.subject for place in known.places])

    def changes(self, story: Story) -> None:
        self.heading(story.section("changes"))
        self.say(story.changes.summary)
        if story.changes.remark:
            self.say(story.changes.remark)
        for title, causes in (("New", story.changes.new), ("Still there", story.changes.still)):
            if causes:
                self.say(f"{title}:")
            for cause in causes[:MOST_CAUSES]:
                self.say(f"{LABELS[cause.word]}: {cause.named} {cause.where}", 4)
            self.beyond(len(causes), MOST_CAUSES, "cause")

    def scorecard(self, story: Story) -> None:
        self.heading(story.section("scorecard"))
        for stream in story.scorecard:
            told = [row for row in stream.rows if row.word != "absent"]
            absent = f"not in this plan: {', '.join(row.id for row in stream.rows if row.word == 'absent')}"
            if not told:
                self.say(f"{stream.title}: {absent}", style="dim")
                continue
            self.say(f"{stream.title}: {stream.summary}", style="bold")
            table = Table.grid(padding=(0, 2))
            table.add_column(no_wrap=True)
            table.add_column(no_wrap=True)
            table.add_column(overflow="fold")
            for row in told:
                proof = "; ".join(f"{fact.label}: {fact.value or 'not in this plan'}" for fact in row.proof)
                words = Text(self.fit(f"{row.title} "))
                words.append(self.fit(f"({row.amount}; {proof})"), style="dim")
                table.add_row(self.badge(row.word), Text(row.id), words)
            self.put(Padding(table, (0, 0, 0, 4), expand=False))
            if len(told) < len(stream.rows):
                self.say(absent, 4, style="dim")

    def criteria(self, criteria: CriteriaTold) -> None:
        counts = ", ".join(f"{amount:,} {LABELS[word].lower()}" for word, amount in criteria.counts)
        self.say(f"{criteria.summary} {counts}.")
        for row in criteria.failed[:MOST_CAUSES]:
            self.say(f"{row.name}: {row.by}: {row.found}", 4)
        self.beyond(len(criteria.failed), MOST_CAUSES, "criterion")

    def checks(self, checks: Sequence[CheckTold]) -> None:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold", min_width=12)
        table.add_column(overflow="fold")
        for check in checks:
            table.add_row(self.badge(check.word), Text(self.fit(check.check)), Text(self.fit(check.summary)))
        self.console.print()
        self.put(Padding(table, (0, 0, 0, 2), expand=False))

    def heading(self, section: Section) -> None:
        words = Text(self.fit(section.heading), style="bold underline")
        if section.count:
            words.append("  ")
            words.append(self.fit(section.count), style="not underline dim")
        self.console.print()
        self.put(words)

    def entry(self, word: str, title: str) -> None:
        words = self.badge(word)
        words.append("  ")
        words.append(self.fit(title), style="bold")
        self.put(Padding(words, (0, 0, 0, 2), expand=False))

    def places(self, subjects: Sequence[str]) -> None:
        if len(subjects) > 1:
            more = len(subjects) - MOST_PLACES
            rest = f" and {more:,} more" if more > 0 else ""
            self.say(f"{', '.join(subjects[:MOST_PLACES])}{rest}", 4)

    def beyond(self, amount: int, most: int, what: str) -> None:
        if amount > most:
            self.say(f"… {counted(amount - most, what)} more, in index.html")

    def badge(self, word: str) -> Text:
        return Text(self.fit(f"{_SIGNS.get(word, ' ')} {LABELS[word]}"), style=_STYLES.get(word, ""))

    def say(self, text: str, indent: int = 2, style: str = "") -> None:
        self.put(Padding(Text(self.fit(text), style=style), (0, 0, 0, indent), expand=False))

    def put(self, printed: Text | Padding) -> None:
        self.console.print(printed, markup=False, highlight=False, emoji=False)

    def fit(self, text: str) -> str:
        """The text in characters that the console's encoding has."""
        encoding = self.console.encoding
        if encoding.lower().replace("-", "").startswith("utf"):
            return text
        return text.translate(_PLAIN).encode(encoding, "backslashreplace").decode(encoding)
