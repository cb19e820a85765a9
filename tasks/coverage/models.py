"""The plan's coverage tables, and evidence of the reports they name.

Rules:

- a table without reports is refused, and so are two reports for one service;
- a limit lies above 0 % and a report's age is bounded, so that no setting passes everything.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, field_validator

from evidence_store.model import Artifact, Evidence, Record
from tasks.plan import CheckOptions, Name, PlanTable

LONGEST_AGE_HOURS = 366 * 24


class CoverageReport(PlanTable):
    """One service's report, as the pipeline that tested it left it."""

    service: Name
    """The service the report speaks for; the subject is `service:<service>`."""
    url: str = Field(min_length=1)
    """http(s) URL, or path on the target, of an Istanbul `coverage-final.json`, an LCOV tracefile, the JSON of
    `coverage json` or a Cobertura XML file. The format is told by the content, never by the name."""
    metadata_url: str | None = Field(default=None, min_length=1)
    """Where a JSON object with `release` and `generated_at` (ISO 8601) lies, when the report is not served with
    `X-Release` and `X-Generated-At` headers."""
    lines_percent: float | None = Field(default=None, gt=0, le=100)
    """This service's own limit, in place of the table's."""


class CoverageOptions(CheckOptions):
    """What both coverage checks may say: reports, the least share of lines, and how old a report may be."""

    reports: tuple[CoverageReport, ...] = Field(min_length=1)
    """One report for each service; every one of them must keep the limit."""
    lines_percent: float = Field(gt=0, le=100)
    """Least share of executable lines that ran, in percent, compared unrounded."""
    max_age_hours: float = Field(default=72, gt=0, le=LONGEST_AGE_HOURS)
    """A report made longer than this before the run says nothing about it. A time without a zone, as coverage.py writes
    it, is read as UTC."""
    release_required: bool = True
    """False accepts a report that does not say which release it speaks for; one that names another never passes."""

    @field_validator("reports")
    @classmethod
    def one_report_for_each_service(cls, value: tuple[CoverageReport, ...]) -> tuple[CoverageReport, ...]:
        """Of two reports for one service, nobody could say which one counts."""
        services = [report.service for report in value]
        if repeated := sorted({service for service in services if services.count(service) > 1}):
            raise ValueError(f"more than one report for service {', '.join(repeated)}; merge them before publishing")
        return value


class UnitCoverageOptions(CoverageOptions):
    """The table of `unit-coverage`."""

    lines_percent: float = Field(default=80, gt=0, le=100)
    """Least share of executable lines that the unit tests ran, in percent, compared unrounded."""


class E2eCoverageOptions(CoverageOptions):
    """The table of `e2e-coverage`."""

    lines_percent: float = Field(default=60, gt=0, le=100)
    """Least share of executable lines that the end-to-end tests ran, in percent, compared unrounded."""


class ReportAnswer(Record):
    """What one address answered. Headers without credentials; the body as it came, empty when there is none."""

    url: str
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: Artifact | None = None

    def header(self, name: str) -> str:
        """The first value of a header without surrounding blanks, or an empty text."""
        return next((value.strip() for key, value in self.headers if key.lower() == name.lower()), "")


class ImportedCoverage(Evidence):
    """A report of another tool, fetched for one service; what it holds is not looked at while gathering."""

    kind: ClassVar[str] = "imported-coverage"

    check: str
    service: str
    report: ReportAnswer
    metadata: ReportAnswer | None = None
    """The side-car's answer, when the plan names one."""


class UnitCoverageReport(ImportedCoverage):
    """What a service's unit tests ran."""

    kind: ClassVar[str] = "unit-coverage-report"


class E2eCoverageReport(ImportedCoverage):
    """What a service's end-to-end tests ran."""

    kind: ClassVar[str] = "e2e-coverage-report"
