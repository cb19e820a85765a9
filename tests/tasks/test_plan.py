"""The plan: every mistake is refused before anything is contacted, in words that name the place and the way out."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from flows.run_settings import ready_plan
from tasks.plan import (
    MAX_PLAN_BYTES,
    Plan,
    PlanError,
    load_plan,
    missing_environment,
    parse_plan,
    parse_stored_plan,
    resolve_environment,
)
from tasks.registry import expected_subjects
from tasks.waivers import read_waivers

REPOSITORY = Path(__file__).resolve().parents[2]
TARGETS = sorted((REPOSITORY / "deployments" / "targets").glob("*.toml"))

GOOD: dict[str, Any] = {
    "schema": 1,
    "target": {
        "name": "demo",
        "base_url": "https://staging.example.org",
        "allowed_hosts": ["staging.example.org", "ci.example.org"],
        "release": {"url": "/version.json", "pointer": "/commit"},
    },
    "identities": {
        "viewer": {"login": {"url": "/api/login", "json": {"email": "v@example.org", "password": "env:DEMO_PASSWORD"}}}
    },
    "viewports": {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844, "touch": True}},
    "pages": [
        {
            "name": "dashboard",
            "path": "/en/dashboard",
            "identity": "viewer",
            "viewports": ["phone"],
            "must_show": ["Impact this quarter"],
            "interactions": [{"click": "#filter"}],
        },
        {"name": "sign-in", "path": "/en/", "must_show": ["Sign in"]},
    ],
    "services": [{"name": "billing", "url": "/health", "expect": {"/status": "ok", "/ready": True, "/version": 3}}],
    "checks": {
        "release": {},
        "health": {},
        "page-health": {},
        "visual": {"tolerated_pixels": 3},
        "axe": {"gate": ["critical"], "severity": "warning"},
        "journeys": {"suites": ["suites/e2e"], "required": ["approvals.approve"], "deadline_seconds": 120},
        "unit-coverage": {"reports": [{"service": "web", "url": "https://ci.example.org/web.json"}]},
        "vitals": {"runs": 3, "budgets": {"lcp_ms": 2500}},
    },
    "profiles": {"nightly": {"checks": ["axe", "visual"]}, "prelaunch": {"required_checks": "all"}},
}
Path_ = tuple[Any, ...]


def changed(*changes: tuple[Path_, Any]) -> dict[str, Any]:
    """The good plan with values in these places; `...` takes a place away."""
    content = deepcopy(GOOD)
    for (*steps, last), value in changes:
        place: Any = content
        for step in steps:
            place = place[step]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return content


def toml(*changes: tuple[Path_, Any]) -> str:
    return tomli_w.dumps(changed(*changes))


def refused(text: str) -> str:
    with pytest.raises(PlanError) as caught:
        parse_plan(text, "demo.toml")
    assert str(caught.value).startswith("demo.toml cannot be run:\n  - ")
    return str(caught.value)


def good() -> Plan:
    return parse_plan(toml(), "demo.toml")


NAN = float("nan")
PAGE, SERVICE, TARGET, RELEASE = ("pages", 0), ("services", 0), ("target",), ("target", "release")
REPORT = ("checks", "unit-coverage", "reports", 0)
BAD: list[tuple[str, tuple[Path_, Any], str]] = [
    # Unknown keys, with the nearest known one.
    ("a key of the plan", (("pagse",), []), "unknown key 'pagse'; did you mean 'pages'?"),
    ("a key of the target", ((*TARGET, "base_ulr"), "x"), "target: unknown key 'base_ulr'; did you mean 'base_url'?"),
    ("a key of a page", ((*PAGE, "must_shwo"), ["x"]), "pages.0: unknown key 'must_shwo'; did you mean 'must_show'?"),
    ("a key of a viewport", (("viewports", "phone", "widht"), 1), "unknown key 'widht'; did you mean 'width'?"),
    ("a key of a login", (("identities", "viewer", "login", "jsno"), {}), "unknown key 'jsno'; did you mean 'json'?"),
    (
        "a key of an interaction",
        ((*PAGE, "interactions"), [{"klick": "#a"}]),
        "unknown key 'klick'; did you mean 'click'?",
    ),
    ("a key of a service", ((*SERVICE, "expects"), {}), "services.0: unknown key 'expects'; did you mean 'expect'?"),
    ("a key of the release", ((*RELEASE, "pionter"), "/a"), "unknown key 'pionter'; did you mean 'pointer'?"),
    ("a key of a profile", (("profiles", "nightly", "chekcs"), "all"), "unknown key 'chekcs'; did you mean 'checks'?"),
    ("a key of a check", (("checks", "axe", "gates"), []), "axe.unknown key 'gates'; did you mean 'gate'?"),
    ("a key within a check", (("checks", "vitals", "budgets", "lcp"), 1), "unknown key 'lcp'; did you mean 'lcp_ms'?"),
    ("a key of a report", ((*REPORT, "ulr"), "/a"), "unknown key 'ulr'; did you mean 'url'?"),
    ("a key like no other", (("zzz",), 1), "unknown key 'zzz'; known: "),
    ("a check", (("checks", "visaul"), {}), "unknown check 'visaul'; did you mean 'visual'?"),
    ("a check like no other", (("checks", "zzz"), {}), "unknown check 'zzz'; known: axe, "),
    # Nothing to look at.
    ("no pages", (("pages",), ...), "pages: Field required"),
    ("zero pages", (("pages",), []), "pages: Tuple should have at least 1 item"),
    ("zero viewports", (("viewports",), {}), "viewports: Dictionary should have at least 1 item"),
    ("zero checks", (("checks",), {}), "checks: Dictionary should have at least 1 item"),
    ("zero hosts", ((*TARGET, "allowed_hosts"), []), "allowed_hosts: Tuple should have at least 1 item"),
    ("zero expectations of a service", ((*SERVICE, "expect"), {}), "expect: Dictionary should have at least 1 item"),
    ("zero suites", (("checks", "journeys", "suites"), []), "journeys.suites: Tuple should have at least 1 item"),
    (
        "zero required journeys",
        (("checks", "journeys", "required"), []),
        "journeys.required: Tuple should have at least",
    ),
    ("zero reports", (("checks", "unit-coverage", "reports"), []), "unit-coverage.reports: Tuple should have at least"),
    ("a blank text to show", ((*PAGE, "must_show"), ["Impact", " \t"]), "must_show holds a blank text"),
    ("an empty text to show", ((*PAGE, "must_show"), [""]), "must_show holds a blank text"),
    ("a text to show that nobody sees", ((*PAGE, "must_show"), ["\u00ad \u200b"]), "must_show holds a blank text"),
    ("an empty path", ((*PAGE, "path"), ""), "path: String should have at least 1 character"),
    # Names.
    ("two pages of one name", ((*PAGE, "name"), "sign-in"), "two pages are named 'sign-in'"),
    ("two services of one name", (("services",), [GOOD["services"][0]] * 2), "two services are named 'billing'"),
    (
        "two reports for one service",
        (("checks", "unit-coverage", "reports"), [{"service": "web", "url": "/a"}] * 2),
        "more than one report for service web",
    ),
    (
        "an unknown identity",
        ((*PAGE, "identity"), "viewr"),
        "page 'dashboard' is visited as 'viewr'; did you mean 'viewer'?",
    ),
    (
        "an unknown viewport",
        ((*PAGE, "viewports"), ["fone"]),
        "page 'dashboard' names viewport 'fone'; did you mean 'phone'?",
    ),
    (
        "an unknown check of a profile",
        (("profiles", "nightly", "checks"), ["visaul"]),
        "profile 'nightly' names check 'visaul'; did you mean 'visual'?",
    ),
    (
        "a check of a profile without a table",
        (("profiles", "nightly", "checks"), ["e2e-coverage"]),
        "names check 'e2e-coverage'; did you mean 'unit-coverage'?",
    ),
    *(
        (f"a page named {name!r}", ((*PAGE, "name"), name), "pages.0.name: String should match pattern")
        for name in ("../x", "a/b", "a b", "", "-a", "A", "a@phone", "a\n", "a\x00", "ä", "a" * 65)
    ),
    ("a target named as a path", ((*TARGET, "name"), "../../etc"), "target.name: String should match pattern"),
    ("a project named as a path", (("project",), "a/b"), "project: String should match pattern"),
    ("a service named as a path", ((*SERVICE, "name"), ".."), "services.0.name: String should match pattern"),
    (
        "a viewport named as a path",
        (("viewports", "../x"), {"width": 300, "height": 300}),
        "String should match pattern",
    ),
    (
        "an identity named as a path",
        (("identities", "a/b"), GOOD["identities"]["viewer"]),
        "String should match pattern",
    ),
    ("a profile named as a path", (("profiles", "a/b"), {}), "String should match pattern"),
    # URLs and hosts.
    ("a base URL of a file", ((*TARGET, "base_url"), "file:///etc"), "base_url must look like https://"),
    ("a base URL of a script", ((*TARGET, "base_url"), "javascript:alert(1)"), "base_url must look like"),
    ("a base URL without a scheme", ((*TARGET, "base_url"), "staging.example.org"), "base_url must look like"),
    ("a base URL without a host", ((*TARGET, "base_url"), "https:///x"), "base_url must look like"),
    (
        "a base URL with credentials",
        ((*TARGET, "base_url"), "https://a:b@staging.example.org"),
        "must not carry credentials",
    ),
    ("a base URL that is none", ((*TARGET, "base_url"), "https://[::1"), "target.base_url: Invalid IPv6 URL"),
    (
        "another base host",
        ((*TARGET, "base_url"), "https://example.com"),
        "target.base_url: host 'example.com' is not in allowed_hosts (staging.example.org, ci.example.org)",
    ),
    ("a page elsewhere", ((*PAGE, "path"), "https://example.com/a"), "page 'dashboard': host 'example.com' is not in"),
    ("a page elsewhere without a scheme", ((*PAGE, "path"), "//example.com/a"), "page 'dashboard': host 'example.com'"),
    (
        "a page of a like name",
        ((*PAGE, "path"), "https://staging.example.org.evil.test/"),
        "host 'staging.example.org.evil.test'",
    ),
    ("a page under the host", ((*PAGE, "path"), "https://a.staging.example.org/"), "host 'a.staging.example.org'"),
    ("a page behind a user name", ((*PAGE, "path"), "https://staging.example.org@example.com/"), "host 'example.com'"),
    ("a script as a page", ((*PAGE, "path"), "javascript:alert(1)"), "'javascript:alert(1)' is not an http(s) URL"),
    (
        "a file as a page",
        ((*PAGE, "path"), "file:///etc/passwd"),
        "page 'dashboard': 'file:///etc/passwd' is not an http(s)",
    ),
    ("data as a page", ((*PAGE, "path"), "data:text/html,x"), "is not an http(s) URL"),
    (
        "a service elsewhere",
        ((*SERVICE, "url"), "http://169.254.169.254/"),
        "service 'billing': host '169.254.169.254'",
    ),
    ("a release elsewhere", ((*RELEASE, "url"), "https://example.com/v"), "target.release.url: host 'example.com'"),
    (
        "a login elsewhere",
        (("identities", "viewer", "login", "url"), "https://example.com/"),
        "identity 'viewer': host 'example.com'",
    ),
    (
        "a report elsewhere",
        ((*REPORT, "url"), "https://example.com/"),
        "checks.unit-coverage, report of 'web': host 'example.com'",
    ),
    ("a report from a file", ((*REPORT, "url"), "file:///a"), "report of 'web': 'file:///a' is not an http(s) URL"),
    (
        "metadata elsewhere",
        ((*REPORT, "metadata_url"), "https://example.com/"),
        "metadata of 'web': host 'example.com'",
    ),
    # The release.
    ("no release", ((*TARGET, "release"), ...), "target.release: Field required"),
    ("a release without a way", ((*TARGET, "release"), {}), "release: give `url` and one of `pointer`"),
    ("a release with a URL only", ((*RELEASE, "pointer"), ...), "release: give `url` and one of `pointer`"),
    ("a release with a pointer only", ((*RELEASE, "url"), ...), "release: give `url` and one of `pointer`"),
    ("a release in two ways", ((*RELEASE, "pattern"), "(.*)"), "release: give `url` and one of `pointer`"),
    (
        "a release known and unknown",
        ((*RELEASE, "unknown"), "a static site"),
        "release: give either `unknown`, or `url`",
    ),
    ("unknown without a reason", ((*TARGET, "release"), {"unknown": "because"}), "release.unknown must say why"),
    ("unknown for a blank reason", ((*TARGET, "release"), {"unknown": " " * 20}), "release.unknown must say why"),
    ("a bad pointer", ((*RELEASE, "pointer"), "commit"), "release.pointer is a JSON pointer such as '/commit'"),
    (
        "a bad expression",
        ((*TARGET, "release"), {"url": "/v", "pattern": "commit: (["}),
        "release.pattern is not a regular expression",
    ),
    (
        "an expression without a group",
        ((*TARGET, "release"), {"url": "/v", "pattern": "[0-9a-f]+"}),
        "release.pattern needs a group",
    ),
    (
        "a bad pointer of a service",
        ((*SERVICE, "expect"), {"status": "ok"}),
        "'status' is not a JSON pointer such as '/status'",
    ),
    (
        "a service that is to say nothing",
        ((*SERVICE, "expect"), {"": ""}),
        "name the text it must say",
    ),
    # Numbers and types.
    ("another schema", (("schema",), 2), "schema: Input should be 1"),
    ("no schema", (("schema",), ...), "schema: Field required"),
    (
        "a tiny viewport",
        (("viewports", "phone", "width"), 199),
        "viewports.phone.width: Input should be greater than or equal to 200",
    ),
    ("a viewport of no size", (("viewports", "phone", "scale"), NAN), "viewports.phone.scale"),
    ("a budget that is no number", (("checks", "vitals", "budgets"), {"lcp_ms": NAN}), "vitals.budgets.lcp_ms"),
    (
        "a budget without end",
        (("checks", "vitals", "budgets"), {"inp_ms": float("inf")}),
        "vitals.budgets.inp_ms: Input should be a finite number",
    ),
    ("a score that is no number", (("checks", "vitals", "budgets"), {"cls": NAN}), "vitals.budgets.cls"),
    (
        "a budget below zero",
        (("checks", "vitals", "budgets"), {"lcp_ms": -1}),
        "vitals.budgets.lcp_ms: Input should be greater than 0",
    ),
    ("a share that is no number", (("checks", "unit-coverage", "lines_percent"), NAN), "unit-coverage.lines_percent"),
    (
        "a share of zero",
        (("checks", "unit-coverage", "lines_percent"), 0),
        "lines_percent: Input should be greater than 0",
    ),
    ("a service's share that is no number", ((*REPORT, "lines_percent"), NAN), "reports.0.lines_percent"),
    ("an age that is no number", (("checks", "unit-coverage", "max_age_hours"), NAN), "unit-coverage.max_age_hours"),
    ("an age without end", (("checks", "unit-coverage", "max_age_hours"), float("inf")), "unit-coverage.max_age_hours"),
    ("a deadline that is no number", (("checks", "journeys", "deadline_seconds"), NAN), "journeys.deadline_seconds"),
    (
        "fewer than no pixels",
        (("checks", "visual", "tolerated_pixels"), -1),
        "visual.tolerated_pixels: Input should be greater",
    ),
    ("pixels that are no number", (("checks", "visual", "tolerated_pixels"), NAN), "visual.tolerated_pixels"),
    ("an unknown impact", (("checks", "axe", "gate"), ["severe"]), "axe.gate.0: Input should be 'critical', 'serious'"),
    (
        "an unknown severity",
        (("checks", "axe", "severity"), "none"),
        "axe.severity: Input should be 'blocker' or 'warning'",
    ),
    ("a check that is a number", (("checks", "axe"), 3), "checks: axe."),
    ("checks that are a list", (("checks",), ["axe"]), "checks: "),
    (
        "an interaction of two kinds",
        ((*PAGE, "interactions"), [{"click": "#a", "key": "Enter"}]),
        "an interaction is exactly one of click, key or type",
    ),
    ("an interaction of no kind", ((*PAGE, "interactions"), [{}]), "an interaction is exactly one of"),
    # The environment.
    (
        "a variable in small letters",
        (("identities", "viewer", "login", "json"), {"p": "env:demo_password"}),
        "'env:demo_password' does not name an environment variable",
    ),
    (
        "a variable without a name",
        (("identities", "viewer", "login", "json"), {"p": "env:"}),
        "'env:' does not name an environment variable",
    ),
    ("a variable with a blank", (("identities", "viewer", "login", "json"), {"p": "env: A"}), "'env: A' does not name"),
]


def test_the_good_plan_is_good() -> None:
    plan = good()
    assert plan.page_subjects() == ("dashboard@phone", "sign-in@desktop", "sign-in@phone")
    assert plan.environment_names() == ["DEMO_PASSWORD"]
    assert plan.url("/en/dashboard") == "https://staging.example.org/en/dashboard"


@pytest.mark.parametrize(("change", "says"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_plan_is_refused_in_words_that_help(change: tuple[Path_, Any], says: str) -> None:
    assert says in refused(toml(change))


def test_every_problem_is_told_at_once() -> None:
    message = refused(
        toml(
            ((*PAGE, "identity"), "viewr"),
            (("pages", 1, "path"), "https://example.com/"),
            ((*PAGE, "viewports"), ["fone"]),
        )
    )
    assert all(words in message for words in ("visited as 'viewr'", "host 'example.com'", "names viewport 'fone'"))


def test_problems_in_several_tables_are_a_line_each() -> None:
    assert refused(toml(((*TARGET, "name"), "A"), ((*PAGE, "path"), ""))).count("\n  - ") == 2


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (((*PAGE, "path"), "https://CI.example.org/a"), "ci.example.org"),
        (((*PAGE, "path"), "/en/../x?y=//example.com"), "staging.example.org"),
        (((*REPORT, "url"), "/artifacts/web.json"), "staging.example.org"),
        (((*TARGET, "release"), {"unknown": "a static site"}), "staging.example.org"),
        (((*RELEASE, "pointer"), ""), "staging.example.org"),
        (((*TARGET, "release"), {"url": "/", "pattern": "v([0-9]+)"}), "staging.example.org"),
    ],
    ids=["capitals-of-a-host", "a-host-in-a-query", "a-path-as-a-report", "unknown", "the-whole-document", "pattern"],
)
def test_what_is_allowed(change: tuple[Path_, Any], place: str) -> None:
    assert place in parse_plan(toml(change), "demo.toml").target.allowed_hosts


# --- Files ------------------------------------------------------------------------------------------------------------


def write(folder: Path, content: bytes) -> Path:
    path = folder / "demo.toml"
    path.write_bytes(content)
    return path


def padded(size: int) -> bytes:
    text = toml().encode()
    return text + b"#" * (size - len(text))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (padded(MAX_PLAN_BYTES + 1), "1,000,001 bytes; a plan has at most 1,000,000"),
        (toml().encode() + b"# \xff", "not UTF-8 text"),
        (toml().encode("utf-16"), "not UTF-8 text"),
        (b"[target\nname = 1", "not valid TOML"),
        (b"schema = 1\nschema = 1", "not valid TOML"),
        (b"<!doctype html>", "not valid TOML"),
        (b"", "target: Field required"),
    ],
    ids=["too-large", "not-utf-8", "utf-16", "not-toml", "a-key-twice", "html", "empty"],
)
def test_a_file_that_is_no_plan(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(write(tmp_path, content))
    assert says in str(caught.value)
    assert str(tmp_path / "demo.toml") in str(caught.value)


def test_a_plan_of_the_largest_size_is_read(tmp_path: Path) -> None:
    assert load_plan(write(tmp_path, padded(MAX_PLAN_BYTES))) == good()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot be read: No such file"):
        load_plan(tmp_path / "absent.toml")
    with pytest.raises(PlanError, match="cannot be read: Is a directory"):
        load_plan(tmp_path)


@pytest.mark.parametrize("path", TARGETS, ids=lambda path: path.stem)
def test_every_target_of_the_repository_is_a_plan(path: Path) -> None:
    plan = load_plan(path)
    assert plan.target.name == path.stem
    for profile in {*plan.profiles, "nightly", "prelaunch"}:
        assert all(expected_subjects(plan, plan.profile(profile)).values())


def test_there_are_targets() -> None:
    assert "demo" in {path.stem for path in TARGETS}


# --- The canonical form -----------------------------------------------------------------------------------------------

VARIANTS: dict[str, tuple[tuple[Path_, Any], ...]] = {
    "as it is": (),
    "unknown release": (((*TARGET, "release"), {"unknown": "a static site – for ever"}),),
    "pattern": (((*TARGET, "release"), {"url": "/", "pattern": 'v"([0-9]+)\\.'}),),
    "no profiles": ((("profiles",), ...),),
    "letters of other languages": (((*PAGE, "must_show"), ["Übersicht", "概要", '"</script>']),),
    "interactions": (((*PAGE, "interactions"), [{"type": "Ω"}, {"key": "Enter"}]),),
    "budgets": ((("checks", "vitals", "budgets"), {"inp_ms": 150.5, "cls": 0}),),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_canonical_form_is_the_same_plan(name: str) -> None:
    plan = parse_plan(toml(*VARIANTS[name]), "demo.toml")
    again = parse_stored_plan(plan.canonical_json(), "plan.json")
    assert again == plan
    assert again.canonical_json() == plan.canonical_json()
    assert again.digest() == plan.digest()
    assert again.checks["axe"] == plan.checks["axe"]


def test_every_target_survives_its_canonical_form() -> None:
    for path in TARGETS:
        plan = load_plan(path)
        assert parse_stored_plan(plan.canonical_json(), "plan.json").digest() == plan.digest()


@given(st.permutations(sorted(GOOD)), st.permutations(sorted(GOOD["checks"])))
def test_the_digest_does_not_hang_on_the_order_of_tables(tables: list[str], checks: list[str]) -> None:
    content = {table: GOOD[table] for table in tables} | {"checks": {check: GOOD["checks"][check] for check in checks}}
    assert parse_plan(tomli_w.dumps(content), "demo.toml").digest() == good().digest()


@pytest.mark.parametrize(
    "change",
    [((*PAGE, "must_show"), ["Impact"]), (("checks", "visual", "tolerated_pixels"), 4), (("checks", "health"), ...)],
    ids=["a-text", "a-limit", "a-check"],
)
def test_the_digest_hangs_on_what_the_plan_says(change: tuple[Path_, Any]) -> None:
    assert parse_plan(toml(change), "demo.toml").digest() != good().digest()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"7", b"null"], ids=repr)
def test_a_stored_plan_that_is_none(content: bytes) -> None:
    with pytest.raises(PlanError, match=r"plan\.json cannot be run"):
        parse_stored_plan(content, "plan.json")


# --- Profiles ---------------------------------------------------------------------------------------------------------


def test_two_profiles_exist_without_being_written_down() -> None:
    plan = parse_plan(toml((("profiles",), ...)), "demo.toml")
    assert (plan.profile("nightly").checks, plan.profile("nightly").required_checks) == ("all", ())
    assert plan.profile("prelaunch").required_checks == "all"


def test_an_unknown_profile_is_refused_with_the_nearest() -> None:
    with pytest.raises(PlanError, match="no profile 'nigthly'; did you mean 'nightly'"):
        good().profile("nigthly")


def test_a_written_prelaunch_that_does_not_say_requires_all() -> None:
    plan = parse_plan(toml((("profiles", "prelaunch"), {"checks": ["axe"]})), "demo.toml")
    assert plan.profile("prelaunch").required_checks == "all"


# --- The environment --------------------------------------------------------------------------------------------------

SECRET = "correct-horse-battery"


def ready(folder: Path, environment: Mapping[str, str], *changes: tuple[Path_, Any]) -> Plan:
    return ready_plan(str(write(folder, toml(*changes).encode())), environment)


def test_a_plan_is_ready_when_every_value_is_there_and_holds_none(tmp_path: Path) -> None:
    plan = ready(tmp_path, {"DEMO_PASSWORD": SECRET})
    assert SECRET.encode() not in plan.canonical_json()
    assert b"env:DEMO_PASSWORD" in plan.canonical_json()


@pytest.mark.parametrize(
    "environment", [{}, {"DEMO_PASSWORD": ""}, {"DEMO_PASSWROD": SECRET}], ids=["none", "empty", "typo"]
)
def test_a_value_that_is_not_there_is_named(tmp_path: Path, environment: dict[str, str]) -> None:
    with pytest.raises(PlanError, match="the environment variable DEMO_PASSWORD has no value"):
        ready(tmp_path, environment)
    assert missing_environment(good(), environment) == ["DEMO_PASSWORD"]


@pytest.mark.parametrize(
    "change",
    [
        ((*PAGE, "must_show"), [f"a {SECRET}"]),
        ((*PAGE, "path"), f"/en/{SECRET}"),
        (("identities", "viewer", "login", "json", "email"), SECRET),
    ],
    ids=["in-a-text", "in-a-path", "beside-itself"],
)
def test_a_value_that_stands_in_the_plan_is_refused_and_not_shown(tmp_path: Path, change: tuple[Path_, Any]) -> None:
    with pytest.raises(PlanError, match="the value of DEMO_PASSWORD stands in the plan itself") as caught:
        ready(tmp_path, {"DEMO_PASSWORD": SECRET}, change)
    assert SECRET not in str(caught.value)


def test_a_value_too_short_to_be_kept_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="the value of DEMO_PASSWORD is shorter than 4 characters"):
        ready(tmp_path, {"DEMO_PASSWORD": "~~~"})


@pytest.mark.parametrize(
    ("value", "resolved"),
    [("env:A", "1"), ("plain", "plain"), (" env:A", " env:A"), ("xenv:A", "xenv:A")],
    ids=["reference", "text", "blank-before", "within"],
)
def test_only_a_whole_reference_is_resolved(value: str, resolved: str) -> None:
    assert resolve_environment(value, {"A": "1"}) == resolved


def test_a_reference_without_a_value_is_no_empty_text() -> None:
    with pytest.raises(KeyError):
        resolve_environment("env:B", {"A": "1"})


# --- Waivers of a target ----------------------------------------------------------------------------------------------

WAIVER = """
[[waiver]]
check = "axe"
subject = "dashboard@phone"
owner = "Ada"
reason = "contrast of the old logo"
expires = 2026-12-24T00:00:00Z
"""


def waivers_of(folder: Path, text: str) -> Callable[[], Any]:
    (folder / "waivers.toml").write_text(text, encoding="utf-8")
    return lambda: read_waivers(folder)


def test_waivers_are_read(tmp_path: Path) -> None:
    assert read_waivers(tmp_path) == ()
    (one,) = waivers_of(tmp_path, WAIVER)()
    assert (one.check, one.subject, one.owner, one.expires.isoformat()) == (
        "axe",
        "dashboard@phone",
        "Ada",
        "2026-12-24T00:00:00+00:00",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (WAIVER.replace("00:00:00Z", "00:00:00"), "expires: Input should have timezone info"),
        (WAIVER.replace("T00:00:00Z", ""), "expires"),
        (WAIVER.replace("expires", "# expires"), "expires: Field required"),
        (WAIVER.replace('"dashboard@phone"', '"*"'), "must name a subject"),
        (WAIVER.replace('owner = "Ada"', 'owner = ""'), "owner: String should have at least 1 character"),
        (WAIVER.replace("contrast of the old logo", "later"), "reason: String should have at least 8 characters"),
        (WAIVER.replace("subject", "subjekt"), "subjekt: Extra inputs are not permitted"),
        (WAIVER.replace("[[waiver]]", "[[waivers]]"), "unknown key 'waivers'; known: waiver"),
        (WAIVER.replace("[[waiver]]", "[waiver]"), "cannot be run"),
        ("[[waiver", "cannot be read"),
    ],
    ids=[
        "no-zone",
        "a-day",
        "no-end",
        "everything",
        "nobody",
        "no-reason",
        "typo",
        "typo-of-the-table",
        "no-list",
        "not-toml",
    ],
)
def test_waivers_that_are_not_as_they_must_be(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(PlanError) as caught:
        waivers_of(tmp_path, text)()
    assert says in str(caught.value)


# --- What is not yet so -----------------------------------------------------------------------------------------------


def test_a_stored_plan_has_the_same_prelaunch_profile() -> None:
    plan = parse_plan(toml((("profiles", "prelaunch"), {})), "demo.toml")
    again = parse_stored_plan(plan.canonical_json(), "plan.json")
    assert again.profile("prelaunch") == plan.profile("prelaunch")


def test_an_unknown_required_check_of_a_profile_is_refused() -> None:
    refused(toml((("profiles", "nightly", "required_checks"), ["visaul"])))


def test_a_plan_nested_without_end_is_refused() -> None:
    refused("x = " + "[" * 100_000)


def test_a_stored_plan_nested_without_end_is_refused() -> None:
    with pytest.raises(PlanError):
        parse_stored_plan(b"[" * 100_000, "plan.json")


@pytest.mark.parametrize(
    "value", ['correct"horse', "correct\\horse", "correct\thorse"], ids=["quote", "backslash", "tab"]
)
def test_a_value_with_a_quote_that_stands_in_the_plan_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(PlanError, match="stands in the plan itself"):
        ready(tmp_path, {"DEMO_PASSWORD": value}, ((*PAGE, "must_show"), [f"a {value}"]))


def test_the_good_plan_is_what_a_person_would_write() -> None:
    assert tomllib.loads(toml()) == GOOD
    assert json.loads(good().canonical_json())["target"]["name"] == "demo"
