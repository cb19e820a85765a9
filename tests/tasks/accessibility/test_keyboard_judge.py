"""The judge of a walk by keyboard: barriers fail, questions are asked, and a walk that broke off is no pass."""

from __future__ import annotations

import pytest

from evidence_store.model import Outcome
from tasks.accessibility.keyboard import CRITERIA
from tasks.plan import PlanError
from tasks.registry import check_named
from tests.tasks.judged_runs import Case, assert_ends_as_said, plan_of

from .keyboard_cases import BAD, BROKEN, DETAILS, GOOD, HAND, UNSEEN, findings, stop, target


@pytest.mark.parametrize("case", [*GOOD, *BAD, *BROKEN], ids=lambda case: case.name)
def test_outcome_of_each_case(case: Case) -> None:
    assert_ends_as_said(case)


def test_a_pass_says_how_much_was_looked_at() -> None:
    (finding,) = findings().findings
    assert finding.looked_at == "3 tab stops, 2 frames, 14 clickable elements, 40 texts"
    assert finding.evidence == (DETAILS,)


def test_what_differs_by_its_place_alone_is_one_finding_with_a_count() -> None:
    rows = [stop(n, f"tr:nth-of-type({n}) > button", 40.0 * n, visible=False) for n in (1, 2, 3)]
    (finding,) = findings(rows).findings
    assert (finding.rule, finding.measured, finding.element) == ("focus-not-visible", 3, "tr:nth-of-type(1) > button")
    assert "and 2 more like it" in finding.message


def test_a_barrier_in_another_row_keeps_its_name() -> None:
    first, second = (
        findings(mouse_only=(target("click listener", "role", selector=f"tr:nth-of-type({row}) > div"),)).findings[0]
        for row in (2, 17)
    )
    assert first.fingerprint == second.fingerprint


def test_a_walk_that_broke_off_still_tells_what_it_saw() -> None:
    found = findings([UNSEEN], walk={"problem": "the page went away"}).findings
    assert [finding.outcome for finding in found] == [Outcome.FAIL, Outcome.ERROR]


def test_every_finding_names_its_criterion_and_explanation() -> None:
    (finding,) = findings(mouse_only=(HAND,)).findings
    assert finding.message.endswith("(WCAG 2.1.1)")
    assert finding.more_information == "https://www.w3.org/WAI/WCAG22/Understanding/keyboard"


def test_checkpoints_are_not_walked_and_states_are() -> None:
    plan = plan_of(
        {"keyboard": {}, "journeys": {"suites": ["suites/e2e"], "required": ["home.open"]}},
        pages=[{"name": "home", "path": "/", "states": [{"name": "menu", "do": [{"click": "#menu"}]}]}],
        checkpoints=[{"name": "approved", "viewport": "desktop"}],
    )
    assert list(check_named("keyboard").expects(plan)) == ["home@desktop", "home.menu@desktop"]


def test_a_rule_that_does_not_exist_cannot_gate() -> None:
    with pytest.raises(PlanError, match="gate"):
        plan_of({"keyboard": {"gate": ["focus-visible"]}})


def test_every_rule_is_in_the_documentation_of_its_module() -> None:
    documented = check_named("keyboard").judge.__globals__["__doc__"]
    assert [rule for rule in CRITERIA if f"`{rule}` ({CRITERIA[rule][0]}" not in documented] == []
