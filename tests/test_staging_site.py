"""The staging site is right without faults, and wrong in exactly the way that a fault's name says."""

from __future__ import annotations

import asyncio
import base64
import csv
import datetime as dt
import hashlib
import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from defusedxml import ElementTree
from playwright.sync_api import Browser, Page, sync_playwright

from tasks.doors.chromium import find_chromium
from tests.staging_site import FAULTS, UnknownFaultError, create_app, parse_faults
from tests.staging_site.content import DATASETS
from tests.staging_site.words import LANGUAGES, WORDS, preferred_language

ROOT = Path(__file__).resolve().parents[1]
RELEASE = "4f2c9e1"
STARTED = dt.datetime(2026, 10, 1, 6, 30, tzinfo=dt.UTC)
PAGES = ("dashboard", "approvals", "catalog", "reports", "reports/q3/print")


class Visitor:
    """A client with its own cookies on its own site, without a network."""

    def __init__(self, *faults: str) -> None:
        self.app = create_app(RELEASE, frozenset(faults), STARTED)
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://staging.test", trust_env=False
        )

    def get(self, path: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._client.get(path, **options))

    def post(self, path: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._client.post(path, **options))

    def signed_in(self, role: str = "viewer") -> Visitor:
        """This visitor, as another person."""
        self._client.cookies.clear()
        self.post("/api/login", json={"email": f"{role}@tidemark.example", "password": f"{role}-demo-pass"})
        return self

    @property
    def session(self) -> str:
        return self._client.cookies["tidemark_session"]

    def beginning(self, path: str, seconds: float = 0.3, enough: int = 1_000_000) -> tuple[int, bool]:
        """How many bytes of an answer arrive in a while, and whether it ended."""
        received, ended = 0, asyncio.Event()
        full = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await full.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal received
            received += len(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                ended.set()
            if received > enough:
                full.set()

        async def run() -> None:
            scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
            with suppress(TimeoutError):
                await asyncio.wait_for(self.app(scope, receive, send), seconds)

        asyncio.run(run())
        return received, ended.is_set()


@pytest.fixture
def visitor() -> Visitor:
    return Visitor()


# Without faults.


@pytest.mark.parametrize(
    ("wish", "language"),
    [("", "en"), ("de-AT,de;q=0.9", "de"), ("fr, no;q=0.8, en;q=0.5", "nb"), ("ja", "en"), ("de;q=x,nb;q=0.1", "nb")],
)
def test_the_start_page_follows_accept_language(visitor: Visitor, wish: str, language: str) -> None:
    assert preferred_language(wish) == language
    answer = visitor.get("/", headers={"Accept-Language": wish})
    assert (answer.status_code, answer.headers["location"]) == (302, f"/{language}/")


def test_home_moved_for_good(visitor: Visitor) -> None:
    answer = visitor.get("/home")
    assert (answer.status_code, answer.headers["location"]) == (301, "/en/dashboard")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_page_exists_in_every_language(lang: str, page: str) -> None:
    answer = Visitor().signed_in().get(f"/{lang}/{page}")
    alternates = re.findall(r'hreflang="([a-z-]+)" href="http://staging\.test/([a-z]+)/([^"]*)">', answer.text)
    assert answer.status_code == 200
    assert f'<html lang="{lang}">' in answer.text
    assert f'rel="canonical" href="http://staging.test/{lang}/{page}"' in answer.text
    assert alternates == [*((code, code, page) for code in LANGUAGES), ("x-default", "en", page)]


def test_every_word_is_translated() -> None:
    assert WORDS["en"].keys() == WORDS["de"].keys() == WORDS["nb"].keys()
    assert all(text for words in WORDS.values() for text in words.values())


@pytest.mark.parametrize("page", [*PAGES, "audit"])
def test_a_stranger_is_sent_to_sign_in_and_back(visitor: Visitor, page: str) -> None:
    answer = visitor.get(f"/nb/{page}")
    assert answer.status_code == 302
    assert answer.headers["location"] == f"/nb/?next=%2Fnb%2F{page.replace('/', '%2F')}"
    form = {"email": "admin@tidemark.example", "password": "admin-demo-pass", "next": f"/nb/{page}"}
    signed_in = visitor.post("/nb/sign-in", data=form)
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, f"/nb/{page}")
    assert visitor.get(f"/nb/{page}").status_code == 200


def test_a_wrong_password_is_told_and_opens_nothing(visitor: Visitor) -> None:
    answer = visitor.post("/en/sign-in", data={"email": "viewer@tidemark.example", "password": "guess"})
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "set-cookie" not in answer.headers
    wrong = visitor.post("/api/login", json={"email": "viewer@tidemark.example", "password": "guess"})
    assert (wrong.status_code, wrong.json()["ok"]) == (401, False)


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:1"])
def test_signing_in_never_leads_elsewhere(visitor: Visitor, target: str) -> None:
    form = {"email": "viewer@tidemark.example", "password": "viewer-demo-pass", "next": target}
    assert visitor.post("/en/sign-in", data=form).headers["location"] == "/en/dashboard"


def test_a_password_can_come_from_the_environment(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGING_SITE_PASSWORD_VIEWER", "from-outside")
    form = {"email": "viewer@tidemark.example", "password": "from-outside"}
    assert visitor.post("/api/login", json=form).json() == {"ok": True, "role": "viewer"}


def test_the_session_cookie_is_safe_and_ends_with_the_session(visitor: Visitor) -> None:
    form = {"email": "viewer@tidemark.example", "password": "viewer-demo-pass"}
    cookie = visitor.post("/api/login", json=form).headers["set-cookie"]
    assert re.fullmatch(r"tidemark_session=[\w-]{43}; Path=/; HttpOnly; SameSite=Lax", cookie)
    stolen = {"Cookie": f"tidemark_session={visitor.session}"}
    assert visitor.get("/api/kpis", headers=stolen).status_code == 200
    visitor.post("/api/logout")
    assert visitor.get("/api/kpis", headers=stolen).status_code == 401


@pytest.mark.parametrize("path", ["kpis", "trend", "initiatives", "approvals", "audit", "reports/q3.csv"])
def test_the_api_wants_a_session(visitor: Visitor, path: str) -> None:
    tampered = {"Cookie": "tidemark_session=" + "x" * 43}
    assert visitor.get(f"/api/{path}").status_code == 401
    assert visitor.get(f"/api/{path}", headers=tampered).status_code == 401


def test_an_approver_decides_and_the_audit_log_tells() -> None:
    visitor = Visitor().signed_in("approver")
    assert visitor.post("/api/approvals/r-1041/approve").json() == {"ok": True, "id": "r-1041", "state": "approved"}
    assert visitor.post("/api/approvals/r-1041/reject").status_code == 409
    assert visitor.get("/en/audit").status_code == 403
    assert visitor.get("/api/audit").status_code == 403
    visitor.signed_in("admin")
    newest = visitor.get("/api/audit").json()[0]
    assert (newest["actor"], newest["action"], newest["request"]) == ("approver@tidemark.example", "approve", "r-1041")
    assert 'data-request="r-1041" data-action="approve"' in visitor.get("/en/audit").text
    assert 'data-request="r-1041" data-state="approved"' in visitor.get("/en/approvals").text


def test_a_viewer_reads_but_never_decides() -> None:
    visitor = Visitor().signed_in("viewer")
    page = visitor.get("/en/approvals").text
    assert 'id="read-only"' in page
    assert "data-action=" not in page
    assert visitor.post("/api/approvals/r-1041/approve").status_code == 403
    assert {item["id"]: item["state"] for item in visitor.get("/api/approvals").json()}["r-1041"] == "pending"


def test_a_reset_needs_its_header_and_keeps_sessions() -> None:
    visitor = Visitor().signed_in("approver")
    visitor.post("/api/approvals/r-1041/reject")
    assert visitor.post("/api/test/reset").status_code == 403
    assert visitor.get("/api/approvals").json()[0]["state"] == "rejected"
    assert visitor.post("/api/test/reset", headers={"X-Test-Reset": "1"}).status_code == 200
    assert visitor.get("/api/approvals").json()[0]["state"] == "pending"


def test_documents_carry_a_fresh_nonce_and_strict_headers(visitor: Visitor) -> None:
    first, second = visitor.get("/en/"), visitor.get("/en/")
    policy = first.headers["content-security-policy"]
    nonce = _nonce(first)
    assert f'nonce="{nonce}"' in first.text
    assert nonce != _nonce(second)
    assert "unsafe-" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "frame-ancestors 'none'" in policy
    assert first.headers["x-content-type-options"] == "nosniff"
    embedded = visitor.signed_in().get("/embed/lineage?lang=de")
    assert "frame-ancestors 'self'" in embedded.headers["content-security-policy"]
    assert '<html lang="de">' in embedded.text


def test_the_browser_may_use_what_a_page_names(visitor: Visitor) -> None:
    page = visitor.get("/en/").text
    named = sorted(set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page)))
    assert named == ["/static/app.css", "/static/app.js", "/static/favicon.svg", "/static/hero.png"]
    assert [visitor.get(path).status_code for path in named] == [200] * 4
    assert not re.search(r"<[^>]+\son[a-z]+=", page)
    source_map = visitor.get("/static/app.js.map").json()
    assert [Path(source).name for source in source_map["sources"]] == [
        "page.ts", "approvals.ts", "chart.ts", "dashboard.ts", "vitals.ts", "app.ts",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["app", "approvals", "chart", "dashboard", "page", "vitals"])
def test_the_checked_in_script_is_built_from_its_source(visitor: Visitor, name: str) -> None:
    source_map = visitor.get("/static/app.js.map").json()
    held = dict(zip(source_map["sources"], source_map["sourcesContent"], strict=True))
    assert held[f"../source/{name}.ts"] == (ROOT / f"tests/staging_site/source/{name}.ts").read_text()


def test_nothing_lies_where_nothing_should(visitor: Visitor) -> None:
    assert visitor.get("/en/nothing").status_code == 404
    assert visitor.get("/fr/").status_code == 404
    assert visitor.get("/fr/dashboard").status_code == 404
    assert visitor.get("/.env").status_code == 404
    assert visitor.get("/services/unknown/health").json() == {"error": "not_found"}


def test_every_service_is_healthy_on_this_release(visitor: Visitor) -> None:
    registry = visitor.get("/api/services").json()
    assert len(registry) == 6
    for entry in registry:
        health = visitor.get(entry["health"])
        assert health.json() == {"status": "ok", "service": entry["name"], "version": RELEASE}
        assert (entry["live"], entry["ready"], entry["version"]) == (True, True, RELEASE)
    assert visitor.get("/api/health/ready").json() == visitor.get("/api/health/live").json() == {"status": "ok"}


def test_reports_are_dated_signed_and_whole(visitor: Visitor) -> None:
    index = visitor.get("/artifacts/index.json").json()
    assert len(index) == 5
    for entry in index:
        answer = visitor.get(entry["path"])
        assert hashlib.sha256(answer.content).hexdigest() == entry["sha256"]
        assert answer.headers["x-release"] == entry["release"] == RELEASE
        assert answer.headers["x-generated-at"] == entry["generated_at"] == "2026-10-01T06:30:00Z"
        assert parsedate_to_datetime(answer.headers["last-modified"]) == STARTED


def test_reports_hold_what_they_should(visitor: Visitor) -> None:
    api = visitor.get("/artifacts/api-coverage.json").json()
    suite = ElementTree.fromstring(visitor.get("/artifacts/junit.xml").text)
    istanbul = visitor.get("/artifacts/unit-coverage.json").json()
    assert _unit_percent(visitor) == 86
    assert _e2e_percent(visitor) == 67
    assert round(api["totals"]["percent_covered"]) == 88
    assert suite.get("tests") == str(len(suite.findall(".//testcase"))) == "46"
    assert all(entry["fnMap"].keys() == entry["f"].keys() for entry in istanbul.values())
    assert all(entry["branchMap"].keys() == entry["b"].keys() for entry in istanbul.values())


def test_the_catalogue_says_what_the_validation_says() -> None:
    visitor = Visitor().signed_in()
    page = visitor.get("/en/catalog").text
    results = visitor.get("/artifacts/data-quality.json").json()["validation_results"]
    assert len(results) == len(DATASETS) == 8
    for result in results:
        numbers, meta = result["statistics"], result["meta"]
        met, evaluated = numbers["successful_expectations"], numbers["evaluated_expectations"]
        assert sum(one["success"] for one in result["results"]) == met
        assert (f'data-table="{meta["table"]}" data-expectations="{evaluated}" data-met="{met}"'
                f' data-fresh-hours="{meta["freshness_hours"]}"') in page  # fmt: skip
        assert f"{met} of {evaluated} tests pass" in page


def test_a_report_can_be_downloaded() -> None:
    answer = Visitor().signed_in().get("/api/reports/q3.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-disposition"] == 'attachment; filename="tidemark-q3.csv"'
    assert [row["month"] for row in rows] == ["2026-07", "2026-08", "2026-09"]


def test_the_beacon_collector_takes_beacons_only(visitor: Visitor) -> None:
    good = {"page": "dashboard", "metrics": {"lcp": 812, "cls": 0.01}}
    bad: list[Any] = [{}, [], {"page": 1, "metrics": {}}, {"page": "x", "metrics": {"lcp": "fast"}}]
    assert visitor.post("/rum", json=good).status_code == 204
    assert [visitor.post("/rum", json=body).status_code for body in bad] == [400] * 4
    assert visitor.post("/rum", content=b"{").status_code == 400
    assert visitor.post("/rum", content=b" " * 20_000).status_code == 413
    assert visitor.get("/api/test/received", headers={"X-Test-Reset": "1"}).json()["beacons"] == [good]


def test_a_burst_is_slowed_down(visitor: Visitor) -> None:
    answers = [visitor.get("/api/benchmarks") for _ in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 10


def test_the_event_stream_resumes(visitor: Visitor) -> None:
    resumed = visitor.get("/api/events", headers={"Last-Event-ID": "3"})
    assert re.findall(r"^id: (\d+)$", resumed.text, re.MULTILINE) == ["4", "5"]
    assert resumed.headers["content-type"].startswith("text/event-stream")


def test_an_unknown_fault_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownFaultError, match="did you mean 'kpi-colour'"):
        parse_faults(["cls,kpi-color"])
    assert parse_faults(["cls, kpi-colour", "one-letter"]) == {"cls", "kpi-colour", "one-letter"}


# With faults: what is looked at, what a healthy site shows there, what the fault shows.


def _nonce(answer: httpx.Response) -> str:
    return answer.headers["content-security-policy"].partition("'nonce-")[2].partition("'")[0]


def _unit_percent(visitor: Visitor) -> int:
    hits = [
        hit for entry in visitor.get("/artifacts/unit-coverage.json").json().values() for hit in entry["s"].values()
    ]
    return round(100 * sum(hit > 0 for hit in hits) / len(hits))


def _e2e_percent(visitor: Visitor) -> int:
    report = visitor.get("/artifacts/e2e-coverage.info").text
    found, hit = (sum(map(int, re.findall(rf"^{key}:(\d+)$", report, re.MULTILINE))) for key in ("LF", "LH"))
    return round(100 * hit / found)


def _unit_files(visitor: Visitor) -> tuple[int, int]:
    report = visitor.get("/artifacts/unit-coverage.json").json()
    return len(report), sum(len(entry["s"]) for entry in report.values())


def _unit_parses(visitor: Visitor) -> bool:
    answer = visitor.get("/artifacts/unit-coverage.json")
    with suppress(json.JSONDecodeError):
        return isinstance(answer.json(), dict)
    return False


def _page(path: str, pattern: str) -> Callable[[Visitor], list[str]]:
    return lambda visitor: re.findall(pattern, visitor.signed_in("admin").get(path).text)


def _status(path: str) -> Callable[[Visitor], int]:
    return lambda visitor: visitor.signed_in().get(path).status_code


def _kind(path: str) -> Callable[[Visitor], tuple[int, str]]:
    def look(visitor: Visitor) -> tuple[int, str]:
        answer = visitor.get(path)
        return answer.status_code, answer.headers["content-type"].partition(";")[0]

    return look


def _approved(visitor: Visitor) -> tuple[int, str, int]:
    answer = visitor.signed_in("admin").post("/api/approvals/r-1041/approve")
    return answer.status_code, visitor.get("/api/approvals").json()[0]["state"], len(visitor.get("/api/audit").json())


def _survives(visitor: Visitor) -> int:
    stolen = {"Cookie": f"tidemark_session={visitor.signed_in().session}"}
    visitor.post("/en/sign-out")
    return visitor.get("/api/kpis", headers=stolen).status_code


def _slow(visitor: Visitor) -> bool:
    started = time.monotonic()
    visitor.signed_in().get("/en/dashboard")
    return time.monotonic() - started >= 1.5


def _cookie_attributes(visitor: Visitor) -> list[str]:
    form = {"email": "viewer@tidemark.example", "password": "viewer-demo-pass"}
    return visitor.post("/api/login", json=form).headers["set-cookie"].split("; ")[1:]


def _carbon(visitor: Visitor) -> tuple[bool, int, int]:
    results = visitor.get("/artifacts/data-quality.json").json()["validation_results"]
    carbon = next(result for result in results if result["meta"]["table"] == "carbon_ledger")
    return carbon["success"], carbon["statistics"]["successful_expectations"], carbon["meta"]["row_count"]


def _integrity_holds(visitor: Visitor) -> bool:
    return visitor.get("/en/").text.count(_sri(visitor.get("/static/app.css").content)) == 1


def _sri(body: bytes) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(body).digest()).decode()


def _in_browser(name: str) -> Callable[[Visitor], list[str]]:
    return _page("/en/dashboard", rf'<html lang="en" data-faults="({name})">')


ALL_CLEAR = ["Impact this quarter"]
SEEN: dict[str, tuple[Callable[[Visitor], Any], Any, Any]] = {
    "health-redirects-to-login": (lambda v: v.get("/services/billing/health").headers.get("location"), None,
                                  "/en/?next=%2Fservices%2Fbilling%2Fhealth"),
    "health-says-degraded": (lambda v: v.get("/services/reporting/health").json()["status"], "ok", "degraded"),
    "health-html": (_kind("/services/catalogue/health"), (200, "application/json"), (200, "text/html")),
    "endless-body": (lambda v: v.beginning("/services/analytics/health", seconds=20)[0] > 1_000_000, False, True),
    "slow-loris": (lambda v: v.beginning("/services/notifications/health")[1], True, False),
    "service-other-release": (lambda v: v.get("/services/gateway/health").json()["version"] == RELEASE, True, False),
    "version-missing": (_status("/version.json"), 200, 404),
    "version-html": (_kind("/version.json"), (200, "application/json"), (200, "text/html")),
    "release-changes": (lambda v: [v.get("/version.json").json()["commit"] == RELEASE for _ in range(3)],
                        [True, True, True], [True, False, False]),
    "kpi-colour": (lambda v: [kpi["accent"] for kpi in v.signed_in().get("/api/kpis").json()], ["#2563eb"] * 4,
                   ["#2563eb", "#2563eb", "#1d4ed8", "#2563eb"]),
    "one-letter": (lambda v: v.signed_in().get("/api/kpis").json()[1]["label"], "Volunteer hours", "Volunteer hourz"),
    "layout-shift-banner": (_page("/en/reports", ">(Planned maintenance on Sunday)"), [],
                            ["Planned maintenance on Sunday"]),
    "phone-overflow": (_in_browser("phone-overflow"), [], ["phone-overflow"]),
    "login-instead-of-page": (_page("/en/dashboard", "<h1[^>]*>([^<]+)</h1>"), ALL_CLEAR, ["Sign in"]),
    "soft-404": (_page("/en/catalog", "<h1[^>]*>([^<]+)</h1>"), ["Data catalogue"], ["Page not found"]),
    "redirect-loop": (lambda v: v.signed_in().get("/en/dashboard").headers.get("location"), None, "/en/dashboard"),
    "api-fails-behind-pretty-page": (_status("/api/trend"), 200, 500),
    "console-error": (_in_browser("console-error"), [], ["console-error"]),
    "unlabeled-button": (_page("/en/dashboard", 'id="print-page"( aria-label="Print")?'), [' aria-label="Print"'],
                         [""]),
    "low-contrast": (_in_browser("low-contrast"), [], ["low-contrast"]),
    "focus-invisible": (_in_browser("focus-invisible"), [], ["focus-invisible"]),
    "mouse-only-button": (_page("/en/dashboard", r'<(\w+) [^>]*id="print-page"'), ["button"], ["span"]),
    "frame-unlabeled": (_page("/embed/lineage", "<input [^>]+>"), [],
                        ['<input type="text" name="table" value="carbon_ledger">']),
    "approve-does-nothing": (_approved, (200, "approved", 3), (200, "pending", 2)),
    "forbidden-allowed": (lambda v: v.signed_in("viewer").post("/api/approvals/r-1041/approve").status_code, 403, 200),
    "session-survives-sign-out": (_survives, 401, 200),
    "slow-document": (_slow, False, True),
    "late-hero": (_page("/en/dashboard", 'id="hero-picture" ([a-z-]+)='), ["src"], ["data-late-src"]),
    "cls": (_in_browser("cls"), [], ["cls"]),
    "slow-interaction": (_in_browser("slow-interaction"), [], ["slow-interaction"]),
    "long-task": (_in_browser("long-task"), [], ["long-task"]),
    "rum-404": (lambda v: v.post("/rum", json={"page": "x", "metrics": {}}).status_code, 204, 404),
    "never-settles": (_in_browser("never-settles"), [], ["never-settles"]),
    "unit-coverage-dropped": (_unit_percent, 86, 71),
    "e2e-coverage-dropped": (_e2e_percent, 67, 48),
    "coverage-empty": (_unit_files, (6, 300), (0, 0)),
    "coverage-zero-of-zero": (_unit_files, (6, 300), (6, 0)),
    "coverage-truncated": (_unit_parses, True, False),
    "coverage-html": (_kind("/artifacts/unit-coverage.json"), (200, "application/json"), (200, "text/html")),
    "coverage-stale": (lambda v: v.get("/artifacts/unit-coverage.json").headers["x-generated-at"],
                       "2026-10-01T06:30:00Z", "2026-08-22T06:30:00Z"),
    "coverage-other-release": (lambda v: v.get("/artifacts/unit-coverage.json").headers["x-release"] == RELEASE, True,
                               False),
    "junit-short": (lambda v: ElementTree.fromstring(v.get("/artifacts/junit.xml").text).get("tests"), "46", "287"),
    "data-quality-dropped": (_carbon, (True, 24, 96410), (False, 15, 96410)),
    "data-quality-empty-table": (_carbon, (True, 24, 96410), (True, 24, 0)),
    "headers-missing-on-html": (lambda v: "content-security-policy" in v.get("/en/").headers, True, False),
    "csp-nonce-reused": (lambda v: _nonce(v.get("/en/")) == _nonce(v.get("/de/")), False, True),
    "cookie-insecure": (_cookie_attributes, ["Path=/", "HttpOnly", "SameSite=Lax"], ["Path=/"]),
    "dotenv-exposed": (_status("/.env"), 404, 200),
    "integrity-mismatch": (_integrity_holds, True, False),
    "hreflang-one-way": (lambda v: v.get("/de/").text.count('rel="alternate"'), 4, 0),
}  # fmt: skip


def test_every_fault_is_looked_at() -> None:
    assert SEEN.keys() == FAULTS.keys()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_shows_where_its_name_says(name: str) -> None:
    look, healthy, faulty = SEEN[name]
    assert look(Visitor()) == healthy
    assert look(Visitor(name)) == faulty


def test_all_faults_together_still_make_a_site() -> None:
    everything = Visitor(*FAULTS)
    assert everything.get("/en/").status_code == 200
    assert everything.signed_in().get("/en/approvals").status_code == 200
    assert everything.get("/artifacts/index.json").status_code == 200


# In a real browser, over a real socket.


@contextmanager
def _served(*faults: str) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.staging_site", "--port", "0", "--fault", ",".join(faults)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield re.findall(r"http://[\d.:]+", process.stdout.readline())[0]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def _dashboard(chromium: Browser, base: str, width: int = 1280, height: int = 800) -> Iterator[tuple[Page, list[str]]]:
    context = chromium.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text))
    page.goto(f"{base}/en/")
    page.get_by_label("Email").fill("viewer@tidemark.example")
    page.get_by_label("Password").fill("viewer-demo-pass")
    page.get_by_role("button", name="Sign in").click()
    page.locator("html[data-ready]").wait_for(state="attached")
    yield page, troubles
    context.close()


_SHIFT = """() => new Promise((done) => { let sum = 0; new PerformanceObserver((list) => list.getEntries().forEach(
  (entry) => { if (!entry.hadRecentInput) sum += entry.value; })).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 1500); })"""
_LONG = """() => new Promise((done) => { let sum = 0; new PerformanceObserver((list) => list.getEntries().forEach(
  (entry) => { sum += entry.duration - 50; })).observe({ type: "longtask", buffered: true });
  setTimeout(() => done(sum), 2200); })"""
_HERO = """() => new Promise((done) => { let last = 0; new PerformanceObserver((list) => list.getEntries().forEach(
  (entry) => { last = entry.id === "hero-picture" ? entry.startTime : last; })).observe(
  { type: "largest-contentful-paint", buffered: true }); setTimeout(() => done(last), WAIT); })"""


@pytest.mark.real
def test_the_healthy_dashboard_is_quiet_quick_and_whole(chromium: Browser) -> None:
    with _served() as base, _dashboard(chromium, base) as (page, troubles):
        assert page.get_by_role("heading", name="Impact this quarter", level=1).is_visible()
        assert page.get_by_role("status").inner_text() == "All clear"
        assert page.locator("[data-kpi]").count() == 4
        assert page.evaluate(_SHIFT) < 0.05
        assert 0 < page.evaluate(_HERO.replace("WAIT", "50")) < 2500
        page.get_by_role("button", name="Filters").click()
        page.get_by_role("radio", name="3 months").check()
        page.get_by_role("img", name="2026-07").wait_for()
        assert troubles == []
        page.goto(f"{base}/en/catalog")
        received = page.request.get(f"{base}/api/test/received", headers={"X-Test-Reset": "1"}).json()
        assert "dashboard" in [beacon["page"] for beacon in received["beacons"]]
        assert page.frame_locator("#lineage").get_by_role("img").is_visible()


@pytest.mark.real
def test_an_approval_is_pressed_and_logged(chromium: Browser) -> None:
    with _served() as base:
        page = chromium.new_page()
        page.request.post(f"{base}/api/login", data={"email": "admin@tidemark.example", "password": "admin-demo-pass"})
        page.goto(f"{base}/en/approvals")
        page.get_by_role("button", name="Approve: Coastal clean-up grant").click()
        page.get_by_text("Coastal clean-up grant: Approved").wait_for()
        page.goto(f"{base}/en/audit")
        assert page.locator("#audit-log tr[data-request='r-1041']").count() == 1
        page.close()


@pytest.mark.real
def test_a_script_that_breaks_trusted_types_is_blocked_and_reported(chromium: Browser) -> None:
    with _served() as base:
        page = chromium.new_page()
        page.goto(f"{base}/en/")
        with page.expect_request("**/csp-report"), suppress(Exception):
            page.evaluate("document.body.innerHTML = '<p>in</p>'")
        assert page.locator("h1").inner_text() == "Sign in"
        page.close()


def _overflow(page: Page, troubles: list[str]) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > innerWidth")


def _thrown(page: Page, troubles: list[str]) -> bool:
    page.wait_for_timeout(200)
    return any("Cannot read properties" in trouble for trouble in troubles)


def _blocked(page: Page, troubles: list[str]) -> bool:
    took = "() => { const t = performance.now(); document.getElementById('filter-toggle').click();"
    return page.evaluate(f"{took} return performance.now() - t; }}") >= 400


def _pale(page: Page, troubles: list[str]) -> bool:
    return page.evaluate("getComputedStyle(document.querySelector('.lead')).color") == "rgb(182, 188, 198)"


def _unmarked(page: Page, troubles: list[str]) -> bool:
    page.keyboard.press("Tab")
    return page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "none"


def _restless(page: Page, troubles: list[str]) -> bool:
    first = page.locator("#content").inner_text()
    page.wait_for_timeout(100)
    return page.locator("#content").inner_text().split()[-1] != first.split()[-1]


def _pretends(page: Page, troubles: list[str]) -> bool:
    return page.get_by_role("status").inner_text() == "All clear" and any("500" in trouble for trouble in troubles)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "width", "shows"),
    [
        ("phone-overflow", 390, _overflow),
        ("console-error", 1280, _thrown),
        ("low-contrast", 1280, _pale),
        ("focus-invisible", 1280, _unmarked),
        ("cls", 1280, lambda page, _: page.evaluate(_SHIFT) > 0.25),
        ("late-hero", 1280, lambda page, _: page.evaluate(_HERO.replace("WAIT", "3600")) > 3400),
        ("slow-interaction", 1280, _blocked),
        ("long-task", 1280, lambda page, _: page.evaluate(_LONG) > 600),
        ("never-settles", 1280, _restless),
        ("api-fails-behind-pretty-page", 1280, _pretends),
    ],
)
def test_a_fault_of_the_page_shows_in_a_browser(
    chromium: Browser, name: str, width: int, shows: Callable[[Page, list[str]], bool]
) -> None:
    with _served(name) as base, _dashboard(chromium, base, width) as (page, troubles):
        assert shows(page, troubles)


@pytest.mark.real
def test_a_fault_of_the_phone_spares_the_desktop(chromium: Browser) -> None:
    with _served("phone-overflow") as base, _dashboard(chromium, base) as (page, troubles):
        assert not _overflow(page, troubles)


@pytest.mark.real
def test_the_command_refuses_what_it_does_not_know() -> None:
    command = [sys.executable, "-m", "tests.staging_site", "--fault", "redirect-lop"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "did you mean 'redirect-loop'" in ended.stderr
    listed = subprocess.run([*command[:3], "--list-faults"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert len(listed.stdout.splitlines()) == len(FAULTS) + 1
