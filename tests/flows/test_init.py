"""`stageproof init` against real sites: the plan it writes, and what hostile sites do to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evidence_store.model import Outcome
from flows.command_line import application
from flows.init_command import propose
from tasks.discovery.crawl import Limits
from tasks.discovery.discover import BadWishError, DiscoveryError, Proposal, Wish, discover
from tasks.discovery.plan_text import plan_text
from tasks.discovery.rehearsal import rehearse
from tasks.plan import Plan, parse_plan
from tasks.sweep.gather import PageSweep
from tests.flows.conftest import Site
from tests.flows.hostile_server import Answer, Exchange, HostileServer, answer, hostile_server, page, redirect
from tests.flows.looking import look

pytestmark = pytest.mark.real


def quiet(_phase: str, _counts: Mapping[str, int]) -> None:
    """Nobody watches."""


def wish(url: str, **more: Any) -> Wish:
    limits = Limits(max_pages=more.pop("max_pages", 12), seconds=240)
    return Wish(url, "shop", limits, **more)


NOT_FOUND = answer("", status="404 Not Found")


class Everywhere(dict[str, Answer]):
    """Answers of a server that has one for every path."""

    def __init__(self, those: Mapping[str, Answer], otherwise: Callable[[str], Answer]) -> None:
        super().__init__(those)
        self.otherwise = otherwise

    def get(self, path: str, default: Any = None) -> Any:
        return self[path] if path in self else self.otherwise(path)


# -- a shop -----------------------------------------------------------------------------------------------------------

PRODUCTS = 400
PRODUCT_BODY = "<div class=photo><p>A picture</p></div><ul class=facts><li>Wool</li></ul>"


def product(number: int) -> bytes:
    return page(f"<h1>Coat {chr(65 + number % 26)} of wool</h1>{PRODUCT_BODY}<a href=/>Home</a>")


def shop_home(visits: list[int]) -> Callable[[Exchange], None]:
    def home(exchange: Exchange) -> None:
        visits.append(1)
        links = "".join(f"<li><a href=/product/{number}>Coat {number}</a>" for number in range(1, 40))
        cells = "<td class=col-size>{0} cm<td class=col-name>Size {0}<td class=col-left>{0} of {1}"
        rows = "".join(f"<tr>{cells.format(number, len(visits))}" for number in range(100))
        exchange.send(
            page(
                "<h1>Coats for everyone</h1>"
                f"<p class=visitors data-visitors>Visitor {len(visits)} today</p><section><ul>{links}</ul></section>"
                f"<table>{rows}</table><p id=drawn>Drawn {len(visits)} times</p>"
                f"<input id=visit aria-label=Key value='key-of-visit-{len(visits)}'><b class=age>3 minutes ago</b>"
                "<a href='#/sizes'>Sizes</a><i id=/sizes></i>"
                "<a href=/about?sort=wool>By wool</a><a href=/about?sort=age>By age</a>"
                "<a href=/services/stock/healthz>Is all well?</a><a href=/well/health>And here?</a>"
                "<a href=/about?utm_source=home>About</a><a href=/logout>Leave</a><a href=/x/1>Delete</a>"
                "<a href=/gift data-method=post>Gift</a><a href=/list.pdf>Prices</a>"
                "<a href=/private/plans>Plans</a>"
                "<a href=/about?PHPSESSID=1234567890abcdef>About</a><a href=mailto:a@b.c>Mail</a><a href=/turn>Turn</a>"
                "<a href=http://127.0.0.2:1/x>Partner</a><a href=/nowhere>Old</a><a href=/round>Round</a>"
                "<img alt='' src=http://cdn.invalid/coat.png>",
                "<meta name=release content=4f2c9e1>",
            )
        )

    return home


class _Shop:
    """A shop of 400 products, looked at once."""

    def __init__(self, server: HostileServer) -> None:
        products = [f"/product/{number}" for number in range(1, PRODUCTS + 1)]
        entries = "".join(f"<url><loc>{server.url(path)}</loc></url>" for path in products)
        namespace = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
        foreign = "<url><loc>http://elsewhere.example/</loc></url>"
        server.answers |= {
            "/": shop_home([]),
            "/about": page("<h1>About our wool</h1><article><p>Sheep</p></article><b>b</b>"),
            "/robots.txt": answer("User-agent: *\nAllow: /\nDisallow: /private\n", "text/plain"),
            "/sitemap.xml": answer(f"<urlset {namespace}>{entries}{foreign}</urlset>", "application/xml"),
            "/turn": redirect("/private/plans"),
            "/round": redirect("/round"),
            "/services/stock/healthz": answer("OK\n", "text/plain"),
            "/api/services": answer('[{"name": "pay", "health": "/services/pay/health"}]', "application/json"),
            "/services/pay/health": answer('{"status": "UP", "service": "pay"}', "application/json"),
            "/api/health": redirect("/"),
        }
        server.answers |= {f"/product/{number}": product(number) for number in range(1, PRODUCTS + 1)}
        well = answer('{"status": "ok"}', "application/json")
        server.answers = Everywhere(server.answers, lambda path: well if path.startswith("/well/") else NOT_FOUND)
        self.proposal, self.text = propose(wish(server.url("/"), max_pages=14), quiet)
        self.asked = server.paths()
        self.plan = parse_plan(self.text, "shop")


@pytest.fixture(scope="module")
def shop() -> Iterator[_Shop]:
    with hostile_server() as server:
        yield _Shop(server)


def test_400_products_are_one_page_of_the_plan(shop: _Shop) -> None:
    """Four of them were visited for the crawl; a comment says how many the one stands for."""
    assert {page.name: page.kind.stands_for for page in shop.proposal.pages} == {"home": 1, "about": 1, "product": 400}
    assert [page.path for page in shop.plan.pages] == ["/", "/about", "/product/1"]
    assert "# Stands for 400 addresses, such as /product/" in shop.text
    assert len([path for path in set(shop.asked) if re.fullmatch(r"/product/\d+", path)]) == 4


def test_what_only_sorts_a_page_is_folded_into_it(shop: _Shop) -> None:
    """Looked at once; the campaign and the session of other links are no part of an address at all."""
    assert "# Shows 2 addresses that differ in the query alone as well: ?sort=." in shop.text
    assert [path for path in shop.asked if path.startswith("/about?")] == ["/about?sort=wool"]


def test_pages_are_told_by_their_headlines(shop: _Shop) -> None:
    texts = {page.name: page.must_show for page in shop.plan.pages}
    assert (texts["home"], texts["about"]) == (("Coats for everyone",), ("About our wool",))
    assert re.fullmatch(r"Coat [A-Z] of wool", texts["product"][0])


def test_what_changes_between_two_loads_is_masked(shop: _Shop) -> None:
    """By the attribute that somebody gave it, with what was seen; what comes after a long column too."""
    assert shop.plan.pages[0].mask == ("[data-visitors]", "td.col-left", "#drawn", "#visit", "b.age")
    assert "# #visit its picture differs between loads (input)" in shop.text
    assert "key-of-visit" not in shop.text
    assert re.search(
        r"# \[data-visitors\] differs between loads: 'Visitor \d+ today', then 'Visitor \d+ today'", shop.text
    )


def test_actions_files_and_forbidden_pages_were_not_asked_for(shop: _Shop) -> None:
    """Nor as the target of a redirect; each is counted, with an example."""
    forbidden = {"/logout", "/x/1", "/gift", "/list.pdf", "/private/plans"}
    assert forbidden.isdisjoint(path.partition("?")[0] for path in shop.asked)
    assert not [path for path in shop.asked if "SESSID" in path or "utm_" in path]
    skipped = {why: count for why, (count, _) in shop.proposal.skipped.items()}
    assert (skipped["links that look like actions"], skipped["forbidden by robots.txt"]) == (3, 1)
    assert skipped["could not be looked at: redirects in a circle"] == 1
    assert skipped["could not be looked at: answered with an error and nothing to show"] == 1


def test_health_release_and_third_parties_are_found(shop: _Shop) -> None:
    """One that a page links to says so in plain text, one is named by a directory; `/well/` is well everywhere."""
    assert {service.name: (service.url, service.expect) for service in shop.plan.services} == {
        "health": ("/health", {"/status": "ok"}),
        "services-stock": ("/services/stock/healthz", {"": "OK"}),
        "pay": ("/services/pay/health", {"/status": "UP", "/service": "pay"}),
    }
    assert (shop.plan.target.release.url, shop.plan.target.release.pointer) == ("/version.json", "/commit")
    assert shop.plan.target.third_parties == ("cdn.invalid",)


def test_what_the_first_run_will_find_wrong_is_told(shop: _Shop) -> None:
    """A picture from a host that is not there; the other pages have none."""
    faults = {page.name: [note for note in page.notes if "a run fails on it" in note] for page in shop.proposal.pages}
    assert {name: len(notes) for name, notes in faults.items()} == {"home": 1, "about": 0, "product": 0}
    assert "http://cdn.invalid/coat.png" in faults["home"][0]


def test_budgets_were_measured(shop: _Shop) -> None:
    budgets = {budget.key for budget in shop.proposal.budgets}
    assert {"ttfb_ms", "fcp_ms", "lcp_ms"} <= budgets


# -- an old site ------------------------------------------------------------------------------------------------------

CHAPTERS = {
    "home": "We have built boats in this harbour since the great storm.",
    "yard": "Four generations of builders have worked in these sheds.",
    "crew": "Kari plans and Ole planes, and Per paints whatever floats.",
    "cost": "A rowing boat takes six weeks, and costs accordingly.",
}


def chapter(exchange: Exchange) -> None:
    """`/index.php?page=yard`, in one layout; one list can be sorted, and one table has places to jump to."""
    name = next((word for word in CHAPTERS if f"page={word}" in exchange.path), "home")
    menu = "".join(f"<a href='/index.php?page={word}'>{word.title()}</a> " for word in CHAPTERS)
    sorts = "".join(f"<a href='/index.php?page=crew&amp;sort={key}'>by {key}</a> " for key in ("name", "age"))
    places = "<a href='#/oak'>Oak</a> <a href='#/elm'>Elm</a>"
    exchange.send(
        page(
            f"<h1>Boats</h1><p>{menu}</p><h2>{name.title()}</h2><p>{CHAPTERS[name]}</p>"
            f"<p>{sorts if name == 'crew' else places if name == 'cost' else '-'}</p>"
        )
    )


def test_an_old_site_has_the_pages_that_its_query_names(server: HostileServer) -> None:
    """Home once, whatever its address; sorting and places in a page are no pages of their own."""
    server.answers |= {"/": chapter, "/index.php": chapter}
    proposal = discover(wish(server.url("/"), max_pages=20), {"lcp": 2500}, quiet)
    assert [one.path for one in proposal.pages] == [
        "/",
        "/index.php?page=cost",
        "/index.php?page=crew",
        "/index.php?page=yard",
    ]
    assert {one.path: one.must_show[-1] for one in proposal.pages if "?" in one.path} == {
        f"/index.php?page={word}": CHAPTERS[word] for word in ("cost", "crew", "yard")
    }
    assert [one.folded.keys for one in proposal.pages if one.path.endswith("crew")] == [("sort",)]
    assert proposal.skipped["lead to a place in a page"][0] == 2


# -- an application of client-side routes ------------------------------------------------------------------------------

ROUTES = """
<div id=app></div><script>
const shown = {
  '/': ['Harbour', 'Boats that came in this morning'],
  '/orders': ['Orders', 'No orders yet', 'Choose the columns'],
  '/crew': ['Crew', 'Everybody who sails'],
};
const draw = () => {
  const route = location.hash.slice(1).split('?')[0] || '/';
  if (route === '/orders') history.replaceState(null, '', '#/orders?queue=' + Math.floor(Math.random() * 1e9));
  const links = ['/', '/orders', '/orders?tab=all', '/crew', '/crew?tab=all'];
  const menu = links.map(to => `<a href="#${to}">${(shown[to.split('?')[0]])[0]}</a> `).join('');
  const texts = shown[route] || ['There is no such place', 'Ask the harbour master'];
  app.innerHTML = `<nav>${menu}</nav>` + texts.map((text, n) => `<div class=part-${'abc'[n]}>${text}</div>`).join('');
};
addEventListener('hashchange', draw);
setTimeout(draw, 900);
</script>
"""


def test_routes_are_pages_once_and_are_told_by_their_own_words(server: HostileServer) -> None:
    """It shows nothing at first, has no heading, writes a query of its own into its address, and knows no 404."""
    server.answers |= {"/": page(ROUTES)}
    proposal = discover(wish(server.url("/"), max_pages=20), {"lcp": 2500}, quiet)
    assert {one.path: one.must_show for one in proposal.pages} == {
        "/": ("Boats that came in this morning",),
        "/#/orders": ("Choose the columns",),
        "/#/crew": ("Everybody who sails",),
    }
    assert [one.notes for one in proposal.pages] == [(), (), ()]


def test_a_plan_is_written_though_the_time_is_over(server: HostileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start page was looked at; what was not tried stands in the plan, at its page and at its head."""
    monkeypatch.setattr("tasks.discovery.discover.PROBE_SHARE", 0)
    server.answers |= {"/": page("<h1>Boats for hire</h1><p>All year round</p>")}
    text = plan_text(rehearse(proposed_by(server), quiet, 0, lambda _plan, _workspace: ()))
    (only,) = parse_plan(text, "shop").pages
    assert only.must_show == ("Boats for hire",)
    told = " ".join(text.replace("\n# ", " ").split())
    assert "Note: 1 of the 1 pages were not loaded twice" in told
    assert "Note: 2 of the 2 looks of the rehearsal were not made" in told
    assert ("TODO: no time was left to load it twice" in told, "TODO: in desktop and phone no time" in told) == (
        True,
        True,
    )


# -- behind a sign-in --------------------------------------------------------------------------------------------------


class _Yard:
    """A yard whose pages need a cookie; one of them tells which sign-in it is, and both forms have the same labels."""

    sign_ins = 0

    def signed_in(self, exchange: Exchange) -> None:
        self.sign_ins += 1
        exchange.send(answer("{}", "application/json", Set_Cookie=f"yard={self.sign_ins}; Path=/"))

    def profile(self, exchange: Exchange) -> None:
        number = next((line.partition("yard=")[2] for line in exchange.head if "yard=" in line), "")
        label = "<label>Name of your account</label>"
        shown = f"<h1>Profile</h1>{label}<p id=visit>Sign-in {number}</p><p>Change your boat here</p>"
        exchange.send(page(shown) if number else redirect("/enter"))

    def enter(self, exchange: Exchange) -> None:
        exchange.send(page("<label>Name of your account</label><input type=password aria-label=Password>"))


def test_what_tells_one_sign_in_from_the_next_is_masked(server: HostileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run signs in anew. What the stranger is shown need not differ from what only the identity sees."""
    yard = _Yard()
    server.answers |= {"/": page("<h1>Yard of the harbour</h1><a href=/me>Me</a>"), "/enter": yard.enter}
    server.answers |= {"/me": yard.profile, "/api/login": yard.signed_in}
    monkeypatch.setenv("YARD_PASSWORD", "a-long-password")
    login = {"user": "ada", "password": "env:YARD_PASSWORD"}
    found = proposed_by(server, identity="owner", login_url="/api/login", login=login)
    masks = {one.path: [selector for selector, _ in one.masks] for one in found.pages}
    texts = {one.path: one.must_show for one in found.pages}
    assert masks == {"/": [], "/enter": [], "/me": ["#visit"]}
    assert texts["/enter"] == ("Name of your account",)
    assert texts["/me"] == ("Profile",)


# -- hostile sites ----------------------------------------------------------------------------------------------------


def proposed_by(server: HostileServer, **more: Any) -> Proposal:
    return discover(wish(server.url("/"), **more), {"lcp": 2500}, quiet)


def test_a_calendar_without_end_ends(server: HostileServer) -> None:
    """Each month links to the next one; a few are visited, and they are one page."""

    def month(path: str) -> Answer:
        found = re.fullmatch(r"/calendar/(\d+)/(\d+)", path)
        if found is None:
            return answer("no", status="404 Not Found")
        year, number = int(found[1]), int(found[2])
        following = f"/calendar/{year + number // 12}/{number % 12 + 1}"
        return page(f"<h1>Month {number}, {year}</h1><table><tr><td>1</table><a href={following}?view=week>Next</a>")

    first = page("<h1>Our calendar</h1><a href=/calendar/2026/11>Calendar</a>")
    server.answers = Everywhere(server.answers | {"/": first}, month)
    proposal = proposed_by(server, max_pages=40)
    assert [re.sub(r"\d+", "0", one.path) for one in proposal.pages] == ["/", "/calendar/0/0"]
    assert len({path for path in server.paths() if path.startswith("/calendar")}) < 12
    assert proposal.pages[1].must_show == (), "a month is no text for tomorrow"


def test_a_site_that_answers_everything_alike_has_one_page(server: HostileServer) -> None:
    """And the plan says that nothing tells its pages apart."""
    body = page("<h1>Welcome to the portal</h1><a href=/a>A</a><a href=/b>B</a><p>Text</p>")
    server.answers = Everywhere({"/robots.txt": body, "/sitemap.xml": body, "/health": body}, lambda _path: body)
    proposal = proposed_by(server)
    assert [one.path for one in proposal.pages] == ["/"]
    notes = " ".join(proposal.notes)
    assert "shows what an address that cannot exist shows too" in notes
    assert "robots.txt is an HTML page" in notes
    assert (proposal.services, proposal.release.url) == ([], None)


def test_pages_that_hang_or_lie_cost_only_themselves(server: HostileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that never answers, one that breaks our script, and one whose title is full of control characters."""
    monkeypatch.setattr("tasks.discovery.visits.NAVIGATION_MS", 3_000)
    title = '<title>\x1b[31m\u202e"]\n[checks.evil]</title>'
    server.answers |= {
        "/": page("<h1>Start here</h1><a href=/hang>1</a><a href=/liar>2</a><a href=/title>3</a>"),
        "/liar": page("<h1>Liar</h1>", "<script>Array.prototype.slice = () => 7; Array.from = null</script>"),
        "/title": page('<h1>a"]\x1b[31m\u202e</h1><p>Something to read here</p><i>i</i>', title),
    }  # fmt: skip
    proposal, text = propose(wish(server.url("/")), quiet)
    assert {one.path for one in proposal.pages} == {"/", "/title"}
    assert all(line.isprintable() for line in text.splitlines())
    assert parse_plan(text, "shop").pages[1].must_show == ("Something to read here",)
    words = " ".join(proposal.skipped)
    assert ("did not load within 3 s" in words, "changed what our script in it uses" in words) == (True, True)


NO_PLAN: dict[str, tuple[dict[str, Answer], str]] = {
    "forbidden": ({"/robots.txt": answer("User-agent: *\nDisallow: /", "text/plain")}, "say --ignore-robots"),
    "robots broken": (
        {"/robots.txt": answer("", status="503 No")},
        "robots.txt answered 503, which forbids everything",
    ),
    "elsewhere": ({"/": redirect("http://elsewhere.example/")}, "leads to another host; start there"),
    "in a circle": ({"/": redirect("/")}, "redirected 2 times"),
    "an error": ({"/": answer("no", status="500 No")}, "answered 500; start at an address that shows a page"),
    "authentication": (
        {"/": answer("", status="401 No", WWW_Authenticate="Basic")},
        "HTTP authentication is not supported",
    ),
    "breaks off": ({"/": lambda exchange: exchange.connection.close()}, "broke off"),
}


@pytest.mark.parametrize(("answers", "says"), NO_PLAN.values(), ids=NO_PLAN.keys())
def test_a_site_that_shows_nothing_is_told_as_such(
    answers: dict[str, Answer], says: str, server: HostileServer
) -> None:
    """Before a browser is started."""
    server.answers |= {"/": page("<h1>Start</h1>")} | answers
    with pytest.raises(DiscoveryError, match=re.escape(says)):
        proposed_by(server)


def test_a_site_that_is_down_is_told_as_such() -> None:
    with hostile_server() as gone:
        url = gone.url("/")
    with pytest.raises(DiscoveryError, match=r"is not to be reached: no connection"):
        discover(wish(url), {}, quiet)


@pytest.mark.parametrize("url", ["ftp://shop.example", "http://a:b@shop.example", "http://127.0.0.1:1/logout"])
def test_an_address_that_is_none_is_a_usage_error(url: str) -> None:
    with pytest.raises((BadWishError, DiscoveryError), match=r"address|no page to start at|reached"):
        discover(wish(url), {}, quiet)


# -- the command ------------------------------------------------------------------------------------------------------

BAD_COMMANDS = {
    "a secret": (["--login-url", "/l", "--login", "password=hunter2"], "name the variable that holds it"),
    "no value": (["--login-url", "/l", "--login", "password"], "has no value"),
    "no variable": (["--login-url", "/l", "--login", "password=env:NOBODY_SET_THIS"], "NOBODY_SET_THIS has no value"),
    "no address to sign in": (["--login", "user=ada"], "belong together"),
    "a name": (["--name", "../shop"], "cannot name a target"),
    "there already": (["--name", "there"], "is there already; say --force"),
}


@pytest.mark.parametrize(("arguments", "says"), BAD_COMMANDS.values(), ids=BAD_COMMANDS.keys())
def test_a_command_that_cannot_be_done_contacts_nobody(
    arguments: list[str], says: str, server: HostileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGEPROOF_TARGETS", str(tmp_path))
    (tmp_path / "there.toml").write_text("mine", encoding="utf-8")
    ended = CliRunner().invoke(application, ["init", server.url("/"), "--json", *arguments])
    assert (ended.exit_code, says in json.loads(ended.stdout)["problem"]) == (2, True), ended.stdout
    assert server.asked == []
    assert (tmp_path / "there.toml").read_text(encoding="utf-8") == "mine"


# -- the staging site, signed in --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def staging(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Plan, str]]:
    """The plan that the command wrote for the staging site as its viewer."""
    folder = tmp_path_factory.mktemp("targets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAGEPROOF_TARGETS", str(folder))
        patch.setenv("DEMO_VIEWER_PASSWORD", "viewers-long-password")
        login = ["--login-url", "/api/login", "--login", "email=viewer@tidemark.example"]
        login += ["--login", "password=env:DEMO_VIEWER_PASSWORD", "--max-pages", "12", "--name", "tide"]
        ended = CliRunner().invoke(application, ["init", site(), *login])
        assert ended.exit_code == 0, ended.output
        assert "stageproof plan tide" in ended.output
        path = folder / "tide.toml"
        planned = CliRunner().invoke(application, ["plan", "tide"])
        assert planned.exit_code == 0, planned.output
        text = path.read_text(encoding="utf-8")
        yield path, parse_plan(text, "tide"), text


@pytest.mark.timeout(600)
def test_pages_behind_the_sign_in_are_visited_as_the_identity(staging: tuple[Path, Plan, str]) -> None:
    """One language stands for all; the password is not in the plan."""
    _, plan, text = staging
    who = {page.path: page.identity for page in plan.pages}
    assert who["/en/"] is None
    assert {path for path, identity in who.items() if identity == "viewer"} >= {
        "/en/dashboard", "/en/approvals", "/en/catalog", "/en/reports",
    }  # fmt: skip
    assert not [path for path in who if path.startswith(("/de/", "/nb/"))]
    assert "viewers-long-password" not in text


@pytest.mark.timeout(600)
def test_the_plan_of_the_staging_site_holds(
    staging: tuple[Path, Plan, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every proposed page passes page-health as a run would look at it, and is told by a text of its own."""
    monkeypatch.setenv("DEMO_VIEWER_PASSWORD", "viewers-long-password")
    path, plan, _ = staging
    assert all(page.must_show for page in plan.pages)
    assert {page.name: page.mask for page in plan.pages}["dashboard"] == ("[data-live]",)
    looked = look(path, [PageSweep()], tmp_path)
    outcomes = {subject: looked.subject(subject, "page-health") for subject in plan.page_subjects()}
    assert {decided.outcome for decided in outcomes.values()} == {Outcome.PASS}, outcomes
