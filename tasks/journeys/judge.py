"""Judge of pytest suites: whether everything ran that had to, and passed.

Rules, each from a real false green:

- a suite that collected nothing, crashed, was killed or ran out of time is an `error`, whatever its report says;
- the JUnit file must hold as many tests as it declares, and as many as our own event log saw finish;
- every collected test finished: none vanished between collection and report;
- a required journey passes when at least one test walks it and every test that does passed; skipped is not passed;
- a suite in which every test was skipped proved nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from pydantic import Field

from evidence_store.model import CheckSpec, Finding, Outcome
from evidence_store.workspace import BrokenEvidenceError, failures_of, read_artifact
from tasks.contract import Check, JudgeContext
from tasks.journeys.models import SuiteRun
from tasks.plan import CheckOptions, Plan

TESTS_RAN = frozenset({0, 1})
"""pytest's exit codes for "all passed" and "some failed"; every other one means that it did not do its work."""
EXIT_MEANINGS = {
    2: "it was interrupted, or a file could not be collected",
    3: "pytest itself failed",
    4: "pytest did not understand its command line",
    5: "it collected 0 tests",
}


class JourneyOptions(CheckOptions):
    """The plan's table for journeys."""

    suites: tuple[str, ...] = Field(min_length=1)
    """Folders or files of pytest suites, relative to the repository."""
    required: tuple[str, ...] = Field(min_length=1)
    """Journeys that must be walked: the ids of `@pytest.mark.journey("...")`."""
    deadline_seconds: float = Field(default=600, gt=0, le=14_400)
    """How long one suite may run before it is ended."""


@dataclass
class _Test:
    """What the event log says of one test."""

    journeys: tuple[str, ...]
    started: bool = False
    finished: bool = False
    phases: dict[str, str] = field(default_factory=dict)
    subtests: int = 0
    message: str = ""

    @property
    def outcome(self) -> str:
        if not (self.started and self.finished):
            return "vanished"
        if "failed" in self.phases.values():
            return "failed"
        if "skipped" in self.phases.values():
            return "skipped"
        return "passed" if self.phases.get("call") == "passed" else "vanished"


def judge_journeys(context: JudgeContext, runs: Sequence[SuiteRun]) -> Iterator[Finding]:
    """One finding a suite, one a required journey."""
    tests: dict[str, _Test] = {}
    distrust: list[str] = []
    attachments: dict[str, tuple[str, ...]] = {}
    for run in runs:
        try:
            seen = _events(context, run)
            problem = _untrustworthy(context, run, seen)
        except BrokenEvidenceError as error:
            seen, problem = {}, str(error)
        if problem is not None:
            distrust.append(f"{run.suite}: {problem}")
        else:
            tests |= {f"{run.suite}::{name}": test for name, test in seen.items()}
            attachments |= {f"{run.suite}::{name}": _pictures(run, name) for name in seen}
        yield _judge_suite(run, seen, problem)
    distrust += [failure.message for failure in failures_of(context.files) if failure.source == "journeys"]
    if runs:
        yield from _judge_required(context.options.required, tests, distrust, attachments)


def _events(context: JudgeContext, run: SuiteRun) -> dict[str, _Test]:
    if run.events is None:
        return {}
    tests: dict[str, _Test] = {}
    for line in read_artifact(context.files, run.events).decode("utf-8", "replace").splitlines():
        try:
            event = json.loads(line)
            kind, name = event["event"], str(event.get("test", ""))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BrokenEvidenceError(f"the event log holds a line that is not an event: {line[:80]!r}") from error
        if kind == "collected":
            tests[name] = _Test(journeys=tuple(map(str, event.get("journeys", []))))
        elif kind == "collection-error":
            raise BrokenEvidenceError(f"{name} could not be collected: {_last_line(str(event.get('message', '')))}")
        elif name in tests:
            test = tests[name]
            test.started |= kind == "started"
            test.finished |= kind == "finished"
            test.subtests += kind == "subtest"
            if kind == "subtest" and event.get("outcome") == "failed":
                test.phases["subtest"] = "failed"
            if kind == "phase":
                test.phases[str(event.get("when"))] = str(event.get("outcome"))
                test.message = test.message or str(event.get("message", ""))
    return tests


def _log_ended(context: JudgeContext, run: SuiteRun) -> bool:
    lines = read_artifact(context.files, run.events).splitlines() if run.events else []
    return bool(lines) and json.loads(lines[-1]).get("event") == "session-finished"


def _untrustworthy(context: JudgeContext, run: SuiteRun, tests: dict[str, _Test]) -> str | None:
    """Why this run of the suite proves nothing, or None."""
    if run.ended_because is not None:
        return f"it was ended, because {run.ended_because}"
    if run.exit_code not in TESTS_RAN:
        return f"{run.exit_words}: {EXIT_MEANINGS.get(run.exit_code, 'it did not end by itself')}"
    if not tests:
        return "it collected 0 tests"
    vanished = [name for name, test in tests.items() if test.outcome == "vanished"]
    if vanished:
        return f"{len(vanished)} of {len(tests)} collected tests never finished, {vanished[0]} among them"
    if not _log_ended(context, run):
        return "its event log breaks off before the end of the session"
    if all(test.outcome == "skipped" for test in tests.values()):
        return f"all {len(tests)} tests were skipped"
    failed = any(test.outcome == "failed" for test in tests.values())
    if failed != (run.exit_code == 1):
        return f"{run.exit_words}, but the event log says that {'a' if failed else 'no'} test failed"
    return _junit_problem(context, run, len(tests), sum(test.subtests for test in tests.values()))


def _junit_problem(context: JudgeContext, run: SuiteRun, ran: int, subtests: int) -> str | None:
    if run.junit is None:
        return "it wrote no JUnit file"
    declared, held, distinct = count_junit(read_artifact(context.files, run.junit))
    if declared not in {held, held + subtests}:
        return f"its JUnit file declares {declared} tests and holds {held}"
    if distinct != ran:
        return f"its JUnit file holds {distinct} tests, and {ran} were seen to run"
    return None


def count_junit(content: bytes) -> tuple[int, int, int]:
    """(test cases declared, held, distinct tests among them) of a JUnit file; raises BrokenEvidenceError."""
    try:
        root = ElementTree.fromstring(content)
        suites = [root] if root.tag == "testsuite" else root.findall("testsuite")
        declared = sum(int(suite.get("tests", "")) for suite in suites)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise BrokenEvidenceError(f"the JUnit file cannot be read: {error}") from error
    if not suites:
        raise BrokenEvidenceError("the JUnit file holds no test suite")
    # A test that failed in its call and again in its teardown is declared twice and stands twice.
    cases = [case for suite in suites for case in suite.findall("testcase")]
    distinct = {(case.get("classname"), case.get("name", number)) for number, case in enumerate(cases)}
    return declared, len(cases), len(distinct)


def _judge_suite(run: SuiteRun, tests: dict[str, _Test], problem: str | None) -> Finding:
    evidence = tuple(artifact.path for artifact in (run.log, run.junit, run.events) if artifact)
    counts = {word: sum(test.outcome == word for test in tests.values()) for word in ("passed", "failed", "skipped")}
    words = ", ".join(f"{count} {word}" for word, count in counts.items())
    if problem is not None:
        return Finding(outcome=Outcome.ERROR, subject=run.subject, rule="integrity", message=problem, evidence=evidence)
    failed = [name for name, test in tests.items() if test.outcome == "failed"]
    if failed:
        listed = ", ".join(name.rpartition("::")[2] for name in failed[:5]) + (", …" if len(failed) > 5 else "")
        return Finding(
            outcome=Outcome.FAIL,
            subject=run.subject,
            rule="tests",
            message=f"{len(failed)} of {len(tests)} tests failed: {listed}",
            measured=len(failed),
            limit=0,
            unit="tests",
            evidence=evidence + tuple(artifact.path for artifact in run.attachments),
        )
    return Finding(
        outcome=Outcome.PASS,
        subject=run.subject,
        message=f"{words} of {len(tests)} collected",
        looked_at=f"{len(tests)} tests in {run.seconds:.1f} s; JUnit file and event log agree",
        evidence=evidence,
    )


def _judge_required(
    required: Iterable[str],
    tests: dict[str, _Test],
    distrust: Sequence[str],
    attachments: dict[str, tuple[str, ...]],
) -> Iterator[Finding]:
    walking: dict[str, list[str]] = defaultdict(list)
    for name, test in tests.items():
        for journey in test.journeys:
            walking[journey].append(name)
    for journey in required:
        names = walking.get(journey, [])
        outcomes = {tests[name].outcome for name in names}
        subject = f"journey:{journey}"
        evidence = tuple(path for name in names for path in attachments[name])
        if "failed" in outcomes:
            failed = next(name for name in names if tests[name].outcome == "failed")
            yield Finding(
                outcome=Outcome.FAIL,
                subject=subject,
                rule="journey",
                element=failed,
                message=f"{failed.rpartition('::')[2]} failed: {_last_line(tests[failed].message)}",
                evidence=evidence,
            )
        elif not names and distrust:
            yield Finding(outcome=Outcome.ERROR, subject=subject, rule="journey", message="; ".join(distrust))
        elif not names:
            yield Finding(
                outcome=Outcome.NOT_RUN,
                subject=subject,
                rule="journey",
                message=f'no test walks it: none carries @pytest.mark.journey("{journey}")',
            )
        elif outcomes != {"passed"}:
            yield Finding(
                outcome=Outcome.NOT_RUN, subject=subject, rule="journey", message="a test that walks it was skipped"
            )
        else:
            yield Finding(
                outcome=Outcome.PASS,
                subject=subject,
                message=f"walked by {len(names)} tests, all passed",
                looked_at=", ".join(name.rpartition("::")[2] for name in names)[:300],
                evidence=evidence,
            )


def _pictures(run: SuiteRun, test: str) -> tuple[str, ...]:
    name = test.rpartition("::")[2].split("[")[0]
    return tuple(artifact.path for artifact in run.attachments if f"/{name}" in artifact.path)


def _last_line(message: str) -> str:
    """What a failure says: pytest's `E` lines if there are any, else the last line."""
    lines = [line for line in message.splitlines() if line.strip()]
    said = [line.removeprefix("E").strip() for line in lines if line.startswith("E ")]
    return (said[0] if said else lines[-1] if lines else "no message")[:300]


def _subjects(plan: Plan) -> Iterable[str]:
    options = plan.checks.get("journeys")
    if isinstance(options, JourneyOptions):
        yield from (f"suite:{suite}" for suite in options.suites)
        yield from (f"journey:{journey}" for journey in options.required)


JOURNEYS = Check(
    spec=CheckSpec(
        id="journeys",
        title="Every required journey was walked and arrived",
        failure_title="A journey does not arrive",
        why="A suite that collected 0 tests was once reported as passed, and a JUnit file once declared 287 tests and"
        " held 46.",
        remedy="docs/checks.md#journeys",
        # Which journeys walk a line such as 3.1 only a plan could say; that they ran and passed is 5.2.
        rows=("5.2",),
    ),
    needs=(SuiteRun,),
    expects=_subjects,
    judge=judge_journeys,
    options=JourneyOptions,
)
