"""Answers of services and of the release address, each with the outcome it must end in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from evidence_store.model import Outcome, Release, SubjectDecision
from tasks.probes.models import ServiceProbe
from tests.tasks.judged_runs import BASE, STARTED, Case, Run, only_subject, plan_of

URL = f"{BASE}/services/billing/health"
JSON = (("Content-Type", "application/json"),)
TEXT = (("Content-Type", "text/plain"),)
WELL = b'{"status": "ok", "ready": true, "version": 3, "parts": [{"name/of": "db"}]}'
PASS, FAIL, ERROR, NOT_RUN = Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.NOT_RUN


def health(
    body: bytes = WELL,
    status: int | None = 200,
    headers: tuple[tuple[str, str], ...] = JSON,
    expect: Mapping[str, Any] | None = None,
    problem: str | None = None,
    stored: bytes | None = None,
    probes: int = 1,
) -> SubjectDecision:
    """What the billing service ended in; `stored` replaces the body after its digest was taken."""
    run = Run()
    artifact = run.file("data/probes/billing.body", body) if body else None
    if stored is not None:
        run.files["data/probes/billing.body"] = stored
    probe = ServiceProbe(
        subject="service:billing",
        gathered_at=STARTED,
        problem=problem,
        method="GET",
        url=URL,
        status=status,
        headers=headers,
        body=artifact,
        seconds=0.012,
    )
    run.add(*[probe] * probes)
    plan = plan_of(
        {"health": {}},
        services=[{"name": "billing", "url": "/services/billing/health", "expect": expect or {"/status": "ok"}}],
    )
    return only_subject("health", run, plan, "service:billing")


def expecting(**expect: Any) -> Callable[[], SubjectDecision]:
    return partial(health, expect={f"/{pointer}": value for pointer, value in expect.items()})


def release(profile: str = "nightly", **seen: Any) -> SubjectDecision:
    """What the release ended in. An unknown one is declared in the plan as well."""
    return only_subject("release", Run(), plan_of({"release": {}}), "release", profile, Release(**seen))


FULL = "4f2c9e1b7a6d5c4e3f2a1b0c9d8e7f6a5b4c3d2e"
HEALTH_CASES = [
    Case("well", PASS, "answered 200 with the expected JSON in 12 ms", health),
    Case("a json suffix", PASS, "200", partial(health, headers=(("content-type", "application/problem+json"),))),
    Case("true is true", PASS, "200", expecting(ready=True)),
    Case("a number", PASS, "200", expecting(version=3)),
    Case("a step into a list", PASS, "200", partial(health, expect={"/parts/0/name~1of": "db"})),
    Case(
        "degraded with 200", FAIL, "/status is 'degraded' in place of 'ok'", partial(health, b'{"status":"degraded"}')
    ),
    Case("one value of two", FAIL, "/version is 3 in place of 4", expecting(status="ok", version=4)),
    Case(
        "1 is not true", FAIL, "/ready is 1 in place of True", partial(health, b'{"ready":1}', expect={"/ready": True})
    ),
    Case("true is not 1", FAIL, "/version is True", partial(health, b'{"version":true}', expect={"/version": 1})),
    Case("a text is no number", FAIL, "/version is '3'", partial(health, b'{"version":"3"}', expect={"/version": 3})),
    Case("the value is not there", FAIL, "/absent is nothing", expecting(absent="ok")),
    Case("beyond the list", FAIL, "/parts/7 is nothing", partial(health, expect={"/parts/7": "db"})),
    Case("null is not ok", FAIL, "/status is None", partial(health, b'{"status":null}')),
    Case("a list in place of an object", FAIL, "/status is nothing", partial(health, b"[]")),
    Case(
        "redirect to a login page",
        FAIL,
        "answered 302, a redirect to /login",
        partial(health, b"", 302, (("Location", "/login"),)),
    ),
    Case(
        "a line of text", PASS, "the expected text in 12 ms", partial(health, b"OK\n", headers=TEXT, expect={"": "OK"})
    ),
    Case(
        "another text",
        FAIL,
        "says 'NOT OK' in place of 'OK'",
        partial(health, b"NOT OK", headers=TEXT, expect={"": "OK"}),
    ),
    Case("no text", FAIL, "says '' in place of 'OK'", partial(health, b"", headers=TEXT, expect={"": "OK"})),
    Case("text in place of JSON", FAIL, "answered 'text/plain' in place of JSON", partial(health, headers=TEXT)),
    Case(
        "HTML in place of text",
        FAIL,
        "answered 'text/html' in place of JSON",
        partial(health, b"OK", headers=(("Content-Type", "text/html"),), expect={"": "OK"}),
    ),
    Case("redirect to nowhere", FAIL, "a redirect to nowhere", partial(health, b"", 307, ())),
    Case("503 with the right body", FAIL, "answered 503 in place of 200", partial(health, status=503)),
    Case("204", FAIL, "answered 204 in place of 200", partial(health, b"", 204)),
    Case("no status", FAIL, "answered None in place of 200", partial(health, status=None)),
    Case(
        "a single-page application",
        FAIL,
        "answered 'text/html'",
        partial(health, headers=(("Content-Type", "text/html"),)),
    ),
    Case("no content type", FAIL, "answered 'no content type' in place of JSON", partial(health, headers=())),
    Case("HTML that says it is JSON", FAIL, "HTML in place of JSON", partial(health, b" <!doctype html><title>ok")),
    Case("an empty body", FAIL, "not JSON", partial(health, b"")),
    Case("half a body", FAIL, "not JSON", partial(health, WELL[:-3])),
    Case("not UTF-8", FAIL, "not JSON", partial(health, b'{"status": "\xff\xfe"}')),
    Case("nested without end", FAIL, "not JSON", partial(health, b"[" * 100_000)),
    Case("nobody answered", ERROR, "connection refused", partial(health, problem="connection refused")),
    Case("an altered body", ERROR, "does not hash to what was recorded", partial(health, stored=WELL + b" ")),
    Case("answered twice", ERROR, "2 passes were reported", partial(health, probes=2)),
    Case("never asked", NOT_RUN, "never looked at", partial(health, probes=0)),
]
RELEASE_CASES = [
    Case(
        "served throughout",
        PASS,
        "served 4f2c9e1 before and after",
        partial(release, before="4f2c9e1", after="4f2c9e1"),
    ),
    Case(
        "as asked for, abbreviated",
        PASS,
        "as asked for (4f2c9e1)",
        partial(release, requested="4f2c9e1", before=FULL, after=FULL),
    ),
    Case(
        "changed during the run", ERROR, "changed during the run", partial(release, before="4f2c9e1", after="5a0b1c2")
    ),
    Case(
        "another than asked for",
        ERROR,
        "staging serves release 4f2c9e1, but 5a0b1c2 was asked for",
        partial(release, requested="5a0b1c2", before="4f2c9e1", after="4f2c9e1"),
    ),
    Case(
        "could not be read",
        ERROR,
        "could not be read: answered 500",
        partial(release, before="4f2c9e1", after="4f2c9e1", problem="answered 500"),
    ),
    Case("not read after the run", ERROR, "not read before and after", partial(release, before="4f2c9e1")),
    Case("not read before the run", ERROR, "not read before and after", partial(release, after="4f2c9e1")),
    Case("not read at all", ERROR, "not read before and after", release),
    Case(
        "declared unknowable, at night",
        FAIL,
        "cannot name its release: a static site",
        partial(release, unknown_reason="a static site"),
        warns=True,
    ),
    Case(
        "declared unknowable, before a launch",
        NOT_RUN,
        "cannot name its release",
        partial(release, "prelaunch", unknown_reason="a static site"),
    ),
    Case(
        "declared unknowable, and one asked for",
        ERROR,
        "was asked for, but this target cannot name its release",
        partial(release, unknown_reason="a static site", requested="4f2c9e1"),
        warns=True,
    ),
]
CASES: dict[str, list[Case]] = {"health": HEALTH_CASES, "release": RELEASE_CASES}
