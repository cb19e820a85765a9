"""The crawl: from one address to the kinds of pages a site has, bounded whatever the site does.

Rules:

- at most `max_pages` visits, `max_depth` links away, within the time that was given; what was left out is counted;
- the next address is one of the shape that was visited least, so that a few visits see every kind of page; a shape of
  which enough visited pages are one kind is not visited further;
- what an address with a query leads to is learned from a few of them (`variants`);
- a shape of which ten visits showed nothing (downloads, errors, a sign-in) is not visited further;
- after five visits in a row that got no answer, the site is taken to be down.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin, urlsplit

from tasks.discovery.addresses import (
    Origin,
    Shape,
    address_of,
    looks_like_action,
    names_health,
    parts_of,
    shapes_of,
    without_query,
)
from tasks.discovery.robots import Robots
from tasks.discovery.seen import Counted, SeenPage
from tasks.discovery.sitemap import MOST_FILES, MOST_TOTAL, read_sitemap
from tasks.discovery.templates import Structure, known_enough
from tasks.discovery.variants import MOST_HEARD, Variants
from tasks.discovery.visits import ANSWERED, Visitor
from tasks.doors.http import HttpRequest, fetch

MOST_KNOWN = 60_000
MOST_FRUITLESS = 10
"""Visits to one shape that show nothing: more than make a kind, because one shape may hold pages of several kinds."""
GIVE_UP_AFTER = 5
SITEMAP_SECONDS = 20.0
RESHAPE_GROWTH = 1.1

Progress = Callable[[str, Mapping[str, int]], None]
"""Called with a phase and its counts."""


@dataclass(frozen=True)
class Limits:
    """How far a crawl goes."""

    max_pages: int = 200
    max_depth: int = 8
    seconds: float = 600.0


@dataclass
class Site:
    """All that is known of the addresses of a site."""

    origin: Origin
    robots: Robots
    depths: dict[str, int] = field(default_factory=dict)
    """Address -> how many links away it was found."""
    in_sitemap: set[str] = field(default_factory=set)
    skipped: Counted = field(default_factory=Counted)
    notes: list[str] = field(default_factory=list)
    variants: Variants = field(default_factory=Variants)
    health_links: dict[str, None] = field(default_factory=dict)
    """Paths that pages link to and that look like health addresses, in the order they were found."""
    _shapes: dict[str, Shape] = field(default_factory=dict)
    _shaped_at: int = 0

    def may_open(self, url: str) -> bool:
        """Whether a document at this URL may be asked for; other hosts are the browser's to refuse."""
        parts = urlsplit(url)
        if parts.hostname != self.origin.hostname:
            return True
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return self.robots.allows(path) and not looks_like_action(path)

    def health_path(self, url: str) -> str:
        """The path of an address of this site by which services call their health, or an empty text."""
        parts = parts_of(url)
        ours = parts is not None and (parts.scheme, parts.netloc) == (self.origin.scheme, self.origin.netloc)
        return parts.path if parts is not None and ours and names_health(parts.path) else ""

    def hear_of(self, url: str, depth: int, max_depth: int, text: str = "", *, marked: bool = False) -> None:
        """Take an address into account, or count why not."""
        health = self.health_path(url)
        if health and not marked:
            self.health_links.setdefault(health, None)
        address = address_of(url, self.origin)
        if address is None:
            parts = parts_of(url)
            if parts is not None and parts.scheme in {"http", "https"}:
                own = parts.hostname == self.origin.hostname
                self.skipped.add("files, traps and other ports" if own else "other hosts", url[:200])
            return
        if looks_like_action(address, text, marked=marked):
            self.skipped.add("links that look like actions", address[:200])
        elif not self.robots.allows(address):
            self.skipped.add("forbidden by robots.txt", address[:200])
        elif depth > max_depth:
            self.skipped.add(f"more than {max_depth} links away", address[:200])
        elif len(self.depths) >= MOST_KNOWN:
            self.skipped.add(f"beyond the first {MOST_KNOWN:,} addresses", address[:200])
        else:
            self.depths.setdefault(self.variants.page_of(address), depth)
            # What a route shows is told from a place in the page by the page without it.
            self.depths.setdefault(without_query(address).partition("#")[0], depth)
            if address != without_query(address) and not self.variants.hear_of(address):
                self.skipped.add(f"beyond the first {MOST_HEARD:,} addresses with a query", address[:200])

    def shapes(self, *, exact: bool = False) -> dict[str, Shape]:
        """The shape of every known address; renewed when many more are known, or when asked for exactly."""
        if exact or len(self.depths) > self._shaped_at * RESHAPE_GROWTH or not self._shapes:
            self._shapes = shapes_of(self.depths)
            self._shaped_at = len(self.depths)
        # Until then a new one has the shape that it shows by itself.
        self._shapes |= {one: shapes_of([one])[one] for one in self.depths if one not in self._shapes}
        # Pages before their views: the shape of a view begins with that of its page.
        named = [one for pages in self.variants.named.values() for one in pages]
        for several in (named, self.variants.looked_at.values()):
            own = {one: self.variants.shape_of(one, self._shapes) for one in several}
            self._shapes |= {address: shape for address, shape in own.items() if shape is not None}
        return self._shapes


@dataclass
class Budget:
    """Visits and time, shared by all crawls of a run."""

    visits_left: int
    until: float
    """time.monotonic()."""

    def is_spent(self) -> bool:
        """No visit or no time is left."""
        return self.visits_left <= 0 or time.monotonic() >= self.until


def read_sitemaps(site: Site, limits: Limits, allowed_hosts: Sequence[str]) -> None:
    """Hear of all addresses in the sitemaps; each oddity becomes a note."""
    until = time.monotonic() + SITEMAP_SECONDS
    queue = list(dict.fromkeys([*site.robots.sitemaps, f"{site.origin.base_url}/sitemap.xml"]))
    given = set(site.robots.sitemaps)
    done: set[str] = set()
    while queue and len(done) < MOST_FILES and time.monotonic() < until:
        url = urljoin(site.origin.base_url, queue.pop(0))
        if url in done:
            continue
        done.add(url)
        if not site.may_open(url):
            site.notes.append(f"{url[:200]}: forbidden by robots.txt, not read")
            continue
        answer = fetch(HttpRequest(url, follow=True, max_body_bytes=20_000_000), allowed_hosts)
        cut_off = answer.problem is not None and answer.problem[0] == "too-large"
        if (answer.problem and not cut_off) or answer.status != 200:
            if url in given:
                why = answer.problem[1] if answer.problem else f"answered {answer.status}"
                site.notes.append(f"{url[:200]}: {why}")
            continue
        sitemap = read_sitemap(answer.body)
        # A site that answers HTML for everything has no sitemap, which is nothing to tell.
        if (sitemap.note or cut_off) and (url in given or sitemap.note != "an HTML page"):
            site.notes.append(f"{url[:200]}: {sitemap.note or 'only its first 20 MB were read'}")
        queue += [one for one in sitemap.sitemaps if one not in done][:MOST_FILES]
        before = len(site.depths)
        for page in sitemap.pages:
            if len(site.in_sitemap) >= MOST_TOTAL:
                site.notes.append(f"only the first {MOST_TOTAL:,} addresses of the sitemaps were taken")
                return
            site.hear_of(page, 1, limits.max_depth)
            address = address_of(page, site.origin)
            if address is not None:
                site.in_sitemap.add(address)
        if sitemap.pages and len(site.depths) == before and not site.in_sitemap:
            site.notes.append(f"{url[:200]}: none of its {len(sitemap.pages):,} addresses is on this site")
    if queue and len(done) >= MOST_FILES:
        site.notes.append(f"only the first {MOST_FILES} sitemaps were read")


def crawl(
    site: Site,
    visitor: Visitor,
    limits: Limits,
    budget: Budget,
    progress: Progress,
    missing: Sequence[SeenPage],
    before: Mapping[str, SeenPage] | None = None,
) -> dict[str, SeenPage]:
    """Visit what is known and what it links to, as one identity: address -> what was seen there, now and `before`."""
    visited = dict(before or {})
    structures = {address: seen.structure for address, seen in visited.items() if seen.is_shown and not seen.moved}
    failures = 0
    while not budget.is_spent():
        shapes = site.shapes()
        address = _next(site, visited, structures, shapes)
        if address is None:
            break
        seen = visitor.see(address)
        budget.visits_left -= 1
        visited[address] = seen
        failures = failures + 1 if seen.look is None and seen.problem not in ANSWERED else 0
        if failures >= GIVE_UP_AFTER:
            site.notes.append(f"{failures} visits in a row led to nothing ({seen.problem}), so the crawl stopped")
            break
        if seen.look is not None:
            if seen.moved and seen.final.startswith("/"):
                site.depths.setdefault(seen.final, site.depths[address])
                visited.setdefault(seen.final, replace(seen, address=seen.final))
                structures.setdefault(seen.final, seen.structure)
                # Where it ended may be a view of a page that nothing links to.
                site.hear_of(urljoin(site.origin.base_url, seen.final), site.depths[address], limits.max_depth)
            if seen.is_shown and not seen.moved:
                structures[address] = seen.structure
            for link in seen.look.links:
                site.hear_of(link.href, site.depths[address] + 1, limits.max_depth, link.text, marked=link.marked)
        for variant in list(site.variants.to_visit(visited, site.shapes(), missing)):
            site.depths.setdefault(variant, site.depths[without_query(variant)] + 1)
        progress("crawl", {"found": len(site.depths), "visited": len(visited)})
        if site.robots.delay_seconds:
            time.sleep(min(site.robots.delay_seconds, max(0.0, budget.until - time.monotonic())))
    return visited


def _next(
    site: Site, visited: Mapping[str, SeenPage], structures: Mapping[str, Structure], shapes: Mapping[str, Shape]
) -> str | None:
    tried = Counter(shapes[address].path if address in shapes else address for address in visited)
    shown = {shapes[address].path for address in structures if address in shapes}
    fruitless = {path for path, count in tried.items() if count >= MOST_FRUITLESS and path not in shown}
    enough = known_enough(structures, shapes) | fruitless
    best: tuple[int, int, int] | None = None
    found = None
    for order, (address, depth) in enumerate(site.depths.items()):
        path = shapes[address].path
        if address in visited or path in enough:
            continue
        key = (tried[path], depth, order)
        if best is None or key < best:
            best, found = key, address
    return found
