"""Parts `sweep`, `growth` and `repeat`: our sweep beside its peers, over more pages, and again and again."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from deployments import processes
from flows.run_settings import REPOSITORY
from tests.bench.measuring import (
    Measured,
    Repeated,
    adopt_orphans,
    against_goal,
    alone,
    in_turns,
    measure,
    ratio,
    shown,
)
from tests.bench.screens import Screen, desktop_screens, regressed, screens_with_phone
from tests.bench.site import KINDS, REGRESSIONS
from tests.bench.site_process import busy_cores, serving
from tests.bench.tools import PEERS, Reading, Stageproof, Tool, install_peers

GOALS: Final = {"backstop": 1.0, "backstop-playwright": 1.0, "playwright-test": 0.6, "pa11y-ci": 0.5}
"""Most that our whole sweep (visual, axe and page-health) may take, as a share of what the peer takes alone."""

CONDITIONS: Final[dict[str, dict[str, Any]]] = {
    "normal": {},
    "slow server": {"slow_ms": 400},
    "CPU loaded": {"busy": True},
}
MIB: Final = 1024 * 1024


@dataclass
class Setting:
    """What the command line asked for, and where things lie."""

    console: Console
    repetitions: int | None = None
    """None: each part's own default."""
    pages: int = len(KINDS)
    peers: Sequence[str] = tuple(peer.name for peer in PEERS)
    sizes: Sequence[int] = (20, 100, 500)
    slow_ms: int = 0
    busy: bool = False
    documented: bool = False
    """Peers as their documentation sets them up, and not as much like ours as they allow."""
    folder: Path = field(default_factory=lambda: REPOSITORY / ".stageproof" / "bench")

    def __post_init__(self) -> None:
        adopt_orphans()
        self.port = processes.free_port(8700)

    def say(self, words: str) -> None:
        """One line of progress."""
        self.console.print(f"[dim]{words}[/dim]", highlight=False)

    def tools(self, screens: Sequence[Screen], only: Callable[[type[Tool]], bool] = lambda _tool: True) -> list[Tool]:
        """Ours and the peers that can be measured, configured; says which cannot, and why."""
        chosen: list[type[Tool]] = [peer for peer in PEERS if peer.name in self.peers and only(peer)]
        why = install_peers(self.say) if chosen else ""
        lacking = {peer: why or peer.lacks(documented=self.documented) for peer in chosen}
        for peer, reason in lacking.items():
            if reason:
                self.console.print(f"peer not measured: {reason} ({peer.name})")
        able = [Stageproof, *(peer for peer in chosen if not lacking[peer])]
        url = f"http://127.0.0.1:{self.port}"
        tools = [tool(self.folder / "work", url, screens, documented=self.documented) for tool in able]
        for tool in tools:
            tool.configure()
        return tools

    def run(self, tool: Tool, command: list[str], what: str, *, memory: bool = False) -> Measured:
        """One run of one tool, alone on the machine as far as benches go."""
        tool.forget()
        with alone(self.say):
            measured = measure(
                command, cwd=tool.cwd, log=tool.folder / "log.txt", environment=tool.environment, memory=memory
            )
        self.say(f"{what}: {tool.name} {measured.wall:.1f} s, CPU {measured.cpu:.1f} s")
        return measured

    def approve(self, tool: Tool) -> None:
        """Take the pictures that later runs are compared with."""
        command = tool.approve_command()
        if command is not None:
            self.run(tool, command, "approving (not counted)")

    def keep(self, part: str, content: Mapping[str, Any]) -> None:
        """Write what was measured beside the tables."""
        machine = {
            "cores": os.cpu_count(),
            "load_average": os.getloadavg(),
            "system": platform.platform(),
            "python": platform.python_version(),
        }
        path = self.folder / f"{part}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"machine": machine, **content}, indent=1), encoding="utf-8")
        self.say(f"written: {path.relative_to(REPOSITORY)}")


# -- sweep ------------------------------------------------------------------------------------------------------------


def measure_sweep(setting: Setting) -> None:
    """Our whole sweep and each peer alone over the same pages, in turns."""
    screens = desktop_screens(setting.pages)
    tools = {tool.name: tool for tool in setting.tools(screens)}
    results = {name: Repeated(name, tool.version) for name, tool in tools.items()}
    details: dict[str, Any] = {}
    with ExitStack() as stack:
        stack.enter_context(serving(setting.folder, setting.port, pages=setting.pages, slow_ms=setting.slow_ms))
        for tool in tools.values():
            setting.approve(tool)
        stack.enter_context(busy_cores(setting.busy))
        repetitions = setting.repetitions or 3
        for number, name in in_turns(list(tools), repetitions):
            measured = setting.run(tools[name], tools[name].command(), f"sweep {number}/{repetitions}")
            reading = tools[name].read()
            results[name].add(measured, len(reading.passed), len(screens), reading.problem)
            details.setdefault(name, []).append({"not_passed": reading.not_passed(), **(reading.details or {})})
    how = "as documented" if setting.documented else "like ours"
    table = sweep_table(results, len(screens), how)
    setting.console.print(table)
    _print_problems(setting.console, results)
    setting.keep(
        "sweep-as-documented" if setting.documented else "sweep",
        {
            "screens": len(screens),
            "goals": GOALS,
            "tools": {name: result.as_json() for name, result in results.items()},
            "ratios": {name: ratio(results["stageproof"].wall(), result.wall()) for name, result in results.items()},
            "details": details,
        },
    )


def sweep_table(results: Mapping[str, Repeated], screens: int, how: str) -> Table:
    """Seconds of each tool, and ours against each peer, which was set up in this way."""
    title = f"sweep: {screens} pages, 1280 x 800, full page; ours = visual + axe + page-health; peers {how}"
    table = Table(title=title)
    for heading in (
        "tool",
        "version",
        "counted runs",
        "wall min",
        "wall median",
        "CPU median",
        "CPU ratio",
        "ours / peer",
    ):
        table.add_column(heading)
    ours = results["stageproof"]
    for name, result in results.items():
        is_peer = name != "stageproof"
        table.add_row(
            name,
            result.version,
            f"{len(result.runs)} of {len(result.runs) + len(result.problems)}",
            shown(result.wall(min)),
            shown(result.wall()),
            shown(result.cpu()),
            shown(ratio(ours.cpu(), result.cpu()), 2) if is_peer else "",
            against_goal(ratio(ours.wall(), result.wall()), GOALS.get(name)) if is_peer else "",
        )
    return table


def _print_problems(console: Console, results: Mapping[str, Repeated]) -> None:
    for name, result in results.items():
        for problem in result.problems:
            console.print(f"not counted: {name}: {problem}", markup=False)


# -- growth -----------------------------------------------------------------------------------------------------------


def measure_growth(setting: Setting) -> None:
    """Our sweep over more and more pages: seconds a page, and memory."""
    rows: dict[int, dict[str, Any]] = {}
    for size in setting.sizes:
        screens = desktop_screens(size)
        (tool,) = setting.tools(screens, only=lambda _tool: False)
        with serving(setting.folder, setting.port, pages=size, slow_ms=setting.slow_ms):
            setting.approve(tool)
            runs = Repeated(tool.name, tool.version)
            for number in range(1, (setting.repetitions or 1) + 1):
                measured = setting.run(tool, tool.command(), f"growth, {size} pages, run {number}", memory=True)
                reading = tool.read()
                runs.add(measured, len(reading.passed), size, reading.problem)
        rows[size] = runs.as_json() | {
            "seconds_a_page": ratio(runs.wall(), size),
            "peak_tree": max((run.peak_tree for run in runs.runs), default=None),
            "peak_own": max((run.peak_own for run in runs.runs), default=None),
        }
        _print_problems(setting.console, {f"{size} pages": runs})
        shutil.rmtree(tool.folder)
    setting.console.print(growth_table(rows))
    setting.keep("growth", {"sizes": rows})


def growth_table(rows: Mapping[int, Mapping[str, Any]]) -> Table:
    """Seconds a page and memory by number of pages, each against the smallest number."""
    table = Table(title="growth: our sweep, one run against approved pictures")
    for heading in (
        "pages",
        "wall s",
        "s a page",
        "ratio",
        "memory, all processes",
        "ratio",
        "memory, Python alone",
        "ratio",
    ):
        table.add_column(heading)
    first = rows[min(rows)]

    def mebibytes(value: int | None) -> str:
        return "–" if value is None else f"{value / MIB:,.0f} MiB"

    for size, row in rows.items():
        table.add_row(
            str(size),
            shown(row["wall_median"]),
            shown(row["seconds_a_page"], 3),
            shown(ratio(row["seconds_a_page"], first["seconds_a_page"]), 2),
            mebibytes(row["peak_tree"]),
            shown(ratio(row["peak_tree"], first["peak_tree"]), 2),
            mebibytes(row["peak_own"]),
            shown(ratio(row["peak_own"], first["peak_own"]), 2),
        )
    return table


# -- repeat -----------------------------------------------------------------------------------------------------------


@dataclass
class Alarms:
    """What a tool said about an unchanged site, and which regressions it let pass."""

    version: str
    looked: dict[str, int] = field(default_factory=dict)
    """Condition -> screens checked, over all repetitions."""
    false: dict[str, list[str]] = field(default_factory=dict)
    """Condition -> screens that did not pass, one entry for each time."""
    unchecked: dict[str, int] = field(default_factory=dict)
    """Condition -> screens that were to be checked and were not."""
    missed: list[str] | None = None
    """Regressions whose screen passed; None when that was not looked at."""
    unanswered: list[str] = field(default_factory=list)
    """Regressions whose screen was not checked at all: neither found nor missed."""

    def add(self, condition: str, reading: Reading, planned: int) -> None:
        """Count one repetition on the unchanged site."""
        self.looked[condition] = self.looked.get(condition, 0) + len(reading.passed)
        self.unchecked[condition] = self.unchecked.get(condition, 0) + planned - len(reading.passed)
        self.false.setdefault(condition, []).extend(reading.not_passed())

    def judge_regressions(self, reading: Reading, shown_on: Mapping[str, str]) -> None:
        """Compare one run on the broken site with where each regression shows."""
        self.missed = [name for name, screen in shown_on.items() if reading.passed.get(screen) is True]
        self.unanswered = [name for name, screen in shown_on.items() if screen not in reading.passed]


def measure_repeat(setting: Setting) -> None:
    """False alarms on the unchanged site under three conditions, and regressions missed."""
    screens = screens_with_phone()
    tools = setting.tools(screens, only=lambda tool: tool.is_visual)
    alarms = {tool.name: Alarms(tool.version) for tool in tools}
    details: dict[str, list[Any]] = {tool.name: [] for tool in tools}
    repetitions = setting.repetitions or 5
    named = {tool.name: tool for tool in tools}
    with serving(setting.folder, setting.port, pages=len(KINDS)):
        for tool in tools:
            setting.approve(tool)
    for condition, options in CONDITIONS.items():
        with ExitStack() as stack:
            slow_ms = options.get("slow_ms", 0)
            stack.enter_context(serving(setting.folder, setting.port, pages=len(KINDS), slow_ms=slow_ms))
            stack.enter_context(busy_cores(options.get("busy", False)))
            for number, name in in_turns(list(named), repetitions):
                setting.run(named[name], named[name].command(), f"repeat, {condition}, {number}/{repetitions}")
                reading = named[name].read()
                alarms[name].add(condition, reading, len(screens))
                details[name].append({"condition": condition, "problem": reading.problem, **(reading.details or {})})
    shown_on = regressed(screens)
    with serving(setting.folder, setting.port, pages=len(KINDS), regressions=shown_on):
        for name, tool in named.items():
            setting.run(tool, tool.command(), f"repeat, {len(shown_on)} regressions")
            reading = tool.read()
            alarms[name].judge_regressions(reading, shown_on)
            details[name].append({"condition": "regressions", "problem": reading.problem, **(reading.details or {})})
    setting.console.print(repeat_table(alarms, len(shown_on)))
    for name, alarm in alarms.items():
        for missed in alarm.missed or ():
            setting.console.print(f"{name} missed {missed}: {REGRESSIONS[missed].what}", highlight=False)
    setting.keep(
        "repeat",
        {
            "repetitions": repetitions,
            "regressions": shown_on,
            "alarms": {name: vars(alarm) for name, alarm in alarms.items()},
            "details": details,
        },
    )


def repeat_table(alarms: Mapping[str, Alarms], regressions: int) -> Table:
    """False alarms by condition and missed regressions, of so many."""
    table = Table(title="repeat: false alarms on an unchanged site (of screens checked), regressions missed")
    for heading in ("tool", *CONDITIONS, "missed"):
        table.add_column(heading)
    for name, alarm in alarms.items():
        cells = []
        for condition in CONDITIONS:
            unchecked = alarm.unchecked.get(condition, 0)
            left = f", {unchecked} not checked" if unchecked else ""
            cells.append(f"{len(alarm.false.get(condition, ()))} of {alarm.looked.get(condition, 0)}{left}")
        left = f", {len(alarm.unanswered)} not checked" if alarm.unanswered else ""
        missed = "–" if alarm.missed is None else f"{len(alarm.missed)} of {regressions}{left}"
        table.add_row(name, *cells, missed)
    return table
