"""Tools that no Python package brings.

`python -m deployments.toolchain chromium` makes sure that a Chromium starts, and prints its path.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tasks.doors.chromium import VARIABLE, BrowserMissing, candidates, find_chromium

__all__ = ["ToolMissing", "find_chromium", "install_chromium", "main", "starts"]

PLAYWRIGHT_TIMEOUT_SECONDS = 120.0
PACKAGES_TIMEOUT_SECONDS = 600.0
START_TIMEOUT_SECONDS = 60.0

# Not every distribution has the shell. Without a font either of them draws empty boxes, and screenshots of them.
DISTRIBUTION_PACKAGES = (("chromium-headless-shell", "fonts-liberation"), ("chromium", "fonts-liberation"))

Progress = Callable[[str], None]


class ToolMissing(RuntimeError):  # noqa: N818 -- says what is the case
    """A tool is missing and could not be installed; the message says what to do."""


def install_chromium(progress: Progress = lambda _line: None) -> Path:
    """The Chromium that the checks will drive; when there is none, Playwright's or the distribution's is installed.

    It is started once, so that a missing system library shows here and not in the first run.
    Raises ToolMissing with what was tried and what to do.
    """
    tried: list[str] = []
    try:
        present = list(candidates())
    except BrowserMissing as problem:
        raise ToolMissing(str(problem)) from problem
    if present:
        return _checked(present)

    progress("no Chromium found: trying Playwright's download")
    playwright = [sys.executable, "-m", "playwright"]
    failure = _run([*playwright, "install", "chromium"], PLAYWRIGHT_TIMEOUT_SECONDS)
    if failure is None:
        browser = find_chromium()
        if starts(browser):
            return browser
        # On a bare system it lacks libraries. It must not stay: it would be preferred to the one installed next.
        _run([*playwright, "uninstall"], PLAYWRIGHT_TIMEOUT_SECONDS)
        failure = "downloaded, but it does not start (system libraries are missing)"
    tried.append(f"playwright install chromium: {failure}")

    as_root = _as_root()
    if shutil.which("apt-get") is None or as_root is None:
        tried.append("apt-get install: needs a Debian-like system, and root or sudo without a password")
    else:
        progress("Playwright's download is not available: trying the distribution's package")
        environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
        for step in ["apt-get", "update"], *(["apt-get", "install", "-y", *names] for names in DISTRIBUTION_PACKAGES):
            failure = _run([*as_root, *environment, *step], PACKAGES_TIMEOUT_SECONDS)
            if failure is not None:
                tried.append(f"{' '.join(step[:4])}: {failure}")
            elif "install" in step:
                break
        try:
            return _checked([find_chromium()])
        except BrowserMissing:
            tried.append("no chromium appeared on PATH")
    raise ToolMissing(
        "No Chromium could be installed. Tried:\n- "
        + "\n- ".join(tried)
        + f"\nInstall chromium or google-chrome yourself, or set {VARIABLE} to an executable, and run make again."
    )


def starts(browser: Path) -> bool:
    """Whether a browser really loads and prints a page, within a minute."""
    with tempfile.TemporaryDirectory(prefix="stageproof-chromium-") as profile:
        command = [str(browser), "--headless", "--disable-gpu", f"--user-data-dir={profile}"]
        # Chromium refuses its sandbox to root.
        command += ["--no-sandbox"] if _is_root() else []
        command += ["--dump-dom", "data:text/html,<p>it-starts</p>"]
        with (Path(profile) / "output").open("w+b") as output:
            if _run(command, START_TIMEOUT_SECONDS, output=output.fileno()) is not None:
                return False
            output.seek(0)
            return b"it-starts" in output.read()


def _checked(present: Sequence[Path]) -> Path:
    """The preferred browser if it starts; ToolMissing naming one that does, if there is one."""
    if starts(present[0]):
        return present[0]
    for other in present[1:]:
        if starts(other):
            raise ToolMissing(
                f"{present[0]} does not start, but {other} does: set {VARIABLE}={other} and run make again."
            )
    raise ToolMissing(
        f"{present[0]} does not start. Run `{present[0]} --headless --dump-dom about:blank` to see why "
        f"(often system libraries are missing), or set {VARIABLE} to another executable."
    )


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _as_root() -> list[str] | None:
    """What to put before a command to run it as root without being asked, or None when that is not possible."""
    if _is_root():
        return []
    sudo = ["sudo", "-n"]
    return sudo if shutil.which("sudo") and _run([*sudo, "true"], 10.0) is None else None


def _run(command: Sequence[str], timeout_seconds: float, *, output: int | None = None) -> str | None:
    """Run a command to its end: None when it succeeded, else its last line. A late one dies with its children."""
    with tempfile.TemporaryFile() as log:
        try:
            child = subprocess.Popen(  # noqa: S603 -- fixed commands and a browser's path, no shell
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log if output is None else output,
                stderr=log,
                start_new_session=True,
            )
        except OSError as problem:
            return str(problem)
        try:
            code = child.wait(timeout_seconds)
        except BaseException as interruption:
            # Playwright's and apt's children outlive their parent otherwise, also on Ctrl-C.
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            if isinstance(interruption, subprocess.TimeoutExpired):
                return f"no end after {timeout_seconds:.0f} s"
            raise
        if code == 0:
            return None
        log.seek(0)
        lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip() if lines else f"exit code {code}"


def main(arguments: Sequence[str]) -> int:
    """Make sure of the named tool and print its path: 0, 1 with an explanation on stderr, 2 for a wrong name."""
    if list(arguments) != ["chromium"]:
        print("usage: python -m deployments.toolchain chromium", file=sys.stderr)  # noqa: T201 -- a command's own output
        return 2
    try:
        browser = install_chromium(lambda line: print(f"  {line}", file=sys.stderr))  # noqa: T201
    except ToolMissing as problem:
        print(problem, file=sys.stderr)  # noqa: T201
        return 1
    print(browser)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
