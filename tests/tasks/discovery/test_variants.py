"""Addresses with a query: which are views of the page that their path names, and which are pages of their own."""

from __future__ import annotations

import pytest

from tasks.discovery.addresses import shapes_of, without_query
from tasks.discovery.seen import Look, SeenPage
from tasks.discovery.templates import Structure, structure_of
from tasks.discovery.variants import MOST_LOOKS, Folded, Variants, folded_together

PLAIN, OTHER, THIRD = (structure_of([f"{word}{number}" for number in range(10)]) for word in ("p", "o", "t"))


def page(
    address: str, headline: str = "Orders", structure: Structure = PLAIN, final: str = "", **more: int
) -> SeenPage:
    look = Look(
        title="", headings=[(1, headline)], phrases=[], text=headline, steps=[], links=[], signs_in=False, versions=[]
    )
    return SeenPage(address, final or address, more.get("status", 200), look, structure)


class World:
    """A site in memory: what each address shows, and what came of hearing of addresses with a query."""

    def __init__(self, *heard: str, **shown: SeenPage) -> None:
        self.shown = {seen.address: seen for seen in shown.values()}
        self.variants = Variants()
        for address in heard:
            self.variants.hear_of(address)
        self.visited: dict[str, SeenPage] = {}
        self.missing: list[SeenPage] = []
        for bare in dict.fromkeys(map(without_query, heard)):
            self.visit(bare)
        self.shapes = shapes_of([without_query(address) for address in heard])

    def visit(self, address: str) -> None:
        self.visited[address] = self.shown.get(address, page(address))

    def settle(self) -> list[str]:
        """Visit what is asked for until nothing more is; the addresses with a query that were visited."""
        asked: list[str] = []
        while new := [
            one for one in self.variants.to_visit(self.visited, self.shapes, self.missing) if one not in asked
        ]:
            asked += new
            for address in new:
                self.visit(address)
        return asked

    def kept(self) -> set[str]:
        structures = {address: seen.structure for address, seen in self.visited.items()}
        return set(self.variants.kept(structures, self.shapes))

    def folded(self) -> dict[str, Folded]:
        return self.variants.folded(self.kept())


def test_sorting_filtering_and_paging_are_folded_into_the_page() -> None:
    """However many: four sets of keys are looked at, paging first, and all are counted.

    Of the first of the most frequent ones two more, because nothing but a query tells these addresses apart.
    """
    heard = [
        f"/orders?{key}={value}" for key in ("sort", "status", "city", "tag", "year", "page") for value in range(9)
    ]
    world = World(*heard)
    looked = world.settle()
    assert (len(looked), looked[0]) == (MOST_LOOKS + 2, "/orders?page=0")
    assert looked[-2:] == ["/orders?sort=4", "/orders?sort=8"]
    assert world.kept() == set()
    assert world.folded()["/orders"].count == 54
    assert sorted(world.folded()["/orders"].keys) == ["city", "page", "sort", "status", "tag", "year"]


def test_one_view_of_another_structure_is_a_page_too() -> None:
    """The answer to a form; the search is taken before a filter that shows another structure as well."""
    world = World(
        "/orders?filter=1", "/orders?q=oak", "/orders?q=elm",
        filtered=page("/orders?filter=1", structure=THIRD), searched=page("/orders?q=oak", "Results", OTHER),
    )  # fmt: skip
    world.settle()
    assert world.kept() == {"/orders?q=oak"}
    assert world.folded()["/orders"] == Folded(2, ("filter", "q"))


@pytest.mark.parametrize("alike", ["/invoices", "/invoices?sql=1"])
def test_a_view_that_is_built_like_another_page_or_view_is_none(alike: str) -> None:
    """A list with facets is a list with facets, whichever list it is of."""
    world = World(
        "/orders?facet=1", "/invoices?sql=1",
        view=page("/orders?facet=1", structure=OTHER), other=page(alike, structure=OTHER),
    )  # fmt: skip
    world.settle()
    assert world.kept() == ({"/orders?facet=1"} if "?" in alike else set())


def test_a_query_that_leads_to_another_headline_and_structure_names_pages() -> None:
    """All of them are visited then, also those that are heard of later."""
    heard = ["/index.php?page=about", "/index.php?page=team"]
    world = World(*heard, about=page(heard[0], "About us", OTHER), team=page(heard[1], "Our team", OTHER))
    assert world.settle() == heard
    world.variants.hear_of("/index.php?page=jobs")
    assert world.settle() == [*heard, "/index.php?page=jobs"]
    assert not any(world.variants.is_folded(address, world.kept()) for address in heard)
    assert world.folded() == {}


def test_a_headline_alone_makes_no_page() -> None:
    """`Orders by city` is built like `Orders`."""
    world = World("/orders?by=city", by=page("/orders?by=city", "Orders by city"))
    world.settle()
    assert (world.kept(), world.folded()["/orders"].count) == (set(), 1)


@pytest.mark.parametrize(
    ("plain", "named"),
    [
        pytest.param(page("/show", status=404), 2, id="an error without its query"),
        pytest.param(page("/show", "Nothing here"), 2, id="what does not exist"),
        pytest.param(page("/show", final="/show?id=1"), 2, id="leads to one of them"),
        pytest.param(page("/show", final="/show?tab=1"), 0, id="leads to a view by another key"),
        pytest.param(page("/show", final="/login"), 0, id="leads to the sign-in"),
        pytest.param(page("/show", status=403), 0, id="forbidden to this visitor"),
    ],
)
def test_a_path_that_shows_nothing_leaves_the_naming_to_its_query(plain: SeenPage, named: int) -> None:
    """Not where somebody else may be shown the page: that one's visits will tell."""
    world = World("/show?id=1", "/show?id=2", plain=plain)
    world.missing = [page("/stageproof-1", "Nothing here")]
    assert len(world.settle()) == named
    assert len(world.folded()) == (0 if named else 1)


def test_keys_that_made_views_on_two_paths_are_not_looked_at_on_a_third() -> None:
    """Not before either: ten tables would each begin with it."""
    heard = ["/a?sort=1", "/b?sort=1", "/c?sort=1", "/d?sort=1"]
    assert World(*heard).settle() == heard[:2]
    of_two_kinds = World(*heard, view=page("/a?sort=1", structure=OTHER))
    assert of_two_kinds.settle() == heard[:3], "one of them was more than a view of the same"


def test_a_view_is_of_the_shape_of_its_page_and_keys() -> None:
    """Its value is nobody's name: a statement of SQL is none for a page."""
    world = World("/shop?sql=select+1", "/shop?sql=select+2")
    world.settle()
    shape = world.variants.shape_of("/shop?sql=select+1", world.shapes)
    assert shape is not None
    assert shape.path == "/shop/?sql=/{}"
    assert world.variants.shape_of("/shop?sql=select+2", world.shapes) is None, "nobody visits it"


def test_what_is_folded_into_a_kind_is_counted_over_its_shapes() -> None:
    assert folded_together([Folded(1, ("a",)), Folded(7, ("b", "a"))]) == Folded(8, ("b", "a"))


def test_a_page_is_not_proposed_again_with_a_query_that_changes_nothing() -> None:
    """One that leads somewhere on a path of the same shape made pages of all; a view that is built otherwise stays."""
    words = "All that was ever ordered here"
    pages = {one: page(one, words) for one in ("/orders", "/orders?tab=all", "/stock?tab=all", "/crew", "/crew?v=grid")}
    pages["/stock"] = page("/stock", "Another headline altogether")
    assert Variants().repeated(pages, "/", {"/crew?v=grid"}) == {"/orders?tab=all"}
