"""From what was seen to what the plan says: kinds, names, texts, masks, budgets, services, release, TOML."""

from __future__ import annotations

import io
import tomllib
from typing import Any

import pytest
from PIL import Image

from tasks.discovery import proposal
from tasks.discovery.addresses import Shape, origin_of, shapes_of
from tasks.discovery.discover import Proposal, ProposedPage, Wish
from tasks.discovery.plan_text import comment, plan_text, value
from tasks.discovery.rehearsal import Rehearsed, judged_page
from tasks.discovery.seen import Candidate, Cost, FoundRelease, FoundService, Look, Piece, SeenPage, Stability
from tasks.discovery.stability import (
    Change,
    changes_between,
    choose_masks,
    differs_as_a_whole,
    looks_generated,
    pixel_changes,
    with_shared_masks,
)
from tasks.discovery.templates import Kind, kinds_of, known_enough, similarity, structure_of
from tasks.discovery.variants import Folded
from tasks.plan import parse_plan
from tasks.registry import expected_subjects

PRODUCT = structure_of(f"main.p>div>{tag}" for tag in ("h1", "img", "p", "ul", "li", "a", "b", "i", "u", "s"))
ARTICLE = structure_of(f"main.a>div>{tag}" for tag in ("h1", "p", "figure"))
LIST = structure_of(f"main.l>table>{tag}" for tag in ("thead", "tbody", "tr", "th", "td"))
LIST_WITH_MORE = LIST | structure_of(["main.l>nav>a"])


def look(**more: Any) -> Look:
    content: dict[str, Any] = {
        "title": "", "headings": [], "phrases": [], "text": "", "steps": [], "links": [], "signs_in": False,
        "versions": [],
    }  # fmt: skip
    content |= more
    return Look(**content)


def page(address: str, text: str, structure: frozenset[int] = ARTICLE, **more: Any) -> SeenPage:
    seen = look(text=text, headings=[(1, text.split("\n")[0])], **more)
    return SeenPage(address, address, 200, seen, structure)


# -- kinds of pages ---------------------------------------------------------------------------------------------------


def test_similarity() -> None:
    assert similarity(PRODUCT, PRODUCT) == 1
    assert similarity(PRODUCT, ARTICLE) == 0
    assert similarity(frozenset(), frozenset()) == 1
    assert similarity(PRODUCT, PRODUCT | structure_of(["x"])) == pytest.approx(10 / 11)


def test_400_products_are_one_kind() -> None:
    """Six of them were visited, the others only heard of; the one in the sitemap shows the kind."""
    addresses = ["/", *(f"/product/{number}" for number in range(1, 401))]
    visited = {"/": ARTICLE} | {f"/product/{number}": PRODUCT for number in range(1, 7)}
    home, product = kinds_of(visited, shapes_of(addresses), {"/product/5"})
    assert (home.shown_by, home.stands_for) == ("/", 1)
    assert (product.shown_by, product.stands_for, len(product.members)) == ("/product/5", 400, 6)


def test_pages_of_one_shape_and_two_structures_are_two_kinds() -> None:
    """And nobody can say which of them an unvisited one is of."""
    visited = {"/item/1": PRODUCT, "/item/2": ARTICLE}
    kinds = kinds_of(visited, shapes_of(["/item/1", "/item/2", "/item/3"]))
    assert sorted((kind.shown_by, kind.stands_for) for kind in kinds) == [("/item/1", 1), ("/item/2", 1)]


def test_among_many_pages_of_one_shape_what_people_wrote_makes_no_kind() -> None:
    """Twenty pages of a wiki, one of them with a table; nineteen panels of a product are as many pages."""
    visited = {"/wiki/a": LIST, "/wiki/b": LIST | structure_of(["x", "y"]), "/wiki/c": ARTICLE}
    many = [*visited, *(f"/wiki/page-{chr(97 + number)}" for number in range(17))]
    assert [kind.shown_by for kind in kinds_of(visited, shapes_of(many))] == ["/wiki/a", "/wiki/c"]
    assert len(kinds_of(visited, shapes_of(many[:-1]))) == 3


def test_two_pages_of_one_structure_are_two_pages() -> None:
    visited = {"/terms": ARTICLE, "/imprint": ARTICLE}
    assert len(kinds_of(visited, shapes_of(visited))) == 2


def test_many_sections_with_the_same_things_are_one_kind() -> None:
    sections = {f"/{section}/{number}": PRODUCT for section in ("a", "b", "c", "d", "e", "f") for number in (1, 2)}
    few = {address: structure for address, structure in sections.items() if address[1] in "ab"}
    assert len(kinds_of(sections, shapes_of(sections))) == 1
    assert len(kinds_of(few, shapes_of(few))) == 2


def test_languages_are_one_kind_shown_in_the_site_s_own() -> None:
    visited = dict.fromkeys(("/ar/about", "/en/about", "/de/about"), ARTICLE)
    (kind,) = kinds_of(visited, shapes_of(visited), (), "en")
    assert (kind.shown_by, kind.languages) == ("/en/about", ("ar", "de", "en"))


def test_the_first_pages_of_many_sections_with_the_same_things_are_one_kind_of_each_structure() -> None:
    """With what is built like them beside them; a page of another structure there stays a page."""
    rows = {f"/shop/{table}/{number}": PRODUCT for table in ("a", "b", "c", "d", "e", "f") for number in (1, 2)}
    tables = {f"/shop/{table}": LIST for table in ("a", "b", "c", "d", "e")} | {"/shop/f": LIST_WITH_MORE}
    visited = rows | tables | {"/shop/view": LIST, "/shop/help": ARTICLE, "/else": LIST}
    kinds = kinds_of(visited, shapes_of(visited))
    assert sorted((kind.shown_by, len(kind.members)) for kind in kinds) == [
        ("/else", 1), ("/shop/a", 6), ("/shop/a/1", 12), ("/shop/f", 1), ("/shop/help", 1),
    ]  # fmt: skip


def test_a_shape_is_known_enough_when_four_of_it_are_one_kind() -> None:
    visited = {f"/product/{number}": PRODUCT for number in range(4)}
    shapes = shapes_of([*visited, "/about"])
    assert known_enough(visited, shapes) == {"/product/{}"}
    assert known_enough(visited | {"/product/3": ARTICLE}, shapes) == frozenset()
    assert known_enough({"/product/1": PRODUCT, "/about": ARTICLE}, shapes) == frozenset()
    languages = dict.fromkeys(("/ar/about", "/en/about"), ARTICLE)
    assert known_enough(languages, shapes_of([*languages, "/de/about"])) == {"/about"}


def test_of_many_articles_twelve_are_enough_however_they_are_written() -> None:
    """Not of pages right under the root: those may be twenty pages of the site itself."""
    for above, enough in (("/wiki", {"/wiki/{}"}), ("", set())):
        visited = {f"{above}/{chr(97 + number)}": (PRODUCT, ARTICLE)[number % 2] for number in range(12)}
        shapes = shapes_of([*visited, *(f"{above}/{chr(97 + number)}" for number in range(12, 20))])
        assert known_enough(visited, shapes) == enough
        assert known_enough(dict(list(visited.items())[:11]), shapes) == frozenset()


def test_sections_that_hold_the_same_things_are_known_enough_by_one_page_each() -> None:
    """From six on, and only those of the same structure."""
    few = {f"/{section}/1": PRODUCT for section in "abcde"}
    many = few | {"/f/1": PRODUCT, "/g/1": ARTICLE}
    assert known_enough(few, shapes_of(few)) == frozenset()
    assert known_enough(many, shapes_of(many)) == {f"/{section}/{{}}" for section in "abcdef"}


# -- pages that are not themselves ------------------------------------------------------------------------------------


def test_a_soft_404_is_told_by_what_a_missing_page_shows() -> None:
    """The address in it does not matter; another text, headline or structure is another page."""
    words = " ".join(f"word{number}" for number in range(20))
    missing = page("/stageproof-1", f"Nothing here\n{words} /stageproof-1")
    assert proposal.answers_like_missing(page("/old", f"Nothing here\n{words} /old"), [missing])
    assert not proposal.answers_like_missing(page("/about", f"About us\n{words} /about"), [missing])
    assert not proposal.answers_like_missing(page("/old", f"Nothing here\n{words}", PRODUCT), [missing])
    assert not proposal.answers_like_missing(page("/old", "Nothing here\nbut a story of its own"), [missing])
    assert not proposal.answers_like_missing(SeenPage("/x", "/x", problem="did not load"), [missing])


ERROR_PAGES = [
    "404",
    "404 Not Found",
    "Shop | 404",
    "Error 500",
    "500 - Shop",
    "502 error",
    "Access denied",
    "HTTP 503",
]
PAGES = ["shop: orders: 500 rows", "404 Main Street", "Room 503", "Orders", "The 500 best boats", "A 1-500 scale"]


@pytest.mark.parametrize(("title", "error"), [*((one, True) for one in ERROR_PAGES), *((one, False) for one in PAGES)])
def test_an_error_page_is_told_by_its_title_or_headline(title: str, error: bool) -> None:
    """A number is a count or an address unless it stands alone."""
    assert proposal.is_error_page(look(title=title)) is error
    assert proposal.is_error_page(look(title="Shop", headings=[(1, title)])) is error


def test_who_needs_to_sign_in() -> None:
    shown = page("/orders", "Orders")
    redirected = SeenPage("/orders", "/login", 200, look(signs_in=True))
    assert proposal.needs_sign_in(redirected, shown)
    assert proposal.needs_sign_in(SeenPage("/orders", "/orders", 403, look()), shown)
    assert proposal.needs_sign_in(page("/orders", "Sign in", signs_in=True), shown)
    assert proposal.needs_sign_in(None, shown)
    assert not proposal.needs_sign_in(page("/orders", "Orders"), shown)


# -- names and texts --------------------------------------------------------------------------------------------------

NAMES = {
    "/": "home", "/about-us.html": "about-us", "/product/{}": "product", "/products/{}": "product",
    "/shop/categories/{}": "shop-categorie", "/{}": "item", "/%C3%BCber": "uber", "/checkpoint": "checkpoint-page",
    "/list/?page=/{}": "list-page", "/日本": "page", "/#/orders": "orders", "/" + "x" * 200: "x" * 48,
}  # fmt: skip


@pytest.mark.parametrize(("path", "name"), NAMES.items())
def test_a_name_is_valid_and_from_the_address(path: str, name: str) -> None:
    assert proposal.name_of(Shape("", path), ()) == name


def test_a_name_is_unique() -> None:
    assert proposal.name_of(Shape("", "/about"), {"about"}) == "about-2"
    assert proposal.name_of(Shape("", "/"), {"home"}, "viewer") == "home-viewer"
    assert proposal.name_of(Shape("", "/"), {"home", "home-viewer"}, "viewer") == "home-viewer-2"


@pytest.mark.parametrize(
    "text",
    [
        "3 December", "2026-11-27", "27/11/2026", "November 2026", "12:30", "€ 1 200", "99 %", "1,204", "", "ok",
        "5 minutes ago",
        "Welcome back, Vera", "Good morning Vera", "Monday", "404", "Page not found", "Loading…", "x" * 200,
        "red\x1b[31m", "left\u202eright", "nul\x00", "Vera's orders",
    ],
)  # fmt: skip
def test_what_will_be_another_text_tomorrow(text: str) -> None:
    assert not proposal.is_stable_text(text, personal={"vera"})


@pytest.mark.parametrize(
    "text", ["Sign in", "Impact this quarter", "Welcome to the shop", "Größe", "日本語の", "Windows 11"]
)
def test_what_a_page_shows_tomorrow_too(text: str) -> None:
    assert proposal.is_stable_text(text, personal={"vera"})


def test_personal_words_are_those_of_the_sign_in() -> None:
    assert proposal.personal_words(["vera.lindqvist@tidemark.example", "x"]) == {"vera", "lindqvist"}


def test_the_headline_is_what_must_show() -> None:
    own = look(headings=[(2, "Offers"), (1, "Our  shop")], text="Our shop Offers")
    assert proposal.texts_for(own, ["Our shop Offers"], ["About us"]).must_show == ("Our shop",)


def test_a_headline_that_is_elsewhere_too_gets_company() -> None:
    """Such as in a menu; the other text is one that only this page has."""
    own = look(
        headings=[(1, "Orders")], phrases=["Menu", "All that you ordered"], text="Menu Orders All that you ordered"
    )
    found = proposal.texts_for(own, [], ["Menu Orders About us"])
    assert found.must_show == ("Orders", "All that you ordered")


def test_a_text_without_a_number_is_taken_before_one_with() -> None:
    """`status 4` is a count, and tomorrow there are five."""
    own = look(headings=[(1, "Orders"), (3, "status 4")], phrases=["Export them"], text="Orders status 4 Export them")
    assert proposal.texts_for(own, [], ["Orders"]).must_show == ("Orders", "Export them")


@pytest.mark.parametrize(
    ("headline", "shown"),
    [("Orders (30 matches)", "Orders"), ("Orders (open)", "Orders (open)"), ("Windows 11", "Windows 11")],
)
def test_a_count_in_a_headline_is_left_out(headline: str, shown: str) -> None:
    own = look(headings=[(1, headline)], text=f"{headline} and more")
    assert proposal.texts_for(own, [], []).must_show == (shown,)


def test_without_a_headline_the_title_counts_when_it_can_be_seen() -> None:
    own = look(title="Data catalogue · Tidemark", text="Menu Data catalogue")
    assert proposal.texts_for(own, [], ["Menu"]).must_show == ("Data catalogue",)
    assert proposal.texts_for(look(title="Hidden | x", text="Menu"), [], []).must_show == ()


def test_a_text_that_one_of_two_loads_lacks_is_none() -> None:
    own = look(headings=[(1, "Deal of the hour"), (2, "Help")], text="Deal of the hour Help")
    assert proposal.texts_for(own, ["Deal of the hour Help", "Another deal Help"], []).must_show == ("Help",)


def test_when_nothing_tells_pages_apart_a_person_is_told() -> None:
    own = look(headings=[(1, "Shop")], text="Shop")
    found = proposal.texts_for(own, [], ["Shop"])
    assert (found.must_show, "on other pages too" in found.note) == (("Shop",), True)
    assert "write one down" in proposal.texts_for(look(text="2026"), [], []).note


def test_a_page_without_headings_is_told_by_a_text_of_its_own() -> None:
    """Not by its menu, nor by what an address that cannot exist shows, nor by a short word before a longer text."""
    own = look(
        title="Ship", phrases=["Home", "Nothing at this place", "Light", "Choose your theme"],
        text="Home Nothing at this place Light Choose your theme",
    )  # fmt: skip
    found = proposal.texts_for(own, [], ["Home of all", "Nothing at this place"])
    assert (found.must_show, found.spare, found.note) == (("Choose your theme",), ["Light"], "")


NO_DATA = [
    "No runs yet", "No usage data available", "Nothing to show", "Create your first prompt", "The list is empty",
    "Usage metrics will appear here.", "Start tracing your application",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_DATA)
def test_what_a_page_says_for_want_of_data_comes_last(text: str) -> None:
    """As a headline too; when there is nothing else, the plan says so."""
    own = look(headings=[(1, text)], phrases=["Go"], text=f"{text} Go")
    assert proposal.texts_for(look(headings=[(1, text)], phrases=["Budgets"], text=f"{text} Budgets"), [], []) == (
        proposal.Texts(("Budgets",), spare=[text])
    )
    alone = proposal.texts_for(own, [], ["Go"])
    assert (alone.must_show, "because it has no data" in alone.note) == ((text,), True)


@pytest.mark.parametrize("text", ["No one left behind", "Notes", "First steps", "Getting started", "Northern routes"])
def test_what_only_begins_like_it_is_a_text_as_any(text: str) -> None:
    own = look(headings=[(1, text)], phrases=["Everything else"], text=f"{text} Everything else")
    assert proposal.texts_for(own, [], []).must_show == (text,)


# -- stability --------------------------------------------------------------------------------------------------------


def piece(
    path: str, text: str = "", kind: str = "text", box: tuple[float, float, float, float] = (0, 0, 9, 9)
) -> Piece:
    return Piece(path=path, kind=kind, text=text, box=box)


def candidate(path: str, selector: str, hits: list[str], **more: Any) -> Candidate:
    return Candidate(
        **({"path": path, "selector": selector, "up": 0, "rank": 1, "names": [], "hits": hits, "share": 0.01} | more)
    )


def test_texts_sizes_and_newcomers_differ_and_what_only_moved_does_not() -> None:
    before = [piece("a", "12:00"), piece("b", "same"), piece("c", kind="img"), piece("e", kind="img")]
    after = [
        piece("a", "12:01"), piece("b", "same", box=(0, 50, 9, 9)), piece("c", kind="img", box=(0, 0, 99, 9)),
        piece("d", "new"), piece("e", kind="img"),
    ]  # fmt: skip
    changes = changes_between(before, after, {"e"})
    assert [change.path for change in changes] == ["a", "c", "d", "e"]
    assert "'12:00', then '12:01'" in changes[0].why
    assert changes_between(before, before) == []


@pytest.mark.parametrize(
    ("text", "grows"),
    [
        ("2 minutes ago", True),
        ("Last modified an hour ago", True),
        ("Just now", True),
        ("3 Weeks ago", True),
        ("The yard was founded by two brothers 9 months ago, after the storm", False),
        ("Founded 100 years ago", False),
        ("minutes ago", False),
        ("in 2 minutes", False),
        ("", False),
    ],
)
def test_an_age_will_be_another_though_two_loads_tell_the_same(text: str, grows: bool) -> None:
    told = [change.why for change in changes_between([piece("a", text)], [piece("a", text)])]
    assert told == ([f"tells an age, which grows: '{text}'"] if grows else [])


def test_what_stands_in_a_field_is_not_told() -> None:
    changes = changes_between([piece("a", kind="input")], [piece("a", kind="input")], {"a"})
    assert [change.why for change in changes] == ["its picture differs between loads (input)"]


def picture(*dots: tuple[int, int]) -> bytes:
    image = Image.new("RGB", (40, 40), "white")
    for place in dots:
        image.putpixel(place, (0, 0, 0))
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def test_pixels_are_compared_where_a_piece_stands() -> None:
    pieces = [piece("a", kind="canvas", box=(0, 0, 20, 20)), piece("b", kind="canvas", box=(20, 20, 20, 20))]
    dotted = picture(*[(3, number) for number in range(8)])
    assert pixel_changes(pieces, pieces, picture(), dotted) == {"a"}
    around = [piece("a", "Updated:", box=(0, 0, 20, 20)), piece("a/time:1", box=(0, 0, 9, 20))]
    assert pixel_changes(around, around, picture(), dotted) == {"a/time:1"}, "not what stands around it"
    assert pixel_changes(pieces, pieces, picture(), picture((3, 3))) == set(), "one dot is noise"
    with pytest.raises(OSError, match="identify"):
        pixel_changes(pieces, pieces, b"no picture", picture())


def test_the_nearest_robust_selector_masks_a_change() -> None:
    changes = [Change("body/p:1/time:1", "x")]
    masks, uncovered = choose_masks(
        changes,
        [
            candidate("body/p:1/time:1", ".css-1q2w3e", ["body/p:1/time:1"], names=["css-1q2w3e"]),
            candidate("body/p:1/time:1", "#clock", ["body/p:1/time:1"], rank=2, names=["clock"]),
            candidate("body/p:1/time:1", "[data-live]", ["body/p:1/time:1"], names=["data-live"]),
            candidate("body/p:1/time:1", "[data-box]", ["body/p:1"], up=1),
        ],
    )
    assert (masks, uncovered) == ([("[data-live]", "x")], [])


@pytest.mark.parametrize(
    "more",
    [
        {"hits": ["body/p:1", "body/p:2", "body/p:3"]}, {"hits": []}, {"share": 0.9}, {"names": ["sc-a1b2c3"]},
        {"hits": [f"body/p:{number}" for number in range(1, 60)]},
    ],
)  # fmt: skip
def test_a_selector_that_hits_too_much_or_will_not_last_is_none(more: dict[str, Any]) -> None:
    """Then the change is told instead of masked."""
    change = Change("body/p:1", "x")
    base: dict[str, Any] = {"hits": ["body/p:1"]}
    base |= more
    masks, uncovered = choose_masks([change], [candidate("body/p:1", "p.x", **base)])
    assert (masks, uncovered) == ([], [change])


def test_a_column_of_a_table_is_one_selector_when_all_of_it_did_change() -> None:
    """A hundred cells, of which one that stayed makes the selector too broad."""
    cells = [f"body/table:1/tr:{number}/td:5" for number in range(1, 101)]
    offered = [candidate(cells[0], "td.col-rank", cells, names=["col-rank"], rank=3)]
    changes = [Change(path, "x") for path in cells]
    assert choose_masks(changes, offered) == ([("td.col-rank", "x")], [])
    assert choose_masks(changes[:99], offered) == ([], changes[:99])


def test_one_selector_covers_all_it_hits() -> None:
    changes = [Change(f"body/p:{number}/b:1", "x") for number in (1, 2)]
    hits = ["body/p:1", "body/p:2"]
    masks, uncovered = choose_masks(changes, [candidate(change.path, "p.price", hits, up=1) for change in changes])
    assert (masks, uncovered) == ([("p.price", "x")], [])


@pytest.mark.parametrize(
    "name", ["css-1q2w3e", "sc-bdVaJa1", ":r1:", "ember123", "item-4711", "Button__a8f3", "a1b2c3d4", "data-v-7ba5bd90"]
)
def test_names_that_a_build_tool_made_up(name: str) -> None:
    assert looks_generated(name)


@pytest.mark.parametrize(
    "name", ["updated", "data-live", "kpi-value", "h2", "col-6", "nav__item", "data-testid", "clock"]
)
def test_names_that_a_person_gave(name: str) -> None:
    assert not looks_generated(name)


def compared(*selectors: str) -> Stability:
    return Stability(masks=[(selector, "differs") for selector in selectors])


UNSEEN = Stability(problem="no time was left to load it twice")


@pytest.mark.parametrize(
    ("others", "masks"),
    [
        pytest.param([compared(".ft", ".a"), compared(".b", ".ft")], [".ft"], id="on each of them"),
        pytest.param([compared(), compared(".ft"), compared(".ft")], [".ft"], id="not on the start page"),
        pytest.param([compared(".ft"), compared(".ft"), compared(), compared()], [], id="on half of them"),
        pytest.param([compared(".ft"), UNSEEN], [], id="one page alone"),
        pytest.param([UNSEEN], [], id="no page at all"),
    ],
)
def test_what_differs_on_most_pages_is_masked_on_those_that_were_not_loaded_twice(
    others: list[Stability], masks: list[str]
) -> None:
    *same, last = with_shared_masks([*others, UNSEEN])
    assert [selector for selector, _ in last.masks] == masks
    assert last.problem == UNSEEN.problem, "it stays marked: what else changes there is not known"
    assert [one.masks for one in same if not one.problem] == [one.masks for one in others if not one.problem]


def test_a_page_of_which_most_differs_is_not_masked() -> None:
    changes = [Change(str(number), "x") for number in range(6)]
    assert differs_as_a_whole(changes, [piece(str(number)) for number in range(10)])
    assert not differs_as_a_whole(changes, [piece(str(number)) for number in range(100)])
    column = [Change(str(number), "x") for number in range(100)]
    assert not differs_as_a_whole(column, [piece(str(number)) for number in range(700)])
    assert not differs_as_a_whole(changes[:1], [piece("0")])


# -- budgets, services, release ---------------------------------------------------------------------------------------

GOOD = {"ttfb": 800.0, "fcp": 1800.0, "lcp": 2500.0, "cls": 0.1, "tbt": 200.0, "inp": 200.0}


def test_budgets_follow_the_slowest_page_and_stay_within_good() -> None:
    costs = {
        "fast": Cost(ttfb=40, fcp=300, lcp=2_400, cls=0, tbt=0),
        "slow": Cost(ttfb=410, fcp=900, lcp=None, cls=0.031, tbt=260),
    }
    found = {
        budget.key: (budget.limit, budget.looser_than, budget.page) for budget in proposal.budgets_for(costs, GOOD)
    }
    assert found == {
        "ttfb_ms": (600, None, "slow"),
        "fcp_ms": (1_200, None, "slow"),
        "lcp_ms": (2_500, None, "fast"),
        "cls": (0.06, None, "slow"),
        "tbt_ms": (400, 200, "slow"),
    }
    assert proposal.budgets_for({}, GOOD) == []


HEALTH = {
    '{"status": "ok"}': {"/status": "ok"},
    '{"status": "UP", "service": "billing"}': {"/status": "UP", "/service": "billing"},
    '{"ready": true, "message": "OK"}': {"/ready": True},
    "true": {"": True},
    '"ok"': {"": "ok"},
    '{"status": "down"}': None,
    '{"status": {"a": 1}}': None,
    '{"error": "not_found"}': None,
    "[]": None,
    "OK": None,
    "<html>ok</html>": None,
    '{"status": 1e999}': None,
}


@pytest.mark.parametrize(("body", "expect"), HEALTH.items())
def test_what_a_health_answer_says(body: str, expect: dict[str, Any] | None) -> None:
    assert proposal.health_of(body.encode(), "application/health+json; charset=utf-8") == expect


@pytest.mark.parametrize(
    "body", ["OK", "ok\n", "Healthy", "Prometheus Server is Healthy.\n", "pass", '{"status":"ok"}']
)
def test_a_line_of_plain_text_is_expected_as_a_whole(body: str) -> None:
    """Also JSON that calls itself text: a run reads it as what it calls itself."""
    assert proposal.health_of(body.encode(), "text/plain; charset=utf-8") == {"": body.strip()}


@pytest.mark.parametrize(
    "body",
    ["not ok", "NOT READY", "degraded", "up since 12:31", "ok\nok", "", "ok " * 40, "down", "welcome", "\xff ok"],
)
def test_a_text_that_says_no_health_or_will_change_is_none(body: str) -> None:
    assert proposal.health_of(body.encode("latin-1"), "text/plain") is None


@pytest.mark.parametrize("content_type", ["text/html", "", "application/octet-stream"])
def test_health_is_declared_as_json_or_text(content_type: str) -> None:
    assert proposal.health_of(b'{"status": "ok"}', content_type) is None


def test_services_are_named_by_themselves_or_by_their_address() -> None:
    found = proposal.unique_services(
        [
            ("/health", {"/status": "ok"}),
            ("/api/health", {"": True}),
            ("/x/health", {"/status": "ok", "/service": "Pay"}),
        ]
    )
    assert [service.name for service in found] == ["health", "api", "pay"]


RELEASES = {
    ("application/json", '{"commit": "4f2c9e1", "version": "1.2.3"}'): ("/commit", None, "4f2c9e1"),
    ("application/json", '{"git": {"commit": {"id": "abc1234"}}}'): ("/git/commit/id", None, "abc1234"),
    ("application/json", '"3.8.8"'): ("", None, "3.8.8"),
    ("application/json", '{"python": {"version": "3.11.7"}, "shop": {"version": "0.65.5"}, "asgi": "3.0"}'): (
        "/shop/version",
        None,
        "0.65.5",
    ),
    ("text/plain", "1.2.3\n"): (None, r"^\s*([0-9A-Za-z][0-9A-Za-z._+-]*)\s*$", "1.2.3"),
    ("text/plain", "built: x\ncommit: 4f2c9e1\n"): (None, r"commit\s*[:=]\s*([0-9A-Za-z._+-]+)", "4f2c9e1"),
}


@pytest.mark.parametrize(("answer", "where"), RELEASES.items())
def test_where_a_release_stands(answer: tuple[str, str], where: tuple[str | None, str | None, str]) -> None:
    found = proposal.release_in("/v", answer[1].encode(), answer[0])
    assert found is not None
    assert (found.pointer, found.pattern, found.value) == where


@pytest.mark.parametrize(
    "body",
    [
        "<html>1.2.3</html>",
        "hello",
        '{"version": 3}',
        '{"a": {"version": "1.2.3"}, "b": {"version": "1.2.3"}}',
        '{"commit": "<b>"}',
        "",
        "{",
    ],
)
def test_where_no_release_stands(body: str) -> None:
    assert proposal.release_in("/v", body.encode(), "") is None


def test_a_release_in_a_meta_element_is_found_by_the_pattern_that_is_written() -> None:
    import re

    html = '<head><meta name="viewport" content="x1"><meta name="release" content="4f2c9e1"></head>'
    found = proposal.release_in_meta("/", html)
    assert found is not None
    matched = re.search(str(found.pattern), html)
    assert matched is not None
    assert (found.value, matched[1]) == ("4f2c9e1", "4f2c9e1")
    assert proposal.release_in_meta("/", '<meta name="release" content="stable">') is None


# -- the plan ---------------------------------------------------------------------------------------------------------

HOSTILE = "a\"b\\c'd\n]\n[checks.evil]\r\x1b[31m\x00\u202e\u2028é日\x7f\"\"\"'''{{ }} $(x) # y"


@pytest.mark.parametrize("content", [HOSTILE, [HOSTILE, "x"], {"a": HOSTILE, "b c": True, "/x": 1.5}, "", [], {}, 3])
def test_a_value_is_read_back_as_it_was_and_stays_on_its_line(content: Any) -> None:
    written = value(content)
    assert tomllib.loads(f"x = {written}") == {"x": content}
    assert written.isprintable()


def test_a_comment_cannot_end() -> None:
    lines = comment(HOSTILE * 40)
    assert all(line.startswith("# ") and line.isprintable() and len(line) < 130 for line in lines)


def proposed(**more: Any) -> Proposal:
    kind = Kind("/", ("/", HOSTILE), 400, ("en", "de"))
    pages = [
        ProposedPage("home", "/", None, ("Our shop",), kind, [("[data-live]", f"differs: {HOSTILE}")], [HOSTILE]),
        ProposedPage("orders", "/a?b=c&d=%22#/x", "viewer", (HOSTILE,), kind, freeze_time=False),
        ProposedPage("bare", "/bare", None, (), Kind("/bare", ("/bare",), 1, ())),
    ]
    content: dict[str, Any] = {
        "wish": Wish(
            "https://shop.example", "shop", identity="viewer", login_url="/login",
            login={"user": "ada", "password": "env:PW"},
        ),
        "origin": origin_of("https://shop.example"),
        "pages": pages,
        "left_out": [HOSTILE],
        "services": [FoundService("api", "/health", {"/status": "ok", "": True})],
        "release": FoundRelease("/version.json", pointer="/commit", value=HOSTILE),
        "third_parties": ["cdn.example"],
        "budgets": proposal.budgets_for({"home": Cost(lcp=3_000, cls=0.01)}, GOOD),
        "skipped": {"links that look like actions": (3, HOSTILE)},
        "notes": [HOSTILE],
        "found": 400, "visited": 10, "kinds": 3,
    }  # fmt: skip
    return Proposal(**(content | more))


def test_the_plan_is_one_whatever_pages_call_themselves() -> None:
    """It is read, it expects subjects of every check it has a table for, and holds what was proposed."""
    text = plan_text(proposed())
    plan = parse_plan(text, "shop")
    expected = expected_subjects(plan, plan.profile("nightly"))
    assert set(expected) == {"release", "health", "page-health", "visual", "axe", "vitals"}
    assert [page.name for page in plan.pages] == ["home", "orders", "bare"]
    assert (plan.pages[0].mask, plan.pages[1].must_show, plan.pages[1].freeze_time) == (
        ("[data-live]",),
        (HOSTILE,),
        False,
    )
    assert "# Stands for 400 addresses in 2 languages (en, de)" in text
    assert '# must_show = ["a text that this page shows, and no other"]' in text
    assert "until then a run ends incomplete" in text
    assert '# lcp_ms is looser than "good" (2500): home measured 3000.' in text
    assert all(line.isprintable() for line in text.splitlines())


def test_a_page_taller_than_a_picture_says_how_much_of_it_is_shown() -> None:
    """In one viewport is enough: a picture that is cut off unsaid ends the first run in an error."""
    tall, short = (ProposedPage(name, f"/{name}", None, (), Kind(f"/{name}", (), 1, ())) for name in ("tall", "short"))
    looks = {
        "tall@desktop": Rehearsed("", True, ""),
        "tall@phone": Rehearsed("", True, "", 15_000),
        "short@phone": Rehearsed("", True, ""),
    }
    text = plan_text(proposed(pages=[judged_page(tall, looks), judged_page(short, looks)]))
    assert [page.picture_height for page in parse_plan(text, "shop").pages] == [15_000, None]
    assert "# Its pictures end after 15,000 px and the page" in text


def test_a_text_that_nobody_sees_is_taken_out_of_the_proposal() -> None:
    page = ProposedPage("home", "/home", None, ("Menu", "Welcome"), Kind("/home", (), 1, ()))
    looked = judged_page(page, {"home@phone": Rehearsed("Menu Welcome", True, "", unseen=("Menu",))})
    assert looked.must_show == ("Welcome",)
    assert looked.notes == ("in phone it does not show 'Menu', which was taken out of must_show",)


def test_a_page_tells_how_many_addresses_are_folded_into_it() -> None:
    """The eighth key is only counted: a table of many columns has as many filters."""
    kind, keys = Kind("/list", ("/list",), 1, ()), tuple(f"key{number}" for number in range(8))
    many = ProposedPage("list", "/list", None, (), kind, folded=Folded(1_234, keys))
    one = ProposedPage("one", "/one", None, (), kind, folded=Folded(1, (f"a\n{HOSTILE}",)))
    text = " ".join(plan_text(proposed(pages=[many, one])).replace("\n# ", " ").split())
    assert "Shows 1,234 addresses that differ in the query alone as well: ?key0=, ?key1=," in text
    assert "?key5= and 2 more." in text
    assert "Shows 1 address that differs in the query alone" in text


def test_one_visit_is_not_told_as_several() -> None:
    page = ProposedPage("list", "/list", None, (), Kind("/list", ("/list",), 2, ()))
    text = plan_text(proposed(pages=[page]))
    assert "1 was visited" in text


def test_a_plan_without_a_release_says_what_that_costs() -> None:
    text = plan_text(proposed(release=FoundRelease(note="the header x-release names one"), services=[], budgets=[]))
    plan = parse_plan(text, "shop")
    assert plan.target.release.unknown is not None
    assert "never ends in `go`" in " ".join(text.replace("\n# ", " ").split())
    assert "health" not in plan.checks
