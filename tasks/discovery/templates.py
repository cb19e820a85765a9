"""Which pages are instances of one kind: by the shape of the address together with the structure of the DOM. Pure.

Rules:

- structure is the set of (grandparent > parent > element) steps, each a tag with its classes: a list of 3 and a list of
  30 products have the same set;
- two pages are of one kind when their structures have a Jaccard similarity of 0.9 or more *and* their addresses have
  one shape: `/terms` and `/imprint` are two pages, however alike they are built;
- six or more sections that hold pages of one structure at the same place (`/shoes/{}`, `/hats/{}`) are one kind;
- the language in an address is no part of its shape;
- an address that was not visited belongs to the kind of its shape, when all visited pages of that shape are of one
  kind;
- a kind is shown by a page in the site's own language, in the sitemap if one is, else with the shortest address.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tasks.discovery.addresses import MANY_SIBLINGS, Shape

SAME_STRUCTURE = 0.9
ENOUGH_OF_A_SHAPE = 4
"""When this many visited pages of a variable shape are of one kind, the others are not visited."""
ENOUGH_LANGUAGES = 2

Structure = frozenset[int]


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
    families: dict[str, list[list[str]]] = defaultdict(list)
    for address in sorted(visited, key=lambda one: (len(one), one)):
        family = families[shapes[address].path]
        for kind in family:
            if similarity(visited[kind[0]], visited[address]) >= SAME_STRUCTURE:
                kind.append(address)
                break
        else:
            family.append([address])
    kinds = _sections_joined([kind for family in families.values() for kind in family], visited, shapes)

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
    alike: dict[tuple[bool, ...], list[list[list[str]]]] = defaultdict(list)
    for kind in kinds:
        places = tuple(part == "{}" for part in shapes[kind[0]].path.split("/"))
        for group in alike[places]:
            if any(places) and similarity(visited[group[0][0]], visited[kind[0]]) >= SAME_STRUCTURE:
                group.append(kind)
                break
        else:
            alike[places].append([kind])
    groups = [group for found in alike.values() for group in found]
    joined = [
        [[address for kind in group for address in kind]] if len(group) >= MANY_SIBLINGS else group for group in groups
    ]
    return [kind for group in joined for kind in group]


def is_known_enough(shape: Shape, visited: Mapping[str, Structure], shapes: Mapping[str, Shape]) -> bool:
    """Whether further pages of a shape need no visit: it varies, and enough of it turned out to be one kind.

    A shape without anything variable has one address for each language; two of them are enough.
    """
    enough = ENOUGH_OF_A_SHAPE if "{}" in shape.path else ENOUGH_LANGUAGES
    seen = [visited[address] for address, other in shapes.items() if other.path == shape.path and address in visited]
    return len(seen) >= enough and all(similarity(seen[0], other) >= SAME_STRUCTURE for other in seen[1:])
