"""The crawl over sites that exist in memory only: what is visited, what is not, and that it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from tasks.discovery.addresses import origin_of
from tasks.discovery.crawl import GIVE_UP_AFTER, MOST_FRUITLESS, Budget, Limits, Site, crawl
from tasks.discovery.robots import Robots
from tasks.discovery.seen import Link, Look, SeenPage
from tasks.discovery.templates import structure_of
from tasks.discovery.visits import DOWNLOAD

BASE = "https://shop.example"


class Memory:
    """A visitor of pages that a function makes: address -> (headline, links), or None for a page that hangs."""

    def __init__(
        self,
        pages: Callable[[str], tuple[str, list[str]] | None],
        problem: str = "did not load",
        moved: Mapping[str, str] | None = None,
    ) -> None:
        self.pages = pages
        self.problem = problem
        self.moved = moved or {}
        self.asked: list[str] = []

    def see(self, address: str) -> SeenPage:
        self.asked.append(address)
        found = self.pages(address)
        if found is None:
            return SeenPage(address, address, problem=self.problem)
        headline, links = found
        look = Look(
            title="", headings=[(1, headline)], phrases=[], text=headline, steps=[headline.split()[0]], signs_in=False,
            links=[Link(href=BASE + link, text="", marked=False) for link in links], versions=[],
        )  # fmt: skip
        return SeenPage(address, self.moved.get(address, address), 200, look, structure_of(look.steps))


def crawled(pages: Callable[[str], tuple[str, list[str]] | None], **more: Any) -> tuple[Memory, Site]:
    visitor = Memory(pages, more.pop("problem", "did not load"))
    site = Site(origin_of(BASE), more.pop("robots", Robots()))
    site.depths["/"] = 0
    budget = Budget(more.pop("visits", 100), time.monotonic() + more.pop("seconds", 60))
    crawl(site, visitor, Limits(**more), budget, lambda _phase, _counts: None, [])  # type: ignore[arg-type]
    return visitor, site


def crawl_with(visitor: Memory) -> Mapping[str, SeenPage]:
    site = Site(origin_of(BASE), Robots())
    site.depths["/"] = 0
    budget = Budget(100, time.monotonic() + 60)
    return crawl(site, visitor, Limits(), budget, lambda _phase, _counts: None, [])  # type: ignore[arg-type]


def test_four_pages_of_a_kind_are_enough() -> None:
    """The others are known and not visited; a page of its own is visited whatever it is beside."""
    links = [*(f"/product/{number}" for number in range(500)), "/about"]
    visitor, site = crawled(lambda address: ("Product", []) if "product" in address else ("Home", links))
    assert len([one for one in visitor.asked if one.startswith("/product/")]) == 4
    assert ("/about" in visitor.asked, len(site.depths)) == (True, 502)


def test_every_kind_is_seen_before_any_is_seen_often() -> None:
    links = [*(f"/a/{number}" for number in range(90)), *(f"/b/{number}" for number in range(90))]
    visitor, _ = crawled(lambda address: (f"{address} x", []) if address != "/" else ("Home", links), visits=5)
    assert sorted(one[:3] for one in visitor.asked) == ["/", "/a/", "/a/", "/b/", "/b/"]


def test_a_chain_of_links_ends_at_its_depth() -> None:
    def chain(address: str) -> tuple[str, list[str]]:
        return f"{address} x", [f"/page-{chr(97 + len(visitor_seen))}"]

    visitor_seen: list[str] = []

    def pages(address: str) -> tuple[str, list[str]]:
        answer = chain(address)
        visitor_seen.append(address)
        return answer

    visitor, site = crawled(pages, max_depth=3)
    assert len(visitor.asked) == 4
    assert site.skipped.counts == {"more than 3 links away": 1}


def test_queries_that_show_the_same_are_left_out_and_those_that_tell_something_else_are_pages() -> None:
    def pages(address: str) -> tuple[str, list[str]]:
        if address.startswith("/index"):
            return (f"{address.partition('=')[2] or 'Home'} page", [])
        if address.startswith("/list"):
            return ("List of things", [])
        return "Start", [*(f"/list?sort={key}" for key in "abc"), *(f"/index?show={key}" for key in ("about", "team"))]

    visitor, _ = crawled(pages)
    assert sorted(visitor.asked) == ["/", "/index", "/index?show=about", "/index?show=team", "/list", "/list?sort=a"]


def test_of_sections_that_hold_the_same_things_each_is_visited_once_or_so() -> None:
    """Ten tables of rows: not four rows of each."""
    rows = [f"/table-{letter}/{number}" for letter in "abcdefghij" for number in range(50)]
    visitor, _ = crawled(lambda address: ("Row", []) if address != "/" else ("Home", rows))
    visits = [one for one in visitor.asked if one.count("/") == 2]
    assert len({one.split("/")[1] for one in visits}) == 10
    assert len(visits) <= 20


def test_health_addresses_that_pages_link_to_are_kept_though_they_are_no_pages() -> None:
    links = ["/services/pay/health.json", "/healthy-food", "/x/readyz", "/logout/health"]
    _, site = crawled(lambda _address: ("Home", links))
    assert list(site.health_links) == ["/services/pay/health.json", "/x/readyz", "/logout/health"]


def test_what_is_no_address_at_all_is_passed_over() -> None:
    """Sitemaps are written by hand."""
    site = Site(origin_of(BASE), Robots())
    site.hear_of("https://[::1/health", 1, 8)
    assert (site.depths, dict(site.health_links)) == ({}, {})


def test_a_download_and_an_error_of_one_page_do_not_end_the_crawl() -> None:
    """The site answered: it is up."""
    links = [f"/{word}/x" for word in ("a", "b", "c", "d", "e", "f", "g", "h")]
    visitor, site = crawled(lambda address: ("Home", links) if address == "/" else None, problem=DOWNLOAD)
    assert (len(visitor.asked), site.notes) == (1 + len(links), [])


def test_a_shape_that_never_shows_anything_is_left() -> None:
    """Files under addresses like those of pages; the page that is linked last is still seen."""
    links = [*(f"/file/{number}" for number in range(200)), "/about/us"]
    visitor, _ = crawled(
        lambda address: None if "file" in address else ("Page of us", links if address == "/" else []), problem=DOWNLOAD
    )
    assert len([one for one in visitor.asked if "file" in one]) == MOST_FRUITLESS
    assert "/about/us" in visitor.asked


def test_robots_and_actions_hold_for_links() -> None:
    links = ["/private/x", "/logout", "/fine"]
    visitor, site = crawled(lambda _address: ("Home", links), robots=Robots([("/private", False)]))
    assert visitor.asked == ["/", "/fine"]
    assert site.may_open("https://elsewhere.example/logout"), "other hosts are the browser's to refuse"
    assert not site.may_open(f"{BASE}/private/x")
    assert not site.may_open(f"{BASE}/logout")


def test_a_site_that_goes_down_ends_the_crawl() -> None:
    links = [f"/{word}/x" for word in ("a", "b", "c", "d", "e", "f", "g", "h")]
    visitor, site = crawled(lambda address: ("Home", links) if address == "/" else None)
    assert len(visitor.asked) == 1 + GIVE_UP_AFTER
    assert "5 visits in a row led to nothing (did not load)" in site.notes[0]


def test_a_crawl_ends_with_its_visits_and_its_time() -> None:
    def endless(address: str) -> tuple[str, list[str]]:
        return f"{address} x", [f"{address}{letter}" for letter in "abc"]

    assert len(crawled(endless, visits=7)[0].asked) == 7
    assert crawled(endless, seconds=-1)[0].asked == []


def test_a_page_that_only_a_redirect_leads_to_is_visited_without_the_query_of_it() -> None:
    """Where it ends may be one view of many."""

    def pages(address: str) -> tuple[str, list[str]]:
        return ("Home", ["/experiment"]) if address == "/" else ("Runs", [])

    visitor = Memory(pages, moved={"/experiment": "/runs?tab=all"})
    visited = crawl_with(visitor)
    assert visitor.asked == ["/", "/experiment", "/runs"]
    assert visited["/runs?tab=all"].is_shown
