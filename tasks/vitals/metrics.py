"""The six metrics a page is held to, and their arithmetic. Pure.

Rules:

- budgets default to the bound of "good": web.dev for TTFB, FCP, LCP, CLS and INP, Lighthouse for TBT;
- a metric is told by the median of its runs, because a lab run is slowed by accidents and never sped up by one;
- what the runs say about the true median is the narrowest pair of order statistics that holds it with a confidence
  of 7/8 or more (binomial, no assumption on the distribution); with fewer than 4 runs that is their whole spread.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LONG_TASK_MS = 50.0
"""The part of a task that blocks nobody (W3C Long Tasks; Lighthouse's TBT counts what is beyond it)."""
CONFIDENCE = 7 / 8
FEWEST_RUNS = 3
"""Below this a median is one accident away from any value."""


@dataclass(frozen=True)
class Metric:
    """One metric: its id in subjects, how a person reads it, the bound of "good" and where that is written."""

    id: str
    name: str
    unit: str
    good: float
    source: str

    def text(self, value: float) -> str:
        """A value as a person reads it, with its unit."""
        return f"{self.number(value)} {self.unit}" if self.unit else self.number(value)

    def number(self, value: float) -> str:
        """A value without its unit: whole milliseconds, or a score with three decimals."""
        return f"{value:,.0f}" if self.unit else f"{value:.3f}"


TTFB = Metric("ttfb", "TTFB", "ms", 800, "https://web.dev/articles/ttfb")
FCP = Metric("fcp", "FCP", "ms", 1800, "https://web.dev/articles/fcp")
LCP = Metric("lcp", "LCP", "ms", 2500, "https://web.dev/articles/lcp")
CLS = Metric("cls", "CLS", "", 0.1, "https://web.dev/articles/cls")
TBT = Metric(
    "tbt",
    "TBT",
    "ms",
    200,
    "https://developer.chrome.com/docs/lighthouse/performance/lighthouse-total-blocking-time",
)
INP = Metric("inp", "INP", "ms", 200, "https://web.dev/articles/inp")
METRICS = (TTFB, FCP, LCP, CLS, TBT, INP)


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """The narrowest symmetric pair of order statistics that holds the median with CONFIDENCE; ValueError when empty."""
    if not values:
        raise ValueError("no value, no interval")
    ordered = sorted(values)
    count = len(ordered)
    left_out = 0
    # Leaving out k values at each end misses the median with 2 * P(Binomial(n, 1/2) <= k).
    missed = 2 / 2**count
    for k in range(1, (count + 1) // 2):
        missed += 2 * math.comb(count, k) / 2**count
        if 1 - missed < CONFIDENCE:
            break
        left_out = k
    return ordered[left_out], ordered[count - 1 - left_out]


def straddles(values: Sequence[float], budget: float) -> bool:
    """Whether the runs leave open on which side of the budget the median is; False when there is no run."""
    if not values:
        return False
    low, high = median_interval(values)
    return low <= budget < high


def median(values: Sequence[float]) -> float:
    """The middle run, or the mean of the two middle ones; statistics.StatisticsError when there is none."""
    return statistics.median(values)


def total_blocking_ms(tasks: Iterable[tuple[float, float]], start: float, end: float) -> float:
    """Milliseconds of (start, duration) tasks beyond 50 ms each, inside a window.

    A task that the window cuts keeps its share of the 50 ms, as in Lighthouse.
    """
    blocked = 0.0
    for began, duration in tasks:
        inside = min(began + duration, end) - max(began, start)
        if duration > 0 and inside > 0:
            blocked += max(0.0, inside - LONG_TASK_MS * inside / duration)
    return blocked
