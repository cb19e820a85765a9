"""What people said before a run, copied into it: findings they accept until an instant, and answers to questions."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, model_validator

from evidence_store.model import Artifact, Evidence, Finding, Outcome, Record
from tasks.accessibility.looks import LOOK_PATTERN

Fingerprint = str
Verdict = Literal["pass", "fail", "not-applicable"]
Person = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=8, max_length=2_000)]


def fingerprint_of(check: str, rule: str, element: str, subject: str) -> Fingerprint:
    """The name that a finding of this rule, element and subject has in every run."""
    finding = Finding(outcome=Outcome.FAIL, subject=subject, message="", rule=rule, element=element)
    return finding.fingerprinted(check).fingerprint


class KnownFinding(Record):
    """A finding that a named person accepts until an instant; rule, element and subject are there for the reader."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    check: str = "axe"
    rule: str = Field(min_length=1)
    element: str = ""
    subject: str = Field(min_length=1)
    owner: Person
    reason: Reason
    places: int | None = Field(default=None, ge=1)
    """How many elements of the component there were; without it, however many there are is accepted."""
    ticket: str = ""
    run_id: str = ""
    """The run it was listed from."""
    expires: AwareDatetime
    """Mandatory, with a time zone: what is accepted without an end is a decision nobody made."""

    @property
    def fingerprint(self) -> Fingerprint:
        """What it is listed under."""
        return fingerprint_of(self.check, self.rule, self.element, self.subject)


class KnownFindings(Evidence):
    """The list of known findings of a target as it was when the run looked; its presence says that it was looked up."""

    kind: ClassVar[str] = "known-findings"

    known: tuple[KnownFinding, ...] = ()


class Answer(Record):
    """A person's answer to one question. It says of itself which question it answers, so that it fits no other one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    target: str
    check: str
    rule: str
    element: str
    subject: str
    fingerprint: Fingerprint
    element_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Over what the question was about; see `questions.element_digest`."""
    element_looks: tuple[Annotated[str, StringConstraints(pattern=LOOK_PATTERN)], ...] = Field(
        default=(), max_length=50
    )
    """How the elements of a question that is answered by eye looked; see `looks`."""
    run_id: str
    answer: Verdict
    by: Person
    reason: Reason
    answered_at: AwareDatetime
    expires: AwareDatetime

    @model_validator(mode="after")
    def is_of_this_question(self) -> Self:
        """A record that was renamed or edited by hand would otherwise answer what nobody asked."""
        if self.fingerprint != fingerprint_of(self.check, self.rule, self.element, self.subject):
            raise ValueError("its fingerprint is not that of its check, rule, element and subject")
        if self.expires <= self.answered_at:
            raise ValueError("it expires before it was given")
        return self


class GivenAnswers(Evidence):
    """Every recorded answer, and whose signatures count; as files, so that any tool for DSSE can verify them."""

    kind: ClassVar[str] = "given-answers"

    answers: tuple[Artifact, ...] = ()
    signers: Artifact | None = None
