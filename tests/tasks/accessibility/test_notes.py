"""What a run tells of the findings people accepted and the answers they gave: which of them it met, and which not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from evidence_store.model import AnswerNote, KnownNote
from tasks.accessibility.models import KnownFinding
from tasks.accessibility.notes import answer_notes, known_notes
from tasks.judging import left_out
from tasks.registry import check_named
from tests.tasks.judged_runs import STARTED, judged

from .cases import ADA, SUBJECT, answered, evidence, listed, rows, rule

EXPECTED = {"axe": (SUBJECT,)}
DAY = timedelta(days=1)
GAP = rule("color-contrast", target=["#save"])


def known(entry: KnownFinding, *args: Any, expected: Any = EXPECTED, **changes: Any) -> KnownNote:
    run, plan = evidence(*args, known=[entry], **changes)
    (note,) = known_notes(expected, [judged("axe", run, plan)], STARTED, run)
    return note


def answers(*given: tuple[str, bytes], expected: Any = EXPECTED, **changes: Any) -> list[AnswerNote]:
    run, plan = evidence(answers=given, **changes)
    return list(answer_notes(expected, [judged("axe", run, plan)], "demo", run))


def test_what_was_seen_and_let_through_is_known_and_has_its_finding() -> None:
    note = known(listed(), [GAP])
    assert (note.state, note.fingerprint, note.owner, note.ticket) == ("known", listed().fingerprint, "Ada", "UI-231")
    assert (note.expires_soon, known(listed(until=STARTED + 15 * DAY), [GAP]).expires_soon) == (True, False)


def test_what_is_in_more_places_than_were_accepted_says_how_many() -> None:
    why = [known(listed(element="tr > a", places=places), [rows(count=5)]).why for places in (3, 5, None)]
    assert why == ["accepted in 3, now in 5 places", "", ""]


@pytest.mark.parametrize("until", [STARTED, STARTED - DAY])
def test_what_was_seen_after_its_end_has_expired(until: Any) -> None:
    note = known(listed(until=until), [GAP])
    assert (note.state, note.expires_soon) == ("expired", False)


@pytest.mark.parametrize("until", [STARTED + DAY, STARTED - DAY])
def test_what_was_looked_for_and_not_seen_is_fixed_whenever_it_expires(until: Any) -> None:
    note = known(listed(until=until))
    assert note.state == "fixed"
    assert note.fingerprint not in {"", listed().fingerprint}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"frames_missed": 1}, "1 frames could not be scanned"),
        ({"problem": "it never loaded"}, "it never loaded"),
        ({"visits": 0}, "nobody looked"),
        ({"expected": {"axe": ("other@phone",)}}, f"the plan has no {SUBJECT} for axe to look at"),
    ],
)
def test_what_nobody_looked_for_is_not_fixed(changes: dict[str, Any], says: str) -> None:
    entry = listed() if "expected" not in changes else listed(subject="gone@phone")
    says = says.replace(SUBJECT, entry.subject)
    note = known(entry, **changes)
    assert (note.state, note.fingerprint) == ("not_scanned", "")
    assert says in note.why


def test_a_list_that_cannot_be_read_is_an_error_of_its_check_and_of_no_note() -> None:
    run, plan = evidence([GAP], known=[listed()])
    run.files["data/source/shard.evidence.json"] = b"{"
    result = judged("axe", run, plan)
    assert result.problem is not None
    assert known_notes(EXPECTED, [result], STARTED, run) == ()
    assert answer_notes(EXPECTED, [result], "demo", run) == ()


def test_an_answer_to_a_question_that_is_put_is_asked_for_whether_it_closes_it_or_not() -> None:
    notes = answers(answered(key=ADA), incomplete=[rule()])
    assert [(note.state, note.signed, note.by) for note in notes] == [("asked", True, "ada")]
    expired = answers(answered(until=STARTED - DAY), incomplete=[rule()])
    assert [(note.state, note.signed) for note in expired] == [("asked", False)]


def test_an_answer_about_an_element_that_is_gone_is_no_longer_asked() -> None:
    there, gone = answered(), answered(about=rule(target=["#old"]))
    notes = {note.element: note for note in answers(there, gone, incomplete=[rule()])}
    assert {element: note.state for element, note in notes.items()} == {"#save": "asked", "#old": "not_asked"}
    assert notes["#old"].file == gone[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"frames_missed": 1}, "1 frames could not be scanned"),
        ({"passes": ()}, "axe applied no rule"),
        ({"problem": "it never loaded"}, "it never loaded"),
        ({"visits": 0}, "nobody looked"),
    ],
)
def test_an_answer_about_a_page_that_was_not_scanned_may_still_be_asked_for(changes: dict[str, Any], says: str) -> None:
    (note,) = answers(answered(), **changes)
    assert note.state == "not_scanned"
    assert says in note.why


def test_a_check_that_was_left_out_makes_no_answer_stale() -> None:
    run, _ = evidence(answers=[answered()])
    (note,) = answer_notes(EXPECTED, [left_out(check_named("axe"), (SUBJECT,), "left out by --only")], "demo", run)
    assert (note.state, note.why) == ("not_scanned", "left out by --only")
