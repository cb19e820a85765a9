"""Processes are found again, ended with all their descendants, and strangers are left alone."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

import psutil
import pytest

from deployments import processes
from deployments.processes import ProcessRecord, StackError

pytestmark = pytest.mark.real

SLEEP = "import time; time.sleep(60)"


def start(tmp_path: Path, program: str, name: str = "sleeper") -> ProcessRecord:
    return processes.start(
        name,
        [sys.executable, "-c", program],
        marker=f"{tmp_path}#{name}",
        log=tmp_path / f"{name}.log",
        cwd=tmp_path,
        env=dict(os.environ),
    )


def wait_for(path: Path) -> str:
    deadline = time.monotonic() + 20
    while not path.exists() or not path.read_text():
        assert time.monotonic() < deadline, f"{path} was not written"
        time.sleep(0.05)
    return path.read_text()


def test_a_whole_family_is_ended(tmp_path: Path) -> None:
    """Also the grandchild that made a session of its own and lost its parent."""
    (tmp_path / "middle.py").write_text(f"""
import subprocess, sys
orphan = subprocess.Popen([sys.executable, "-c", {SLEEP!r}], start_new_session=True, stdout=-3, stderr=-3)
print(orphan.pid)
""")
    program = f"""
import pathlib, subprocess, sys, time
orphan = subprocess.run([sys.executable, "middle.py"], capture_output=True, text=True).stdout.strip()
child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}])
pathlib.Path("family").write_text(f"{{orphan}} {{child.pid}}")
time.sleep(60)
"""
    record = start(tmp_path, program)
    try:
        family = [int(pid) for pid in wait_for(tmp_path / "family").split()]
        assert len(family) == 2
        assert all(psutil.pid_exists(pid) for pid in family)
    finally:
        assert processes.end([record]) == ["sleeper"]
    assert [pid for pid in (record.pid, *family) if psutil.pid_exists(pid)] == []


def test_a_process_that_ignores_the_request_is_forced(tmp_path: Path) -> None:
    program = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    record = start(tmp_path, program)
    wait_for(record.log)
    began = time.monotonic()
    processes.end([record])
    assert not record.is_running()
    assert time.monotonic() - began < 2 * processes.GRACE_SECONDS


def test_a_stranger_with_the_recorded_number_is_left_alone(tmp_path: Path) -> None:
    stranger = start(tmp_path, SLEEP, "stranger")
    try:
        stale = stranger.model_copy(
            update={"name": "ours", "marker": "elsewhere#ours", "created": stranger.created - 60}
        )
        assert not stale.is_running()
        assert processes.end([stale]) == []
        assert stranger.is_running()
    finally:
        processes.end([stranger])


def test_a_stepped_clock_does_not_lose_a_process(tmp_path: Path) -> None:
    record = start(tmp_path, SLEEP)
    try:
        assert record.model_copy(update={"created": record.created - 3600}).is_running()
    finally:
        processes.end([record])


def test_a_death_while_starting_is_told_with_the_end_of_the_log(tmp_path: Path) -> None:
    record = start(tmp_path, "print('line 1'); print('no such database'); raise SystemExit(3)")
    with pytest.raises(StackError, match=r"(?s)sleeper ended while starting.*sleeper\.log.*no such database"):
        processes.wait_until(record, lambda: False, timeout_seconds=20)
    assert not record.is_running()


def test_a_late_process_is_told_with_the_end_of_the_log(tmp_path: Path) -> None:
    record = start(tmp_path, SLEEP)
    try:
        with pytest.raises(StackError, match=r"did not become ready within 0 s.*"):
            processes.wait_until(record, lambda: False, timeout_seconds=0.2)
    finally:
        processes.end([record])


def test_a_program_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="ghost cannot be started"):
        processes.start("ghost", ["/nowhere/ghost"], marker="x#g", log=tmp_path / "g.log", cwd=tmp_path, env={})


def test_a_restart_keeps_the_previous_log(tmp_path: Path) -> None:
    for word in ("first", "second"):
        record = start(tmp_path, f"print({word!r})")
        assert wait_for(record.log).strip() == word
        processes.end([record])
    assert (tmp_path / "sleeper.previous.log").read_text().strip() == "first"
    assert (tmp_path / "sleeper.log").stat().st_mode & 0o777 == 0o600


def test_a_taken_port_and_a_taken_twin_are_avoided() -> None:
    port = processes.free_port(twin=100)
    for offset in (0, 100):
        with socket.create_server(("127.0.0.1", port + offset)):
            assert processes.free_port(port, twin=100) != port
    assert processes.free_port(port, twin=100) == port
    assert processes.free_port(port, avoid=[port]) != port


def test_nobody_answering_is_no_status() -> None:
    assert processes.http_status(f"http://127.0.0.1:{processes.free_port()}/") is None
