"""Which Chromium the checks drive: found, never installed here (`make setup` does that).

The headless shell is preferred to the whole browser: the same engine, without the windows and services that nobody sees
in a run. A look at a page costs about half the processor time with it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

VARIABLE = "STAGEPROOF_CHROMIUM"

SYSTEM_NAMES = (
    "chromium-headless-shell",
    "chrome-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)

# Where Playwright unpacks its browsers below its own folder, by platform.
_MANAGED_EXECUTABLES = {
    "chromium-headless-shell": ("chrome-*/headless_shell*", "chrome-headless-shell-*/chrome-headless-shell*"),
    "chromium": ("chrome-linux*/chrome", "chrome-mac*/*.app/Contents/MacOS/*", "chrome-win*/chrome.exe"),
}


class BrowserMissing(RuntimeError):  # noqa: N818 -- says what is the case
    """There is no Chromium to drive; the message says how to get one."""


def find_chromium() -> Path:
    """The Chromium to drive: the one in STAGEPROOF_CHROMIUM, else Playwright's own, else the system's.

    Raises BrowserMissing when there is none, or when STAGEPROOF_CHROMIUM names something that cannot be run.
    """
    for path in candidates():
        return path
    raise BrowserMissing(
        f"No Chromium was found: run `make setup`, or install chromium with the system's package manager, "
        f"or set {VARIABLE} to the executable's path."
    )


def edition(browser: Path) -> str:
    """What a picture depends on besides the version: the shell draws some things otherwise than the whole browser."""
    return "Chromium headless shell" if "headless" in browser.name else "Chromium"


def candidates() -> Iterator[Path]:
    """Every Chromium on this machine, the preferred one first; only the named one when STAGEPROOF_CHROMIUM is set."""
    named = os.environ.get(VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not _runnable(path):
            raise BrowserMissing(f"{VARIABLE} is set to {named!r}, which is not an executable file.")
        yield path
        return
    yield from _managed_by_playwright()
    for name in SYSTEM_NAMES:
        found = shutil.which(name)
        if found:
            yield Path(found)


def _managed_by_playwright() -> Iterator[Path]:
    """The browser of the revision that the installed Playwright expects; found without starting its driver."""
    package = _playwright_package()
    if package is None:
        return
    browsers = json.loads((package / "browsers.json").read_text(encoding="utf-8"))["browsers"]
    revisions = {browser["name"]: browser["revision"] for browser in browsers}
    for name, patterns in _MANAGED_EXECUTABLES.items():
        folder = _browsers_folder(package) / f"{name.replace('-', '_')}-{revisions.get(name)}"
        # Written last by Playwright: without it the download was interrupted.
        if (folder / "INSTALLATION_COMPLETE").exists():
            for pattern in patterns:
                yield from (path for path in sorted(folder.glob(pattern)) if _runnable(path))


def _playwright_package() -> Path | None:
    spec = find_spec("playwright")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent / "driver" / "package"
    return package if (package / "browsers.json").exists() else None


def _browsers_folder(package: Path) -> Path:
    chosen = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    if chosen == "0":
        return package / ".local-browsers"
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ms-playwright"
    if sys.platform == "win32":
        return Path.home() / "AppData" / "Local" / "ms-playwright"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ms-playwright"


def _runnable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
