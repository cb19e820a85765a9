"""What became in a run of what people said before it: each finding they accepted, each question they answered. Pure.

The notes only tell. What they tell was decided by the judge already, who heeded the same lists; so a note never adds to
a count, and none is an outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from evidence_store.gate import EXPIRES_SOON
from evidence_store.model import AnswerNote, CheckResult, KnownNote, Outcome
from evidence_store.workspace import BrokenEvidenceError, EvidenceFiles, evidence_of, read_artifact
from tasks.accessibility.answers import AnswerError, GivenAnswer, file_name, parse_answer
from tasks.accessibility.judge import questions_put
from tasks.accessibility.known import in_more_places, no_longer_there
from tasks.accessibility.models import GivenAnswers, KnownFinding, KnownFindings
from tasks.sweep.models import PageVisit

Expected = Mapping[str, Sequence[str]]


def known_notes(
    expected: Expected, results: Iterable[CheckResult], started_at: datetime, files: EvidenceFiles
) -> tuple[KnownNote, ...]:
    """A note on every known finding that the run was given; none when their list cannot be read, which is an error."""
    by_check = {result.check: result for result in results}
    try:
        listed = [entry for look in evidence_of(files, KnownFindings) for entry in look.known]
    except BrokenEvidenceError:
        return ()
    return tuple(_known_note(entry, expected, by_check.get(entry.check), started_at) for entry in listed)


def _known_note(entry: KnownFinding, expected: Expected, result: CheckResult | None, started_at: datetime) -> KnownNote:
    fails = {found.fingerprint: found for found in (result.findings if result else ()) if found.outcome is Outcome.FAIL}
    gone = no_longer_there(entry).fingerprint
    why = ""
    if entry.fingerprint in fails:
        state, fingerprint = ("expired" if started_at >= entry.expires else "known"), entry.fingerprint
        more = in_more_places(entry, fails[entry.fingerprint], gates=False) if state == "known" else None
        why = f"accepted in {entry.places:,}, now in {more.measured:,.0f} places" if more else ""
    elif gone in fails:
        state, fingerprint = "fixed", gone
    else:
        state, fingerprint = "not_scanned", ""
        why = _why_not_scanned(entry.check, entry.subject, expected, result)
    return KnownNote(
        check=entry.check,
        subject=entry.subject,
        rule=entry.rule,
        element=entry.element,
        owner=entry.owner,
        reason=entry.reason,
        ticket=entry.ticket,
        expires=entry.expires,
        state=state,
        expires_soon=started_at < entry.expires <= started_at + EXPIRES_SOON,
        why=why,
        fingerprint=fingerprint,
    )


def answer_notes(
    expected: Expected, results: Sequence[CheckResult], target: str, files: EvidenceFiles
) -> tuple[AnswerNote, ...]:
    """A note on every recorded answer that the run was given; none when they cannot be read, which is an error."""
    try:
        given = list(_given_to(target, files))
        return notes_on(given, expected, results, files)
    except (BrokenEvidenceError, AnswerError):
        return ()


def notes_on(
    given: Iterable[GivenAnswer], expected: Expected, results: Iterable[CheckResult], files: EvidenceFiles
) -> tuple[AnswerNote, ...]:
    """Whether a run put the questions that these answers are to; raises BrokenEvidenceError."""
    given = list(given)
    put = questions_put(evidence_of(files, PageVisit), files) if given else {}
    by_check = {result.check: result for result in results}
    return tuple(_answer_note(answer, put, expected, by_check.get(answer.answer.check)) for answer in given)


def _given_to(target: str, files: EvidenceFiles) -> Iterator[GivenAnswer]:
    for look in evidence_of(files, GivenAnswers):
        for artifact in look.answers:
            yield parse_answer(read_artifact(files, artifact), artifact.path.rpartition("/")[2], target)


def _answer_note(
    given: GivenAnswer, put: Mapping[str, frozenset[str]], expected: Expected, result: CheckResult | None
) -> AnswerNote:
    answer = given.answer
    why = ""
    if answer.subject in put and result is not None and result.looked and result.problem is None:
        state = "asked" if answer.fingerprint in put[answer.subject] else "not_asked"
    else:
        state, why = "not_scanned", _why_not_scanned(answer.check, answer.subject, expected, result)
    return AnswerNote(
        check=answer.check,
        subject=answer.subject,
        rule=answer.rule,
        element=answer.element,
        answer=answer.answer,
        by=answer.by,
        answered_at=answer.answered_at,
        signed=given.is_signed,
        file=file_name(answer),
        state=state,
        why=why,
    )


def _why_not_scanned(check: str, subject: str, expected: Expected, result: CheckResult | None) -> str:
    if subject not in expected.get(check, ()):
        return f"the plan has no {subject} for {check} to look at"
    if result is None or result.problem is not None:
        return result.problem if result and result.problem else "nobody looked"
    unjudged = (
        found.message
        for found in result.findings
        if found.subject == subject and found.outcome in {Outcome.ERROR, Outcome.NOT_RUN}
    )
    return next(unjudged, "nobody looked")
