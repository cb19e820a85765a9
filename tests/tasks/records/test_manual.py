"""The files of a sweep are read as hostile: bombs, sizes, types, names; and the source that copies them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evidence_store.workspace import OpenedRun, Workspace, evidence_of
from tasks.plan import PlanError
from tasks.records.gather import ManualRecords
from tasks.records.manual import MOST_RECORD_BYTES, MOST_SWEEP_BYTES, BadFileError, read_record, read_sweep
from tasks.records.models import ManualSweep
from tests.tasks.judged_runs import plan_of

from .cases import SIGNERS, STEPS, answered, record_of, step, sweep_file

_LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
)


def test_a_sweep_is_read_with_every_text_as_it_was_written() -> None:
    text = sweep_file().decode().replace("approve, button", "no").replace("'1.3.1'", "1.3.1").encode()
    sweep = read_sweep(text + b"criteria: [1.3.1]\n")
    assert [found.id for found in sweep.steps] == [planned["id"] for planned in STEPS]
    assert (sweep.steps[0].expect, sweep.steps[2].criterion, sweep.criteria) == ("no", "1.3.1", ("1.3.1",))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "does not hold names and values"),
        (b"- a\n- b\n", "does not hold names and values"),
        (_LAUGHS.encode(), "an alias"),
        (b"a: &a [*a]", "an alias"),
        (b"!!python/object/apply:os.system ['true']", "a tag"),
        (b"steps: !!python/name:os.system", "a tag"),
        (b"[" * 100_000, "not YAML that is read here"),
        (b"title: a\ntitle: b\n", "the key 'title' stands twice"),
        (b"\xff\xfe", "not UTF-8"),
        (b"title: \x00", "not YAML that is read here"),
        (b"#" * (MOST_SWEEP_BYTES + 1), "at most 300,000 are read"),
        (sweep_file([step("a"), step("a")]), "more than one step has the id a"),
        (sweep_file([step("../../etc/passwd")]), "steps.0.id"),
        (sweep_file([step("A step")]), "steps.0.id"),
        (sweep_file([step("a", criterion="9.9.9")]), "'9.9.9' is no success criterion of WCAG 2.2"),
        (sweep_file([step("a", criterion="4.1.1")]), "'4.1.1' is no success criterion"),
        (sweep_file([step("a", criterion="1.4.6")]), "'1.4.6' is no success criterion"),
        (sweep_file([step("a", do="")]), "steps.0.do"),
        (sweep_file([step("a", expect=" ")]), "steps.0.expect"),
        (sweep_file([step("a", do=["x"])]), "steps.0.do"),
        (sweep_file([step("a", do="red \x1b[31m")]), "one line of printable text"),
        (sweep_file([step("a", expect="one\ntwo")]), "one line of printable text"),
        (sweep_file([step("a", expect="a" * 601)]), "steps.0.expect"),
        (sweep_file(["walk around"]), "steps.0"),
        (sweep_file([{"id": "a"}]), "steps.0.do: Field required"),
        (sweep_file([step("a", note="x")]), "steps.0.note: Extra inputs"),
        (sweep_file([step(f"s{number}") for number in range(301)]), "steps"),
        (sweep_file(subjects=[]), "subjects"),
        (sweep_file(schema=2), "schema"),
        (sweep_file(criteria=["2.4.3"]), "no step is about criterion 2.4.3"),
    ],
)
def test_what_is_no_sweep_is_refused_in_words(content: bytes, says: str) -> None:
    with pytest.raises(BadFileError) as refused:
        read_sweep(content)
    assert says in str(refused.value)
    assert len(str(refused.value)) < 4_000


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b" " * (MOST_RECORD_BYTES + 1), "at most 2,000,000 are read"),
        (b'{"payloadType": 1}', "payloadType"),
        (b'{"payloadType": "x", "payload": "***", "signatures": [{"keyid": "a", "sig": ""}]}', "not base64"),
        (record_of(b"", by="Ada\x1b[2J"), "one line of printable text"),
        (record_of(b"", sweep="../x"), "sweep"),
        (record_of(b"", sweep_sha256="x"), "sweep_sha256"),
        (record_of(b"", results="pass"), "results"),
        (record_of(b"", schema=2), "schema"),
    ],
)
def test_what_is_no_record_is_refused_in_words(content: bytes, says: str) -> None:
    with pytest.raises(BadFileError) as refused:
        read_record(content)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"sweeps": []}, "sweeps"),
        ({}, "sweeps"),
        ({"sweeps": ["a", "a"]}, "more than once"),
        ({"sweeps": ["../a"]}, "sweeps"),
        ({"sweeps": ["a"], "max_age_days": 0}, "max_age_days"),
        ({"sweeps": ["a"], "max_age_days": 100_000}, "max_age_days"),
        ({"sweeps": ["a"], "singed": False}, "did you mean 'signed'"),
    ],
)
def test_a_table_that_would_ask_for_nothing_or_for_ever_is_refused(table: dict[str, Any], says: str) -> None:
    with pytest.raises(PlanError) as refused:
        plan_of({"manual-a11y": table})
    assert says in str(refused.value)


# -- the source -------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the sweeps of `demo`, with one walked sweep in it."""
    monkeypatch.setenv("STAGEPROOF_BASELINES", str(tmp_path / "baselines"))
    folder = tmp_path / "baselines" / "demo" / "manual-a11y"
    folder.mkdir(parents=True)
    (tmp_path / "baselines" / "signers.toml").write_bytes(SIGNERS)
    (folder / "approvals.yaml").write_bytes(sweep_file())
    (folder / "approvals.record.json").write_bytes(answered())
    return folder


def gathered(tmp_path: Path, secret: str = "") -> tuple[ManualSweep, Workspace]:
    opened = OpenedRun(run_id="r", target="demo", profile="nightly", opened_at=datetime.now(UTC), process=1)
    workspace = Workspace.create(tmp_path / "home", opened)
    workspace.redactor.learn(secret, "env:SECRET")
    plan = plan_of({"manual-a11y": {"sweeps": ["approvals"]}})
    source = ManualRecords()
    (shard,) = source.shards(plan)
    source.gather(plan, shard, workspace)
    (evidence,) = evidence_of(workspace, ManualSweep)
    return evidence, workspace


def test_the_files_are_kept_as_they_lay_there(folder: Path, tmp_path: Path) -> None:
    evidence, workspace = gathered(tmp_path)
    kept = [workspace.read(item.path) for item in (evidence.sweep, evidence.record, evidence.signers) if item]
    assert kept == [sweep_file(), (folder / "approvals.record.json").read_bytes(), SIGNERS]
    assert evidence.problem is None


def test_files_that_are_not_there_are_no_problem_of_the_look(folder: Path, tmp_path: Path) -> None:
    for path in (*folder.iterdir(), folder.parent.parent / "signers.toml"):
        path.unlink()
    evidence, _ = gathered(tmp_path)
    assert (evidence.sweep, evidence.record, evidence.signers, evidence.problem) == (None, None, None, None)


def test_a_folder_and_a_pipe_in_place_of_a_file_are_a_problem(folder: Path, tmp_path: Path) -> None:
    (folder / "approvals.record.json").unlink()
    os.mkfifo(folder / "approvals.record.json")
    evidence, _ = gathered(tmp_path)
    assert evidence.problem is not None
    assert "approvals.record.json is not a plain file" in evidence.problem


def test_a_file_without_end_is_a_problem(folder: Path, tmp_path: Path) -> None:
    (folder / "approvals.yaml").write_bytes(b"#" * (MOST_SWEEP_BYTES + 1))
    evidence, _ = gathered(tmp_path)
    assert evidence.problem is not None
    assert "has more than 300,000 bytes" in evidence.problem


def test_a_secret_in_a_sweep_is_removed_and_said(folder: Path, tmp_path: Path) -> None:
    (folder / "approvals.yaml").write_bytes(sweep_file(title="sign in with hunter2-hunter2"))
    evidence, workspace = gathered(tmp_path, "hunter2-hunter2")
    assert evidence.problem is not None
    assert "holds a secret of this run" in evidence.problem
    assert b"hunter2" not in b"".join(workspace.read(name) for name in workspace.names())


def test_nothing_is_looked_for_when_no_sweep_is_planned() -> None:
    assert ManualRecords().shards(plan_of({"page-health": {}})) == []
