"""The arithmetic of vitals: medians, what is known about them, and blocking time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.vitals.metrics import METRICS, median, median_interval, straddles, total_blocking_ms

VALUES = st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=25)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    # Positions (from 1) in the sorted runs; 1 - 2 * P(Binomial(n, 1/2) <= k) first falls below 7/8 one position in.
    [(1, 1, 1), (3, 1, 3), (5, 1, 5), (6, 1, 6), (7, 2, 6), (8, 2, 7), (9, 2, 8), (10, 3, 8), (15, 5, 11), (25, 9, 17)],
)
def test_interval_of_the_median(count: int, low: int, high: int) -> None:
    values = [float(position) for position in range(1, count + 1)]
    random.Random(count).shuffle(values)
    assert median_interval(values) == (low, high)


def test_there_is_no_interval_without_a_value() -> None:
    with pytest.raises(ValueError, match="no value"):
        median_interval([])
    assert straddles([], 100) is False


@given(VALUES)
def test_the_median_lies_in_its_interval(values: list[float]) -> None:
    low, high = median_interval(values)
    assert low <= median(values) <= high
    assert min(values) <= low
    assert high <= max(values)


@given(VALUES, st.floats(min_value=0, max_value=1e6))
def test_a_budget_that_is_not_straddled_is_clear(values: list[float], budget: float) -> None:
    low, high = median_interval(values)
    clearly_within, clearly_over = high <= budget, low > budget
    assert straddles(values, budget) is not (clearly_within or clearly_over)


@given(VALUES, st.floats(min_value=0, max_value=1e6))
def test_the_order_of_runs_says_nothing(values: list[float], budget: float) -> None:
    backwards = list(reversed(values))
    assert (median(values), straddles(values, budget)) == (median(backwards), straddles(backwards, budget))


@pytest.mark.parametrize(
    ("tasks", "blocked"),
    [
        ([], 0),
        ([(1000, 50)], 0),
        ([(1000, 300)], 250),
        ([(1000, 300), (1500, 80)], 280),
        ([(0, 400)], 0),  # before the first paint nobody could be blocked
        ([(400, 200)], 75),  # half of it, less half of the 50 ms
        ([(1950, 100)], 25),
        ([(2000, 400)], 0),  # the input's own task, after the window
        ([(500, 0)], 0),
    ],
)
def test_blocking_time_in_a_window(tasks: list[tuple[float, float]], blocked: float) -> None:
    assert total_blocking_ms(tasks, 500, 2000) == pytest.approx(blocked)


@given(st.lists(st.tuples(st.floats(0, 5000), st.floats(0, 5000)), max_size=10))
def test_blocking_time_is_never_more_than_the_tasks(tasks: list[tuple[float, float]]) -> None:
    blocked = total_blocking_ms(tasks, 500, 2000)
    assert 0 <= blocked <= sum(duration for _, duration in tasks) + 1e-6


def test_metrics_are_told_with_their_units() -> None:
    told = {metric.id: metric.text(1234.5678) for metric in METRICS}
    assert told == dict.fromkeys(("ttfb", "fcp", "lcp", "tbt", "inp"), "1,235 ms") | {"cls": "1234.568"}
