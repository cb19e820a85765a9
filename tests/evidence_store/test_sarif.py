"""SARIF: what the standard demands of structure, and that nothing that was not looked at ever looks clean."""

from __future__ import annotations

import json
from math import inf, nan
from typing import Any

import pytest

from evidence_store.exports.sarif import findings_sarif
from evidence_store.model import Finding, Manifest, Outcome
from tests.report.sample import manifest, no_go, passing, results


def run_of(told: Manifest) -> dict[str, Any]:
    content = json.loads(findings_sarif(told), parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert content["version"] == "2.1.0"
    (run,) = content["runs"]
    return dict(run)


def with_finding(finding: Finding, check: str = "axe") -> Manifest:
    found = passing()
    found[check] = [finding, *(item for item in found[check] if item.subject != finding.subject)]
    return manifest("go", results=results(found))


def fail(**changes: Any) -> Finding:
    words = {"outcome": Outcome.FAIL, "subject": "dashboard@phone", "message": "too small"} | changes
    return Finding(**words)


@pytest.mark.parametrize("kind", ["no-go", "go", "incomplete", "doubtful", "first"])
def test_every_part_is_as_the_standard_demands(kind: str) -> None:
    run = run_of(manifest(kind))
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert all(rule[part]["text"] for part in ("shortDescription", "fullDescription", "help"))
    for result in run["results"]:
        assert result["ruleId"].split("/")[0] == rules[result["ruleIndex"]]["id"]
        # 3.27.10: whatever is no fail has no level.
        assert (result["kind"], result["level"]) in {("fail", "error"), ("fail", "warning"), ("review", "none")}
        assert result["message"]["text"]
        (location,) = result["locations"]
        assert not location["physicalLocation"]["artifactLocation"]["uri"].startswith("/")
        assert len(result["partialFingerprints"]["stageproof/v1"]) == 16
    (invocation,) = run["invocations"]
    assert invocation["startTimeUtc"] == "2026-03-02T21:04:05Z"
    for notification in invocation["toolExecutionNotifications"]:
        assert notification["level"] == "error"
        assert rules[notification["associatedRule"]["index"]]["id"] == notification["associatedRule"]["id"]


def test_each_fail_warning_and_question_is_a_result_and_no_pass_is() -> None:
    told = manifest("no-go")
    found = [finding for result in told.results for finding in result.findings]
    levels = [(result["kind"], result["level"]) for result in run_of(told)["results"]]
    assert levels.count(("fail", "error")) == sum(item.outcome is Outcome.FAIL and item.gates for item in found) > 0
    assert (
        levels.count(("fail", "warning")) == sum(item.outcome is Outcome.FAIL and not item.gates for item in found) > 0
    )
    assert levels.count(("review", "none")) == sum(item.outcome is Outcome.REVIEW for item in found) > 0
    assert len(levels) == sum(item.outcome in {Outcome.FAIL, Outcome.REVIEW} for item in found)
    assert run_of(told)["properties"]["passes"] == sum(item.outcome is Outcome.PASS for item in found) > 0


def test_a_clean_run_is_successful_and_empty() -> None:
    run = run_of(manifest("go"))
    assert (run["results"], run["invocations"][0]["executionSuccessful"]) == ([], True)
    assert run["invocations"][0]["toolExecutionNotifications"] == []


@pytest.mark.parametrize("kind", ["no-go", "incomplete", "doubtful"])
def test_what_was_not_looked_at_is_told_and_the_run_was_not_successful(kind: str) -> None:
    told = manifest(kind)
    missing = told.decision.of(Outcome.ERROR, Outcome.NOT_RUN)
    (invocation,) = run_of(told)["invocations"]
    assert invocation["executionSuccessful"] is False
    assert len(invocation["toolExecutionNotifications"]) == len(missing) > 0
    assert {item["descriptor"]["id"] for item in invocation["toolExecutionNotifications"]} == {
        item.outcome.value for item in missing
    }


def test_a_waived_fail_stays_and_says_who_accepted_it() -> None:
    (result,) = [item for item in run_of(manifest("no-go"))["results"] if item.get("suppressions")]
    assert (result["ruleId"], result["properties"]["subject"], result["level"]) == (
        "unit-coverage",
        "unit:billing",
        "error",
    )
    (suppression,) = result["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
    assert "Ines Duarte" in suppression["justification"]
    assert "deleted next sprint" in suppression["justification"]


@pytest.mark.parametrize("rule", ["", "a b", "../x", "a/b", "x" * 90, "\x1b[31m", "ü"])
def test_a_rule_that_is_no_plain_name_does_not_become_part_of_an_id(rule: str) -> None:
    (result,) = run_of(with_finding(fail(rule=rule)))["results"]
    assert result["ruleId"] == "axe"


def test_a_plain_rule_stands_below_its_check() -> None:
    (result,) = run_of(with_finding(fail(rule="color-contrast", evidence=("data/a b@c.png", "data/x#y.json"))))[
        "results"
    ]
    assert result["ruleId"] == "axe/color-contrast"
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "data/a%20b@c.png",
        "uriBaseId": "PACKAGE",
    }
    (related,) = result["relatedLocations"]
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "data/x%23y.json"


def test_a_number_that_json_does_not_know_is_left_out() -> None:
    (result,) = run_of(with_finding(fail(measured=nan, limit=inf)))["results"]
    assert not {"measured", "limit"} & set(result["properties"])


def test_hostile_text_is_only_text() -> None:
    words = "</script>\x1b[2J‮\x00 javascript:x"
    told = with_finding(fail(message=words, element=words, more_information="javascript:x", unit="ms"))
    (result,) = run_of(told)["results"]
    assert not set("\x1b‮\x00") & set(json.dumps(result, ensure_ascii=False))
    assert "moreInformation" not in result["properties"]


def test_the_same_manifest_gives_the_same_bytes_whatever_order_its_findings_came_in() -> None:
    told = manifest("no-go")
    turned = results({check: found[::-1] for check, found in reversed(no_go().items())})
    assert findings_sarif(told) == findings_sarif(told.model_copy(update={"results": turned}))
