"""The bench site is the same every time, and each regression changes the one page it names."""

from __future__ import annotations

import asyncio
import re
from functools import cache

import httpx
import pytest

from tests.bench.screens import desktop_screens, regressed, screens_with_phone
from tests.bench.site import (
    KINDS,
    KNOWN_DEFECTS,
    REGRESSIONS,
    UnknownRegressionError,
    create_app,
    parse_regressions,
    site_pages,
)
from tests.bench.site.photographs import photograph

NAMES = [page.name for page in site_pages()]


def _get(paths: list[str], regressions: frozenset[str] = frozenset(), pages: int = len(KINDS)) -> list[httpx.Response]:
    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(create_app(pages, regressions))
        async with httpx.AsyncClient(transport=transport, base_url="http://bench.test", trust_env=False) as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(ask())


@cache
def _sources(regressions: frozenset[str] = frozenset()) -> dict[str, str]:
    answers = _get([f"/pages/{name}" for name in NAMES], regressions)
    assert {answer.status_code for answer in answers} == {200}
    return {name: answer.text for name, answer in zip(NAMES, answers, strict=True)}


def test_every_page_is_the_same_twice() -> None:
    """Two instances of the site answer alike, byte for byte."""
    again = _get([f"/pages/{name}" for name in NAMES])
    assert {name: answer.text for name, answer in zip(NAMES, again, strict=True)} == _sources()


def test_what_pages_ask_for_is_there_and_the_same_twice() -> None:
    """Style, script, frame, every size and kind of picture, and every figure of the API."""
    asked = {path for source in _sources().values() for path in re.findall(r'(?:src|href|data-api)="(/[^"]+)"', source)}
    links = {path for path in asked if path.startswith("/pages/")}
    photographs = {path.rpartition("-")[2]: path for path in asked if path.startswith("/photos/")}
    others = sorted((asked - links - {path for path in asked if path.startswith("/photos/")}) | {*photographs.values()})
    assert links <= {f"/pages/{name}" for name in NAMES}
    assert sorted(photographs) == ["1200x480.jpg", "1200x480.webp", "320x240.jpg", "640x480.jpg", "640x480.webp"]
    first, second = _get(others), _get(others)
    assert {answer.status_code for answer in first} == {200, 204}
    assert [answer.content for answer in first] == [answer.content for answer in second]


def test_a_photograph_is_computed_alike() -> None:
    """Not remembered: computed anew, the bytes are the same; another number is another picture."""
    once = photograph(3, 640, 480, "jpg")
    photograph.cache_clear()
    assert photograph(3, 640, 480, "jpg") == once
    assert photograph(4, 640, 480, "jpg") != once


@pytest.mark.parametrize("name", REGRESSIONS)
def test_a_regression_changes_the_page_it_says(name: str) -> None:
    """That page and no other."""
    broken = _sources(frozenset({name}))
    assert [page for page in NAMES if broken[page] != _sources()[page]] == [REGRESSIONS[name].page]


def test_all_regressions_can_be_on_at_once() -> None:
    """Each has a page of its own, and some pages stay as they are, so that false alarms can be told from finds."""
    pages = [regression.page for regression in REGRESSIONS.values()]
    assert len(set(pages)) == len(pages) >= 12
    assert set(pages) < set(NAMES)


def test_each_regression_has_a_screen_to_be_seen_on() -> None:
    """The one that shows on a phone alone is left out where nobody looks at phones."""
    assert regressed(screens_with_phone()).keys() == REGRESSIONS.keys()
    assert REGRESSIONS.keys() - regressed(desktop_screens()).keys() == {"phone-only"}


def test_a_misspelt_regression_is_refused() -> None:
    """With the nearest name."""
    with pytest.raises(UnknownRegressionError, match="did you mean 'one-pixel'"):
        parse_regressions(["one-letter,one-pixl"])
    assert parse_regressions(["one-letter, shift", ""]) == {"one-letter", "shift"}


def test_a_regression_that_finds_nothing_to_change_is_refused() -> None:
    """Otherwise a page that was rewritten would be counted as missed by every tool."""
    with pytest.raises(ValueError, match="holds no"):
        REGRESSIONS["one-letter"].apply("<h1>Something else</h1>")


def test_more_pages_are_all_different() -> None:
    """500 pages have names, titles and texts of their own, and the last one answers."""
    pages = site_pages(500)
    assert len({page.name for page in pages}) == 500
    assert [page.name for page in pages[:20]] == list(KINDS)
    first, last = _get(["/pages/about", pages[-1].path], pages=500)
    assert (first.status_code, last.status_code) == (200, 200)
    assert first.text != last.text
    assert _get([pages[-1].path])[0].status_code == 404


def test_known_defects_are_on_the_pages_that_say_so() -> None:
    """What sets such a page apart is in its source."""
    signs = {
        "image-alt": r'<img src="/photos/\S+" width="640" height="480">',
        "label": r'<input name="postcode">',
        "color-contrast": r'class="pale"',
        "button-name": r'<button type="button">\s*<svg',
        "link-name": r'<a href="#content">\s*<svg',
    }
    found = {(page, rule) for page, source in _sources().items() for rule in signs if re.search(signs[rule], source)}
    assert found == {(page, rule) for page, (rule, _words) in KNOWN_DEFECTS.items()}
