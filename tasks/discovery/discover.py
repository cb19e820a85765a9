"""From an address to a proposal: crawl, kinds of pages, two loads of each, health, release. Contacts one host only."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urljoin

from pydantic import ValidationError

from evidence_store.redaction import Redactor
from tasks.discovery import proposal
from tasks.discovery.addresses import Origin, Shape, address_of, looks_like_action, origin_of, with_own_words
from tasks.discovery.crawl import Budget, Limits, Progress, Site, crawl, read_sitemaps
from tasks.discovery.naming import shows_the_same
from tasks.discovery.robots import MOST_BYTES, Robots, read_robots
from tasks.discovery.seen import FoundRelease, FoundService, SeenPage, Stability
from tasks.discovery.services import ask_services
from tasks.discovery.stability import (
    MOST_UNCOVERED,
    Change,
    changes_between,
    choose_masks,
    differs_as_a_whole,
    gone_between,
    pixel_changes,
    with_shared_masks,
)
from tasks.discovery.templates import Kind, kinds_of
from tasks.discovery.variants import NOTHING_FOLDED, Folded, folded_together
from tasks.discovery.visits import Loaded, Visitor
from tasks.doors.browser import BrowserSession
from tasks.doors.http import HttpAnswer, HttpRequest, fetch
from tasks.plan import Plan, PlanError, problems_of, resolve_environment

MOST_PROPOSED = 40
LEAST_SECONDS_APART = 2.5
"""Between two loads of a page: a clock that shows seconds, and a list that is renewed each second, differ then."""
CRAWL_SHARE = 0.35
PROBE_SHARE = 0.65
"""Of the time: when the crawl ends, and when the two loads do; the rest is the rehearsal's. What one leaves of its time
is the next one's."""
NOT_LOADED_TWICE = "no time was left to load it twice: nothing is known of what changes"
MOST_FOLDERS = 6

VIEWPORTS = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844, "touch": True}}
LANDINGS = ("dashboard", "home", "app", "account")
"""Where products show a first page after a sign-in."""


class DiscoveryError(Exception):
    """There is nothing to write a plan about, for a reason a person can act on."""


class BadWishError(Exception):
    """What was asked for cannot be done as it was asked."""


@dataclass(frozen=True)
class Wish:
    """What a person asked for on the command line."""

    url: str
    name: str
    limits: Limits = field(default_factory=Limits)
    ignore_robots: bool = False
    starts: Sequence[str] = ()
    """Further addresses to start at: pages that nothing links to."""
    third_parties: Sequence[str] = ()
    identity: str | None = None
    login_url: str | None = None
    login: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ProposedPage:
    """One page of the plan, with all a person should know about it."""

    name: str
    path: str
    identity: str | None
    must_show: Sequence[str]
    kind: Kind
    masks: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()
    freeze_time: bool = True
    picture_height: int | None = None
    """CSS pixels, of a page that is taller than a picture may be, or that has no end."""
    folded: Folded = NOTHING_FOLDED
    """Addresses that show this page in another way."""
    spare_texts: Sequence[str] = ()
    """What it may be told by when a viewport does not show the last of `must_show`."""


@dataclass(frozen=True)
class Proposal:
    """All that the plan will say."""

    wish: Wish
    origin: Origin
    pages: Sequence[ProposedPage]
    left_out: Sequence[str]
    services: Sequence[FoundService]
    release: FoundRelease
    third_parties: Sequence[str]
    budgets: Sequence[proposal.Budget]
    skipped: Mapping[str, tuple[int, str]]
    notes: Sequence[str]
    found: int
    visited: int
    kinds: int


def discover(wish: Wish, good: Mapping[str, float], progress: Progress, redactor: Redactor | None = None) -> Proposal:
    """Look at the site and propose; `good`: the bound of "good" by metric.

    DiscoveryError: there is nothing to propose. BadWishError: not as it was asked. GatherError: no browser, no sign-in.
    """
    began = time.monotonic()
    origin, start, robots = _first_contact(wish)
    plan = _crawl_plan(wish, origin)
    site = Site(origin, robots, notes=[robots.note] if robots.note and not wish.ignore_robots else [])
    site.depths[start] = 0
    for further in wish.starts:
        site.hear_of(urljoin(origin.base_url, further), 0, wish.limits.max_depth)
    hosts = plan.target.allowed_hosts
    progress("sitemap", {})
    read_sitemaps(site, wish.limits, hosts)
    budget = Budget(wish.limits.max_pages, began + CRAWL_SHARE * wish.limits.seconds)
    until = began + PROBE_SHARE * wish.limits.seconds
    redactor = redactor or Redactor()
    with BrowserSession(plan, redactor, deterministic=False) as session:
        looking = _Looking(site, session, plan, wish, budget, progress, until)
        pages, left_out, anonymous = looking.kinds(start)
        chosen = looking.choose(pages)
        firsts = looking.load_first(chosen)
    # By another sign-in, as in each run: what tells when the last one was differs between runs.
    with BrowserSession(plan, redactor, deterministic=False) as looking.session:
        stabilities = with_shared_masks(looking.load_again(chosen, firsts))
    personal = proposal.personal_words(_plain_values(wish.login))
    proposed = _proposed(pages, chosen, stabilities, anonymous, looking.missing, personal)
    progress("services", {})
    services, release = ask_services(site, hosts, looking.asked, looking.start_address)
    third_parties = sorted({*wish.third_parties, *looking.third_parties})
    costs = {
        page.name: stability.cost
        for page, stability in zip(proposed, stabilities, strict=True)
        if stability.cost is not None
    }
    return Proposal(
        wish=wish,
        origin=origin,
        pages=proposed,
        left_out=[*left_out, *(one.seen.address for one in pages if one not in chosen)],
        services=services,
        release=release,
        third_parties=third_parties,
        budgets=proposal.budgets_for(costs, good),
        skipped={why: (count, site.skipped.examples[why]) for why, count in site.skipped.counts.items()},
        notes=tuple(dict.fromkeys([*site.notes, *looking.notes])),
        found=len(site.depths),
        visited=wish.limits.max_pages - budget.visits_left,
        kinds=len(pages),
    )


def _plain_values(login: Mapping[str, str]) -> list[str]:
    """What the identity signs in with, without its password: pages greet people with it."""
    fields = {key: value for key, value in login.items() if "pass" not in key.lower()}
    return [resolve_environment(value, os.environ) for value in fields.values()]


def _first_contact(wish: Wish) -> tuple[Origin, str, Robots]:
    """(origin, address to start at, robots.txt); DiscoveryError when nobody answers, BadWishError for a bad address."""
    try:
        origin = origin_of(wish.url)
    except ValueError as error:
        raise BadWishError(str(error)) from error
    hosts = [origin.hostname]
    answer = fetch(HttpRequest(f"{origin.base_url}/robots.txt", follow=True, max_body_bytes=MOST_BYTES + 1), hosts)
    cut_off = answer.problem is not None and answer.problem[0] == "too-large"
    if answer.problem and answer.problem[0] in {"dns", "refused", "tls"}:
        raise DiscoveryError(f"{origin.base_url} is not to be reached: {answer.problem[1]}")
    if answer.problem and answer.problem[0] == "host" and not wish.ignore_robots:
        raise DiscoveryError(f"{origin.base_url}/robots.txt leads to {_where(answer)}; start there")
    robots = read_robots(
        None if answer.problem and not cut_off else answer.status, answer.header("content-type"), answer.body
    )
    if wish.ignore_robots:
        robots = Robots(sitemaps=robots.sitemaps)
    start = address_of(wish.url, origin)
    if start is None or looks_like_action(start):
        raise BadWishError(f"'{wish.url[:200]}' is no page to start at; give the address of the site itself")
    if not robots.allows(start):
        raise DiscoveryError(
            f"{robots.note or 'robots.txt forbids ' + start}; when the site is your own, say --ignore-robots"
        )
    first = fetch(HttpRequest(urljoin(origin.base_url, start.partition("#")[0]), follow=True), hosts)
    if first.problem and first.problem[0] == "host":
        raise DiscoveryError(f"{wish.url} leads to another host; start there ({_where(first)})")
    if first.problem and first.problem[0] != "too-large":
        raise DiscoveryError(f"{wish.url} shows nothing: {first.problem[1]}")
    if first.status is not None and first.status >= 400:
        basic = " (HTTP authentication is not supported)" if first.header("www-authenticate") else ""
        raise DiscoveryError(f"{wish.url} answered {first.status}{basic}; start at an address that shows a page")
    moved = origin_of(first.url)
    if moved.netloc == origin.netloc or moved.hostname == origin.hostname:
        origin = moved
    return origin, start, robots


def _where(answer: HttpAnswer) -> str:
    return answer.redirects[-1][:200] if answer.redirects else answer.url[:200]


def _crawl_plan(wish: Wish, origin: Origin) -> Plan:
    """A plan for the doors: the browser takes its hosts and its sign-in from one."""
    content: dict[str, object] = {
        "schema": 1,
        "target": {
            "name": wish.name,
            "base_url": origin.base_url,
            "allowed_hosts": [origin.hostname],
            "third_parties": list(wish.third_parties),
            "release": {"unknown": "not looked for yet"},
        },
        "viewports": VIEWPORTS,
        "pages": [{"name": "start", "path": "/"}],
        "checks": {"page-health": {}},
    }
    if wish.identity:
        content["identities"] = {wish.identity: {"login": {"url": wish.login_url, "json": dict(wish.login)}}}
    try:
        return Plan.model_validate(content)
    except (ValidationError, PlanError) as error:
        problems = problems_of(error) if isinstance(error, ValidationError) else error.problems
        raise BadWishError("; ".join(problems)) from error


@dataclass(frozen=True)
class _Found:
    """A kind of page with the visit that shows it."""

    kind: Kind
    seen: SeenPage
    shape: Shape
    identity: str | None
    page: str
    """The address without what only shows it in another way."""
    folded: Folded = NOTHING_FOLDED

    def may_be_taken_for(self, other: _Found) -> bool:
        """Whether it takes a text to tell them apart: not of views of one page, nor of what this visitor never sees."""
        apart = (self.page, self.identity) != (other.page, other.identity)
        return apart and other.identity in {None, self.identity}


@dataclass(frozen=True)
class _First:
    """The first of two loads, and when it ended (`time.monotonic()`)."""

    seen: SeenPage
    loaded: Loaded | None
    at: float


@dataclass
class _Looking:
    """One browser session's work, with what it noticed on the way."""

    site: Site
    session: BrowserSession
    plan: Plan
    wish: Wish
    budget: Budget
    progress: Progress
    until: float
    """`time.monotonic()` when the last page is to be loaded."""
    missing: list[SeenPage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    third_parties: set[str] = field(default_factory=set)
    start_address: str = "/"

    def visitor(self, identity: str | None) -> Visitor:
        return Visitor(self.session, self.site.origin, self.plan.viewports["desktop"], self.site.may_open, identity)

    def kinds(self, start: str) -> tuple[list[_Found], list[str], list[SeenPage]]:
        """(kinds of pages, addresses that were no pages, all anonymous visits)."""
        stranger = self.visitor(None)
        self._look_for_missing(None, [""])
        identity = self.wish.identity
        whole = self.budget.visits_left
        until = self.budget.until
        if identity:
            self.budget.visits_left = max(1, whole // 2)
            self.budget.until = time.monotonic() + (until - time.monotonic()) / 2
        visited = crawl(self.site, stranger, self.wish.limits, self.budget, self.progress, self.missing)
        first = visited.get(start)
        if first is None or first.look is None:
            raise DiscoveryError(
                f"{self.wish.url} cannot be looked at: {first.problem if first else 'no time was left'}"
            )
        if not first.final.startswith("/"):
            raise DiscoveryError(f"{self.wish.url} leads to {first.final[:200]}; start there")
        self.start_address = first.final
        signed_in: dict[str, SeenPage] = {}
        if identity:
            self.budget.visits_left += whole - max(1, whole // 2)
            self.budget.until = until
            signed_in = self._crawl_signed_in(identity, visited)
        for seen in [*visited.values(), *signed_in.values()]:
            self.asked |= seen.asked
            self.third_parties |= seen.third_parties
        if self.budget.is_spent():
            which = "--max-pages was reached" if self.budget.visits_left <= 0 else "its share of --minutes was over"
            unvisited = len(self.site.depths) - len({*visited, *signed_in})
            self.notes.append(
                f"the crawl ended because {which}, with {unvisited:,} addresses unvisited; more takes it further"
            )
        return self._kinds_among(visited, signed_in)

    def _crawl_signed_in(self, identity: str, visited: Mapping[str, SeenPage]) -> dict[str, SeenPage]:
        """What the identity sees; when nothing leads to its pages, the usual names of a first page are tried."""
        visitor = self.visitor(identity)
        signed_in = crawl(self.site, visitor, self.wish.limits, self.budget, self.progress, self.missing)
        if self._own_pages(visited, signed_in):
            return signed_in
        folder = self.start_address.rpartition("/")[0]
        landings = dict.fromkeys(f"{above}/{name}" for above in (folder, "") for name in LANDINGS)
        for address in (one for one in landings if one not in signed_in and self.site.robots.allows(one)):
            if self.budget.is_spent():
                break
            self.budget.visits_left -= 1
            seen = visitor.see(address)
            if seen.is_shown and seen.final.startswith("/") and not proposal.answers_like_missing(seen, self.missing):
                self.site.depths.setdefault(seen.final, 1)
                signed_in |= crawl(
                    self.site, visitor, self.wish.limits, self.budget, self.progress, self.missing, signed_in
                )
                if self._own_pages(visited, signed_in):
                    return signed_in
        self.notes.append(
            f"'{identity}' signed in and saw no page that a stranger does not see: name one with --start /path"
        )
        return signed_in

    @staticmethod
    def _own_pages(visited: Mapping[str, SeenPage], signed_in: Mapping[str, SeenPage]) -> dict[str, SeenPage]:
        """Pages that are shown to the identity alone, as far as both looked."""
        return {
            address: seen
            for address, seen in signed_in.items()
            if seen.is_shown
            and not seen.moved
            and (address not in visited or proposal.needs_sign_in(visited[address], seen))
        }

    def _look_for_missing(self, identity: str | None, folders: Sequence[str]) -> None:
        for folder in folders if time.monotonic() < self.until else ():
            address = f"{folder}/stageproof-{secrets.token_hex(6)}"
            if not self.site.robots.allows(address):
                words = "robots.txt forbids to ask for addresses that cannot exist: some of these may be error pages"
                self.notes.append(words)  # each note is told once
                continue
            seen = self.visitor(identity).see(address)
            # One that leads to a page of the site, such as the sign-in, says nothing of that page.
            if not seen.moved:
                self.missing.append(seen)

    def _kinds_among(
        self, visited: Mapping[str, SeenPage], signed_in: Mapping[str, SeenPage]
    ) -> tuple[list[_Found], list[str], list[SeenPage]]:
        stranger, identity = self.visitor(None), self.wish.identity
        shapes = self.site.shapes(exact=True)
        variants = self.site.variants
        structures = {address: seen.structure for address, seen in {**visited, **signed_in}.items() if seen.is_shown}
        kept = variants.kept(structures, shapes)
        folded = variants.folded(kept)
        everyones = {
            address: seen
            for address, seen in visited.items()
            if seen.is_shown and not seen.moved and not variants.is_folded(address, kept)
        }
        only_signed_in = {
            address: seen
            for address, seen in self._own_pages(visited, signed_in).items()
            if not variants.is_folded(address, kept)
        }
        for pages, seen_by in ((everyones, visited), (only_signed_in, signed_in)):
            for repeat in variants.repeated(pages, self.start_address, kept):
                self.site.skipped.add("show a page of another address", repeat)
                del pages[repeat]
            for place in [address for address in pages if _is_place(seen_by, address)]:
                self.site.skipped.add("lead to a place in a page", place)
                del pages[place]
        folders = self._folders({*everyones, *only_signed_in})
        self._look_for_missing(None, folders)
        if identity:
            self._look_for_missing(identity, ["", *folders])
        everyones, no_pages = self._without_missing(everyones)
        only_signed_in, more = self._without_missing(only_signed_in)

        def found_as(kind: Kind, seen: SeenPage, who: str | None) -> _Found:
            into = folded_together(folded[address] for address in kind.members if address in folded)
            return _Found(kind, seen, shapes[kind.shown_by], who, variants.page_of(kind.shown_by), into)

        found = []
        for kind in self._grouped(only_signed_in, shapes):
            seen = only_signed_in[kind.shown_by]
            anonymous = visited.get(kind.shown_by)
            if anonymous is None and time.monotonic() < self.until:
                anonymous = stranger.see(kind.shown_by)
            if proposal.needs_sign_in(anonymous, seen):
                found.append(found_as(kind, seen, identity))
            elif anonymous is not None:
                everyones[kind.shown_by] = anonymous
        public = [found_as(kind, everyones[kind.shown_by], None) for kind in self._grouped(everyones, shapes)]
        self._tell_failures(visited, signed_in)
        for bare, into in folded.items():
            self.site.skipped.add(
                "differ from another address in their query alone", f"{bare}?{into.keys[0]}=", into.count
            )
        kinds = sorted([*public, *found], key=lambda one: (one.seen.address.count("/"), len(one.seen.address)))
        return kinds, [*no_pages, *more], list(visited.values())

    def _grouped(self, pages: Mapping[str, SeenPage], shapes: Mapping[str, Shape]) -> list[Kind]:
        structures = {address: seen.structure for address, seen in pages.items()}
        return kinds_of(structures, shapes, self.site.in_sitemap, shapes[self.start_address].language)

    def _folders(self, addresses: Collection[str]) -> list[str]:
        above = [address.partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")[0] for address in addresses]
        folders = sorted({folder for folder in above if folder}, key=lambda one: (-above.count(one), one))[
            :MOST_FOLDERS
        ]
        # An application answers for routes that do not exist by itself, where its server knows of none.
        routed = sorted({address.partition("#")[0] for address in addresses if "#" in address}, key=len)[:1]
        return [*folders, *(f"{path}#" for path in routed)]

    def _without_missing(self, pages: Mapping[str, SeenPage]) -> tuple[dict[str, SeenPage], list[str]]:
        kept, missing, errors = {}, [], []
        for address, seen in pages.items():
            if proposal.answers_like_missing(seen, self.missing):
                missing.append(address)
            elif seen.look is not None and proposal.is_error_page(seen.look):
                errors.append(address)
            else:
                kept[address] = seen
        start = pages.get(self.start_address)
        if start is not None and self.start_address not in kept:
            kept[self.start_address] = start
            missing = [address for address in missing if address != self.start_address]
            self.notes.append(
                f"{self.start_address} shows what an address that cannot exist shows too: nothing tells the two apart"
            )
        for left, words in ((missing, "the page for what does not exist"), (errors, "an error page")):
            if left:
                which = "1 address answers" if len(left) == 1 else f"{len(left):,} addresses answer"
                self.notes.append(f"{which} with {words} as if all were well, such as {left[0]}")
        return kept, [*missing, *errors]

    def _tell_failures(self, *visits: Mapping[str, SeenPage]) -> None:
        for seen in (seen for visited in visits for seen in visited.values()):
            if seen.problem:
                self.site.skipped.add(f"could not be looked at: {seen.problem[:100]}", seen.address)
            elif seen.status is not None and seen.status >= 400:
                self.site.skipped.add(f"answered {seen.status}", seen.address)
            elif not seen.final.startswith("/"):
                self.site.skipped.add("lead away from the site", seen.address)

    def choose(self, found: Sequence[_Found]) -> list[_Found]:
        """At most MOST_PROPOSED kinds, the start page and the shortest addresses first."""
        first = [one for one in found if one.seen.address == self.start_address]
        if len(found) > MOST_PROPOSED:
            self.notes.append(
                f"more than {MOST_PROPOSED} kinds of pages were seen: those of the longest addresses are left out"
            )
        return [*first, *(one for one in found if one not in first)][:MOST_PROPOSED]

    def load_first(self, chosen: Sequence[_Found]) -> list[_First | None]:
        """Load each page; None for those that there is no time for."""
        firsts: list[_First | None] = []
        halfway = (time.monotonic() + self.until) / 2
        for number, one in enumerate(chosen, 1):
            self.progress("first load", {"done": number, "pages": len(chosen)})
            # A page that is loaded once and not again tells nothing.
            if time.monotonic() >= halfway:
                firsts.append(None)
                continue
            seen, loaded = self.visitor(one.identity).measure(one.seen.address)
            firsts.append(_First(seen, loaded, time.monotonic()))
        return firsts

    def load_again(self, chosen: Sequence[_Found], firsts: Sequence[_First | None]) -> list[Stability]:
        """Load each page that was loaded once more: what differs cannot be compared."""
        answers = []
        for number, (one, first) in enumerate(zip(chosen, firsts, strict=True), 1):
            self.progress("second load", {"done": number, "pages": len(chosen)})
            if first is None or time.monotonic() >= self.until:
                answers.append(Stability(problem=NOT_LOADED_TWICE))
                continue
            time.sleep(max(0.0, first.at + LEAST_SECONDS_APART - time.monotonic()))
            answers.append(self._compare(one, first.seen, first.loaded))
        untried = sum(answer.problem == NOT_LOADED_TWICE for answer in answers)
        if untried:
            self.notes.append(
                f"{untried} of the {len(chosen)} pages were not loaded twice, because --minutes left no time for it:"
                " what changes on them is not masked"
            )
        return answers

    def _compare(self, one: _Found, first_seen: SeenPage, first: Loaded | None) -> Stability:
        if first is None:
            return Stability(problem=f"it could not be loaded again: {first_seen.problem}")
        seen, second = self.visitor(one.identity).compare(
            one.seen.address, lambda loaded: [change.path for change in _changes(first, loaded)]
        )
        if second is None:
            return Stability(cost=first.cost, problem=f"its second load failed: {seen.problem}")
        self.third_parties |= seen.third_parties | first_seen.third_parties
        changes = _changes(first, second.loaded)
        texts = tuple(look.text for look in (first_seen.look, seen.look) if look is not None)
        masks, uncovered = choose_masks(changes, second.candidates)
        if differs_as_a_whole(changes, second.loaded.pieces) or len(uncovered) > MOST_UNCOVERED:
            notes = [
                f"{len(changes)} of its elements differ between two loads, too many to mask: make its data stand still"
            ]
            return Stability(notes=notes, cost=first.cost, texts=texts)
        notes = [
            f"{change.why}: it has no id, class or data attribute that would last, so nothing masks it"
            for change in uncovered[:5]
        ]
        gone = gone_between(first.pieces, second.loaded.pieces)
        if gone and not changes:
            notes.append(
                f"{len(gone)} elements were there in the first of two loads only, such as '{gone[0].text[:40]}'"
            )
        return Stability(masks=masks, notes=notes, cost=first.cost, texts=texts)


def _is_place(visited: Mapping[str, SeenPage], address: str) -> bool:
    whole = visited.get(address.partition("#")[0])
    return "#" in address and whole is not None and not whole.moved and shows_the_same(visited[address], whole)


def _changes(first: Loaded, second: Loaded) -> list[Change]:
    return changes_between(first.pieces, second.pieces, _pixels(first, second))


def _pixels(first: Loaded, second: Loaded) -> set[str]:
    if not first.picture or not second.picture:
        return set()
    try:
        return pixel_changes(first.pieces, second.pieces, first.picture, second.picture)
    except (ValueError, OSError):
        return set()  # a picture that cannot be read compares nothing; texts and sizes are compared all the same


def _proposed(
    found: Sequence[_Found],
    chosen: Sequence[_Found],
    stabilities: Sequence[Stability],
    strangers: Sequence[SeenPage],
    missing: Sequence[SeenPage],
    personal: Collection[str],
) -> list[ProposedPage]:
    sign_in = [seen.look.text for seen in strangers if seen.look is not None and seen.look.signs_in]
    of_missing = [seen.look.text for seen in missing if seen.look is not None]
    taken: set[str] = set()
    pages = []
    for one, stability in zip(chosen, stabilities, strict=True):
        if one.seen.look is None:
            raise RuntimeError(f"{one.seen.address} was chosen without a look at it")
        others = [other.seen.look.text for other in found if other.seen.look and one.may_be_taken_for(other)]
        others += [] if one.seen.look.signs_in else sign_in
        # A start page that shows for everything what it shows for itself is told as such already.
        others += [] if proposal.answers_like_missing(one.seen, missing) else of_missing
        told = proposal.texts_for(one.seen.look, stability.texts, others, personal if one.identity else ())
        # Of several it is what they have in common that names them.
        shape = one.shape if one.kind.stands_for > 1 else with_own_words(one.shape, one.seen.address)
        name = proposal.name_of(shape, taken, one.identity or "")
        taken.add(name)
        notes = [note for note in (told.note, stability.problem, *stability.notes) if note]
        pages.append(
            ProposedPage(
                name,
                one.seen.address,
                one.identity,
                told.must_show,
                one.kind,
                stability.masks,
                tuple(notes),
                folded=one.folded,
                spare_texts=told.spare,
            )
        )
    return pages
