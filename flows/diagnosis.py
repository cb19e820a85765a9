"""What a run needs on this machine, and what earlier runs left behind."""

from __future__ import annotations

import fcntl
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from evidence_store.objects import ObjectStore, StoreError, StoreSettings
from evidence_store.workspace import OpenedRun, Workspace
from flows.run_settings import home_folder, target_names
from tasks.doors.chromium import BrowserMissing, find_chromium

CUT_OFF_AFTER = timedelta(days=1)
"""No upload goes on for so long: its parts time out, and are tried again a few times."""


def diagnose(*, clean: bool) -> list[dict[str, Any]]:
    """Findings with `what`, `state` (ok, note, problem) and `words`; with `clean`, removes what nobody needs now."""
    store = _store()
    uploads = _uploads(clean=clean) if store["state"] != "problem" else []
    return [_browser(), store, *uploads, _prefect(), _targets(), *_workspaces(clean=clean)]


def _finding(what: str, state: str, words: str) -> dict[str, Any]:
    return {"what": what, "state": state, "words": words}


def _browser() -> dict[str, Any]:
    try:
        return _finding("Chromium", "ok", str(find_chromium()))
    except BrowserMissing as error:
        return _finding("Chromium", "problem", str(error))


def _store() -> dict[str, Any]:
    try:
        store = ObjectStore(StoreSettings.from_environment(os.environ))
        store.check()
        store.check_write_once()
        kept = store.keeps_versions()
    except StoreError as error:
        return _finding("evidence store", "problem", str(error))
    if not kept:
        return _finding(
            "evidence store", "note", "reachable and write-once, but the bucket keeps no versions: turn it on"
        )
    return _finding("evidence store", "ok", "reachable, write-once, keeps versions")


def _uploads(*, clean: bool) -> list[dict[str, Any]]:
    """Uploads that were cut off: nobody sees their parts, and they take room until somebody ends them."""
    store = ObjectStore(StoreSettings.from_environment(os.environ))
    try:
        latest = datetime.now(UTC) - CUT_OFF_AFTER
        cut_off = [
            upload
            for upload in store.unfinished_uploads("v1/")
            if upload.key.endswith("/bundle.zip") and upload.begun_at < latest
        ]
        for upload in cut_off if clean else ():
            store.give_up(upload)
    except StoreError as error:
        words = f"not known whether any were cut off ({error}); a lifecycle rule of the bucket can end them"
        return [_finding("uploads", "note", words)]
    if not cut_off:
        return []
    words = (
        f"{len(cut_off)} cut off, the first at {min(upload.begun_at for upload in cut_off):%Y-%m-%d %H:%M} UTC; their"
        " parts take room in the bucket, and nobody sees them"
    )
    return [
        _finding(
            "uploads", "note", f"{words}; removed" if clean else f"{words}: `stageproof doctor --clean` removes them"
        )
    ]


def _prefect() -> dict[str, Any]:
    import httpx

    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return _finding("Prefect", "note", "PREFECT_API_URL is not set: runs use an API of their own and no schedule")
    try:
        healthy = httpx.get(f"{url}/health", timeout=5).status_code == 200
    except httpx.HTTPError as error:
        return _finding("Prefect", "problem", f"{url} does not answer ({error}); start it, or `stageproof up`")
    return _finding("Prefect", "ok" if healthy else "problem", url)


def _targets() -> dict[str, Any]:
    names = target_names()
    return _finding(
        "targets", "ok" if names else "problem", ", ".join(names) or "none: write a plan in deployments/targets"
    )


def _workspaces(*, clean: bool) -> list[dict[str, Any]]:
    findings = []
    for folder in sorted((home_folder() / "runs").glob("*")):
        words = _state_of(folder)
        if words is None:
            continue
        state, sentence = words
        if clean and state not in {"held", "unsealed"}:
            shutil.rmtree(folder)
            sentence += "; removed"
        findings.append(_finding(f"run {folder.name}", "ok" if state == "ended" else "note", sentence))
    return findings


def _state_of(folder: Path) -> tuple[str, str] | None:
    if not folder.is_dir():
        return None
    if _held(folder):
        return "held", "is being made"
    if Workspace(folder).is_sealed():
        return "ended", "ended; its workspace is a copy of what was sealed"
    try:
        opened = OpenedRun.model_validate_json((folder / "opened.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "broken", "never got as far as being opened"
    how = f"`{opened.how_to_resume}`"
    if Workspace(folder).package.is_file():
        return "unsealed", f"holds a finished package that was not seen to be sealed; finish it with {how}"
    return "open", f"did not end; finish it with {how}"


def _held(folder: Path) -> bool:
    lock = folder / "run.lock"
    if not lock.exists():
        return False
    with lock.open("r+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
