"""The reports that other tools would have left on a build server, made without chance."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from .content import DATASETS, FAULTY_TABLE
from .state import other_release

# path, statements, share of them that the unit tests run, share that the end-to-end tests run
_WEB_FILES: Final = (
    ("/app/src/approvals/decide.ts", 64, 0.94, 0.81),
    ("/app/src/catalog/badges.ts", 38, 0.92, 0.74),
    ("/app/src/charts/trend.ts", 72, 0.82, 0.74),
    ("/app/src/i18n/negotiate.ts", 30, 0.97, 0.60),
    ("/app/src/reports/export.ts", 56, 0.75, 0.48),
    ("/app/src/session/token.ts", 40, 0.85, 0.65),
)
_API_FILES: Final = (
    ("services/gateway/routes.py", 120, 0.91),
    ("services/reporting/quarter.py", 88, 0.90),
    ("services/billing/invoice.py", 74, 0.81),
    ("services/analytics/rollup.py", 102, 0.87),
    ("services/catalogue/freshness.py", 46, 0.93),
)
# Scales every file's share, which brings 86 % of the unit lines to 71 % and 67 % of the end-to-end lines to 48 %.
_UNIT_DROP: Final = 0.825
_E2E_DROP: Final = 0.715


@dataclass(frozen=True)
class Artefact:
    """One report as it is served."""

    path: str
    body: bytes
    content_type: str
    release: str
    generated_at: str

    @property
    def sha256(self) -> str:
        """Digest of the bytes that are served."""
        return hashlib.sha256(self.body).hexdigest()


def _runs(line: int, count: int, covered: int) -> bool:
    # Uncovered lines come as blocks near the end, as error branches do in real files.
    return line <= covered * 0.7 or line > count - round(covered * 0.3)


def istanbul(faults: frozenset[str]) -> dict[str, Any]:
    """Unit coverage in Istanbul's coverage-final.json form."""
    if "coverage-empty" in faults:
        return {}
    report: dict[str, Any] = {}
    for path, size, share, _ in _WEB_FILES:
        count = 0 if "coverage-zero-of-zero" in faults else size
        covered = round(count * share * (_UNIT_DROP if "unit-coverage-dropped" in faults else 1.0))
        hits = [int(_runs(line, count, covered)) * (1 + line % 5) for line in range(1, count + 1)]
        functions = [line for line in range(1, count + 1) if line % 12 == 1]
        branches = [line for line in range(1, count + 1) if line % 9 == 4]
        report[path] = {
            "path": path,
            "statementMap": {str(i): _span(2 * i + 3, 4, 48) for i in range(count)},
            "fnMap": {
                str(i): {"name": f"step{i + 1}", "decl": _span(2 * line + 1, 9, 16), "loc": _span(2 * line + 1, 20, 60),
                         "line": 2 * line + 1}
                for i, line in enumerate(functions)
            },
            "branchMap": {
                str(i): {"loc": _span(2 * line + 1, 4, 40), "type": "if", "line": 2 * line + 1,
                         "locations": [_span(2 * line + 1, 4, 40), _span(2 * line + 1, 41, 48)]}
                for i, line in enumerate(branches)
            },
            "s": {str(i): hit for i, hit in enumerate(hits)},
            "f": {str(i): hits[line - 1] for i, line in enumerate(functions)},
            "b": {str(i): [hits[line - 1], hits[line - 1] // 3] for i, line in enumerate(branches)},
        }  # fmt: skip
    return report


def _span(line: int, start: int, end: int) -> dict[str, dict[str, int]]:
    return {"start": {"line": line, "column": start}, "end": {"line": line, "column": end}}


def lcov(faults: frozenset[str]) -> str:
    """End-to-end coverage in LCOV form."""
    lines: list[str] = []
    for path, count, _, share in _WEB_FILES:
        covered = round(count * share * (_E2E_DROP if "e2e-coverage-dropped" in faults else 1.0))
        hits = [int(_runs(line, count, covered)) * (1 + line % 3) for line in range(1, count + 1)]
        functions = [line for line in range(1, count + 1) if line % 12 == 1]
        lines += ["TN:e2e", f"SF:{path}"]
        lines += [f"FN:{2 * line + 1},step{i + 1}" for i, line in enumerate(functions)]
        lines += [f"FNDA:{hits[line - 1]},step{i + 1}" for i, line in enumerate(functions)]
        lines += [f"FNF:{len(functions)}", f"FNH:{sum(hits[line - 1] > 0 for line in functions)}"]
        lines += [f"DA:{2 * line + 1},{hits[line - 1]}" for line in range(1, count + 1)]
        lines += [f"LF:{count}", f"LH:{sum(hit > 0 for hit in hits)}", "end_of_record"]
    return "\n".join(lines) + "\n"


def coverage_py(generated_at: str) -> dict[str, Any]:
    """API coverage in the form of coverage.py's JSON report."""
    files: dict[str, Any] = {}
    for path, count, share in _API_FILES:
        covered = round(count * share)
        executed = [line for line in range(1, count + 1) if _runs(line, count, covered)]
        missing = [line for line in range(1, count + 1) if not _runs(line, count, covered)]
        files[path] = {
            "executed_lines": executed,
            "summary": _summary(len(executed), count),
            "missing_lines": missing,
            "excluded_lines": [],
        }
    executed_total = sum(len(entry["executed_lines"]) for entry in files.values())
    return {
        "meta": {"format": 3, "version": "7.10.7", "timestamp": generated_at, "branch_coverage": False,
                 "show_contexts": False},
        "files": files,
        "totals": _summary(executed_total, sum(count for _, count, _ in _API_FILES)),
    }  # fmt: skip


def _summary(covered: int, count: int) -> dict[str, Any]:
    percent = 100 * covered / count
    return {
        "covered_lines": covered,
        "num_statements": count,
        "percent_covered": percent,
        "percent_covered_display": f"{percent:.0f}",
        "missing_lines": count - covered,
        "excluded_lines": 0,
    }


def junit(faults: frozenset[str]) -> str:
    """Unit test results: 46 cases, held as declared."""
    suites = {"approvals": 12, "catalog": 8, "charts": 9, "i18n": 6, "reports": 7, "session": 4}
    declared = 287 if "junit-short" in faults else sum(suites.values())
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="unit" tests="{declared}" failures="0" errors="0" skipped="0" time="4.140">',
    ]
    for name, count in suites.items():
        lines.append(f'  <testsuite name="{name}" tests="{count}" failures="0" errors="0" skipped="0"'
                     f' time="{count * 0.09:.3f}">')  # fmt: skip
        lines += [f'    <testcase classname="{name}" name="case {i:02d}" time="0.090"/>' for i in range(1, count + 1)]
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>", ""])


def data_quality(faults: frozenset[str], generated_at: str) -> dict[str, Any]:
    """Validation results of the eight tables, in the manner of Great Expectations."""
    results = []
    for dataset in DATASETS:
        met, rows = dataset.met, dataset.rows
        if dataset.table == FAULTY_TABLE and "data-quality-dropped" in faults:
            met -= 9
        if dataset.table == FAULTY_TABLE and "data-quality-empty-table" in faults:
            rows = 0
        results.append({
            "success": met / dataset.expectations >= 0.9,
            "suite_name": f"{dataset.table}.warning",
            "statistics": {
                "evaluated_expectations": dataset.expectations,
                "successful_expectations": met,
                "unsuccessful_expectations": dataset.expectations - met,
                "success_percent": 100 * met / dataset.expectations,
            },
            "results": [
                _expectation(dataset.table, number, success=number < met, rows=rows)
                for number in range(dataset.expectations)
            ],
            "meta": {"table": dataset.table, "row_count": rows, "freshness_hours": dataset.fresh_hours,
                     "run_id": {"run_name": f"{dataset.table}-nightly", "run_time": generated_at}},
        })  # fmt: skip
    return {
        "success": all(result["success"] for result in results),
        "meta": {"great_expectations_version": "1.5.8", "environment": "staging", "generated_at": generated_at},
        "validation_results": results,
    }


def _expectation(table: str, number: int, *, success: bool, rows: int) -> dict[str, Any]:
    kinds = ("not_be_null", "be_unique", "be_between", "be_in_set")
    # A rule on values finds nothing wrong in an empty table: the trap that row_count is there for.
    met = success or rows == 0
    return {
        "success": met,
        "expectation_config": {
            "type": f"expect_column_values_to_{kinds[number % len(kinds)]}",
            "kwargs": {"column": f"{table}_c{number // len(kinds) + 1:02d}"},
        },
        "result": {"element_count": rows, "unexpected_count": 0 if met else rows // 50,
                   "partial_unexpected_list": [] if met else ["Ola Nordmann", "Erika Mustermann"]},
        "exception_info": {"raised_exception": False, "exception_message": None, "exception_traceback": None},
    }  # fmt: skip


def make_artefacts(
    release: str, faults: frozenset[str], started_at: dt.datetime, sign_in_page: str
) -> dict[str, Artefact]:
    """Every report by its path; `sign_in_page` is what a proxy would answer in place of one."""
    now = _instant(started_at)
    stale = _instant(started_at - dt.timedelta(days=40))
    unit_at = stale if "coverage-stale" in faults else now
    unit_release = other_release(release) if "coverage-other-release" in faults else release
    unit, unit_type = json.dumps(istanbul(faults), indent=1), "application/json"
    if "coverage-truncated" in faults:
        unit = unit[: len(unit) // 2]
    if "coverage-html" in faults:
        unit, unit_type = sign_in_page, "text/html; charset=utf-8"
    made = (
        Artefact("/artifacts/unit-coverage.json", unit.encode(), unit_type, unit_release, unit_at),
        Artefact("/artifacts/e2e-coverage.info", lcov(faults).encode(), "text/plain; charset=utf-8", release, now),
        Artefact("/artifacts/api-coverage.json", json.dumps(coverage_py(now)).encode(), "application/json", release,
                 now),
        Artefact("/artifacts/junit.xml", junit(faults).encode(), "application/xml", release, now),
        Artefact("/artifacts/data-quality.json", json.dumps(data_quality(faults, now)).encode(), "application/json",
                 release, now),
    )  # fmt: skip
    return {artefact.path: artefact for artefact in made}


def _instant(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
