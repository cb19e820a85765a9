"""What of an address names a page besides its path: the key of an old site, and not what sorts, filters or counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from tasks.discovery.addresses import shapes_of, value_of, with_one_key, without_query
from tasks.discovery.naming import shows_the_same
from tasks.discovery.seen import Look, SeenPage
from tasks.discovery.templates import structure_of
from tasks.discovery.variants import Folded, Variants

STRUCTURE = structure_of(["table", "div"])
MENU = "Wooden boats\nHome About Team Prices"
ROWS = [
    f"Order {number}\tfor {name} of the harbour" for number, name in enumerate(["Ada", "Bo", "Cy", "Di", "Eve", "Flo"])
]
TEXTS = {
    "home": "We have built wooden boats since the storm",
    "about": "Four generations of builders have worked here",
    "team": "Kari plans and Ole planes, and Per paints them",
    "prices": "A rowing boat takes six weeks of work",
}


def page(address: str, headings: Sequence[tuple[int, str]], text: str, title: str = "Wooden boats") -> SeenPage:
    look = Look(
        title=title,
        headings=list(headings),
        phrases=[],
        text=f"{MENU}\n{text}",
        steps=[],
        links=[],
        signs_in=False,
        versions=[],
    )
    return SeenPage(address, address, 200, look, STRUCTURE)


def old_page(address: str, name: str) -> SeenPage:
    """One of many that are built alike: the site's name as its headline, its own below."""
    return page(address, [(1, "Wooden boats"), (2, name.title())], f"{name.title()}\n{TEXTS[name]}")


def listing(address: str, rows: Sequence[str], name: str = "Orders") -> SeenPage:
    return page(address, [(1, name)], "\n".join([name, *rows]), name)


@dataclass(frozen=True)
class Learned:
    """What came of visiting a site in memory."""

    variants: Variants
    visited: dict[str, SeenPage]

    def pages(self) -> list[str]:
        """What a plan would be made of: what is folded into nothing."""
        shown = {address: seen for address, seen in self.visited.items() if not self.variants.is_folded(address, ())}
        return sorted(set(shown) - self.variants.repeated(shown, "/"))

    def folded(self) -> dict[str, Folded]:
        return self.variants.folded(frozenset())


def learn(
    site: dict[str, SeenPage], heard: Sequence[str], paths: Sequence[str] = (), missing: Sequence[SeenPage] = ()
) -> Learned:
    """Visit the site's paths and all that is asked for, until nothing more is."""
    variants = Variants()
    for address in heard:
        variants.hear_of(address)
    known = dict.fromkeys([*map(without_query, heard), *paths])
    visited: dict[str, SeenPage] = {}
    while new := [address for address in known if address not in visited]:
        visited |= {address: site[address] for address in new}
        shapes = shapes_of(known)
        known |= dict.fromkeys(variants.to_visit(visited, shapes, missing))
    return Learned(variants, visited)


PAGES = [f"/index.php?page={name}" for name in TEXTS]
OLD_SITE = {
    "/": old_page("/", "home"),
    "/index.php": old_page("/index.php", "home"),
    **{address: old_page(address, name) for address, name in zip(PAGES, TEXTS, strict=True)},
}


def test_pages_that_only_a_query_tells_apart_are_pages() -> None:
    """Built alike as they are. Home is one page, whichever of its three addresses shows it."""
    learned = learn(OLD_SITE, PAGES, ["/"])
    assert learned.pages() == ["/", *sorted(PAGES[1:])]
    assert learned.folded() == {}


def test_a_page_named_by_a_query_has_views_of_its_own() -> None:
    """What sorts the news or leafs through them shows the news; a value nobody linked alone is a page as well."""
    views = ["/index.php?page=team&p=2", "/index.php?p=3&page=team", "/index.php?page=jobs&sort=new"]
    site = OLD_SITE | {
        "/index.php?page=jobs": page("/index.php?page=jobs", [(2, "Jobs")], "Jobs\nNobody is wanted at the yard now"),
        **{view: old_page(view, "team") for view in views[:2]},
        views[2]: page(views[2], [(2, "Jobs")], "Jobs\nNobody is wanted at the yard now"),
    }
    learned = learn(site, [*PAGES, *views], ["/"])
    assert learned.pages() == ["/", *sorted([*PAGES[1:], "/index.php?page=jobs"])]
    assert learned.folded() == {
        "/index.php?page=team": Folded(2, ("p",)),
        "/index.php?page=jobs": Folded(1, ("sort",)),
    }


def test_a_value_that_leads_nowhere_does_not_hide_the_others() -> None:
    """Links of an old site die, and its program says so with 200."""
    dead = page("/index.php?page=home", [(1, "Wooden boats")], "There is no such page")
    learned = learn(OLD_SITE | {dead.address: dead}, PAGES, ["/"], missing=[replace(dead, address="/stageproof-1")])
    assert set(PAGES[1:]) <= set(learned.pages())


VIEWS = {
    "sorting": lambda number: listing("", sorted(ROWS, key=lambda row: row[number:]), f"Orders by {'abc'[number]}"),
    "filtering": lambda number: listing("", ROWS[number::3], f"Orders of {'abc'[number]}"),
    "leafing through": lambda number: listing("", [f"{number}{row}" for row in ROWS], f"Orders – page {number}"),
    "a headline alone": lambda number: page("", [(1, f"Hello from {'abc'[number]}")], "\n".join(ROWS)),
    "other text alone": lambda number: listing("", [f"{'abc'[number]} {row}" for row in ROWS]),
    "an answer like the missing page": lambda number: page("", [(1, "Nothing here")], "Nothing is here for you to see"),
}  # fmt: skip


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_what_shows_one_page_in_many_ways_names_none(view: object) -> None:
    assert callable(view)
    heard = [f"/orders?by={word}" for word in ("ash", "elm", "oak")]
    shown = {address: replace(view(number), address=address, final=address) for number, address in enumerate(heard)}
    missing = page("/stageproof-1", [(1, "Nothing here")], "Nothing is here for you to see")
    learned = learn({"/orders": listing("/orders", ROWS), **shown}, heard, missing=[missing])
    assert learned.pages() == ["/orders"]
    assert learned.folded()["/orders"].count == 3


@pytest.mark.parametrize("key", ["q", "search"])
def test_what_is_searched_for_is_no_name(key: str) -> None:
    heard = [address.replace("page=", f"{key}=") for address in PAGES]
    shown = {address: old_page(address, name) for address, name in zip(heard, TEXTS, strict=True)}
    assert learn(OLD_SITE | shown, heard, ["/"]).variants.naming_keys == {}


@pytest.mark.parametrize(("key", "names"), [("page", False), ("offset", False), ("paged", False), ("id", True)])
def test_under_numbers_a_list_shows_its_next_entries(key: str, names: bool) -> None:
    """Each with a heading of its own; what has other titles too are pages, unless the key counts them."""
    heard = [f"/index.php?{key}={number}" for number in (2, 3, 4)]
    title = {"id": "The {} boat", "paged": "News", "page": "The {} boat", "offset": "The {} boat"}[key]
    words = ("first", "second", "third")
    shown = {
        address: page(address, [(2, f"The {word} news")], f"How the {word} boat was launched", title.format(word))
        for address, word in zip(heard, words, strict=True)
    }
    learned = learn(OLD_SITE | shown, heard, ["/"])
    assert learned.variants.naming_keys == ({"/index.php": key} if names else {})


def test_where_paths_name_pages_a_query_does_not() -> None:
    """Four values for one other page are enough; for two others they are not."""
    other = old_page("/guestbook", "prices")
    more = {f"/{word}": page(f"/{word}", [(2, word)], f"{word} and five more words here") for word in ("guests", "map")}
    assert learn(OLD_SITE, PAGES, ["/"]).variants.naming_keys == {"/index.php": "page"}
    one = learn(OLD_SITE | {"/guestbook": other}, PAGES, ["/", "/guestbook"])
    assert one.variants.naming_keys == {"/index.php": "page"}
    assert learn(OLD_SITE | more, PAGES, ["/", *more]).variants.naming_keys == {}


def test_of_fewer_than_three_values_nothing_is_learned() -> None:
    assert learn(OLD_SITE, PAGES[1:3], ["/"]).variants.naming_keys == {}


@pytest.mark.parametrize(("count", "own"), [(19, True), (20, False)])
def test_of_the_many_pages_of_a_wiki_one_stands_for_all(count: int, own: bool) -> None:
    """Up to then each has a shape of its own."""
    heard = [f"/w?title=Word{chr(97 + number)}" for number in range(count)]
    names = {
        address: page(address, [(1, address)], f"Of {address} there is much that can be told", address)
        for address in heard
    }
    learned = learn({"/w": old_page("/w", "home"), **names}, heard)
    shapes = shapes_of(learned.visited)
    assert (learned.variants.shape_of(heard[0], shapes) is not None) is own
    assert len({shapes[address].path for address in heard}) == 1


@pytest.mark.parametrize(
    ("address", "value", "alone"),
    [
        ("/a?p=x&q=1#/r", "x", "/a?p=x#/r"),
        ("/a?q=1&p=%C3%A5+b&p=2", "å b", "/a?p=%C3%A5+b"),
        ("/a?p=", "", "/a?p="),
        ("/a?q=1", None, "/a?p="),
        ("/a", None, "/a?p="),
        ("/a#/r?q=1&p=x", "x", "/a#/r?p=x"),
        ("/a?q=1#/r?p=x", "x", "/a#/r?p=x"),
    ],
)
def test_one_key_of_a_query(address: str, value: str | None, alone: str) -> None:
    assert (value_of(address, "p"), with_one_key(address, "p")) == (value, alone)


def test_a_route_is_told_from_a_place_in_a_page() -> None:
    """By what it shows; a clock beside it does not count."""
    help_text = "All the help there is to be had, for you and for others\nLast modified {} minutes ago by hand"
    whole = page("/help", [(1, "Help")], help_text.format(2))
    place = page("/help#/milestone", [(1, "Help")], help_text.format(3))
    route = page("/help#/orders", [(1, "Help")], "Six orders are open and wait for you")
    other = page("/help#/about", [(1, "About")], help_text.format(2))
    longer = page("/help#/all", [(1, "Help")], f"{help_text.format(2)}\nand five more words here")
    assert [shows_the_same(seen, whole) for seen in (place, route, other, longer)] == [True, False, False, False]
    assert [shows_the_same(whole, seen) for seen in (place, route, other, longer)] == [True, False, False, False]
    assert not shows_the_same(place, replace(whole, status=404))
    assert not shows_the_same(replace(place, look=None), whole)


def test_of_few_words_none_is_one_that_changes_by_itself() -> None:
    assert not shows_the_same(page("/a", [], "Yes"), page("/b", [], "No"))
    assert shows_the_same(page("/a", [], "Yes"), page("/b", [], "Yes"))
