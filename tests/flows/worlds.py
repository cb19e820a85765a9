"""Whole runs: the command line as a process of its own or in this one, and the flow itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from typer.testing import CliRunner

from deployments.local_stack import REPOSITORY, Stack
from evidence_store.ledger import Ledger, RunRecord
from evidence_store.objects import ObjectStore, StoreSettings

MARK = "STAGEPROOF_TEST_MARK"
"""Every process that a world starts carries this variable, so that orphans can be told from strangers."""
PASSWORDS = {"DEMO_VIEWER_PASSWORD": "viewers-long-password"}
PATIENCE_SECONDS = 150.0


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output, which must be exactly one line of JSON."""
        lines = self.out.splitlines()
        assert len(lines) == 1, f"{len(lines)} lines in place of one: {self.out[:2000]}\n{self.err[-2000:]}"
        return json.loads(lines[0])


class Started:
    """A command that is still running."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.family: list[psutil.Process] = []
        """Its descendants, when last asked for."""
        self._said: dict[str, list[str]] = {"out": [], "err": []}
        streams = {"out": process.stdout, "err": process.stderr}
        self._readers = [
            threading.Thread(target=self._read, args=(name, stream), daemon=True) for name, stream in streams.items()
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str, stream: Any) -> None:
        self._said[name].extend(iter(stream.readline, ""))

    def said(self, name: str = "err") -> str:
        """What it has said until now."""
        return "".join(list(self._said[name]))

    def wait_until_it_says(self, text: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Return when standard error holds the text; fails when it ends or is late."""
        until = time.monotonic() + seconds
        while text not in self.said():
            running = self.process.poll() is None and time.monotonic() < until
            assert running, f"never said {text!r}: {self.said()}{self.said('out')}"
            time.sleep(0.05)

    def remember_family(self) -> list[psutil.Process]:
        """Its descendants at this moment."""
        self.family = psutil.Process(self.process.pid).children(recursive=True)
        return self.family

    def wait(self, seconds: float = PATIENCE_SECONDS) -> Ended:
        """Wait for its end; what it says must never be a mere traceback."""
        try:
            code = self.process.wait(seconds)
        finally:
            self.end()
        ended = Ended(code, self.said("out"), self.said("err"))
        assert "Traceback" not in ended.out + ended.err, ended.err
        return ended

    def end(self) -> None:
        """Whatever happened in the test, leave nothing behind."""
        if self.process.poll() is None:
            for member in [*psutil.Process(self.process.pid).children(recursive=True), self.process]:
                member.kill()
            self.process.wait(10)
        for reader in self._readers:
            reader.join(10)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


@dataclass
class World:
    """A folder with its own workspaces and baselines, over the stack that all tests share."""

    folder: Path
    stack: Stack
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = {
            **self.stack.environment(),
            **PASSWORDS,
            "STAGEPROOF_HOME": str(self.home),
            "STAGEPROOF_BASELINES": str(self.folder / "baselines"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "NO_COLOR": "1",
            MARK: uuid.uuid4().hex,
            **self.environment,
        }

    @property
    def home(self) -> Path:
        """Where workspaces are made."""
        return self.folder / "home"

    def start(self, *arguments: str | Path, **environment: str) -> Started:
        """Start `stageproof ...` as a process of its own."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("STAGEPROOF_", "PREFECT_", "DEMO_"))}
        variables = {**inherited, **self.environment, **environment}
        return Started(
            subprocess.Popen(
                [sys.executable, "-m", "flows.command_line", *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                text=True,
                cwd=REPOSITORY,
                env={name: value for name, value in variables.items() if value},
            )
        )

    def stageproof(self, *arguments: str | Path, **environment: str) -> Ended:
        """Run `stageproof ...` to its end; a variable set to an empty text is taken away."""
        return self.start(*arguments, **environment).wait()

    @contextmanager
    def variables(self, **environment: str) -> Iterator[None]:
        """This world's environment for what runs in this very process."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**self.environment, **environment}.items():
                patch.setenv(name, value)
            yield

    def command(self, *arguments: str | Path) -> Ended:
        """Run a quick command in this process."""
        from flows.command_line import application

        with self.variables():
            result = CliRunner().invoke(application, [str(argument) for argument in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        return Ended(result.exit_code, result.stdout, result.stderr)

    def validate(self, plan: Path, *, environment: dict[str, str] | None = None, **parameters: Any) -> Any:
        """Run the flow in this process; returns its final state."""
        from prefect.settings import PREFECT_API_URL, temporary_settings

        from flows.staging_validation import validate_staging

        with self.variables(**(environment or {})), temporary_settings({PREFECT_API_URL: self.stack.prefect_api_url}):
            return validate_staging(target=str(plan), return_state=True, **parameters)

    def answer(self, plan: Path, **parameters: Any) -> dict[str, Any]:
        """Run the flow in this process; returns what it tells its caller."""
        state = self.validate(plan, **parameters)
        data = getattr(state.data, "result", state.data)
        assert isinstance(data, dict), f"the flow broke off: {state.name} {state.message}"
        return {**data, "state": state.name}

    def ledger(self) -> Ledger:
        """The ledger as it is now."""
        settings = StoreSettings.from_environment(self.stack.environment())
        return Ledger(ObjectStore(settings), "stageproof")

    def runs(self, target: str) -> list[RunRecord]:
        """What the ledger knows of a target, the newest run first."""
        return [record for record in self.ledger().runs() if record.target == target]

    def marked(self) -> list[str]:
        """Living processes that this world started, other than this one."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.environment[MARK] and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join(process.cmdline()))
            except (psutil.Error, OSError):
                continue
        return found

    def in_prefect(self, plan: Path) -> list[dict[str, Any]]:
        """Flow runs of this plan as Prefect's API tells them, each with its `artifacts`."""
        with httpx.Client(base_url=self.stack.prefect_api_url, timeout=30) as client:
            answer = client.post("/flow_runs/filter", json={"sort": "START_TIME_DESC", "limit": 200})
            runs = [run for run in answer.raise_for_status().json() if run["parameters"].get("target") == str(plan)]
            for run in runs:
                wanted = {"artifacts": {"flow_run_id": {"any_": [run["id"]]}}}
                run["artifacts"] = client.post("/artifacts/filter", json=wanted).raise_for_status().json()
        return runs
