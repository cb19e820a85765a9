"""Results of axe-core, clean, with barriers and unfinished, each with the outcome it must end in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from evidence_store.model import CheckResult, Outcome, SubjectDecision
from tasks.plan import Plan
from tasks.sweep.models import AxeScan, PageVisit
from tests.tasks.judged_runs import BASE, STARTED, Case, Run, judged, only_subject, plan_of

from . import keyboard_cases

PASS, FAIL, ERROR, NOT_RUN = Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.NOT_RUN
RESULT = "data/sweep/home@desktop/axe.json"


def rule(
    name: str = "color-contrast",
    impact: str | None = "serious",
    tags: Sequence[str] = ("cat.color", "wcag2aa"),
    target: Sequence[Any] = ("#save",),
    nodes: int = 1,
) -> dict[str, Any]:
    """A rule of axe's result, as axe writes it."""
    return {
        "id": name,
        "impact": impact,
        "tags": list(tags),
        "help": f"help of {name}",
        "helpUrl": f"https://rules.example/{name}",
        "nodes": [{"target": list(target), "html": "<button id=save>"} for _ in range(nodes)],
    }


PASSED = (rule("document-title", None), rule("html-has-lang", None))


def evidence(
    violations: Sequence[Any] = (),
    incomplete: Sequence[Any] = (),
    passes: Sequence[Any] = PASSED,
    content: bytes | None = None,
    frames: int = 2,
    frames_missed: int = 0,
    nodes: int = 1_212,
    scanned: bool = True,
    stored: bytes | None = None,
    visits: int = 1,
    table: dict[str, Any] | None = None,
    **changes: Any,
) -> tuple[Run, Plan]:
    """A run with scans of `home` and its plan; `content` is the result's bytes in place of well-formed ones."""
    run = Run()
    parts = {"passes": list(passes), "violations": list(violations), "incomplete": list(incomplete)}
    result = run.file(RESULT, json.dumps(parts).encode() if content is None else content, "application/json")
    if stored is not None:
        run.files[RESULT] = stored
    visit = PageVisit(
        subject="home@desktop",
        gathered_at=STARTED,
        page="home",
        viewport="desktop",
        url=f"{BASE}/en/home",
        axe=AxeScan(result=result, frames=frames, frames_missed=frames_missed, nodes=nodes) if scanned else None,
        **changes,
    )
    run.add(*[visit] * visits)
    return run, plan_of({"axe": table or {}})


def scan(*args: Any, **changes: Any) -> SubjectDecision:
    """What the page ended in."""
    run, plan = evidence(*args, **changes)
    return only_subject("axe", run, plan, "home@desktop")


def findings(*args: Any, **changes: Any) -> CheckResult:
    """Everything the judge said."""
    run, plan = evidence(*args, **changes)
    return judged("axe", run, plan)


BEST = rule("region", "critical", ("cat.keyboard", "best-practice"))
GOOD = [
    Case("clean", PASS, "0 critical or serious violations; 0 elements with warnings, 0 questions", scan),
    Case(
        "moderate only", PASS, "2 elements with warnings", partial(scan, [rule(impact="moderate", nodes=2)]), warns=True
    ),
    Case("minor only", PASS, "1 elements with warnings", partial(scan, [rule(impact="minor")]), warns=True),
    Case("a critical best practice only", PASS, "1 elements with warnings", partial(scan, [BEST]), warns=True),
    Case("questions only", PASS, "1 questions to review", partial(scan, [], [rule(impact="serious")]), warns=True),
    Case(
        "moderate violations and nothing passed",
        PASS,
        "1 elements",
        partial(scan, [rule(impact="moderate")], passes=()),
        warns=True,
    ),
    Case(
        "only critical gates",
        PASS,
        "0 critical violations",
        partial(scan, [rule()], table={"gate": ["critical"]}),
        warns=True,
    ),
]
BAD = [
    Case("serious", FAIL, "help of color-contrast (serious, 1 elements): <button id=save>", partial(scan, [rule()])),
    Case("critical", FAIL, "(critical, 3 elements)", partial(scan, [rule(impact="critical", nodes=3)])),
    Case("serious and nothing passed", FAIL, "serious", partial(scan, [rule()], passes=())),
    Case("serious behind a best practice", FAIL, "color-contrast", partial(scan, [BEST, rule()]), warns=True),
    Case(
        "serious beside a question",
        FAIL,
        "color-contrast",
        partial(scan, [rule()], [rule("video-caption")]),
        warns=True,
    ),
    Case(
        "moderate where the plan gates it",
        FAIL,
        "moderate",
        partial(scan, [rule(impact="moderate")], table={"gate": ["moderate"]}),
    ),
]
BROKEN = [
    Case("one frame missed", ERROR, "1 frames could not be scanned (2 were)", partial(scan, frames_missed=1)),
    Case("a frame missed and a violation", ERROR, "could not be scanned", partial(scan, [rule()], frames_missed=1)),
    Case("no rule applied", ERROR, "axe applied no rule", partial(scan, passes=())),
    Case("no rule applied, only questions", ERROR, "axe applied no rule", partial(scan, [], [rule()], passes=())),
    Case("never scanned", ERROR, "never scanned", partial(scan, scanned=False)),
    Case("the scan crashed", ERROR, "out of memory", partial(scan, scanned=False, axe_problem="out of memory")),
    Case("half a result", ERROR, "is not JSON", partial(scan, content=b'{"passes": [{"id": "doc')),
    Case("HTML in place of a result", ERROR, "is not JSON", partial(scan, content=b"<!doctype html>")),
    Case("an empty object", ERROR, "is not an axe result", partial(scan, content=b"{}")),
    Case(
        "a part is missing", ERROR, "is not an axe result", partial(scan, content=b'{"passes": [], "violations": []}')
    ),
    Case(
        "a part is null",
        ERROR,
        "not an axe result",
        partial(scan, content=b'{"passes":[],"violations":null,"incomplete":[]}'),
    ),
    Case("a list in place of a result", ERROR, "is not an axe result", partial(scan, content=b"[]")),
    Case("a violation that is a text", ERROR, "judge of 'axe' failed", partial(scan, ["color-contrast"])),
    Case("the result was altered", ERROR, "does not hash", partial(scan, stored=b"{}")),
    Case("the visit failed", ERROR, "no answer", partial(scan, problem="no answer in 30 s")),
    Case("the visit failed, and a clean scan is there", ERROR, "no answer", partial(scan, problem="no answer")),
    Case("visited twice", ERROR, "2 passes", partial(scan, visits=2)),
    Case("never visited", NOT_RUN, "never looked at", partial(scan, visits=0)),
]
CASES: dict[str, list[Case]] = {"axe": [*GOOD, *BAD, *BROKEN], **keyboard_cases.CASES}
