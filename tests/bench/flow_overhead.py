"""Part `run`: what starting costs, and what a run costs beyond the looking itself."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deployments import local_stack, processes
from flows.run_settings import REPOSITORY

REPETITIONS = 5
SITE = "bench-site"
GATHER = ("gather together", "walk journeys", "gather alone")


def _seconds(arguments: list[str], environment: dict[str, str]) -> tuple[float, str]:
    began = time.monotonic()
    ended = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    return time.monotonic() - began, ended.stdout


def measure_run(console: Console) -> list[dict[str, str]]:
    """Measure, print a table, and return its rows."""
    table = Table("what", "seconds (median)", "ratio", title="run: starting, and the flow beyond gathering")
    kept: list[dict[str, str]] = []

    def add(*row: str) -> None:
        table.add_row(*row)
        kept.append(dict(zip(("what", "seconds", "ratio"), row, strict=True)))

    environment = dict(os.environ)
    python, _ = _median([sys.executable, "-c", "pass"], environment)
    add("python -c pass", f"{python:.2f}", "1.0")
    for words, arguments in {
        "stageproof --help": ["-m", "flows.command_line", "--help"],
        "stageproof plan demo": ["-m", "flows.command_line", "plan", "demo"],
        "import prefect": ["-c", "import prefect"],
    }.items():
        median, _ = _median([sys.executable, *arguments], environment)
        add(words, f"{median:.2f}", f"{median / python:.1f} x python")

    home = REPOSITORY / ".stageproof" / "bench"
    stack = local_stack.up(home, ports=local_stack.Ports.random(), with_worker=False, owned=True)
    try:
        for row in _runs(stack, home, environment):
            add(*row)
    finally:
        local_stack.down(home)
    console.print(table)
    return kept


def _median(arguments: list[str], environment: dict[str, str]) -> tuple[float, list[str]]:
    runs = [_seconds(arguments, environment) for _ in range(REPETITIONS)]
    return statistics.median(seconds for seconds, _ in runs), [output for _, output in runs]


def _runs(stack: local_stack.Stack, home: Path, environment: dict[str, str]) -> list[tuple[str, str, str]]:
    port = processes.free_port(8600)
    targets = home / "targets"
    targets.mkdir(parents=True, exist_ok=True)
    plan = (REPOSITORY / "deployments" / "targets" / "demo.toml").read_text(encoding="utf-8")
    (targets / "bench.toml").write_text(
        plan.replace('name = "demo"', 'name = "bench"').replace(":8600", f":{port}"), encoding="utf-8"
    )
    local_stack.start_process(
        SITE,
        [sys.executable, "-m", "tests.staging_site", "--port", str(port)],
        home=home,
        ready=lambda: processes.http_answers(f"http://127.0.0.1:{port}/version.json"),
    )
    settings = (
        environment
        | stack.environment()
        | {
            "STAGEPROOF_HOME": str(home / "home"),
            "STAGEPROOF_TARGETS": str(targets),
            "STAGEPROOF_BASELINES": str(home / "baselines"),
            **{f"DEMO_{role}_PASSWORD": f"{role.lower()}-demo-pass" for role in ("VIEWER", "APPROVER", "ADMIN")},
        }
    )
    rows = []
    for number in (1, 2, 3):
        wall, output = _seconds([sys.executable, "-m", "flows.command_line", "run", "bench", "--json"], settings)
        phases = json.loads(output.splitlines()[-1])["phases"]
        gathering = sum(phases.get(phase, 0) for phase in GATHER)
        inside = sum(phases.values())
        shown = ", ".join(f"{name} {seconds:.2f}" for name, seconds in phases.items())
        rows.append((f"run {number}: phases", f"{inside:.1f}", shown))
        for words, seconds in {"flow": inside, "command": wall}.items():
            beyond = f"run {number}: {words} beyond gathering"
            rows.append((beyond, f"{seconds - gathering:.1f}", f"{seconds / gathering:.2f} x"))
    return rows
