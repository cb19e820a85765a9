"""Health addresses and the release: what is asked, and what of the answers is believed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tasks.discovery.addresses import origin_of
from tasks.discovery.crawl import Site
from tasks.discovery.robots import Robots
from tasks.discovery.services import MOST_SEEN, distinct_services, named_in, says_well
from tasks.doors.http import HttpAnswer, HttpRequest

SITE = Site(origin_of("https://shop.example"), Robots())
OK = {"status": "ok"}


def answer(content: Any = None, status: int = 200, content_type: str = "application/json", **more: Any) -> HttpAnswer:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    url = "https://shop.example/x"
    return HttpAnswer(HttpRequest(url), url, status, (("Content-Type", content_type),), body, 0.01, **more)


def found(answers: Mapping[str, HttpAnswer], **beside: HttpAnswer) -> list[str]:
    """The addresses that count; `beside`: answers to what cannot exist, by folder (`root` is that of the site)."""
    well = {path: expect for path, given in answers.items() if (expect := says_well(given)) is not None}
    missing = {"" if folder == "root" else f"/{folder}": given for folder, given in beside.items()}
    return [path for path, _ in distinct_services(well, missing)]


NO_HEALTH = {
    "HTML that answers everything": answer(b"<!doctype html><title>ok</title>", content_type="text/html"),
    "HTML that calls itself JSON": answer(b"<!doctype html><title>ok</title>"),
    "a redirect to the sign-in": answer(b"", 302),
    "not found": answer(OK, 404),
    "degraded": answer({"status": "degraded"}),
    "cut off": answer(OK, problem=("too-large", "more than 1,000,000 bytes")),
    "JSON that says nothing of health": answer({"version": "1.2.3"}),
}


@pytest.mark.parametrize("given", NO_HEALTH.values(), ids=NO_HEALTH.keys())
def test_an_answer_that_says_no_health_is_not_believed(given: HttpAnswer) -> None:
    assert found({"/health": given}) == []


def test_a_server_that_is_well_at_every_address_has_no_health_address() -> None:
    """By what it says: the answer may also repeat the address."""
    answers = {"/health": answer(OK | {"path": "/health"}), "/api/health": answer(OK)}
    assert found(answers, root=answer(OK | {"path": "/stageproof-1"}), api=answer({}, 404)) == ["/api/health"]


def test_addresses_of_one_folder_that_answer_alike_are_one_service() -> None:
    answers = {
        "/health": answer(OK),
        "/healthz": answer(OK),
        "/ready": answer({"ready": True}),
        "/pay/health": answer(OK),
    }
    assert found(answers, root=answer({}, 404), pay=answer({}, 404)) == ["/health", "/ready", "/pay/health"]


def test_a_directory_names_the_health_of_its_services() -> None:
    """A registry, HAL links, an API catalogue (RFC 9727); only addresses of this site that are named for health."""
    directory = {
        "services": [{"name": "pay", "health": "/services/pay/health"}, {"docs": "/docs", "status": "ok"}],
        "_links": {"health": {"href": "https://shop.example/actuator/health"}},
        "linkset": [{"status": [{"href": "https://shop.example/apis/pay/status?full=1"}]}],
        "others": ["https://evil.example/health", "http://[::1/health", "javascript:/health", 7, None],
    }
    assert sorted(named_in(SITE, answer(directory))) == ["/actuator/health", "/apis/pay/status", "/services/pay/health"]
    assert named_in(SITE, answer(directory, 401)) == []
    assert named_in(SITE, answer(b"<html>", content_type="text/html")) == []


def test_a_directory_without_end_is_read_to_a_bound() -> None:
    assert len(named_in(SITE, answer([f"/{number}/health" for number in range(10_000)]))) == MOST_SEEN
