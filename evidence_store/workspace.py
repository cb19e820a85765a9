"""The folder of one run while it is made: evidence as gathered, redacted on its way in.

```
<home>/runs/<run_id>/
    run.lock      held by the process that writes
    opened.json   what was opened, for `doctor` and for a later look at a run that never ended
    <run_id>.zip  the evidence package, once it is finished; what it says is never decided again
    .*            half written, of no worth once nobody holds the folder
    bag/          what will be the evidence package: run.json, index.html, data/...
```
Gathered evidence is one JSON file for each shard, `data/<source>/<shard>.evidence.json`; a shard that could not look
leaves `<shard>.failure.json` in its place, so that "nobody looked" and "nothing was there" are never the same.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from evidence_store.model import Artifact, Evidence, Record, Release, safe_relative_path
from evidence_store.redaction import Redactor

Kind = TypeVar("Kind", bound=Evidence)


class WorkspaceError(Exception):
    """The folder of a run cannot be used as asked."""


class BrokenEvidenceError(Exception):
    """Stored evidence is missing, altered or not what it says it is."""


class ShardFailure(Record):
    """Why a shard could not look, and at what it was to look."""

    source: str
    shard: str
    members: tuple[str, ...]
    message: str


class OpenedRun(Record):
    """What a workspace was opened for."""

    run_id: str
    target: str
    profile: str
    opened_at: AwareDatetime
    process: int
    release: Release = Release()
    plan: str = ""
    """What names its plan to whoever resumes it: a target's name, or a path."""
    only: tuple[str, ...] = ()
    note: str = ""

    @property
    def how_to_resume(self) -> str:
        """The command that finishes the run."""
        return resume_command(self.plan or self.target, self.profile, self.run_id, self.only, self.note)


def resume_command(plan: str, profile: str, run_id: str, only: Iterable[str], note: str) -> str:
    """The whole command that finishes a run, with all that it was started with and a resumed run does not remember."""
    words = ["stageproof", "run", plan, "--profile", profile]
    words += [word for check in only for word in ("--only", check)]
    words += ["--note", note] if note else []
    return shlex.join([*words, "--resume", run_id])


class EvidenceFiles(Protocol):
    """Read access to the files of a run, whether it is being made or was stored."""

    def names(self) -> list[str]:
        """Every path in the bag, sorted."""
        ...

    def read(self, path: str) -> bytes:
        """The bytes of one path; raises BrokenEvidenceError when it is not there."""
        ...


def read_artifact(files: EvidenceFiles, artifact: Artifact) -> bytes:
    """The bytes of an artifact, after their digest was checked; raises BrokenEvidenceError."""
    content = files.read(artifact.path)
    if hashlib.sha256(content).hexdigest() != artifact.sha256:
        raise BrokenEvidenceError(f"{artifact.path} does not hash to what was recorded when it was gathered")
    return content


def evidence_of(files: EvidenceFiles, kind: type[Kind]) -> list[Kind]:
    """All evidence of one kind, ordered by file and position; raises BrokenEvidenceError."""
    found: list[Kind] = []
    for name in files.names():
        if not name.endswith(".evidence.json"):
            continue
        try:
            content = json.loads(files.read(name))
            found.extend(TypeAdapter(list[kind]).validate_python(content.get(kind.kind, [])))  # type: ignore[valid-type]
        except (ValueError, ValidationError, AttributeError) as error:
            raise BrokenEvidenceError(f"{name} is not readable evidence of kind {kind.kind}: {error}") from error
    return found


def failures_of(files: EvidenceFiles) -> list[ShardFailure]:
    """Every shard that could not look."""
    return [
        ShardFailure.model_validate_json(files.read(name)) for name in files.names() if name.endswith(".failure.json")
    ]


class Workspace:
    """Writes a run's evidence; safe to share between the threads of a run."""

    def __init__(self, root: Path, redactor: Redactor | None = None) -> None:
        self.root = root
        self.bag = root / "bag"
        self.redactor = redactor or Redactor()
        self.on_look: Callable[[str, str], None] = lambda _source, _subject: None
        """Told (source, subject) whenever a look has ended, for whoever shows progress."""
        self._lock = threading.Lock()
        self._held: IO[str] | None = None
        self.resumed = False
        """A resumed run looks again where it was cut off, over files that nothing speaks of yet."""

    @classmethod
    def create(cls, home: Path, opened: OpenedRun) -> Workspace:
        """A new folder for a run; refuses one that is there already."""
        root = home / "runs" / opened.run_id
        try:
            root.mkdir(parents=True, mode=0o700)
        except FileExistsError as error:
            raise WorkspaceError(f"run {opened.run_id} has a workspace already: {root}") from error
        workspace = cls(root)
        (workspace.bag / "data").mkdir(parents=True)
        workspace.remember(opened)
        return workspace

    @classmethod
    def reopen(cls, home: Path, run_id: str) -> tuple[Workspace, OpenedRun]:
        """The folder of a run that did not end, to finish it; nothing in it is changed yet."""
        root = home / "runs" / run_id
        try:
            opened = OpenedRun.model_validate_json((root / "opened.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise WorkspaceError(f"there is no run {run_id} to resume in {home / 'runs'}: {error}") from error
        workspace = cls(root)
        workspace.resumed = True
        return workspace, opened

    def clear_remains(self) -> None:
        """Remove what was half written beside the bag when an earlier process was cut off; hold the folder first."""
        for remains in self.root.glob(".*"):
            if remains.is_dir():
                shutil.rmtree(remains)
            else:
                remains.unlink()

    def forget_failures(self) -> None:
        """Let what could not look, look again."""
        for name in self.names():
            if name.endswith(".failure.json"):
                failed = self.bag / name
                failed.with_name(name.rpartition("/")[2].replace(".failure.", ".evidence.")).unlink(missing_ok=True)
                failed.unlink()

    @classmethod
    def join(cls, root: Path, *, resumed: bool) -> Workspace:
        """The folder of a run that another process holds, to add evidence to it on that process's behalf."""
        workspace = cls(root)
        workspace.resumed = resumed
        return workspace

    def remember(self, opened: OpenedRun) -> None:
        """Write down what this folder was opened for, beside the bag."""
        self._replace(self.root / "opened.json", opened.model_dump_json(indent=1).encode())

    def remember_summary(self, summary: str) -> None:
        """Write down how the run ended, beside the bag."""
        self._replace(self.root / "summary.json", summary.encode())

    @property
    def package(self) -> Path:
        """Where the evidence package appears when it is finished."""
        return self.root / f"{self.root.name}.zip"

    def is_sealed(self) -> bool:
        """Whether this run ended with a package in the store, so that this folder is only a copy of it."""
        try:
            return bool(json.loads((self.root / "summary.json").read_text(encoding="utf-8")).get("sha256"))
        except (OSError, ValueError, AttributeError):
            return False

    def digest(self, path: str) -> str:
        """The SHA-256 of one path of the bag, as it is stored."""
        return hashlib.sha256(self.read(path)).hexdigest()

    def hold(self) -> None:
        """Keep every other process from writing here until this one ends; raises WorkspaceError when one does."""
        lock = (self.root / "run.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise WorkspaceError(f"run {self.root.name} is being made by another process") from error
        self._held = lock

    def release(self) -> None:
        """Let others write here again."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def names(self) -> list[str]:
        """Every path in the bag, sorted."""
        return sorted(_files_in(self.bag))

    def read(self, path: str) -> bytes:
        """The bytes of one path of the bag."""
        try:
            return self._inside(path).read_bytes()
        except OSError as error:
            raise BrokenEvidenceError(f"{path} cannot be read: {error.strerror or error}") from error

    def write(self, path: str, content: bytes, media_type: str) -> Artifact:
        """Store one file of evidence, redacted; refuses to overwrite another one."""
        content = self.redactor.redact(content)
        destination = self._inside(path)
        with self._lock:
            if not self.resumed and destination.exists() and destination.read_bytes() != content:
                raise WorkspaceError(f"{path} is evidence already; it is never overwritten")
            self._replace(destination, content)
        return Artifact(path=path, media_type=media_type, sha256=hashlib.sha256(content).hexdigest(), size=len(content))

    def adopt(self, source: Path, path: str, media_type: str, most_bytes: int) -> Artifact:
        """Take a file that a child process wrote into the evidence; one over `most_bytes` keeps its two ends."""
        size = source.stat().st_size
        with source.open("rb") as stream:
            if size <= most_bytes:
                return self.write(path, stream.read(), media_type)
            # Each end is read a secret longer than it is kept, and cut after its secrets are removed: a secret that
            # lies on the cut would otherwise leave half of itself.
            half, longest = most_bytes // 2, self.redactor.longest_form()
            head = self.redactor.redact(stream.read(half + longest))
            stream.seek(-min(half + longest, size), os.SEEK_END)
            tail = self.redactor.redact(stream.read())
            note = f"\n\n[... {size - 2 * half:,} of {size:,} bytes left out ...]\n\n".encode()
            return self.write(path, head[: len(head) - longest] + note + tail[longest:], media_type)

    def write_evidence(self, source: str, shard: str, evidence: Sequence[Evidence]) -> None:
        """Store what one shard saw; its presence is what says that the shard has looked."""
        by_kind: dict[str, list[Any]] = {}
        for item in evidence:
            by_kind.setdefault(item.kind, []).append(item.model_dump(mode="json"))
        self._replace(self._inside(f"data/{source}/{shard}.evidence.json"), self._json(by_kind))

    def write_failure(self, failure: ShardFailure) -> None:
        """Store that a shard could not look."""
        path = f"data/{failure.source}/{failure.shard}.failure.json"
        self._replace(self._inside(path), self._json(failure.model_dump(mode="json")))

    def has_evidence(self, source: str, shard: str) -> bool:
        """Whether this shard has looked to its end, in this run or before it was resumed."""
        place = f"data/{source}/{shard}"
        return self._inside(f"{place}.evidence.json").exists() and not self._inside(f"{place}.failure.json").exists()

    def write_root(self, name: str, content: str) -> None:
        """Store a file beside data/, such as run.json or index.html; may be written again until the bag is built."""
        self._replace(self._inside(name), self.redactor.redact(content.encode("utf-8", "replace")))

    def sweep_secrets(self) -> list[str]:
        """Redact everything once more, now that all secrets are known; digests in evidence follow. Paths changed."""
        renamed: dict[str, tuple[str, int]] = {}
        changed = []
        evidence = [name for name in self.names() if name.endswith(".evidence.json")]
        for name in self.names():
            before = self.read(name)
            after = self.redactor.redact(before)
            if after != before:
                self._replace(self._inside(name), after)
                changed.append(name)
                renamed[hashlib.sha256(before).hexdigest()] = (hashlib.sha256(after).hexdigest(), len(after))
        for name in evidence:
            content = json.loads(self.read(name))
            if _follow_digests(content, renamed):
                self._replace(self._inside(name), self._json(content))
        return changed

    def _inside(self, path: str) -> Path:
        return self.bag / safe_relative_path(path)

    def _json(self, content: Any) -> bytes:
        return self.redactor.redact(json.dumps(content, indent=1, ensure_ascii=False).encode("utf-8", "replace"))

    def _replace(self, destination: Path, content: bytes) -> None:
        destination.parent.mkdir(parents=True, exist_ok=True)
        # Written beside the bag and moved: a run killed here leaves no half file that could pass for evidence.
        handle, temporary = tempfile.mkstemp(dir=self.root, prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(destination)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def _follow_digests(content: Any, renamed: Mapping[str, tuple[str, int]]) -> bool:
    """Replace the digest and size of every artifact whose bytes were redacted late; True when any was."""
    touched = False
    if isinstance(content, dict):
        if content.get("sha256") in renamed and "path" in content:
            content["sha256"], content["size"] = renamed[content["sha256"]]
            touched = True
        children: Iterator[Any] = iter(content.values())
    elif isinstance(content, list):
        children = iter(content)
    else:
        return False
    for child in children:
        touched = _follow_digests(child, renamed) or touched
    return touched


def _files_in(folder: Path | str, before: str = "") -> Iterator[str]:
    # Each judge asks for all of them, and a path object for each file takes ten times as long.
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files_in(entry.path, f"{before}{entry.name}/")
            elif entry.is_file():
                yield before + entry.name
