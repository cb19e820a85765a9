"""The workspace: evidence is written once, inside the bag, without secrets, and by one process at a time."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from evidence_store.model import Artifact, Evidence
from evidence_store.workspace import (
    BrokenEvidenceError,
    OpenedRun,
    ShardFailure,
    Workspace,
    WorkspaceError,
    evidence_of,
    failures_of,
    read_artifact,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
OPENED = OpenedRun(run_id="20261124T120000Z-demo-1a2b3c", target="demo", profile="nightly", opened_at=NOW, process=1)


class Sighting(Evidence):
    """Evidence of a test."""

    kind: ClassVar[str] = "sighting"

    text: str = ""
    stable: bool = True
    file: Artifact | None = None
    files: tuple[Artifact, ...] = ()


class Other(Evidence):
    """Another kind of evidence."""

    kind: ClassVar[str] = "other"


def sighting(subject: str = "home@phone", **more: object) -> Sighting:
    return Sighting.model_validate({"subject": subject, "gathered_at": NOW, **more})


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace.create(tmp_path, OPENED)
    yield made
    made.release()


# --- Where things lie -------------------------------------------------------------------------------------------------

OUTSIDE = [
    "../escape",
    "data/../../escape",
    "data/..",
    "..",
    ".",
    "",
    "/etc/passwd",
    "//etc/passwd",
    "data//a",
    "data/a/",
    "./data/a",
    "data\\a",
    "C:/a",
    "data/a\x00b",
    "data/a\nb",
    "data/a\x1b[2Jb",
    "data/\u202eb",
]


@pytest.mark.parametrize("path", OUTSIDE, ids=repr)
def test_nothing_is_written_outside_the_bag(workspace: Workspace, path: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match="not a plain relative path"):
        workspace.write(path, b"x", "text/plain")
    with pytest.raises(ValueError, match="not a plain relative path"):
        workspace.read(path)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("shard", ["../../escape", "a\\b", "../x"], ids=str)
def test_no_shard_is_written_outside_the_bag(workspace: Workspace, shard: str) -> None:
    with pytest.raises(ValueError, match="not a plain relative path"):
        workspace.write_evidence("sweep", shard, [])
    with pytest.raises(ValueError, match="not a plain relative path"):
        workspace.write_failure(ShardFailure(source="sweep", shard=shard, members=(), message="m"))
    with pytest.raises(ValueError, match="not a plain relative path"):
        workspace.write_root("../run.json", "{}")


def test_a_path_may_have_spaces_dots_and_letters_of_any_language(workspace: Workspace) -> None:
    path = "data/sweep/Überblick @phone/a..b.txt"
    workspace.write(path, b"x", "text/plain")
    assert workspace.names() == [path]
    assert workspace.read(path) == b"x"


def test_only_the_owner_may_look_into_the_folder(workspace: Workspace) -> None:
    assert workspace.root.stat().st_mode & 0o077 == 0


def test_a_run_has_one_workspace(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="has a workspace already"):
        Workspace.create(tmp_path, OPENED)


# --- Writing ----------------------------------------------------------------------------------------------------------


def test_an_artifact_says_what_was_stored(workspace: Workspace) -> None:
    artifact = workspace.write("data/a.txt", b"content", "text/plain")
    assert artifact == Artifact(
        path="data/a.txt", media_type="text/plain", sha256=hashlib.sha256(b"content").hexdigest(), size=7
    )
    assert read_artifact(workspace, artifact) == b"content"
    assert workspace.digest("data/a.txt") == artifact.sha256


def test_evidence_is_redacted_on_its_way_in_and_hashed_after(workspace: Workspace) -> None:
    workspace.redactor.learn("correct horse", "env:P")
    artifact = workspace.write("data/a.txt", b"a correct horse", "text/plain")
    assert workspace.read("data/a.txt") == b"a [redacted:env:P]"
    assert (artifact.sha256, artifact.size) == (hashlib.sha256(b"a [redacted:env:P]").hexdigest(), 18)


def test_evidence_is_never_overwritten(workspace: Workspace) -> None:
    workspace.write("data/a.txt", b"first", "text/plain")
    with pytest.raises(WorkspaceError, match="never overwritten"):
        workspace.write("data/a.txt", b"second", "text/plain")
    assert workspace.read("data/a.txt") == b"first"


def test_the_same_evidence_may_be_written_again(workspace: Workspace) -> None:
    first, second = (workspace.write("data/a.txt", b"same", "text/plain") for _ in range(2))
    assert first == second


def test_what_is_beside_the_data_may_be_written_again(workspace: Workspace) -> None:
    workspace.redactor.learn("correct horse", "env:P")
    workspace.write_root("run.json", "1")
    workspace.write_root("run.json", '{"a": "correct horse \ud800"}')
    assert workspace.read("run.json") == b'{"a": "[redacted:env:P] ?"}'


def test_what_lies_in_the_bag_is_named_in_order_and_nothing_beyond_it(workspace: Workspace, tmp_path: Path) -> None:
    beyond = tmp_path / "beyond"
    beyond.mkdir()
    (beyond / "secret.txt").write_text("a secret")
    for path in ("data/b/two.txt", "data/a.txt", "data/b/one/1.txt"):
        workspace.write(path, b"x", "text/plain")
    (workspace.bag / "data" / "link").symlink_to(beyond)
    os.mkfifo(workspace.bag / "data" / "pipe")
    assert workspace.names() == ["data/a.txt", "data/b/one/1.txt", "data/b/two.txt"]


def test_an_altered_file_is_noticed(workspace: Workspace) -> None:
    artifact = workspace.write("data/a.txt", b"content", "text/plain")
    (workspace.bag / "data/a.txt").write_bytes(b"c0ntent")
    with pytest.raises(BrokenEvidenceError, match="does not hash"):
        read_artifact(workspace, artifact)


def test_a_file_that_is_not_there_is_broken_evidence(workspace: Workspace) -> None:
    with pytest.raises(BrokenEvidenceError, match="cannot be read"):
        workspace.read("data/absent")


def test_nothing_half_written_is_left_where_evidence_lies(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        workspace.write("data/a.txt", b"content", "text/plain")
    assert workspace.names() == []
    assert list(workspace.root.glob(".writing-*")) == []


def test_threads_that_write_at_once_all_keep_what_they_wrote(workspace: Workspace) -> None:
    def one(number: int) -> Artifact:
        workspace.write_evidence("sweep", f"shard-{number}", [sighting(f"page-{number}@phone")])
        return workspace.write(f"data/sweep/{number}.txt", f"text {number}".encode() * 500, "text/plain")

    with ThreadPoolExecutor(8) as threads:
        artifacts = list(threads.map(one, range(60)))
    assert all(len(read_artifact(workspace, artifact)) == artifact.size for artifact in artifacts)
    assert {item.subject for item in evidence_of(workspace, Sighting)} == {f"page-{n}@phone" for n in range(60)}


def test_of_threads_that_write_one_path_the_first_wins_and_the_others_are_told(workspace: Workspace) -> None:
    def one(number: int) -> int | None:
        try:
            workspace.write("data/a.txt", str(number).encode(), "text/plain")
        except WorkspaceError:
            return None
        return number

    with ThreadPoolExecutor(8) as threads:
        won = [number for number in threads.map(one, range(40)) if number is not None]
    assert [str(number).encode() for number in won] == [workspace.read("data/a.txt")]


# --- Files of child processes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 99, 100], ids=str)
def test_a_file_that_is_small_enough_is_taken_whole(workspace: Workspace, tmp_path: Path, size: int) -> None:
    source = tmp_path / "output.log"
    source.write_bytes(b"x" * size)
    artifact = workspace.adopt(source, "data/output.log", "text/plain", 100)
    assert (artifact.size, workspace.read("data/output.log")) == (size, b"x" * size)


def test_a_huge_file_keeps_its_two_ends_and_says_what_is_missing(workspace: Workspace, tmp_path: Path) -> None:
    source = tmp_path / "output.log"
    with source.open("wb") as stream:
        stream.write(b"first line\n")
        stream.seek(50_000_000)
        stream.write(b"\nlast line")
    artifact = workspace.adopt(source, "data/output.log", "text/plain", 1_000)
    content = workspace.read("data/output.log")
    assert content.startswith(b"first line\n\0")
    assert content.endswith(b"\0\nlast line")
    assert b"[... 49,999,010 of 50,000,010 bytes left out ...]" in content
    assert artifact.size == len(content) < 1_100


def test_a_file_that_is_taken_is_redacted(workspace: Workspace, tmp_path: Path) -> None:
    workspace.redactor.learn("correct horse", "env:P")
    source = tmp_path / "output.log"
    source.write_bytes(b"a correct horse")
    workspace.adopt(source, "data/output.log", "text/plain", 100)
    assert workspace.read("data/output.log") == b"a [redacted:env:P]"


# --- Evidence and failures --------------------------------------------------------------------------------------------


def test_evidence_is_read_back_by_kind_in_order(workspace: Workspace) -> None:
    other = Other(subject="x", gathered_at=NOW)
    workspace.write_evidence("sweep", "b", [sighting("b2"), other, sighting("b1")])
    workspace.write_evidence("sweep", "a", [sighting("a")])
    assert [item.subject for item in evidence_of(workspace, Sighting)] == ["a", "b2", "b1"]
    assert evidence_of(workspace, Other) == [other]


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"7", b'{"sighting": {}}', b'{"sighting": [{"subject": "x"}]}', b'{"sighting": [7]}', b"\xff"],
    ids=["half", "list", "number", "no-list", "incomplete", "no-object", "not-utf-8"],
)
def test_evidence_that_is_not_what_it_says_is_broken(workspace: Workspace, content: bytes) -> None:
    workspace.write("data/sweep/a.evidence.json", content, "application/json")
    with pytest.raises(BrokenEvidenceError, match=r"data/sweep/a\.evidence\.json is not readable evidence"):
        evidence_of(workspace, Sighting)


def test_nobody_looked_and_nothing_was_there_are_not_the_same(workspace: Workspace) -> None:
    assert not workspace.has_evidence("sweep", "a")
    workspace.write_evidence("sweep", "a", [])
    assert workspace.has_evidence("sweep", "a")
    assert evidence_of(workspace, Sighting) == []


def test_a_failure_is_read_back_and_is_no_evidence(workspace: Workspace) -> None:
    failure = ShardFailure(source="sweep", shard="a", members=("home@phone",), message="no Chromium")
    workspace.write_evidence("sweep", "a", [sighting()])
    workspace.write_failure(failure)
    assert failures_of(workspace) == [failure]
    assert not workspace.has_evidence("sweep", "a")


# --- The sweep --------------------------------------------------------------------------------------------------------


def test_a_secret_learned_late_is_removed_and_digests_follow(workspace: Workspace) -> None:
    text = workspace.write("data/sweep/a.txt", b"a correct horse", "text/plain")
    calm = workspace.write("data/sweep/b.txt", b"a calm page", "text/plain")
    workspace.write_evidence("sweep", "a", [sighting(text="correct horse", file=text, files=(calm, text))])
    workspace.write_failure(ShardFailure(source="sweep", shard="b", members=(), message="at correct horse"))
    workspace.redactor.learn("correct horse", "env:P")

    assert workspace.sweep_secrets() == ["data/sweep/a.evidence.json", "data/sweep/a.txt", "data/sweep/b.failure.json"]
    (found,) = evidence_of(workspace, Sighting)
    assert found.file is not None
    assert found.text == "[redacted:env:P]"
    assert read_artifact(workspace, found.file) == b"a [redacted:env:P]"
    assert found.file.size == 18
    assert found.files == (calm, found.file)
    assert not any(b"correct horse" in workspace.read(name) for name in workspace.names())
    assert workspace.sweep_secrets() == []


def test_a_trace_is_swept_and_its_digest_follows(workspace: Workspace) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(zipfile.ZipInfo("trace.trace"), b"a correct horse")
    trace = workspace.write("data/journeys/trace.zip", content.getvalue(), "application/zip")
    workspace.write_evidence("journeys", "a", [sighting(file=trace)])
    workspace.redactor.learn("correct horse", "env:P")
    assert workspace.sweep_secrets() == ["data/journeys/trace.zip"]
    (found,) = evidence_of(workspace, Sighting)
    assert found.file is not None
    with zipfile.ZipFile(io.BytesIO(read_artifact(workspace, found.file))) as archive:
        assert archive.read("trace.trace") == b"a [redacted:env:P]"


def test_a_sweep_without_secrets_changes_nothing(workspace: Workspace) -> None:
    artifact = workspace.write("data/sweep/a.txt", b"a calm page", "text/plain")
    workspace.write_evidence("sweep", "a", [sighting(file=artifact)])
    before = {name: workspace.read(name) for name in workspace.names()}
    workspace.redactor.learn("correct horse", "env:P")
    assert workspace.sweep_secrets() == []
    assert {name: workspace.read(name) for name in workspace.names()} == before


@pytest.mark.parametrize("value", ["true", "null", "subject", "home"])
def test_a_harmless_cookie_does_not_break_the_evidence(workspace: Workspace, value: str) -> None:
    workspace.redactor.headers([("Set-Cookie", f"consent={value}; Path=/")])
    workspace.write_evidence("sweep", "a", [sighting(text=f"{value}", stable=True)])
    workspace.sweep_secrets()
    assert [item.subject for item in evidence_of(workspace, Sighting)] == ["home@phone"]


@pytest.mark.parametrize("value", ["sighting", "dashboard"])
def test_a_cookie_whose_value_is_a_word_does_not_take_evidence_away(workspace: Workspace, value: str) -> None:
    workspace.redactor.headers([("Set-Cookie", f"last={value}; Path=/")])
    workspace.write_evidence("sweep", "a", [sighting("dashboard@phone")])
    assert [item.subject for item in evidence_of(workspace, Sighting)] == ["dashboard@phone"]


# --- One process at a time, and again after it ----------------------------------------------------------------------

HOLDER = """
import sys
from pathlib import Path
from evidence_store.workspace import Workspace, WorkspaceError
workspace = Workspace(Path(sys.argv[1]))
try:
    workspace.hold()
except WorkspaceError as error:
    sys.exit(str(error))
print("held", flush=True)
sys.stdin.read()
"""
REPOSITORY = Path(__file__).resolve().parents[2]


def other_process(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(root)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_second_process_is_refused_until_the_first_lets_go(workspace: Workspace) -> None:
    workspace.hold()
    with other_process(workspace.root) as refused:
        _, said = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert "is being made by another process" in said
    workspace.release()
    with other_process(workspace.root) as admitted:
        said, _ = admitted.communicate("", timeout=60)
    assert (admitted.returncode, said) == (0, "held\n")


def test_a_process_that_was_killed_holds_nothing(workspace: Workspace) -> None:
    with other_process(workspace.root) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WorkspaceError, match="another process"):
            workspace.hold()
        holder.kill()
    workspace.release()
    workspace.hold()


def test_a_run_is_reopened_as_it_was_left_and_forgets_what_failed_when_told(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace.write_evidence("sweep", "a", [sighting()])
    workspace.write_evidence("sweep", "b", [sighting("half@phone")])
    for source, shard in (("sweep", "b"), ("journeys", "c")):
        workspace.write_failure(ShardFailure(source=source, shard=shard, members=(), message="killed"))
    left = workspace.names()
    again, opened = Workspace.reopen(tmp_path, OPENED.run_id)
    assert (opened, again.names()) == (OPENED, left)
    again.forget_failures()
    assert again.names() == ["data/sweep/a.evidence.json"]
    assert again.has_evidence("sweep", "a")
    assert not again.has_evidence("sweep", "b")


def test_a_reopened_run_may_look_again_over_what_it_left(workspace: Workspace, tmp_path: Path) -> None:
    workspace.write("data/sweep/a.txt", b"first look, cut off", "text/plain")
    again, _ = Workspace.reopen(tmp_path, OPENED.run_id)
    artifact = again.write("data/sweep/a.txt", b"second look", "text/plain")
    assert read_artifact(again, artifact) == b"second look"


def test_what_was_half_written_is_removed_and_nothing_else(workspace: Workspace) -> None:
    workspace.write("data/a.txt", b"content", "text/plain")
    workspace.package.write_bytes(b"finished")
    (workspace.root / ".writing-x").write_bytes(b"half")
    (workspace.root / ".read-back-x").mkdir()
    (workspace.root / ".read-back-x" / ".bundle.zip-x.part").write_bytes(b"half")
    workspace.clear_remains()
    kept = {path.name for path in workspace.root.iterdir()}
    assert kept == {"bag", "opened.json", workspace.package.name}
    assert workspace.names() == ["data/a.txt"]


@pytest.mark.parametrize("content", [None, "", "{}", "not JSON"], ids=["absent", "empty", "incomplete", "garbage"])
def test_a_run_that_was_never_opened_cannot_be_reopened(tmp_path: Path, content: str | None) -> None:
    root = tmp_path / "runs" / "nothing"
    root.mkdir(parents=True)
    for text in filter(lambda text: text is not None, [content]):
        (root / "opened.json").write_text(str(text), encoding="utf-8")
    with pytest.raises(WorkspaceError, match="no run nothing to resume"):
        Workspace.reopen(tmp_path, "nothing")


def test_how_a_run_ended_lies_beside_the_bag(workspace: Workspace) -> None:
    workspace.remember_summary(json.dumps({"verdict": "go"}))
    assert json.loads((workspace.root / "summary.json").read_text(encoding="utf-8")) == {"verdict": "go"}
    assert workspace.names() == []


def test_the_command_that_finishes_a_run_has_all_that_it_was_started_with() -> None:
    opened = OPENED.model_copy(
        update={"plan": "/plans/my shop.toml", "only": ("visual", "axe"), "note": "the candidate"}
    )
    assert opened.how_to_resume == (
        "stageproof run '/plans/my shop.toml' --profile nightly --only visual --only axe --note 'the candidate'"
        f" --resume {OPENED.run_id}"
    )
    assert OPENED.how_to_resume == f"stageproof run demo --profile nightly --resume {OPENED.run_id}"
