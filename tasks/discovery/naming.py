"""What of an address names a page besides its path: a key of the query, as in `/index.php?page=about`; a route. Pure.

Rules for a key:

- asked only where hardly anything else tells the addresses of a site apart: the key has four values or more for each
  other path that shows a page of its own;
- three of its values are looked at. Those that lead to another name (title or headline, numbers left out) over other
  text than the path shows without it must be two at least, and differ in both from each other as well;
- other text is five words or more in lines that the other page does not have: what is sorted has the same lines, what
  is filtered fewer of them, and what leafs through a list has the same name;
- a key that searches, and one that counts pages, names none; where all values are numbers, headings below the first
  are no names: a list shows its next entries under them.

A fragment that begins like a route (`#/orders`) and shows what is there without it leads to a place in that page. What
shows the start page at another address is no page besides.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from tasks.discovery.addresses import looks_like_id, value_of
from tasks.discovery.proposal import answers_like_missing
from tasks.discovery.seen import Look, SeenPage

NAMED_FOR_EACH_OTHER = 4
LOOKS = 3
"""At three values that a key has; of fewer nothing is learned."""
LEAST_OWN_WORDS = 5

SEARCHES = re.compile(r"_?(q|s|query|search|term|keywords?|find)", re.IGNORECASE)
LEAFS = re.compile(r"_?(p|page|offset|start|next|after|before|cursor|skip|from)", re.IGNORECASE)

_NUMBERS = re.compile(r"\d+")


def sample_of(
    plain: SeenPage,
    key: str,
    alike: Collection[str],
    paths: Iterable[str],
    visited: Mapping[str, SeenPage],
    missing: Sequence[SeenPage],
) -> Sequence[str]:
    """The addresses to look at before it is known whether this key names pages; none when that is not to be asked.

    `alike`: the addresses of the path that have this key alone; `paths`: all known ones without a query.
    """
    values = [value_of(address, key) or "" for address in alike]
    counts = LEAFS.fullmatch(key) and all(map(str.isdigit, values))
    if len(alike) < LOOKS or SEARCHES.fullmatch(key) or counts:
        return ()
    others = sum(
        path not in visited or _is_another_page(visited[path], plain, missing)
        for path in paths
        if path != plain.address
    )
    if others * NAMED_FOR_EACH_OTHER > len(alike):
        return ()
    known = list(alike)
    return known[0], known[len(known) // 2], known[-1]


def tells_pages_apart(plain: SeenPage, key: str, sample: Sequence[SeenPage], missing: Sequence[SeenPage]) -> bool:
    """Whether what these addresses show are pages of their own."""
    # Under a number a list shows its next entries, each with a heading.
    by_headings = not all(looks_like_id(value_of(seen.address, key) or "0") for seen in sample)
    own = [
        seen.look
        for seen in sample
        if seen.look is not None and seen.is_shown and not seen.moved and not answers_like_missing(seen, missing)
    ]
    if plain.look is not None and plain.is_shown and not plain.moved:
        # The page that the path shows without the key often has a value of its own: it is no other page, and no fault.
        own = [look for look in own if _is_another(look, plain.look, by_headings)]
    return len(own) > 1 and all(
        _is_another(one, other, by_headings) and _is_another(other, one, by_headings)
        for one, other in itertools.combinations(own, 2)
    )


def shows_the_same(one: SeenPage, other: SeenPage) -> bool:
    """Whether two addresses show one and the same page, but for the few words that change by themselves."""
    if one.look is None or other.look is None or not (one.is_shown and other.is_shown):
        return False
    if (one.look.title, one.look.headings) != (other.look.title, other.look.headings):
        return False
    words, others = set(one.look.text.split()), set(other.look.text.split())
    few = min(LEAST_OWN_WORDS - 1, len(words | others) // 10)
    return max(len(words - others), len(others - words)) <= few


def _is_another_page(seen: SeenPage, plain: SeenPage, missing: Sequence[SeenPage]) -> bool:
    no_page = not seen.is_shown or seen.moved or answers_like_missing(seen, missing)
    return not no_page and not shows_the_same(seen, plain)


def _is_another(look: Look, than: Look, by_headings: bool) -> bool:
    lines = set(_lines(than))
    own_words = sum(len(line.split()) for line in _lines(look) if line not in lines)
    return own_words >= LEAST_OWN_WORDS and _names(look, by_headings) != _names(than, by_headings)


def _names(look: Look, by_headings: bool) -> Sequence[str]:
    headlines = [text for level, text in look.headings if level == 1]
    # Old sites have their own name for the headline of every page: the next heading is the page's.
    others = [text for level, text in look.headings if level != 1][:1] if by_headings else []
    return [_NUMBERS.sub("", text).casefold() for text in (look.title, *headlines, *others)]


def _lines(look: Look) -> list[str]:
    return [" ".join(line.split()) for line in look.text.splitlines()]
