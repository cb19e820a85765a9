"""Addresses with a query: views of the page that their path names, or pages of their own. Pure.

Rules:

- the path names a page; what only sorts, filters or leafs through it is folded into it, and counted;
- what a set of keys (`?sort=`, `?page=&size=`) leads to is looked at once for all paths of one shape, at most four sets
  for each shape, search and paging first; what nobody looked at is a view;
- a set that only made views on two shapes is not looked at on a third;
- a view that is built like no page and no other view (the answer to a form) is a page too: one for each shape of path;
- a query names pages where its path alone shows nothing, and where it leads to another headline in another structure
  (`/index.php?page=about`), unless it searches.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import Enum

from tasks.discovery.addresses import Shape, query_keys, without_query
from tasks.discovery.proposal import answers_like_missing
from tasks.discovery.seen import Look, SeenPage
from tasks.discovery.templates import SAME_STRUCTURE, Structure, similarity

MOST_LOOKS = 4
ENOUGH_SHAPES = 2
MOST_HEARD = 60_000

_SEARCHES = re.compile(r"_?(q|s|query|search|term|keywords?|find)", re.IGNORECASE)
_PAGES = re.compile(r"_?(p|page|offset|start|next|after|before|cursor|skip|from)", re.IGNORECASE)

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
    """Address without query -> keys -> addresses, in the order they were heard of."""
    looked_at: dict[tuple[str, Keys], str] = field(default_factory=dict)
    """(address without query, keys) -> the one address that was or will be visited to learn what they mean."""
    meanings: dict[tuple[str, Keys], Meaning] = field(default_factory=dict)
    count: int = 0

    def hear_of(self, address: str) -> bool:
        """Take an address with a query into account; False when it is one too many."""
        alike = self.heard[without_query(address)][query_keys(address)]
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
        told = {(shapes[bare].path, keys): meaning for (bare, keys), meaning in self.meanings.items() if bare in shapes}
        looks = Counter(shapes[bare].path for bare, _ in self.looked_at if bare in shapes)
        asked = {(shapes[bare].path, keys) for bare, keys in self.looked_at if bare in shapes}
        # A set that is still to be looked at counts as one that made a view, so that ten paths do not begin at once.
        folding = Counter(keys for path, keys in asked if told.get((path, keys), Meaning.SAME) is Meaning.SAME)
        for bare, sets in self.heard.items():
            if bare not in shapes:
                continue
            path, plain = shapes[bare].path, visited.get(bare)
            names_pages = plain is not None and _shows_nothing(plain, missing)
            for keys in sorted(sets, key=_promising):
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

    def _learn(self, visited: Mapping[str, SeenPage]) -> None:
        for (bare, keys), address in self.looked_at.items():
            if (bare, keys) not in self.meanings and address in visited and bare in visited:
                self.meanings[bare, keys] = _meaning(visited[bare], visited[address], keys)

    def shape_of(self, address: str, shapes: Mapping[str, Shape]) -> Shape | None:
        """The shape of an address that only shows what its keys lead to: one value stands for all."""
        bare, keys = without_query(address), query_keys(address)
        if self.looked_at.get((bare, keys)) != address or self._names_page(bare, keys) or bare not in shapes:
            return None
        above = shapes[bare]
        return Shape(above.language, above.path.rstrip("/") + "".join(f"/?{key}=/{{}}" for key in keys))

    def _names_page(self, bare: str, keys: Keys) -> bool:
        return self.meanings.get((bare, keys)) is Meaning.PAGE

    def kept(self, structures: Mapping[str, Structure], shapes: Mapping[str, Shape]) -> Set[str]:
        """The views that are pages of a plan; `structures`: of all addresses that were visited."""
        views = [pair for pair, meaning in self.meanings.items() if meaning is Meaning.VIEW and pair[0] in shapes]
        taken = [structures[one] for one in structures if without_query(one) == one]
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
        bare = without_query(address)
        return bare != address and address not in kept and not self._names_page(bare, query_keys(address))

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
    searches, pages = any(map(_SEARCHES.fullmatch, keys)), any(map(_PAGES.fullmatch, keys))
    return (0 if searches else 1 if pages else 2, len(keys), keys)


def _shows_nothing(plain: SeenPage, missing: Sequence[SeenPage]) -> bool:
    """Whether a path without its query is no page; one that somebody must sign in for may well be."""
    if plain.moved:
        return without_query(plain.final) == plain.address
    if plain.is_shown:
        return answers_like_missing(plain, missing)
    return plain.status not in {401, 403}


def _meaning(plain: SeenPage, variant: SeenPage, keys: Keys) -> Meaning:
    if not variant.is_shown or variant.moved or variant.look is None or plain.look is None:
        return Meaning.SAME
    if similarity(plain.structure, variant.structure) >= SAME_STRUCTURE:
        return Meaning.SAME
    if _headlines(plain.look) == _headlines(variant.look) or any(map(_SEARCHES.fullmatch, keys)):
        return Meaning.VIEW
    return Meaning.PAGE


def _headlines(look: Look) -> list[str]:
    return [text for level, text in look.headings if level == 1]
