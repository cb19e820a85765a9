"""Judge of page health: whether this is the page, and whole.

Rules, each from a real false green:

- `status`: the document answers 200, and `final-url`: at the address the plan names, a route behind `#/` included. A
  redirect to a login page is not the page, and one to another host least of all. A state or a checkpoint is where its
  steps led, on an allowed host;
- `query`: what its address asks for behind `?` (of a route behind `#/` as well) is still in the address it ended on. A
  redirect that drops `?status=open` shows another list, but an application may also take in what it was asked for and
  tidy up its address: a warning. What is added, another order, other capitals, and `utm_source` and its like that go,
  are none;
- `went-on`: it stays the document it is; one that loads another by itself is another page each time it is looked at;
- `must-show`: every text the plan names is there. A page without one can only be told from an error page by guessing,
  which is said as a warning;
- `unseen`: each of these texts can be seen. One of `opacity: 0`, of no size, of transparent letters, cut to nothing or
  put aside as for screen readers, or under something opaque that fills the window, is not shown;
- `error-page`: its title, its heading or its few words are those of an error page, or it shows a stack trace or
  an error in JSON: an error page that answers 200 is not the page;
- `error-part`: an alert, a second heading or the headline of a frame that reads like an error page's is a warning: a
  part may be broken;
- `unfilled`: a text that nobody filled in (`[object Object]`, `{{ user.name }}`, `NaN`, `Invalid Date`, a line of
  `undefined`) is a warning: a page may speak of such things;
- `sign-in-page`: it asks for a password although it was visited by somebody who has signed in;
- `blank`: it shows neither text nor picture, or its picture is of one colour while its document holds text;
- `request`: no sub-request fails behind a pretty page, and none goes to a host nobody listed. Listed third parties are
  reported in every pass;
- `unanswered`: no script, style sheet, image, font or frame is still waited for after 10 seconds. Data that had no
  answer after 3 is a warning: the page was pictured without it, but a server may hold it back until there is news. So
  is what the page gave up after waiting so long;
- `unreadable`: no image, style sheet, font, video or sound came as something else, such as the start page in place of a
  missing file;
- `mixed-content`: nothing is asked for over http by a document that came over https;
- `console`: no uncaught error and no console error (a failed resource is told once, as a request);
- `no-effect`: a state that looks and reads exactly like its page is a warning: its steps may have done nothing;
- `slow` and `giant`: document and responses keep within what the plan allows;
- `dialog`: a page that opens a dialog by itself is shown as a warning;
- what a visit could not keep, because there was too much of it, is an `error`: it was not judged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field

from evidence_store.model import CheckSpec, Finding, Outcome
from evidence_store.workspace import read_artifact
from tasks.contract import Check, JudgeContext
from tasks.plan import CheckOptions, Look, texts_not_shown
from tasks.sweep.models import PAGE_TYPES, PARTS_OF_A_PAGE, PageVisit, SeenRequest

REDIRECT_LOOP = "redirect-loop"
RESOURCE_NOISE = "Failed to load resource"
"""How Chromium repeats a failed request on the console."""
SANDBOX_NOISE = re.compile(r"Blocked script execution in '.*' because the document's frame is sandboxed and the .*")
"""Of a frame whose sandbox forbids scripts, as the page wishes: it is told even when only ours were kept out."""
UNREADABLE_FONT = re.compile(r"Failed to decode downloaded font: (\S+)")
"""How Chromium tells of a font that is none, as a mere warning."""
FEW_WORDS = 400
"""Characters. On a page of so few, the words of an error page are the page."""
TRACKING = re.compile(r"(?i)utm_\w+|\w*clid|_g[al]|mc_[ce]id")
"""Names in a query that say where a visitor came from."""
TAKEN_BACK = "ERR_ABORTED"
LATE_SECONDS = 3.0
"""Of data: the page was pictured without it."""
ONE_COLOUR = 0.9999
"""Share of the picture; a single line of text leaves less."""

# As the error pages of web servers, gateways and frameworks begin; a sentence that merely holds the words does not.
_ERROR_TITLE = re.compile(
    r"(?ix)^\W*(?: (?:(?:error|fehler|erreur|errore|erro|fejl|feil|fel|fout|virhe|http)\W*)?"
    r"   (?:40[0-9]|41[0-9]|42[0-9]|50[0-9]|52[0-9])\b"
    r" | (?:this\s+|the\s+)?(?:page|file)\s+(?:was\s+)?not\s+found"
    r" | (?:this\s+|the\s+)?page\s+(?:could\s+not|cannot|can.t)\s+be\s+found"
    r" | (?:this\s+|the\s+)?page\s+(?:does\s+not|doesn.t)\s+exist"
    r" | (?:diese\s+|die\s+)?(?:seite|datei)\s+(?:wurde\s+|konnte\s+)?nicht\s+gefunden"
    r" | (?:siden|side|sidan)\s+(?:(?:ble|blev|kunne|kunde)\s+)?(?:ikke|inte)\s+(?:funnet|fundet|hittas|finnes|findes)"
    r" | (?:siden\s+(?:finnes|findes)\s+ikke|sidan\s+(?:finns|hittades)\s+inte|fant\s+ikke\s+siden)"
    r" | (?:cette\s+|la\s+)?page\s+(?:introuvable|non\s+trouv.e|demand.e\s+(?:est\s+)?introuvable|n.existe\s+pas)"
    r" | p.gina\s+(?:no|non|n.o)\s+(?:encontrada|trovata|encontrada) | pagina\s+niet\s+gevonden"
    r" | nie\s+znaleziono\s+strony | sivua\s+ei\s+l.ydy"
    r" | (?:zugriff\s+verweigert | acc.s\s+(?:refus.|interdit) | acceso\s+denegado | accesso\s+negato"
    r"   | toegang\s+geweigerd | ingen\s+(?:tilgang|adgang) | adgang\s+n.gtet | .tkomst\s+nekad)"
    r" | (?:ein\s+(?:unerwarteter\s+)?fehler\s+ist\s+aufgetreten | etwas\s+ist\s+schief"
    r"   | une\s+erreur\s+(?:est\s+survenue|s.est\s+produite) | ha\s+ocurrido\s+un\s+error | algo\s+sali.\s+mal"
    r"   | si\s+.\s+verificato\s+un\s+errore | ocorreu\s+um\s+erro | er\s+is\s+iets\s+misgegaan"
    r"   | no(?:e|get)\s+gi(?:kk|k)\s+galt | n.got\s+gick\s+fel | det\s+oppst(?:o|å)d\s+en\s+feil)"
    r" | not\s+found\W*$ | (?:404|500)\W*$ | access\s+denied | forbidden\W*$ | unauthori[sz]ed\W*$"
    r" | oops\W+(?:something|an?\s+error|(?:the|this|that)\s+page)"
    r" | (?:internal\s+)?server\s+error | bad\s+gateway | gateway\s+time-?out | service\s+unavailable"
    r" | application\s+error | something\s+went\s+wrong | an?\s+(?:unexpected\s+)?error\s+(?:has\s+)?occurred"
    r" | site\s+can.t\s+be\s+reached | index\s+of\s+/ )"
)
# What a template, a number or an object shows when nobody filled it in.
_UNFILLED = re.compile(
    r"\[object (?:Object|Undefined|Null|Promise)\]|\{\{ ?[\w.$| ()'\"-]{1,80} ?\}\}|\$\{[\w.]{1,80}\}|\bInvalid Date\b"
    r"|\bNaN\b|\bundefined undefined\b|^(?:undefined|null)$",
    re.MULTILINE,
)
_CHANGES = re.compile(r"\?[^\s'\")]*|\b[0-9a-f]{8,}\b|\d+")
"""Of an error's text: queries, digests, numbers, ports."""
MOST_JSON = 100_000
_STACK_TRACE = re.compile(
    r"Traceback \(most recent call last\)|^\s+at [\w$.<>]+ ?\([^()\n]+:\d+(?::\d+)?\)$|Fatal error: Uncaught "
    r"|^Exception in thread |Whitelabel Error Page|You're seeing this error because you have <code>DEBUG",
    re.MULTILINE,
)


class PageHealthOptions(CheckOptions):
    """The plan's table for page-health."""

    document_seconds: float = Field(default=10.0, gt=0)
    """Seconds from asking for a document to its last byte; above it the page is slow."""
    response_megabytes: float = Field(default=10.0, gt=0)
    """Millions of bytes of one response; above it the page is giant."""
    allow_error_words: tuple[str, ...] = ()
    """Titles, headings or texts that read like an error page's, or unfilled, and are meant (patterns, `*` matches
    anything)."""


def judge_page_health(context: JudgeContext, visits: Sequence[PageVisit]) -> Iterator[Finding]:
    """What is wrong with each visited page, or a pass that says how much was looked at."""
    unchanged = {(visit.page, visit.viewport): visit for visit in visits if not visit.state}
    for visit in visits:
        look = context.plan.looks.get(visit.subject)
        if look is None:
            continue  # evidence of a page that this plan no longer names: nothing is expected of it
        yield from _judge_visit(context, look, visit)
        page = unchanged.get((visit.page, visit.viewport))
        if visit.state and page is not None and _looks_and_reads_like(visit, page):
            yield Finding(
                outcome=Outcome.FAIL,
                subject=visit.subject,
                rule="no-effect",
                message=f"picture and text are those of {page.subject}: did its steps do anything?",
                evidence=tuple(item.path for item in (visit.screenshot, page.screenshot) if item),
                gates=False,
            )


def _looks_and_reads_like(visit: PageVisit, other: PageVisit) -> bool:
    pairs = ((visit.screenshot, other.screenshot), (visit.text, other.text))
    return all(one is not None and its is not None and one.sha256 == its.sha256 for one, its in pairs)


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
    unanswered = list(_unanswered(look, visit))
    fails = [
        *(
            finding(Outcome.FAIL, rule, words, which or visit.url)
            for rule, words, which in _wrong_document(context, look, visit, text)
        ),
        *(finding(Outcome.FAIL, rule, words, url) for rule, url, words in _broken_requests(context, look, visit)),
        *(finding(Outcome.FAIL, "unanswered", words, url) for is_missing, url, words in unanswered if is_missing),
        *(
            finding(Outcome.FAIL, "unreadable", f"{url} came and is not what the page needs", url)
            for url in _unreadable(look, visit)
        ),
        *(finding(Outcome.FAIL, "console", words, which) for words, which in _errors(look, visit)),
        *_beyond_limits(context, visit, finding(Outcome.FAIL, "", "")),
    ]
    yield from fails
    if not look.must_show:
        yield finding(
            Outcome.FAIL, "must-show", "the plan names no text that tells this page from an error page", gates=False
        )
    if lost := _lost_of_the_query(look, visit):
        words = f"its address no longer asks for {', '.join(lost)}: it ended on {visit.final_url}"
        yield finding(Outcome.FAIL, "query", words, ", ".join(lost), gates=False)
    for words in dict.fromkeys((part.strip().splitlines() or [""])[0][:100] for part in visit.announced):
        if _ERROR_TITLE.match(words) and not _is_allowed(context, words):
            yield finding(
                Outcome.FAIL, "error-part", f"a part of it reads like an error: '{words}'", words, gates=False
            )
    unfilled = dict.fromkeys(match[0].strip() for match in _UNFILLED.finditer(text))
    if meant_for_nobody := [words for words in unfilled if not _is_allowed(context, words)]:
        named = ", ".join(f"'{words}'" for words in meant_for_nobody[:5])
        yield finding(Outcome.FAIL, "unfilled", f"it shows what nobody filled in: {named}", gates=False)
    for is_missing, url, words in unanswered:
        if not is_missing:
            yield finding(Outcome.FAIL, "unanswered", words, url, gates=False)
    for dialog in dict.fromkeys(visit.dialogs):
        yield finding(Outcome.FAIL, "dialog", f"it opened a dialog by itself: {dialog}", gates=False)
    left_out = {"requests": visit.requests_left_out, "console messages": visit.messages_left_out}
    if any(left_out.values()):
        words = " and ".join(f"{count} {what}" for what, count in left_out.items() if count)
        yield finding(Outcome.ERROR, "request", f"{words} were beyond what a visit keeps, and are not judged")
    elif not fails:
        shown = len(look.must_show)
        yield finding(Outcome.PASS, "", f"answered 200 as itself, shows {shown} of {shown} texts").model_copy(
            update={"looked_at": _looked_at(visit, text) + _let_through(context, look, visit)}
        )


def _looked_at(visit: PageVisit, text: str) -> str:
    thirds = sorted({urlsplit(request.url).hostname or "" for request in visit.requests if request.third_party})
    of_them = f" (to third parties: {', '.join(thirds)})" if thirds else ""
    return (
        f"1 document, {len(visit.requests)} requests{of_them}, {len(text):,} characters of text,"
        f" {len(visit.messages)} console messages"
    )


def _let_through(context: JudgeContext, look: Look, visit: PageVisit) -> str:
    """How much that failed the plan lets through: a pattern can grow over new faults, and nobody would see it."""
    failed = sum(_broken(context, visit, request) is not None for request in visit.requests)
    said = sum(message.level in {"error", "uncaught", "assert"} for message in visit.messages)
    ignored = {
        "failed requests": failed if look.ignore_requests else 0,
        "console errors": said if look.ignore_console or look.ignore_requests else 0,
    }
    words = " and ".join(f"{count} {what}" for what, count in ignored.items() if count)
    return f"; {words} ignored as planned" if words else ""


def _wrong_document(context: JudgeContext, look: Look, visit: PageVisit, text: str) -> Iterator[tuple[str, str, str]]:
    """Rule, words, and which of its kind it is: a waiver of one must not cover another."""
    if visit.status != 200:
        yield "status", f"answered {visit.status} in place of 200", ""
    yield from _wrong_place(context, look, visit)
    missing = texts_not_shown(text, look.must_show)
    if missing:
        named = ", ".join(f"'{wanted}'" for wanted in missing)
        asks = "; it asks for a password" if visit.password_fields else ""
        yield "must-show", f"{len(missing)} of {len(look.must_show)} texts are not on the page: {named}{asks}", named
    elif visit.identity is not None and visit.password_fields and look.state is None and not look.must_show:
        yield "sign-in-page", f"it asks for a password, and was visited by '{visit.identity}', who has signed in", ""
    for unseen in visit.unseen:
        if unseen.text in look.must_show and unseen.text not in missing:
            yield "unseen", f"'{unseen.text}' is on the page, and nobody sees it: {unseen.why}", unseen.text
    words = _error_words(visit, text)
    if words is not None and not _is_allowed(context, words):
        yield "error-page", f"it reads like an error page: '{words}'", words
    if not text.strip():
        pictured = f", only {visit.pictured} pictures" if visit.pictured else " and no picture"
        yield "blank", f"the page shows no text at all{pictured}", ""
    elif visit.plain_share is not None and visit.plain_share >= ONE_COLOUR:
        yield "blank", f"its picture is of one colour, although its document holds {len(text.strip()):,} characters", ""


def _is_allowed(context: JudgeContext, words: str) -> bool:
    return any(fnmatchcase(words, pattern) for pattern in context.options.allow_error_words)


def _wrong_place(context: JudgeContext, look: Look, visit: PageVisit) -> Iterator[tuple[str, str, str]]:
    final = visit.final_url or ""
    ended, meant = urlsplit(final), urlsplit(visit.url)
    place = final.partition("?")[0]
    if look.page is None or look.state is not None:
        if ended.hostname not in context.plan.target.allowed_hosts:
            yield "final-url", f"its steps led to {final}, on a host that allowed_hosts does not list", place
    elif ended.netloc != meant.netloc:
        yield "final-url", f"ended on another host: {final} in place of {visit.url}", place
    elif _place(final, meant.fragment) != _place(visit.url, meant.fragment):
        yield "final-url", f"ended on {final} in place of {visit.url}", place
    elif visit.documents > 1:
        yield "went-on", f"it went on by itself: {visit.documents} documents were loaded in place of one", ""


def _lost_of_the_query(look: Look, visit: PageVisit) -> list[str]:
    """What the plan asks for behind `?` and the address it ended on, if it is the same place, does not."""
    final, fragment = visit.final_url or "", urlsplit(visit.url).fragment
    # A state is where its steps led; another place is told as such.
    if look.page is None or look.state is not None or _place(final, fragment) != _place(visit.url, fragment):
        return []
    kept = {(name.casefold(), value.casefold()) for name, value in _asked_for(final, fragment)}
    return [
        f"{name}={value}"
        for name, value in _asked_for(visit.url, fragment)
        if (name.casefold(), value.casefold()) not in kept and not TRACKING.fullmatch(name)
    ]


def _asked_for(url: str, planned_fragment: str) -> list[tuple[str, str]]:
    """The query, and that of the route behind `#` where the plan names one."""
    parts = urlsplit(url)
    queries = (parts.query, parts.fragment.partition("?")[2] if planned_fragment.startswith(("/", "!/")) else "")
    return [pair for query in queries for pair in parse_qsl(query, keep_blank_values=True)]


def _place(url: str, planned_fragment: str) -> tuple[str, str, str]:
    """Scheme, path, and the route behind `#` where the plan names one."""
    parts = urlsplit(url)
    routes = planned_fragment.startswith(("/", "!/"))
    route = parts.fragment.partition("?")[0].lstrip("!").rstrip("/") if routes else ""
    return parts.scheme, parts.path.rstrip("/") or "/", route


def _error_words(visit: PageVisit, text: str) -> str | None:
    """The words by which it reads like an error page, or None."""
    trace = _STACK_TRACE.search(text)
    if trace:
        return trace[0].strip()[:100]
    if told := _told_in_json(text):
        return told
    few = text.strip() if len(text.strip()) <= FEW_WORDS else ""
    for words in (visit.title, *visit.headings, few):
        line = (words.strip().splitlines() or [""])[0]
        if _ERROR_TITLE.match(line):
            return line[:100]
    return None


def _told_in_json(text: str) -> str | None:
    """How a text begins that is an object in JSON and tells an error; browsers add words of their own behind it."""
    start = text.lstrip()
    if not start.startswith("{") or len(start) > MOST_JSON:
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(start)
    except (ValueError, RecursionError):
        return None
    return start[:100] if any(found.get(name) for name in ("error", "errors", "exception", "stack")) else None


def _broken_requests(context: JudgeContext, look: Look, visit: PageVisit) -> Iterator[tuple[str, str, str]]:
    told: set[tuple[str, str]] = set()
    for request in visit.requests:
        problem = _broken(context, visit, request)
        if problem is None or _is_ignored(look, request.url):
            continue
        if (request.url, problem) not in told:
            told.add((request.url, problem))
            yield "request", request.url, f"{request.method} {request.url} {problem}"
    secure = urlsplit(visit.final_url or "").scheme == "https"
    plain = [request.url for request in visit.requests if urlsplit(request.url).scheme == "http"] if secure else []
    for url in dict.fromkeys((*visit.mixed_content, *plain)):
        if not _is_ignored(look, url):
            yield "mixed-content", url, f"{url} was asked for over http by a document that came over https"


def _broken(context: JudgeContext, visit: PageVisit, request: SeenRequest) -> str | None:
    if not visit.state and request.url in {visit.url, visit.final_url} and request.type == "document":
        # The document itself is judged by its own rules. They know the first one alone: a document that the steps of a
        # state led to is a request like any other, or its error would be nobody's.
        return None
    host = urlsplit(request.url).hostname
    target = context.plan.target
    if host is not None and host not in {*target.allowed_hosts, *target.third_parties}:
        return "goes to a host that allowed_hosts does not list (it was blocked)"
    if request.status is not None and request.status >= 400:
        return f"answered {request.status}"
    # A request that the page itself took back (navigation, AbortController) is no failure of the server.
    if request.failure is not None and TAKEN_BACK not in request.failure:
        return f"failed: {request.failure}"
    return None


def _unanswered(look: Look, visit: PageVisit) -> Iterator[tuple[bool, str, str]]:
    """Of each request that waited too long: whether a part of the page is missing for it, its address, and words."""
    for request in {request.url: request for request in visit.requests}.values():
        seconds = request.unanswered_seconds or 0
        given_up = request.failure is not None and TAKEN_BACK in request.failure
        if seconds < LATE_SECONDS or _is_ignored(look, request.url) or (request.failure and not given_up):
            continue
        words = f"{request.method} {request.url} had no answer after {seconds:.0f} s"
        is_missing = request.type in PARTS_OF_A_PAGE and not given_up
        yield is_missing, request.url, f"{words}, and the page gave up" if given_up else words


def _unreadable(look: Look, visit: PageVisit) -> Iterator[str]:
    """Addresses of parts that came as something else; what never came is told as a request."""
    told_or_fine = {request.url for request in visit.requests if request.failure or (request.status or 0) >= 400}
    # A style sheet without a rule may be one: only its answer's type says that it is none.
    told_or_fine |= {request.url for request in visit.requests if request.media_type == "text/css"}
    # The browser that looks has not every codec: that a source is none is certain when a page came in its place.
    told_or_fine |= {
        request.url
        for request in visit.requests
        if request.type == "media" and (request.media_type not in PAGE_TYPES or request.status not in {200, 206})
    }
    fonts = (said[1] for message in visit.messages if (said := UNREADABLE_FONT.match(message.text)))
    for url in dict.fromkeys((*visit.unreadable, *fonts)):
        if url not in told_or_fine and not _is_ignored(look, url):
            yield url[:300]


def _is_ignored(look: Look, url: str) -> bool:
    return any(fnmatchcase(url, pattern) for pattern in look.ignore_requests)


def _errors(look: Look, visit: PageVisit) -> Iterator[tuple[str, str]]:
    """What was said, and which error it is: its first line, without what changes from run to run."""
    told: set[str] = set()
    broken = {request.url for request in visit.requests if request.failure or (request.status or 0) >= 400}
    for message in visit.messages:
        told_as_request = message.text.startswith(RESOURCE_NOISE) and broken and message.url in {"", *broken}
        if message.level not in {"error", "uncaught", "assert"} or (message.level == "error" and told_as_request):
            continue
        if message.level == "error" and SANDBOX_NOISE.fullmatch(message.text):
            continue
        if any(fnmatchcase(message.text, pattern) for pattern in look.ignore_console) or message.text in told:
            continue
        told.add(message.text)
        kind = "uncaught error" if message.level == "uncaught" else "console error"
        which = _CHANGES.sub("", (message.text.strip().splitlines() or [""])[0])
        yield f"{kind}: {message.text[:300]}", which[:200]


def _beyond_limits(context: JudgeContext, visit: PageVisit, base: Finding) -> Iterator[Finding]:
    options: PageHealthOptions = context.options
    seconds = visit.document_seconds
    if seconds is not None and seconds > options.document_seconds:
        yield base.model_copy(
            update={
                "rule": "slow",
                "element": visit.url,
                "message": f"its document took {seconds:.1f} s to its last byte",
                "measured": seconds,
                "limit": options.document_seconds,
                "unit": "s",
            }
        )
    limit = options.response_megabytes * 1_000_000
    for request in visit.requests:
        if request.size is not None and request.size > limit:
            yield base.model_copy(
                update={
                    "rule": "giant",
                    "element": request.url,
                    "message": f"{request.url} is {request.size:,} bytes",
                    "measured": request.size / 1_000_000,
                    "limit": options.response_megabytes,
                    "unit": "MB",
                }
            )


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
    options=PageHealthOptions,
    judges_problems=True,
)
