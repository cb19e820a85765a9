"""Whether an evidence package is what it says it is. Everything in it counts as hostile until it was checked.

Rules, in the order they are checked; content is read only when the zip file itself is sound:

1. The file is a zip of at most `Limits`; every byte of it belongs to exactly one member; members are stored or
   deflated, not encrypted, and inflate to no more than they declare.
2. Names are plain relative paths, listed once, and stay apart on systems without case; there are no links.
3. bagit.txt declares BagIt 1.0 in UTF-8; there is no fetch.txt.
4. Every file stands in exactly one manifest (`data/` in manifest-sha256.txt, the rest in tagmanifest-sha256.txt, which
   names neither itself nor `signatures/`), and every name in a manifest is a file.
5. Every file hashes to what its manifest says, and Payload-Oxum in bag-info.txt gives bytes and number of the payload.
6. run.json is a manifest of a known schema; its times follow each other.
7. data/plan.json hashes to the plan digest, data/redaction.json counts what run.json counts, and every file that a
   finding points to is there.
8. The verdict, decided again from expectations, results, waivers and release, is the one that is stored.
9. With a ledger entry: run, project, target, profile, release, verdict, digest and size of the zip equal what was
   sealed.

A problem is a sentence. No content, however broken, raises an exception here.
"""

from __future__ import annotations

import hashlib
import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel, NonNegativeInt, ValidationError

from evidence_store.bundle import (
    BAG_DECLARATION,
    BAG_INFO_TXT,
    BAGIT_TXT,
    CHUNK_BYTES,
    MANIFEST_TXT,
    PAYLOAD,
    SIGNATURES,
    TAG_MANIFEST_TXT,
    Progress,
    colliding_names,
    decoded_name,
    member_name_problem,
)
from evidence_store.gate import decide
from evidence_store.ledger import LedgerEntry
from evidence_store.model import SCHEMA_VERSION, Decision, Manifest
from evidence_store.workspace import BrokenEvidenceError

RUN_JSON = "run.json"
PLAN_JSON = "data/plan.json"
REDACTION_JSON = "data/redaction.json"
CLOCK_TOLERANCE = timedelta(minutes=5)
"""Between the machine that decided and the one that sealed."""

_MOST_PROBLEMS = 100
_LONGEST_PATTERN = 1000
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_END_RECORD = struct.Struct("<4s4H2IH")
_ZIP64_END = struct.Struct("<4sQ2H2I4Q")
_ZIP64_LOCATOR = struct.Struct("<4sIQI")
_ENCRYPTED, _DESCRIPTOR = 0x1, 0x8
_SEE_ZIP64 = 0xFFFFFFFF
_MANIFEST_LINE = re.compile(r"([0-9a-fA-F]{64})[ \t]+\*?(.+)")
_OXUM = re.compile(r"^Payload-Oxum:[ \t]*(\d{1,20})\.(\d{1,20})[ \t]*$", re.MULTILINE)
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    ValueError,  # includes UnicodeDecodeError
    RuntimeError,  # includes NotImplementedError
    EOFError,
    OverflowError,
    LookupError,
)


@dataclass(frozen=True)
class Limits:
    """How much a package may ask of whoever reads it. Sizes in bytes."""

    package_bytes: int = 64 << 30
    total_bytes: int = 64 << 30
    member_bytes: int = 16 << 30
    files: int = 200_000
    directory_bytes: int = 128 << 20
    """The zip's own table of members, which is read into memory."""
    expansion: int = 200
    """A deflated member of more than 1 MiB may not inflate by more than this factor."""
    text_bytes: int = 64 << 20
    """run.json and each manifest, which are read into memory."""
    decided_subjects: int = 20_000
    """Subjects or findings of one check, and a tenth of those of all, beyond which the verdict is not decided again."""


@dataclass(frozen=True)
class Verification:
    """What was checked (`checks`, with amounts) and what is wrong (`problems`); `bytes` is the sum of all files."""

    problems: tuple[str, ...]
    manifest: Manifest | None
    files: int
    bytes: int
    checks: tuple[str, ...]
    sha256: str | None = None
    """Of the zip file."""

    @property
    def ok(self) -> bool:
        """Every rule was checked and none was broken."""
        return not self.problems and self.manifest is not None


class BadPackageError(BrokenEvidenceError):
    """The file is not a zip whose members can be read safely; `problems` says why."""

    def __init__(self, path: Path, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{path} is not a sound evidence package: {'; '.join(self.problems[:3])}")


class BagReader:
    """Reads members of a package whose zip file is sound; close it, or use it in a `with`. Threads may share it."""

    def __init__(self, path: Path, stream: io.BufferedReader, archive: zipfile.ZipFile) -> None:
        self.path = path
        self._stream = stream
        self._archive = archive
        self._members = {info.filename: info for info in archive.infolist() if not info.is_dir()}

    def names(self) -> list[str]:
        """Every path in the package, sorted."""
        return sorted(self._members)

    def size(self, name: str) -> int:
        """The size of one member in bytes; raises BrokenEvidenceError when there is none."""
        return self._member(name).file_size

    def read(self, name: str, max_bytes: int = 64 << 20) -> bytes:
        """The bytes of one member; raises BrokenEvidenceError when missing, damaged or over `max_bytes`."""
        if self.size(name) > max_bytes:
            raise BrokenEvidenceError(f"{_shown(name)} is {self.size(name):,} bytes, more than {max_bytes:,}")
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of one member piece by piece; raises BrokenEvidenceError when missing or damaged."""
        member = self._member(name)
        done = 0
        try:
            with self._archive.open(member) as content:
                while chunk := content.read(CHUNK_BYTES):
                    done += len(chunk)
                    yield chunk
        except _UNREADABLE as error:
            raise BrokenEvidenceError(f"{_shown(name)} is damaged: {_reason(error)}") from error
        if done != member.file_size:
            raise BrokenEvidenceError(f"{_shown(name)} is damaged: {done:,} of {member.file_size:,} bytes are there")

    def digest(self) -> tuple[str, int]:
        """SHA-256 and size (bytes) of the zip file itself: the one that is read, whatever has its name by now."""
        self._stream.seek(0)
        return hashlib.file_digest(self._stream, "sha256").hexdigest(), self._stream.tell()

    def close(self) -> None:
        """Close the file."""
        self._archive.close()
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _member(self, name: str) -> zipfile.ZipInfo:
        try:
            return self._members[name]
        except KeyError:
            raise BrokenEvidenceError(f"{_shown(name)} is not in the package") from None


def read_bag(path: Path, *, limits: Limits | None = None) -> BagReader:
    """Open a package for reading members; its digests are *not* checked. Raises BadPackageError."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise BadPackageError(path, [f"the file cannot be read: {error.strerror}"]) from error
    try:
        return _open(path, stream, limits or Limits())
    except BaseException:
        stream.close()
        raise


def verify_zip(
    path: Path,
    *,
    ledger_entry: LedgerEntry | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Check one package against every rule above; bytes to `progress`. Memory stays bounded by `limits`."""
    limits = limits or Limits()
    look = _Look(limits)
    try:
        with read_bag(path, limits=limits) as bag:
            look.passed(f"zip file sound: {len(bag.names()):,} members, each byte in one of them")
            look.bag(bag, progress)
            look.package(bag, ledger_entry)
    except BadPackageError as error:
        look.problems += error.problems
    return look.verification()


def _open(path: Path, stream: io.BufferedReader, limits: Limits) -> BagReader:
    try:
        problems = list(_oversized(stream, limits))
        if problems:
            raise BadPackageError(path, problems)
        archive = zipfile.ZipFile(stream)
        problems = [
            *_bad_members(archive.infolist(), limits),
            *_bad_names(archive.infolist()),
            *_bad_layout(stream, archive),
        ]
    except _UNREADABLE as error:
        raise BadPackageError(path, [f"not a readable zip file: {_reason(error)}"]) from error
    if problems:
        raise BadPackageError(path, problems)
    return BagReader(path, stream, archive)


def _oversized(stream: io.BufferedReader, limits: Limits) -> Iterator[str]:
    """Refuse by the zip's end record alone, before its table of members is read into memory."""
    size = stream.seek(0, 2)
    if size > limits.package_bytes:
        yield f"the file is {size:,} bytes; at most {limits.package_bytes:,} are read"
        return
    stream.seek(max(0, size - 65_536 - _END_RECORD.size))
    tail = stream.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + _END_RECORD.size > len(tail):
        yield "not a readable zip file: it has no end record, so it is something else or cut off"
        return
    _, _, _, _, count, directory, _, comment = _END_RECORD.unpack_from(tail, at)
    if comment or at + _END_RECORD.size != len(tail):
        yield "bytes follow the end of the zip, which belong to no member"
    if tail[at - _ZIP64_LOCATOR.size :].startswith(b"PK\6\7") and at >= _ZIP64_LOCATOR.size:
        _, _, where, _ = _ZIP64_LOCATOR.unpack_from(tail, at - _ZIP64_LOCATOR.size)
        stream.seek(where)
        record = _ZIP64_END.unpack(stream.read(_ZIP64_END.size))
        count, directory = record[7], record[8]
    if count > limits.files:
        yield f"{count:,} members; at most {limits.files:,} are read"
    if directory > limits.directory_bytes:
        yield f"the table of members is {directory:,} bytes; at most {limits.directory_bytes:,} are read"


def _bad_members(members: list[zipfile.ZipInfo], limits: Limits) -> Iterator[str]:
    if len(members) > limits.files:
        yield f"{len(members):,} members; at most {limits.files:,} are read"
    total = sum(member.file_size for member in members)
    if total > limits.total_bytes:
        yield f"{total:,} bytes when unpacked; at most {limits.total_bytes:,} are read"
    for member in members:
        name = _shown(member.orig_filename)
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            yield f"{name} is {'a link' if kind == stat.S_IFLNK else 'a special file'}"
        if member.flag_bits & _ENCRYPTED:
            yield f"{name} is encrypted"
        if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            yield f"{name} is packed by method {member.compress_type}, neither stored nor deflated"
        if member.compress_type == zipfile.ZIP_STORED and member.compress_size != member.file_size:
            yield f"{name} is stored, but its two sizes differ"
        if member.file_size > limits.member_bytes:
            yield f"{name} is {member.file_size:,} bytes; at most {limits.member_bytes:,} are read"
        if member.file_size > max(1 << 20, limits.expansion * member.compress_size):
            yield f"{name} inflates from {member.compress_size:,} to {member.file_size:,} bytes: a zip bomb"
        if member.is_dir() and member.file_size:
            yield f"{name} is a folder with content"


def _bad_names(members: list[zipfile.ZipInfo]) -> Iterator[str]:
    seen: set[str] = set()
    for member in members:
        name = member.orig_filename.removesuffix("/")
        problem = member_name_problem(name)
        if problem is not None:
            yield f"{_shown(member.orig_filename)} {problem}"
        elif name in seen:
            yield f"{_shown(name)} is in the zip more than once"
        seen.add(name)
    for first, second in colliding_names(sorted(member.filename for member in members if not member.is_dir())):
        yield f"{_shown(first)} and {_shown(second)} are one file on some systems"


def _bad_layout(stream: io.BufferedReader, archive: zipfile.ZipFile) -> Iterator[str]:
    """Members that share bytes, or bytes between members: what one reader shows and another does not."""
    position = 0
    for member in sorted(archive.infolist(), key=lambda member: member.header_offset):
        if member.header_offset != position:
            word = "shares bytes with" if member.header_offset < position else "leaves hidden bytes after"
            yield f"{_shown(member.orig_filename)} {word} what stands before it: the zip was cut or pieced together"
            return
        stream.seek(position)
        signature, _, flags, method, _, _, crc, packed, unpacked, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(
            stream.read(_LOCAL_HEADER.size)
        )
        here = (signature, flags & (_ENCRYPTED | _DESCRIPTOR), method)
        there = (b"PK\3\4", member.flag_bits & (_ENCRYPTED | _DESCRIPTOR), member.compress_type)
        known = not flags & _DESCRIPTOR and _SEE_ZIP64 not in (packed, unpacked)
        amounts = (crc, packed, unpacked) == (member.CRC, member.compress_size, member.file_size)
        if here != there or (known and not amounts):
            yield f"{_shown(member.orig_filename)} has a header that contradicts the table of members"
            return
        position += _LOCAL_HEADER.size + name_bytes + extra_bytes + member.compress_size
        if flags & _DESCRIPTOR:
            stream.seek(position)
            position += _descriptor_bytes(stream.read(24), member)
    if position != archive.start_dir:
        yield "hidden bytes stand between the last member and the table of members"


def _descriptor_bytes(found: bytes, member: zipfile.ZipInfo) -> int:
    """How many bytes the data descriptor takes: with or without signature, with 32- or 64-bit sizes."""
    for layout in ("<4sI2I", "<4sI2Q", "<I2I", "<I2Q"):
        size = struct.calcsize(layout)
        if len(found) < size:
            continue
        *signature, crc, packed, unpacked = struct.unpack(layout, found[:size])
        sizes = (crc, packed, unpacked) == (member.CRC, member.compress_size, member.file_size)
        if sizes and signature in ([], [b"PK\7\10"]):
            return size
    raise zipfile.BadZipFile(f"{_shown(member.orig_filename)} has no valid data descriptor")


class _SchemaVersion(BaseModel):
    schema_version: int


class _RedactionNote(BaseModel):
    rules: dict[str, NonNegativeInt]


@dataclass
class _Look:
    """One verification under way: what was found so far."""

    limits: Limits
    problems: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    manifest: Manifest | None = None
    files: int = 0
    bytes: int = 0
    sha256: str | None = None

    def passed(self, what: str) -> None:
        """Note a rule that held, and for how much."""
        self.checks.append(what)

    @contextmanager
    def rule(self, held: str) -> Iterator[list[str]]:
        """Collect one rule's problems; with none, note that it held."""
        found: list[str] = []
        try:
            yield found
        except BrokenEvidenceError as error:
            found.append(str(error))
        self.problems += found
        if not found:
            self.passed(held)

    def verification(self) -> Verification:
        """What was found."""
        problems = self.problems[:_MOST_PROBLEMS]
        if len(self.problems) > _MOST_PROBLEMS:
            problems.append(f"and {len(self.problems) - _MOST_PROBLEMS:,} more problems")
        return Verification(
            problems=tuple(problems),
            manifest=self.manifest,
            files=self.files,
            bytes=self.bytes,
            checks=tuple(self.checks),
            sha256=self.sha256,
        )

    def bag(self, bag: BagReader, progress: Progress | None) -> None:
        """Rules 3 to 5: what BagIt says."""
        names = bag.names()
        with self.rule("bagit.txt declares BagIt 1.0 in UTF-8") as problems:
            if bag.read(BAGIT_TXT, 1024).replace(b"\r\n", b"\n").rstrip(b"\n") != BAG_DECLARATION.rstrip(b"\n"):
                problems.append("bagit.txt does not declare BagIt 1.0 in UTF-8")
        if "fetch.txt" in names:
            self.problems.append("fetch.txt points to files elsewhere; a package holds all of its files")

        listed: dict[str, str] = {}
        with self.rule(f"{len(names):,} files, each in one manifest, none added, none missing") as problems:
            payload = self._listed(bag, MANIFEST_TXT, problems)
            tags = self._listed(bag, TAG_MANIFEST_TXT, problems)
            problems += [
                f"{_shown(n)} is not payload, but stands in {MANIFEST_TXT}" for n in payload if not _payload(n)
            ]
            problems += [
                f"{_shown(n)} does not belong in {TAG_MANIFEST_TXT}"
                for n in tags
                if _payload(n) or n == TAG_MANIFEST_TXT or n.startswith(SIGNATURES)
            ]
            listed = payload | tags
            signed = {name for name in names if name == TAG_MANIFEST_TXT or name.startswith(SIGNATURES)}
            problems += [
                f"{_shown(n)} is in no manifest: it was added" for n in names if n not in listed.keys() | signed
            ]
            problems += [f"{_shown(n)} is in a manifest, but missing" for n in sorted(listed.keys() - set(names))]

        sizes = {name: bag.size(name) for name in names}
        self.files, self.bytes = len(names), sum(sizes.values())
        compared = sum(size for name, size in sizes.items() if name in listed)
        with self.rule(f"SHA-256 of {len(listed):,} files, {compared:,} bytes, as listed") as problems:
            problems += self._altered(bag, listed, progress)
            if not compared:
                problems.append("no file could be compared with a digest")
        amounts = [size for name, size in sizes.items() if _payload(name)]
        with self.rule(f"Payload-Oxum: {len(amounts):,} files, {sum(amounts):,} bytes of evidence") as problems:
            oxum = _OXUM.findall(_text(bag, BAG_INFO_TXT, self.limits.text_bytes))
            if [(int(size), int(count)) for size, count in oxum] != [(sum(amounts), len(amounts))]:
                problems.append(
                    f"bag-info.txt: Payload-Oxum is not {sum(amounts)}.{len(amounts)}, the bytes and files under data/"
                )

    def package(self, bag: BagReader, entry: LedgerEntry | None) -> None:
        """Rules 6 to 9: what stageproof says."""
        with self.rule(f"run.json is a manifest of schema {SCHEMA_VERSION}") as problems:
            self.manifest = self._manifest(bag, problems)
        manifest = self.manifest
        if manifest is not None:
            names = set(bag.names())
            with self.rule("the plan is the one that run.json names") as problems:
                digest = hashlib.sha256()
                for chunk in bag.chunks(PLAN_JSON):
                    digest.update(chunk)
                if digest.hexdigest() != manifest.plan_sha256:
                    problems.append(f"{PLAN_JSON} is not the plan that run.json names")
            pointers = [
                (result.check, path)
                for result in manifest.results
                for found in result.findings
                for path in found.evidence
            ]
            with self.rule(f"{len(pointers):,} pieces of evidence that findings point to are there") as problems:
                problems += [
                    f"a finding of {_shown(check)} points to {_shown(path)}, which is missing"
                    for check, path in pointers
                    if path not in names
                ]
            again = f"verdict decided again: {manifest.decision.verdict}, {len(manifest.decision.subjects):,} subjects"
            with self.rule(again) as problems:
                problems += self._decided_otherwise(manifest)
        with self.rule("redaction note present and that of run.json") as problems:
            try:
                note = _RedactionNote.model_validate_json(bag.read(REDACTION_JSON, self.limits.text_bytes))
            except ValidationError:
                problems.append(f"{REDACTION_JSON} does not say what was removed")
            else:
                if manifest is not None and note.rules != manifest.redaction.counts:
                    problems.append(f"{REDACTION_JSON} and run.json differ about what was removed")
        self.sha256, size = bag.digest()
        if entry is not None:
            with self.rule(f"ledger entry {entry.seq} sealed this very package") as problems:
                problems += _not_sealed(entry, self.manifest, self.sha256, size)

    def _listed(self, bag: BagReader, manifest: str, problems: list[str]) -> dict[str, str]:
        listed: dict[str, str] = {}
        try:
            text = _text(bag, manifest, self.limits.text_bytes)
        except BrokenEvidenceError as error:
            problems.append(str(error))
            return listed
        for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
            if not line:
                continue
            match = _MANIFEST_LINE.fullmatch(line)
            name = decoded_name(match[2]) if match else ""
            if match is None or member_name_problem(name) is not None:
                problems.append(f"{manifest}, line {number}: not a digest and a name")
            elif name in listed:
                problems.append(f"{manifest}, line {number}: {_shown(name)} is listed twice")
            else:
                listed[name] = match[1].lower()
        return listed

    def _altered(self, bag: BagReader, listed: Mapping[str, str], progress: Progress | None) -> Iterator[str]:
        done = 0
        for name in bag.names():
            digest = hashlib.sha256()
            try:
                for chunk in bag.chunks(name):
                    digest.update(chunk)
                    done += len(chunk)
                    if progress is not None:
                        progress("checking", done, self.bytes)
            except BrokenEvidenceError as error:
                yield str(error)
                continue
            if name in listed and digest.hexdigest() != listed[name]:
                yield f"{_shown(name)} was altered: it does not hash to what its manifest says"

    def _manifest(self, bag: BagReader, problems: list[str]) -> Manifest | None:
        content = bag.read(RUN_JSON, self.limits.text_bytes)
        try:
            version = _SchemaVersion.model_validate_json(content).schema_version
            if version != SCHEMA_VERSION:
                problems.append(f"run.json has schema {version}; this version of stageproof knows {SCHEMA_VERSION}")
                return None
            manifest = Manifest.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the whole"
            problems.append(f"run.json is not a manifest: {_shown(where)}: {_plain(first['msg'])}")
            return None
        if not manifest.started_at <= manifest.finished_at or not manifest.started_at <= manifest.decision.decided_at:
            problems.append("run.json: the run ended, or was decided, before it began")
        return manifest

    def _decided_otherwise(self, manifest: Manifest) -> Iterator[str]:
        sizes = [
            len(manifest.waivers),
            len(manifest.results),
            *(len(subjects) for subjects in manifest.expected.values()),
            *(len(result.findings) for result in manifest.results),
        ]
        most = max(sizes)
        limit = self.limits.decided_subjects
        if most > limit or sum(sizes) > 10 * limit:
            yield f"run.json names {most:,} subjects or findings of one check, {sum(sizes):,} in all: too many"
            return
        if any(len(waiver.subject) > _LONGEST_PATTERN for waiver in manifest.waivers):
            yield f"run.json has a waiver with a pattern of more than {_LONGEST_PATTERN:,} characters"
            return
        stored = manifest.decision
        again = decide(manifest.expected, manifest.results, manifest.waivers, manifest.release, stored.decided_at)
        if again.verdict is not stored.verdict:
            yield f"run.json says {stored.verdict}, but its own findings decide {again.verdict}"
        elif again != stored:
            yield f"run.json's decision is not what its own findings decide: {_first_difference(stored, again)}"


def _first_difference(stored: Decision, again: Decision) -> str:
    if stored.doubt != again.doubt:
        return "whether the release is known"
    if stored.waivers != again.waivers:
        return "what became of the waivers"
    ours = {(subject.check, subject.subject): subject for subject in again.subjects}
    theirs = {(subject.check, subject.subject): subject for subject in stored.subjects}
    differing = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
    return _shown(": ".join(differing[0])) if differing else "a subject is listed twice or out of order"


def _not_sealed(entry: LedgerEntry, manifest: Manifest | None, sha256: str, size: int) -> Iterator[str]:
    if entry.seal is None:
        yield f"ledger entry {entry.seq} only opened the run; nothing was sealed"
        return
    if entry.seal.bundle.sha256 != sha256:
        yield f"the zip file hashes to {sha256}, but {entry.seal.bundle.sha256} was sealed"
    if entry.seal.bundle.size != size:
        yield f"the zip file is {size:,} bytes, but {entry.seal.bundle.size:,} were sealed"
    if manifest is None:
        return
    pairs = {
        "run": (manifest.run_id, entry.run_id),
        "project": (manifest.project, entry.project),
        "target": (manifest.target, entry.target),
        "profile": (manifest.profile, entry.profile),
        "verdict": (manifest.decision.verdict.value, entry.seal.verdict.value),
        "release": (manifest.release.before or "", entry.seal.release or ""),
    }
    for word, (here, there) in pairs.items():
        if here != there:
            yield f"run.json gives {word} {_shown(here)}, but {_shown(there)} was sealed"
    if manifest.decision.decided_at - entry.at > CLOCK_TOLERANCE:
        yield "run.json was decided after the ledger sealed it"


def _payload(name: str) -> bool:
    return name.startswith(PAYLOAD)


def _text(bag: BagReader, name: str, max_bytes: int) -> str:
    try:
        return bag.read(name, max_bytes).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BrokenEvidenceError(f"{name} is not UTF-8 at byte {error.start}") from error


def _shown(text: str) -> str:
    """A foreign name, safe in a message: quoted, control characters spelled out, not longer than a line."""
    shown = ascii(text[:120]) if any(not c.isprintable() for c in text[:120]) else repr(text[:120])
    return shown + ("…" if len(text) > 120 else "")


def _reason(error: Exception) -> str:
    return _plain(str(error)) or type(error).__name__


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split())[:200])
