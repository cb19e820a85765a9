"""The crawl: from one address to the kinds of pages a site has, bounded whatever the site does.

Rules:

- at most `max_pages` visits, `max_depth` links away, within the time that was given; what was left out is counted;
- the next address is one of the shape that was visited least, so that a few visits see every kind of page; a shape of
  which enough visited pages are one kind is not visited further;
- an address with a query is visited when its path alone shows nothing, or when one of its kind shows something else
  than the path alone;
- after five visits in a row that led to nothing, the site is taken to be down.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin, urlsplit

from tasks.discovery.addresses import (
    Origin,
    Shape,
    address_of,
    looks_like_action,
    looks_like_id,
    shapes_of,
    without_query,
)
from tasks.discovery.proposal import answers_like_missing
from tasks.discovery.robots import Robots
from tasks.discovery.seen import Counted, Look, SeenPage
from tasks.discovery.sitemap import MOST_FILES, MOST_TOTAL, read_sitemap
from tasks.discovery.templates import SAME_STRUCTURE, Structure, is_known_enough, similarity
from tasks.discovery.visits import Visitor
from tasks.doors.http import HttpRequest, fetch

MOST_KNOWN = 60_000
MOST_VARIANTS = 50
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
    variants: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Address without query -> addresses with one."""
    variants_matter: dict[str, bool] = field(default_factory=dict)
    _shapes: dict[str, Shape] = field(default_factory=dict)
    _shaped_at: int = 0

    def may_open(self, url: str) -> bool:
        """Whether a document at this URL may be asked for; other hosts are the browser's to refuse."""
        parts = urlsplit(url)
        if parts.hostname != self.origin.hostname:
            return True
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return self.robots.allows(path) and not looks_like_action(path)

    def hear_of(self, url: str, depth: int, max_depth: int, text: str = "", *, marked: bool = False) -> None:
        """Take an address into account, or count why not."""
        address = address_of(url, self.origin)
        if address is None:
            if urlsplit(url).scheme in {"http", "https"}:
                own = urlsplit(url).hostname == self.origin.hostname
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
            bare = without_query(address)
            self.depths.setdefault(bare, depth)
            if address != bare and address not in self.depths:
                if self.variants_matter.get(bare):
                    self.depths.setdefault(address, depth)
                elif len(self.variants[bare]) < MOST_VARIANTS and address not in self.variants[bare]:
                    self.variants[bare].append(address)

    def is_only_a_variant(self, address: str) -> bool:
        """Whether an address with a query shows what its path alone shows."""
        bare = without_query(address)
        return bare != address and self.variants_matter.get(bare) is False

    def shapes(self, *, exact: bool = False) -> dict[str, Shape]:
        """The shape of every known address; renewed when many more are known, or when asked for exactly."""
        if exact or len(self.depths) > self._shaped_at * RESHAPE_GROWTH or not self._shapes:
            self._shapes = shapes_of(self.depths)
            self._shaped_at = len(self.depths)
        for address in self.depths:
            if address not in self._shapes:
                parts = [part for part in address.split("/") if part]
                self._shapes[address] = Shape("", "/" + "/".join("{}" if looks_like_id(p) else p for p in parts))
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
        failures = failures + 1 if seen.look is None else 0
        if failures >= GIVE_UP_AFTER:
            site.notes.append(f"{failures} visits in a row led to nothing ({seen.problem}), so the crawl stopped")
            break
        if seen.look is not None:
            if seen.moved and seen.final.startswith("/"):
                site.depths.setdefault(seen.final, site.depths[address])
                visited.setdefault(seen.final, replace(seen, address=seen.final))
                structures.setdefault(seen.final, seen.structure)
            if seen.is_shown and not seen.moved:
                structures[address] = seen.structure
            for link in seen.look.links:
                site.hear_of(link.href, site.depths[address] + 1, limits.max_depth, link.text, marked=link.marked)
        _weigh_variants(site, visited, missing)
        progress("crawl", {"found": len(site.depths), "visited": len(visited)})
        if site.robots.delay_seconds:
            time.sleep(min(site.robots.delay_seconds, max(0.0, budget.until - time.monotonic())))
    return visited


def _next(
    site: Site, visited: Mapping[str, SeenPage], structures: Mapping[str, Structure], shapes: Mapping[str, Shape]
) -> str | None:
    tried: dict[str, int] = defaultdict(int)
    for address in visited:
        tried[shapes[address].path if address in shapes else address] += 1
    enough = {path: is_known_enough(Shape("", path), structures, _of_shape(shapes, structures, path)) for path in tried}
    best: tuple[int, int, int] | None = None
    found = None
    for order, (address, depth) in enumerate(site.depths.items()):
        path = shapes[address].path
        if address in visited or enough.get(path):
            continue
        key = (tried.get(path, 0), depth, order)
        if best is None or key < best:
            best, found = key, address
    return found


def _of_shape(shapes: Mapping[str, Shape], among: Iterable[str], path: str) -> dict[str, Shape]:
    return {address: shapes[address] for address in among if address in shapes and shapes[address].path == path}


def _weigh_variants(site: Site, visited: Mapping[str, SeenPage], missing: Sequence[SeenPage]) -> None:
    """Decide whether addresses with a query are pages of their own, as soon as that can be told."""
    shapes = site.shapes()
    # What one product's queries turned out to be, those of the others are.
    decided = {shapes[bare].path: matter for bare, matter in site.variants_matter.items() if bare in shapes}
    for bare, waiting in list(site.variants.items()):
        if bare in site.variants_matter or bare not in visited:
            continue
        if decided.get(shapes[bare].path) is False:
            site.variants_matter[bare] = False
            for variant in waiting:
                site.skipped.add("differ from another address in their query alone", variant[:200])
            continue
        plain = visited[bare]
        sample = next((variant for variant in waiting if variant in visited), None)
        if not plain.is_shown or answers_like_missing(plain, missing):
            matter = True
        elif sample is None:
            # One of them is visited; what it shows decides about all.
            for variant in waiting[:1]:
                site.depths.setdefault(variant, site.depths[bare] + 1)
            continue
        else:
            matter = _tells_something_else(plain, visited[sample])
        site.variants_matter[bare] = matter
        for variant in waiting:
            if matter:
                site.depths.setdefault(variant, site.depths[bare] + 1)
            else:
                site.skipped.add("differ from another address in their query alone", variant[:200])


def _tells_something_else(plain: SeenPage, variant: SeenPage) -> bool:
    if not variant.is_shown or variant.look is None or plain.look is None:
        return False
    if similarity(plain.structure, variant.structure) < SAME_STRUCTURE:
        return True
    return _headlines(plain.look) != _headlines(variant.look)


def _headlines(look: Look) -> list[str]:
    return [text for level, text in look.headings if level == 1]
