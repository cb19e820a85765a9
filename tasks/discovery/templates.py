"""Which pages are instances of one kind: by the shape of the address together with the structure of the DOM. Pure.

Rules:

- structure is the set of (grandparent > parent > element) steps, each a tag with the first word of its classes: a list
  of 3 and a list of 30 products have the same set, and so have two tables with other columns (`col-price`, `col-name`);
- text that people write (`p`, `li`, `td` without a class, and all inside it that cannot be operated) is no structure;
- two pages are of one kind when their structures have a Jaccard similarity of 0.9 or more *and* their addresses have
  one shape: `/terms` and `/imprint` are two pages, however alike they are built;
- of twenty or more addresses of one shape, such as the pages of a wiki, a similarity of 0.6 is enough: what differs is
  what people wrote;
- six or more sections that hold pages of one structure at the same place (`/shoes/{}`, `/hats/{}`) are one kind, and
  so are the first pages of these sections (`/shoes`, `/hats`) and what is built like them beside them;
- the language in an address is no part of its shape;
- an address that was not visited belongs to the kind of its shape, when all visited pages of that shape are of one
  kind;
- a kind is shown by a page in the site's own language, in the sitemap if one is, else with the shortest address.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tasks.discovery.addresses import MANY_SIBLINGS, Shape

SAME_STRUCTURE = 0.9
SAME_AMONG_MANY = 0.6
MANY_OF_A_SHAPE = 20
ENOUGH_OF_MANY = 12
"""Visits after which the others of so many are left, though people wrote them in more than one way."""
ENOUGH_OF_A_SHAPE = 4
"""When this many visited pages of a variable shape are of one kind, the others are not visited."""
ENOUGH_LANGUAGES = 2

Structure = frozenset[int]
Thing = TypeVar("Thing")


def structure_of(steps: Iterable[str]) -> Structure:
    """The steps as numbers: small enough to keep for every page."""
    return frozenset(zlib.crc32(step.encode("utf-8", "replace")) for step in steps)


def similarity(one: Structure, other: Structure) -> float:
    """Jaccard: what both have, as a share of what either has; two empty structures are alike."""
    either = len(one | other)
    return len(one & other) / either if either else 1.0


@dataclass(frozen=True)
class Kind:
    """Pages of one template: who shows it, and how many addresses it stands for."""

    shown_by: str
    members: Sequence[str]
    """Visited addresses."""
    stands_for: int
    """Addresses of this kind that are known, visited or not."""
    languages: Sequence[str]


def kinds_of(
    visited: Mapping[str, Structure], shapes: Mapping[str, Shape], preferred: Collection[str] = (), language: str = ""
) -> list[Kind]:
    """The kinds among visited pages; `shapes` also has the addresses that were only heard of."""
    families: dict[str, list[str]] = defaultdict(list)
    for address in sorted(visited, key=_by_length):
        families[shapes[address].path].append(address)
    known = Counter(shape.path for shape in shapes.values())
    alike = [
        kind
        for path, family in families.items()
        for kind in _alike(family, visited.__getitem__, _least_similarity(path, known))
    ]
    kinds = _sections_joined(alike, visited, shapes)

    owners: dict[str, set[int]] = defaultdict(set)
    for number, kind in enumerate(kinds):
        for address in kind:
            owners[shapes[address].path].add(number)
    unvisited: dict[int, int] = defaultdict(int)
    for address, shape in shapes.items():
        owner = owners.get(shape.path, set())
        if address not in visited and len(owner) == 1:
            unvisited[next(iter(owner))] += 1
    return [
        Kind(
            shown_by=min(kind, key=lambda one: (shapes[one].language != language, one not in preferred, len(one), one)),
            members=tuple(kind),
            stands_for=len(kind) + unvisited[number],
            languages=tuple(sorted({shapes[address].language for address in kind} - {""})),
        )
        for number, kind in enumerate(kinds)
    ]


def _sections_joined(
    kinds: list[list[str]], visited: Mapping[str, Structure], shapes: Mapping[str, Shape]
) -> list[list[str]]:
    """`/shoes/{}`, `/hats/{}` and many more of one structure are one kind: sections that hold the same things."""

    def path(kind: list[str]) -> str:
        return shapes[kind[0]].path

    def structure(kind: list[str]) -> Structure:
        return visited[kind[0]]

    varying = [kind for kind in kinds if "{}" in path(kind)]
    groups = []
    sections: set[str] = set()
    for group in _at_one_place(varying, path, structure):
        if len(group) < MANY_SIBLINGS:
            groups += [[kind] for kind in group]
        else:
            sections |= {path(kind).rpartition("/")[0] for kind in group}
            groups.append(group)
    above = {section.rpartition("/")[0] for section in sections}
    beside = [kind for kind in kinds if "{}" not in path(kind) and path(kind).rpartition("/")[0] in above]
    groups += [[kind] for kind in kinds if "{}" not in path(kind) and kind not in beside]
    # Sections first: what stands beside them is compared with them.
    for group in _alike(sorted(beside, key=lambda kind: path(kind) not in sections), structure):
        groups += [group] if path(group[0]) in sections else [[kind] for kind in group]
    joined = [sorted((address for kind in group for address in kind), key=_by_length) for group in groups]
    return sorted(joined, key=lambda kind: _by_length(kind[0]))


def _by_length(address: str) -> tuple[int, str]:
    return len(address), address


def _at_one_place(
    several: Iterable[Thing], path: Callable[[Thing], str], structure: Callable[[Thing], Structure]
) -> list[list[Thing]]:
    """Groups of one structure whose paths vary in the same segments."""
    places: dict[tuple[bool, ...], list[Thing]] = defaultdict(list)
    for one in several:
        places[tuple(part == "{}" for part in path(one).split("/"))].append(one)
    return [group for found in places.values() for group in _alike(found, structure)]


def _is_plenty(visits: int, path: str, known: Mapping[str, int]) -> bool:
    return visits >= ENOUGH_OF_MANY and "{}" in path and known[path] >= MANY_OF_A_SHAPE


def _least_similarity(path: str, known: Mapping[str, int]) -> float:
    """How similar pages of a shape must be to be of one kind; `known`: how many addresses have the shape of a path."""
    return SAME_AMONG_MANY if "{}" in path and known.get(path, 0) >= MANY_OF_A_SHAPE else SAME_STRUCTURE


def _alike(
    several: Iterable[Thing], structure: Callable[[Thing], Structure], least: float = SAME_STRUCTURE
) -> list[list[Thing]]:
    groups: list[list[Thing]] = []
    for one in several:
        for group in groups:
            if similarity(structure(group[0]), structure(one)) >= least:
                group.append(one)
                break
        else:
            groups.append([one])
    return groups


def known_enough(visited: Mapping[str, Structure], shapes: Mapping[str, Shape]) -> frozenset[str]:
    """Paths of the shapes of which no further page needs a visit: enough of them turned out to be one kind.

    A shape without anything variable has one address for each language; two of them are enough. Of sections that hold
    the same things, one page each is enough.
    """
    seen: dict[str, list[Structure]] = defaultdict(list)
    for address, structure in visited.items():
        if address in shapes:
            seen[shapes[address].path].append(structure)
    known = Counter(shape.path for shape in shapes.values())
    alike = [
        path
        for path, found in seen.items()
        if len(_alike(found, lambda structure: structure, _least_similarity(path, known))) == 1
    ]
    enough = {path for path in alike if len(seen[path]) >= (ENOUGH_OF_A_SHAPE if "{}" in path else ENOUGH_LANGUAGES)}
    # Not right under the root: there the many may be the site's own pages, each for itself.
    enough |= {path for path, found in seen.items() if path.count("/") > 1 and _is_plenty(len(found), path, known)}
    varying = [path for path in alike if "{}" in path]
    for group in _at_one_place(varying, lambda path: path, lambda path: seen[path][0]):
        enough |= set(group) if len(group) >= MANY_SIBLINGS else set()
    return frozenset(enough)
