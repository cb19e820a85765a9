"""The table of criteria: complete, in order, and read from axe-core's tags and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tasks.wcag import CRITERIA, criteria_of_tags, criterion_named

AXE = Path(__file__).resolve().parents[2] / "tasks" / "doors" / "vendor" / "axe-core-4.14.1.min.js"


def test_all_criteria_are_there_in_order() -> None:
    numbers = [tuple(map(int, criterion.number.split("."))) for criterion in CRITERIA]
    assert numbers == sorted(set(numbers))
    assert Counter(criterion.level for criterion in CRITERIA) == {"A": 31, "AA": 24}
    assert len({criterion.slug for criterion in CRITERIA}) == 55


@pytest.mark.parametrize(
    ("tags", "numbers"),
    [
        (["cat.color", "wcag2aa", "wcag143", "TTv5"], ["1.4.3"]),
        (["wcag1412"], ["1.4.12"]),
        (["wcag412", "wcag111"], ["1.1.1", "4.1.2"]),
        (["wcag2a", "wcag21aa", "wcag22aa", "best-practice"], []),
        (["wcag999", "wcag146", "wcag411", None, 3, ["wcag143"]], []),
    ],
)
def test_tags_name_criteria(tags: list[object], numbers: list[str]) -> None:
    assert [criterion.number for criterion in criteria_of_tags(tags)] == numbers


def test_most_criteria_that_the_engine_names_are_known() -> None:
    tags = set(re.findall(r'"(wcag\d{3,4})"', AXE.read_text(encoding="utf-8")))
    known = {tag for tag in tags if criteria_of_tags([tag])}
    # Level AAA, and 4.1.1, which WCAG 2.2 removed.
    assert sorted(tags - known) == ["wcag146", "wcag213", "wcag224", "wcag249", "wcag325", "wcag411"]


def test_a_criterion_has_its_pages() -> None:
    found = criterion_named("2.4.11")
    assert found is not None
    assert found.words == "2.4.11 Focus Not Obscured (Minimum)"
    assert found.understanding == "https://www.w3.org/WAI/WCAG22/Understanding/focus-not-obscured-minimum"
    assert criterion_named("4.1.1") is None
