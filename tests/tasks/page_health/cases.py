"""Visits of pages, whole, broken and unfinished, each with the outcome it must end in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from evidence_store.model import CheckResult, Outcome, SubjectDecision
from tasks.plan import Plan
from tasks.sweep.models import PageVisit, SeenMessage, SeenRequest, UnseenText
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
    table: Mapping[str, Any] | None = None,
    third_parties: Sequence[str] = (),
    **changes: Any,
) -> tuple[Run, Plan]:
    """A run with visits of `home`, whole but for these changes, and its plan."""
    run = Run()
    artifact = run.file("data/sweep/home@desktop/text.txt", text) if text is not None else None
    if stored is not None:
        run.files["data/sweep/home@desktop/text.txt"] = stored
    whole = {"url": URL, "final_url": URL, "status": 200, "requests": WHOLE, "messages": (said("hello", "log"),)}
    visit = PageVisit(
        subject="home@desktop",
        gathered_at=STARTED,
        page="home",
        viewport="desktop",
        text=artifact,
        **(whole | changes),
    )
    run.add(*[visit] * visits)
    written = {"name": "home", "path": "/en/home", "must_show": ["Welcome"]} | dict(page or {})
    plan = plan_of({"page-health": dict(table or {})}, pages=[written])
    target = plan.target.model_copy(update={"third_parties": tuple(third_parties)})
    return run, plan.model_copy(update={"target": target})


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
    Case("a word that may be parted", PASS, "shows 1 of 1", partial(health, text="Wel\u00adco\u200bme".encode())),
    Case(
        "a text that may be parted",
        PASS,
        "shows 1 of 1",
        partial(health, page={"must_show": ["Wel\u00adcome"]}),
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
LIKE_AN_ERROR_PAGE = {
    "in its title": {"title": "404 - Page not found"},
    "in its title, in German": {"title": "Seite nicht gefunden"},
    "in its heading": {"headings": ("Something went wrong",)},
    "in its few words": {"text": b"Internal Server Error\nWelcome back later"},
    "as a stack trace": {"text": b"Welcome\n  at Server.render (/app/server.js:120:9)\n" + b"words " * 200},
    "as a Python trace": {"text": b"Welcome " + b"words " * 200 + b"Traceback (most recent call last):"},
    "as a folder": {"title": "Index of /en"},
    "of a gateway": {"title": "502 Bad Gateway"},
}
LIKE_AN_ERROR_PAGE |= {
    f"in other words: {words}": {"headings": (words,)}
    for words in (
        "Page introuvable", "Erreur 500", "Fehler 404", "Siden ble ikke funnet", "Sidan kunde inte hittas",
        "Página no encontrada", "Pagina non trovata", "Pagina niet gevonden", "Ein Fehler ist aufgetreten",
        "This page could not be found.", "Oops! Something went wrong", "HTTP 503", "Accès refusé", "Noe gikk galt",
    )
} | {"in JSON": {"text": b'{"status": 500, "error": "no Welcome"}\nPretty-print'}}  # fmt: skip
READS_LIKE_ONE_AND_IS_NOT = {
    "a heading of faults": {
        "headings": ("Feil i rapporten", "Fehler melden", "Erreurs fr\u00e9quentes", "Error budget 2026")
    },
    "JSON without an error": {"text": b'{"Welcome": 1, "error": null}'},
    "a text in brackets": {"text": b"{Welcome}"},
    "a sentence with the words": {"headings": ("How we handle a page not found",)},
    "a title with a number": {"title": "4040 trees planted"},
    "a long page that begins so": {"text": b"Not found in the wild\nWelcome " + b"words " * 200},
    "allowed": {
        "title": "Service unavailable: how to plan",
        "table": {"allow_error_words": ["Service unavailable: how*"]},
    },
}
SECURE = "https://127.0.0.1:8600/en/home"
BAD += [
    *(
        Case(f"reads like an error page {name}", FAIL, "reads like an error page", partial(health, **seen))
        for name, seen in LIKE_AN_ERROR_PAGE.items()
    ),
    Case(
        "a sign-in form in place of the page",
        FAIL,
        "'Welcome'; it asks for a password",
        partial(health, text=b"Sign in", password_fields=1),
    ),
    Case(
        "a sign-in form, and nothing to tell it by",
        FAIL,
        "visited by 'viewer', who has signed in",
        partial(health, password_fields=1, identity="viewer", page={"must_show": []}),
        warns=True,
    ),
    Case(
        "a page that goes on by itself", FAIL, "3 documents were loaded in place of one", partial(health, documents=3)
    ),
    Case("a picture of one colour", FAIL, "its picture is of one colour", partial(health, plain_share=1.0)),
    Case(
        "pictures and no text",
        FAIL,
        "only 3 pictures",
        partial(health, text=b"", pictured=3, page={"must_show": []}),
        warns=True,
    ),
    Case("a document that took long", FAIL, "took 10.5 s", partial(health, document_seconds=10.5)),
    Case(
        "a giant response",
        FAIL,
        "is 10,000,001 bytes",
        partial(
            health, requests=requests(SeenRequest(url=API, method="GET", type="fetch", status=200, size=10_000_001))
        ),
    ),
    Case(
        "a response beyond what the plan allows",
        FAIL,
        "is 2,000 bytes",
        partial(
            health,
            requests=requests(SeenRequest(url=API, method="GET", type="fetch", status=200, size=2_000)),
            table={"response_megabytes": 0.001},
        ),
    ),
    Case(
        "mixed content that the browser told of",
        FAIL,
        "asked for over http",
        partial(health, mixed_content=("http://127.0.0.1:8600/a.png",)),
    ),
]
BLOCKED = (
    "Blocked script execution in 'about:srcdoc' because the document's frame is sandboxed"
    " and the 'allow-scripts' permission is not set."
)
GOOD += [
    Case("a frame that lets no script run", PASS, "as itself", partial(health, messages=(said(BLOCKED),))),
    *(
        Case(f"reads like an error page and is none: {name}", PASS, "as itself", partial(health, **seen))
        for name, seen in READS_LIKE_ONE_AND_IS_NOT.items()
    ),
    Case("almost one colour", PASS, "as itself", partial(health, plain_share=0.9998)),
    Case("a password field beside its texts", PASS, "as itself", partial(health, password_fields=1, identity="viewer")),
    Case("as slow as is allowed", PASS, "as itself", partial(health, document_seconds=10.0)),
    Case("a dialog", PASS, "as itself", partial(health, dialogs=("alert: Hello",)), warns=True),
    Case(
        "a listed third party",
        PASS,
        "as itself",
        partial(health, requests=requests(request("https://fonts.example/a.css")), third_parties=["fonts.example"]),
    ),
]
BAD.append(Case("an error that quotes a sandbox", FAIL, "sandboxed", partial(health, messages=(said(f"x {BLOCKED}"),))))
IMAGE = f"{BASE}/logo.png"


def waited(seconds: float, kind: str = "fetch", status: int | None = None) -> tuple[SeenRequest, ...]:
    return requests(request(API, status, kind=kind).model_copy(update={"unanswered_seconds": seconds}))


def gave_up(seconds: float) -> tuple[SeenRequest, ...]:
    failed = request(API, None, "net::ERR_ABORTED")
    return requests(failed.model_copy(update={"unanswered_seconds": seconds}))


BAD += [
    Case(
        "a script that never came",
        FAIL,
        "had no answer after 12 s",
        partial(health, requests=waited(12, "script")),
    ),
    Case("an image that is none", FAIL, f"{IMAGE} came and is not", partial(health, unreadable=(IMAGE,))),
]
STYLE = f"{BASE}/site.css"


def styled(media_type: str) -> dict[str, Any]:
    asked = request(STYLE, kind="stylesheet").model_copy(update={"media_type": media_type})
    return {"requests": requests(asked), "unreadable": (STYLE,)}


BAD.append(Case("a style sheet that is none", FAIL, f"{STYLE} came and", partial(health, **styled("text/html"))))
GOOD.append(Case("a style sheet without a rule", PASS, "as itself", partial(health, **styled("text/css"))))
CLIP = f"{BASE}/clip.mp4"


def played(media_type: str, status: int | None = 200, **more: Any) -> dict[str, Any]:
    asked = request(CLIP, status, kind="media").model_copy(update={"media_type": media_type})
    return {"requests": requests(asked), "unreadable": (CLIP,), **more}


BAD += [
    Case("a video that is a page", FAIL, f"{CLIP} came and is not", partial(health, **played("text/html", 206))),
    Case("a video that is data", FAIL, f"{CLIP} came and is not", partial(health, **played("application/json"))),
    Case("a video that never came", FAIL, "answered 404", partial(health, **played("text/html", 404))),
]
GOOD += [
    Case("a video this browser has no codec for", PASS, "as itself", partial(health, **played("video/mp4"))),
    Case("a video without a type", PASS, "as itself", partial(health, **played(""))),
    Case("a list of videos", PASS, "as itself", partial(health, **played("application/vnd.apple.mpegurl"))),
    Case("a video that is elsewhere", PASS, "as itself", partial(health, **played("text/html", 302))),
    Case("a video of another type that plays", PASS, "itself", partial(health, **played("text/html", unreadable=()))),
    Case(
        "a video that is a page, known",
        PASS,
        "as itself",
        partial(health, **played("text/html", page={"ignore_requests": ["*.mp4"]})),
    ),
]
FONT = f"Failed to decode downloaded font: {BASE}/site.woff2"
BAD.append(
    Case("a font that is none", FAIL, "/site.woff2 came and", partial(health, messages=(said(FONT, "warning"),)))
)
GOOD += [
    Case("data that is waited for", PASS, "as itself", partial(health, requests=waited(12)), warns=True),
    Case("data that the page gave up", PASS, "as itself", partial(health, requests=gave_up(4)), warns=True),
    Case("data that the page took back at once", PASS, "as itself", partial(health, requests=gave_up(0.2))),
    Case("data that took its time", PASS, "as itself", partial(health, requests=waited(2.9))),
    Case(
        "what is waited for and an image that is none, both known",
        PASS,
        "as itself",
        partial(
            health,
            requests=waited(12, "script"),
            unreadable=(IMAGE,),
            page={"ignore_requests": [API, IMAGE]},
        ),
    ),
]
HASH = {"page": {"path": "/en/home#/reports"}, "url": f"{URL}#/reports"}
BAD.append(
    Case(
        "another route",
        FAIL,
        "#/sign-in?from=x in place of",
        partial(health, final_url=f"{URL}#/sign-in?from=x", **HASH),
    )
)
GOOD += [
    Case("its own route", PASS, "as itself", partial(health, final_url=f"{URL}#/reports/?sort=name", **HASH)),
    Case("a route where none is planned", PASS, "as itself", partial(health, final_url=f"{URL}#/start")),
    Case("an anchor", PASS, "as itself", partial(health, final_url=URL, url=f"{URL}#top")),
]


def asks(planned: str, ended_with: str) -> dict[str, Any]:
    """A page planned with this behind its path, and what was there in the end."""
    path = f"/en/home{planned}"
    return {"page": {"path": path}, "url": f"{BASE}{path}", "final_url": f"{URL}{ended_with}"}


LOST = {
    "all of it": ("?status=open", ""),
    "one of two": ("?status=open&page=2", "?page=2"),
    "another value": ("?status=open", "?status=all"),
    "one value of two": ("?tag=a&tag=b", "?tag=a"),
    "a name alone": ("?print", "?"),
    "that of its route": ("#/list?status=open", "#/list"),
    "for tracking and more": ("?utm_source=mail&status=open", "?utm_source=mail"),
}
KEPT = {
    "as it was": ("?status=open", "?status=open"),
    "with more": ("?status=open", "?page=1&status=open&sort=name#top"),
    "in another order": ("?a=1&b=2", "?b=2&a=1"),
    "written in another way": ("?q=a%20b&name=%C3%A5", "?q=a+b&name=å"),
    "in other capitals": ("?lang=NB", "?lang=nb"),
    "a name alone": ("?print", "?print="),
    "with its route": ("?v=2#/list?status=open", "?v=2#/list?status=open&page=1"),
    "without what tracks": ("?utm_source=mail&gclid=7&fbclid=8", ""),
    "behind an anchor": ("#top?x=1", ""),
}
GOOD += [
    *(
        Case(f"a query lost: {name}", PASS, "itself", partial(health, **asks(*it)), warns=True)
        for name, it in LOST.items()
    ),
    *(Case(f"a query kept {name}", PASS, "as itself", partial(health, **asks(*it))) for name, it in KEPT.items()),
]
BAD.append(
    Case(
        "a query lost elsewhere",
        FAIL,
        "/login in place of",
        partial(health, **asks("?a=1", "") | {"final_url": f"{BASE}/login"}),
    )
)
BROKEN_PART = ("Reports\nAll of them", "Something went wrong\nTry again")
GOOD += [
    Case("an alert", PASS, "as itself", partial(health, announced=BROKEN_PART), warns=True),
    Case("an alert of something else", PASS, "as itself", partial(health, announced=BROKEN_PART[:1])),
    Case(
        "an alert that is meant",
        PASS,
        "as itself",
        partial(health, announced=BROKEN_PART, table={"allow_error_words": ["Something went*"]}),
    ),
]
UNFILLED = ("{{ user.name }}", "[object Object]", "NaN kr", "Invalid Date", "${total}", "\nundefined\n")
GOOD += [
    *(
        Case(
            f"unfilled: {words.strip()}", PASS, "itself", partial(health, text=f"Welcome {words}".encode()), warns=True
        )
        for words in UNFILLED
    ),
    Case("a text that speaks of it", PASS, "as itself", partial(health, text=b"Welcome, undefined is a word")),
    Case(
        "unfilled texts that are meant",
        PASS,
        "as itself",
        partial(health, text=b"Welcome {{ name }} NaN", table={"allow_error_words": ["{{*", "NaN"]}),
    ),
]
BAD.append(
    Case(
        "an image that never came is told once",
        FAIL,
        "answered 404",
        partial(health, requests=requests(request(IMAGE, 404, kind="image")), unreadable=(IMAGE,)),
    )
)
UNSEEN = (UnseenText(text="Welcome", why="its opacity is 0 (h1)"),)
BAD.append(
    Case("a text nobody sees", FAIL, "nobody sees it: its opacity is 0 (h1)", partial(health, unseen=UNSEEN)),
)
GOOD.append(
    Case(
        "a text nobody sees and nobody plans",
        PASS,
        "shows 1 of 1",
        partial(health, unseen=UNSEEN, page={"must_show": ["the"]}),
    )
)
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
