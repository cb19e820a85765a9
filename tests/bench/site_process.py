"""The bench site in a child process, and work that keeps the machine busy in others."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from deployments import processes

START_SECONDS = 120
_BUSY = "while True: pass"


@contextlib.contextmanager
def serving(folder: Path, port: int, *, pages: int, regressions: Iterable[str] = (), slow_ms: int = 0) -> Iterator[str]:
    """The site's URL for the time of a `with`; raises RuntimeError when it does not start."""
    command = [sys.executable, "-m", "tests.bench.site", "--port", str(port), "--pages", str(pages)]
    command += ["--slow", str(slow_ms), "--regression", ",".join(regressions)]
    url = f"http://127.0.0.1:{port}"
    log = folder / "site.log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START_SECONDS
        while not processes.http_answers(f"{url}/version.json"):
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the bench site did not start: read {log}")
            time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(5)
        if server.poll() is None:
            server.kill()
            server.wait()


@contextlib.contextmanager
def busy_cores(wanted: bool = True) -> Iterator[None]:
    """A loop without end on each core for the time of a `with`."""
    count = (os.cpu_count() or 1) if wanted else 0
    loops = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
