"""Manual sweeps: walked and signed, with barriers, outdated, forged and broken, each with what it must end in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from evidence_store.model import CheckResult, Outcome, Release, SubjectDecision
from evidence_store.signing import sign
from tasks.plan import Plan
from tasks.records.manual import PAYLOAD_TYPE, sweep_digest
from tasks.records.models import ManualSweep
from tests.tasks.judged_runs import KNOWN, STARTED, Case, Run, judged, only_subject, plan_of

PASS, FAIL, ERROR, NOT_RUN = Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.NOT_RUN
ADA, EVE = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
SUBJECT = "sweep:approvals"
FOLDER = "data/records/manual-a11y"
MADE = STARTED - timedelta(days=10)


def public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


SIGNERS = f'[signers]\nAda = "{public(ADA)} ada@example.org"\nlab = "{public(EVE)}"\n'.encode()


def step(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": name,
        "do": f"Move to the button {name}.",
        "expect": f"{name}, button",
        "criterion": "4.1.2",
    } | changes


STEPS = (step("approve"), step("reject"), step("impact", do='Move to the heading "Impact"', criterion="1.3.1"))


def sweep_file(steps: Sequence[Any] = STEPS, **changes: Any) -> bytes:
    content = {
        "schema": 1,
        "title": "Approving a report",
        "subjects": ["home@desktop"],
        "assistive_technology": "NVDA with Firefox",
        "steps": list(steps),
    }
    return yaml.safe_dump(content | changes, sort_keys=False, allow_unicode=True).encode()


def answers(**changed: tuple[str, str]) -> list[dict[str, str]]:
    """A result for each step of STEPS; `changed` are (result, note) of some."""
    return [
        {"step": item["id"], "result": result, "note": note}
        for item in STEPS
        for result, note in [changed.get(item["id"], ("pass", ""))]
    ]


def record_of(answers_to: bytes, /, made_at: datetime = MADE, **changes: Any) -> bytes:
    content = {
        "schema": 1,
        "target": "demo",
        "sweep": "approvals",
        "sweep_sha256": sweep_digest(answers_to),
        "by": "Ada",
        "made_at": made_at.isoformat(),
        "with": "NVDA 2026.1, Firefox 150",
        "release": "4f2c9e1",
        "expires": (made_at + timedelta(days=90)).isoformat(),
        "results": answers(),
    }
    return json.dumps({key: value for key, value in (content | changes).items() if value is not ...}).encode()


def signed(record: bytes, key: Ed25519PrivateKey = ADA, signer: str = "Ada", kind: str = PAYLOAD_TYPE) -> bytes:
    return sign(record, kind, key, signer).model_dump_json(by_alias=True).encode()


def evidence(
    sweep: bytes | None = None,
    record: bytes | None = None,
    signers: bytes | None = SIGNERS,
    table: dict[str, Any] | None = None,
    without: Sequence[str] = (),
    stored: dict[str, bytes] | None = None,
    looks: int = 1,
    **changes: Any,
) -> tuple[Run, Plan]:
    """A run with the files of one sweep and its plan; good ones where none are given."""
    sweep = sweep_file() if sweep is None else sweep
    record = signed(record_of(sweep)) if record is None else record
    run = Run()
    files = {
        "sweep": (f"{FOLDER}/approvals.yaml", sweep),
        "record": (f"{FOLDER}/approvals.record.json", record),
        "signers": (f"{FOLDER}/signers.toml", signers),
    }
    kept = {
        name: run.file(path, content)
        for name, (path, content) in files.items()
        if name not in without and content is not None
    }
    run.files |= stored or {}
    seen = ManualSweep(subject=SUBJECT, gathered_at=STARTED, name="approvals", **kept, **changes)
    run.add(*[seen] * looks)
    return run, plan_of({"manual-a11y": {"sweeps": ["approvals"]} | (table or {})})


def walk(*args: Any, release: Release = KNOWN, **changes: Any) -> SubjectDecision:
    """What the sweep ended in."""
    run, plan = evidence(*args, **changes)
    return only_subject("manual-a11y", run, plan, SUBJECT, release=release)


def findings(*args: Any, **changes: Any) -> CheckResult:
    """Everything the judge said."""
    run, plan = evidence(*args, **changes)
    return judged("manual-a11y", run, plan)


def answered(sign_it: bool = True, **changes: Any) -> bytes:
    """A record of the good sweep."""
    record = record_of(sweep_file(), **changes)
    return signed(record) if sign_it else record


BARRIER = ("fail", "NVDA says only 'button'")
LEFT_OUT = ("not-applicable", "this role sees no such button")
SAME = {"same_release": True}
UNSIGNED = {"signed": False}

GOOD = [
    Case(
        "walked and signed",
        PASS,
        "3 of 3 steps by Ada with NVDA 2026.1, Firefox 150 on 2026-02-20, signed, until 2026-05-21",
        walk,
    ),
    Case(
        "a step did not apply",
        PASS,
        "3 of 3 steps (1 did not apply) by Ada",
        partial(walk, record=answered(results=answers(reject=LEFT_OUT))),
    ),
    Case(
        "signed by the lab for Ada",
        PASS,
        "signed by lab",
        partial(walk, record=signed(record_of(sweep_file()), EVE, "lab")),
    ),
    Case(
        "unsigned where the plan accepts it", PASS, "not signed", partial(walk, record=answered(False), table=UNSIGNED)
    ),
    Case(
        "of a page the plan no longer names",
        PASS,
        "3 of 3",
        partial(walk, sweep_file(subjects=["home@desktop", "gone@desktop"])),
        warns=True,
    ),
    Case("on this release", PASS, "3 of 3", partial(walk, table=SAME)),
    Case("on another release, which the plan accepts", PASS, "3 of 3", partial(walk, record=answered(release="9" * 7))),
    Case("of an unnamed release", PASS, "3 of 3", partial(walk, record=answered(release=...))),
    Case(
        "the plan gives it fewer days",
        PASS,
        "until 2026-03-03",
        partial(walk, table={"max_age_days": 11}),
    ),
    Case(
        "it gives itself fewer days",
        PASS,
        "until 2026-03-04",
        partial(walk, record=answered(expires=(STARTED + timedelta(days=2)).isoformat())),
    ),
]
BAD = [
    Case(
        "a step failed",
        FAIL,
        "Move to the button approve: expected “approve, button”, found: NVDA says only 'button'"
        " (4.1.2 Name, Role, Value; by Ada with NVDA 2026.1, Firefox 150 on 2026-02-20, signed)",
        partial(walk, record=answered(results=answers(approve=BARRIER))),
    ),
    Case(
        "a step failed, the others did not apply",
        FAIL,
        "expected “impact, button”",
        partial(walk, record=answered(results=answers(approve=LEFT_OUT, reject=LEFT_OUT, impact=BARRIER))),
    ),
    Case(
        "failed, unsigned and accepted so",
        FAIL,
        "not signed",
        partial(walk, record=answered(False, results=answers(approve=BARRIER)), table=UNSIGNED),
    ),
]
OUTSTANDING = [
    Case("no sweep", NOT_RUN, "`stageproof manual new demo approvals --page home`", partial(walk, without=["sweep"])),
    Case("no record", NOT_RUN, "`stageproof manual record demo approvals`", partial(walk, without=["record"])),
    Case("neither", NOT_RUN, "there is no sweep 'approvals'", partial(walk, without=["sweep", "record"])),
    Case("never looked at", NOT_RUN, "never looked at", partial(walk, looks=0)),
    Case("unsigned", NOT_RUN, "its record by Ada is not signed", partial(walk, record=answered(False))),
    Case(
        "the sweep changed",
        NOT_RUN,
        "the sweep changed since Ada walked it on 2026-02-20",
        partial(walk, sweep_file([*STEPS, step("new")]), answered()),
    ),
    Case(
        "a comment in the sweep changed",
        NOT_RUN,
        "the sweep changed since",
        partial(walk, sweep_file() + b"# hm\n", answered()),
    ),
    Case(
        "its own end has come",
        NOT_RUN,
        "counted until 2026-03-02",
        partial(walk, record=answered(expires=STARTED.isoformat())),
    ),
    Case(
        "older than the plan allows",
        NOT_RUN,
        "counted until 2026-03-01; walk it",
        partial(walk, table={"max_age_days": 9}),
    ),
    Case(
        "older than 90 days, though it gives itself ten years",
        NOT_RUN,
        "counted until",
        partial(
            walk,
            record=answered(
                made_at=STARTED - timedelta(days=91), expires=(STARTED + timedelta(days=3_650)).isoformat()
            ),
        ),
    ),
    Case(
        "a barrier in an expired record is no news",
        NOT_RUN,
        "counted until",
        partial(walk, record=answered(results=answers(approve=BARRIER)), table={"max_age_days": 9}),
    ),
    Case(
        "on another release",
        NOT_RUN,
        "it was walked on release 9999999, and staging serves 4f2c9e1",
        partial(walk, record=answered(release="9999999"), table=SAME),
    ),
    Case(
        "on a release it does not name",
        NOT_RUN,
        "release (not named)",
        partial(walk, record=answered(release=...), table=SAME),
    ),
]
_TAMPERED = json.loads(answered())
_TAMPERED["payload"] = json.loads(signed(record_of(sweep_file(), by="Mallory")))["payload"]
BROKEN = [
    Case("no step", ERROR, "the sweep has no step", partial(walk, sweep_file([]))),
    Case(
        "a step without a result",
        ERROR,
        "1 of 3 steps have no result: impact",
        partial(walk, record=answered(results=answers()[:2])),
    ),
    Case("no result at all", ERROR, "3 of 3 steps have no result", partial(walk, record=answered(results=[]))),
    Case(
        "a result for a step that is not there",
        ERROR,
        "that the sweep does not have: other",
        partial(walk, record=answered(results=[*answers(), {"step": "other", "result": "pass"}])),
    ),
    Case(
        "two results for one step",
        ERROR,
        "more than one result for step approve",
        partial(walk, record=answered(results=[*answers(), answers()[0]])),
    ),
    Case(
        "nothing applied",
        ERROR,
        "none of 3 steps applied: nothing was looked at",
        partial(walk, record=answered(results=answers(approve=LEFT_OUT, reject=LEFT_OUT, impact=LEFT_OUT))),
    ),
    Case(
        "failed without words",
        ERROR,
        "its note must say why",
        partial(walk, record=answered(results=answers(approve=("fail", "  ")))),
    ),
    Case(
        "another word than a result",
        ERROR,
        "results",
        partial(walk, record=answered(results=answers(reject=("ok", "")))),
    ),
    Case(
        "a forged signature",
        ERROR,
        "does not verify",
        partial(walk, record=signed(record_of(sweep_file()), EVE, "Ada")),
    ),
    Case(
        "the signed record was altered", ERROR, "does not verify", partial(walk, record=json.dumps(_TAMPERED).encode())
    ),
    Case(
        "an unknown signer",
        ERROR,
        "signed by 'Mallory', who is not in signers.toml",
        partial(walk, record=signed(record_of(sweep_file()), ADA, "Mallory")),
    ),
    Case("nobody is known", ERROR, "who is not in signers.toml", partial(walk, without=["signers"])),
    Case("the signers cannot be read", ERROR, "signers.toml cannot be read", partial(walk, signers=b"[signers")),
    Case(
        "a forged signature where none is asked for",
        ERROR,
        "does not verify",
        partial(walk, record=signed(record_of(sweep_file()), EVE, "Ada"), table=UNSIGNED),
    ),
    Case(
        "a signature on another kind of thing",
        ERROR,
        "signed as 'text/plain'",
        partial(walk, record=signed(record_of(sweep_file()), kind="text/plain")),
    ),
    Case("of another sweep", ERROR, "of sweep 'sign-in' of demo", partial(walk, record=answered(sweep="sign-in"))),
    Case("of another target", ERROR, "'approvals' of shop", partial(walk, record=answered(target="shop"))),
    Case(
        "from after the run began",
        ERROR,
        "after this run began",
        partial(walk, record=answered(made_at=STARTED + timedelta(seconds=1))),
    ),
    Case(
        "from the last year there is",
        ERROR,
        "after this run began",
        partial(
            walk, record=answered(made_at=STARTED.replace(year=9999, month=1), expires="9999-12-31T23:59:59-12:00")
        ),
    ),
    Case(
        "expired before it was made",
        ERROR,
        "it expires before it was made",
        partial(walk, record=answered(expires=(MADE - timedelta(days=1)).isoformat())),
    ),
    Case("a time without a zone", ERROR, "timezone", partial(walk, record=answered(expires="2026-05-01T00:00:00"))),
    Case(
        "the release under test is not known",
        ERROR,
        "the release under test is not known",
        partial(walk, table=SAME, release=Release(unknown_reason="an appliance")),
    ),
    Case("half a record", ERROR, "not JSON", partial(walk, record=answered()[:80])),
    Case("a list in place of a record", ERROR, "does not hold names and values", partial(walk, record=b"[]")),
    Case("an empty object", ERROR, "Field required", partial(walk, record=b"{}")),
    Case("a record of more", ERROR, "Extra inputs", partial(walk, record=answered(verdict="go"))),
    Case("an envelope around nothing", ERROR, "not JSON", partial(walk, record=signed(b""))),
    Case(
        "the sweep was altered in the evidence",
        ERROR,
        "does not hash",
        partial(walk, stored={f"{FOLDER}/approvals.yaml": b""}),
    ),
    Case("the files could not be read", ERROR, "Permission denied", partial(walk, problem="Permission denied")),
    Case("looked at twice", ERROR, "2 passes", partial(walk, looks=2)),
]
CASES: dict[str, list[Case]] = {"manual-a11y": [*GOOD, *BAD, *OUTSTANDING, *BROKEN]}
