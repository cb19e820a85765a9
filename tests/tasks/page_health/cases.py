"""Visits of pages, whole, broken and unfinished, each with the outcome it must end in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from evidence_store.model import CheckResult, Outcome, SubjectDecision
from tasks.plan import Plan
from tasks.sweep.models import PageVisit, SeenMessage, SeenRequest
from tests.tasks.judged_runs import BASE, STARTED, Case, Run, judged, only_subject, plan_of

URL = f"{BASE}/en/home"
PASS, FAIL, ERROR, NOT_RUN = Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.NOT_RUN


def request(url: str, status: int | None = 200, failure: str | None = None, kind: str = "fetch") -> SeenRequest:
    return SeenRequest(url=url, method="GET", type=kind, status=status, failure=failure)


def said(text: str, level: str = "error") -> SeenMessage:
    return SeenMessage(level=level, text=text)


DOCUMENT = request(URL, kind="document")
WHOLE = (DOCUMENT, request(f"{BASE}/app.js", kind="script"), request("data:image/png;base64,AA", kind="image"))


def evidence(
    text: bytes | None = b"Welcome  to\n the\tsite",
    page: Mapping[str, Any] | None = None,
    stored: bytes | None = None,
    visits: int = 1,
    **changes: Any,
) -> tuple[Run, Plan]:
    """A run with visits of `home`, whole but for these changes, and its plan."""
    run = Run()
    artifact = run.file("data/sweep/home@desktop/text.txt", text) if text is not None else None
    if stored is not None:
        run.files["data/sweep/home@desktop/text.txt"] = stored
    whole = {"final_url": URL, "status": 200, "requests": WHOLE, "messages": (said("hello", "log"),)}
    visit = PageVisit(
        subject="home@desktop",
        gathered_at=STARTED,
        page="home",
        viewport="desktop",
        url=URL,
        text=artifact,
        **(whole | changes),
    )
    run.add(*[visit] * visits)
    written = {"name": "home", "path": "/en/home", "must_show": ["Welcome"]} | dict(page or {})
    return run, plan_of({"page-health": {}}, pages=[written])


def health(**changes: Any) -> SubjectDecision:
    """What the page ended in."""
    run, plan = evidence(**changes)
    return only_subject("page-health", run, plan, "home@desktop")


def findings(**changes: Any) -> CheckResult:
    """Everything the judge said."""
    run, plan = evidence(**changes)
    return judged("page-health", run, plan)


def requests(*more: SeenRequest) -> Sequence[SeenRequest]:
    return (*WHOLE, *more)


API = f"{BASE}/api/kpi"
GOOD = [
    Case("whole", PASS, "answered 200 as itself, shows 1 of 1 texts", health),
    Case(
        "blanks between words do not count",
        PASS,
        "shows 1 of 1",
        partial(health, page={"must_show": ["Welcome to the"]}),
    ),
    Case("a trailing slash", PASS, "as itself", partial(health, final_url=f"{URL}/")),
    Case("a query was added", PASS, "as itself", partial(health, final_url=f"{URL}?tab=1#top")),
    Case(
        "a request the page took back",
        PASS,
        "200",
        partial(health, requests=requests(request(API, None, "net::ERR_ABORTED"))),
    ),
    Case("a redirected sub-request", PASS, "200", partial(health, requests=requests(request(API, 302)))),
    Case(
        "a known failing request",
        PASS,
        "200",
        partial(health, requests=requests(request(API, 500)), page={"ignore_requests": ["*/api/*"]}),
    ),
    Case(
        "a known console error",
        PASS,
        "200",
        partial(health, messages=(said("legacy widget 7"),), page={"ignore_console": ["legacy widget*"]}),
    ),
    Case("warnings on the console", PASS, "200", partial(health, messages=(said("old API", "warning"),))),
    Case("nothing to tell it by", PASS, "shows 0 of 0", partial(health, page={"must_show": []}), warns=True),
]
BAD = [
    Case("an error page with its own status", FAIL, "answered 503 in place of 200", partial(health, status=503)),
    Case("204", FAIL, "answered 204 in place of 200", partial(health, status=204)),
    Case(
        "an error page that answers 200",
        FAIL,
        "1 of 1 texts are not on the page: 'Welcome'",
        partial(health, text=b"Oops"),
    ),
    Case(
        "one text of two",
        FAIL,
        "1 of 2 texts are not on the page: 'Impact'",
        partial(health, page={"must_show": ["Welcome", "Impact"]}),
    ),
    Case("other capitals", FAIL, "'WELCOME'", partial(health, page={"must_show": ["WELCOME"]})),
    Case("a login page", FAIL, f"ended on {BASE}/login", partial(health, final_url=f"{BASE}/login?next=/en/home")),
    Case("another host", FAIL, "ended on", partial(health, final_url="http://127.0.0.2:8600/en/home")),
    Case("another port", FAIL, "ended on", partial(health, final_url="http://127.0.0.1:8601/en/home")),
    Case("another scheme", FAIL, "ended on", partial(health, final_url="https://127.0.0.1:8600/en/home")),
    Case("blank", FAIL, "no text at all", partial(health, text=b" \n\t", page={"must_show": []}), warns=True),
    Case("not one byte of text", FAIL, "no text at all", partial(health, text=b"", page={"must_show": []}), warns=True),
    Case(
        "a failing API behind a pretty page",
        FAIL,
        "GET http://127.0.0.1:8600/api/kpi answered 500",
        partial(health, requests=requests(request(API, 500))),
    ),
    Case("a missing picture", FAIL, "answered 404", partial(health, requests=requests(request(f"{BASE}/a.png", 404)))),
    Case(
        "a request that broke off",
        FAIL,
        "failed: net::ERR_CONNECTION_RESET",
        partial(health, requests=requests(request(API, None, "net::ERR_CONNECTION_RESET"))),
    ),
    Case(
        "a host nobody listed",
        FAIL,
        "goes to a host that allowed_hosts does not list",
        partial(health, requests=requests(request("https://tracker.example/t.js", None, "blocked"))),
    ),
    Case(
        "a host nobody listed that answered",
        FAIL,
        "allowed_hosts",
        partial(health, requests=requests(request("https://tracker.example/t.js"))),
    ),
    Case(
        "an inner document",
        FAIL,
        "answered 404",
        partial(health, requests=requests(request(f"{BASE}/frame", 404, kind="document"))),
    ),
    Case(
        "uncaught",
        FAIL,
        "uncaught error: x is undefined",
        partial(health, messages=(said("x is undefined", "uncaught"),)),
    ),
    Case("console.error", FAIL, "console error: no data", partial(health, messages=(said("no data"),))),
    Case("console.assert", FAIL, "console error: must hold", partial(health, messages=(said("must hold", "assert"),))),
    Case(
        "a redirect loop",
        FAIL,
        "too many redirects",
        partial(health, problem="too many redirects", problem_code="redirect-loop"),
    ),
]
BROKEN = [
    Case("timed out", ERROR, "30 s", partial(health, problem="no answer in 30 s", problem_code="timeout")),
    Case("a problem without a code", ERROR, "crashed", partial(health, problem="the browser crashed")),
    Case("the text was never read", ERROR, "ended before the page's text was read", partial(health, text=None)),
    Case("no status", ERROR, "ended before", partial(health, status=None)),
    Case("no final address", ERROR, "ended before", partial(health, final_url=None)),
    Case("more requests than were kept", ERROR, "12 requests were beyond", partial(health, requests_left_out=12)),
    Case("the text was altered", ERROR, "does not hash", partial(health, stored=b"Welcome!")),
    Case("visited twice", ERROR, "2 passes", partial(health, visits=2)),
    Case("never visited", NOT_RUN, "never looked at", partial(health, visits=0)),
]
CASES: dict[str, list[Case]] = {"page-health": [*GOOD, *BAD, *BROKEN]}
