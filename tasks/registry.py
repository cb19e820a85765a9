"""Everything a run can look at and conclude: one line for each source and each check."""

from __future__ import annotations

from collections.abc import Collection

from tasks.accessibility.gather import AcceptedAndAnswered
from tasks.accessibility.judge import AXE
from tasks.accessibility.keyboard import KEYBOARD
from tasks.contract import Check, Source, Turn
from tasks.coverage.gather import CoverageReports
from tasks.coverage.judge import E2E_COVERAGE, UNIT_COVERAGE
from tasks.journeys.gather import JourneySuites
from tasks.journeys.judge import JOURNEYS
from tasks.page_health.judge import PAGE_HEALTH
from tasks.plan import Plan, PlanError, Profile, nearest
from tasks.probes.gather import ServiceProbes
from tasks.probes.judge import HEALTH, RELEASE
from tasks.records.gather import ManualRecords
from tasks.records.judge import MANUAL
from tasks.sweep.gather import PageSweep
from tasks.visual.gather import ApprovedBaselines
from tasks.visual.judge import VISUAL
from tasks.vitals.gather import VitalsRuns
from tasks.vitals.judge import VITALS

SOURCES: tuple[Source, ...] = (
    ServiceProbes(),
    CoverageReports(),
    ApprovedBaselines(),
    ManualRecords(),
    AcceptedAndAnswered(),
    PageSweep(),
    JourneySuites(),
    VitalsRuns(),
)

CHECKS: tuple[Check, ...] = (
    RELEASE,
    HEALTH,
    PAGE_HEALTH,
    VISUAL,
    AXE,
    KEYBOARD,
    MANUAL,
    JOURNEYS,
    UNIT_COVERAGE,
    E2E_COVERAGE,
    VITALS,
)


def check_named(check: str) -> Check:
    """A check by id; raises KeyError with the nearest known id."""
    for candidate in CHECKS:
        if candidate.spec.id == check:
            return candidate
    raise KeyError(f"no check '{check}'{nearest(check, {candidate.spec.id for candidate in CHECKS})}")


def expected_subjects(plan: Plan, profile: Profile) -> dict[str, tuple[str, ...]]:
    """What a run must show, before anything is looked at: check -> subjects.

    A check the profile requires and the plan has no table for is expected as `*`, and so ends in `not_run`.
    """
    everything = tuple(plan.checks)
    chosen = everything if "all" in (profile.checks, profile.required_checks) else tuple(profile.checks)
    required = () if profile.required_checks == "all" else profile.required_checks
    if profile.required_checks == "all" and plan.target.release.unknown is not None:
        # Without its table nobody would say that the release is unknown, and the run could end in go.
        required = ("release",)
    expected = {check: tuple(check_named(check).expects(plan)) for check in chosen}
    empty = [check for check, subjects in expected.items() if not subjects]
    if empty:
        raise PlanError(
            plan.target.name,
            [f"checks.{check} expects nothing: the plan names nothing for it to look at" for check in empty],
        )
    return expected | {
        check: tuple(check_named(check).expects(plan)) if check in plan.checks else ("*",) for check in required
    }


def sources_for(checks: Collection[str], plan: Plan) -> list[Source]:
    """The sources that look at what these checks expect, in the order of their turns."""
    asked = [check_named(check) for check in checks]
    wanted = [source for source in SOURCES if _looks_for(source, asked, plan)]
    return sorted(wanted, key=lambda source: list(Turn).index(source.turn))


def _looks_for(source: Source, checks: Collection[Check], plan: Plan) -> bool:
    """Whether a source gathers what one of these checks needs, on a subject that this check expects."""
    members = {member for shard in source.shards(plan) for member in shard.members}
    return any(
        subject in members or subject.partition("/")[0] in members
        for check in checks
        if set(check.needs) & set(source.provides)
        for subject in check.expects(plan)
    )
