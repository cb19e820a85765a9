"""Packing: what the package looks like, that it is always the same, and what is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence_store.bundle import (
    BundleError,
    build_bundle,
    colliding_names,
    decoded_name,
    encoded_name,
    member_name_problem,
    readme_text,
)
from evidence_store.verify import verify_zip
from tests.evidence_store.packages import RUN_ID, STARTED, build, documented_commands, good_files, write_tree


def snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}


def text(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name).decode()


def test_a_package_holds_the_tree_and_its_lists_and_leaves_the_tree_alone(tree: Path, tmp_path: Path) -> None:
    before = snapshot(tree)

    built = build(tree, tmp_path / "out" / "bundle.zip")

    assert snapshot(tree) == before
    with zipfile.ZipFile(built.path) as archive:
        members = archive.infolist()
    names = [member.filename for member in members]
    assert names[:-1] == sorted(names[:-1], key=str.encode)
    assert names[-1] == "tagmanifest-sha256.txt"
    made = {"bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"}
    assert set(names) == good_files().keys() | made
    assert {member.compress_type for member in members} == {zipfile.ZIP_STORED}
    assert {member.date_time for member in members} == {(2026, 3, 1, 4, 5, 6)}
    assert {member.external_attr >> 16 for member in members} == {0o100644}
    assert (built.files, built.size) == (len(names), built.path.stat().st_size)
    assert [path.name for path in built.path.parent.iterdir()] == ["bundle.zip"]


def test_bag_info_names_run_date_and_amount(tree: Path, tmp_path: Path) -> None:
    labels = {"External-Identifier": RUN_ID, "Note": "two\r\nlines: \x1b[31m"}
    built = build_bundle(tree, tmp_path / "b.zip", run_started=STARTED, bag_info=labels)

    lines = text(built.path, "bag-info.txt").splitlines()

    payload = [content for name, content in good_files().items() if name.startswith("data/")]
    assert f"Payload-Oxum: {sum(map(len, payload))}.{len(payload)}" in lines
    assert "Bagging-Date: 2026-03-01" in lines
    assert lines[0].startswith("Bag-Software-Agent: stageproof")
    assert "Note: two lines: [31m" in lines


def test_signatures_are_packed_and_not_listed(tree: Path, tmp_path: Path) -> None:
    write_tree(tree, {"signatures/tagmanifest.sig": b"later"})

    built = build(tree, tmp_path / "b.zip")

    assert "signatures/" not in text(built.path, "tagmanifest-sha256.txt")
    assert verify_zip(built.path).ok


def test_progress_ends_at_the_whole(tree: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    build_bundle(
        tree, tmp_path / "b.zip", run_started=STARTED, bag_info={}, progress=lambda *amounts: told.append(amounts)
    )

    whole = sum(map(len, good_files().values()))
    assert told[-1] == ("packing", whole, whole)


@pytest.mark.real
def test_unzip_and_sha256sum_accept_it(tree: Path, tmp_path: Path) -> None:
    write_tree(tree, {"README.txt": readme_text(RUN_ID, target="demo", verdict="no-go", started_at=STARTED).encode()})
    write_tree(tree, {"data/Übersicht – 概要.txt": b"name\n", "data/empty": b""})
    built = build(tree, tmp_path / "bundle.zip")

    def sh(command: str) -> str:
        environment = os.environ | {"LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            ["bash", "-euc", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "No errors detected" in sh("unzip -t bundle.zip")
    # The very lines of README.txt.
    readme = [line.strip() for line in text(built.path, "README.txt").splitlines()]
    unpack, digests, count_listed, count_there, whole = (
        next(line for line in readme if line.startswith(word))
        for word in ("unzip", "sha256sum -c", "cat", "find", "sha256sum bundle")
    )
    assert sh(f"{unpack}\n{digests}") == ""
    assert sh(f"cd package && {count_listed}") == sh(f"cd package && {count_there}")
    assert sh(whole).split()[0] == built.sha256
    oxum, counted = sh(f"cd package\n{documented_commands('Payload-Oxum')}").splitlines()
    assert oxum == f"Payload-Oxum: {counted}"
    for block in ("unzip -q", "wc -l\nfind ."):
        assert all(line in readme for line in documented_commands(block).split("\n"))
    (tmp_path / "package" / "extra.txt").write_text("added")
    assert sh(f"cd package && {digests}") == ""
    assert sh(f"cd package && {count_listed}") != sh(f"cd package && {count_there}")


NAMES = st.text(st.sampled_from("abcXYZ019 %é概-_.~'\"$&#(){}"), min_size=1, max_size=12).filter(
    lambda name: name not in {".", ".."}
)
TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.binary(max_size=200), max_size=6
).filter(lambda files: not colliding_names(files))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(extra=TREES, instant=st.datetimes(datetime(1980, 1, 1), datetime(2107, 12, 31)))
def test_any_tree_makes_the_same_bytes_twice_and_is_accepted(extra: dict[str, bytes], instant: datetime) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = good_files() | {f"data/more/{path}": content for path, content in extra.items()}
        write_tree(folder / "one", files)
        write_tree(folder / "two", dict(reversed(files.items())))
        started = instant.replace(tzinfo=STARTED.tzinfo)

        first = build_bundle(folder / "one", folder / "1.zip", run_started=started, bag_info={"A": "1", "B": "2"})
        second = build_bundle(folder / "two", folder / "2.zip", run_started=started, bag_info={"B": "2", "A": "1"})

        assert first.path.read_bytes() == second.path.read_bytes()
        assert first.sha256 == second.sha256
        verification = verify_zip(first.path)
        assert verification.problems == ()
        assert verification.sha256 == first.sha256


@given(st.text())
def test_names_survive_a_manifest(name: str) -> None:
    assert decoded_name(encoded_name(name)) == name


def link(tree: Path) -> None:
    (tree / "data" / "link").symlink_to("/etc/passwd")


def linked_folder(tree: Path) -> None:
    (tree / "data" / "folder").symlink_to(tree / "viewer")


def pipe(tree: Path) -> None:
    os.mkfifo(tree / "data" / "pipe")


def backslash(tree: Path) -> None:
    (tree / "data" / "a\\b").touch()


def escape_sequence(tree: Path) -> None:
    (tree / "data" / "a\x1b[2Jb").touch()


def not_utf8(tree: Path) -> None:
    Path(os.fsdecode(os.fsencode(tree / "data") + b"/\xff")).touch()


def case(tree: Path) -> None:
    (tree / "data" / "Plan.json").touch()


def file_like_a_folder(tree: Path) -> None:
    (tree / "data" / "SWEEP").touch()


def own_list(tree: Path) -> None:
    (tree / "bagit.txt").touch()


def no_run(tree: Path) -> None:
    (tree / "run.json").unlink()


def no_evidence(tree: Path) -> None:
    shutil.rmtree(tree / "data")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (link, "is a link"),
        (linked_folder, "is a link"),
        (pipe, "neither a file nor a folder"),
        (backslash, "not a plain relative path"),
        (escape_sequence, "control character"),
        (not_utf8, "not UTF-8"),
        (case, "one file on some systems"),
        (file_like_a_folder, "one file on some systems"),
        (own_list, "written while packing"),
        (no_run, "no run.json"),
        (no_evidence, "proves nothing"),
    ],
)
def test_a_tree_that_could_mislead_is_refused(tree: Path, tmp_path: Path, spoil: object, says: str) -> None:
    spoil(tree)  # type: ignore[operator]

    with pytest.raises(BundleError, match=says):
        build(tree, tmp_path / "out" / "bundle.zip")

    assert not (tmp_path / "out").exists()


def test_a_file_that_changes_meanwhile_is_refused_and_nothing_is_left(tree: Path, tmp_path: Path) -> None:
    def grow(what: str, done: int, total: int) -> None:
        with (tree / "viewer" / "index.html").open("ab") as stream:
            stream.write(b"more")

    with pytest.raises(BundleError, match=r"'viewer/index.html' changed while"):
        build_bundle(tree, tmp_path / "out" / "b.zip", run_started=STARTED, bag_info={}, progress=grow)

    assert list((tmp_path / "out").iterdir()) == []


def test_an_interrupted_build_leaves_nothing_and_spares_the_older_package(tree: Path, tmp_path: Path) -> None:
    destination = tmp_path / "out" / "b.zip"
    first = build(tree, destination)

    def interrupt(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_bundle(tree, destination, run_started=STARTED, bag_info={}, progress=interrupt)

    assert [path.name for path in destination.parent.iterdir()] == ["b.zip"]
    assert destination.stat().st_size == first.size


def test_what_the_caller_got_wrong_is_said(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="time zone"):
        build_bundle(tree, tmp_path / "b.zip", run_started=STARTED.replace(tzinfo=None), bag_info={})
    with pytest.raises(BundleError, match="lies inside"):
        build(tree, tree / "b.zip")
    with pytest.raises(BundleError, match="not a folder"):
        build(tmp_path / "nowhere", tmp_path / "b.zip")
    for label in ("Payload-Oxum", "a b", "A:\nB"):
        with pytest.raises(BundleError, match="not a label"):
            build_bundle(tree, tmp_path / "b.zip", run_started=STARTED, bag_info={label: "x"})


def test_a_disk_that_cannot_be_written_is_an_error_with_a_reason(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(BundleError, match="could not be written"):
        build(tree, tmp_path / "file" / "b.zip")


@pytest.mark.parametrize("name", ["", ".", "..", "/a", "a/../b", "./a", "a//b", "a/", "a\\b", "c:x", "a\nb", "\x9bm"])
def test_unsafe_names(name: str) -> None:
    assert member_name_problem(name) is not None


def test_names_that_collide() -> None:
    assert colliding_names(["a/b", "a/c", "ab", "a.b/c"]) == []
    assert colliding_names(["a/b", "A/c"]) == [("a", "A")]
    assert colliding_names(["e\u0301", "\u00e9"]) == [("e\u0301", "\u00e9")]
    assert colliding_names(["straße", "STRASSE"]) == [("straße", "STRASSE")]
    assert colliding_names(["a", "A/b"]) == [("a", "A/")]
