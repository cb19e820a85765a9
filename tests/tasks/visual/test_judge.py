"""The judge of pictures: what a person could see fails, what nobody approved never passes."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest
from PIL import Image

from evidence_store.model import Outcome
from tasks.visual.drawing import CHANGED, INSERTED
from tasks.visual.models import APPROVALS
from tests.tasks.judged_runs import Case, assert_ends_as_said, decided, judged

from .cases import APPROVED, BAD, BROKEN, GOOD, LATER, SCREENSHOT, SUBJECT, evidence, findings, grown, looks
from .pictures import CLOSE_BLUE, page, photograph, png


@pytest.mark.parametrize("case", [*GOOD, *BAD, *BROKEN], ids=lambda case: case.name)
def test_outcome_of_each_case(case: Case) -> None:
    assert_ends_as_said(case)


def test_a_pass_says_how_it_was_reached() -> None:
    finding, _ = findings().findings
    assert finding.looked_at == "1 picture, byte for byte; two equal frames after 80 ms"
    assert finding.evidence == (APPROVED, SCREENSHOT)


def test_a_fail_counts_pixels_and_brings_a_picture_of_the_difference() -> None:
    finding, _ = findings(page(CLOSE_BLUE)).findings
    assert (finding.rule, finding.measured, finding.limit, finding.unit) == ("changed", 100 * 32, 0, "pixels")
    assert finding.evidence == (APPROVED, SCREENSHOT, f"data/visual/{SUBJECT}/diff.png")
    (rendering,) = finding.renderings
    with Image.open(io.BytesIO(rendering.content)) as picture:
        assert picture.size == (320, 240)
        assert (214, 0, 80) in {colour for _, colour in picture.convert("RGB").getcolors() or []}


def test_a_pass_says_what_the_picture_leaves_out() -> None:
    says = "; without 900 px of a part that scrolls by itself: the plan says that this is enough; smaller parts that"
    for now in (None, page()):
        passed, _ = findings(now, hidden=900, smaller_parts=2).findings
        assert (passed.outcome, says in passed.looked_at) == (Outcome.PASS, True)
        assert passed.looked_at.endswith("scroll are in it as far as they show: 2")


def test_a_fail_keeps_its_name_between_runs() -> None:
    first, second = (findings(page(move=move)).findings[0].fingerprint for move in (1, 9))
    assert first == second


def test_a_shard_that_could_not_read_the_baselines_is_an_error_with_its_reason() -> None:
    run, plan = evidence(indexed=False)
    run.failed("visual-baselines", SUBJECT, APPROVALS, message="visual.toml cannot be read")
    subjects = decided(judged("visual", run, plan), plan).subjects
    assert {subject.subject for subject in subjects} == {SUBJECT, APPROVALS}
    assert {(s.outcome, s.reason) for s in subjects} == {(Outcome.ERROR, "visual.toml cannot be read")}


def test_a_broken_baseline_is_told_once() -> None:
    found = findings(baseline_problem="cannot be read").findings
    told = [(finding.outcome, finding.rule) for finding in found if finding.subject == SUBJECT]
    assert told == [(Outcome.ERROR, "gather")]


def test_equal_digests_over_an_altered_file_do_not_pass() -> None:
    assert looks(stored_now=b"something else").outcome is Outcome.ERROR


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("same", {}),
        ("noise", {"before": photograph(0), "now": photograph(2)}),
        ("shifted", {"now": grown(16)}),
        ("changed", {"now": page(CLOSE_BLUE)}),
        ("new", {"approved": False}),
        ("unstable", {"stable": False}),
        ("incomparable", {"now": page(move=1), "environment": "Chromium 157"}),
        ("quarantined", {"now": page(CLOSE_BLUE), "quarantine": LATER}),
    ],
)
def test_the_rule_names_the_class_of_the_verdict(rule: str, changes: dict[str, Any]) -> None:
    told = [finding.rule for finding in findings(**changes).findings if finding.subject == SUBJECT]
    assert told == [rule]


def test_a_quarantine_holds_nothing_else_back_and_is_shown() -> None:
    finding, _ = findings(page(CLOSE_BLUE), quarantine=LATER).findings
    assert (finding.outcome, finding.gates, len(finding.renderings)) == (Outcome.FAIL, False, 1)


def test_a_subject_that_was_renamed_is_asked_about_on_both_sides() -> None:
    digest = hashlib.sha256(png(page())).hexdigest()
    new, count, removed = findings(approved=False, others={"house@desktop": digest, "zoo@desktop": "0" * 64}).findings[
        :3
    ]
    assert (new.rule, new.outcome) == ("new", Outcome.NOT_RUN)
    assert "the one approved for house@desktop, which the plan no longer names: renamed?" in new.message
    assert count.message == "0 of 2 approved pictures are of subjects the plan names"
    assert (removed.rule, removed.element, removed.gates) == ("removed", "house@desktop", False)
    assert "its picture is now that of home@desktop: renamed?" in removed.message


def test_the_picture_of_a_shift_holds_the_rows_of_both() -> None:
    (finding, *_) = findings(grown(16)).findings
    (rendering,) = finding.renderings
    with Image.open(io.BytesIO(rendering.content)) as picture:
        assert (picture.size, picture.mode) == ((320, 256), "P")
        colours = {colour for _, colour in picture.convert("RGB").getcolors() or []}
    assert INSERTED in colours
    assert CHANGED not in colours
