"""One temporary folder for all that a run starts, so that what was killed leaves nothing in the machine's for long.

Whoever is killed removes nothing: a browser's profile stays, and the pictures and traces its driver was writing. So the
drivers, browsers and suites of a run are all given a folder of the run's own (`TMPDIR`). It is removed when the run
ends; when the run was killed as well, by the next one on this machine. Whether a folder is still in use is told by the
lock that its process holds, and that the kernel takes from it whichever way it ends.

The folder lies in the machine's temporary folder and not in the run's workspace, because Chromium does not start where
the path of the socket it makes there is longer than 107 bytes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "stageproof-run-"
_UNNAMED = "stageproof-new-"
"""Until it is locked: a folder under its lasting name and without a lock is one that nobody uses."""


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder the temporary one of this process and all it starts; folders that killed runs left are removed.

    For the whole process: not to be entered by two threads at once.
    """
    outer = Path(tempfile.gettempdir())
    _remove_abandoned(outer)
    new = Path(tempfile.mkdtemp(prefix=_UNNAMED, dir=outer))
    lock = os.open(new, os.O_RDONLY)
    before, chosen = os.environ.get("TMPDIR"), tempfile.tempdir
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = new.rename(outer / new.name.replace(_UNNAMED, PREFIX, 1))
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
        try:
            yield folder
        finally:
            tempfile.tempdir = chosen
            if before is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _remove_abandoned(outer: Path) -> None:
    for folder in outer.glob(f"{PREFIX}*"):
        # Somebody else's, removed by another run at this moment, or held by the run that it belongs to.
        with suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(lock).st_uid == os.geteuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
