"""What HTTP answers can do to a run: each is bounded, named, and never healthy."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from evidence_store.model import Outcome
from tasks.doors.http import MAX_REDIRECTS, HttpAnswer, HttpRequest, fetch
from tasks.probes.gather import ServiceProbes
from tests.flows.hostile_server import (
    Answer,
    Exchange,
    HostileServer,
    answer,
    closed_port,
    hostile_server,
    json_answer,
    redirect,
    self_signed,
)
from tests.flows.looking import Looked, look, write_plan

pytestmark = pytest.mark.real

LIMIT = 100_000
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def _endless(exchange: Exchange) -> None:
    exchange.send(HEAD + b"Connection: close\r\n\r\n")
    while not exchange.ended.is_set():
        exchange.send(b"x" * 65536)


def _endless_headers(exchange: Exchange) -> None:
    exchange.send(HEAD)
    while not exchange.ended.is_set():
        exchange.send(b"X-More: " + b"x" * 60_000 + b"\r\n")


def _slow_headers(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    exchange.drip(b"abc", 0.05)


def _slow_body(exchange: Exchange) -> None:
    exchange.send(HEAD + b"Content-Length: 100000\r\n\r\n")
    exchange.drip(b'{"status": "ok"', 0.05)


def _another_hop(exchange: Exchange) -> None:
    number = int(exchange.path.partition("?")[2] or 0)
    exchange.send(redirect(f"/hop?{number + 1}"))


@dataclass(frozen=True)
class Wrong:
    """An answer, the code and the words it must get, and whether redirects are followed."""

    name: str
    answers: Answer
    code: str
    says: str
    follow: bool = False


WRONG = [
    Wrong("headers-byte-by-byte", _slow_headers, "timeout", "no complete answer within 0.5 s (0 bytes came)"),
    Wrong("body-byte-by-byte", _slow_body, "timeout", "no complete answer within 0.5 s"),
    Wrong("silence", Exchange.hang, "timeout", "no complete answer within 0.5 s (0 bytes came)"),
    Wrong("endless-body", _endless, "too-large", "larger than 100,000 bytes; reading stopped"),
    Wrong("endless-headers", _endless_headers, "protocol", "broke off or did not speak HTTP"),
    Wrong(
        "gzip-bomb",
        answer(gzip.compress(b"0" * 50_000_000), "application/json", Content_Encoding="gzip"),
        "too-large",
        "larger than 100,000 bytes",
    ),
    Wrong("bad-gzip", answer(b"not gzip", "application/json", Content_Encoding="gzip"), "encoding", "encoding it decl"),
    Wrong("cut-short", HEAD + b'Content-Length: 500\r\n\r\n{"status"', "protocol", "broke off"),
    Wrong("no-answer", b"", "protocol", "broke off or did not speak HTTP"),
    Wrong("not-http", b"SSH-2.0-OpenSSH_9.2\r\n", "protocol", "did not speak HTTP"),
    Wrong("redirect-to-itself", redirect("/wrong"), "redirect-loop", "redirected 2 times, last to", follow=True),
    Wrong(
        "redirects-on-and-on", redirect("/hop"), "redirect-loop", f"redirected {MAX_REDIRECTS + 1} times", follow=True
    ),
    Wrong("redirect-to-file", redirect("file:///etc/passwd"), "host", "is not in allowed_hosts", follow=True),
    Wrong("redirect-to-nonsense", redirect("http://[::1/"), "protocol", "did not speak HTTP", follow=True),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_what_a_server_does_is_bounded_and_named(wrong: Wrong, server: HostileServer) -> None:
    """Every wrong answer ends in a problem with a code and a sentence, and never in an exception."""
    server.answers |= {"/wrong": wrong.answers, "/hop": _another_hop}
    request = HttpRequest(
        server.url("/wrong"), follow=wrong.follow, deadline_seconds=_deadline(wrong), max_body_bytes=LIMIT
    )
    came = fetch(request, ["127.0.0.1"])
    assert came.problem is not None
    assert (came.problem[0], wrong.says in came.problem[1]) == (wrong.code, True), came.problem
    assert len(came.body) <= LIMIT


def _deadline(wrong: Wrong) -> float:
    return 0.5 if wrong.code == "timeout" else 30


def _refused(_: HostileServer) -> HttpAnswer:
    return fetch(HttpRequest(f"http://127.0.0.1:{closed_port()}/"), ["127.0.0.1"])


def _unknown_name(_: HostileServer) -> HttpAnswer:
    return fetch(HttpRequest("http://nobody.invalid/"), ["nobody.invalid"])


def _untrusted(server: HostileServer) -> HttpAnswer:
    return fetch(HttpRequest(server.url("/health")), ["127.0.0.1"])


def _https_to_http(server: HostileServer) -> HttpAnswer:
    with hostile_server() as plain:
        return fetch(HttpRequest(plain.url("/health").replace("http:", "https:"), deadline_seconds=5), ["127.0.0.1"])


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileServer]:
    """A server whose certificate nobody vouches for."""
    with hostile_server(tls=self_signed(tmp_path_factory.mktemp("tls"))) as running:
        yield running


UNREACHED = {
    "refused": (_refused, "refused", "no connection to 127.0.0.1:"),
    "unknown-name": (_unknown_name, "dns", "the name nobody.invalid does not resolve"),
    "self-signed": (_untrusted, "tls", "CERTIFICATE_VERIFY_FAILED"),
    "https-to-http": (_https_to_http, "tls", "TLS with 127.0.0.1:"),
}


@pytest.mark.parametrize(("ask", "code", "says"), UNREACHED.values(), ids=UNREACHED.keys())
def test_a_server_that_is_not_reached_is_named(
    ask: Callable[[HostileServer], HttpAnswer], code: str, says: str, secured: HostileServer
) -> None:
    """Connection, name and certificate problems are told apart, and nothing was received."""
    came = ask(secured)
    assert came.problem is not None
    assert (came.problem[0], says in came.problem[1]) == (code, True), came.problem
    assert (came.status, came.body) == (None, b"")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_never_leads_to_a_foreign_host(status: str, server: HostileServer, stranger: HostileServer) -> None:
    """The foreign host is named in the problem, and it was never asked."""
    server.answers["/wrong"] = redirect(stranger.url("/health"), status)
    came = fetch(HttpRequest(server.url("/wrong"), follow=True), ["127.0.0.1"])
    assert came.problem == ("host", "127.0.0.2 is not in allowed_hosts; nothing was sent to it")
    assert stranger.paths() == []


UNHEALTHY: dict[str, tuple[Answer, Outcome, str]] = {
    "html": (answer("<!doctype html><p>up</p>"), Outcome.FAIL, "answered 'text/html; charset=utf-8' in place of JSON"),
    "html-called-json": (answer("<p>up</p>", "application/json"), Outcome.FAIL, "HTML in place of JSON"),
    "half-json": (answer('{"status": "ok"', "application/json"), Outcome.FAIL, "not JSON"),
    "deep-json": (answer("[" * 200_000, "application/json"), Outcome.FAIL, "not JSON"),
    "not-text": (answer(b"\xff\xfe\x00\x80", "application/json"), Outcome.FAIL, "not JSON"),
    "other-value": (json_answer({"status": "degraded"}), Outcome.FAIL, "/status is 'degraded' in place of 'ok'"),
    "no-value": (json_answer(["ok"]), Outcome.FAIL, "/status is nothing in place of 'ok'"),
    "redirect-to-login": (redirect("/en/"), Outcome.FAIL, "answered 302, a redirect to /en/"),
    "redirect-loop": (redirect("/redirect-loop"), Outcome.FAIL, "answered 302, a redirect to /redirect-loop"),
    "server-error": (answer("{}", "application/json", "500 Oops"), Outcome.FAIL, "answered 500 in place of 200"),
    "bad-gzip": (answer(b"no", "application/json", Content_Encoding="gzip"), Outcome.ERROR, "encoding it declares"),
    "cut-short": (HEAD + b'Content-Length: 500\r\n\r\n{"status":"ok"}', Outcome.ERROR, "broke off"),
    "endless-body": (_endless, Outcome.ERROR, "larger than 5,000,000 bytes; reading stopped"),
}


@pytest.fixture(scope="module")
def unhealthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looked]:
    """All unhealthy services and a healthy one, probed in one go."""
    folder = tmp_path_factory.mktemp("unhealthy")
    with ExitStack() as stack:
        server = stack.enter_context(hostile_server())
        server.answers |= {f"/{name}": answers for name, (answers, _, _) in UNHEALTHY.items()}
        services = [{"name": name, "url": f"/{name}", "expect": {"/status": "ok"}} for name in (*UNHEALTHY, "health")]
        services.append({"name": "down", "url": f"http://127.0.0.1:{closed_port()}/", "expect": {"/status": "ok"}})
        yield look(write_plan(folder, server.url(), {"health": {}}, services=services), [ServiceProbes()], folder)


@pytest.mark.parametrize("name", UNHEALTHY)
def test_a_service_that_answers_wrongly_is_not_healthy(name: str, unhealthy: Looked) -> None:
    """Each ends in fail or error with the reason, and the answer that was seen is evidence."""
    _, outcome, says = UNHEALTHY[name]
    decided = unhealthy.subject(f"service:{name}", "health")
    assert (decided.outcome, says in decided.reason) == (outcome, True), decided.reason
    assert not unhealthy.is_go


def test_one_service_that_is_down_costs_no_other(unhealthy: Looked) -> None:
    """Beside all the others the healthy one is healthy, and the one that is down is an error."""
    down = unhealthy.subject("service:down", "health")
    assert (down.outcome, "no connection to" in down.reason) == (Outcome.ERROR, True), down.reason
    assert unhealthy.subject("service:health", "health").outcome is Outcome.PASS
    kept = Path(unhealthy.workspace.bag, "data/probes/html.body").read_text()
    assert kept == "<!doctype html><p>up</p>"
