"""What the plan says about vitals, which looks it asks for, and the evidence of those looks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from pydantic import Field

from evidence_store.model import Evidence, Record
from tasks.plan import CheckOptions, Page, Plan, PlanError, PlanTable, nearest
from tasks.vitals.metrics import CLS, FCP, INP, LCP, TBT, TTFB


class VitalsBudgets(PlanTable):
    """What the median of the runs may be; a key that is left out keeps the bound of "good"."""

    ttfb_ms: float = Field(default=TTFB.good, gt=0, allow_inf_nan=False)
    """Time to first byte, milliseconds (web.dev: 800)."""
    fcp_ms: float = Field(default=FCP.good, gt=0, allow_inf_nan=False)
    """First contentful paint, milliseconds (web.dev: 1800)."""
    lcp_ms: float = Field(default=LCP.good, gt=0, allow_inf_nan=False)
    """Largest contentful paint, milliseconds (web.dev: 2500)."""
    cls: float = Field(default=CLS.good, ge=0, allow_inf_nan=False)
    """Cumulative layout shift, a score without unit (web.dev: 0.1)."""
    tbt_ms: float = Field(default=TBT.good, ge=0, allow_inf_nan=False)
    """Total blocking time from first contentful paint until the page is quiet, milliseconds (Lighthouse: 200)."""
    # None and not 200: a stored plan holds every key, so only the value can tell what was written down.
    inp_ms: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Interaction to next paint, milliseconds; 200 (web.dev) for pages with interactions when left out. Written
    down while no measured page has interactions, it is expected of every page and ends in `not_run`."""

    def of(self, metric: str) -> float:
        """The budget of a metric by its id."""
        if metric == INP.id:
            return INP.good if self.inp_ms is None else self.inp_ms
        return {
            TTFB.id: self.ttfb_ms,
            FCP.id: self.fcp_ms,
            LCP.id: self.lcp_ms,
            CLS.id: self.cls,
            TBT.id: self.tbt_ms,
        }[metric]


class VitalsOptions(CheckOptions):
    """`[checks.vitals]`: how often which pages are loaded, and what they may cost."""

    runs: int = Field(default=5, ge=3, le=25)
    """Cold loads of each page and viewport; the median of those that were kept is judged."""
    extra_runs: int = Field(default=4, ge=0, le=25)
    """Most further loads, to replace discarded ones and to settle a median the runs leave open."""
    budgets: VitalsBudgets = VitalsBudgets()
    """What each metric may be."""
    pages: tuple[str, ...] = ()
    """Names of the pages that are measured; none named means all of them."""
    viewports: tuple[str, ...] = ()
    """Names of the viewports pages are measured in; none named means each page's first one."""
    pressure_limit: float = Field(default=0.4, gt=0, le=1)
    """Share of the machine's processor time that others may use during a run; a run above it is discarded and
    repeated. 1 keeps every run."""
    run_seconds: float = Field(default=45, ge=3, le=300)
    """Seconds after which a run is ended together with its browser."""


class VitalsRun(Record):
    """One cold load. Milliseconds, but for `cls` (a score) and `seconds`."""

    url: str
    """Where the load ended."""
    values: dict[str, float] = Field(default_factory=dict)
    """Metric id -> value."""
    absent: dict[str, str] = Field(default_factory=dict)
    """Metric id -> why there is no value."""
    window: tuple[float, float] | None = None
    """From first contentful paint to the quiet end, milliseconds since navigation: what TBT was counted in."""
    quiet: bool = True
    """False when the page was still busy when the wait for quiet was over; the window ends there."""
    pressure: float | None = None
    """Share (0 to 1) of the machine's processor time that other processes used meanwhile."""
    discarded: str | None = None
    """Why the run does not count."""
    seconds: float


class PageVitals(Evidence):
    """All loads of one page in one viewport, `page@viewport`."""

    kind: ClassVar[str] = "page-vitals"

    runs: tuple[VitalsRun, ...] = ()
    environment: str = ""
    """What the numbers depend on besides the page; numbers of two environments cannot be compared."""

    def kept(self) -> tuple[VitalsRun, ...]:
        """The runs that count."""
        return tuple(run for run in self.runs if run.discarded is None)


def values_of(runs: Iterable[VitalsRun], metric: str) -> list[float]:
    """A metric's values in the order of the runs, without runs that have none."""
    return [run.values[metric] for run in runs if metric in run.values]


def options_of(plan: Plan) -> VitalsOptions:
    """The plan's table for vitals, or what holds without one."""
    options = plan.checks.get("vitals")
    return options if isinstance(options, VitalsOptions) else VitalsOptions()


def planned_looks(plan: Plan, options: VitalsOptions) -> list[tuple[Page, str]]:
    """Every page and viewport to measure; raises PlanError when the table names what the plan does not have."""
    problems = []
    names = {page.name for page in plan.pages}
    for kind, wanted, known in (("page", options.pages, names), ("viewport", options.viewports, set(plan.viewports))):
        problems += [
            f"checks.vitals names {kind} '{name}'{nearest(name, known)}" for name in wanted if name not in known
        ]
    looks = []
    for page in plan.pages:
        if options.pages and page.name not in options.pages:
            continue
        seen_in = plan.page_viewports(page)
        viewports = [name for name in seen_in if name in options.viewports] if options.viewports else [seen_in[0]]
        if not viewports and not problems:
            problems.append(f"checks.vitals: page '{page.name}' is looked at in none of {', '.join(options.viewports)}")
        looks += [(page, viewport) for viewport in viewports]
    if problems:
        raise PlanError(plan.target.name, problems)
    return looks


def subject_of(page: Page, viewport: str) -> str:
    """What evidence on a page in a viewport speaks for."""
    return f"{page.name}@{viewport}"
