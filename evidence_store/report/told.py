"""What a story is made of: plain records of words, the same for every face."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from evidence_store.model import VerdictWord
from evidence_store.report.plain_text import counted, line

LABELS: Mapping[str, str] = {
    "pass": "Pass",
    "fail": "Fail",
    "error": "Error",
    "not_run": "Not run",
    "review": "To review",
    "warn": "Warning",
    "waived": "Waived",
    "partly": "Partly proven",
    "absent": "Not in this plan",
    "used": "In use",
    "unused": "Unused",
    "expired": "Expired",
    "known": "Known",
    "fixed": "Fixed, still listed",
    "not_scanned": "Not scanned",
    "looked": "No failure found",
    "not_evaluated": "Not evaluated",
    "go": "GO",
    "no-go": "NO-GO",
    "incomplete": "INCOMPLETE",
}
"""What a person reads for each word; the same in every face."""

WORST_FIRST = ("fail", "error", "not_run", "waived", "known", "warn", "review", "partly", "pass", "absent")

EVERY_SUBJECT = "*"
"""The gate's subject for a check that named none."""

HEADLINE_CHARACTERS = 140


@dataclass(frozen=True)
class Fact:
    """A labelled fact of the run."""

    label: str
    value: str
    address: str | None = None


@dataclass(frozen=True)
class Picture:
    """An image in the bag, and what it is to its finding: `baseline`, `now`, `difference` or `screenshot`."""

    role: str
    path: str


@dataclass(frozen=True)
class Measure:
    """A measured number against its limit, and the words for it; a number that cannot be drawn is None."""

    measured: float | None
    limit: float | None
    measured_words: str
    limit_words: str

    @property
    def words(self) -> str:
        """`3,120 ms, limit 2,500 ms`."""
        measured = self.measured_words or "not measured"
        return f"{measured}, limit {self.limit_words}" if self.limit_words else measured


@dataclass(frozen=True)
class Look:
    """One finding, as it is told."""

    word: str
    check: str
    subject: str
    message: str
    rule: str
    element: str
    element_address: str | None
    measure: Measure | None
    pictures: tuple[Picture, ...]
    files: tuple[str, ...]
    looked_at: str
    more_information: str
    more_information_address: str | None
    fingerprint: str
    since: str
    """`new` or `still` against the last sealed run that looked, else empty."""

    @property
    def label(self) -> str:
        """The word a person reads."""
        return LABELS[self.word]


@dataclass(frozen=True)
class Cause:
    """Findings of one check with the same rule on the same component: one defect in one or many places."""

    word: str
    check: str
    title: str
    why: str
    remedy: str
    remedy_address: str | None
    rule: str
    element: str
    looks: tuple[Look, ...]
    subjects: tuple[str, ...]
    of_subjects: int
    """How many subjects the check was to look at."""
    since: str

    @property
    def label(self) -> str:
        """The word a person reads."""
        return LABELS[self.word]

    @property
    def named(self) -> str:
        """The title with rule and component: in a list, the causes of one check are told apart by nothing else."""
        what = " at ".join(part for part in (self.rule, line(self.element, 80)) if part)
        return f"{self.title} ({what})" if what else self.title

    @property
    def where(self) -> str:
        """`on approvals@phone`, or `on 3 of 12 subjects`."""
        if len(self.subjects) == 1:
            return f"on {self.subjects[0]}"
        return f"on {len(self.subjects):,} of {counted(max(self.of_subjects, len(self.subjects)), 'subject')}"

    @property
    def first(self) -> Look:
        """The look that shows the defect best: furthest from its limit."""
        return self.looks[0]

    @property
    def one_message(self) -> bool:
        """Whether all places say the same."""
        return len({look.message for look in self.looks}) == 1

    @property
    def headline(self) -> str:
        """The beginning of what was seen: in a list of causes of one check, it tells them apart."""
        return _split(self.first.message)[0]

    @property
    def rest(self) -> str:
        """What was seen, after its headline."""
        return _split(self.first.message)[1]


@dataclass(frozen=True)
class Place:
    """A subject, and the fingerprint of the finding that tells of it, if there is one."""

    subject: str
    fingerprint: str


@dataclass(frozen=True)
class Unseen:
    """Subjects of one check that nobody can speak of, for one reason."""

    word: str
    check: str
    title: str
    reason: str
    remedy: str
    remedy_address: str | None
    places: tuple[Place, ...]
    of_subjects: int

    @property
    def label(self) -> str:
        """The word a person reads."""
        return LABELS[self.word]

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names of the subjects."""
        return tuple(place.subject for place in self.places)

    @property
    def where(self) -> str:
        """Which subjects, or how many of how many."""
        if self.subjects == (EVERY_SUBJECT,):
            return "the whole check"
        if len(self.subjects) == 1:
            return self.subjects[0]
        return f"{len(self.subjects):,} of {counted(max(self.of_subjects, len(self.subjects)), 'subject')}"

    @property
    def headline(self) -> str:
        """The beginning of the reason."""
        return _split(self.reason)[0]

    @property
    def rest(self) -> str:
        """The reason, after its headline."""
        return _split(self.reason)[1]


Member = TypeVar("Member", Cause, Unseen)


@dataclass(frozen=True)
class Group(Generic[Member]):
    """Everything that one check says with one word, the widest first."""

    id: str
    """Its anchor."""
    members: tuple[Member, ...]

    @property
    def first(self) -> Member:
        """The one that is on most subjects; what is said of the check itself, all of them say."""
        return self.members[0]

    @property
    def subjects(self) -> int:
        """How many subjects the members are on, each counted once."""
        return len({subject for member in self.members for subject in member.subjects})

    @property
    def where(self) -> str:
        """`7 of 10 subjects`; of a whole check that named none, nothing can be counted."""
        if self.first.subjects == (EVERY_SUBJECT,):
            return "the whole check"
        return f"{self.subjects:,} of {counted(max(self.first.of_subjects, self.subjects), 'subject')}"

    @property
    def noun(self) -> str:
        """What its members are."""
        return "cause" if isinstance(self.first, Cause) else "reason"

    @property
    def amount(self) -> str:
        """`3 causes`."""
        return counted(len(self.members), self.noun)


def grouped(section: str, members: Iterable[Member]) -> tuple[Group[Member], ...]:
    """The members by word and check, worst and then widest first; anchors begin with the section's."""
    groups: dict[tuple[str, str], list[Member]] = defaultdict(list)
    for member in members:
        groups[member.word, member.check].append(member)
    made = [Group("", tuple(group)) for group in groups.values()]
    made.sort(key=lambda group: (WORST_FIRST.index(group.first.word), -group.subjects, group.first.check))
    return tuple(Group(f"{section}-{place}", group.members) for place, group in enumerate(made, 1))


def _split(text: str) -> tuple[str, str]:
    """The first statement of a text, as short as a glance, and what follows it."""
    first = text.partition("\n")[0].partition("; ")[0]
    if len(first) > HEADLINE_CHARACTERS:
        first = first[:HEADLINE_CHARACTERS]
        first = first.rpartition(" ")[0] or first
        return f"{first}…", f"…{text[len(first) :].strip()}"
    return (f"{first}…" if len(first) < len(text) else first), text[len(first) :].lstrip("; \n")


@dataclass(frozen=True)
class WaiverTold:
    """A waiver and what became of it."""

    state: str
    check: str
    pattern: str
    owner: str
    reason: str
    ticket: str
    ticket_address: str | None
    until: str
    expires_soon: bool
    remark: str
    looks: tuple[Look, ...]
    """The fails it covers."""

    @property
    def label(self) -> str:
        """The word a person reads."""
        return LABELS[self.state]


@dataclass(frozen=True)
class KnownTold:
    """Findings of one rule that one person accepted in the same words, and what became of them in this run."""

    state: str
    check: str
    rule: str
    owner: str
    reason: str
    ticket: str
    ticket_address: str | None
    until: str
    expires_soon: bool
    remark: str
    places: tuple[Place, ...]

    @property
    def label(self) -> str:
        """The word a person reads."""
        return LABELS[self.state]

    @property
    def amount(self) -> str:
        """`12 findings`."""
        return counted(len(self.places), "finding")


@dataclass(frozen=True)
class AnswerTold:
    """A recorded answer to a question that nobody asks any more."""

    question: str
    said: str
    """Who answered what, and when."""
    file: str


@dataclass(frozen=True)
class Changes:
    """Problems of this run against those of the last sealed run of the same target."""

    summary: str
    remark: str
    new: tuple[Cause, ...] = ()
    still: tuple[Cause, ...] = ()
    gone: int = 0


@dataclass(frozen=True)
class RowTold:
    """One line of the launch plan and what this run says of it."""

    id: str
    title: str
    word: str
    checks: tuple[str, ...]
    proof: tuple[Fact, ...]
    """Each mode of proof the row needs, and the checks that gave it."""
    amount: str
    """How much was looked at."""

    @property
    def label(self) -> str:
        """The word a person reads."""
        return LABELS[self.word]


@dataclass(frozen=True)
class WorkstreamTold:
    """Rows that one team answers for, and how many of them are proven."""

    title: str
    summary: str
    rows: tuple[RowTold, ...]


@dataclass(frozen=True)
class CriterionTold:
    """One success criterion of WCAG."""

    name: str
    """With its number and level."""
    word: str
    by: str
    """What looked at it."""
    found: str

    @property
    def label(self) -> str:
        """The word a person reads."""
        return LABELS[self.word]


@dataclass(frozen=True)
class CriteriaTold:
    """How much of WCAG a run looked at; never that a criterion is met."""

    summary: str
    by: str
    """How many each means looked at."""
    counts: tuple[tuple[str, int], ...]
    """Criteria by word, worst first; together they are all of them."""
    rows: tuple[CriterionTold, ...]

    @property
    def failed(self) -> tuple[CriterionTold, ...]:
        """Those on which a failure was found."""
        return tuple(row for row in self.rows if row.word == "fail")


@dataclass(frozen=True)
class SubjectTold:
    """One expected subject of one check."""

    subject: str
    word: str
    words: tuple[str, ...]
    """Its own word and those of its warnings and questions, to filter by."""
    reason: str
    looks: tuple[Look, ...]

    @property
    def label(self) -> str:
        """The word a person reads."""
        return LABELS[self.word]


@dataclass(frozen=True)
class CheckTold:
    """One check of the plan with every subject it was to look at, worst first."""

    check: str
    title: str
    word: str
    mode: str
    rows: tuple[str, ...]
    why: str
    remedy: str
    remedy_address: str | None
    seconds: str
    counts: tuple[tuple[str, int], ...]
    summary: str
    """`40 of 40 subjects judged; 8 frames, 1,212 nodes; 38 pass, 2 fail`."""
    subjects: tuple[SubjectTold, ...]

    @property
    def label(self) -> str:
        """The word a person reads."""
        return LABELS[self.word]


@dataclass(frozen=True)
class Step:
    """One thing anyone can do to check the package."""

    words: str
    command: str


@dataclass(frozen=True)
class Section:
    """A part of the story: its anchor, heading, and the number that says whether to read it."""

    id: str
    heading: str
    count: str


@dataclass(frozen=True)
class Story:
    """Everything a person is told about a run, in order."""

    run_id: str
    target: str
    verdict: VerdictWord
    verdict_label: str
    sentence: str
    doubt: str | None
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]
    blocks: tuple[Cause, ...]
    unseen: tuple[Unseen, ...]
    waivers: tuple[WaiverTold, ...]
    known: tuple[KnownTold, ...]
    answers: str
    """How many recorded answers there are, and whether they were asked for; empty when there are none."""
    unasked: tuple[AnswerTold, ...]
    """Those that nobody asks for any more."""
    changes: Changes
    scorecard: tuple[WorkstreamTold, ...]
    criteria: CriteriaTold | None
    """None when the run did not count them."""
    notices: tuple[Cause, ...]
    """Warnings and open questions: shown, and nothing hangs on them."""
    checks: tuple[CheckTold, ...]
    counts: tuple[tuple[str, int], ...]
    """Subjects by word, worst first."""
    total: int
    about: tuple[Fact, ...]
    steps: tuple[Step, ...]

    @property
    def index(self) -> tuple[Group[Cause] | Group[Unseen], ...]:
        """What is wrong, a line for each check and outcome."""
        return (*self.block_groups, *self.unseen_groups)

    @property
    def block_groups(self) -> tuple[Group[Cause], ...]:
        """What blocks, by check."""
        return grouped("blocks", self.blocks)

    @property
    def unseen_groups(self) -> tuple[Group[Unseen], ...]:
        """What was not looked at, by outcome and check."""
        return grouped("unseen", self.unseen)

    @property
    def notice_groups(self) -> tuple[Group[Cause], ...]:
        """Warnings and open questions, by check."""
        return grouped("notices", self.notices)

    def section(self, section_id: str) -> Section:
        """The part with this anchor."""
        return next(section for section in self.sections if section.id == section_id)
