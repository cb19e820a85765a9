"""Chromium is found in the documented order, and a missing one is explained."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import psutil
import pytest

from deployments import toolchain
from deployments.toolchain import ToolMissing
from tasks.doors import chromium
from tasks.doors.chromium import BrowserMissing, edition, find_chromium


def executable(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any browser."""
    monkeypatch.delenv(chromium.VARIABLE, raising=False)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "browsers"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def managed(machine: Path, *, complete: bool = True, name: str = "chromium") -> Path:
    package = chromium._playwright_package()
    assert package is not None
    browsers = json.loads((package / "browsers.json").read_text())["browsers"]
    (revision,) = (browser["revision"] for browser in browsers if browser["name"] == name)
    folder = machine / "browsers" / f"{name.replace('-', '_')}-{revision}"
    place = {"chromium": "chrome-linux64/chrome", "chromium-headless-shell": "chrome-linux/headless_shell"}[name]
    found = executable(folder / place)
    if complete:
        (folder / "INSTALLATION_COMPLETE").touch()
    return found


def test_the_named_one_comes_first(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    managed(machine)
    executable(machine / "bin" / "chromium")
    named = executable(machine / "mine" / "chrome")
    monkeypatch.setenv(chromium.VARIABLE, str(named))
    assert find_chromium() == named


def test_a_wrong_name_is_an_error_and_not_passed_over(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(machine / "bin" / "chromium")
    monkeypatch.setenv(chromium.VARIABLE, str(machine / "gone"))
    with pytest.raises(BrowserMissing, match=r"STAGEPROOF_CHROMIUM is set to .*gone"):
        find_chromium()


def test_playwrights_own_comes_before_the_systems(machine: Path) -> None:
    system = executable(machine / "bin" / "google-chrome")
    assert find_chromium() == system
    own = managed(machine, complete=False)
    assert find_chromium() == system
    assert managed(machine) == own
    assert find_chromium() == own


def test_the_shell_comes_before_the_whole_browser(machine: Path) -> None:
    executable(machine / "bin" / "chromium")
    shell = executable(machine / "bin" / "chromium-headless-shell")
    assert find_chromium() == shell
    managed(machine)
    own_shell = managed(machine, name="chromium-headless-shell")
    assert find_chromium() == own_shell
    assert [edition(path) for path in (shell, own_shell)] == ["Chromium headless shell"] * 2
    assert edition(managed(machine)) == "Chromium"


def test_a_distribution_without_the_shell_gives_the_whole_browser(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(machine / "bin" / "apt-get")

    def run(command: list[str], timeout_seconds: float) -> str | None:
        if "playwright" in command or "chromium-headless-shell" in command:
            return "Unable to locate package"
        if "install" in command:
            executable(machine / "bin" / "chromium")
        return None

    monkeypatch.setattr(toolchain, "_run", run)
    monkeypatch.setattr(toolchain, "_is_root", lambda: True)
    monkeypatch.setattr(toolchain, "starts", lambda path: True)
    assert toolchain.install_chromium() == machine / "bin" / "chromium"


def test_none_says_how_to_get_one(machine: Path) -> None:
    with pytest.raises(BrowserMissing, match="make setup"):
        find_chromium()


def test_a_browser_that_does_not_start_is_told_with_one_that_does(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, good = managed(machine), executable(machine / "bin" / "chromium")
    monkeypatch.setattr(toolchain, "starts", lambda path: path == good)
    with pytest.raises(ToolMissing, match=f"{broken} does not start, but {good} does: set STAGEPROOF_CHROMIUM={good}"):
        toolchain.install_chromium()


def test_installing_falls_back_to_the_distribution(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(machine / "bin" / "apt-get")
    ran: list[str] = []

    def run(command: list[str], timeout_seconds: float) -> str | None:
        ran.append(" ".join(command))
        if "playwright" in command:
            return "Download failure"
        if "install" in command:
            executable(machine / "bin" / "chromium")
        return None

    monkeypatch.setattr(toolchain, "_run", run)
    monkeypatch.setattr(toolchain, "_is_root", lambda: True)
    monkeypatch.setattr(toolchain, "starts", lambda path: True)
    assert toolchain.install_chromium() == machine / "bin" / "chromium"
    assert [line.split("apt-get ")[-1].split()[0] for line in ran[1:]] == ["update", "install"]


def test_when_nothing_helps_everything_tried_is_told(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "_run", lambda command, timeout_seconds: "Download failure")
    with pytest.raises(ToolMissing, match=r"(?s)playwright install chromium: Download failure.*STAGEPROOF_CHROMIUM"):
        toolchain.install_chromium()


def test_the_command_explains_its_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert toolchain.main(["firefox"]) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.real
def test_the_browser_of_this_machine_starts() -> None:
    assert toolchain.starts(find_chromium())
    assert not toolchain.starts(Path("/bin/false"))


@pytest.mark.real
def test_a_command_that_takes_too_long_dies_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = (
        "import pathlib, subprocess, sys;"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        f"pathlib.Path({str(note)!r}).write_text(str(p.pid)); p.wait()"
    )
    assert toolchain._run([sys.executable, "-c", program], 3.0) == "no end after 3 s"
    deadline = time.monotonic() + 5
    while psutil.pid_exists(int(note.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(int(note.read_text()))
