"""What the rehearsal makes of its looks, and that it ends in time; looks by a browser are in tests/flows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from evidence_store.model import Finding, Outcome
from evidence_store.workspace import Workspace, evidence_of
from tasks.contract import GatherError, Shard
from tasks.discovery import rehearsal
from tasks.discovery.addresses import origin_of
from tasks.discovery.discover import Proposal, ProposedPage, Wish
from tasks.discovery.rehearsal import NO_TIME, Rehearsed, judged_page, rehearse
from tasks.discovery.seen import FoundRelease
from tasks.discovery.templates import Kind
from tasks.plan import Plan
from tasks.sweep.models import PageVisit

BOTH = ("desktop", "phone")


def proposed_page(name: str = "orders", must_show: Sequence[str] = ("Orders",), **more: Any) -> ProposedPage:
    return ProposedPage(name, f"/{name}", None, must_show, Kind(f"/{name}", (f"/{name}",), 1, ()), **more)


def looks(desktop: str, phone: str) -> Mapping[str, Rehearsed]:
    return {
        "orders@desktop": Rehearsed(desktop, True, ""),
        "orders@phone": Rehearsed(phone, True, ""),
        "elsewhere@phone": Rehearsed("", False, "another page's"),
    }


# -- texts ------------------------------------------------------------------------------------------------------------


def test_a_text_that_a_viewport_hides_is_replaced_by_one_that_all_show() -> None:
    """Nothing is left to do then, so nothing is marked."""
    page = proposed_page(must_show=("Orders", "Export them"), spare_texts=("Columns", "Filter them"))
    judged = judged_page(page, looks("Orders Export them Columns Filter them", "Orders Filter\u00a0 them"))
    assert (judged.must_show, judged.notes) == (("Orders", "Filter them"), ())


def test_a_headline_that_a_viewport_hides_is_missed_when_the_telling_text_stays() -> None:
    """No spare is needed; that the headline is gone is worth a look."""
    page = proposed_page(must_show=("Orders", "Export them"), spare_texts=("Filter them",))
    judged = judged_page(page, looks("Orders Export them Filter them", "Export them Filter them"))
    assert judged.must_show == ("Export them",)
    assert judged.notes == ("in phone it does not show 'Orders', which was taken out of must_show",)


def test_when_no_spare_is_shown_everywhere_a_person_is_told() -> None:
    judged = judged_page(proposed_page(spare_texts=("Columns",)), looks("Orders Columns", "Menu"))
    assert (judged.must_show, len(judged.notes)) == ((), 1)


def test_a_page_without_a_text_gets_none_from_its_spares() -> None:
    """There are none then: a page whose texts were all found wanting says so already."""
    assert judged_page(proposed_page(must_show=()), looks("Orders", "Orders")).must_show == ()


def test_a_look_that_was_not_made_is_told_once_for_both_viewports() -> None:
    """Its texts stay: nothing speaks against them."""
    untried = Rehearsed("", True, NO_TIME)
    judged = judged_page(proposed_page(), {f"orders@{viewport}": untried for viewport in BOTH})
    assert (judged.must_show, judged.notes) == (("Orders",), (f"in desktop and phone {NO_TIME}",))


# -- time -------------------------------------------------------------------------------------------------------------


class Clock:
    """Time that passes with looks alone."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


class Sweep:
    """A source without a browser: each look takes a second, shows `shows`, and its shards are made one by one."""

    shows = "Orders"
    made: list[str]
    clock: Clock
    breaks_at = ""

    def shards(self, plan: Plan) -> Sequence[Shard]:
        return [Shard("all", plan.page_subjects())]

    def gather(self, plan: Plan, shard: Shard, workspace: Workspace) -> None:
        visits = []
        try:
            for subject in shard.members:
                if subject == self.breaks_at:
                    raise GatherError("the browser cannot be started")
                self.clock.now += 1
                self.made.append(subject)
                page, _, viewport = subject.partition("@")
                text = workspace.write(f"data/sweep/{subject}/text.txt", self.shows.encode(), "text/plain")
                visits.append(
                    PageVisit(
                        subject=subject, gathered_at=datetime.now(UTC), page=page, viewport=viewport, url="http://a/",
                        environment="", text=text, stable=True,
                    )
                )  # fmt: skip
                workspace.on_look("sweep", subject)
        finally:
            workspace.write_evidence("sweep", shard.id, visits)


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch) -> Sweep:
    source = Sweep()
    source.clock, source.made = Clock(), []
    monkeypatch.setattr(rehearsal, "PageSweep", lambda: source)
    monkeypatch.setattr(rehearsal, "time", source.clock)
    return source


def proposed(*pages: ProposedPage) -> Proposal:
    return Proposal(
        wish=Wish("http://shop.example/", "shop"), origin=origin_of("http://shop.example"), pages=pages, left_out=(),
        services=(), release=FoundRelease(), third_parties=(), budgets=(), skipped={}, notes=["as before"], found=3,
        visited=3, kinds=3,
    )  # fmt: skip


def quiet(_phase: str, _counts: Mapping[str, int]) -> None:
    """Nobody watches."""


def no_faults(_plan: Plan, _workspace: Workspace) -> Sequence[Finding]:
    return ()


THREE = [proposed_page(name) for name in ("orders", "stock", "crew")]


def test_when_the_time_is_over_no_further_look_is_begun(sweep: Sweep) -> None:
    """What was looked at counts, what was not is named: page by page, and once for all."""
    rehearsed = rehearse(proposed(*THREE), quiet, 3, no_faults)
    assert len(sweep.made) == 3
    assert [len(page.notes) for page in rehearsed.pages] == [0, 1, 1]
    assert rehearsed.pages[1].notes == (f"in phone {NO_TIME}",)
    assert [page.must_show for page in rehearsed.pages] == [("Orders",)] * 3
    assert rehearsed.notes[0] == "as before"
    assert rehearsed.notes[1].startswith("3 of the 6 looks of the rehearsal were not made")


def test_without_any_time_left_there_is_a_plan_all_the_same(sweep: Sweep) -> None:
    rehearsed = rehearse(proposed(*THREE), quiet, 0, no_faults)
    assert (sweep.made, len(rehearsed.pages)) == ([], 3)
    assert all(page.notes == (f"in desktop and phone {NO_TIME}",) for page in rehearsed.pages)


def test_with_time_enough_nothing_is_noted(sweep: Sweep) -> None:
    rehearsed = rehearse(proposed(*THREE), quiet, 100, no_faults)
    assert (len(sweep.made), rehearsed.notes) == (6, ["as before"])
    assert not any(page.notes for page in rehearsed.pages)


def test_a_second_try_that_there_was_no_time_for_proves_nothing(sweep: Sweep) -> None:
    """The texts that its first one missed are not taken back in."""
    sweep.shows = "Something else"
    rehearsed = rehearse(proposed(THREE[0]), quiet, 3, no_faults)
    assert len(sweep.made) == 3
    assert (rehearsed.pages[0].must_show, rehearsed.pages[0].freeze_time) == ((), True)


def test_what_a_run_would_find_wrong_is_told_before_it(sweep: Sweep) -> None:
    """Once for both viewports; not the texts, which are mended here, and nothing that only warns."""

    def faults(plan: Plan, workspace: Workspace) -> Iterator[Finding]:
        assert len(evidence_of(workspace, PageVisit)) == len(plan.page_subjects())
        for viewport in BOTH:
            subject = f"orders@{viewport}"
            yield Finding(outcome=Outcome.FAIL, subject=subject, rule="request", message="GET /x answered 404")
            yield Finding(outcome=Outcome.FAIL, subject=subject, rule="must-show", message="1 of 1 texts is not there")
            yield Finding(outcome=Outcome.FAIL, subject=subject, rule="dialog", message="asked", gates=False)
            yield Finding(outcome=Outcome.PASS, subject=subject, message="1 document")

    orders, stock = rehearse(proposed(*THREE[:2]), quiet, 100, faults).pages
    assert stock.notes == ()
    (note,) = orders.notes
    assert note.startswith("a run fails on it as it is: GET /x answered 404; mend it")


def test_what_is_wrong_with_many_pages_is_told_once(sweep: Sweep) -> None:
    def faults(plan: Plan, workspace: Workspace) -> Iterator[Finding]:
        for subject in plan.page_subjects():
            yield Finding(outcome=Outcome.FAIL, subject=subject, message="GET /me answered 404")
        yield Finding(outcome=Outcome.FAIL, subject="crew@phone", message="uncaught: no crew")

    rehearsed = rehearse(proposed(*THREE), quiet, 100, faults)
    assert [len(page.notes) for page in rehearsed.pages] == [0, 0, 1]
    (note,) = rehearsed.notes[1:]
    assert note.startswith("a run fails on 3 of these pages as they are: GET /me answered 404")


def test_no_key_of_an_address_or_of_the_console_comes_into_the_plan(sweep: Sweep) -> None:
    def faults(plan: Plan, workspace: Workspace) -> Iterator[Finding]:
        workspace.redactor.learn("key-of-the-yard-4711", "cookie:yard")
        for message in ("GET http://a/x?sig=secret-of-the-store answered 404", "uncaught: key-of-the-yard-4711 is old"):
            yield Finding(outcome=Outcome.FAIL, subject="orders@phone", message=message)

    (orders,) = rehearse(proposed(THREE[0]), quiet, 100, faults).pages
    told = " ".join(orders.notes)
    assert ("GET http://a/x?… answered 404" in told, "is old" in told) == (True, True)
    assert ("secret-of-the-store" in told, "key-of-the-yard" in told) == (False, False)


def test_a_browser_that_cannot_be_started_is_not_taken_for_want_of_time(sweep: Sweep) -> None:
    sweep.breaks_at = "stock@desktop"
    rehearsed = rehearse(proposed(*THREE), quiet, 100, no_faults)
    assert rehearsed.notes == ["as before"]
    assert "the browser cannot be started" in rehearsed.pages[2].notes[0]
