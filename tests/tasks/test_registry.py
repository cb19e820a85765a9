"""The registry: every check is explained, provable, sourced once, and proven good, bad and broken by cases."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import evidence_store
import flows
import tasks
from evidence_store.model import Outcome
from evidence_store.report.launch_plan import WORKSTREAMS
from tasks.contract import Check
from tasks.plan import Plan, PlanError, load_plan, parse_stored_plan
from tasks.probes.models import ReleaseProbe
from tasks.registry import CHECKS, SOURCES, check_named, expected_subjects, sources_for
from tasks.visual.models import APPROVALS
from tests.tasks.accessibility import cases as accessibility
from tests.tasks.coverage import cases as coverage
from tests.tasks.journeys import cases as journeys
from tests.tasks.page_health import cases as page_health
from tests.tasks.probes import cases as probes
from tests.tasks.records import cases as records
from tests.tasks.visual import cases as visual
from tests.tasks.vitals import runs as vitals

REPOSITORY = Path(__file__).resolve().parents[2]
TABLES: tuple[dict[str, list[Any]], ...] = (
    accessibility.CASES,
    coverage.CASES,
    journeys.CASES,
    page_health.CASES,
    probes.CASES,
    records.CASES,
    visual.CASES,
    vitals.CASES,
)
PROVES_NO_ROW = {"page-health"}
"""A whole page shows nothing of what people can do there; named here, so that no other check forgets its rows."""
ROWS = {row.id for workstream in WORKSTREAMS for row in workstream.rows}
EACH_CHECK = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.spec.id)
DEMO = REPOSITORY / "deployments" / "targets" / "demo.toml"


def outcomes_of(check: str) -> set[Outcome]:
    """What the cases of a check end in; a case is (name, outcome) or has an outcome."""
    cases = [case for table in TABLES for case in table.get(check, [])]
    return {case[1] if isinstance(case, tuple) else case.outcome for case in cases}


def plan_with(**changes: Any) -> Plan:
    content = load_plan(DEMO).model_dump(mode="json", by_alias=True)
    return parse_stored_plan(json.dumps(content | changes).encode(), "a test's plan")


def plan_of_everything() -> Plan:
    """The demo's plan with a state, a checkpoint, and a table for each check that waits for people."""
    state = {"name": "filtered", "do": [{"click": "#filter-toggle"}]}
    checks = load_plan(DEMO).model_dump(mode="json", by_alias=True)["checks"]
    return plan_with(
        pages=[{"name": "dashboard", "path": "/en/dashboard", "states": [state]}],
        checkpoints=[{"name": "approved", "viewport": "phone"}],
        checks={"manual-a11y": {"sweeps": ["approvals", "sign-in"]}} | checks,
    )


def test_what_few_runs_need_is_imported_by_those_alone() -> None:
    """Comparing pictures, speaking HTTP and S3: each of them makes a start slower."""
    program = "import sys, tasks.registry; print(*{'numpy', 'httpx', 'boto3'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert told.stdout.split() == []


@pytest.mark.parametrize("package", [tasks, flows, evidence_store], ids=lambda package: package.__name__)
def test_the_packages_are_those_of_this_repository(package: Any) -> None:
    assert Path(package.__file__).resolve() == REPOSITORY / package.__name__ / "__init__.py"


def test_ids_are_unique() -> None:
    checks, sources = ([c.spec.id for c in CHECKS], [s.id for s in SOURCES])
    assert [name for name, times in Counter(checks).items() if times > 1] == []
    assert [name for name, times in Counter(sources).items() if times > 1] == []


def test_kinds_of_evidence_have_names_of_their_own() -> None:
    kinds = {kind for source in SOURCES for kind in source.provides}
    assert len({kind.kind for kind in kinds}) == len(kinds)


@EACH_CHECK
def test_a_check_is_explained(check: Check) -> None:
    spec = check.spec
    for words in (spec.title, spec.failure_title, spec.why, spec.remedy):
        assert words == words.strip() != ""
    assert spec.title != spec.failure_title
    assert spec.remedy == f"docs/checks.md#{spec.id}"


@EACH_CHECK
def test_a_check_proves_rows_of_the_launch_plan(check: Check) -> None:
    assert bool(check.spec.rows) is (check.spec.id not in PROVES_NO_ROW)
    assert set(check.spec.rows) <= ROWS


@EACH_CHECK
def test_a_check_has_good_bad_and_broken_cases(check: Check) -> None:
    outcomes = outcomes_of(check.spec.id)
    assert outcomes >= {Outcome.PASS, Outcome.ERROR}
    assert outcomes & {Outcome.FAIL, Outcome.NOT_RUN}
    assert Outcome.FAIL in outcomes


def test_there_are_cases_for_checks_that_exist_only() -> None:
    named = [check for table in TABLES for check in table]
    assert sorted(named) == sorted(check.spec.id for check in CHECKS)


@EACH_CHECK
def test_what_a_check_needs_is_provided_by_one_source_for_each_subject(check: Check) -> None:
    plan = plan_of_everything()
    for kind in check.needs:
        looked_at = Counter(
            member
            for source in SOURCES
            if kind in source.provides
            for member in {member for shard in source.shards(plan) for member in shard.members}
        )
        assert looked_at or kind is ReleaseProbe, kind.kind
        assert [member for member, times in looked_at.items() if times > 1] == []


def test_every_source_provides_what_some_check_needs() -> None:
    needed = {kind for check in CHECKS for kind in check.needs}
    assert [source.id for source in SOURCES if not set(source.provides) & needed] == []


@EACH_CHECK
def test_a_check_expects_each_subject_once(check: Check) -> None:
    plan = plan_of_everything()
    subjects = list(check.expects(plan))
    assert subjects == list(dict.fromkeys(subjects))
    assert subjects


@EACH_CHECK
def test_what_a_check_expects_is_what_the_shards_of_its_sources_look_at(check: Check) -> None:
    plan = plan_of_everything()
    for kind in check.needs:
        sources = [source for source in SOURCES if kind in source.provides]
        members = {member for source in sources for shard in source.shards(plan) for member in shard.members}
        # What was approved is one look of one source; no page is visited for it.
        expected = [s for s in check.expects(plan) if s != APPROVALS or APPROVALS in members]
        missed = [s for s in expected if not any(s == m or s.startswith(f"{m}/") for m in members)]
        assert (missed if sources else []) == [], kind.kind


def test_a_check_is_found_by_its_id_or_the_nearest_is_named() -> None:
    assert check_named("axe").spec.id == "axe"
    with pytest.raises(KeyError, match="no check 'visaul'; did you mean 'visual'"):
        check_named("visaul")


def test_sources_take_turns_and_only_needed_ones_come() -> None:
    plan = plan_of_everything()
    ids = [source.id for source in sources_for([check.spec.id for check in CHECKS], plan)]
    assert ids[-2:] == ["journeys", "vitals"]
    assert sorted(ids) == sorted(source.id for source in SOURCES)
    assert [source.id for source in sources_for(["health", "page-health"], plan_with(checkpoints=[]))] == [
        "probes",
        "sweep",
    ]
    assert sources_for(["release"], plan) == []


def test_journeys_are_walked_for_other_checks_only_where_the_plan_has_checkpoints() -> None:
    without = plan_with(checkpoints=[])
    assert [source.id for source in sources_for(["page-health"], without)] == ["sweep"]
    assert [source.id for source in sources_for(["page-health"], plan_of_everything())] == ["sweep", "journeys"]


def test_expected_subjects_come_from_the_plan_alone() -> None:
    plan = load_plan(DEMO)
    expected = expected_subjects(plan, plan.profile("nightly"))
    assert set(expected) == set(plan.checks)
    assert expected["release"] == ("release",)
    assert expected["health"] == ("service:gateway", "service:reporting", "service:billing")
    assert expected["axe"] == plan.page_subjects()
    assert "suite:suites/e2e" in expected["journeys"]


def test_a_profile_chooses_its_checks_and_all_required_means_all() -> None:
    plan = plan_with(profiles={"quick": {"checks": ["axe"]}, "launch": {"checks": ["axe"], "required_checks": "all"}})
    assert set(expected_subjects(plan, plan.profile("quick"))) == {"axe"}
    assert set(expected_subjects(plan, plan.profile("launch"))) == set(plan.checks)


def test_a_required_check_without_a_table_is_expected_and_so_never_a_pass() -> None:
    plan = plan_with(checkpoints=[], checks={"axe": {}}, profiles={"launch": {"required_checks": ["visual", "axe"]}})
    expected = expected_subjects(plan, plan.profile("launch"))
    assert expected == {"axe": plan.page_subjects(), "visual": ("*",)}


def test_a_check_that_would_expect_nothing_is_refused() -> None:
    plan = plan_with(services=[], checkpoints=[], checks={"health": {}, "release": {}})
    with pytest.raises(PlanError, match=r"checks\.health expects nothing"):
        expected_subjects(plan, plan.profile("nightly"))
