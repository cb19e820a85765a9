"""Addresses with a query: views of the page that their path names, or pages of their own. Pure.

Rules:

- the path names a page; what only sorts, filters or leafs through it is folded into it, and counted;
- what a set of keys (`?sort=`, `?page=&size=`) leads to is looked at once for all paths of one shape, at most four sets
  for each shape, search and paging first; what nobody looked at is a view;
- a set that only made views on two shapes is not looked at on a third;
- a view that is built like no page and no other view (the answer to a form) is a page too: one for each shape of path;
- a query names pages where its path alone shows nothing, or leads to one with such a key, and where it leads to another
  headline in another structure (`/index.php?page=about`), unless it searches;
- a key that names pages, whatever their structure (`naming`), is a part of the path from then on: what it leads to is
  a page, and `/index.php?page=news&p=2` shows `/index.php?page=news`. Of a wiki's many, one stands for all.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import Enum

from tasks.discovery import naming
from tasks.discovery.addresses import Shape, query_keys, value_of, with_one_key, without_query
from tasks.discovery.proposal import answers_like_missing
from tasks.discovery.seen import Look, SeenPage
from tasks.discovery.templates import MANY_OF_A_SHAPE, SAME_STRUCTURE, Structure, similarity

MOST_LOOKS = 4
ENOUGH_SHAPES = 2
MOST_HEARD = 60_000

Keys = tuple[str, ...]
"""Names of a query's keys, in their order in the alphabet."""


class Meaning(Enum):
    """What a set of keys leads to."""

    SAME = "a view of the same structure"
    VIEW = "a view of another structure"
    PAGE = "a page of its own"


@dataclass(frozen=True)
class Folded:
    """Addresses that a page stands for because they differ from one of its kind in their query alone."""

    count: int = 0
    keys: Sequence[str] = ()
    """The names of their keys, the most frequent first."""


NOTHING_FOLDED = Folded()


@dataclass
class Variants:
    """All addresses with a query that were heard of, and what is known of them."""

    heard: dict[str, dict[Keys, dict[str, None]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )
    """Page -> keys -> addresses, in the order they were heard of. A page is named by its path, or by its path and the
    key that names pages there."""
    looked_at: dict[tuple[str, Keys], str] = field(default_factory=dict)
    """(page, keys) -> the one address that was or will be visited to learn what they mean."""
    meanings: dict[tuple[str, Keys], Meaning] = field(default_factory=dict)
    naming_keys: dict[str, str] = field(default_factory=dict)
    """Path -> the key of its query that names pages."""
    named: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    """Path -> the pages that its key names, in the order they were heard of."""
    samples: dict[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    """(path, key) -> the addresses that tell whether the key names pages."""
    count: int = 0

    def page_of(self, address: str) -> str:
        """The page that an address shows, in whichever way."""
        path = without_query(address)
        key = self.naming_keys.get(path)
        return path if key is None or value_of(address, key) is None else with_one_key(address, key)

    def _ways(self, address: str) -> Keys:
        """The keys that say in which way the page is shown."""
        page = self.page_of(address)
        return tuple(key for key in query_keys(address) if value_of(page, key) is None)

    def hear_of(self, address: str) -> bool:
        """Take an address with a query into account; False when it is one too many."""
        page = self.page_of(address)
        if "?" in page:
            self.named[without_query(page)][page] = None
        if address == page:
            return True
        alike = self.heard[page][self._ways(address)]
        if address not in alike and self.count >= MOST_HEARD:
            return False
        self.count += address not in alike
        alike[address] = None
        return True

    def to_visit(
        self, visited: Mapping[str, SeenPage], shapes: Mapping[str, Shape], missing: Sequence[SeenPage]
    ) -> Iterator[str]:
        """Addresses that are to be known from now on: one of each set to look at, and those that are pages."""
        self._learn(visited)
        views = self._to_learn_meanings(visited, shapes, missing)
        names = self._to_learn_names(visited, shapes, missing)
        yield from dict.fromkeys(itertools.chain(views, names))

    def _to_learn_meanings(
        self, visited: Mapping[str, SeenPage], shapes: Mapping[str, Shape], missing: Sequence[SeenPage]
    ) -> Iterator[str]:
        """Addresses that tell what a set of keys leads to, and all of a set that leads to pages."""
        told = {(shapes[bare].path, keys): meaning for (bare, keys), meaning in self.meanings.items() if bare in shapes}
        looks = Counter(shapes[bare].path for bare, _ in self.looked_at if bare in shapes)
        asked = {(shapes[bare].path, keys) for bare, keys in self.looked_at if bare in shapes}
        # A set that is still to be looked at counts as one that made a view, so that ten paths do not begin at once.
        folding = Counter(keys for path, keys in asked if told.get((path, keys), Meaning.SAME) is Meaning.SAME)
        for bare, sets in self.heard.items():
            if bare not in shapes:
                continue
            path, plain = shapes[bare].path, visited.get(bare)
            for keys in sorted(sets, key=_promising):
                names_pages = plain is not None and _leaves_to(keys, plain, missing)
                if names_pages or told.get((path, keys)) is Meaning.PAGE:
                    self.meanings[bare, keys] = Meaning.PAGE
                    yield from sets[keys]
                elif (
                    plain is not None
                    and plain.is_shown
                    and not plain.moved
                    and (path, keys) not in asked
                    and looks[path] < MOST_LOOKS
                    and folding[keys] < ENOUGH_SHAPES
                ):
                    folding[keys] += 1
                    looks[path] += 1
                    asked.add((path, keys))
                    self.looked_at[bare, keys] = next(iter(sets[keys]))
                    yield self.looked_at[bare, keys]

    def _to_learn_names(
        self, visited: Mapping[str, SeenPage], shapes: Mapping[str, Shape], missing: Sequence[SeenPage]
    ) -> Iterator[str]:
        """Addresses that tell whether a key names pages, and all these pages when it does."""
        paths = [one for one in shapes if without_query(one) == one]
        for path in [one for one in self.heard if one in visited and one == without_query(one)]:
            # When one of them names pages it is the one with the most values.
            singles = sorted(
                (keys for keys in self.heard[path] if len(keys) == 1), key=lambda keys: -len(self.heard[path][keys])
            )
            for (key,) in singles[:1] if path not in self.naming_keys else ():
                sample = self.samples.get((path, key)) or naming.sample_of(
                    visited[path], key, self.heard[path][key,], paths, visited, missing
                )
                if sample:
                    self.samples[path, key] = sample
                if any(address not in visited for address in sample):
                    yield from sample
                elif naming.tells_pages_apart(visited[path], key, [visited[one] for one in sample], missing):
                    self._take_into_paths(path, key)
            yield from self.named.get(path, ())

    def _take_into_paths(self, path: str, key: str) -> None:
        """From now on this key is a part of the path: what was heard of is sorted anew."""
        self.naming_keys[path] = key
        for known in (self.looked_at, self.meanings):
            for pair in [pair for pair in known if pair[0] == path and key in pair[1]]:
                del known[pair]
        for keys in [keys for keys in self.heard[path] if key in keys]:
            alike = self.heard[path].pop(keys)
            self.count -= len(alike)
            for address in alike:
                self.hear_of(address)

    def _learn(self, visited: Mapping[str, SeenPage]) -> None:
        for (bare, keys), address in self.looked_at.items():
            if (bare, keys) not in self.meanings and address in visited and bare in visited:
                self.meanings[bare, keys] = _meaning(visited[bare], visited[address], keys)

    def shape_of(self, address: str, shapes: Mapping[str, Shape]) -> Shape | None:
        """The shape of an address that only shows what its keys lead to: one value stands for all."""
        bare, keys = self.page_of(address), self._ways(address)
        if bare == address and bare in shapes:
            return self._shape_of_named(bare, shapes)
        if self.looked_at.get((bare, keys)) != address or self._names_page(bare, keys) or bare not in shapes:
            return None
        above = shapes[bare]
        return Shape(above.language, above.path.rstrip("/") + "".join(f"/?{key}=/{{}}" for key in keys))

    def _shape_of_named(self, page: str, shapes: Mapping[str, Shape]) -> Shape | None:
        """Of a page that a key names: its own, unless the key names so many that one stands for all."""
        path = without_query(page)
        if page == path or path not in shapes or len(self.named[path]) >= MANY_OF_A_SHAPE:
            return None
        key = self.naming_keys[path]
        return Shape(shapes[path].language, f"{shapes[path].path.rstrip('/')}/?{key}=/{value_of(page, key) or '-'}")

    def repeated(self, pages: Mapping[str, SeenPage], start: str, kept: Set[str] = frozenset()) -> Set[str]:
        """Addresses that show what a better one shows: `/index.php?page=home` and `/index.php` beside `/`.

        `kept`: views that are pages because they are built otherwise, with whatever words.
        """
        repeats = {
            one
            for one in pages
            if (bare := without_query(one)) != one
            and bare in pages
            and one not in kept
            and naming.shows_the_same(pages[one], pages[bare])
        }
        for path in [start, *self.named]:
            same = [
                one
                for one in pages
                if path in pages and "#" not in one and naming.shows_the_same(pages[one], pages[path])
            ]
            repeats |= set(sorted(same, key=lambda one: (one != start, len(one), one))[1:])
        return repeats

    def _names_page(self, bare: str, keys: Keys) -> bool:
        return self.meanings.get((bare, keys)) is Meaning.PAGE

    def kept(self, structures: Mapping[str, Structure], shapes: Mapping[str, Shape]) -> Set[str]:
        """The views that are pages of a plan; `structures`: of all addresses that were visited."""
        views = [pair for pair, meaning in self.meanings.items() if meaning is Meaning.VIEW and pair[0] in shapes]
        taken = [structures[one] for one in structures if self.page_of(one) == one]
        first: dict[str, str] = {}
        for bare, keys in sorted(views, key=lambda pair: (_promising(pair[1]), pair[0])):
            view = self.looked_at[bare, keys]
            if view not in structures or shapes[bare].path in first:
                continue
            if not any(similarity(structures[view], other) >= SAME_STRUCTURE for other in taken):
                first[shapes[bare].path] = view
                taken.append(structures[view])
        return frozenset(first.values())

    def is_folded(self, address: str, kept: Collection[str]) -> bool:
        """Whether an address only shows another view of the page that its path names."""
        page = self.page_of(address)
        return page != address and address not in kept and not self._names_page(page, self._ways(address))

    def folded(self, kept: Set[str]) -> dict[str, Folded]:
        """What is folded into a page, by its address without a query."""
        counts: dict[str, Counter[Keys]] = defaultdict(Counter)
        for bare, sets in self.heard.items():
            for keys, alike in sets.items():
                if not self._names_page(bare, keys):
                    counts[bare][keys] += len(alike) - len(kept & alike.keys())
        return {bare: _folded(of_keys) for bare, of_keys in counts.items() if of_keys.total()}


def folded_together(several: Iterable[Folded]) -> Folded:
    """What is folded into the pages of one kind."""
    several = sorted(several, key=lambda one: -one.count)
    keys = dict.fromkeys(key for one in several for key in one.keys)
    return Folded(sum(one.count for one in several), tuple(keys))


def _folded(counts: Counter[Keys]) -> Folded:
    of_key = Counter[str]()
    for keys, count in counts.items():
        of_key.update(dict.fromkeys(keys, count))
    return Folded(counts.total(), tuple(key for key, count in of_key.most_common() if count))


def _promising(keys: Keys) -> tuple[int, int, Keys]:
    """Order of sets of keys: those that search, that leaf through pages, of few keys."""
    searches, pages = any(map(naming.SEARCHES.fullmatch, keys)), any(map(naming.LEAFS.fullmatch, keys))
    return (0 if searches else 1 if pages else 2, len(keys), keys)


def _leaves_to(keys: Keys, plain: SeenPage, missing: Sequence[SeenPage]) -> bool:
    """Whether a path without these keys is no page; one that somebody must sign in for may well be."""
    if plain.moved:
        return without_query(plain.final) == plain.address and not set(keys).isdisjoint(query_keys(plain.final))
    if plain.is_shown:
        return answers_like_missing(plain, missing)
    return plain.status not in {401, 403}


def _meaning(plain: SeenPage, variant: SeenPage, keys: Keys) -> Meaning:
    if not variant.is_shown or variant.moved or variant.look is None or plain.look is None:
        return Meaning.SAME
    if similarity(plain.structure, variant.structure) >= SAME_STRUCTURE:
        return Meaning.SAME
    if _headlines(plain.look) == _headlines(variant.look) or any(map(naming.SEARCHES.fullmatch, keys)):
        return Meaning.VIEW
    return Meaning.PAGE


def _headlines(look: Look) -> list[str]:
    return [text for level, text in look.headings if level == 1]
