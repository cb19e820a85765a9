"""HTTP as a careful stranger speaks it: every answer is bounded in time, size, redirects and hosts.

Rules:

- the whole exchange has one deadline, so a server that sends a byte a second cannot hold a run;
- a body is read up to a limit and then dropped, so an endless one cannot fill a disk;
- redirects are followed only when asked, at most ten, and never to a host that is not allowed;
- what went wrong is named (`dns`, `refused`, `tls`, `timeout`, ...) and never raised past this module.

httpx stays behind this module: its releases are rare, and its successor can then replace it in one place. It is
imported with the first request, because it brings a command line of its own along, and many runs need neither.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    import httpx

MAX_BODY_BYTES = 5_000_000
DEADLINE_SECONDS = 15.0
MAX_REDIRECTS = 10
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class HttpRequest:
    """One request to make. `follow` says whether redirects are followed."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    json_body: Any = None
    follow: bool = False
    deadline_seconds: float = DEADLINE_SECONDS
    max_body_bytes: int = MAX_BODY_BYTES


@dataclass(frozen=True)
class HttpAnswer:
    """What came back. `problem` is a short code and a sentence when there is no complete answer."""

    request: HttpRequest
    url: str
    status: int | None
    headers: tuple[tuple[str, str], ...]
    body: bytes
    seconds: float
    redirects: tuple[str, ...] = ()
    problem: tuple[str, str] | None = None

    def header(self, name: str) -> str:
        """The first value of a header, or an empty text."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def fetch(request: HttpRequest, allowed_hosts: Sequence[str]) -> HttpAnswer:
    """Make one request; never raises for what the network or the server does."""
    return fetch_all([request], allowed_hosts)[0]


def fetch_all(requests: Sequence[HttpRequest], allowed_hosts: Sequence[str], at_a_time: int = 8) -> list[HttpAnswer]:
    """Make several requests at a time; answers in the order of the requests."""
    import httpx

    async def everything() -> list[HttpAnswer]:
        turn = asyncio.Semaphore(at_a_time)
        async with httpx.AsyncClient(verify=_tls(), follow_redirects=False, timeout=None) as client:  # noqa: S113

            async def one(request: HttpRequest) -> HttpAnswer:
                async with turn:
                    return await _exchange(client, request, allowed_hosts)

            return list(await asyncio.gather(*(one(request) for request in requests)))

    return asyncio.run(everything())


async def _exchange(client: httpx.AsyncClient, request: HttpRequest, allowed_hosts: Sequence[str]) -> HttpAnswer:
    import httpx

    started = time.monotonic()
    url = request.url
    redirects: list[str] = []
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body = bytearray()

    def answer(problem: tuple[str, str] | None = None) -> HttpAnswer:
        seconds = round(time.monotonic() - started, 4)
        return HttpAnswer(request, url, status, headers, bytes(body), seconds, tuple(redirects), problem)

    try:
        async with asyncio.timeout(request.deadline_seconds):
            while True:
                if urlsplit(url).hostname not in allowed_hosts:
                    return answer(("host", f"{urlsplit(url).hostname} is not in allowed_hosts; nothing was sent to it"))
                async with client.stream(
                    request.method, url, headers=dict(request.headers), json=request.json_body
                ) as response:
                    status = response.status_code
                    headers = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in response.headers.raw)
                    if request.follow and status in REDIRECTS and response.headers.get("location"):
                        following = urljoin(url, response.headers["location"])
                        redirects.append(following)
                        if redirects.count(following) > 1 or len(redirects) > MAX_REDIRECTS:
                            return answer(("redirect-loop", f"redirected {len(redirects)} times, last to {following}"))
                        url = following
                        continue
                    async for chunk in response.aiter_bytes():
                        body.extend(chunk)
                        if len(body) > request.max_body_bytes:
                            del body[request.max_body_bytes :]
                            return answer(
                                (
                                    "too-large",
                                    f"the body is larger than {request.max_body_bytes:,} bytes; reading stopped",
                                )
                            )
                    return answer()
    except TimeoutError:
        return answer(
            ("timeout", f"no complete answer within {request.deadline_seconds:g} s ({len(body):,} bytes came)")
        )
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
        return answer(_named(error, url))


def _named(error: Exception, url: str) -> tuple[str, str]:
    import httpx

    chain: list[BaseException] = [error]
    while (following := chain[-1].__cause__ or chain[-1].__context__) is not None and following not in chain:
        chain.append(following)
    host = urlsplit(url).netloc
    words = str(error) or type(error).__name__
    if any(isinstance(link, socket.gaierror) for link in chain):
        return ("dns", f"the name {urlsplit(url).hostname} does not resolve")
    if any(isinstance(link, ssl.SSLError) for link in chain) or "SSL" in words or "CERTIFICATE" in words:
        return ("tls", f"TLS with {host} failed: {words}")
    if isinstance(error, httpx.ConnectError):
        return ("refused", f"no connection to {host}: {words}")
    if isinstance(error, httpx.DecodingError):
        return ("encoding", f"the body from {host} is not in the encoding it declares: {words}")
    return ("protocol", f"{host} broke off or did not speak HTTP: {words}")
