"""The source of coverage reports, against a real server, through judge and files of a run."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from evidence_store.model import CheckResult, Finding, Outcome, Release
from evidence_store.workspace import Workspace, evidence_of
from tasks.coverage.gather import CoverageReports
from tasks.coverage.models import E2eCoverageReport, UnitCoverageReport
from tasks.judging import judge
from tasks.registry import check_named
from tests.staging_site.artefacts import coverage_py as site_coverage_py
from tests.staging_site.artefacts import make_artefacts

from .cases import istanbul, lcov
from .runs import RELEASE, only, plan_with

Answer = tuple[int, dict[str, str], bytes]
LOGIN = b"<!doctype html><title>Sign in</title>"


@contextmanager
def served(answers: dict[str, Answer]) -> Iterator[str]:
    """A real server that gives these answers; yields its base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answers.get(self.path, (404, {}, b"not found"))
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_shards_are_the_checks_the_plan_has_a_table_for() -> None:
    plan = plan_with(e2e_coverage={"reports": [{"service": "web", "url": "/a"}]})
    (shard,) = CoverageReports().shards(plan)
    assert (shard.id, shard.members) == ("e2e-coverage", ("service:web",))
    assert CoverageReports().shards(plan_with(release={})) == []


@pytest.mark.real
def test_reports_are_fetched_kept_and_judged(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    good = {"X-Release": RELEASE, "X-Generated-At": now.isoformat(), "Set-Cookie": "session=abcdef123456; Path=/"}
    metadata = json.dumps({"release": RELEASE, "generated_at": now.isoformat()}).encode()
    answers: dict[str, Answer] = {
        "/web.json": (200, good | {"Content-Type": "text/plain"}, istanbul(9, 10)),
        "/bare.info": (200, {}, lcov(9, 10)),
        "/bare.meta": (200, {"Content-Type": "application/json"}, metadata),
        "/login": (302, {"Location": "/en/signin"}, b""),
        "/en/signin": (200, good | {"Content-Type": "text/html"}, LOGIN),
        "/sso": (200, good | {"Content-Type": "application/json"}, LOGIN),
        "/empty": (200, good, b""),
        "/broken-zip": (200, good, b"PK\x03\x04 not a zip"),
        "/cut": (200, good | {"Content-Length": "5000"}, istanbul(9, 10)),
        "/few.info": (200, good, lcov(1, 10)),
    }
    unit = ("web:/web.json", "gone:/gone", "login:/login", "sso:/sso", "empty:/empty", "zip:/broken-zip", "cut:/cut")
    reports = [{"service": name, "url": url} for name, url in (item.split(":") for item in unit)]
    side_car = {"service": "bare", "url": "/bare.info", "metadata_url": "/bare.meta"}
    no_side_car = {"service": "nometa", "url": "/bare.info", "metadata_url": "/gone"}
    with served(answers) as base_url:
        plan = plan_with(
            base_url,
            unit_coverage={"reports": [*reports, side_car, no_side_car]},
            e2e_coverage={"reports": [{"service": "web", "url": "/few.info"}]},
        )
        workspace = Workspace(tmp_path)
        for shard in CoverageReports().shards(plan):
            CoverageReports().gather(plan, shard, workspace)

    def result(check: str) -> CheckResult:
        seen = Release(before=RELEASE, after=RELEASE)
        return judge(check_named(check), plan, plan.profile("nightly"), now, seen, workspace)

    unit_result = result("unit-coverage")
    assert unit_result.problem is None
    found: dict[str, Finding] = {finding.subject.removeprefix("service:"): finding for finding in unit_result.findings}
    assert len(found) == len(unit_result.findings) == 9
    assert {name for name, finding in found.items() if finding.outcome is Outcome.PASS} == {"web", "bare"}
    assert {finding.outcome for finding in found.values()} == {Outcome.PASS, Outcome.ERROR}
    says = {
        "gone": "answered 404 in place of 200",
        "login": "answered 302, a redirect to /en/signin",
        "sso": "HTML in place of a report",
        "empty": "empty",
        "zip": "zip file",
        "cut": "could not be fetched",
        "nometa": "/gone answered 404",
    }
    assert {name: words in found[name].message for name, words in says.items()} == dict.fromkeys(says, True)
    few = only(result("e2e-coverage").findings)
    assert (few.outcome, few.measured) == (Outcome.FAIL, 10)

    kept = {item.service: item for item in evidence_of(workspace, UnitCoverageReport)}
    assert workspace.read("data/coverage/unit-coverage/web.report") == istanbul(9, 10)
    assert workspace.read("data/coverage/unit-coverage/bare.metadata") == metadata
    assert kept["web"].report.header("set-cookie") == "session=[redacted:cookie]; Path=/"
    assert kept["cut"].report.body is None
    assert [item.check for item in evidence_of(workspace, E2eCoverageReport)] == ["e2e-coverage"]


@pytest.mark.real
@pytest.mark.parametrize(
    ("fault", "unit", "e2e", "says"),
    [
        ("", Outcome.PASS, Outcome.PASS, "Istanbul report"),
        ("unit-coverage-dropped", Outcome.FAIL, Outcome.PASS, "70.66 % of 300"),
        ("e2e-coverage-dropped", Outcome.PASS, Outcome.FAIL, "Istanbul report"),
        ("coverage-empty", Outcome.ERROR, Outcome.PASS, "0 files"),
        ("coverage-zero-of-zero", Outcome.ERROR, Outcome.PASS, "0 of 0"),
        ("coverage-truncated", Outcome.ERROR, Outcome.PASS, "not valid JSON"),
        ("coverage-html", Outcome.ERROR, Outcome.PASS, "HTML in place of a report"),
        ("coverage-stale", Outcome.ERROR, Outcome.PASS, "stale: it was made 40.0 days before"),
        ("coverage-other-release", Outcome.ERROR, Outcome.PASS, "for another release"),
    ],
)
def test_the_staging_sites_reports_and_faults(
    fault: str, unit: Outcome, e2e: Outcome, says: str, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    made = make_artefacts(RELEASE, frozenset({fault} - {""}), now, LOGIN.decode())
    answers: dict[str, Answer] = {
        path: (200, {"X-Release": item.release, "X-Generated-At": item.generated_at}, item.body)
        for path, item in made.items()
    }
    web, api, journeys = (
        f"/artifacts/{name}" for name in ("unit-coverage.json", "api-coverage.json", "e2e-coverage.info")
    )
    with served(answers) as base_url:
        plan = plan_with(
            base_url,
            unit_coverage={"reports": [{"service": "web", "url": web}, {"service": "api", "url": api}]},
            e2e_coverage={"reports": [{"service": "web", "url": journeys}]},
        )
        workspace = Workspace(tmp_path)
        for shard in CoverageReports().shards(plan):
            CoverageReports().gather(plan, shard, workspace)

    def findings(check: str) -> tuple[Finding, ...]:
        seen = Release(before=RELEASE, after=RELEASE)
        return judge(check_named(check), plan, plan.profile("nightly"), now, seen, workspace).findings

    of_web, of_api = findings("unit-coverage")
    of_journeys = only(findings("e2e-coverage"))
    assert (of_web.outcome, of_api.outcome, of_journeys.outcome) == (unit, Outcome.PASS, e2e)
    assert says in of_web.message
    totals = site_coverage_py(now.isoformat())["totals"]
    assert of_api.measured == 100 * totals["covered_lines"] / totals["num_statements"]
