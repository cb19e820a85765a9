"""Judges of imported line coverage.

Rules, each from a real false green:

- only a 200 at the report's own address counts: a redirect (to a login page) or an error page is not a report;
- a report that cannot be read whole, contradicts itself, or speaks of nothing is an error, never a number
  (`tasks.coverage.formats`);
- it must name the release under test in every place where it names one: coverage of another release proves nothing;
- it must say when it was made, not longer ago than the plan allows and not in the future: a pipeline that stopped
  publishing leaves its last report for ever;
- the share of executable lines is compared unrounded: 79.996 % is not 80 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from evidence_store.model import CheckSpec, Finding, Outcome, same_release
from evidence_store.workspace import read_artifact
from tasks.contract import Check, JudgeContext
from tasks.coverage.formats import FileLines, LineCoverage, UnreadableReportError, plural, read_report, shown
from tasks.coverage.models import (
    CoverageOptions,
    CoverageReport,
    E2eCoverageOptions,
    E2eCoverageReport,
    ImportedCoverage,
    ReportAnswer,
    UnitCoverageOptions,
    UnitCoverageReport,
)
from tasks.plan import Plan
from tasks.reading import parse_json

CLOCK_TOLERANCE = timedelta(minutes=10)
ZONE_TOLERANCE = timedelta(hours=14)
"""How far a time without a zone, read as UTC, may lie in the future: no zone is further ahead."""
WORST_FILES = 5


class _CannotJudgeError(Exception):
    """Why a report proves nothing, under the rule that says so."""

    def __init__(self, rule: str, message: str) -> None:
        self.rule = rule
        super().__init__(message)


def judge_coverage(context: JudgeContext, gathered: Sequence[ImportedCoverage]) -> Iterator[Finding]:
    """Whether each service's report is of this release, recent, whole, and shows that enough lines ran."""
    options: CoverageOptions = context.options
    for table in options.reports:
        for evidence in gathered:
            if evidence.subject == f"service:{table.service}":
                yield _finding(context, options, table, evidence)


def _finding(
    context: JudgeContext, options: CoverageOptions, table: CoverageReport, evidence: ImportedCoverage
) -> Finding:
    answers = (evidence.report, evidence.metadata)
    proof = tuple(answer.body.path for answer in answers if answer is not None and answer.body is not None)
    try:
        coverage = _read(context, evidence.report)
        metadata = _metadata(context, table, evidence)
        release = _release(context, options, evidence, metadata)
        made = _made(context, options, evidence, metadata, coverage)
    except _CannotJudgeError as error:
        return Finding(
            outcome=Outcome.ERROR,
            subject=evidence.subject,
            rule=error.rule,
            element=evidence.report.url,
            message=f"{evidence.report.url}: {error}",
            evidence=proof,
        )
    limit = table.lines_percent if table.lines_percent is not None else options.lines_percent
    covered, total = coverage.covered, coverage.total
    measured = 100 * covered / total
    enough = measured >= limit
    message = (
        f"{_percent(covered, total)} of {total:,} executable lines ran ({covered:,}), {limit:g} % is asked for;"
        f" {coverage.format} report {release}, made {made.isoformat(sep=' ', timespec='minutes')}"
    )
    return Finding(
        outcome=Outcome.PASS if enough else Outcome.FAIL,
        subject=evidence.subject,
        rule="lines",
        element=evidence.report.url,
        message=message if enough else f"{message}. Most lines that did not run: {_worst(coverage.files)}",
        measured=measured,
        limit=limit,
        unit="%",
        looked_at=f"{_number('file', len(coverage.files))}, {_number('executable line', total)}",
        evidence=proof,
    )


def _number(noun: str, count: int) -> str:
    return f"{count:,} {plural(noun, count)}"


def _percent(covered: int, total: int) -> str:
    # Cut, not rounded: a share below the limit is never shown as the limit.
    hundredths = covered * 10_000 // total
    return f"{hundredths // 100}.{hundredths % 100:02d} %"


def _worst(files: Iterable[FileLines]) -> str:
    behind = sorted((file for file in files if file.covered < file.total), key=lambda f: (f.covered - f.total, f.path))
    named = [f"{shown(file.path)} ({file.total - file.covered:,} of {file.total:,})" for file in behind[:WORST_FILES]]
    rest = len(behind) - len(named)
    return ", ".join(named) + (f" and {_number('more file', rest)}" if rest else "")


# --- Is it a report? ----------------------------------------------------------------------------------------------


def _body(context: JudgeContext, answer: ReportAnswer, what: str) -> bytes:
    status = answer.status
    if status is not None and 300 <= status < 400:
        raise _CannotJudgeError(
            "http",
            f"answered {status}, a redirect to {shown(answer.header('location')) or 'nowhere'}, in place of {what};"
            " name its final address, one that needs no login",
        )
    if status != 200:
        raise _CannotJudgeError("http", f"answered {status} in place of 200; check that the pipeline published {what}")
    return read_artifact(context.files, answer.body) if answer.body is not None else b""


def _read(context: JudgeContext, answer: ReportAnswer) -> LineCoverage:
    try:
        return read_report(_body(context, answer, "the report"))
    except UnreadableReportError as error:
        raise _CannotJudgeError("format", str(error)) from error


def _metadata(context: JudgeContext, table: CoverageReport, evidence: ImportedCoverage) -> dict[str, Any]:
    if evidence.metadata is None:
        if table.metadata_url is not None:
            raise _CannotJudgeError("metadata", "its metadata was not fetched in this run; run again with this plan")
        return {}
    place = f"the metadata at {evidence.metadata.url}"
    try:
        body = _body(context, evidence.metadata, "the metadata")
    except _CannotJudgeError as error:
        raise _CannotJudgeError("metadata", f"{place} {error}") from error
    content, problem = parse_json(body, evidence.metadata.header("content-type"))
    if problem is not None:
        raise _CannotJudgeError("metadata", f"{place}: {shown(problem)}")
    if not isinstance(content, dict):
        raise _CannotJudgeError("metadata", f"{place} is not a JSON object with `release` and `generated_at`")
    for key in ("release", "generated_at"):
        if content.get(key) is not None and not isinstance(content[key], str):
            raise _CannotJudgeError("metadata", f"{place}: `{key}` is not a text")
    return content


# --- Of which release, and of when? -------------------------------------------------------------------------------


def _release(
    context: JudgeContext, options: CoverageOptions, evidence: ImportedCoverage, metadata: dict[str, Any]
) -> str:
    header, stated = evidence.report.header("x-release"), (metadata.get("release") or "").strip()
    claims = [(place, claim) for place, claim in (("X-Release", header), ("its metadata", stated)) if claim]
    served = context.release.before
    if not claims:
        if options.release_required:
            raise _CannotJudgeError(
                "release",
                "the report does not say which release it speaks for; serve it with an X-Release header, name a"
                " metadata_url, or set release_required = false",
            )
        return "of an unnamed release"
    if served is None:
        if options.release_required:
            raise _CannotJudgeError(
                "release",
                f"the report is for release {shown(claims[0][1])}, and the release on staging is not known, so nobody"
                " can say whether it is the same; let the target name its release, or set release_required = false",
            )
        return f"of release {shown(claims[0][1])}"
    for place, claim in claims:
        if not same_release(claim, served):
            raise _CannotJudgeError(
                "release",
                f"the report is for another release: {place} says {shown(claim)}, staging serves {shown(served)};"
                " publish the report of the release under test",
            )
    return f"of release {shown(claims[0][1])}"


def _made(
    context: JudgeContext,
    options: CoverageOptions,
    evidence: ImportedCoverage,
    metadata: dict[str, Any],
    coverage: LineCoverage,
) -> datetime:
    stated = [
        _instant("X-Generated-At", evidence.report.header("x-generated-at")),
        _instant("its metadata", metadata.get("generated_at")),
        _instant(f"the {coverage.format} report itself", coverage.generated_at),
    ]
    times = [time for time in stated if time is not None]
    modified = evidence.report.header("last-modified")
    # Last-Modified may be the time of an upload or a copy, so it only speaks where nothing else does.
    if not times and modified:
        times.append(_http_date(modified))
    if not times:
        raise _CannotJudgeError(
            "age",
            "the report does not say when it was made; serve it with an X-Generated-At or Last-Modified header, or name"
            " a metadata_url",
        )
    for time in times:
        ahead = _utc(time) - context.started_at
        if ahead > CLOCK_TOLERANCE + (timedelta() if time.tzinfo else ZONE_TOLERANCE):
            raise _CannotJudgeError(
                "age",
                f"the report says it was made at {time.isoformat()}, {_span(ahead)} after the run began; set the clock"
                " of the machine that made it",
            )
    # Of several times the oldest counts: a file that is published again is not made again.
    made = min(_utc(time) for time in times)
    age = context.started_at - made
    if age > timedelta(hours=options.max_age_hours):
        raise _CannotJudgeError(
            "age",
            f"the report is stale: it was made {_span(age)} before the run ({made.isoformat()}),"
            f" {options.max_age_hours:g} h is allowed; run the tests again and publish their report",
        )
    return made


def _utc(time: datetime) -> datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _instant(place: str, stated: datetime | str | None) -> datetime | None:
    if stated is None or isinstance(stated, datetime):
        return stated
    if not stated.strip():
        return None
    try:
        return datetime.fromisoformat(stated.strip())
    except ValueError as error:
        raise _CannotJudgeError(
            "age", f"{place} says it was made '{shown(stated, 40)}', which is not an ISO 8601 time"
        ) from error


def _http_date(stated: str) -> datetime:
    try:
        return parsedate_to_datetime(stated)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise _CannotJudgeError("age", f"Last-Modified is '{shown(stated, 40)}', which is not an HTTP date") from error


def _span(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} h"


def _services(check: str, plan: Plan) -> Iterator[str]:
    options = plan.checks.get(check)
    reports = options.reports if isinstance(options, CoverageOptions) else ()
    return (f"service:{report.service}" for report in reports)


UNIT_COVERAGE = Check(
    spec=CheckSpec(
        id="unit-coverage",
        title="Unit tests run enough of every service's code",
        failure_title="Unit tests run too little of a service's code",
        why="A report that is empty, old or of another release looks like coverage. Only a whole, recent one of this"
        " release says how much of what is about to leave staging was ever run by its unit tests.",
        remedy="docs/checks.md#unit-coverage",
        rows=("5.1",),
        mode="artefact",
    ),
    needs=(UnitCoverageReport,),
    expects=lambda plan: _services("unit-coverage", plan),
    judge=judge_coverage,
    options=UnitCoverageOptions,
)

E2E_COVERAGE = Check(
    spec=CheckSpec(
        id="e2e-coverage",
        title="End-to-end tests run enough of every service's code",
        failure_title="End-to-end tests run too little of a service's code",
        why="Journeys that pass say nothing of the code they never reach. Only a whole, recent report of this release"
        " says how much of it the end-to-end tests ran.",
        remedy="docs/checks.md#e2e-coverage",
        rows=("5.1",),
        mode="artefact",
    ),
    needs=(E2eCoverageReport,),
    expects=lambda plan: _services("e2e-coverage", plan),
    judge=judge_coverage,
    options=E2eCoverageOptions,
)
