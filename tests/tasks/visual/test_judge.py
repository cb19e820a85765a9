"""The judge of pictures: what a person could see fails, what nobody approved never passes."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from evidence_store.model import Outcome
from tests.tasks.judged_runs import Case, assert_ends_as_said, decided, judged

from .cases import APPROVED, BAD, BROKEN, GOOD, SCREENSHOT, SUBJECT, evidence, findings, looks
from .pictures import CLOSE_BLUE, page


@pytest.mark.parametrize("case", [*GOOD, *BAD, *BROKEN], ids=lambda case: case.name)
def test_outcome_of_each_case(case: Case) -> None:
    assert_ends_as_said(case)


def test_a_pass_says_how_it_was_reached() -> None:
    (finding,) = findings().findings
    assert finding.looked_at == "1 picture, byte for byte; two equal frames after 80 ms"
    assert finding.evidence == (APPROVED, SCREENSHOT)


def test_a_fail_counts_pixels_and_brings_a_picture_of_the_difference() -> None:
    (finding,) = findings(page(CLOSE_BLUE)).findings
    assert (finding.measured, finding.limit, finding.unit) == (98 * 30, 0, "pixels")
    assert finding.evidence == (APPROVED, SCREENSHOT, f"data/visual/{SUBJECT}/diff.png")
    (rendering,) = finding.renderings
    with Image.open(io.BytesIO(rendering.content)) as picture:
        assert picture.size == (320, 240)
        assert (214, 0, 80) in {colour for _, colour in picture.convert("RGB").getcolors() or []}


def test_a_fail_keeps_its_name_between_runs() -> None:
    first, second = (findings(page(move=move)).findings[0].fingerprint for move in (1, 9))
    assert first == second


def test_a_shard_that_could_not_read_the_baselines_is_an_error_with_its_reason() -> None:
    run, plan = evidence(indexed=False)
    run.failed("visual-baselines", SUBJECT, message="visual.toml cannot be read")
    (subject,) = decided(judged("visual", run, plan), plan).subjects
    assert (subject.outcome, subject.reason) == (Outcome.ERROR, "visual.toml cannot be read")


def test_a_broken_baseline_is_told_once() -> None:
    found = findings(baseline_problem="cannot be read").findings
    assert [(finding.outcome, finding.rule) for finding in found] == [(Outcome.ERROR, "gather")]


def test_equal_digests_over_an_altered_file_do_not_pass() -> None:
    assert looks(stored_now=b"something else").outcome is Outcome.ERROR
