"""How a judge heeds what people said before: findings they accepted, questions they answered. Pure.

Rules, each finding by itself and never by counts, so that a fix cannot make room for a regression:

- a fail that is not listed is new and gates as ever;
- one that is listed and not expired is known: it does not gate, and says who accepts it and until when;
- one in more places than were accepted is told as grown, beside the known one: a warning, or a fail where the plan says
  so (`more_places = "gate"`), because rows that come from data grow without a new fault;
- one whose acceptance has expired gates again, and says so;
- a listed one that was looked for and not seen is a warning: take it off the list;
- a subject that could not be looked at proves nothing fixed; its error says how many listed findings stay open;
- a question gates only where the plan says so, and never when its judge says that it cannot (a best practice);
- an answer `pass` or `not-applicable` closes its question, `fail` makes it a fail, which gates if a question can;
- an answer whose element changed, or looks different where it was given by eye, or that expired, leaves the question
  open again, with the reason;
- an answer whose signature does not verify is an error on its subject. Where the plan asks for signed answers, an
  unsigned one closes nothing; an unsigned `fail` still counts, because it can only hold a release back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Self

from evidence_store.model import Finding, Outcome
from evidence_store.report.plain_text import counted
from evidence_store.signing import SIGNERS, SigningError, parse_signers
from evidence_store.workspace import BrokenEvidenceError, read_artifact
from tasks.accessibility.answers import AnswerError, GivenAnswer, parse_answer
from tasks.accessibility.known import in_more_places, no_longer_there
from tasks.accessibility.looks import new_among
from tasks.accessibility.models import Answer, Fingerprint, GivenAnswers, KnownFinding, KnownFindings
from tasks.contract import JudgeContext
from tasks.plan import CheckOptions


class PeopleOptions(CheckOptions):
    """What the table of a check that asks people may say."""

    review: Literal["show", "gate"] = "show"
    """`gate`: a question nobody answered holds the release; `show`: it is only shown."""
    signed_answers: bool = False
    """Only signed answers close a question."""
    more_places: Literal["show", "gate"] = "show"
    """`gate`: a known finding in more places than were accepted holds the release; `show`: it is a warning."""


@dataclass
class Heard:
    """The findings of one subject after people were heeded, and how many of what they said were needed for it."""

    findings: list[Finding] = field(default_factory=list)
    known: set[Fingerprint] = field(default_factory=set)
    """Those that a person accepts."""
    grown: list[Finding] = field(default_factory=list)
    """What says that some of these are in more places than were accepted."""
    answered: list[GivenAnswer] = field(default_factory=list)
    """The answers that closed a question."""

    @property
    def gates(self) -> bool:
        """Whether a fail or an error is among them, beside which no pass can stand."""
        return any(f.outcome is Outcome.ERROR or (f.outcome is Outcome.FAIL and f.gates) for f in self.findings)

    @property
    def open(self) -> int:
        """Questions that wait for a person."""
        return sum(finding.outcome is Outcome.REVIEW for finding in self.findings)

    def words(self) -> list[str]:
        """What a pass has to say of it."""
        grown = f", {len(self.grown)} of them in more places than were accepted" if self.grown else ""
        words = [f"{counted(len(self.known), 'known finding')} let through{grown}"] if self.known else []
        if self.answered:
            names = ", ".join(sorted({given.answer.by for given in self.answered}))
            unsigned = sum(not given.is_signed for given in self.answered)
            words.append(
                f"{counted(len(self.answered), 'question')} answered by {names}"
                + (f" ({unsigned} unsigned)" if unsigned else "")
            )
        return words


@dataclass(frozen=True)
class People:
    """What people said before this run."""

    known: Mapping[Fingerprint, KnownFinding]
    answers: Mapping[Fingerprint, GivenAnswer]
    unproven: Mapping[Fingerprint, str]
    """Answers whose signature does not verify, and why."""
    now: datetime
    """The start of the run: the instant at which acceptances and answers hold or have expired."""

    @classmethod
    def of(cls, context: JudgeContext, known: Sequence[KnownFindings], given: Sequence[GivenAnswers]) -> Self:
        """Read what was copied into the run; raises BrokenEvidenceError when it is not what was copied."""
        answers: dict[Fingerprint, GivenAnswer] = {}
        unproven: dict[Fingerprint, str] = {}
        for look in given:
            try:
                signers = parse_signers(
                    read_artifact(context.files, look.signers).decode("utf-8") if look.signers else "", SIGNERS
                )
                for artifact in look.answers:
                    name = artifact.path.rpartition("/")[2]
                    answer = parse_answer(read_artifact(context.files, artifact), name, context.plan.target.name)
                    answers[answer.answer.fingerprint] = answer
            except (AnswerError, SigningError, UnicodeDecodeError) as error:
                raise BrokenEvidenceError(str(error)) from error
            for fingerprint, answer in answers.items():
                try:
                    answer.verify(signers)
                except SigningError as error:
                    unproven[fingerprint] = str(error)
        listed = {entry.fingerprint: entry for look in known for entry in look.known}
        return cls(listed, answers, unproven, context.started_at)

    def unlooked(self, check: str, subject: str) -> str:
        """What the error of a subject that could not be looked at has to add."""
        listed = len(self._listed(check, subject))
        if not listed:
            return ""
        return f"; the {listed} known findings listed for it were not looked for, and do not count as fixed"

    def heed(self, check: str, subject: str, findings: Sequence[Finding], options: PeopleOptions) -> Heard:
        """The fails and questions of one subject that was looked at, as they stand after what people said."""
        heard = Heard()
        heard.findings.extend(self._unproven(check, subject))
        for finding in (item.fingerprinted(check) for item in findings):
            told = self._answered(finding, options, heard) if finding.outcome is Outcome.REVIEW else finding
            if told is not None:
                heard.findings.append(self._accepted(told, options, heard) if told.outcome is Outcome.FAIL else told)
        heard.findings.extend(heard.grown)
        seen = {finding.fingerprint for finding in heard.findings}
        listed = self._listed(check, subject)
        heard.findings.extend(no_longer_there(entry) for name, entry in listed.items() if name not in seen)
        return heard

    def _listed(self, check: str, subject: str) -> dict[Fingerprint, KnownFinding]:
        return {name: entry for name, entry in self.known.items() if (entry.check, entry.subject) == (check, subject)}

    def _unproven(self, check: str, subject: str) -> Iterator[Finding]:
        for fingerprint, why in self.unproven.items():
            answer = self.answers[fingerprint].answer
            if (answer.check, answer.subject) == (check, subject):
                yield Finding(
                    outcome=Outcome.ERROR,
                    subject=subject,
                    rule=f"answer:{answer.rule}",
                    element=answer.element,
                    message=f"the answer that {answer.by} is said to have given to {answer.rule} proves nothing: {why};"
                    f" take reviews/{fingerprint}.json away, or answer anew",
                )

    def _accepted(self, finding: Finding, options: PeopleOptions, heard: Heard) -> Finding:
        entry = self.known.get(finding.fingerprint)
        if entry is None:
            return finding
        if self.now >= entry.expires:
            return finding.model_copy(
                update={
                    "message": f"{finding.message}; {entry.owner} accepted it until {entry.expires:%Y-%m-%d},"
                    " which has passed"
                }
            )
        heard.known.add(finding.fingerprint)
        more = in_more_places(entry, finding, gates=finding.gates and options.more_places == "gate")
        if more is not None:
            heard.grown.append(more)
        ticket = f"{entry.ticket}, " if entry.ticket else ""
        return finding.model_copy(
            update={
                "message": f"{finding.message}; known: {entry.owner} accepts it until {entry.expires:%Y-%m-%d}"
                f" ({ticket}{entry.reason})",
                "gates": False,
            }
        )

    def _answered(self, question: Finding, options: PeopleOptions, heard: Heard) -> Finding | None:
        """The question as it stands: open, open again, a fail, or None when it is closed."""
        given = self.answers.get(question.fingerprint)
        gates = question.gates and options.review == "gate"
        if given is None or question.fingerprint in self.unproven:
            return question.model_copy(update={"gates": gates})
        answer = given.answer
        said = f"{answer.by} answered '{answer.answer}' on {answer.answered_at:%Y-%m-%d}"
        why_open = self._why_open(question, given, options)
        if why_open is not None:
            message = f"{question.message}; {said}, but {why_open}"
            return question.model_copy(update={"message": message, "gates": gates})
        if answer.answer != "fail":
            heard.answered.append(given)
            return None
        signed = "" if given.is_signed else ", unsigned"
        return question.model_copy(
            update={
                "outcome": Outcome.FAIL,
                "message": f"{said}{signed}: {answer.reason}; {question.message}",
            }
        )

    def _why_open(self, question: Finding, given: GivenAnswer, options: PeopleOptions) -> str | None:
        answer: Answer = given.answer
        if answer.element_sha256 != question.element_sha256:
            return "the element has changed since"
        if question.element_looks and not answer.element_looks:
            return "it does not say how the element looked, which may have changed since"
        if answer.element_looks and not question.element_looks:
            return "how the element looks now is not in the picture"
        if new_among(question.element_looks, answer.element_looks):
            return "the element, or what lies behind it, looks different since"
        if self.now >= answer.expires:
            return f"that expired on {answer.expires:%Y-%m-%d}"
        if options.signed_answers and not given.is_signed and answer.answer != "fail":
            return "it is not signed, and the plan asks for signed answers"
        return None
