"""Tidemark: a small corporate-impact product that stands in for a staging deployment."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import json
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, quote

import jinja2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from .artefacts import make_artefacts
from .content import (
    ACCENT,
    ACCENT_CHANGED,
    DATASETS,
    INITIATIVES,
    KPIS,
    ONE_LETTER,
    REPORTS,
    REQUESTS,
    SERVICES,
    SESSION_COOKIE,
    TREND,
    User,
    report_csv,
)
from .faults import FAULTS, parse_faults
from .pictures import hero_png, report_cover_png
from .security import SecurityHeaders
from .state import SiteState, other_release
from .words import LANGUAGE_NAMES, LANGUAGES, WORDS, preferred_language

_FOLDER: Final = Path(__file__).parent
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_BODY_LIMIT: Final = 16 * 1024
_DECIDERS: Final = frozenset({"approver", "admin"})
_BURST: Final = 20
_BURST_SECONDS: Final = 10.0
_EVENTS: Final = ("kpis", "trend", "initiatives", "approvals", "catalogue")

# Shared by all sites of a process: hundreds are made in the tests, and compiling the templates was most of their cost.
_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

Handler = Callable[[Request], Awaitable[Response]]


def create_app(
    release: str = "4f2c9e1", faults: frozenset[str] = frozenset(), started_at: dt.datetime | None = None
) -> Starlette:
    """The site as one ASGI application with its own memory; `started_at` dates its reports."""
    return _Site(release, parse_faults(faults), started_at or dt.datetime.now(dt.UTC)).application()


class _Site:
    """Routes over one state; a fault is looked up where it acts, so that any set of them can be combined."""

    def __init__(self, release: str, faults: frozenset[str], started_at: dt.datetime) -> None:
        self.faults = faults
        self.state = SiteState(release, started_at)
        self._burst: deque[float] = deque()
        self._static = {path.name: path.read_bytes() for path in sorted((_FOLDER / "static").iterdir())}
        self._static |= {"hero.png": hero_png(), "report-cover.png": report_cover_png()}
        self._in_browser = " ".join(name for name in FAULTS if name in faults and FAULTS[name].acts_in != "server")
        self._artefacts = make_artefacts(release, faults, started_at, self._sign_in_document())

    def application(self) -> Starlette:
        """The routes, most specific first."""
        pages = [
            Route("/{lang}/", self.sign_in_page),
            Route("/{lang}/sign-in", self.sign_in_form, methods=["POST"]),
            Route("/{lang}/sign-out", self.sign_out_form, methods=["POST"]),
            Route("/{lang}/dashboard", self.dashboard),
            Route("/{lang}/approvals", self.approvals),
            Route("/{lang}/audit", self.audit_page),
            Route("/{lang}/catalog", self.catalog),
            Route("/{lang}/reports", self.reports),
            Route("/{lang}/reports/{report_id}/print", self.report_print),
        ]
        api = [
            Route("/api/login", self.api_login, methods=["POST"]),
            Route("/api/logout", self.api_logout, methods=["POST"]),
            Route("/api/kpis", self.api_kpis),
            Route("/api/trend", self.api_trend),
            Route("/api/initiatives", self.api_initiatives),
            Route("/api/approvals", self.api_approvals),
            Route("/api/approvals/{request_id}/{action}", self.api_decide, methods=["POST"]),
            Route("/api/audit", self.api_audit),
            Route("/api/reports/{report_id}.csv", self.api_report_csv),
            Route("/api/benchmarks", self.api_benchmarks),
            Route("/api/events", self.api_events),
            Route("/api/services", self.api_services),
            Route("/api/health/{probe}", self.api_health),
            Route("/api/test/reset", self.test_reset, methods=["POST"]),
            Route("/api/test/received", self.test_received),
        ]
        plain = [
            Route("/", self.root),
            Route("/home", self.home),
            Route("/version.json", self.version),
            Route("/services/{name}/{probe}", self.service_probe),
            Route("/artifacts/index.json", self.artefact_index),
            Route("/artifacts/{name}", self.artefact),
            Route("/embed/lineage", self.embed_lineage),
            Route("/favicon.ico", self.favicon),
            Route("/static/{name}", self.static),
            Route("/rum", self.rum, methods=["POST"]),
            Route("/csp-report", self.csp_report, methods=["POST"]),
            Route("/.env", self.dotenv),
        ]
        app = Starlette(
            routes=[*plain, *api, *pages],
            middleware=[Middleware(SecurityHeaders, faults=self.faults)],
            exception_handlers={404: self.not_found},
        )
        app.state.site = self.state
        return app

    # Documents.

    def render(self, request: Request, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A template as an answer, with everything the layout asks for."""
        lang = self._lang(request)
        base = str(request.base_url).rstrip("/")
        rest = request.url.path.partition(f"/{lang}/")[2]
        linked = not (lang == "de" and "hreflang-one-way" in self.faults)
        body = _TEMPLATES.get_template(name).render(
            lang=lang,
            w=WORDS[lang],
            languages=LANGUAGE_NAMES,
            base=base,
            rest=rest,
            alternates=LANGUAGES if linked else (),
            user=self.user(request),
            nonce=request.state.nonce,
            **self._shell(),
            **values,
        )
        return HTMLResponse(body, status, headers={"Content-Language": lang})

    def _shell(self) -> dict[str, Any]:
        css = self._static["app.css"] + (b"/* another build */" if "integrity-mismatch" in self.faults else b"")
        return {
            "release": self.state.release,
            "faults": self.faults,
            "in_browser": self._in_browser,
            "integrity": {"app.css": _integrity(css), "app.js": _integrity(self._static["app.js"])},
        }

    def _sign_in_document(self) -> str:
        return _TEMPLATES.get_template("sign_in.html").render(
            lang="en", w=WORDS["en"], languages=LANGUAGE_NAMES, base="", rest="", alternates=(), user=None, nonce="",
            next="", failed=False, email="", **self._shell(),
        )  # fmt: skip

    def _lang(self, request: Request) -> str:
        lang = str(request.path_params.get("lang", request.query_params.get("lang", "en")))
        return lang if lang in LANGUAGES else "en"

    def user(self, request: Request) -> User | None:
        """The person whose session cookie this is."""
        return self.state.sessions.get(request.cookies.get(SESSION_COOKIE, ""))

    def _refuse(self, request: Request, roles: frozenset[str] | None = None) -> Response | None:
        """The answer for who may not see a page, or None for who may."""
        if request.path_params.get("lang", "en") not in LANGUAGES:
            raise HTTPException(404)
        user = self.user(request)
        if user is None:
            return RedirectResponse(f"/{self._lang(request)}/?next={quote(request.url.path, safe='')}", 302)
        if roles is not None and user.role not in roles:
            return self.render(request, "message.html", status=403, kind="forbidden")
        return None

    async def root(self, request: Request) -> Response:
        lang = preferred_language(request.headers.get("accept-language", ""))
        return RedirectResponse(f"/{lang}/", 302, headers={"Vary": "Accept-Language"})

    async def home(self, request: Request) -> Response:
        return RedirectResponse("/en/dashboard", 301)

    async def sign_in_page(self, request: Request) -> Response:
        if request.path_params["lang"] not in LANGUAGES:
            raise HTTPException(404)
        return self._sign_in(request, target=_own_path(request.query_params.get("next", "")))

    def _sign_in(
        self, request: Request, *, target: str = "", email: str = "", failed: bool = False, status: int = 200
    ) -> Response:
        return self.render(request, "sign_in.html", status=status, next=target, email=email, failed=failed)

    async def sign_in_form(self, request: Request) -> Response:
        if request.path_params["lang"] not in LANGUAGES:
            raise HTTPException(404)
        # A urlencoded form needs no form library.
        fields = parse_qs((await _limited_body(request)).decode("utf-8", "replace"))
        email, password = fields.get("email", [""])[0], fields.get("password", [""])[0]
        target = _own_path(fields.get("next", [""])[0])
        session = self.state.sign_in(email, password)
        if session is None:
            return self._sign_in(request, target=target, email=email, failed=True, status=401)
        response = RedirectResponse(target or f"/{self._lang(request)}/dashboard", 303)
        self._set_session(request, response, session[0])
        return response

    async def sign_out_form(self, request: Request) -> Response:
        response = RedirectResponse(f"/{self._lang(request)}/", 303)
        self._end_session(request, response)
        return response

    def _set_session(self, request: Request, response: Response, token: str) -> None:
        attributes = "" if "cookie-insecure" in self.faults else "; HttpOnly; SameSite=Lax"
        # Over plain http on a loopback address a Secure cookie would never come back.
        attributes += "; Secure" if request.url.scheme == "https" and "cookie-insecure" not in self.faults else ""
        response.headers["Set-Cookie"] = f"{SESSION_COOKIE}={token}; Path=/{attributes}"

    def _end_session(self, request: Request, response: Response) -> None:
        if "session-survives-sign-out" not in self.faults:
            self.state.sessions.pop(request.cookies.get(SESSION_COOKIE, ""), None)
        response.headers["Set-Cookie"] = f"{SESSION_COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"

    async def dashboard(self, request: Request) -> Response:
        if "slow-document" in self.faults:
            await asyncio.sleep(1.5)
        if "redirect-loop" in self.faults:
            return RedirectResponse(request.url.path, 302)
        if "login-instead-of-page" in self.faults:
            return self._sign_in(request)
        return self._refuse(request) or self.render(request, "dashboard.html", page="dashboard")

    async def approvals(self, request: Request) -> Response:
        refused = self._refuse(request)
        if refused is not None:
            return refused
        user = self.user(request)
        may_decide = user is not None and user.role in _DECIDERS
        return self.render(
            request, "approvals.html", page="approvals", requests=REQUESTS, decisions=self.state.decisions,
            may_decide=may_decide,
        )  # fmt: skip

    async def audit_page(self, request: Request) -> Response:
        titles = {item.id: item.title for item in REQUESTS}
        return self._refuse(request, frozenset({"admin"})) or self.render(
            request, "audit.html", page="audit", entries=self.state.audit, titles=titles
        )

    async def catalog(self, request: Request) -> Response:
        if "soft-404" in self.faults:
            return self.render(request, "message.html", kind="not_found")
        return self._refuse(request) or self.render(request, "catalog.html", page="catalog", datasets=DATASETS)

    async def reports(self, request: Request) -> Response:
        return self._refuse(request) or self.render(request, "reports.html", page="reports", reports=REPORTS)

    async def report_print(self, request: Request) -> Response:
        report = next((item for item in REPORTS if item.id == request.path_params["report_id"]), None)
        if report is None:
            raise HTTPException(404)
        rows = [line.split(",") for line in report_csv(report.id).splitlines()[1:]]
        return self._refuse(request) or self.render(request, "print.html", page="reports", report=report, rows=rows)

    async def embed_lineage(self, request: Request) -> Response:
        return self._refuse(request) or self.render(request, "lineage.html")

    async def not_found(self, request: Request, error: Exception) -> Response:
        first = request.url.path.split("/")[1]
        if first in LANGUAGES:
            # An unmatched path has no parameters of its own.
            request.scope["path_params"] = {"lang": first}
            return self.render(request, "message.html", status=404, kind="not_found")
        return JSONResponse({"error": "not_found"}, 404)

    # The API behind the pages.

    async def api_login(self, request: Request) -> Response:
        given = await _json_object(request)
        session = self.state.sign_in(str(given.get("email", "")), str(given.get("password", "")))
        if session is None:
            return JSONResponse({"ok": False, "error": "wrong_credentials"}, 401)
        response = JSONResponse({"ok": True, "role": session[1].role})
        self._set_session(request, response, session[0])
        return response

    async def api_logout(self, request: Request) -> Response:
        response = JSONResponse({"ok": True})
        self._end_session(request, response)
        return response

    def _api(self, request: Request, answer: Any, roles: frozenset[str] | None = None) -> Response:
        user = self.user(request)
        if user is None:
            return JSONResponse({"error": "not_signed_in"}, 401)
        if roles is not None and user.role not in roles:
            return JSONResponse({"error": "forbidden"}, 403)
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    async def api_kpis(self, request: Request) -> Response:
        lang = self._lang(request)
        answer = []
        for kpi in KPIS:
            changed = kpi.id == "grants" and "kpi-colour" in self.faults
            misspelt = kpi.id == "hours" and "one-letter" in self.faults
            answer.append({
                "id": kpi.id, "label": ONE_LETTER[lang] if misspelt else kpi.labels[lang], "value": kpi.value,
                "style": kpi.style, "unit": kpi.unit, "change": kpi.change, "series": kpi.series, "icon": kpi.icon,
                "accent": ACCENT_CHANGED if changed else ACCENT,
            })  # fmt: skip
        return self._api(request, answer)

    async def api_trend(self, request: Request) -> Response:
        if "api-fails-behind-pretty-page" in self.faults:
            return JSONResponse({"error": "trend_store_unreachable"}, 500)
        months = request.query_params.get("months", "12")
        count = int(months) if months in {"3", "6", "12"} else len(TREND)
        points = [{"month": month, "value": value, "target": target} for month, value, target in TREND[-count:]]
        return self._api(request, {"unit": "t", "points": points})

    async def api_initiatives(self, request: Request) -> Response:
        lang = self._lang(request)
        return self._api(request, [
            {"name": item.name[lang], "owner": item.owner, "region": item.region, "progress": item.progress,
             "state": item.state}
            for item in INITIATIVES
        ])  # fmt: skip

    async def api_approvals(self, request: Request) -> Response:
        lang = self._lang(request)
        return self._api(request, [
            {"id": item.id, "title": item.title[lang], "requester": item.requester, "amount": item.amount,
             "submitted": item.submitted, "state": self.state.decisions[item.id]}
            for item in REQUESTS
        ])  # fmt: skip

    async def api_decide(self, request: Request) -> Response:
        request_id, action = request.path_params["request_id"], request.path_params["action"]
        if request_id not in self.state.decisions or action not in {"approve", "reject"}:
            raise HTTPException(404)
        user = self.user(request)
        roles = _DECIDERS | {"viewer"} if "forbidden-allowed" in self.faults else _DECIDERS
        state = {"approve": "approved", "reject": "rejected"}[action]
        answer = self._api(request, {"ok": True, "id": request_id, "state": state}, roles)
        if user is None or user.role not in roles:
            return answer
        if action == "approve" and "approve-does-nothing" in self.faults:
            return answer
        if self.state.decisions[request_id] != "pending":
            return JSONResponse({"error": "already_decided", "state": self.state.decisions[request_id]}, 409)
        self.state.decide(request_id, action, user)
        return answer

    async def api_audit(self, request: Request) -> Response:
        return self._api(request, [
            {"at": entry.at, "actor": entry.actor, "action": entry.action, "request": entry.request}
            for entry in self.state.audit
        ], frozenset({"admin"}))  # fmt: skip

    async def api_report_csv(self, request: Request) -> Response:
        report_id = request.path_params["report_id"]
        if report_id not in {report.id for report in REPORTS}:
            raise HTTPException(404)
        if self.user(request) is None:
            return JSONResponse({"error": "not_signed_in"}, 401)
        disposition = f'attachment; filename="tidemark-{report_id}.csv"'
        return Response(report_csv(report_id), media_type="text/csv", headers={"Content-Disposition": disposition})

    async def api_benchmarks(self, request: Request) -> Response:
        """A limited route: 20 answers in 10 s, then 429."""
        now = time.monotonic()
        while self._burst and now - self._burst[0] > _BURST_SECONDS:
            self._burst.popleft()
        if len(self._burst) >= _BURST:
            wait = math.ceil(_BURST_SECONDS - (now - self._burst[0]))
            return JSONResponse({"error": "too_many_requests"}, 429, headers={"Retry-After": str(max(1, wait))})
        self._burst.append(now)
        return JSONResponse({"peers": 41, "percentile": 78})

    async def api_events(self, request: Request) -> Response:
        """Server-sent events that resume after Last-Event-ID."""
        given = request.headers.get("last-event-id", "0")
        last = int(given) if given.isascii() and given.isdigit() else 0
        lines = [
            f"id: {number}\nevent: refreshed\ndata: {json.dumps({'source': name})}\n\n"
            for number, name in enumerate(_EVENTS, start=1)
            if number > last
        ]
        return Response("retry: 60000\n\n" + "".join(lines), media_type="text/event-stream")

    # Health, release and reports for machines.

    async def api_health(self, request: Request) -> Response:
        if request.path_params["probe"] not in {"live", "ready"}:
            raise HTTPException(404)
        return JSONResponse({"status": "ok"})

    def _service_release(self, name: str) -> str:
        stale = name == "gateway" and "service-other-release" in self.faults
        return other_release(self.state.release) if stale else self.state.release

    async def api_services(self, request: Request) -> Response:
        return JSONResponse([
            {"name": name, "live": True, "ready": True, "version": self._service_release(name),
             "health": f"/services/{name}/health"}
            for name in SERVICES
        ])  # fmt: skip

    async def service_probe(self, request: Request) -> Response:
        name, probe = request.path_params["name"], request.path_params["probe"]
        if name not in SERVICES or probe not in {"health", "live", "ready"}:
            raise HTTPException(404)
        if probe == "health":
            match name:
                case "billing" if "health-redirects-to-login" in self.faults:
                    return RedirectResponse("/en/?next=%2Fservices%2Fbilling%2Fhealth", 302)
                case "catalogue" if "health-html" in self.faults:
                    return HTMLResponse("<!doctype html><title>Catalogue</title><p>The catalogue is up.</p>")
                case "analytics" if "endless-body" in self.faults:
                    return StreamingResponse(_endless(), media_type="application/json")
                case "notifications" if "slow-loris" in self.faults:
                    return StreamingResponse(_drip(), media_type="application/json")
                case _:
                    pass
        degraded = name == "reporting" and probe == "health" and "health-says-degraded" in self.faults
        return JSONResponse({
            "status": "degraded" if degraded else "ok", "service": name, "version": self._service_release(name),
        })  # fmt: skip

    async def version(self, request: Request) -> Response:
        if "version-missing" in self.faults:
            raise HTTPException(404)
        if "version-html" in self.faults:
            return self._sign_in(request)
        self.state.version_answers += 1
        changed = "release-changes" in self.faults and self.state.version_answers > 1
        commit = other_release(self.state.release) if changed else self.state.release
        built = (self.state.started_at - dt.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return JSONResponse({"commit": commit, "builtAt": built, "environment": "staging"})

    async def artefact_index(self, request: Request) -> Response:
        return JSONResponse([
            {"path": item.path, "release": item.release, "generated_at": item.generated_at, "sha256": item.sha256}
            for item in self._artefacts.values()
        ])  # fmt: skip

    async def artefact(self, request: Request) -> Response:
        item = self._artefacts.get(f"/artifacts/{request.path_params['name']}")
        if item is None:
            raise HTTPException(404)
        generated = dt.datetime.fromisoformat(item.generated_at)
        return Response(item.body, headers={
            "Content-Type": item.content_type,
            "X-Release": item.release,
            "X-Generated-At": item.generated_at,
            "Last-Modified": generated.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        })  # fmt: skip

    async def static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._static:
            raise HTTPException(404)
        # One URL serves every release here, so a browser may keep a file but has to ask again.
        headers = {"Content-Type": _TYPES[Path(name).suffix], "Cache-Control": "no-cache"}
        return Response(self._static[name], headers=headers)

    async def favicon(self, request: Request) -> Response:
        return Response(self._static["favicon.svg"], headers={"Content-Type": _TYPES[".svg"]})

    async def dotenv(self, request: Request) -> Response:
        if "dotenv-exposed" not in self.faults:
            raise HTTPException(404)
        return Response("DATABASE_URL=postgres://tidemark:not-a-real-password@db.example/tidemark\n",
                        media_type="text/plain")  # fmt: skip

    # What browsers send back.

    async def rum(self, request: Request) -> Response:
        if "rum-404" in self.faults:
            raise HTTPException(404)
        beacon = await _json_object(request)
        metrics = beacon.get("metrics")
        if not isinstance(beacon.get("page"), str) or not isinstance(metrics, dict):
            return JSONResponse({"error": "not_a_beacon"}, 400)
        if not all(isinstance(value, int | float) for value in metrics.values()):
            return JSONResponse({"error": "not_a_number"}, 400)
        self.state.beacons = [*self.state.beacons[-99:], beacon]
        return Response(status_code=204)

    async def csp_report(self, request: Request) -> Response:
        await _limited_body(request)
        self.state.csp_reports += 1
        return Response(status_code=204)

    async def test_reset(self, request: Request) -> Response:
        _demand_test_header(request)
        self.state.reset()
        self._burst.clear()
        return JSONResponse({"ok": True})

    async def test_received(self, request: Request) -> Response:
        _demand_test_header(request)
        return JSONResponse({"beacons": self.state.beacons, "csp_reports": self.state.csp_reports})


def _integrity(body: bytes) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(body).digest()).decode()


def _own_path(target: str) -> str:
    """The target if it is a path on this site, else nothing: a sign-in must not lead elsewhere."""
    safe = target.startswith("/") and not target.startswith("//") and "\\" not in target and target.isprintable()
    return target if safe else ""


def _demand_test_header(request: Request) -> None:
    if request.headers.get("x-test-reset") != "1":
        raise HTTPException(403)


async def _limited_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_LIMIT:
            raise HTTPException(413)
    return bytes(body)


async def _json_object(request: Request) -> dict[str, Any]:
    try:
        given = json.loads(await _limited_body(request))
    except ValueError:
        raise HTTPException(400) from None
    if not isinstance(given, dict):
        raise HTTPException(400)
    return given


async def _endless() -> AsyncIterator[bytes]:
    yield b'{"status":"ok","padding":"'
    block = b"x" * 65536
    for _ in range(200 * 16):
        yield block
        await asyncio.sleep(0)
    yield b'"}'


async def _drip() -> AsyncIterator[bytes]:
    for number in range(600):
        yield b'{"status":"ok"'[number : number + 1] or b" "
        await asyncio.sleep(1)
    yield b"}"
