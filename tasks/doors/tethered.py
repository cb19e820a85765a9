"""Runs a command that cannot outlive the process that started it: `python -m tasks.doors.tethered COMMAND...`.

The kernel ends it with its parent (PR_SET_PDEATHSIG), also when the parent is killed with -9. Set here, after the
fork, because Python code between fork and exec can deadlock in a process with threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Tie this process to its parent, then become the command."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == 1:
            sys.exit("the process that started this one is gone already")
    os.execvp(arguments[0], arguments)  # noqa: S606  - the command is ours, and no shell reads it


if __name__ == "__main__":
    main(sys.argv[1:])
