"""A run of the vitals check on evidence that lies in memory, and the cases it must end in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from evidence_store.model import CheckResult, Outcome, Release
from evidence_store.workspace import BrokenEvidenceError
from tasks.judging import judge
from tasks.plan import Plan, parse_stored_plan
from tasks.registry import check_named
from tasks.vitals.models import PageVitals, VitalsRun

STARTED = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
GOOD_VALUES = {"ttfb": 100.0, "fcp": 300.0, "lcp": 800.0, "cls": 0.01, "tbt": 40.0, "inp": 80.0}
BASE_URL = "http://127.0.0.1:8600"
CLICK = {"click": "#go"}


class FilesInMemory:
    """The files of a run, as a dictionary."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = dict(files)

    def names(self) -> list[str]:
        return sorted(self._files)

    def read(self, path: str) -> bytes:
        if path not in self._files:
            raise BrokenEvidenceError(f"{path} is not there")
        return self._files[path]


def plan_with(
    pages: Sequence[Mapping[str, Any]] = ({"name": "home", "path": "/", "interactions": [CLICK]},),
    base_url: str = BASE_URL,
    viewports: Mapping[str, Any] | None = None,
    /,
    **table: Any,
) -> Plan:
    """A plan with this table for vitals."""
    content = {
        "schema": 1,
        "target": {
            "name": "demo",
            "base_url": base_url,
            "allowed_hosts": ["127.0.0.1"],
            "release": {"url": "/version.json", "pointer": "/commit"},
        },
        "viewports": viewports or {"desktop": {"width": 1280, "height": 800}},
        "pages": list(pages),
        "checks": {"vitals": table},
    }
    return parse_stored_plan(json.dumps(content).encode(), "a test's plan")


def run(
    values: Mapping[str, float] | None = None, discarded: str | None = None, absent: Mapping[str, str] | None = None
) -> VitalsRun:
    """One load with good values, but for these changes."""
    missing = dict(absent or {})
    measured = {name: value for name, value in (GOOD_VALUES | dict(values or {})).items() if name not in missing}
    return VitalsRun(
        url="http://127.0.0.1:8600/",
        values=measured,
        absent=missing,
        window=(300.0, 900.0),
        discarded=discarded,
        seconds=1,
    )


def look(runs: Sequence[VitalsRun], subject: str = "home@desktop", problem: str | None = None) -> PageVitals:
    """The evidence of one look."""
    return PageVitals(subject=subject, gathered_at=STARTED, runs=tuple(runs), problem=problem, environment="a test")


def judged(looks: Sequence[PageVitals], plan: Plan | None = None) -> CheckResult:
    """The result of the check on this evidence, judged as a run would."""
    plan = plan or plan_with()
    content = {PageVitals.kind: [item.model_dump(mode="json") for item in looks]}
    files = FilesInMemory({"data/vitals/pages.evidence.json": json.dumps(content).encode()})
    return judge(check_named("vitals"), plan, plan.profile("nightly"), STARTED, Release(), files)


@dataclass(frozen=True)
class Case:
    """The runs of one look, the metric that is spoken of, what it must end in, and words its message must hold."""

    name: str
    metric: str
    runs: tuple[VitalsRun, ...]
    outcome: Outcome
    says: str
    table: Mapping[str, Any] = field(default_factory=dict)


def series(metric: str, *values: float) -> tuple[VitalsRun, ...]:
    """One run for each value of a metric."""
    return tuple(run({metric: value}) for value in values)


BUSY = "other processes used 70% of the processors meanwhile (limit 40%)"
NOT_CLICKED = {"inp": "interaction 1 (click '#go') could not be done: Timeout 3000ms exceeded."}

GOOD = (
    Case("lcp well within", "lcp", series("lcp", 812, 840, 833, 851, 820), Outcome.PASS, "LCP is 833 ms (median of 5"),
    Case("ttfb at its budget", "ttfb", series("ttfb", 800, 800, 800), Outcome.PASS, "within the budget of 800 ms"),
    Case("one slow accident", "lcp", series("lcp", 900, 9000, 910), Outcome.PASS, "LCP is 910 ms"),
    Case("no shift at all", "cls", series("cls", 0, 0, 0), Outcome.PASS, "CLS is 0.000"),
    Case("a budget of zero kept", "tbt", series("tbt", 0, 0, 0), Outcome.PASS, "0 ms", {"budgets": {"tbt_ms": 0}}),
    Case(
        "discarded runs do not count",
        "lcp",
        (*series("lcp", 900, 910, 920), run({"lcp": 9000}, discarded=BUSY), run({"lcp": 9000}, discarded=BUSY)),
        Outcome.PASS,
        "LCP is 910 ms (median of 3 runs)",
    ),
    Case("just within, and said to be close", "fcp", series("fcp", 1700, 1790, 1900), Outcome.PASS, "close"),
)
BAD = (
    Case("every run over", "lcp", series("lcp", 2600, 2700, 2800), Outcome.FAIL, "over the budget of 2,500 ms"),
    Case("median over, and said to be close", "lcp", series("lcp", 2400, 2501, 2600), Outcome.FAIL, "close"),
    Case("cls", "cls", series("cls", 0.1172, 0.1172, 0.1172), Outcome.FAIL, "CLS is 0.117"),
    Case("blocked input", "inp", series("inp", 304, 312, 304), Outcome.FAIL, "INP is 304 ms"),
    Case("blocked thread", "tbt", series("tbt", 250, 260, 255), Outcome.FAIL, "TBT is 255 ms"),
    Case("slow answer", "ttfb", series("ttfb", 804, 801, 900), Outcome.FAIL, "TTFB is 804 ms"),
    Case("a stricter budget", "lcp", series("lcp", 820, 820, 820), Outcome.FAIL, "800", {"budgets": {"lcp_ms": 800}}),
)
BROKEN = (
    Case("nothing was run", "lcp", (), Outcome.ERROR, "only 0 of 0 runs could be kept"),
    Case(
        "too few were kept",
        "lcp",
        (*series("lcp", 900, 900), *(run(discarded=BUSY) for _ in range(3))),
        Outcome.ERROR,
        f"only 2 of 5 runs could be kept: {BUSY}",
    ),
    Case(
        "an input that could not be done",
        "inp",
        tuple(run(absent=NOT_CLICKED) for _ in range(3)),
        Outcome.ERROR,
        "INP was measured in 0 of 3 runs: interaction 1 (click '#go') could not be done",
    ),
    Case(
        "too few values",
        "lcp",
        (*series("lcp", 900, 900), run(absent={"lcp": "the page reported no LCP"})),
        Outcome.ERROR,
        "LCP was measured in 2 of 3 runs: the page reported no LCP",
    ),
)
CASES: dict[str, list[tuple[str, Outcome]]] = {
    "vitals": [(case.name, case.outcome) for case in (*GOOD, *BAD, *BROKEN)],
}
