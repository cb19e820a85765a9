"""Judge of page health: whether this is the page, and whole.

Rules, each from a real false green:

- the document answers 200 at the address the plan names: a redirect to a login page is not the page;
- every text in `must_show` is there: an error page that answers 200 is not the page;
- no sub-request fails behind a pretty page, and none goes to a host nobody listed;
- no uncaught error and no console error (a failed resource is told once, as a request);
- the page shows some text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from evidence_store.model import CheckSpec, Finding, Outcome
from evidence_store.workspace import read_artifact
from tasks.contract import Check, JudgeContext
from tasks.plan import Look
from tasks.sweep.models import PageVisit, SeenRequest

REDIRECT_LOOP = "redirect-loop"
RESOURCE_NOISE = "Failed to load resource"
"""How Chromium repeats a failed request on the console."""


def judge_page_health(context: JudgeContext, visits: Sequence[PageVisit]) -> Iterator[Finding]:
    """What is wrong with each visited page, or a pass that says how much was looked at."""
    for visit in visits:
        look = context.plan.looks.get(visit.subject)
        if look is None:
            continue  # evidence of a page that this plan no longer names: nothing is expected of it
        yield from _judge_visit(context, look, visit)


def _judge_visit(context: JudgeContext, look: Look, visit: PageVisit) -> Iterator[Finding]:
    pictures = tuple(item.path for item in (visit.screenshot, visit.text) if item)

    def finding(outcome: Outcome, rule: str, message: str, element: str = "", gates: bool = True) -> Finding:
        return Finding(
            outcome=outcome,
            subject=visit.subject,
            rule=rule,
            message=message,
            element=element,
            gates=gates,
            evidence=pictures,
        )

    if visit.problem is not None:
        loop = visit.problem_code == REDIRECT_LOOP
        yield finding(Outcome.FAIL if loop else Outcome.ERROR, visit.problem_code or "visit", visit.problem, visit.url)
        return
    if visit.text is None or visit.final_url is None or visit.status is None:
        yield finding(Outcome.ERROR, "visit", "the visit ended before the page's text was read", visit.url)
        return

    text = read_artifact(context.files, visit.text).decode("utf-8", "replace")
    fails = [
        *(finding(Outcome.FAIL, rule, message, visit.url) for rule, message in _wrong_document(visit, look, text)),
        *(finding(Outcome.FAIL, "request", message, url) for url, message in _broken_requests(context, look, visit)),
        *(finding(Outcome.FAIL, "console", message) for message in _errors(look, visit)),
    ]
    yield from fails
    if not look.must_show:
        yield finding(
            Outcome.FAIL, "must-show", "the plan names no text that tells this page from an error page", gates=False
        )
    left_out = {"requests": visit.requests_left_out, "console messages": visit.messages_left_out}
    if any(left_out.values()):
        words = " and ".join(f"{count} {what}" for what, count in left_out.items() if count)
        yield finding(Outcome.ERROR, "request", f"{words} were beyond what a visit keeps, and are not judged")
    elif not fails:
        yield finding(
            Outcome.PASS, "", f"answered 200 as itself, shows {len(look.must_show)} of {len(look.must_show)} texts"
        ).model_copy(
            update={
                "looked_at": f"1 document, {len(visit.requests)} requests, {len(text):,} characters of text,"
                f" {len(visit.messages)} console messages"
            }
        )


def _wrong_document(visit: PageVisit, look: Look, text: str) -> Iterator[tuple[str, str]]:
    if visit.status != 200:
        yield "status", f"answered {visit.status} in place of 200"
    if _place(visit.final_url or "") != _place(visit.url):
        yield "final-url", f"ended on {visit.final_url} in place of {visit.url}"
    missing = [wanted for wanted in look.must_show if " ".join(wanted.split()) not in " ".join(text.split())]
    if missing:
        named = ", ".join(f"'{wanted}'" for wanted in missing)
        yield "must-show", f"{len(missing)} of {len(look.must_show)} texts are not on the page: {named}"
    if not text.strip():
        yield "blank", "the page shows no text at all"


def _place(url: str) -> tuple[str, str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc, parts.path.rstrip("/") or "/"


def _broken_requests(context: JudgeContext, look: Look, visit: PageVisit) -> Iterator[tuple[str, str]]:
    told: set[tuple[str, str]] = set()
    for request in visit.requests:
        problem = _broken(context, visit, request)
        if problem is None or any(fnmatchcase(request.url, pattern) for pattern in look.ignore_requests):
            continue
        if (request.url, problem) not in told:
            told.add((request.url, problem))
            yield request.url, f"{request.method} {request.url} {problem}"


def _broken(context: JudgeContext, visit: PageVisit, request: SeenRequest) -> str | None:
    if request.url == visit.url and request.type == "document":
        return None  # the document itself is judged by its own rules
    host = urlsplit(request.url).hostname
    if host is not None and host not in context.plan.target.allowed_hosts:
        return "goes to a host that allowed_hosts does not list (it was blocked)"
    if request.status is not None and request.status >= 400:
        return f"answered {request.status}"
    # A request that the page itself took back (navigation, AbortController) is no failure of the server.
    if request.failure is not None and "ERR_ABORTED" not in request.failure:
        return f"failed: {request.failure}"
    return None


def _errors(look: Look, visit: PageVisit) -> Iterator[str]:
    told: set[str] = set()
    broken = {request.url for request in visit.requests if request.failure or (request.status or 0) >= 400}
    for message in visit.messages:
        told_as_request = message.text.startswith(RESOURCE_NOISE) and broken and message.url in {"", *broken}
        if message.level not in {"error", "uncaught", "assert"} or (message.level == "error" and told_as_request):
            continue
        if any(fnmatchcase(message.text, pattern) for pattern in look.ignore_console) or message.text in told:
            continue
        told.add(message.text)
        kind = "uncaught error" if message.level == "uncaught" else "console error"
        yield f"{kind}: {message.text[:300]}"


PAGE_HEALTH = Check(
    spec=CheckSpec(
        id="page-health",
        title="Every page is itself and whole",
        failure_title="A page is not the page it should be",
        why="A pretty page over failing requests, a login page in place of the dashboard and an error page that answers"
        " 200 all look green to a status check.",
        remedy="docs/checks.md#page-health",
        # A page that is itself and whole proves no line of the launch plan: those ask what the page lets people do.
        rows=(),
    ),
    needs=(PageVisit,),
    expects=lambda plan: plan.page_subjects(),
    judge=judge_page_health,
    judges_problems=True,
)
