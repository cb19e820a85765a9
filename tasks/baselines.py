"""What a person approved: `<baselines>/<target>/visual.toml` and the pictures, named by their SHA-256.

```toml
[approved."dashboard@phone"]
sha256 = "9f2c…"
environment = "Chromium 156…; Linux x86_64; 390x844@1 touch"
approved_by = "Ada"
approved_at = 2026-11-24T10:00:00Z
run_id = "20261124T095800Z-demo-1a2b3c"
reason = "new KPI cards"
```
"""

from __future__ import annotations

import fcntl
import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import tomli_w
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from evidence_store.model import Record

INDEX = "visual.toml"
PICTURES = "visual"


class BaselineError(Exception):
    """The folder of baselines cannot be used as it is."""


class ApprovedPicture(Record):
    """One approved picture of one subject, and who stands for it."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    environment: str
    approved_by: str = Field(min_length=1)
    approved_at: AwareDatetime
    run_id: str
    reason: str = ""


_INDEX = TypeAdapter(dict[str, ApprovedPicture])


def baselines_root(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder with a folder for each target: STAGEPROOF_BASELINES, else ./baselines."""
    return Path(environment.get("STAGEPROOF_BASELINES") or "baselines")


def read_index(folder: Path) -> dict[str, ApprovedPicture]:
    """The approved pictures of a target; empty when nothing was approved yet. Raises BaselineError."""
    try:
        content = tomllib.loads((folder / INDEX).read_text(encoding="utf-8"))
        return _INDEX.validate_python(content.get("approved", {}))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, ValidationError) as error:
        raise BaselineError(f"{folder / INDEX} cannot be read: {error}") from error


def picture_path(folder: Path, sha256: str) -> Path:
    """Where the bytes of an approved picture lie."""
    return folder / PICTURES / f"{sha256}.png"


def approve(folder: Path, pictures: Mapping[str, tuple[ApprovedPicture, bytes]]) -> None:
    """Add approvals; two people approving at once both keep theirs. Raises BaselineError."""
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    with locked(folder):
        index = read_index(folder)
        for subject, (approved, content) in pictures.items():
            path = picture_path(folder, approved.sha256)
            # Written anew even when it is there: its bytes may have been damaged since.
            write_whole(path, content)
            index[subject] = approved
        content_of_index = {subject: index[subject].model_dump() for subject in sorted(index)}
        write_whole(folder / INDEX, tomli_w.dumps({"approved": content_of_index}).encode())


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in its place at once: whoever reads meanwhile sees the old one or the new one, never a half."""
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(path)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a target's folder, which is made when it is not there, while its files are read and written anew."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
