"""Which addresses say that a service is well, and which one names the release: asked for, never guessed.

Rules:

- asked are a short list of usual addresses, those that pages link to or ask themselves, and those that a directory of
  services names; no redirect is followed, and robots.txt is kept to;
- an address counts when it answers 200 and says in JSON, or in one line of plain text, that something is well: a page
  of HTML, a redirect to a sign-in and "degraded" do not count;
- an address counts only when one beside it that cannot exist answers otherwise: some servers are well at every address;
- addresses of one folder that answer alike are one service.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from urllib.parse import urljoin

from tasks.discovery.addresses import names_health
from tasks.discovery.crawl import Site
from tasks.discovery.proposal import (
    Expected,
    health_of,
    release_in,
    release_in_headers,
    release_in_meta,
    unique_services,
)
from tasks.discovery.seen import FoundRelease, FoundService
from tasks.doors.http import HttpAnswer, HttpRequest, fetch_all
from tasks.reading import parse_json

HEALTH_PATHS = (
    "/health", "/healthz", "/api/health", "/api/healthz", "/ready", "/readyz", "/api/ready", "/livez", "/status",
    "/api/status", "/_health", "/health.json", "/healthcheck", "/ping", "/api/ping", "/api/v1/health",
    "/actuator/health", "/q/health", "/-/health", "/-/healthz", "/-/healthy", "/-/ready", "/.well-known/health",
    "/.well-known/ready",
)  # fmt: skip
DIRECTORY_PATHS = ("/api/services", "/services", "/services.json", "/actuator", "/.well-known/api-catalog")
"""JSON that names the health addresses of several services; the last one is RFC 9727."""
RELEASE_PATHS = (
    "/version.json", "/version", "/api/version", "/release.json", "/build.json", "/build-info.json", "/version.txt",
    "/api/admin/version", "/actuator/info", "/REVISION", "/-/version", "/-/versions.json",
)  # fmt: skip
MOST_SEEN = 20
"""Health addresses that pages and directories name: more than these are not asked."""
SECONDS = 5.0
AT_A_TIME = 8


def ask_services(
    site: Site, hosts: Sequence[str], asked: Collection[str], start: str
) -> tuple[list[FoundService], FoundRelease]:
    """The services that said they are well, and where the release stands."""
    page = start.partition("#")[0]
    seen = [*site.health_links, *sorted(filter(names_health, asked))]
    first = _answers(site, hosts, [page, *HEALTH_PATHS, *seen[:MOST_SEEN], *DIRECTORY_PATHS, *RELEASE_PATHS])
    named = [path for directory in DIRECTORY_PATHS if directory in first for path in named_in(site, first[directory])]
    answers = first | _answers(site, hosts, [path for path in named[:MOST_SEEN] if path not in first])

    asked_for_health = {*HEALTH_PATHS, *seen, *named}
    well = {path: expect for path in answers if path in asked_for_health and (expect := says_well(answers[path]))}
    nowhere = {folder: f"{folder}/stageproof-{secrets.token_hex(6)}" for folder in {"", *map(_folder, well)}}
    beside = _answers(site, hosts, nowhere.values())
    missing = {folder: beside[path] for folder, path in nowhere.items() if path in beside}
    return unique_services(distinct_services(well, missing)), _release(answers, page, missing.get(""))


def _answers(site: Site, hosts: Sequence[str], paths: Iterable[str]) -> dict[str, HttpAnswer]:
    # What is named for health is asked whatever it is the health of: `/services/pay/health` pays nothing.
    allowed = [path for path in dict.fromkeys(paths) if site.robots.allows(path)]
    requests = [
        HttpRequest(urljoin(site.origin.base_url, path), deadline_seconds=SECONDS, max_body_bytes=1_000_000)
        for path in allowed
    ]
    return dict(zip(allowed, fetch_all(requests, hosts, at_a_time=AT_A_TIME), strict=True))


def _folder(path: str) -> str:
    return path.rstrip("/").rpartition("/")[0]


def named_in(site: Site, directory: HttpAnswer) -> list[str]:
    """Health addresses of this site that a JSON answer names, wherever in it they stand."""
    if not _is_plain_success(directory):
        return []
    content, problem = parse_json(directory.body, directory.header("content-type"))
    found: dict[str, None] = {}
    waiting = [content] if problem is None else []
    while waiting and len(found) < MOST_SEEN:
        one = waiting.pop(0)
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str) and one.startswith(("/", "http://", "https://")):
            path = site.health_path(f"{site.origin.base_url if one[0] == '/' else ''}{one[:1_000]}")
            found |= {path: None} if path else {}
    return list(found)


def says_well(answer: HttpAnswer) -> Expected | None:
    """What an answer says of health, as a plan writes it; None when it says nothing, or leads elsewhere."""
    return health_of(answer.body, answer.header("content-type")) if _is_plain_success(answer) else None


def _is_plain_success(answer: HttpAnswer) -> bool:
    return answer.problem is None and answer.status == 200


def distinct_services(well: Mapping[str, Expected], beside: Mapping[str, HttpAnswer]) -> list[tuple[str, Expected]]:
    """Addresses that speak for a service each; `beside`: by folder, the answer to what cannot exist in it."""
    told: set[tuple[str, str]] = set()
    services = []
    for path, expect in well.items():
        folder = _folder(path)
        key = (folder, repr(sorted(expect.items(), key=str)))
        if key in told or (folder in beside and says_well(beside[folder]) == expect):
            continue
        told.add(key)
        services.append((path, expect))
    return services


def _release(answers: Mapping[str, HttpAnswer], start: str, missing: HttpAnswer | None) -> FoundRelease:
    everywhere = missing.body if missing is not None and _is_plain_success(missing) else None
    for path in RELEASE_PATHS:
        answer = answers.get(path)
        if answer is not None and _is_plain_success(answer) and answer.body != everywhere:
            found = release_in(path, answer.body, answer.header("content-type"))
            if found:
                return found
    page = answers.get(start)
    if page is None:
        return FoundRelease()
    if _is_plain_success(page):
        in_meta = release_in_meta(start, page.body.decode("utf-8", "replace"))
        if in_meta:
            return in_meta
    header = release_in_headers(page.headers)
    return FoundRelease(note=f"the header {header} names one, but a plan reads a release from a body" if header else "")
