"""Runs the flow in this process for `stageproof run`: one live line a source, then the story.

Ctrl-C, SIGTERM and SIGHUP end everything the run has started, at once and whatever it is doing. What is left is a
ledger entry that says `opened`, unless the run was sealed by then, and a workspace that can be resumed. With `--json`,
standard output says so too.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from evidence_store.workspace import resume_command
from flows.command_line_shared import answer_json

Handler = Callable[[int, FrameType | None], None]

INTERRUPTED = 130
INTERRUPTING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, whoever stops the process, and the end of its terminal."""
PHASE_WORDS = {
    "plan": "reading the plan",
    "gather together": "gathering",
    "walk journeys": "walking journeys",
    "gather alone": "measuring alone",
    "redact": "removing secrets",
    "release after": "asking for the release again",
    "judge": "judging",
    "decide": "deciding",
    "export": "writing it in other tools' formats",
    "bundle": "packing the evidence",
    "seal and verify": "uploading, reading back, sealing",
}


def quiet_prefect() -> None:
    """Settings for a flow run that a person watches in a terminal; set before Prefect is loaded."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "150")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")


def run_in_this_process(parameters: dict[str, Any], *, as_json: bool) -> int:
    """Run validate_staging and tell how it ended; returns the exit code."""
    quiet_prefect()
    answer = run_flow(parameters, Console(stderr=as_json, highlight=False), as_json=as_json)
    if as_json:
        answer_json(answer)
    return int(answer["exit_code"])


def run_flow(parameters: dict[str, Any], console: Console, *, as_json: bool = False) -> dict[str, Any]:
    """Run validate_staging with its progress and its story on the console; returns the summary, or `problem`.

    An interruption ends the process; with `as_json`, standard output then has the object that says what is left.
    """
    opened: dict[str, str] = {}
    with _interruptible(console, opened, parameters, as_json=as_json) as interrupt:
        with console.status("Starting Prefect…") if console.is_terminal else contextlib.nullcontext():
            _use_an_api_that_answers(console)
            from flows import run_progress
            from flows.staging_validation import validate_staging

        def remember(event: str, name: str, details: dict[str, Any]) -> None:
            if event in PHASE_WORDS:
                opened["phase"] = event
            if event == "plan":
                # Prefect puts its own handler for SIGTERM in place, which waits for what is going on.
                signal.signal(signal.SIGTERM, interrupt)
            elif event == "opened":
                opened.update(run_id=name, flow_run=details["flow_run"])
            elif event == "sealed":
                opened["sealed"] = details["verdict"]

        with _shown_progress(console, opened) as listener, run_progress.listening(listener, remember):
            state = validate_staging(**parameters, return_state=True)
        answer = _answer_of(state)
        if answer is None:
            # Our own bug, told with its last words; the flow run's log holds where it happened.
            answer = {"verdict": "incomplete", "problem": f"the run broke off: {state.message}", "exit_code": 3}
        elif "run_id" not in answer:
            code = 2 if answer["name"] == "PlanError" else 3
            answer = {"verdict": "incomplete", "problem": answer["problem"], "exit_code": code}
        if "run_id" in answer:
            _tell(answer, console)
        else:
            answer["sentence"] = answer["problem"]
            console.print(answer["problem"], markup=False, style="bold red", soft_wrap=True)
        return answer


def _answer_of(state: Any) -> dict[str, Any] | None:
    data = getattr(state.data, "result", state.data)
    return data if isinstance(data, dict) else None


def _tell(answer: dict[str, Any], console: Console) -> None:
    from evidence_store.model import Manifest
    from evidence_store.report.story import tell
    from evidence_store.report.terminal import render_terminal

    workspace = Path(answer["workspace"])
    manifest = Manifest.model_validate_json((workspace / "bag" / "run.json").read_text(encoding="utf-8"))
    render_terminal(tell(manifest), console)
    if answer["problem"]:
        console.print(f"\nINCOMPLETE: {answer['problem']}", markup=False, style="bold red")
    console.print(f"\nReport   {workspace / 'bag' / 'index.html'}", markup=False, soft_wrap=True)
    if answer["sha256"]:
        console.print(f"Package  {answer['bundle']} (sha256 {answer['sha256']})", markup=False, soft_wrap=True)
        console.print(f"Check    stageproof verify {answer['run_id']}", markup=False, soft_wrap=True)


def _use_an_api_that_answers(console: Console) -> None:
    """Without an answer from the configured Prefect API, the flow runs on one of its own, and a person is told."""
    configured = os.environ.get("PREFECT_API_URL")
    if not configured:
        return
    import httpx

    try:
        answered = httpx.get(f"{configured}/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        answered = False
    if not answered:
        del os.environ["PREFECT_API_URL"]
        console.print(f"The Prefect API at {configured} does not answer; this run uses one of its own.", markup=False)


@contextlib.contextmanager
def _shown_progress(console: Console, opened: dict[str, str]) -> Iterator[Any]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    lock = threading.Lock()
    began = time.monotonic()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        phase = progress.add_task("reading the plan", total=None)
        sources: dict[str, TaskID] = {}
        seen: dict[str, set[str]] = {}

        def listener(event: str, name: str, details: dict[str, Any]) -> None:
            with lock:
                if "interrupted" in opened:
                    return  # what ends from here on ends because everything does
                if event == "source":
                    sources[name] = progress.add_task(f"  {name}", total=details["total"])
                    seen[name] = set()
                elif event == "looked" and name in sources:
                    seen[name].update(details["subjects"])
                    progress.update(sources[name], completed=len(seen[name]))
                    if details.get("problem"):
                        progress.console.print(f"{name} could not look: {details['problem']}", markup=False)
                elif event == "wrong release":
                    progress.console.print(f"Nothing is looked at: {name}", markup=False, style="bold yellow")
                elif event in PHASE_WORDS:
                    progress.update(phase, description=PHASE_WORDS[event])
                    if not console.is_terminal:
                        console.print(f"{time.monotonic() - began:6.1f} s  {PHASE_WORDS[event]}", markup=False)

        yield listener


@contextlib.contextmanager
def _interruptible(
    console: Console, opened: dict[str, str], parameters: dict[str, Any], *, as_json: bool
) -> Iterator[Handler]:
    def interrupt(number: int, _frame: FrameType | None) -> None:
        # From here on nothing may be waited for: browsers, suites and uploads end with this process.
        name = opened["interrupted"] = signal.Signals(number).name
        try:
            _end_descendants()
            words = _what_is_left(opened, parameters)
            # Each is told by itself: after the end of a pipe or a terminal there may be nobody to hear one of them.
            with contextlib.suppress(OSError, SystemExit):
                console.print(f"\nInterrupted by {name}.", markup=False, style="bold red")
                console.print(words, markup=False, soft_wrap=True)
            with contextlib.suppress(OSError):
                if as_json:
                    answer_json(_interrupted_answer(name, words, opened, parameters))
                sys.stdout.flush()
            _tell_prefect(opened.get("flow_run"), name)
        finally:
            os._exit(INTERRUPTED)

    # A signal that this process was told to ignore, as `nohup` does with SIGHUP, stays ignored.
    ours = [number for number in INTERRUPTING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in ours}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupted_answer(
    name: str, words: str, opened: dict[str, str], parameters: dict[str, Any]
) -> dict[str, str | int | None]:
    """The JSON of an interrupted run: it decided nothing, unless it was sealed before."""
    return {
        "run_id": opened.get("run_id"),
        "verdict": opened.get("sealed", "incomplete"),
        "interrupted": name,
        "sealed": "sealed" in opened,
        "sentence": f"interrupted by {name}: {words}",
        "problem": words,
        "resume": None if "sealed" in opened else _resume_command(opened, parameters),
        "exit_code": INTERRUPTED,
    }


def _resume_command(opened: dict[str, str], parameters: dict[str, Any]) -> str | None:
    """The whole command that finishes the run; None when there is nothing to finish."""
    if "run_id" not in opened:
        return None
    profile, only = parameters.get("profile") or "nightly", parameters.get("only") or ()
    return resume_command(parameters["target"], profile, opened["run_id"], only, parameters.get("note") or "")


def _what_is_left(opened: dict[str, str], parameters: dict[str, Any]) -> str:
    """What an interrupted run leaves, and what to do about it."""
    run_id, resume = opened.get("run_id"), _resume_command(opened, parameters)
    if run_id is None:
        return "Nothing was looked at yet; start the run again."
    if "sealed" in opened:
        return f"{run_id} was sealed before that, as {opened['sealed']}. Check it with `stageproof verify {run_id}`."
    if opened.get("phase") == "seal and verify":
        return (
            f"The package of {run_id} is finished, and may be sealed or not. Seal it, or see that it is, with"
            f" `{resume}`."
        )
    return (
        f"The ledger shows {run_id} as opened and never sealed. Finish it with `{resume}`, or remove its workspace with"
        " `stageproof doctor --clean`."
    )


def _tell_prefect(flow_run: str | None, signal_name: str) -> None:
    """The flow run is over: its state says so, where there is an API that will still be there."""
    api = os.environ.get("PREFECT_API_URL")
    if not flow_run or not api:
        return
    import httpx

    state = {"type": "CANCELLED", "name": "Interrupted", "message": f"interrupted by {signal_name}"}
    with contextlib.suppress(httpx.HTTPError):
        httpx.post(f"{api}/flow_runs/{flow_run}/set_state", json={"state": state, "force": True}, timeout=3)


def _end_descendants() -> None:
    import psutil

    logging.disable(logging.CRITICAL)
    family = psutil.Process().children(recursive=True)
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    psutil.wait_procs(family, timeout=5)
