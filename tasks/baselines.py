"""What a person approved: `<baselines>/<target>/visual.toml`, and the pictures, named by their SHA-256.

```toml
[approved."dashboard@phone"]
sha256 = "9f2c…"
environment = "Chromium 156…; Linux x86_64; 390x844@1 touch; tiles 4096x1024"
approved_by = "Ada"
approved_at = 2026-11-24T10:00:00Z
run_id = "20261124T095800Z-demo-1a2b3c"
reason = "new KPI cards"

[quarantine."map@phone"]
owner = "Bo"
reason = "tiles load in any order; STAGE-77"
expires = 2026-12-08T00:00:00Z
```

`stageproof approve` writes the first table, a person the second one. The pictures lie beside the index in `visual/`;
with STAGEPROOF_BASELINE_STORE=s3 they lie in the object store under `v1/<project>/cas/<sha256>`, so that a repository
need not hold them. Either way a picture is what was approved only when its bytes hash to the digest in the index.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import tomli_w
from pydantic import AwareDatetime, ConfigDict, Field, ValidationError

from evidence_store.model import Record
from evidence_store.objects import (
    AlreadyThere,
    ObjectMissingError,
    ObjectStore,
    StoreError,
    StoreSettings,
    TooLargeError,
)
from tasks.plan import problems_of

INDEX = "visual.toml"
PICTURES = "visual"
STORE_VARIABLE = "STAGEPROOF_BASELINE_STORE"


class BaselineError(Exception):
    """The baselines of a target cannot be used as they are."""


class BadPictureError(BaselineError):
    """One approved picture is missing or is not what was approved; the others may be sound."""


class ApprovedPicture(Record):
    """One approved picture of one subject, and who stands for it."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    environment: str
    approved_by: str = Field(min_length=1)
    approved_at: AwareDatetime
    run_id: str
    reason: str = ""


class Quarantine(Record):
    """Somebody answers for a subject whose picture is known to change: until `expires` a change of it does not gate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    owner: str = Field(min_length=1)
    reason: str = Field(min_length=8)
    expires: AwareDatetime
    """Mandatory, with a time zone: a quarantine without an end is a check that was switched off."""


class VisualIndex(Record):
    """The whole of `visual.toml`; unknown tables are refused, because a misspelt one would silently mean nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approved: dict[str, ApprovedPicture] = Field(default_factory=dict)
    quarantine: dict[str, Quarantine] = Field(default_factory=dict)


def baselines_root(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder with a folder for each target: STAGEPROOF_BASELINES, else ./baselines."""
    return Path(environment.get("STAGEPROOF_BASELINES") or "baselines")


def read_index(folder: Path) -> dict[str, ApprovedPicture]:
    """The approved pictures of a target; empty when nothing was approved yet. Raises BaselineError."""
    return read_visual_index(folder).approved


def read_visual_index(folder: Path) -> VisualIndex:
    """Everything `visual.toml` says; empty when there is none yet. Raises BaselineError."""
    try:
        return VisualIndex.model_validate(tomllib.loads((folder / INDEX).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return VisualIndex()
    except ValidationError as error:
        raise BaselineError(
            f"{folder / INDEX} cannot be read: {'; '.join(problems_of(error))}. Mend it, or restore the committed one"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise BaselineError(f"{folder / INDEX} cannot be read: {error}. Restore the committed one") from error


def picture_path(folder: Path, sha256: str) -> Path:
    """Where the bytes of an approved picture lie when they are kept beside the index."""
    return folder / PICTURES / f"{sha256}.png"


class PictureStore(Protocol):
    """Where the bytes of approved pictures are kept, by their SHA-256."""

    def read(self, sha256: str) -> bytes:
        """The bytes that hash to this; raises BadPictureError, or BaselineError when no picture can be had."""
        ...

    def write(self, sha256: str, content: bytes) -> None:
        """Keep these bytes; raises BaselineError."""
        ...


class FolderPictures:
    """Pictures beside the index."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, sha256: str) -> bytes:
        """The bytes that hash to this; raises BadPictureError."""
        path = picture_path(self._folder, sha256)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BadPictureError(
                f"the approved picture {path} cannot be read ({error.strerror}); restore it or approve anew"
            ) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise BadPictureError(
                f"the approved picture {path} does not hash to what was approved; restore it or approve anew"
            )
        return content

    def write(self, sha256: str, content: bytes) -> None:
        """Keep these bytes, anew even when the file is there: it may have been damaged since."""
        path = picture_path(self._folder, sha256)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
        except OSError as error:
            raise BaselineError(f"{path} cannot be written: {error.strerror or error}") from error


class StoredPictures:
    """Pictures in the object store, by content: written once, the same for everybody who approves them."""

    def __init__(self, store: ObjectStore, project: str) -> None:
        self._store = store
        self._project = project

    def _key(self, sha256: str) -> str:
        return f"v1/{self._project}/cas/{sha256}"

    def read(self, sha256: str) -> bytes:
        """The bytes that hash to this; raises BadPictureError, or BaselineError when the store cannot be read."""
        key = self._key(sha256)
        try:
            content = self._store.get(key)
        except (ObjectMissingError, TooLargeError) as error:
            raise BadPictureError(f"the approved picture is not to be had: {error}; approve anew") from error
        except StoreError as error:
            raise BaselineError(f"approved pictures cannot be read ({STORE_VARIABLE}=s3): {error}") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise BadPictureError(
                f"the approved picture {key} does not hash to what was approved: somebody replaced the object;"
                " restore its first version"
            )
        return content

    def write(self, sha256: str, content: bytes) -> None:
        """Keep these bytes; what is stored already must be the same."""
        try:
            try:
                self._store.put_if_absent(self._key(sha256), content, "image/png")
            except AlreadyThere:
                self.read(sha256)
        except StoreError as error:
            raise BaselineError(f"the picture cannot be stored ({STORE_VARIABLE}=s3): {error}") from error


def picture_store(folder: Path, project: str, environment: Mapping[str, str] = os.environ) -> PictureStore:
    """Where pictures of a target are kept: what STAGEPROOF_BASELINE_STORE says, `folder` (default) or `s3`."""
    chosen = environment.get(STORE_VARIABLE) or "folder"
    if chosen == "folder":
        return FolderPictures(folder)
    if chosen != "s3":
        raise BaselineError(f"{STORE_VARIABLE} is '{chosen}'; it is 'folder' (beside visual.toml) or 's3'")
    try:
        return StoredPictures(ObjectStore(StoreSettings.from_environment(environment)), project)
    except StoreError as error:
        raise BaselineError(f"{STORE_VARIABLE} is 's3', but {error}") from error


def approve(
    folder: Path, pictures: Mapping[str, tuple[ApprovedPicture, bytes]], store: PictureStore | None = None
) -> None:
    """Add approvals; two people approving at once both keep theirs. Raises BaselineError."""
    store = store or FolderPictures(folder)
    try:
        with locked(folder):
            index = read_visual_index(folder)
            # Pictures first: an index that names a picture nobody has would be an error in every run.
            for approved, content in pictures.values():
                store.write(approved.sha256, content)
            merged = index.approved | {subject: approved for subject, (approved, _) in pictures.items()}
            _write_index(folder, index.model_copy(update={"approved": merged}))
    except OSError as error:
        raise BaselineError(f"{folder} cannot be written: {error.strerror or error}") from error


def _write_index(folder: Path, index: VisualIndex) -> None:
    tables = {
        name: {subject: record.model_dump() for subject, record in sorted(records.items())}
        for name, records in (("approved", index.approved), ("quarantine", index.quarantine))
        if records
    }
    write_whole(folder / INDEX, tomli_w.dumps(tables).encode())


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in its place at once: whoever reads meanwhile sees the old one or the new one, never a half."""
    # A name of its own: two processes may write the same file.
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_bytes(content)
    partial.replace(path)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a target's folder, which is made when it is not there, while its files are read and written anew.

    The folder itself is held: a lock file would be committed with what lies beside it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
