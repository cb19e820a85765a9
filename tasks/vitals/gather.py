"""Loads every measured page several times, alone on the machine, and keeps what each load cost; decides nothing.

Rules:

- one page at a time, each load cold: a new browser context, its service workers blocked, no throttling;
- a load beside which others used the machine too much is discarded, kept with its reason, and repeated;
- more loads are made while the runs leave open on which side of a budget the median is; both kinds together are at most
  `extra_runs`;
- a load that failed, or ended on something else than the page, ends the page's look: the vitals of a login page are not
  the page's. It never costs the other pages theirs.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from evidence_store.model import Evidence
from evidence_store.workspace import Workspace
from tasks.contract import GatherError, Shard, Turn
from tasks.doors.browser import BrowserError, BrowserSession, first_line
from tasks.plan import Page, Plan
from tasks.vitals.metrics import METRICS, straddles
from tasks.vitals.models import (
    PageVitals,
    VitalsOptions,
    VitalsRun,
    options_of,
    planned_looks,
    subject_of,
    values_of,
)
from tasks.vitals.page_run import LIBRARY, NotThePageError, measure
from tasks.vitals.pressure import cores, others_share, read_processor

SHARD = "pages"
CALM_SECONDS = 1.0
MOST_CALM_READINGS = 5

Run = Callable[[], VitalsRun]


class VitalsRuns:
    """Source: several cold loads of each measured page and viewport, one after the other."""

    id = "vitals"
    provides: tuple[type[Evidence], ...] = (PageVitals,)
    turn = Turn.ALONE

    def shards(self, plan: Plan) -> Sequence[Shard]:
        """One piece of work: two pages on the same cores would measure each other."""
        if self.id not in plan.checks:
            return []
        return [Shard(SHARD, tuple(subject_of(*look) for look in planned_looks(plan, options_of(plan))))]

    def gather(self, plan: Plan, shard: Shard, workspace: Workspace) -> None:
        """Measure every look of the shard; GatherError when no browser can be started."""
        options = options_of(plan)
        looks = [look for look in planned_looks(plan, options) if subject_of(*look) in shard.members]
        with BrowserSession(plan, workspace.redactor, deterministic=False) as session:
            version = session.version()
            evidence = [
                PageVitals(
                    subject=subject_of(page, viewport),
                    gathered_at=datetime.now(UTC),
                    environment=_environment(plan, version, viewport),
                ).model_copy(update=_look(session, plan, options, page, viewport))
                for page, viewport in looks
            ]
        workspace.write_evidence(self.id, shard.id, evidence)


def _look(
    session: BrowserSession, plan: Plan, options: VitalsOptions, page: Page, viewport: str
) -> dict[str, tuple[VitalsRun, ...] | str]:
    """All runs of one look, and its problem when one failed."""
    runs: list[VitalsRun] = []
    began = time.monotonic()
    try:
        while another_run_needed(runs, options, interactive=bool(page.interactions)):
            if runs and runs[-1].discarded:
                _wait_for_calm(options.pressure_limit)
            began = time.monotonic()
            runs.append(_one_run(session, plan, options, page, viewport))
    except GatherError as error:
        return {"runs": tuple(runs), "problem": str(error)}
    except NotThePageError as error:
        problem = str(error)
    except BrowserError as error:
        # The deadline ends the browser, and what that looks like to the step that waited is of no use to a person.
        late = time.monotonic() - began >= options.run_seconds
        problem = (
            f"the page did not come to rest in {options.run_seconds:g} s and the browser was ended"
            if late
            else first_line(error)
        )
    else:
        return {"runs": tuple(runs)}
    return {"runs": tuple(runs), "problem": f"load {len(runs) + 1}: {problem}"}


def _one_run(session: BrowserSession, plan: Plan, options: VitalsOptions, page: Page, viewport: str) -> VitalsRun:
    size = plan.viewports[viewport]
    with session.deadline(options.run_seconds), session.context(size, page.identity) as context:
        before = read_processor()
        run = measure(context, plan, page, size)
        pressure = others_share(before, read_processor(), cores())
    return with_pressure(run, pressure, options.pressure_limit)


def with_pressure(run: VitalsRun, pressure: float, limit: float) -> VitalsRun:
    """The run with what others used meanwhile, discarded when that was more than `limit` (shares, 0 to 1)."""
    discarded = None
    if pressure > limit:
        discarded = f"other processes used {pressure:.0%} of the processors meanwhile (limit {limit:.0%})"
    return run.model_copy(update={"pressure": round(pressure, 3), "discarded": discarded})


def another_run_needed(runs: Sequence[VitalsRun], options: VitalsOptions, *, interactive: bool) -> bool:
    """Whether the plan's number of kept runs is not reached, or a median is open; False once the cap is reached."""
    if len(runs) >= options.runs + options.extra_runs:
        return False
    kept = [run for run in runs if run.discarded is None]
    judged = [metric.id for metric in METRICS if metric.id != "inp" or interactive]
    return len(kept) < options.runs or any(
        straddles(values_of(kept, metric), options.budgets.of(metric)) for metric in judged
    )


def _wait_for_calm(limit: float) -> None:
    """Give the others some seconds to end; the next run is made in any case and carries its own reading."""
    for _ in range(MOST_CALM_READINGS):
        before = read_processor()
        time.sleep(CALM_SECONDS)
        if others_share(before, read_processor(), cores()) <= limit:
            return


def _environment(plan: Plan, version: str, viewport: str) -> str:
    size = plan.viewports[viewport]
    touch = " touch" if size.touch else ""
    return (
        f"{version}; {platform.system()} {platform.machine()}; {cores()} cores; no throttling;"
        f" {LIBRARY.removesuffix('.iife.js')}; {size.width}x{size.height}@{size.scale:g}{touch}"
    )
