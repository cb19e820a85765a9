"""The words of a run: outcome, finding, check result, waiver, release, decision, manifest.

Everything here is immutable and free of I/O. Models that are read back from a stored bundle ignore fields they do not
know, so that a newer bundle still opens in an older reader; what is *written* is always exactly these fields.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

SCHEMA_VERSION = 1


class Record(BaseModel):
    """An immutable fact of a run, readable from bundles written by newer versions."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Outcome(StrEnum):
    """What one look at one subject ended in; only `pass` can lead to `go`."""

    PASS = "pass"  # noqa: S105  - not a password
    FAIL = "fail"
    ERROR = "error"
    """It was looked at and could not be judged. Never a pass, never a fail, never waived."""
    NOT_RUN = "not_run"
    """It was expected and never looked at."""
    REVIEW = "review"
    """A person has to answer; gates only where the plan says so."""


class VerdictWord(StrEnum):
    """The answer to "may this release leave staging?"."""

    GO = "go"
    NO_GO = "no-go"
    INCOMPLETE = "incomplete"

    @property
    def exit_code(self) -> int:
        """0 go, 1 no-go, 3 incomplete (2 is kept for usage and plan errors)."""
        return {"go": 0, "no-go": 1, "incomplete": 3}[self.value]

    @property
    def state_name(self) -> str:
        """The name of the flow run's state, which automations hang on."""
        return {"go": "Go", "no-go": "NoGo", "incomplete": "Incomplete"}[self.value]


class Severity(StrEnum):
    """Whether a failing check holds a release back."""

    BLOCKER = "blocker"
    WARNING = "warning"
    """A fail is shown as `warn` and does not gate."""


def safe_relative_path(path: str) -> str:
    """Refuse a path that could leave the bag: absolute, `..`, backslash, drive letter or control character."""
    pure = PurePosixPath(path)
    if (
        not path
        or pure.is_absolute()
        or ".." in pure.parts
        or str(pure) != path
        or path == "."
        or any(character in "\\:" or not character.isprintable() for character in path)
    ):
        raise ValueError(f"{path!r} is not a plain relative path inside the evidence package")
    return path


BagPath = Annotated[str, AfterValidator(safe_relative_path)]


class Artifact(Record):
    """One file of evidence: where it lies in the bag and what its bytes must hash to. Size in bytes."""

    path: BagPath
    media_type: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)


class Evidence(Record):
    """What one source saw of one subject: facts and files, no opinion.

    `problem` says why the look failed; the subject then ends in `error` without its judge being asked.
    """

    kind: ClassVar[str]
    subject: str
    gathered_at: AwareDatetime
    problem: str | None = None


class Rendering(Record):
    """A picture a judge drew from evidence (such as a visual diff), to be stored beside it."""

    path: BagPath
    media_type: str
    content: bytes


_INDEX = re.compile(
    r":nth-(?:child|of-type)\(\d+\)|\[\d+\]|(?<=[-_/])\d+(?=[-_/]|$)"
    # What React's useId counts, in its three spellings: another viewport or one more row above gives another number.
    r"|_[rR]_[0-9a-vH]*_|«[rR][0-9a-vH]*»|(?:\\:|(?<=[\"'-]):)[rR][0-9a-vH]*\\?:"
)
# A selector that says where an element lies or what figure it shows: `text[x="79"][transform="translate(0,253.34)"]`.
_ATTRIBUTE = re.compile(r"""(\[[\w:-]+[~|^$*]?=)("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\]""")
_ATTRIBUTES = re.compile(f"(?:{_ATTRIBUTE.pattern})+")
_NUMBER = re.compile(r"[-−]?\d+(?:[.,]\d+)*")


def deindexed(target: str) -> str:
    """A selector or URL without its counters, so that the same defect keeps its name when rows move.

    Attributes lose their numbers and stand in one order: the hundred labels of a chart's axis are one component.
    """
    return _ATTRIBUTES.sub(_without_numbers, _INDEX.sub("", target))


def _without_numbers(attributes: re.Match[str]) -> str:
    named = _ATTRIBUTE.findall(attributes.group())
    return "".join(sorted(f"{name}{_NUMBER.sub('', value)}]" for name, value in named))


class Finding(Record):
    """What was seen of one subject against what is allowed.

    `looked_at` says how much a pass looked at: a pass never stands as a bare tick.
    """

    outcome: Outcome
    subject: str
    message: str
    rule: str = ""
    """The rule inside the check, for example axe's rule id or `status`."""
    element: str = ""
    """The selector or URL the rule speaks of."""
    measured: float | None = None
    limit: float | None = None
    unit: str = ""
    evidence: tuple[BagPath, ...] = ()
    looked_at: str = ""
    more_information: str = ""
    """Where the rule is explained (a link)."""
    gates: bool = True
    """False for a fail that is only a warning."""
    fingerprint: str = ""
    """Stable across runs: check, rule, de-indexed element and subject. Known-issue files and diffs key on it."""
    element_sha256: str = ""
    """Of a question: over what it is about. A person's answer holds while this stays the same."""
    element_looks: tuple[str, ...] = ()
    """Of a question that is answered by eye: how its elements look, coarsely. An answer holds while none looks new."""
    renderings: tuple[Rendering, ...] = Field(default=(), exclude=True, repr=False)

    def fingerprinted(self, check: str) -> Self:
        """This finding with its stable name within the check."""
        words = "\x1f".join((check, self.rule, deindexed(self.element), self.subject))
        return self.model_copy(update={"fingerprint": hashlib.sha256(words.encode()).hexdigest()[:16]})

    @property
    def word(self) -> str:
        """How a person is told: `warn` is a fail that does not gate."""
        return "warn" if self.outcome is Outcome.FAIL and not self.gates else self.outcome.value


class CheckSpec(Record):
    """What a check is called and why it exists, for reports, catalogue and commands."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    title: str
    failure_title: str
    why: str
    remedy: str
    rows: tuple[str, ...]
    """Rows of the launch plan this check proves."""
    severity: Severity = Severity.BLOCKER
    mode: str = "live"
    """`live`, `artefact` or `human`: what kind of proof it is."""


LEFT_OUT = "left-out"
"""The rule of a finding that says: this run was told to leave the check out."""


class CheckResult(Record):
    """All findings of one check; `problem` says why the whole check could not be judged."""

    spec: CheckSpec
    findings: tuple[Finding, ...] = ()
    problem: str | None = None
    seconds: float = 0.0

    @property
    def check(self) -> str:
        """The id of the check."""
        return self.spec.id

    @property
    def looked(self) -> bool:
        """Whether the check had its say in this run: only then can its next findings be compared with these."""
        return any(finding.rule != LEFT_OUT for finding in self.findings)


class Waiver(Record):
    """A named person accepts one fail until an instant. It never covers an error or something not looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    check: str
    subject: str = "*"
    """A shell-style pattern over subjects."""
    fingerprint: str | None = None
    """Narrows the waiver to one finding."""
    owner: str = Field(min_length=1)
    reason: str = Field(min_length=8)
    ticket: str = ""
    expires: AwareDatetime
    """Mandatory, with a time zone: a waiver without an end is a decision nobody made."""

    @model_validator(mode="after")
    def names_something(self) -> Self:
        """A waiver over every subject of a check must say which finding it means."""
        names_something = re.search(r"[A-Za-z0-9]", re.sub(r"\[.*?\]", "", self.subject))
        if names_something is None and self.fingerprint is None:
            raise ValueError(
                f"a waiver for '{self.check}' must name a subject (a pattern such as 'dashboard@*') or a fingerprint"
            )
        return self


class Release(Record):
    """Which release staging served, seen before the first look and after the last one."""

    requested: str | None = None
    before: str | None = None
    after: str | None = None
    unknown_reason: str | None = None
    """The plan's own words why staging cannot name its release."""
    problem: str | None = None
    """Why a probe did not yield a release."""

    def not_the_one_asked_for(self) -> str | None:
        """Why no result can count, as far as it is certain before the first look; None when results may count."""
        if not self.requested:
            return None
        if self.unknown_reason is not None:
            return f"release {self.requested} was asked for, but this target cannot name its release"
        if self.before is not None and not same_release(self.requested, self.before):
            return f"staging serves release {self.before}, but {self.requested} was asked for"
        return None

    def doubt(self) -> str | None:
        """Why nobody can say what was tested, or None when the release is certain (or declared unknowable)."""
        if self.unknown_reason is not None:
            return self.not_the_one_asked_for()
        if self.problem is not None:
            return f"the release on staging could not be read: {self.problem}"
        if self.before is None or self.after is None:
            return "the release on staging was not read before and after the run"
        if self.before != self.after:
            return f"the release changed during the run, from {self.before} to {self.after}"
        return self.not_the_one_asked_for()


def same_release(left: str, right: str) -> bool:
    """Whether two names mean the same release; an abbreviated commit (>= 7 hex digits) equals its full form."""
    shorter, longer = sorted((left.strip().lower(), right.strip().lower()), key=len)
    if shorter == longer:
        return bool(shorter)
    # Digits are hexadecimal too: a build number is no abbreviated commit.
    is_commit = len(longer) in {40, 64} or re.search(r"[a-f]", shorter) is not None
    return (
        len(shorter) >= 7
        and is_commit
        and re.fullmatch(r"[0-9a-f]+", longer) is not None
        and longer.startswith(shorter)
    )


class SubjectDecision(Record):
    """What one expected subject of one check ended in, and why."""

    check: str
    subject: str
    outcome: Outcome
    reason: str
    findings: tuple[str, ...] = ()
    """Fingerprints of the findings behind it."""
    waived_by: str | None = None
    gates: bool = True
    """False when every fail behind a `fail` is only a warning."""
    warns: bool = False
    """A fail or review that does not gate is behind this subject."""

    @property
    def word(self) -> str:
        """How a person is told: waived and warn are not separate outcomes, but are never hidden."""
        if self.waived_by:
            return "waived"
        return "warn" if self.outcome is Outcome.FAIL and not self.gates else self.outcome.value


class WaiverNote(Record):
    """What became of a waiver in this run; an unused or expired one is itself reported."""

    waiver: Waiver
    state: str = Field(pattern=r"^(used|unused|expired)$")
    expires_soon: bool = False


class Decision(Record):
    """The verdict with everything that led to it; a pure function of expectations, results, waivers and release."""

    verdict: VerdictWord
    decided_at: AwareDatetime
    subjects: tuple[SubjectDecision, ...]
    waivers: tuple[WaiverNote, ...] = ()
    doubt: str | None = None
    """Why nobody can say which release was tested; then every subject is an error."""

    def of(self, *outcomes: Outcome) -> tuple[SubjectDecision, ...]:
        """Decided subjects that ended in one of these outcomes, waived ones left out."""
        return tuple(subject for subject in self.subjects if subject.outcome in outcomes and not subject.waived_by)


class KnownNote(Record):
    """A finding that a named person accepted until an instant, and what became of it in this run."""

    check: str
    subject: str
    rule: str
    element: str = ""
    owner: str
    reason: str
    ticket: str = ""
    expires: AwareDatetime
    state: str = Field(pattern=r"^(known|expired|fixed|not_scanned)$")
    """`known`: seen and let through. `expired`: seen, and it gates again. `fixed`: looked for and not seen.
    `not_scanned`: nobody can say."""
    expires_soon: bool = False
    why: str = ""
    """Of `not_scanned`: what kept the run from looking. Of `known`: that it is in more places than were accepted."""
    fingerprint: str = ""
    """Of the finding of this run that tells of it; empty when none does."""


class AnswerNote(Record):
    """A person's recorded answer, and whether this run put its question. It tells; nothing is counted by it."""

    check: str
    subject: str
    rule: str
    element: str = ""
    answer: str
    by: str
    answered_at: AwareDatetime
    signed: bool
    file: str
    """Its name among the target's `reviews`."""
    state: str = Field(pattern=r"^(asked|not_asked|not_scanned)$")
    """`not_asked`: the page was scanned and the question is gone. `not_scanned`: nobody can say."""
    why: str = ""


class CriterionNote(Record):
    """One success criterion of WCAG, and what looked at it in this run. Nothing here says that it is met."""

    number: str
    name: str
    level: str
    means: tuple[str, ...] = ()
    """`automatic`, `probe`, `manual`, as far as they looked; none: it was not evaluated."""
    failed: int = 0
    """Page states and sweeps on which a failure was found."""
    to_review: int = 0
    """Those on which a question waits for a person."""


class Redaction(Record):
    """How often which rule removed something from the evidence; never what it was."""

    counts: dict[str, int] = Field(default_factory=dict)


class PreviousRun(Record):
    """The last sealed run of the same target, for "what changed"; for checks it left out, the last that looked."""

    run_id: str
    verdict: VerdictWord
    sealed_at: AwareDatetime
    release: str | None = None
    fingerprints: tuple[str, ...] = ()
    """Of its fails and errors, and of those of `earlier`."""
    earlier: dict[str, str] = Field(default_factory=dict)
    """Checks that it did not look at, and the id of the last run that did."""


class Manifest(Record):
    """run.json: what was planned, seen and decided, enough to decide again without staging."""

    schema_version: int = SCHEMA_VERSION
    run_id: str
    project: str
    target: str
    base_url: str
    profile: str
    started_by: str
    note: str = ""
    release: Release
    started_at: AwareDatetime
    finished_at: AwareDatetime
    plan_sha256: str
    expected: dict[str, tuple[str, ...]]
    results: tuple[CheckResult, ...]
    waivers: tuple[Waiver, ...] = ()
    decision: Decision
    toolchain: dict[str, str] = Field(default_factory=dict)
    phases: dict[str, float] = Field(default_factory=dict)
    """Wall seconds of each phase of the run."""
    redaction: Redaction = Redaction()
    previous: PreviousRun | None = None
    known: tuple[KnownNote, ...] = ()
    answers: tuple[AnswerNote, ...] = ()
    criteria: tuple[CriterionNote, ...] = ()

    @property
    def duration(self) -> timedelta:
        """How long the run took."""
        return self.finished_at - self.started_at


RUN_ID = re.compile(r"^\d{8}T\d{6}Z-[a-z0-9][a-z0-9-]*-[0-9a-f]{6}$")


def new_run_id(target: str, started_at: datetime, entropy: bytes) -> str:
    """A run's name: sortable start instant (UTC), target, six hex digits against collision."""
    return f"{started_at:%Y%m%dT%H%M%SZ}-{target}-{hashlib.sha256(entropy).hexdigest()[:6]}"
