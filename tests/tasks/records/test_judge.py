"""The judge of manual sweeps: barriers fail, what is outstanding was not run, and a forged record is never a pass."""

from __future__ import annotations

import pytest

from evidence_store.model import Outcome
from tests.tasks.judged_runs import Case, assert_ends_as_said

from .cases import BAD, BARRIER, BROKEN, FOLDER, GOOD, OUTSTANDING, SUBJECT, answered, answers, findings, sweep_file


def test_pages_of_a_sweep_that_the_plan_does_not_name_are_told() -> None:
    warning, passed = findings(sweep_file(subjects=["gone@desktop", "home@desktop"])).findings
    assert (warning.rule, warning.gates, passed.outcome) == ("subjects", False, Outcome.PASS)
    assert "speaks of gone@desktop, which the plan does not name" in warning.message


@pytest.mark.parametrize("case", [*GOOD, *BAD, *OUTSTANDING, *BROKEN], ids=lambda case: case.name)
def test_outcome_of_each_case(case: Case) -> None:
    assert_ends_as_said(case)


def test_a_pass_says_how_much_was_looked_at() -> None:
    (finding,) = findings().findings
    assert finding.looked_at == "3 steps on home@desktop"
    assert finding.evidence == (f"{FOLDER}/approvals.yaml", f"{FOLDER}/approvals.record.json")


def test_every_failed_step_is_a_finding_of_its_own_and_no_pass_stands_beside_them() -> None:
    found = findings(record=answered(results=answers(approve=BARRIER, impact=("fail", "silence")))).findings
    assert [(finding.outcome, finding.subject, finding.rule) for finding in found] == [
        (Outcome.FAIL, SUBJECT, "approve"),
        (Outcome.FAIL, SUBJECT, "impact"),
    ]
    assert found[1].more_information == "https://www.w3.org/WAI/WCAG22/Understanding/info-and-relationships"
    assert len({finding.fingerprint for finding in found}) == 2
