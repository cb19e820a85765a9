"""Fetches the coverage reports that the plan names, with all that their servers say about them; decides nothing.

Redirects are not followed: a report behind a login answers with one, and the judge is to see that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from evidence_store.model import Evidence
from evidence_store.redaction import UnsafeArchiveError
from evidence_store.workspace import Workspace
from tasks.contract import Shard, Turn
from tasks.coverage.models import (
    CoverageOptions,
    CoverageReport,
    E2eCoverageReport,
    ImportedCoverage,
    ReportAnswer,
    UnitCoverageReport,
)
from tasks.doors.http import HttpAnswer, HttpRequest, fetch_all
from tasks.plan import Plan

MAX_REPORT_BYTES = 50_000_000
MAX_METADATA_BYTES = 100_000
DEADLINE_SECONDS = 60.0
AT_A_TIME = 4
"""Reports are held in memory while they are fetched, so this bounds it."""

KINDS: dict[str, type[ImportedCoverage]] = {"unit-coverage": UnitCoverageReport, "e2e-coverage": E2eCoverageReport}


class CoverageReports:
    """Source: every report of both coverage checks, as it was published."""

    id = "coverage"
    provides: tuple[type[Evidence], ...] = (UnitCoverageReport, E2eCoverageReport)
    turn = Turn.TOGETHER

    def shards(self, plan: Plan) -> Sequence[Shard]:
        """One piece of work for each check that the plan has a table for."""
        return [
            Shard(check, tuple(f"service:{report.service}" for report in options.reports))
            for check in KINDS
            if isinstance(options := plan.checks.get(check), CoverageOptions) and options.reports
        ]

    def gather(self, plan: Plan, shard: Shard, workspace: Workspace) -> None:
        """Fetch every report of one check, and the side-cars that speak for them."""
        options = plan.checks[shard.id]
        reports = options.reports if isinstance(options, CoverageOptions) else ()
        requests = [request for report in reports for request in _requests(plan, report)]
        answers = iter(fetch_all(requests, plan.target.allowed_hosts, AT_A_TIME))
        workspace.write_evidence(
            self.id, shard.id, [_evidence(shard.id, report, answers, workspace) for report in reports]
        )


def _requests(plan: Plan, report: CoverageReport) -> Iterator[HttpRequest]:
    yield HttpRequest(plan.url(report.url), deadline_seconds=DEADLINE_SECONDS, max_body_bytes=MAX_REPORT_BYTES)
    if report.metadata_url is not None:
        yield HttpRequest(plan.url(report.metadata_url), max_body_bytes=MAX_METADATA_BYTES)


def _evidence(
    check: str, report: CoverageReport, answers: Iterator[HttpAnswer], workspace: Workspace
) -> ImportedCoverage:
    path = f"data/coverage/{check}/{report.service}"
    kept, problem = _kept(next(answers), f"{path}.report", workspace)
    metadata = None
    if report.metadata_url is not None:
        metadata, metadata_problem = _kept(next(answers), f"{path}.metadata", workspace)
        problem = problem or metadata_problem
    return KINDS[check](
        subject=f"service:{report.service}",
        gathered_at=datetime.now(UTC),
        problem=problem,
        check=check,
        service=report.service,
        report=kept,
        metadata=metadata,
    )


def _kept(answer: HttpAnswer, path: str, workspace: Workspace) -> tuple[ReportAnswer, str | None]:
    url = answer.request.url
    problem = f"{url} could not be fetched: {answer.problem[1]}" if answer.problem else None
    body = None
    # A part of a report is no evidence of anything, and one that is too large would only be carried along.
    if answer.body and problem is None:
        media_type = answer.header("content-type").split(";")[0].strip() or "application/octet-stream"
        try:
            body = workspace.write(path, answer.body, media_type)
        except UnsafeArchiveError as error:
            problem = (
                f"{url} answered a zip file that cannot be searched for secrets ({error}); publish the report itself"
            )
    headers = tuple(workspace.redactor.headers(answer.headers))
    return ReportAnswer(url=url, status=answer.status, headers=headers, body=body), problem
