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

        def log_message(self, format: str, *args: object) -> None:
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
def test_the_staging_sites_own_reports_and_faults(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    expected = {
        "": (Outcome.PASS, ""),
        "unit-coverage-dropped": (Outcome.FAIL, "71."),
        "coverage-empty": (Outcome.ERROR, "0 files"),
        "coverage-zero-of-zero": (Outcome.ERROR, "0 of 0"),
        "coverage-truncated": (Outcome.ERROR, "not valid JSON"),
        "coverage-html": (Outcome.ERROR, "HTML"),
        "coverage-stale": (Outcome.ERROR, "stale"),
        "coverage-other-release": (Outcome.ERROR, "another release"),
    }
    for fault, (outcome, says) in expected.items():
        made = make_artefacts(RELEASE, frozenset({fault} - {""}), now, LOGIN.decode())
        answers = {
            path: (200, {"X-Release": item.release, "X-Generated-At": item.generated_at}, item.body)
            for path, item in made.items()
        }
        with served(answers) as base_url:
            unit = {"reports": [{"service": "web", "url": "/artifacts/unit-coverage.json"},
                                {"service": "api", "url": "/artifacts/api-coverage.json"}]}  # fmt: skip
            e2e = {"reports": [{"service": "web", "url": "/artifacts/e2e-coverage.info"}]}
            plan = plan_with(base_url, unit_coverage=unit, e2e_coverage=e2e)
            workspace = Workspace(tmp_path / (fault or "none"))
            for shard in CoverageReports().shards(plan):
                CoverageReports().gather(plan, shard, workspace)
        seen = Release(before=RELEASE, after=RELEASE)
        results = {
            check: judge(check_named(check), plan, plan.profile("nightly"), now, seen, workspace)
            for check in ("unit-coverage", "e2e-coverage")
        }
        web, api = results["unit-coverage"].findings
        assert (fault, web.outcome) == (fault, outcome)
        assert says in web.message
        assert api.outcome is Outcome.PASS
        assert only(results["e2e-coverage"].findings).outcome is Outcome.PASS
        totals = site_coverage_py("2026-01-01T00:00:00Z")["totals"]
        assert api.measured == 100 * totals["covered_lines"] / totals["num_statements"]
