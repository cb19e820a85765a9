"""Runs a command that leaves nothing behind: `python -m tasks.doors.tethered COMMAND...`.

This process stands between us and the command, as the parent of every descendant whose own parent ended
(PR_SET_CHILD_SUBREAPER): when the command has ended they are ended too, whatever session or environment they gave
themselves. It ends as the command did, by code or by signal.

The kernel ends it with its parent, also when that is killed with -9, and the command with it (PR_SET_PDEATHSIG). Set
here, after the fork, because Python code between fork and exec can deadlock in a process with threads. On systems other
than Linux the command is run, and none of this.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from types import FrameType

import psutil

from tasks.doors.child_process import end_all

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
ROUNDS = 10
"""What is ended may have started something meanwhile; somebody who starts faster than that is left to the marker."""


def main(arguments: list[str]) -> None:
    """Run the command, end what it left behind, and end as it did."""
    if sys.platform != "linux":
        os.execvp(arguments[0], arguments)  # noqa: S606  - the command is ours, and no shell reads it
    kernel = ctypes.CDLL(None, use_errno=True)
    kernel.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, _end)
    kernel.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:
        sys.exit("the process that started this one is gone already")
    command = os.fork()
    if command == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        kernel.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.execvp(arguments[0], arguments)  # noqa: S606  - as above
    # Ctrl-C reaches the whole group: what it means to the command is for the command to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = _wait_for(command)
    finally:
        _end_descendants()
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the command left its own, if any
        with suppress(OSError):  # nobody handles SIGKILL
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


def _wait_for(command: int) -> int:
    while True:
        process, status = os.wait()  # orphans that ended are buried on the way
        if process == command:
            return os.waitstatus_to_exitcode(status)


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _end_descendants() -> None:
    for _ in range(ROUNDS):
        left = psutil.Process().children(recursive=True)
        if not left:
            return
        end_all(left)


if __name__ == "__main__":
    main(sys.argv[1:])
