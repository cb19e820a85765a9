"""pytest plugin: writes what really happened, one JSON line an event, beside the JUnit file.

A JUnit file is written at the end and says what its writer chose to; this log is written as things happen, so that a
test that vanished, a collection that was cut short or a process that was killed can be told apart.

Loaded into the child with `-p tasks.journeys.event_log`; the path is in STAGEPROOF_EVENT_LOG.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

MARKER = "journey(id): the journey of the launch plan that this test walks; the plan's `required` names it"


class EventLog:
    """Writes events of a pytest session; every line is flushed, since the process may be killed at any moment."""

    def __init__(self, path: str) -> None:
        self._stream = Path(path).open("a", encoding="utf-8")  # noqa: SIM115  - open as long as the session

    def write(self, event: str, **content: Any) -> None:
        """Append one event."""
        self._stream.write(json.dumps({"event": event, **content}) + "\n")
        self._stream.flush()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Every test that will run, with the journeys it walks."""
        for item in session.items:
            journeys = [str(marker.args[0]) for marker in item.iter_markers("journey") if marker.args]
            self.write("collected", test=item.nodeid, journeys=journeys)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that could not be collected holds tests nobody will run."""
        if report.failed:
            self.write("collection-error", test=report.nodeid, message=str(report.longrepr)[-2_000:])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test began."""
        self.write("started", test=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A phase of a test ended."""
        if hasattr(report, "context"):
            # pytest's own subtests: each is declared in the JUnit file, and none is a test case of its own there.
            self.write("subtest", test=report.nodeid, outcome=report.outcome)
            return
        message = str(report.longrepr)[-2_000:] if report.longrepr is not None and not report.passed else ""
        self.write("phase", test=report.nodeid, when=report.when, outcome=report.outcome, message=message)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """A test ended."""
        self.write("finished", test=nodeid)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """The session ended by itself."""
        self.write("session-finished", exit=int(exitstatus))
        self._stream.close()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and, where a path is given, the log."""
    config.addinivalue_line("markers", MARKER)
    if path := os.environ.get("STAGEPROOF_EVENT_LOG"):
        config.pluginmanager.register(EventLog(path), "stageproof-event-log")
