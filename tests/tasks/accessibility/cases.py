"""Results of axe-core, clean, with barriers and unfinished, each with the outcome it must end in.

So are those that meet what people said before: findings they accepted, questions they answered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence_store.model import CheckResult, Outcome, SubjectDecision
from evidence_store.signing import public_line, sign
from tasks.accessibility.answers import PAYLOAD_TYPE
from tasks.accessibility.models import Answer, GivenAnswers, KnownFinding, KnownFindings, fingerprint_of
from tasks.accessibility.questions import element_digest
from tasks.plan import Plan
from tasks.sweep.models import AxeScan, PageVisit
from tests.tasks.judged_runs import BASE, STARTED, Case, Run, judged, only_subject, plan_of

from . import keyboard_cases

PASS, FAIL, ERROR, NOT_RUN = Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.NOT_RUN
SUBJECT = "home@desktop"
RESULT = f"data/sweep/{SUBJECT}/axe.json"
DAY = timedelta(days=1)
ADA, EVE = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
SIGNERS = f'[signers]\nada = "{public_line(ADA.public_key())}"\n'


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


def listed(
    name: str = "color-contrast", element: str = "#save", until: datetime = STARTED + DAY, **changes: Any
) -> KnownFinding:
    """A known finding of `home`, accepted by Ada."""
    whole = {"subject": SUBJECT, "owner": "Ada", "reason": "the old palette", "ticket": "UI-231"} | changes
    return KnownFinding(rule=name, element=element, expires=until, **whole)


def answered(
    answer: str = "pass",
    about: Mapping[str, Any] | None = None,
    key: Ed25519PrivateKey | None = None,
    signer: str = "ada",
    until: datetime = STARTED + DAY,
    **changes: Any,
) -> tuple[str, bytes]:
    """The file of an answer that ada gave to this question of `home`: its name and its bytes."""
    about = about or rule()
    element = str(about["nodes"][0]["target"][0])
    content: dict[str, Any] = {
        "target": "demo",
        "check": "axe",
        "rule": about["id"],
        "element": element,
        "subject": SUBJECT,
        "element_sha256": element_digest(about["nodes"]),
        "run_id": "20260301T120000Z-demo-1a2b3c",
        "answer": answer,
        "by": "ada",
        "reason": "looked at it closely",
        "answered_at": STARTED - 9 * DAY,
        "expires": until,
    } | changes
    names = (content["check"], content["rule"], content["element"], content["subject"])
    record = Answer.model_validate({"fingerprint": fingerprint_of(*names)} | content)
    payload = record.model_dump_json().encode()
    if key is not None:
        payload = sign(payload, PAYLOAD_TYPE, key, signer).model_dump_json(by_alias=True).encode()
    return f"{record.fingerprint}.json", payload


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
    known: Sequence[KnownFinding] = (),
    answers: Sequence[tuple[str, bytes]] = (),
    signers: str = SIGNERS,
    looked_up: bool = True,
    boxes: Any = None,
    picture: bytes | None = None,
    **changes: Any,
) -> tuple[Run, Plan]:
    """A run with scans of `home`, what people said before, and its plan; `content` is the result's bytes."""
    run = Run()
    parts = {"passes": list(passes), "violations": list(violations), "incomplete": list(incomplete)}
    result = run.file(RESULT, json.dumps(parts).encode() if content is None else content, "application/json")
    if stored is not None:
        run.files[RESULT] = stored
    places = None if boxes is None else run.file(f"data/sweep/{SUBJECT}/boxes.json", json.dumps(boxes).encode())
    if picture is not None:
        changes["screenshot"] = run.file(f"data/sweep/{SUBJECT}/screenshot.png", picture, "image/png")
    scan = AxeScan(result=result, frames=frames, frames_missed=frames_missed, nodes=nodes, boxes=places)
    visit = PageVisit(
        subject=SUBJECT,
        gathered_at=STARTED,
        page="home",
        viewport="desktop",
        url=f"{BASE}/en/home",
        axe=scan if scanned else None,
        **changes,
    )
    run.add(*[visit] * visits)
    if looked_up:
        files = tuple(run.file(f"data/accessibility/reviews/{name}", body) for name, body in answers)
        keys = run.file("data/accessibility/signers.toml", signers.encode())
        run.add(KnownFindings(subject="known-findings", gathered_at=STARTED, known=tuple(known)))
        run.add(GivenAnswers(subject="answers", gathered_at=STARTED, answers=files, signers=keys))
    return run, plan_of({"axe": table or {}})


def scan(*args: Any, **changes: Any) -> SubjectDecision:
    """What the page ended in."""
    run, plan = evidence(*args, **changes)
    return only_subject("axe", run, plan, SUBJECT)


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
    Case("minor only", PASS, "1 element with warnings", partial(scan, [rule(impact="minor")]), warns=True),
    Case("a critical best practice only", PASS, "1 element with warnings", partial(scan, [BEST]), warns=True),
    Case("questions only", PASS, "1 question to review", partial(scan, [], [rule(impact="serious")]), warns=True),
    Case(
        "moderate violations and nothing passed",
        PASS,
        "1 element",
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
    Case("serious", FAIL, "help of color-contrast (serious, 1 element): #save; <button", partial(scan, [rule()])),
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
    Case("a violation that is a text", ERROR, "is not an axe result", partial(scan, ["color-contrast"])),
    Case("a node without a target", ERROR, "is not an axe result", partial(scan, [{"id": "x", "nodes": [{}]}])),
    Case("endless nesting", ERROR, "is not JSON", partial(scan, content=b"[" * 200_000)),
    Case("the result was altered", ERROR, "does not hash", partial(scan, stored=b"{}")),
    Case("the visit failed", ERROR, "no answer", partial(scan, problem="no answer in 30 s")),
    Case("the visit failed, and a clean scan is there", ERROR, "no answer", partial(scan, problem="no answer")),
    Case("visited twice", ERROR, "2 passes", partial(scan, visits=2)),
    Case("never visited", NOT_RUN, "never looked at", partial(scan, visits=0)),
]

# What people accepted


def rows(name: str = "color-contrast", impact: str = "serious", count: int = 2) -> dict[str, Any]:
    """A rule broken in so many rows of a table."""
    nodes = [{"target": [f"tr:nth-child({row}) > a"], "html": "<a>"} for row in range(1, count + 1)]
    return {**rule(name, impact), "nodes": nodes}


TWO, MORE = [rows()], {"more_places": "gate"}
ROWS = listed(element="tr > a", places=1)
GONE = listed("label", "#name")
ACCEPTED = [
    Case(
        "a known violation",
        PASS,
        "0 new critical or serious violations; 0 elements with warnings, 0 questions to review; 1 known finding",
        partial(scan, [rule()], known=[listed()]),
        warns=True,
    ),
    Case("a violation that is not listed", FAIL, "color-contrast", partial(scan, [rule()], known=[])),
    Case(
        "a known violation and a new one",
        FAIL,
        "help of label",
        partial(scan, [rule("label", "critical"), rule()], known=[listed()]),
        warns=True,
    ),
    Case(
        "one fixed and one new do not cancel",
        FAIL,
        "help of color-contrast (serious, 1 element)",
        partial(scan, [rule()], known=[GONE]),
        warns=True,
    ),
    Case(
        "the same rule on another element is new",
        FAIL,
        "#other",
        partial(scan, [rule(target=["#other"])], known=[listed()]),
        warns=True,
    ),
    Case(
        "accepted on another page",
        FAIL,
        "color-contrast",
        partial(scan, [rule()], known=[listed(subject="about@desktop")]),
    ),
    Case("fixed and still listed", PASS, "0 critical or serious violations", partial(scan, known=[GONE]), warns=True),
    Case(
        "expired at the very start",
        FAIL,
        "Ada accepted it until 2026-03-02, which has passed",
        partial(scan, [rule()], known=[listed(until=STARTED)]),
    ),
    Case(
        "a known violation in another row of the table",
        PASS,
        "1 known finding",
        partial(scan, [rule(target=["tr:nth-child(9) > a"])], known=[listed(element="tr > a")]),
        warns=True,
    ),
    Case(
        "a known violation in more places than were accepted",
        PASS,
        "1 known finding let through, 1 of them in more places than were accepted",
        partial(scan, TWO, known=[ROWS]),
        warns=True,
    ),
    Case(
        "a known violation in more places, and growth gates",
        FAIL,
        "Ada accepts it in 1 place, and it is now in 2",
        partial(scan, TWO, known=[ROWS], table=MORE),
        warns=True,
    ),
    Case(
        "a known violation in as many places elsewhere, and growth gates",
        PASS,
        "1 known finding let through",
        partial(scan, TWO, known=[listed(element="tr > a", places=2)], table=MORE),
        warns=True,
    ),
    Case(
        "a known violation in fewer places, and growth gates",
        PASS,
        "1 known finding",
        partial(scan, TWO, known=[listed(element="tr > a", places=575)], table=MORE),
        warns=True,
    ),
    Case(
        "a known violation whose number was not recorded, and growth gates",
        PASS,
        "1 known finding",
        partial(scan, TWO, known=[listed(element="tr > a")], table=MORE),
        warns=True,
    ),
    Case(
        "a known warning in more places, and growth gates",
        PASS,
        "0 elements with warnings, 0 questions to review; 1 known finding let through, 1 of them in more places",
        partial(scan, [rows("region", "minor", 2)], known=[listed("region", "tr > a", places=1)], table=MORE),
        warns=True,
    ),
    Case(
        "an expired violation in more places",
        FAIL,
        "which has passed",
        partial(scan, TWO, known=[listed(element="tr > a", places=1, until=STARTED)]),
    ),
    Case(
        "a listed page that was not scanned",
        ERROR,
        "out of memory; the 2 known findings listed for it were not looked for, and do not count as fixed",
        partial(scan, scanned=False, axe_problem="out of memory", known=[listed(), GONE]),
    ),
    Case(
        "a listed page whose visit failed",
        ERROR,
        "no answer; the 1 known findings",
        partial(scan, problem="no answer", known=[GONE]),
    ),
    Case("a listed page that was never visited", NOT_RUN, "never looked at", partial(scan, visits=0, known=[GONE])),
    Case(
        "acceptance never covers an error",
        ERROR,
        "1 frames could not be scanned",
        partial(scan, [rule()], frames_missed=1, known=[listed()]),
    ),
    Case("nobody looked at what was accepted", NOT_RUN, "never looked at", partial(scan, looked_up=False)),
]

# What people answered

ASKED = [rule()]
GATE, SIGNED = {"review": "gate"}, {"signed_answers": True}
MOVED = {**rule(), "nodes": [{"target": ["#save"], "html": "<button id=save disabled>"}]}
ANSWERED = [
    Case(
        "answered pass",
        PASS,
        "0 questions to review; 1 question answered by ada (1 unsigned)",
        partial(scan, [], ASKED, answers=[answered()]),
    ),
    Case(
        "answered not applicable, and signed",
        PASS,
        "1 question answered by ada",
        partial(scan, [], ASKED, answers=[answered("not-applicable", key=ADA)], table=SIGNED),
    ),
    Case(
        "answered fail",
        FAIL,
        "ada answered 'fail' on 2026-02-21, unsigned: looked at it closely; Is the text readable",
        partial(scan, [], ASKED, answers=[answered("fail")]),
    ),
    Case(
        "answered fail, and known",
        PASS,
        "1 known finding",
        partial(scan, [], ASKED, answers=[answered("fail")], known=[listed()]),
        warns=True,
    ),
    Case(
        "the element changed since",
        PASS,
        "1 question to review",
        partial(scan, [], [MOVED], answers=[answered()]),
        warns=True,
    ),
    Case(
        "the element changed since, and questions gate",
        NOT_RUN,
        "but the element has changed since",
        partial(scan, [], [MOVED], answers=[answered()], table=GATE),
        warns=True,
    ),
    Case(
        "the answer expired, and questions gate",
        NOT_RUN,
        "but that expired on 2026-03-02",
        partial(scan, [], ASKED, answers=[answered(until=STARTED)], table=GATE),
        warns=True,
    ),
    Case(
        "an open question where questions gate",
        NOT_RUN,
        "waits for a person's answer: Is the text readable",
        partial(scan, [], ASKED, table=GATE),
        warns=True,
    ),
    Case(
        "an open question about a best practice where questions gate",
        PASS,
        "1 question to review",
        partial(scan, [], [BEST], table=GATE),
        warns=True,
    ),
    Case(
        "a best practice answered fail",
        PASS,
        "1 element with warnings",
        partial(scan, [], [BEST], answers=[answered("fail", BEST)]),
        warns=True,
    ),
    Case(
        "an answered question where questions gate",
        PASS,
        "1 question answered",
        partial(scan, [], ASKED, answers=[answered()], table=GATE),
    ),
    Case(
        "an answer to another question",
        NOT_RUN,
        "waits for a person's answer",
        partial(scan, [], ASKED, answers=[answered(about=rule("label"))], table=GATE),
        warns=True,
    ),
    Case(
        "unsigned where signatures are asked for",
        NOT_RUN,
        "but it is not signed, and the plan asks for signed answers",
        partial(scan, [], ASKED, answers=[answered()], table=GATE | SIGNED),
        warns=True,
    ),
    Case(
        "an unsigned fail where signatures are asked for still holds",
        FAIL,
        "ada answered 'fail'",
        partial(scan, [], ASKED, answers=[answered("fail")], table=SIGNED),
    ),
    Case(
        "signed with another key",
        ERROR,
        "the signature of 'ada' does not verify",
        partial(scan, [], ASKED, answers=[answered(key=EVE)]),
        warns=True,
    ),
    Case(
        "signed by nobody who is known",
        ERROR,
        "who is not in signers.toml",
        partial(scan, [], ASKED, answers=[answered(key=EVE, signer="eve")]),
        warns=True,
    ),
    Case(
        "signed by one and said to be by another",
        ERROR,
        "it is signed by ada, and says that it is by bo",
        partial(scan, [], ASKED, answers=[answered(key=ADA, by="bo")]),
        warns=True,
    ),
    Case(
        "a bad signature under a question that is gone",
        ERROR,
        "proves nothing",
        partial(scan, answers=[answered(key=EVE)]),
    ),
    Case(
        "a bad signature on another page",
        PASS,
        "0 critical",
        partial(scan, answers=[answered(key=EVE, subject="about@desktop")]),
    ),
    Case(
        "keys that cannot be read",
        ERROR,
        "signers.toml cannot be read",
        partial(scan, [], ASKED, answers=[answered(key=ADA)], signers="[signers"),
    ),
    Case(
        "half an answer",
        ERROR,
        "is not a recorded answer",
        partial(scan, [], ASKED, answers=[("00aa11bb22cc33dd.json", b'{"answer": "pass"')]),
    ),
    Case(
        "an answer given to another target",
        ERROR,
        "answers a question of target 'shop', and not of 'demo'",
        partial(scan, [], ASKED, answers=[answered(target="shop")]),
    ),
    Case(
        "an answer under another name",
        ERROR,
        "its name must be",
        partial(scan, [], ASKED, answers=[("00aa11bb22cc33dd.json", answered()[1])]),
    ),
]
CASES: dict[str, list[Case]] = {"axe": [*GOOD, *BAD, *BROKEN, *ACCEPTED, *ANSWERED], **keyboard_cases.CASES}
