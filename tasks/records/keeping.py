"""Writes the files of a sweep: steps once, answers whole or not at all, and a draft while they are being given."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, ValidationError

from evidence_store.signing import SigningError, read_signers, sign
from tasks.baselines import BaselineError, baselines_root
from tasks.records.gather import record_path, sweep_path, sweeps_folder
from tasks.records.manual import (
    PAYLOAD_TYPE,
    BadFileError,
    StepResult,
    Sweep,
    SweepRecord,
    read_sweep,
    sweep_digest,
    unanswered,
)


class _Draft(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sweep_sha256: str
    by: str
    results: tuple[StepResult, ...]


def write_sweep(target: str, name: str, text: str) -> Path:
    """Write a new sweep; raises BaselineError when there is one, or when it could not be walked."""
    path = sweep_path(target, name)
    try:
        read_sweep(text.encode())
    except BadFileError as error:
        raise BaselineError(f"the sweep would not be one: {error}") from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise BaselineError(f"{path} is there already: edit it, or remove it first") from error
    except OSError as error:
        raise BaselineError(f"{path} cannot be written ({error.strerror or error})") from error
    return path


def load_sweep(target: str, name: str) -> tuple[Sweep, str]:
    """A sweep and the digest of its file; raises BaselineError with what to do."""
    path = sweep_path(target, name)
    try:
        content = path.read_bytes()
        return read_sweep(content), sweep_digest(content)
    except FileNotFoundError as error:
        raise BaselineError(
            f"there is no sweep {path}; write it with `stageproof manual new {target} {name} --page PAGE`"
        ) from error
    except OSError as error:
        raise BaselineError(f"{path} cannot be read ({error.strerror or error})") from error
    except BadFileError as error:
        raise BaselineError(f"{path} cannot be used: {error}") from error


def names_of_sweeps(target: str) -> list[str]:
    """Every sweep of a target that there is, in the plan or not."""
    return sorted(path.stem for path in sweeps_folder(target).glob("*.yaml"))


def draft_path(target: str, name: str) -> Path:
    """Where answers are kept while a sweep is being walked."""
    return sweeps_folder(target) / f"{name}.draft.json"


def read_draft(target: str, name: str, sha256: str, by: str) -> dict[str, StepResult]:
    """Answers that were given before the walk was interrupted; none when the sweep changed since.

    Raises BaselineError when they are another person's: a record has one name under it.
    """
    path = draft_path(target, name)
    try:
        draft = _Draft.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        raise BaselineError(f"{path} cannot be read; remove it to begin anew") from error
    if draft.sweep_sha256 != sha256:
        return {}
    if draft.by != by:
        raise BaselineError(f"{draft.by} began to walk this sweep and did not end; remove {path} to begin anew as {by}")
    return {result.step: result for result in draft.results}


def write_draft(target: str, name: str, sha256: str, by: str, results: Sequence[StepResult]) -> None:
    """Keep the answers given so far; raises BaselineError."""
    draft = _Draft(sweep_sha256=sha256, by=by, results=tuple(results))
    _replace(draft_path(target, name), draft.model_dump_json(indent=1))


def signer_of(key: Ed25519PrivateKey) -> str:
    """The name in signers.toml that a key belongs to; raises SigningError with the line to add."""
    mine = key.public_key().public_bytes_raw()
    for name, known in read_signers(baselines_root()).items():
        if known.public_bytes_raw() == mine:
            return name
    raise SigningError(
        f"this key is nobody's in {baselines_root() / 'signers.toml'}: have its public half added there, under"
        ' [signers], as NAME = "ssh-ed25519 …" (ssh-keygen -y prints it)'
    )


def write_record(record: SweepRecord, sweep: Sweep, key: Ed25519PrivateKey | None) -> tuple[Path, str | None]:
    """Write a record, signed when there is a key, in place of the one before: (its file, who signed it).

    Raises BaselineError when it does not answer every step, and SigningError.
    """
    if problems := list(unanswered(sweep, record)):
        raise BaselineError("; ".join(problems))
    path, content = record_path(record.target, record.sweep), record.to_bytes()
    signer = None
    if key is not None:
        signer = signer_of(key)
        content = sign(content, PAYLOAD_TYPE, key, signer).model_dump_json(by_alias=True, indent=1).encode()
    _replace(path, content.decode())
    draft_path(record.target, record.sweep).unlink(missing_ok=True)
    return path, signer


def _replace(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=f".{path.name}-", encoding="utf-8", delete=False
        ) as stream:
            stream.write(text + "\n")
        written = Path(stream.name)
        written.chmod(0o644)
        written.replace(path)
    except OSError as error:
        raise BaselineError(f"{path} cannot be written ({error.strerror or error})") from error
