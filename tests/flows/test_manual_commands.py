"""The whole way of a manual sweep: proposed from a stored run, walked, signed, listed, copied into a run and judged.

Pure but for files: the stored run is made by hand, and no browser, store or child process is used.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from typer.testing import CliRunner

from evidence_store import package
from evidence_store.model import Outcome
from evidence_store.workspace import OpenedRun, Workspace
from flows.command_line import application
from tasks.records.gather import ManualRecords
from tasks.sweep.models import PageVisit
from tests.evidence_store.packages import PLAN as STORED_PLAN
from tests.evidence_store.packages import good_manifest
from tests.flows.looking import look, write_plan

SNAPSHOT = '- main:\n  - heading "Impact" [level=1]\n  - button "Approve"\n  - status: Approved\n'
ADA = Ed25519PrivateKey.generate()
Command = Callable[..., Result]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a plan, a key, a list of signers and a stored run with one ARIA snapshot."""
    monkeypatch.setenv("STAGEPROOF_BASELINES", str(tmp_path / "baselines"))
    monkeypatch.delenv("STAGEPROOF_APPROVER", raising=False)
    write_plan(tmp_path, "http://127.0.0.1:8600", {"manual-a11y": {"sweeps": ["approvals"]}}, name="demo")
    private = ADA.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    (tmp_path / "key").write_bytes(private)
    (tmp_path / "baselines").mkdir()
    public = ADA.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    (tmp_path / "baselines" / "signers.toml").write_text(f'[signers]\nada = "{public}"\n')

    manifest = good_manifest()
    opened = OpenedRun(
        run_id=manifest.run_id, target="demo", profile="nightly", opened_at=manifest.started_at, process=1
    )
    workspace = Workspace.create(tmp_path / "home", opened)
    workspace.write("data/plan.json", STORED_PLAN, "application/json")
    workspace.write("data/sweep/home.png", b"\x89PNG", "image/png")
    visits = [
        PageVisit(
            subject=f"sign-in@{viewport}",
            gathered_at=manifest.started_at,
            page="sign-in",
            viewport=viewport,
            url="http://127.0.0.1:8600/en/",
            title="Sign in",
            aria=workspace.write(f"data/sweep/sign-in@{viewport}/aria.yaml", SNAPSHOT.encode(), "application/yaml")
            if viewport == "desktop"
            else None,
        )
        for viewport in ("desktop", "phone")
    ]
    workspace.write_evidence("sweep", "pages-1", visits)
    package.pack(workspace, manifest).path.replace(tmp_path / "run.zip")
    return tmp_path


@pytest.fixture
def command(place: Path) -> Command:
    """Run `stageproof manual ...` in this process."""

    def run(*arguments: str | Path, typed: str = "") -> Result:
        name, *rest = map(str, arguments)
        result = CliRunner().invoke(application, ["manual", name, str(place / "demo.toml"), *rest], input=typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        return result

    return run


@pytest.fixture
def sweep(place: Path, command: Command) -> Path:
    """A sweep that was written from the stored run."""
    assert command("new", "approvals", "--page", "sign-in", "--run", place / "run.zip").exit_code == 0
    return place / "baselines" / "demo" / "manual-a11y" / "approvals.yaml"


def signing(place: Path) -> tuple[str | Path, ...]:
    return (
        "approvals",
        "--by",
        "Ada",
        "--with",
        "NVDA 2026.1, Firefox 150",
        "--release",
        "4f2c9e1",
        "--key",
        place / "key",
    )


def answers(place: Path, **changed: Any) -> Path:
    steps = yaml.safe_load((place / "baselines/demo/manual-a11y/approvals.yaml").read_text())["steps"]
    path = place / "answers.yaml"
    path.write_text(yaml.safe_dump({"results": {step["id"]: "pass" for step in steps} | changed}))
    return path


def judged(place: Path) -> tuple[Outcome, str]:
    looked = look(place / "demo.toml", [ManualRecords()], place / f"look-{len(list(place.iterdir()))}")
    found = looked.subject("sweep:approvals", "manual-a11y")
    return found.outcome, found.reason


def listed(command: Command) -> dict[str, dict[str, Any]]:
    return {row["sweep"]: row for row in json.loads(command("list", "--json").stdout)}


def test_a_sweep_is_proposed_walked_signed_and_passes(place: Path, command: Command, sweep: Path) -> None:
    assert [step["expect"] for step in yaml.safe_load(sweep.read_text())["steps"]] == [
        "Sign in",
        "main landmark",
        "Impact, heading level 1",
        "Approve, button",
        "Approved, announced by itself",
    ]
    assert judged(place)[0] is Outcome.NOT_RUN
    assert listed(command)["approvals"]["outcome"] == "not_run"

    walked = command("record", *signing(place), typed="p\np\np\nf\n\nsays 'button' only\nn\nno toast on this page\n")
    assert walked.exit_code == 0, walked.output
    assert "3 steps pass, 1 fail, 1 did not apply; signed by ada" in walked.output
    assert judged(place)[0] is Outcome.FAIL
    assert "expected “Approve, button”, found: says 'button' only" in judged(place)[1]

    told = json.loads(command("record", *signing(place), "--answers", answers(place), "--json").stdout)
    assert (told["signed_by"], told["results"]) == ("ada", {"pass": 5, "fail": 0, "not-applicable": 0})
    today = datetime.now(UTC).date()
    outcome, reason = judged(place)
    assert (outcome, reason) == (
        Outcome.PASS,
        f"5 of 5 steps by Ada with NVDA 2026.1, Firefox 150 on {today}, signed, until {today + timedelta(days=90)}",
    )
    assert listed(command)["approvals"] == {"sweep": "approvals", "planned": True, "outcome": "pass", "words": reason}

    sweep.write_text(sweep.read_text() + "# one more thought\n")
    assert judged(place)[0] is Outcome.NOT_RUN
    assert "the sweep changed since Ada walked it" in judged(place)[1]


def test_a_walk_that_was_quit_goes_on_where_it_was_left(place: Path, command: Command, sweep: Path) -> None:
    quit_early = command("record", *signing(place), typed="p\np\nq\n")
    assert quit_early.exit_code == 3
    assert "2 of 5 steps are answered" in quit_early.output
    assert "a walk was begun" in listed(command)["approvals"]["words"]
    assert not sweep.with_name("approvals.record.json").exists()

    cut_off = command("record", *signing(place), typed="p\n")
    assert (cut_off.exit_code, "3 of 5 steps are answered" in cut_off.output) == (3, True)

    by_another = command("record", "approvals", "--by", "Bob", "--with", "NVDA", "--key", place / "key", typed="\n")
    assert (by_another.exit_code, "Ada began to walk" in by_another.output) == (2, True)

    ended = command("record", *signing(place), typed="p\np\n")
    assert (ended.exit_code, "3 of them were answered before" in ended.output) == (0, True), ended.output
    assert judged(place)[0] is Outcome.PASS
    assert sorted(path.name for path in sweep.parent.iterdir()) == ["approvals.record.json", "approvals.yaml"]


def test_who_and_with_what_are_asked_when_they_are_not_given(place: Path, command: Command, sweep: Path) -> None:
    told = command("record", "approvals", "--key", place / "key", typed="Ada\nNVDA 2026.1\n\n" + "p\n" * 5)
    assert told.exit_code == 0, told.output
    assert "5 of 5 steps by Ada with NVDA 2026.1 on" in judged(place)[1]


def test_an_unsigned_record_is_made_and_accepted_only_where_the_plan_says_so(
    place: Path, command: Command, sweep: Path
) -> None:
    unsigned = ("record", "approvals", "--by", "Ada", "--with", "NVDA", "--answers", answers(place))
    assert "the record has to be signed: give --key" in command(*unsigned).output
    table = {"manual-a11y": {"sweeps": ["approvals"], "signed": False, "max_age_days": 7}}
    write_plan(place, "http://127.0.0.1:8600", table, name="demo")
    assert "not signed, counts until" in command(*unsigned).output
    assert (judged(place)[0], "not signed" in judged(place)[1]) == (Outcome.PASS, True)
    write_plan(place, "http://127.0.0.1:8600", {"manual-a11y": {"sweeps": ["approvals"]}}, name="demo")
    assert (judged(place)[0], "is not signed" in judged(place)[1]) == (Outcome.NOT_RUN, True)


def test_a_key_that_is_nobodys_is_refused_before_the_walk(place: Path, command: Command, sweep: Path) -> None:
    (place / "baselines" / "signers.toml").write_text("[signers]\n")
    refused = command("record", *signing(place))
    assert (refused.exit_code, "this key is nobody's" in refused.output) == (2, True)
    assert "ssh-keygen -y" in refused.output


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("results: pass", "it needs `results`"),
        ("- a", "it needs `results`"),
        ("results: {main: pass}", "4 of 5 steps have no result"),
        ("results: {main: fine}", "result"),
        ("results: {main: {result: fail}}", "its note must say why"),
        ("results: {main: [pass]}", "result"),
        ("results: {../x: pass}", "step"),
        ("results: {main: pass, main: fail}", "the key 'main' stands twice"),
        ("a: &a [x]\nresults: {main: *a}", "an alias"),
        ("result: {main: pass}\nresults: {}", "unknown key 'result'"),
    ],
)
def test_answers_that_are_none_write_no_record(
    text: str, says: str, place: Path, command: Command, sweep: Path
) -> None:
    (place / "bad.yaml").write_text(text)
    refused = command("record", *signing(place), "--answers", place / "bad.yaml")
    assert (refused.exit_code, says in refused.output) == (2, True), refused.output
    assert not sweep.with_name("approvals.record.json").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("new", "../../evil", "--page", "sign-in"), "a name is lower-case letters"),
        (("record", "../approvals"), "a name is lower-case letters"),
        (("record", "/etc/passwd"), "a name is lower-case letters"),
        (("record", "sign-in", "--key", "key"), "there is no sweep"),
        (("new", "x", "--page", "sing-in"), "did you mean 'sign-in'"),
        (("new", "x", "--page", "sign-in", "--run", "demo.toml"), "does not verify"),
    ],
)
def test_what_cannot_be_done_is_told(
    arguments: tuple[str, ...], says: str, place: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    refused = command(*arguments)
    assert (refused.exit_code, says in refused.output) == (2, True), refused.output
    assert not (place / "baselines" / "demo").exists()


def test_a_sweep_is_never_overwritten(place: Path, command: Command, sweep: Path) -> None:
    sweep.write_text("mine")
    refused = command("new", "approvals", "--page", "sign-in", "--run", place / "run.zip", "--json")
    assert (refused.exit_code, sweep.read_text()) == (2, "mine")
    assert "is there already" in json.loads(refused.stdout)["problem"]


def test_sweeps_that_no_plan_names_are_listed_too(place: Path, command: Command, sweep: Path) -> None:
    sweep.with_name("forgotten.yaml").write_bytes(sweep.read_bytes())
    assert {name: (row["planned"], row["outcome"]) for name, row in listed(command).items()} == {
        "approvals": (True, "not_run"),
        "forgotten": (False, "-"),
    }
