"""The two files of a manual sweep, read as untrusted: `<sweep>.yaml` (steps) and `<sweep>.record.json` (answers). Pure.

Rules:

- a sweep has at least one step; its steps have ids of their own and name criteria of WCAG 2.2, level A or AA;
- every text is one line of printable characters: it is shown in terminals and reports;
- a record names its sweep file by SHA-256, who made it, when, with what, on which release and until when;
- a step that failed or did not apply says why.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from evidence_store.signing import Envelope, SigningError
from tasks.plan import Name, problems_of
from tasks.reading import parse_yaml
from tasks.wcag import STANDARD, criterion_named

MOST_SWEEP_BYTES = 300_000
MOST_RECORD_BYTES = 2_000_000
MOST_STEPS = 300
PAYLOAD_TYPE = "application/vnd.stageproof.manual-a11y+json"

Result = Literal["pass", "fail", "not-applicable"]


class BadFileError(Exception):
    """A file of a sweep that is not what it must be, in words for a person."""


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("one line of printable text is meant; it holds a line end or an invisible character")
    return text


def _criterion(number: str) -> str:
    if criterion_named(number) is None:
        raise ValueError(f"'{number}' is no success criterion of {STANDARD}, level A or AA, such as 4.1.2")
    return number


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=600), AfterValidator(_one_line)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000), AfterValidator(_one_line)]
CriterionNumber = Annotated[str, AfterValidator(_criterion)]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Step(_File):
    """One thing a person does with assistive technology, and what must then be announced."""

    id: Name
    do: Line
    expect: Line
    """The announcement that is expected."""
    criterion: CriterionNumber
    """Success criterion of WCAG 2.2 that the step is about."""


class Sweep(_File):
    """What a person walks through for one flow."""

    schema_version: Literal["1"] = Field(alias="schema")
    title: Line
    subjects: tuple[Line, ...] = Field(min_length=1, max_length=100)
    """Pages and states that are concerned, as in the plan: `dashboard@desktop`."""
    assistive_technology: Line
    """What it is meant to be walked with."""
    criteria: tuple[CriterionNumber, ...] = ()
    """Criteria it is about; those of the steps count, so each of these must have a step."""
    steps: tuple[Step, ...] = Field(max_length=MOST_STEPS)

    @field_validator("steps")
    @classmethod
    def steps_can_be_answered(cls, value: tuple[Step, ...]) -> tuple[Step, ...]:
        """A sweep without a step would pass by nothing; of two steps with one id nobody knew which was answered."""
        if not value:
            raise ValueError("the sweep has no step, so walking it shows nothing")
        if repeated := _repeated(step.id for step in value):
            raise ValueError(f"more than one step has the id {', '.join(repeated)}")
        return value

    @model_validator(mode="after")
    def every_criterion_has_a_step(self) -> Self:
        """A criterion without a step would be claimed and never looked at."""
        bare = [number for number in self.criteria if number not in {step.criterion for step in self.steps}]
        if bare:
            raise ValueError(f"no step is about criterion {', '.join(bare)}")
        return self


class StepResult(_File):
    """What a person found at one step."""

    step: Name
    result: Result
    note: Note = ""

    @model_validator(mode="after")
    def says_why(self) -> Self:
        """A barrier without words cannot be mended, and a step that was left out without a reason was not looked at."""
        if self.result != "pass" and not self.note:
            raise ValueError(f"step '{self.step}' is {self.result}: its note must say why")
        return self


class SweepRecord(_File):
    """A person's answers to the steps of one sweep, bound to the bytes of its file."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    target: Name
    sweep: Name
    sweep_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    by: Line
    made_at: AwareDatetime
    assistive_technology: Line = Field(alias="with")
    """Screen reader and browser, with their versions."""
    release: Line | None = None
    """The release it was made on."""
    expires: AwareDatetime
    results: tuple[StepResult, ...] = Field(max_length=MOST_STEPS)

    @model_validator(mode="after")
    def holds_together(self) -> Self:
        """One answer for each step, and an end after the beginning."""
        if repeated := _repeated(result.step for result in self.results):
            raise ValueError(f"more than one result for step {', '.join(repeated)}")
        if self.expires <= self.made_at:
            raise ValueError("it expires before it was made")
        return self

    def to_bytes(self) -> bytes:
        """As it is signed and stored."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False).encode()


def _repeated(names: Iterable[str]) -> list[str]:
    seen = list(names)
    return sorted({name for name in seen if seen.count(name) > 1})


def sweep_digest(content: bytes) -> str:
    """What a record names a sweep file by."""
    return hashlib.sha256(content).hexdigest()


def read_sweep(content: bytes) -> Sweep:
    """A sweep file; raises BadFileError with every problem."""
    found, problem = parse_yaml(content, MOST_SWEEP_BYTES)
    if problem is not None:
        raise BadFileError(problem)
    return _validated(Sweep, found)


def read_record(content: bytes) -> tuple[SweepRecord, Envelope | None]:
    """A record and the envelope it came in, whose signatures are *not* verified here; raises BadFileError."""
    found = _json(content)
    if not isinstance(found, dict) or not {"payloadType", "signatures"} & set(found):
        return _validated(SweepRecord, found), None
    envelope = _validated(Envelope, found)
    try:
        payload = envelope.content()
    except SigningError as error:
        raise BadFileError(f"its payload cannot be read: {error}") from error
    return _validated(SweepRecord, _json(payload)), envelope


def _json(content: bytes) -> Any:
    if len(content) > MOST_RECORD_BYTES:
        raise BadFileError(f"{len(content):,} bytes; at most {MOST_RECORD_BYTES:,} are read")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadFileError(f"not JSON: {error}") from error


Kind = TypeVar("Kind", bound=BaseModel)


def _validated(kind: type[Kind], content: Any) -> Kind:
    if not isinstance(content, dict):
        raise BadFileError("it does not hold names and values")
    try:
        return kind.model_validate(content)
    except (ValidationError, RecursionError) as error:
        problems = problems_of(error) if isinstance(error, ValidationError) else [str(error)]
        more = f"; and {len(problems) - 6} more" if len(problems) > 6 else ""
        raise BadFileError("; ".join(problems[:6]) + more) from error


def unanswered(sweep: Sweep, record: SweepRecord) -> Iterator[str]:
    """Why a record's answers are not those to this sweep, step by step; nothing when they are."""
    planned, answered = [step.id for step in sweep.steps], [result.step for result in record.results]
    if missing := [name for name in planned if name not in answered]:
        yield f"{len(missing)} of {len(planned)} steps have no result: {', '.join(missing[:6])}"
    if foreign := [name for name in answered if name not in planned]:
        yield f"results for steps that the sweep does not have: {', '.join(foreign[:6])}"


def last_instant(record: SweepRecord, max_age_days: int) -> datetime:
    """Until when a record counts: its own end, or the plan's when that is sooner."""
    return min(record.expires, record.made_at + timedelta(days=max_age_days))
