"""The judge of page health: a page passes only as itself, whole, and without an error anywhere."""

from __future__ import annotations

import pytest

from evidence_store.model import Outcome
from tasks.sweep.models import PageVisit, SeenRequest
from tests.tasks.judged_runs import BASE, STARTED, Case, assert_ends_as_said, judged, only_subject, plan_of

from .cases import API, BAD, BROKEN, GOOD, URL, evidence, findings, health, request, requests, said


@pytest.mark.parametrize("case", [*GOOD, *BAD, *BROKEN], ids=lambda case: case.name)
def test_outcome_of_each_case(case: Case) -> None:
    assert_ends_as_said(case)


def test_a_pass_says_how_much_was_looked_at() -> None:
    (finding,) = findings().findings
    assert finding.looked_at == "1 document, 3 requests, 21 characters of text, 1 console messages"
    assert finding.evidence == ("data/sweep/home@desktop/text.txt",)


def test_a_pass_says_how_much_the_plan_ignores() -> None:
    (finding,) = findings(
        requests=requests(request(API, 500)),
        messages=(said("boom"), said("hello", "log")),
        page={"ignore_requests": ["*/api/*"], "ignore_console": ["*"]},
    ).findings
    assert (finding.outcome, finding.looked_at.partition("; ")[2]) == (
        Outcome.PASS,
        "1 failed requests and 1 console errors ignored as planned",
    )


def test_every_fault_is_told_once() -> None:
    result = findings(
        text=b"Oops",
        status=500,
        requests=requests(request(API, 500), request(API, 500), request(API, None, "net::ERR_FAILED")),
        messages=(said("boom"), said("boom"), said("Failed to load resource: 500")),
    )
    assert [(finding.rule, finding.outcome) for finding in result.findings] == [
        ("status", Outcome.FAIL),
        ("must-show", Outcome.FAIL),
        ("request", Outcome.FAIL),
        ("request", Outcome.FAIL),
        ("console", Outcome.FAIL),
    ]


def test_a_repeated_failing_request_keeps_its_name_between_runs() -> None:
    first, second = (findings(requests=requests(request(API, status))).findings[0] for status in (500, 502))
    assert first.fingerprint == second.fingerprint
    other = findings(requests=requests(request(f"{API}-other", 500))).findings[0]
    assert other.fingerprint != first.fingerprint


NAMES = {
    "console errors": ({"messages": (said("no data"),)}, {"messages": (said("no access"),)}),
    "missing texts": ({"text": b"Oops"}, {"text": b"Oops", "page": {"must_show": ["Figures"]}}),
    "addresses": ({"final_url": f"{BASE}/en/login"}, {"final_url": f"{BASE}/en/error"}),
    "error pages": ({"title": "404"}, {"title": "Bad gateway"}),
}
SAME = {
    "numbers and queries in a console error": (
        {"messages": (said(f"{API}?at=17 failed after 31 ms\n  at app.js:1"),)},
        {"messages": (said(f"{API}?at=99 failed after 8 ms\n  at app.js:7"),)},
    ),
    "queries of an address": ({"final_url": f"{BASE}/en/login?t=1"}, {"final_url": f"{BASE}/en/login?t=2"}),
}


@pytest.mark.parametrize("name", [*NAMES, *SAME])
def test_what_is_waived_by_name_covers_the_same_fault_and_no_other(name: str) -> None:
    one, other = (findings(**changes).findings[0] for changes in (NAMES | SAME)[name])
    assert one.rule == other.rule
    assert (one.fingerprint == other.fingerprint) is (name in SAME)


def test_what_a_query_lost_is_named() -> None:
    changes = {"page": {"path": "/en/home?status=open&page=2"}, "url": f"{URL}?status=open&page=2"}
    warning, passed = findings(**changes, final_url=f"{URL}?page=2").findings
    assert (warning.word, warning.rule, passed.outcome) == ("warn", "query", Outcome.PASS)
    assert warning.message == f"its address no longer asks for status=open: it ended on {URL}?page=2"


def test_a_page_without_texts_is_told_as_a_warning_beside_the_pass() -> None:
    result = findings(page={"must_show": []})
    assert [(finding.word, finding.rule) for finding in result.findings] == [("warn", "must-show"), ("pass", "")]


def test_faults_beside_left_out_requests_are_told_and_the_page_is_an_error() -> None:
    subject = health(status=500, requests_left_out=3)
    assert subject.outcome is Outcome.ERROR
    assert len(subject.findings) == 2


def test_a_visit_of_a_page_the_plan_does_not_name_speaks_for_nothing() -> None:
    run, _ = evidence()
    plan = plan_of({"page-health": {}}, pages=[{"name": "other", "path": "/other", "must_show": ["Other"]}])
    assert judged("page-health", run, plan).findings == ()


def test_a_text_of_bytes_that_are_not_utf8_is_read_all_the_same() -> None:
    assert health(text=b"Welcome \xff\xfe").outcome is Outcome.PASS


def test_a_page_that_wrote_more_messages_than_were_kept_does_not_pass() -> None:
    assert health(messages_left_out=40).outcome is Outcome.ERROR


def test_an_uncaught_error_is_never_taken_for_a_failed_resource() -> None:
    assert health(messages=(said("Failed to load resource bundle: x", "uncaught"),)).outcome is Outcome.FAIL


STATE = {"name": "open", "do": [{"click": "#menu"}], "must_show": ["Settings"]}


def state(final_url: str, text: bytes = b"Settings", *asked: SeenRequest) -> tuple[Outcome, str]:
    """What a state of `home` ended in, whose steps led to this address."""
    run, plan = evidence(page={"states": [STATE]})
    run.evidence.clear()
    seen = {"final_url": final_url, "status": 200, "text": run.file("data/sweep/home.open@desktop/text.txt", text)}
    visit = PageVisit(
        subject="home.open@desktop",
        gathered_at=STARTED,
        page="home",
        state="open",
        viewport="desktop",
        url=URL,
        requests=asked,
        **seen,
    )
    subject = only_subject("page-health", run.add(visit), plan, "home.open@desktop")
    return subject.outcome, subject.reason


def test_a_state_is_where_its_steps_led_and_shows_its_own_texts() -> None:
    assert state(f"{BASE}/en/settings")[0] is Outcome.PASS
    assert state(f"{BASE}/en/home", b"Welcome") == (Outcome.FAIL, "1 of 1 texts are not on the page: 'Settings'")
    outcome, reason = state("https://elsewhere.example/settings")
    assert (outcome, "a host that allowed_hosts does not list" in reason) == (Outcome.FAIL, True)


@pytest.mark.parametrize(
    ("picture", "text", "warned"),
    [
        (b"page", b"Welcome", ["no-effect"]),
        (b"menu", b"Welcome", []),
        (b"page", b"Settings", []),
        (None, b"Welcome", []),
    ],
    ids=["nothing changed", "another picture", "another text", "no picture"],
)
def test_a_state_that_is_its_page_all_over_is_told(picture: bytes | None, text: bytes, warned: list[str]) -> None:
    run, plan = evidence(page={"must_show": ["e"], "states": [STATE | {"must_show": ["e"]}]})
    run.evidence.clear()
    for state, shown, words in (("", b"page", b"Welcome"), ("open", picture, text)):
        folder = f"data/sweep/home{state}"
        run.add(
            PageVisit(
                subject=f"home{f'.{state}' * bool(state)}@desktop",
                gathered_at=STARTED,
                page="home",
                state=state,
                viewport="desktop",
                url=URL,
                final_url=URL,
                status=200,
                text=run.file(f"{folder}/text.txt", words),
                screenshot=None if shown is None else run.file(f"{folder}/screenshot.png", shown, "image/png"),
            )
        )
    found = judged("page-health", run, plan).findings
    assert {finding.subject: finding.outcome for finding in found if finding.gates} == {
        "home@desktop": Outcome.PASS,
        "home.open@desktop": Outcome.PASS,
    }
    assert [finding.rule for finding in found if finding.word == "warn"] == warned


@pytest.mark.parametrize("address", [URL, f"{BASE}/en/settings"])
def test_a_document_that_the_steps_led_to_and_that_answers_an_error_is_told(address: str) -> None:
    asked = (request(URL, kind="document"), request(address, 500, kind="document"))
    assert state(address, b"Settings", *asked) == (Outcome.FAIL, f"GET {address} answered 500")


def test_third_parties_are_reported_in_the_pass() -> None:
    result = findings(
        requests=requests(request("https://fonts.example/a.css").model_copy(update={"third_party": True})),
        third_parties=["fonts.example"],
    )
    assert "to third parties: fonts.example" in result.findings[0].looked_at
