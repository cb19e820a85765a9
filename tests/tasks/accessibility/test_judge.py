"""The judge of axe's results: barriers fail, questions stay questions, and an unfinished scan is never clean."""

from __future__ import annotations

import pytest

from evidence_store.model import Outcome
from tests.tasks.judged_runs import Case, assert_ends_as_said

from .cases import BEST, CASES, RESULT, findings, rule, scan


@pytest.mark.parametrize("case", CASES["axe"], ids=lambda case: case.name)
def test_outcome_of_each_case(case: Case) -> None:
    assert_ends_as_said(case)


def test_a_pass_says_how_much_was_looked_at() -> None:
    (finding,) = findings().findings
    assert finding.looked_at == "1,212 elements, 2 frames, 2 rules passed"
    assert finding.evidence == (RESULT,)


def test_questions_are_reviews_that_do_not_gate_and_are_never_dropped() -> None:
    found = findings([], [rule("video-caption"), rule("link-in-text-block")]).findings
    assert [(finding.outcome, finding.gates, finding.rule) for finding in found] == [
        (Outcome.REVIEW, False, "video-caption"),
        (Outcome.REVIEW, False, "link-in-text-block"),
        (Outcome.PASS, True, ""),
    ]


def test_a_violation_names_rule_element_count_and_explanation() -> None:
    (finding,) = findings([rule(nodes=4)]).findings
    assert (finding.rule, finding.element, finding.more_information) == (
        "color-contrast",
        "#save",
        "https://rules.example/color-contrast",
    )
    assert (finding.measured, finding.limit, finding.unit) == (4, 0, "elements")


@pytest.mark.parametrize(
    ("target", "element"),
    [
        (["#a"], "#a"),
        (["iframe", "#a"], "iframe >> #a"),
        ([["my-card", "#a"]], "my-card >>> #a"),
        (["iframe", ["my-card", "#a"]], "iframe >> my-card >>> #a"),
        ([], ""),
    ],
    ids=["plain", "frame", "shadow-root", "frame-and-shadow-root", "none"],
)
def test_the_element_is_told_through_frames_and_shadow_roots(target: list[object], element: str) -> None:
    (finding,) = findings([rule(target=target)]).findings
    assert finding.element == element


def test_a_violation_in_another_row_keeps_its_name() -> None:
    first, second = (findings([rule(target=[f"tr:nth-child({row}) > a"])]).findings[0].fingerprint for row in (2, 17))
    assert first == second


def test_a_warning_never_gates_and_a_violation_always_does() -> None:
    found = findings([BEST, rule(), rule(impact="minor")]).findings
    assert [finding.word for finding in found] == ["warn", "fail", "warn"]


def test_the_check_as_a_warning_gates_nothing() -> None:
    found = findings([rule()], table={"severity": "warning"})
    assert [finding.word for finding in found.findings] == ["warn"]
    assert scan([rule()], table={"severity": "warning"}).word == "warn"


def test_a_scan_that_saw_no_element_is_an_error() -> None:
    assert scan(nodes=0).outcome is Outcome.ERROR


def test_a_violation_of_unknown_impact_does_not_pass() -> None:
    assert scan([rule(impact=None)]).outcome is not Outcome.PASS
