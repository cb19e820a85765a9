"""What is exported says what was seen, never more: not tested is not passed, and no pass becomes "supports"."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from evidence_store.model import Finding, Manifest, Outcome, Release
from evidence_store.report.page import EXPORTS
from tasks import exporting
from tasks.exporting import Exports
from tasks.wcag import CRITERIA
from tests.tasks.judged_runs import Run
from tests.tasks.records.cases import BARRIER, LEFT_OUT, answered, answers

from .runs import (
    CAPTIONS,
    CONTRAST,
    GOOD_SCAN,
    LANGUAGE,
    NAME,
    REGION,
    VIEWPORTS,
    exported,
    keyboard_fail,
    keyboard_pass,
    scans,
    told,
    walked,
)

NOTHING: dict[str, list[Any]] = {"passes": [], "violations": [], "incomplete": []}
BEST_PRACTICE_SCAN = {"violations": [REGION], "passes": [LANGUAGE], "incomplete": []}
BARRIER_SCAN = {"violations": [CONTRAST, REGION], "passes": [LANGUAGE, CONTRAST], "incomplete": [CAPTIONS]}


def outcomes(content: Any) -> dict[tuple[str, str], str]:
    """(subject, test) -> outcome of an EARL report, by titles."""
    nodes = {node["@id"]: node for node in content["@graph"] if "@id" in node}
    found = [
        (nodes[item["subject"]]["title"], item["test"].rpartition(":")[2], item["result"]["outcome"])
        for item in content["@graph"]
        if item["@type"] == "Assertion"
    ]
    assert len(found) == len({pair[:2] for pair in found}), "one assertion for each test and subject"
    return {(subject, test): outcome.removeprefix("earl:") for subject, test, outcome in found}


def earl(manifest: Manifest, run: Run) -> dict[tuple[str, str], str]:
    return outcomes(exported(manifest, run)["earl.jsonld"])


def levels(manifest: Manifest, run: Run) -> dict[str, str]:
    chapters = exported(manifest, run)["openacr.yaml"]["chapters"]
    return {
        item["num"]: item["components"][0]["adherence"]["level"]
        for name in ("success_criteria_level_a", "success_criteria_level_aa")
        for item in chapters[name]["criteria"]
    }


def evaluated(manifest: Manifest, run: Run) -> dict[str, Any]:
    criteria = exported(manifest, run)["wcag-coverage.json"]["criteria"]
    return {item["number"]: item["looked_at_by"] for item in criteria if item["looked_at_by"] != "not evaluated"}


# -- EARL -------------------------------------------------------------------------------------------------------------


def test_each_rule_has_an_outcome_on_each_state_and_the_worst_one_counts() -> None:
    run = scans(a=BARRIER_SCAN)
    found = earl(told(run), run)
    assert {pair: found[pair] for pair in found if pair[0] == "home@a"} == {
        ("home@a", "color-contrast"): "failed",
        ("home@a", "html-has-lang"): "passed",
        ("home@a", "region"): "failed",
        ("home@a", "video-caption"): "cantTell",
    }
    assert found["home@b", "color-contrast"] == "passed"
    assert found["home@b", "video-caption"] == "inapplicable"


@pytest.mark.parametrize(
    "broken",
    [
        None,
        {"problem": "no answer"},
        b"<!doctype html>",
        b"[]",
        b"{}",
        NOTHING | {"passes": [{"id": "x y"}]},
        NOTHING | {"passes": [{"id": None}]},
        NOTHING | {"passes": ["color-contrast"]},
        NOTHING | {"inapplicable": [CAPTIONS]},
        {"passes": [CONTRAST], "violations": None, "incomplete": []},
        {"passes": [CONTRAST], "violations": []},
        b"[" * 100_000,
    ],
    ids=[
        "none",
        "failed",
        "html",
        "list",
        "empty",
        "odd name",
        "no name",
        "text",
        "nothing applied",
        "null",
        "a part is missing",
        "deep",
    ],
)
def test_a_page_that_was_not_scanned_is_untested_and_never_passed(broken: Any) -> None:
    run = scans(a=broken)
    found = earl(told(run), run)
    assert {pair: outcome for pair, outcome in found.items() if pair[0] == "home@a"} == {
        ("home@a", "all-rules"): "untested"
    }


def test_a_page_that_nobody_visited_is_untested() -> None:
    run = Run()
    assert set(earl(told(run), run).values()) == {"untested"}
    assert evaluated(told(run), run) == {}


def test_a_scan_that_missed_a_frame_passes_nothing() -> None:
    run = scans(a=BARRIER_SCAN, missed="a")
    assert Counter(outcome for (subject, _), outcome in earl(told(run), run).items() if subject == "home@a") == {
        "failed": 2,
        "cantTell": 2,
    }


def test_a_person_who_answered_that_it_is_a_barrier_is_believed() -> None:
    run = scans(a=BARRIER_SCAN)
    manifest = told(run)
    answer = Finding(outcome=Outcome.FAIL, subject="home@a", rule="video-caption", message="no captions")
    (axe,) = manifest.results
    changed = axe.model_copy(update={"findings": (*axe.findings, answer)})
    assert earl(manifest.model_copy(update={"results": (changed,)}), run)["home@a", "video-caption"] == "failed"


def test_steps_are_manual_assertions_by_a_person() -> None:
    run = walked(scans(), answered(results=answers(approve=BARRIER, reject=LEFT_OUT)))
    content = exported(told(run, "axe", "manual-a11y"), run)["earl.jsonld"]
    found = {test: outcome for (subject, test), outcome in outcomes(content).items() if subject == "sweep:approvals"}
    assert found == {"approve": "failed", "reject": "inapplicable", "impact": "passed"}
    manual = [item for item in content["@graph"] if item.get("mode") == "earl:manual"]
    assert {(item["assertedBy"], item["result"]["date"]) for item in manual} == {
        ("urn:stageproof:person:Ada:NVDA%202026.1%2C%20Firefox%20150", "2026-02-20T12:00:00+00:00")
    }
    assert len([item for item in content["@graph"] if item.get("mode") == "earl:automatic"]) == 9


@pytest.mark.parametrize(
    "record", [b"", b"{}", answered(results=[]), answered(False), answered(release="x", sweep="y")]
)
def test_steps_of_a_record_that_does_not_count_are_untested(record: bytes) -> None:
    run = walked(scans(), record)
    manifest = told(run, "axe", "manual-a11y")
    assert earl(manifest, run)["sweep:approvals", "all"] == "untested"
    assert "manual" not in {means for by in evaluated(manifest, run).values() for means in by}


def test_a_keyboard_walk_speaks_for_its_criteria() -> None:
    run = scans()
    walk = {"home@a": [keyboard_fail("home@a")], "home@b": [keyboard_pass("home@b")], "home@c": []}
    found = earl(told(run, keyboard=walk), run)
    assert (found["home@a", "2.1.2"], found["home@a", "2.4.7"]) == ("failed", "passed")
    assert (found["home@b", "2.1.2"], found["home@c", "all"]) == ("passed", "untested")


@pytest.mark.parametrize(
    ("finding", "criterion"),
    [
        (keyboard_fail("home@a", rule="trap", more_information=CRITERIA[21].understanding), "2.1.2"),
        (keyboard_fail("home@a", rule="x", more_information="https://www.w3.org/TR/WCAG22/#reflow"), "1.4.10"),
        (keyboard_fail("home@a", rule="2.4.11"), "2.4.11"),
    ],
)
def test_a_finding_is_about_the_criterion_it_names_or_links_to(finding: Finding, criterion: str) -> None:
    run = scans()
    found = earl(told(run, keyboard={"home@a": [finding]}), run)
    assert [test for (_, test), outcome in found.items() if outcome == "failed"] == [criterion]


# -- OpenACR and the table of criteria --------------------------------------------------------------------------------


def test_every_criterion_stands_there_and_none_is_said_to_be_supported() -> None:
    run = walked(scans())
    manifest = told(run, "axe", "manual-a11y")
    found = levels(manifest, run)
    assert sorted(found) == sorted(criterion.number for criterion in CRITERIA)
    assert len(found) == 55
    assert set(found.values()) == {"not-evaluated"}


@pytest.mark.parametrize(
    ("failing", "level"),
    [("a", "partially-supports"), ("ab", "does-not-support"), ("abc", "does-not-support")],
)
def test_a_criterion_that_failed_says_so_by_its_share(failing: str, level: str) -> None:
    run = scans(**dict.fromkeys(failing, BARRIER_SCAN))
    found = levels(told(run), run)
    assert {number: word for number, word in found.items() if word != "not-evaluated"} == {"1.4.3": level}


def test_a_step_that_failed_is_a_failure_of_its_criterion() -> None:
    run = walked(scans(), answered(results=answers(impact=BARRIER)))
    assert levels(told(run, "axe", "manual-a11y"), run)["1.3.1"] == "does-not-support"


def test_a_best_practice_is_no_criterion() -> None:
    run = scans(**dict.fromkeys(VIEWPORTS, BEST_PRACTICE_SCAN))
    assert set(levels(told(run), run).values()) == {"not-evaluated"}


def test_the_draft_names_its_catalogue_release_and_day() -> None:
    run = scans()
    content = exported(told(run), run)["openacr.yaml"]
    assert (content["catalog"], content["product"]["version"], content["report_date"]) == (
        "2.5-edition-wcag-2.2-en",
        "4f2c9e1",
        "2026-03-02",
    )
    assert {"title", "product", "author"} <= set(content)  # what the schema demands
    assert "no claim of conformance" in content["notes"]


def test_the_table_says_by_what_each_criterion_was_looked_at() -> None:
    run = walked(scans(a=NOTHING | {"violations": [NAME], "passes": [LANGUAGE]}))
    manifest = told(run, "axe", "manual-a11y", keyboard={"home@a": [keyboard_pass("home@a")]})
    assert evaluated(manifest, run) == {
        "1.3.1": ["manual"],
        "1.4.10": ["probe"],
        "1.4.3": ["automatic"],
        "1.4.4": ["probe"],
        "2.1.1": ["probe"],
        "2.1.2": ["probe"],
        "2.4.11": ["probe"],
        "2.4.3": ["probe"],
        "2.4.7": ["probe"],
        "3.1.1": ["automatic"],
        "3.2.1": ["probe"],
        "4.1.2": ["automatic", "manual"],
    }
    content = exported(manifest, run)["wcag-coverage.json"]
    assert content["counts"] == {
        "criteria": 55,
        "automatic": 3,
        "probe": 8,
        "manual": 2,
        "failed": 1,
        "not_evaluated": 43,
    }
    (name,) = [item for item in content["criteria"] if item["number"] == "4.1.2"]
    assert name["manual"]["tests"] == ["sweep:approvals#approve", "sweep:approvals#reject"]
    assert name["automatic"] == {"tests": ["button-name"], "subjects": 1, "failed": ["home@a"], "to_review": []}


def test_a_rule_that_applied_nowhere_has_not_looked() -> None:
    run = scans()
    assert "1.2.2" not in evaluated(told(run), run)


def test_what_was_not_planned_is_not_claimed() -> None:
    run = walked(scans())
    assert set(evaluated(told(run, "manual-a11y"), run)) == {"1.3.1", "4.1.2"}


def test_a_release_in_doubt_is_named_nowhere_as_the_one_tested() -> None:
    run = scans()
    content = exported(told(run, release=Release(before="4f2c9e1", after="9d8c7b6")), run)
    assert content["openacr.yaml"]["product"]["version"] == "in doubt"
    assert "the release changed during the run" in content["openacr.yaml"]["notes"]
    assert {node["hasVersion"] for node in content["earl.jsonld"]["@graph"] if node["@type"] == "TestSubject"} == {
        "in doubt"
    }


# -- all of them ------------------------------------------------------------------------------------------------------


def test_the_same_run_gives_the_same_bytes() -> None:
    run = walked(scans(a=BARRIER_SCAN))
    manifest = told(run, "axe", "manual-a11y", keyboard={"home@a": [keyboard_fail("home@a")]})
    again = Manifest.model_validate_json(manifest.model_dump_json())
    assert list(Exports(manifest, run).files()) == list(Exports(again, run).files())


HOSTILE = "</script>\x1b[31m‮\x00\ud800'\"\n---\n- !!python/object:x {} &a *a ``` |"


def test_whatever_a_page_says_every_export_stays_what_it_is() -> None:
    rule = CONTRAST | {"help": HOSTILE, "helpUrl": f"javascript:{HOSTILE}", "tags": [HOSTILE, None, 3, "wcag143"]}
    run = scans(
        a=NOTHING | {"violations": [rule | {"nodes": "many"}], "passes": [LANGUAGE]},
        b=GOOD_SCAN | {"violations": 3},
    )
    content = exported(told(run), run)
    text = json.dumps(content, ensure_ascii=False)
    assert "javascript:" not in text
    assert not set("\x1b‮\x00\ud800") & set(text)
    assert levels(told(run), run)["1.4.3"] == "partially-supports"


def test_an_exporter_that_fails_costs_its_own_file_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(exporting, "openacr", broken)
    run = scans()
    made = {export.path: export for export in Exports(told(run), run).files()}
    assert list(made) == [
        "data/exports/earl.jsonld",
        "data/exports/findings.sarif",
        "data/exports/openacr.yaml.problem.txt",
        "data/exports/wcag-coverage.json",
    ]
    problem = made["data/exports/openacr.yaml.problem.txt"]
    assert problem.problem == "a bug in stageproof: the export failed with ZeroDivisionError: a bug"
    assert problem.problem.encode() in problem.content


def test_evidence_that_was_altered_leaves_the_findings_and_says_why_the_rest_is_missing() -> None:
    run = scans()
    run.files["data/source/shard.evidence.json"] = b"{"
    made = {export.path.rpartition("/")[2]: export.problem for export in Exports(told(scans()), run).files()}
    assert made["findings.sarif"] is None
    assert [name for name in made if name.endswith(".problem.txt")] == [
        "earl.jsonld.problem.txt",
        "openacr.yaml.problem.txt",
        "wcag-coverage.json.problem.txt",
    ]


def test_the_report_counts_the_criteria_that_the_file_counts() -> None:
    run = walked(scans(a=BARRIER_SCAN))
    manifest = told(run, "axe", "manual-a11y", keyboard={"home@a": [keyboard_fail("home@a")]})
    counts = exported(manifest, run)["wcag-coverage.json"]["counts"]
    notes = Exports(manifest, run).criteria()
    assert len(notes) == counts["criteria"] == 55
    for means in ("automatic", "probe", "manual"):
        assert sum(means in note.means for note in notes) == counts[means] > 0
    assert sum(note.failed > 0 for note in notes) == counts["failed"] > 0
    assert sum(not note.means for note in notes) == counts["not_evaluated"] > 0


def test_criteria_that_cannot_be_counted_are_not_told_as_untested() -> None:
    run = scans()
    run.files["data/source/shard.evidence.json"] = b"{"
    assert Exports(told(scans()), run).criteria() == ()


def test_the_report_tells_of_every_export() -> None:
    run = scans()
    assert sorted(path for path, _ in EXPORTS) == [export.path for export in Exports(told(run), run).files()]
