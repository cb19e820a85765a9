"""Runs of pytest suites, whole, failing, cut short and forged, each with the outcome the suite and a journey end in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from xml.sax.saxutils import quoteattr

from evidence_store.model import CheckResult, Outcome, SubjectDecision
from tasks.journeys.models import SuiteRun
from tasks.plan import Plan
from tests.tasks.judged_runs import STARTED, Case, Run, judged, only_subject, plan_of

PASS, FAIL, ERROR, NOT_RUN = Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.NOT_RUN
SUITE, JOURNEY = "suites/e2e", "approvals.approve"
PASSED = (("setup", "passed"), ("call", "passed"), ("teardown", "passed"))
FAILED = (("setup", "passed"), ("call", "failed"), ("teardown", "passed"))
SKIPPED = (("setup", "skipped"), ("teardown", "passed"))
SETUP_FAILED = (("setup", "failed"), ("teardown", "passed"))
TEARDOWN_FAILED = (("setup", "passed"), ("call", "passed"), ("teardown", "failed"))
NO_CALL = (("setup", "passed"), ("teardown", "passed"))


@dataclass(frozen=True)
class Walk:
    """One test of a suite: its name, the journeys it walks, its phases, and whether it came to its end."""

    name: str = "test_approve"
    journeys: tuple[str, ...] = (JOURNEY,)
    phases: tuple[tuple[str, str], ...] = PASSED
    started: bool = True
    finished: bool = True
    message: str = "    def test_approve():\nE       assert 'Approved' in page\n\ntest_approvals.py:12: AssertionError"

    @property
    def node(self) -> str:
        return f"{SUITE}/test_approvals.py::{self.name}"


APPROVE = Walk()
SIGN_IN = Walk("test_sign_in", ("sign-in.password",))


def log_of(walks: Sequence[Walk]) -> bytes:
    """The event log, as the plugin writes it."""
    events: list[dict[str, Any]] = [{"event": "collected", "test": w.node, "journeys": list(w.journeys)} for w in walks]
    for walk in walks:
        events += [{"event": "started", "test": walk.node}] if walk.started else []
        events += [
            {
                "event": "phase",
                "test": walk.node,
                "when": when,
                "outcome": outcome,
                "message": walk.message if outcome == "failed" else "",
            }
            for when, outcome in walk.phases
            if walk.started
        ]
        events += [{"event": "finished", "test": walk.node}] if walk.finished else []
    return "".join(json.dumps(event) + "\n" for event in [*events, {"event": "session-finished", "exit": 0}]).encode()


def junit_of(names: Sequence[str], declared: int | None = None) -> bytes:
    """A JUnit file, as pytest writes it."""
    cases = "".join(f"<testcase classname='e2e' name={quoteattr(name)} time='0.1'/>" for name in names)
    tests = len(names) if declared is None else declared
    suite = f'<testsuite name="pytest" errors="0" failures="0" skipped="0" tests="{tests}">{cases}</testsuite>'
    return f'<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests">{suite}</testsuites>'.encode()


def evidence(
    walks: Sequence[Walk] = (APPROVE, SIGN_IN),
    exit_code: int = 0,
    exit_words: str = "it ended with exit code 0",
    junit: bytes | None = None,
    events: bytes | None = None,
    keep: Sequence[str] = ("junit", "events"),
    stored: Mapping[str, bytes] | None = None,
    times: int = 1,
    suite: str = SUITE,
    run: Run | None = None,
    suites: Sequence[str] = (SUITE,),
    **changes: Any,
) -> tuple[Run, Plan]:
    """A run of one suite, good but for these changes, and its plan."""
    run = run or Run()
    base = f"data/journeys/{suite.replace('/', '-')}"
    contents = {
        "junit": junit_of([walk.name for walk in walks]) if junit is None else junit,
        "events": log_of(walks) if events is None else events,
    }
    files = {name: run.file(f"{base}/{name}", content) for name, content in contents.items() if name in keep}
    for name, content in (stored or {}).items():
        run.files[f"{base}/{name}"] = content
    seen = SuiteRun(
        subject=f"suite:{suite}",
        gathered_at=STARTED,
        suite=suite,
        exit_code=exit_code,
        exit_words=exit_words,
        log=run.file(f"{base}/output.log", b"2 passed"),
        **({"seconds": 3.25} | files | changes),
    )
    run.add(*[seen] * times)
    return run, plan_of({"journeys": {"suites": list(suites), "required": [JOURNEY]}})


def suite(*args: Any, **changes: Any) -> SubjectDecision:
    """What the suite ended in."""
    run, plan = evidence(*args, **changes)
    return only_subject("journeys", run, plan, f"suite:{SUITE}")


def journey(*args: Any, **changes: Any) -> SubjectDecision:
    """What the required journey ended in."""
    run, plan = evidence(*args, **changes)
    return only_subject("journeys", run, plan, f"journey:{JOURNEY}")


def findings(*args: Any, **changes: Any) -> CheckResult:
    """Everything the judge said."""
    run, plan = evidence(*args, **changes)
    return judged("journeys", run, plan)


ONE = {"exit_code": 1, "exit_words": "it ended with exit code 1"}
FAILING = Walk(phases=FAILED)
MANY = tuple(Walk(f"test_{number}", ()) for number in range(287))
_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><testsuites><testsuite tests="2">&c;</testsuite></testsuites>'
)
_OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
    b'<testsuites><testsuite tests="2"><testcase name="&a;"/><testcase/></testsuite></testsuites>'
)
GOOD_SUITES = [
    Case("all passed", PASS, "2 passed, 0 failed, 0 skipped of 2 collected", suite),
    Case(
        "one of two skipped",
        PASS,
        "1 passed, 0 failed, 1 skipped",
        partial(suite, (APPROVE, Walk("test_b", phases=SKIPPED))),
    ),
    Case(
        "a root that is the suite itself",
        PASS,
        "2 passed",
        partial(suite, junit=b"<testsuite tests='2'><testcase/><testcase/></testsuite>"),
    ),
    Case(
        "two suites in one file",
        PASS,
        "2 passed",
        partial(suite, junit=b"<testsuites>" + b"<testsuite tests='1'><testcase/></testsuite>" * 2 + b"</testsuites>"),
    ),
]
BAD_SUITES = [
    Case("one failed", FAIL, "1 of 2 tests failed: test_approve", partial(suite, (FAILING, SIGN_IN), **ONE)),
    Case("failed before it began", FAIL, "1 of 1 tests failed", partial(suite, (Walk(phases=SETUP_FAILED),), **ONE)),
    Case(
        "failed while cleaning up", FAIL, "1 of 1 tests failed", partial(suite, (Walk(phases=TEARDOWN_FAILED),), **ONE)
    ),
    Case(
        "six failed",
        FAIL,
        "6 of 6 tests failed: test_0, test_1, test_2, test_3, test_4, …",
        partial(suite, tuple(Walk(f"test_{n}", phases=FAILED) for n in range(6)), **ONE),
    ),
]


def _exit(code: int, says: str) -> Case:
    return Case(f"exit code {code}", ERROR, says, partial(suite, exit_code=code, exit_words=f"exit code {code}"))


LOG = log_of((APPROVE, SIGN_IN))
BROKEN_SUITES = [
    Case(
        "0 tests, as pytest tells it",
        ERROR,
        "it collected 0 tests",
        partial(suite, (), exit_code=5, exit_words="exit code 5"),
    ),
    Case("0 tests, and exit code 0", ERROR, "it collected 0 tests", partial(suite, ())),
    Case("0 tests in the log, 2 in the JUnit file", ERROR, "it collected 0 tests", partial(suite, events=b"")),
    _exit(2, "interrupted, or a file could not be collected"),
    _exit(3, "pytest itself failed"),
    _exit(4, "did not understand its command line"),
    _exit(-11, "it did not end by itself"),
    _exit(-9, "it did not end by itself"),
    _exit(137, "it did not end by itself"),
    Case("timed out", ERROR, "ended, because it ran over 120 s", partial(suite, ended_because="it ran over 120 s")),
    Case(
        "timed out, and exit code 1", ERROR, "ended, because", partial(suite, ended_because="it ran over 120 s", **ONE)
    ),
    Case("the source could not look", ERROR, "no Chromium", partial(suite, problem="no Chromium")),
    Case("no JUnit file", ERROR, "it wrote no JUnit file", partial(suite, keep=["events"])),
    Case("no event log", ERROR, "it collected 0 tests", partial(suite, keep=["junit"])),
    Case(
        "declares 287 tests and holds 46",
        ERROR,
        "declares 287 tests and holds 46",
        partial(suite, MANY, junit=junit_of([walk.name for walk in MANY[:46]], declared=287)),
    ),
    Case(
        "holds more than it declares",
        ERROR,
        "declares 1 tests and holds 2",
        partial(suite, junit=junit_of(["a", "b"], declared=1)),
    ),
    Case("holds fewer than ran", ERROR, "holds 1 tests, and 2 were seen to run", partial(suite, junit=junit_of(["a"]))),
    Case(
        "a JUnit file of another, larger run",
        ERROR,
        "holds 3 tests, and 2 were seen",
        partial(suite, junit=junit_of(["a", "b", "c"])),
    ),
    Case("half a JUnit file", ERROR, "the JUnit file cannot be read", partial(suite, junit=junit_of(["a", "b"])[:-30])),
    Case("an entity bomb", ERROR, "the JUnit file cannot be read", partial(suite, junit=_BOMB)),
    Case("an entity from outside", ERROR, "the JUnit file cannot be read", partial(suite, junit=_OUTSIDE)),
    Case("HTML in place of JUnit", ERROR, "JUnit file", partial(suite, junit=b"<!doctype html><p>Sign in<br></html>")),
    Case("XHTML in place of JUnit", ERROR, "holds no test suite", partial(suite, junit=b"<html><body/></html>")),
    Case("an empty JUnit file", ERROR, "the JUnit file cannot be read", partial(suite, junit=b"")),
    Case("declares no number", ERROR, "cannot be read", partial(suite, junit=b"<testsuite><testcase/></testsuite>")),
    Case(
        "declares a word",
        ERROR,
        "cannot be read",
        partial(suite, junit=b"<testsuite tests='all'><testcase/></testsuite>"),
    ),
    Case("an altered JUnit file", ERROR, "does not hash", partial(suite, stored={"junit": junit_of(["a", "b", "c"])})),
    Case("an altered event log", ERROR, "does not hash", partial(suite, stored={"events": b""})),
    Case("the log ends within a line", ERROR, "a line that is not an event", partial(suite, events=LOG[:-9])),
    Case(
        "the log ends between lines", ERROR, "never finished", partial(suite, events=b"\n".join(LOG.splitlines()[:6]))
    ),
    Case(
        "the log was cut in its middle",
        ERROR,
        "not an event",
        partial(suite, events=LOG[:80] + b"\n\n[... left out ...]\n" + LOG[-90:]),
    ),
    Case("garbage in the log", ERROR, "not an event: '\\x00\\x01'", partial(suite, events=LOG + b"\x00\x01")),
    Case("a number in the log", ERROR, "not an event: '7'", partial(suite, events=LOG + b"7")),
    Case("a list in the log", ERROR, "not an event", partial(suite, events=LOG + b"[]")),
    Case("an event without a kind", ERROR, "not an event", partial(suite, events=LOG + b'{"test": "a"}')),
    Case(
        "a file could not be collected",
        ERROR,
        "test_b.py could not be collected: ImportError",
        partial(
            suite,
            events=LOG
            + json.dumps({"event": "collection-error", "test": "test_b.py", "message": "ImportError: x"}).encode(),
        ),
    ),
    Case(
        "a test never started",
        ERROR,
        "1 of 2 collected tests never finished",
        partial(suite, (APPROVE, Walk("test_b", started=False, finished=False))),
    ),
    Case("a test never finished", ERROR, "1 of 2 collected", partial(suite, (APPROVE, Walk("test_b", finished=False)))),
    Case("a test without a call", ERROR, "never finished", partial(suite, (APPROVE, Walk("test_b", phases=NO_CALL)))),
    Case("a test without any phase", ERROR, "never finished", partial(suite, (APPROVE, Walk("test_b", phases=())))),
    Case(
        "all skipped",
        ERROR,
        "all 2 tests were skipped",
        partial(suite, (Walk(phases=SKIPPED), Walk("test_b", phases=SKIPPED))),
    ),
    Case(
        "a failure, and exit code 0",
        ERROR,
        "but the event log says that a test failed",
        partial(suite, (FAILING, SIGN_IN)),
    ),
    Case("exit code 1, and no failure", ERROR, "but the event log says that no test failed", partial(suite, **ONE)),
    Case("ran twice", ERROR, "2 passes", partial(suite, times=2)),
    Case("never ran", NOT_RUN, "never looked at", partial(suite, times=0)),
]
JOURNEYS = [
    Case("walked", PASS, "walked by 1 tests, all passed", journey),
    Case("walked twice", PASS, "walked by 2 tests", partial(journey, (APPROVE, Walk("test_again")))),
    Case("by a test that walks two", PASS, "walked by 1", partial(journey, (Walk(journeys=("a", JOURNEY)),))),
    Case(
        "walked, and another one fails",
        PASS,
        "walked by 1",
        partial(journey, (APPROVE, Walk("test_b", (), FAILED)), **ONE),
    ),
    Case("failed", FAIL, "test_approve failed: assert 'Approved' in page", partial(journey, (FAILING, SIGN_IN), **ONE)),
    Case(
        "walked twice, failed once",
        FAIL,
        "test_again failed",
        partial(journey, (APPROVE, Walk("test_again", phases=FAILED)), **ONE),
    ),
    Case("failed and skipped", FAIL, "failed", partial(journey, (FAILING, Walk("test_b", phases=SKIPPED)), **ONE)),
    Case("cleaning up failed", FAIL, "test_approve failed", partial(journey, (Walk(phases=TEARDOWN_FAILED),), **ONE)),
    Case("a failure without words", FAIL, "no message", partial(journey, (Walk(phases=FAILED, message=""),), **ONE)),
    Case("skipped", NOT_RUN, "was skipped", partial(journey, (Walk(phases=SKIPPED), SIGN_IN))),
    Case(
        "walked twice, skipped once",
        NOT_RUN,
        "was skipped",
        partial(journey, (APPROVE, Walk("test_b", phases=SKIPPED))),
    ),
    Case(
        "nobody walks it",
        NOT_RUN,
        'none carries @pytest.mark.journey("approvals.approve")',
        partial(journey, (SIGN_IN,)),
    ),
    Case(
        "a name in other letters",
        NOT_RUN,
        "no test walks it",
        partial(journey, (Walk(journeys=("Approvals.Approve",)),)),
    ),
    Case("nothing ran", NOT_RUN, "never looked at", partial(journey, times=0)),
    Case("the suite timed out", ERROR, "suites/e2e: it was ended", partial(journey, ended_because="it ran over 120 s")),
    Case("the suite crashed", ERROR, "suites/e2e: killed", partial(journey, exit_code=-9, exit_words="killed")),
    Case("the suite cannot be trusted", ERROR, "declares 3", partial(journey, junit=junit_of(["a", "b"], declared=3))),
    Case("failed in a suite that crashed", ERROR, "pytest itself failed", partial(journey, (FAILING,), exit_code=3)),
]
SUITES = [*GOOD_SUITES, *BAD_SUITES, *BROKEN_SUITES]
CASES: dict[str, list[Case]] = {"journeys": [*SUITES, *JOURNEYS]}
