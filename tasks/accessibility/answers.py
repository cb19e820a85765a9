"""People's answers to questions: `<baselines>/<target>/reviews/<fingerprint>.json`, one for each question.

A signed answer is a DSSE envelope around the record, an unsigned one is the record itself. Rules:

- a signature counts when it verifies with a key in `signers.toml` and is of the person the record names;
- a record that names another target, question or file than its own is refused, so that none can be passed on;
- what cannot be read or does not verify is an error, and never treated as if nobody had answered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import ValidationError

from evidence_store.model import Finding, Manifest, Outcome
from evidence_store.signing import Envelope, SigningError, sign, signers_of
from tasks.accessibility.models import Answer, Fingerprint
from tasks.baselines import locked, write_whole
from tasks.plan import problems_of

REVIEWS = "reviews"
PAYLOAD_TYPE = "application/vnd.stageproof.answer+json"
MAX_ANSWERS = 10_000
MAX_ANSWER_BYTES = 200_000
_FILE_NAME = re.compile(r"[0-9a-f]{16}\.json")


class AnswerError(Exception):
    """A recorded answer that cannot be used, or one that cannot be recorded; says what to do."""


@dataclass(frozen=True)
class GivenAnswer:
    """One answer as it was recorded; its signature, if it has one, is not verified yet."""

    answer: Answer
    envelope: Envelope | None

    @property
    def is_signed(self) -> bool:
        """Whether it carries a signature, of whatever worth."""
        return self.envelope is not None

    def verify(self, signers: Mapping[str, Ed25519PublicKey]) -> None:
        """Raise SigningError when its signature is not that of the person it names."""
        if self.envelope is not None and self.answer.by not in signers_of(self.envelope, PAYLOAD_TYPE, signers):
            names = ", ".join(signature.keyid for signature in self.envelope.signatures)
            raise SigningError(f"it is signed by {names}, and says that it is by {self.answer.by}")


def parse_answer(content: bytes, name: str, target: str) -> GivenAnswer:
    """A record as it lies in its file; raises AnswerError when it is not one for this target under this name."""
    try:
        whole = json.loads(content)
        envelope = Envelope.model_validate(whole) if isinstance(whole, dict) and "payloadType" in whole else None
        answer = Answer.model_validate_json(envelope.content()) if envelope else Answer.model_validate(whole)
    except ValidationError as error:
        raise AnswerError(f"{name} is not a recorded answer: {'; '.join(problems_of(error)[:5])}") from error
    except (ValueError, RecursionError, SigningError) as error:
        raise AnswerError(f"{name} is not a recorded answer: {error}") from error
    if answer.target != target:
        raise AnswerError(f"{name} answers a question of target '{answer.target[:100]}', and not of '{target}'")
    if name != file_name(answer):
        raise AnswerError(f"{name} answers the question {answer.fingerprint}; its name must be {file_name(answer)}")
    return GivenAnswer(answer, envelope)


def file_name(answer: Answer) -> str:
    """What the file of an answer is called."""
    return f"{answer.fingerprint}.json"


def read_answers(folder: Path) -> dict[str, bytes]:
    """The files of a target's recorded answers by name; raises AnswerError when one cannot be an answer."""
    place = folder / REVIEWS
    try:
        paths = sorted(path for path in place.iterdir() if path.suffix == ".json")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise AnswerError(f"{place} cannot be read: {error.strerror or error}") from error
    if len(paths) > MAX_ANSWERS:
        raise AnswerError(f"{place} holds more than {MAX_ANSWERS:,} answers; remove those to questions nobody asks")
    found = {}
    for path in paths:
        if not _FILE_NAME.fullmatch(path.name) or path.is_symlink() or not path.is_file():
            raise AnswerError(f"{path} is not the file of an answer, '<fingerprint>.json'; take it away")
        try:
            if path.stat().st_size > MAX_ANSWER_BYTES:
                raise AnswerError(f"{path} has more than {MAX_ANSWER_BYTES:,} bytes; take it away and answer anew")
            found[path.name] = path.read_bytes()
        except OSError as error:
            raise AnswerError(f"{path} cannot be read: {error.strerror or error}") from error
    return found


def given_answers(folder: Path, target: str) -> list[GivenAnswer]:
    """A target's recorded answers; raises AnswerError when one is not as it must be."""
    return [parse_answer(content, name, target) for name, content in read_answers(folder).items()]


def drop_answers(folder: Path, names: Iterable[str]) -> None:
    """Take the files of these answers away."""
    with locked(folder):
        for name in names:
            (folder / REVIEWS / name).unlink(missing_ok=True)


def questions_of(manifest: Manifest) -> dict[Fingerprint, tuple[str, Finding]]:
    """The questions a run left open or that a person answered 'fail' (who may think again), each with its check."""
    return {
        finding.fingerprint: (result.check, finding)
        for result in manifest.results
        for finding in result.findings
        if finding.element_sha256 and finding.outcome in {Outcome.REVIEW, Outcome.FAIL}
    }


def answer_to(manifest: Manifest, fingerprint: Fingerprint, answer: str, *, by: str, reason: str, days: int) -> Answer:
    """A person's answer to a question of a run, given now; raises AnswerError when there is no such question."""
    asked = questions_of(manifest)
    if fingerprint not in asked:
        listing = f"`stageproof review {manifest.run_id}` lists them"
        raise AnswerError(f"run {manifest.run_id} has no open question {fingerprint}; {listing}")
    check, question = asked[fingerprint]
    now = datetime.now(UTC)
    try:
        return Answer.model_validate(
            {
                "target": manifest.target,
                "check": check,
                "rule": question.rule,
                "element": question.element,
                "subject": question.subject,
                "fingerprint": fingerprint,
                "element_sha256": question.element_sha256,
                "element_looks": question.element_looks,
                "run_id": manifest.run_id,
                "answer": answer,
                "by": by,
                "reason": reason,
                "answered_at": now,
                "expires": now + timedelta(days=days),
            }
        )
    except ValidationError as error:
        raise AnswerError("; ".join(problems_of(error))) from error


def record_answer(folder: Path, answer: Answer, key: Ed25519PrivateKey | None) -> Path:
    """Write an answer down, signed when there is a key, in place of an earlier one to the same question."""
    payload = answer.model_dump_json(indent=1).encode()
    if key is not None:
        payload = sign(payload, PAYLOAD_TYPE, key, answer.by).model_dump_json(by_alias=True, indent=1).encode()
    path = folder / REVIEWS / file_name(answer)
    with locked(folder):
        path.parent.mkdir(exist_ok=True)
        write_whole(path, payload + b"\n")
    return path
