"""The evidence package: a BagIt 1.0 bag (RFC 8493) in one zip file that stores its members uncompressed.

Rules:

1. Every file under `data/` is payload and stands in manifest-sha256.txt; every other file is a tag file and stands in
   tagmanifest-sha256.txt, save that file itself and `signatures/`, which is made after it and vouches for it.
2. Members stand in the byte order of their names, but tagmanifest-sha256.txt is last: it names the digests of the rest.
3. Times (run start, UTC), permissions (0644) and compression (none) are fixed, so that the same tree always makes the
   same bytes.
4. A file is read once: its digest is of the very bytes that went into the zip.
5. What could mean another file elsewhere is refused: links, special files, names that are unsafe, or that differ only
   in case or Unicode form.
6. The package appears under its name when it is complete, or not at all.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import IO

from evidence_store.model import safe_relative_path

BAGIT_TXT = "bagit.txt"
BAG_INFO_TXT = "bag-info.txt"
MANIFEST_TXT = "manifest-sha256.txt"
TAG_MANIFEST_TXT = "tagmanifest-sha256.txt"
PAYLOAD = "data/"
SIGNATURES = "signatures/"
BAG_DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

CHUNK_BYTES = 1 << 20

Progress = Callable[[str, int, int], None]
"""Told (what, bytes done, bytes in all) while a long piece of work goes on."""

_MADE_HERE = frozenset({BAGIT_TXT, BAG_INFO_TXT, MANIFEST_TXT, TAG_MANIFEST_TXT})
_OWN_LABELS = ("Bag-Software-Agent", "Bagging-Date", "Payload-Oxum")
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_FIRST_ZIP_YEAR, _LAST_ZIP_YEAR = 1980, 2107
_ZIP64_FROM = 0x7FFFFFFF


class BundleError(Exception):
    """The tree cannot be packed as it is, or the package cannot be written."""


@dataclass(frozen=True)
class BuiltBundle:
    """A finished package: where it lies, the digest and size (bytes) of the zip file, and how many files it holds."""

    path: Path
    sha256: str
    size: int
    files: int


@dataclass(frozen=True)
class _Source:
    name: str
    path: Path
    size: int


def build_bundle(
    bag_root: Path,
    destination: Path,
    *,
    run_started: datetime,
    bag_info: Mapping[str, str],
    progress: Progress | None = None,
) -> BuiltBundle:
    """Pack the tree under `bag_root` into one zip file, leaving the tree as it is; raises BundleError.

    `bag_info` adds labels to bag-info.txt; `progress` is told bytes.
    """
    if run_started.tzinfo is None:
        raise BundleError("run_started has no time zone: the package could not say when the run was")
    if destination.resolve().is_relative_to(bag_root.resolve()):
        raise BundleError(f"{destination} lies inside the tree that is packed; choose a place outside {bag_root}")
    started = run_started.astimezone(UTC)
    try:
        sources = _scan(bag_root)
        info = _bag_info(bag_info, started, [source for source in sources if source.name.startswith(PAYLOAD)])
        destination.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=destination.parent, prefix=f".{destination.name}-", suffix=".part")
        half_written = Path(temporary)
        try:
            with os.fdopen(handle, "w+b") as stream:
                files = _write(stream, sources, info, started, progress)
                stream.seek(0)
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
                size = stream.tell()
            half_written.chmod(0o644)
            half_written.replace(destination)
        except BaseException:
            half_written.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BundleError(f"the evidence package could not be written: {error}") from error
    return BuiltBundle(path=destination, sha256=digest, size=size, files=files)


def member_name_problem(name: str) -> str | None:
    """Why a name may not stand in a package, or None when it may."""
    if _CONTROL.search(name):
        return "holds a control character or is not UTF-8"
    try:
        safe_relative_path(name)
    except ValueError:
        return "is not a plain relative path"
    return None


def colliding_names(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names that a file system without case, or with one Unicode form, could not keep apart.

    A file whose name is also a folder's is such a pair.
    """
    pairs = []
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in names:
        parts = name.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            first = folders.setdefault(_folded(folder), folder)
            if first != folder:
                pairs.append((first, folder))
        first = files.setdefault(_folded(name), name)
        if first != name:
            pairs.append((first, name))
    pairs.extend((files[key], folders[key] + "/") for key in sorted(files.keys() & folders.keys()))
    return pairs


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def encoded_name(name: str) -> str:
    """A name as it stands in a manifest: CR, LF and % are percent-encoded, and nothing else (RFC 8493, 2.1.3)."""
    return name.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def decoded_name(name: str) -> str:
    """The inverse of `encoded_name`."""
    return re.sub(r"%(0[DdAa]|25)", lambda found: chr(int(found[1], 16)), name)


def readme_text(run_id: str, *, target: str, verdict: str, started_at: datetime) -> str:
    """README.txt of a package: what it is and how anyone checks it, in plain words."""
    return _README.format(
        run_id=run_id,
        target=target,
        verdict=verdict.upper(),
        started=f"{started_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
    )


def _scan(bag_root: Path) -> list[_Source]:
    if not bag_root.is_dir() or bag_root.is_symlink():
        raise BundleError(f"{bag_root} is not a folder; the evidence package is made from one")
    sources = sorted(_walk(bag_root, ""), key=lambda source: source.name.encode())
    names = [source.name for source in sources]
    made_here = _MADE_HERE.intersection(names)
    if made_here:
        raise BundleError(f"{', '.join(sorted(made_here))}: written while packing, so the tree may not hold it")
    if "run.json" not in names:
        raise BundleError(f"{bag_root} has no run.json: without it nobody can decide again what was found")
    if not any(name.startswith(PAYLOAD) for name in names):
        raise BundleError(f"{bag_root} has no file under data/: a package without evidence proves nothing")
    for first, second in colliding_names([*names, *_MADE_HERE]):
        raise BundleError(f"{first!r} and {second!r} are one file on some systems; rename one of them")
    return sources


def _walk(folder: Path, prefix: str) -> Iterator[_Source]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            problem = member_name_problem(name)
            if problem is not None:
                raise BundleError(f"{name!r} {problem}; rename it")
            if entry.is_symlink():
                raise BundleError(f"{name!r} is a link; a package holds the files themselves")
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), name + "/")
            elif entry.is_file(follow_symlinks=False):
                yield _Source(name, Path(entry.path), entry.stat(follow_symlinks=False).st_size)
            else:
                raise BundleError(f"{name!r} is neither a file nor a folder; a package holds nothing else")


def _bag_info(labels: Mapping[str, str], started: datetime, payload: list[_Source]) -> bytes:
    fields = {
        "Bag-Software-Agent": _software(),
        "Bagging-Date": f"{started:%Y-%m-%d}",
        "Payload-Oxum": f"{sum(source.size for source in payload)}.{len(payload)}",
    }
    for label, value in sorted(labels.items()):
        if not _LABEL.fullmatch(label) or label in _OWN_LABELS:
            raise BundleError(f"bag-info.txt: {label!r} is not a label that can be added")
        # Line breaks would start another label.
        fields[label] = " ".join(_CONTROL.sub(" ", value).split())
    return "".join(f"{label}: {value}\n" for label, value in fields.items()).encode()


def _software() -> str:
    try:
        return f"stageproof {metadata.version('stageproof')}"
    except metadata.PackageNotFoundError:
        return "stageproof"


class _Writer:
    """Puts members into a zip file and keeps the digest of each."""

    def __init__(self, archive: zipfile.ZipFile, started: datetime) -> None:
        self._archive = archive
        year = min(max(started.year, _FIRST_ZIP_YEAR), _LAST_ZIP_YEAR)
        self._time = (year, started.month, started.day, started.hour, started.minute, started.second)
        self.digests: dict[str, str] = {}

    def add(self, name: str, chunks: Iterable[bytes], size: int) -> None:
        info = zipfile.ZipInfo(name, self._time)
        info.create_system = 3  # Unix, on whatever system it is made: permissions are read by it
        info.external_attr = (stat.S_IFREG | 0o644) << 16
        info.compress_type = zipfile.ZIP_STORED
        digest = hashlib.sha256()
        written = 0
        with self._archive.open(info, "w", force_zip64=size >= _ZIP64_FROM) as member:
            for chunk in chunks:
                digest.update(chunk)
                member.write(chunk)
                written += len(chunk)
                if written > size:
                    break
        if written != size:
            raise BundleError(f"{name!r} changed while it was packed; nothing may write into the evidence any more")
        self.digests[name] = digest.hexdigest()


def _write(stream: IO[bytes], sources: list[_Source], info: bytes, started: datetime, progress: Progress | None) -> int:
    total = sum(source.size for source in sources)
    done = 0

    def chunks(source: _Source) -> Iterator[bytes]:
        nonlocal done
        for chunk in _read(source):
            yield chunk
            done += len(chunk)
            if progress is not None:
                progress("packing", done, total)

    files: dict[str, _Source | bytes] = {source.name: source for source in sources}
    files |= {BAGIT_TXT: BAG_DECLARATION, BAG_INFO_TXT: info, MANIFEST_TXT: b""}
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        writer = _Writer(archive, started)
        for name in sorted(files, key=str.encode):
            content = files[name]
            if isinstance(content, _Source):
                writer.add(name, chunks(content), content.size)
            else:
                # All of data/ stands before manifest-sha256.txt in byte order, so its digests are known by now.
                made = _manifest(writer.digests, payload=True) if name == MANIFEST_TXT else content
                writer.add(name, [made], len(made))
        made = _manifest(writer.digests, payload=False)
        writer.add(TAG_MANIFEST_TXT, [made], len(made))
        return len(writer.digests)


def _manifest(digests: Mapping[str, str], *, payload: bool) -> bytes:
    return "".join(
        f"{digest}  {encoded_name(name)}\n"
        for name, digest in digests.items()
        if name.startswith(PAYLOAD) is payload and not name.startswith(SIGNATURES)
    ).encode()


def _read(source: _Source) -> Iterator[bytes]:
    # A link or pipe that took the file's place since it was listed must neither be followed nor waited for.
    handle = os.open(source.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb", buffering=0) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise BundleError(f"{source.name!r} changed while it was packed; it is no longer a file")
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


_README = """\
Evidence of staging validation run {run_id}
===========================================================================

Target:   {target}
Started:  {started}
Verdict:  {verdict}

This is everything the run looked at and everything it concluded. Open
index.html in a browser: it works offline and needs nothing else.

  index.html      the report for people
  run.json        the same for machines: what was planned, seen and decided
  data/           the evidence as it was gathered, secrets removed
  signatures/     who vouches for it (may be absent)
  bagit.txt, bag-info.txt, manifest-sha256.txt, tagmanifest-sha256.txt
                  the list of all files with their SHA-256 (BagIt 1.0, RFC 8493)


How to check that nothing was altered
-------------------------------------

With nothing but unzip and sha256sum (on a Mac: shasum -a 256):

    unzip -q bundle.zip -d package && cd package
    sha256sum -c --quiet manifest-sha256.txt tagmanifest-sha256.txt

No output means that every listed file is there and unaltered. It does not say
that no file was added. For that, these two numbers must be the same:

    cat manifest-sha256.txt tagmanifest-sha256.txt | wc -l
    find . -type f ! -path './signatures/*' ! -path ./tagmanifest-sha256.txt | wc -l

Whoever can rewrite the whole package can rewrite its lists too. So compare the
SHA-256 of bundle.zip itself with the one sealed in the ledger of the evidence
store under this run's name:

    sha256sum bundle.zip

With stageproof, all of this and more (the verdict is decided again from the
findings, and the ledger is asked) is one command:

    stageproof verify bundle.zip
"""
