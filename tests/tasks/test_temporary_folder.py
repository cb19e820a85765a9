"""The temporary folder of a run: given to all it starts, removed whichever way the run ends, and nobody else's."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tasks.doors.temporary_folder import PREFIX, temporary_folder


@pytest.fixture
def outer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine's temporary folder."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def abandoned(outer: Path) -> Path:
    """What a killed run left."""
    left = outer / f"{PREFIX}killed" / "playwright-artifacts-x"
    left.mkdir(parents=True)
    (left / "trace.zip").write_bytes(b"PK")
    return left.parent


def test_all_that_is_started_is_given_the_folder(outer: Path) -> None:
    with temporary_folder() as folder:
        assert folder.parent == outer
        assert folder.stat().st_mode & 0o777 == 0o700
        assert os.environ["TMPDIR"] == tempfile.gettempdir() == str(folder)
        Path(tempfile.mkdtemp()).joinpath("profile").write_text("x")
        assert len(list(folder.iterdir())) == 1
    assert list(outer.iterdir()) == []
    assert os.environ["TMPDIR"] == tempfile.gettempdir() == str(outer)


def test_a_machine_without_the_variable_has_none_afterwards(outer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tempfile.gettempdir() == str(outer)
    monkeypatch.delenv("TMPDIR")
    with temporary_folder() as folder:
        assert folder.parent == outer
    assert "TMPDIR" not in os.environ


def test_a_run_that_breaks_off_removes_it_too(outer: Path) -> None:
    with pytest.raises(ZeroDivisionError), temporary_folder():
        raise ZeroDivisionError
    assert list(outer.iterdir()) == []
    assert os.environ["TMPDIR"] == str(outer)


def test_what_a_killed_run_left_is_removed_when_the_next_begins(outer: Path) -> None:
    left = abandoned(outer)
    with temporary_folder() as folder:
        assert list(outer.iterdir()) == [folder]
    assert not left.exists()


@pytest.mark.real
def test_the_folder_of_a_run_that_is_being_made_is_left_alone(outer: Path) -> None:
    with temporary_folder() as theirs:
        lock = os.open(theirs, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(lock)
        others = [sys.executable, "-c", "from tasks.doors.temporary_folder import *\nwith temporary_folder(): pass"]
        subprocess.run(others, env={**os.environ, "TMPDIR": str(outer)}, check=True, timeout=60)
        assert list(outer.iterdir()) == [theirs]


def test_nothing_is_removed_through_a_link_nor_what_is_no_folder(
    outer: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    precious = tmp_path_factory.mktemp("precious") / "file"
    precious.write_text("kept")
    (outer / f"{PREFIX}link").symlink_to(precious.parent)
    (outer / f"{PREFIX}file").write_text("kept")
    (outer / "stageproof-suite-x").mkdir()
    with temporary_folder():
        pass
    assert precious.read_text() == "kept"
    assert sorted(path.name for path in outer.iterdir()) == [
        f"{PREFIX}file",
        f"{PREFIX}link",
        "stageproof-suite-x",
    ]
