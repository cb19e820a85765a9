"""The product's story on a site whose faults can be switched on: incomplete, then go, then no-go.

1. Release A, nothing approved yet: `incomplete`, because a visual gate without baselines guards nothing.
2. Its pictures are approved; the same release again: `go`.
3. Release B with planted faults, as a pre-launch run of the deployment: `no-go`, and each fault is named.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deployments import local_stack, processes
from flows.command_line_run import quiet_prefect, run_flow
from flows.run_settings import REPOSITORY

RELEASE_A, RELEASE_B = "4f2c9e1", "9b7d310"
SITE = "staging-site"
SITE_PORT = 8600
WORKER_RUN_SECONDS = 300

PLANTED = {
    "health-redirects-to-login": ("health", "service:billing"),
    "api-fails-behind-pretty-page": ("page-health", "dashboard@desktop"),
    "layout-shift-banner": ("visual", "approvals@*"),
    "unlabeled-button": ("axe", "dashboard@*"),
    "approve-does-nothing": ("journeys", "journey:approvals.approve"),
    "unit-coverage-dropped": ("unit-coverage", "service:web"),
    "slow-document": ("vitals", "dashboard@desktop/ttfb"),
}
"""Fault of the staging site -> the check and the subject that must name it."""


@dataclass
class Story:
    """What was told and how long each part took, in seconds."""

    seconds: dict[str, float] = field(default_factory=dict)
    verdicts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time one part."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - began, 1)


def tell_the_story(*, keep: bool, as_json: bool) -> int:
    """Tell it; returns 0 when the three verdicts are as told and every planted fault was named, else 1."""
    console = Console(stderr=as_json, highlight=False)
    quiet_prefect()
    story = Story()
    folder = REPOSITORY / ".stageproof" / "demo"
    environment = _environment(folder)
    os.environ.update(environment)
    try:
        with story.part("stack"):
            port = processes.free_port(SITE_PORT)
            _write_plan(folder, port)
            console.rule("[bold]Starting the local stack")
            stack = local_stack.up(
                extra_env=environment, progress=lambda line: console.print(f"  {line}", markup=False)
            )
            os.environ.update(stack.environment())
            _start_site(port, RELEASE_A, [])
            _deploy(console)
        answers = _three_runs(story, console, port)
        _show(story, answers, stack, console)
        if as_json:
            sys.stdout.write(
                json.dumps({"verdicts": story.verdicts, "problems": story.problems, "seconds": story.seconds}) + "\n"
            )
        return 1 if story.problems else 0
    finally:
        if not keep:
            local_stack.down()


def _three_runs(story: Story, console: Console, port: int) -> list[dict[str, Any]]:
    console.rule(f"[bold]1 of 3: release {RELEASE_A}, nothing approved yet")
    with story.part("run 1"):
        first = run_flow({"target": "demo", "release": RELEASE_A, "note": "first look"}, console)
    _expect(story, first, "incomplete")

    console.rule("[bold]Approving its pictures")
    with story.part("approve"):
        _approve(first["run_id"], console)

    console.rule(f"[bold]2 of 3: release {RELEASE_A} again")
    with story.part("run 2"):
        second = run_flow({"target": "demo", "release": RELEASE_A, "note": "after approval"}, console)
    _expect(story, second, "go")

    console.rule(f"[bold]3 of 3: release {RELEASE_B} with {len(PLANTED)} planted faults, by the pre-launch deployment")
    with story.part("run 3"):
        _start_site(port, RELEASE_B, list(PLANTED))
        third = _run_deployment(console)
    _expect(story, third, "no-go")
    _name_each_fault(story, third, console)
    return [first, second, third]


def _environment(folder: Path) -> dict[str, str]:
    return {
        "STAGEPROOF_HOME": str(folder),
        "STAGEPROOF_TARGETS": str(folder / "targets"),
        # Approved anew in every demonstration; the repository's own baselines are a team's, and stay untouched.
        "STAGEPROOF_BASELINES": str(folder / f"baselines-{time.time_ns()}"),
        **{f"DEMO_{role}_PASSWORD": f"{role.lower()}-demo-pass" for role in ("VIEWER", "APPROVER", "ADMIN")},
    }


def _write_plan(folder: Path, port: int) -> None:
    (folder / "targets").mkdir(parents=True, exist_ok=True)
    plan = (REPOSITORY / "deployments" / "targets" / "demo.toml").read_text(encoding="utf-8")
    (folder / "targets" / "demo.toml").write_text(plan.replace(f":{SITE_PORT}", f":{port}"), encoding="utf-8")


def _start_site(port: int, release: str, faults: list[str]) -> None:
    arguments = [sys.executable, "-m", "tests.staging_site", "--port", str(port), "--release", release]
    for fault in faults:
        arguments += ["--fault", fault]
    address = f"http://127.0.0.1:{port}/version.json"
    local_stack.start_process(SITE, arguments, ready=lambda: processes.http_answers(address))


def _deploy(console: Console) -> None:
    from deployments import bootstrap

    for deployed in bootstrap.deploy(["demo"]):
        _told(console, f"deployed {deployed.name}, queue {deployed.queue} with limit 1")


def _told(console: Console, line: str) -> None:
    console.print(f"  {line}", markup=False, soft_wrap=True)


def _approve(run_id: str, console: Console) -> None:
    from flows.command_line import approve_sealed

    approved, refused = approve_sealed(run_id, [], "Ada Demo", "the first release", "stageproof", as_json=False)
    console.print(
        f"  stageproof approve {run_id}: {len(approved)} pictures approved, {len(refused)} refused", markup=False
    )


def _run_deployment(console: Console) -> dict[str, Any]:
    from prefect.deployments import run_deployment

    before = set(_runs())
    with (
        console.status("The worker runs prelaunch-validation/demo…")
        if console.is_terminal
        else contextlib.nullcontext()
    ):
        flow_run = run_deployment(
            "prelaunch-validation/demo",
            parameters={"target": "demo", "release": RELEASE_B, "note": "the launch candidate"},
            timeout=WORKER_RUN_SECONDS,
            poll_interval=1,
        )
    state = flow_run.state  # type: ignore[union-attr]
    new = sorted(set(_runs()) - before)
    if not new or not (new[-1] / "summary.json").is_file():
        return {
            "verdict": "none",
            "sentence": f"the flow run ended in {state and state.name}: {state and state.message}",
        }
    answer: dict[str, Any] = json.loads((new[-1] / "summary.json").read_text(encoding="utf-8"))
    console.print(f"  state of the flow run: {state and state.name}", markup=False)
    console.print(f"  {answer['sentence']}", markup=False)
    return answer | {"flow_run": str(flow_run.id)}  # type: ignore[union-attr]


def _runs() -> list[Path]:
    return list((Path(os.environ["STAGEPROOF_HOME"]) / "runs").glob("*"))


def _expect(story: Story, answer: dict[str, Any], verdict: str) -> None:
    story.verdicts.append(answer["verdict"])
    if answer["verdict"] != verdict:
        story.problems.append(f"expected {verdict}, and the run ended in {answer['verdict']}: {answer['sentence']}")


def _name_each_fault(story: Story, answer: dict[str, Any], console: Console) -> None:
    table = Table("planted fault", "named by", "subject", "in these words")
    results = {result["check"]: result["findings"] for result in answer.get("results", [])}
    for fault, (check, pattern) in PLANTED.items():
        named = [
            finding
            for finding in results.get(check, [])
            if finding["outcome"] == "fail" and fnmatchcase(finding["subject"], pattern)
        ]
        if not named:
            story.problems.append(f"nobody named the planted fault '{fault}' ({check} on {pattern})")
            table.add_row(fault, "nobody", pattern, "")
        else:
            table.add_row(fault, check, named[0]["subject"], named[0]["message"][:110].replace("[", "\\["))
    console.print(table)


def _show(story: Story, answers: list[dict[str, Any]], stack: local_stack.Stack, console: Console) -> None:
    console.rule("[bold]Look at it")
    for number, answer in enumerate(answers, start=1):
        if "run_id" not in answer:
            continue
        console.print(
            f"{number}. {answer['verdict'].upper():<11} {answer['workspace']}/bag/index.html",
            markup=False,
            soft_wrap=True,
        )
        console.print(f"   {'':<11} stageproof verify {answer['run_id']}", markup=False, soft_wrap=True)
    _told(console, f"   Prefect UI  {stack.prefect_ui_url}")
    times = ", ".join(f"{name} {seconds:g} s" for name, seconds in story.seconds.items())
    _told(console, f"   Time        {sum(story.seconds.values()):.0f} s: {times}")
    for problem in story.problems:
        console.print(f"NOT AS TOLD: {problem}", style="bold red", markup=False, soft_wrap=True)
    if not story.problems:
        console.print(
            "   The three verdicts are as told. `make down` ends what was started.", style="bold", markup=False
        )
