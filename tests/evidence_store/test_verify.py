"""Verification: what was packed is accepted, and every way of spoiling it is told without a traceback."""

from __future__ import annotations

import json
import stat
import struct
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from evidence_store.ledger import BundleReference, LedgerEntry
from evidence_store.model import CheckResult, Finding, Manifest, Outcome, VerdictWord, Waiver
from evidence_store.verify import BadPackageError, Limits, read_bag, verify_zip
from evidence_store.workspace import BrokenEvidenceError
from tests.evidence_store.packages import (
    RUN_ID,
    SPEC,
    STARTED,
    build,
    edited,
    good_files,
    good_manifest,
    rehashed,
    sealed_entry,
    write_tree,
    zipped,
)


def test_a_good_package_is_accepted_with_amounts(tree: Path, tmp_path: Path) -> None:
    built = build(tree, tmp_path / "b.zip")
    told: list[tuple[str, int, int]] = []

    verification = verify_zip(
        built.path, ledger_entry=sealed_entry(built), progress=lambda *amounts: told.append(amounts)
    )

    assert verification.problems == ()
    assert verification.ok
    assert verification.manifest == good_manifest()
    assert (verification.files, verification.sha256) == (built.files, built.sha256)
    assert told[-1] == ("checking", verification.bytes, verification.bytes)
    assert verification.checks == (
        "zip file sound: 11 members, each byte in one of them",
        "bagit.txt declares BagIt 1.0 in UTF-8",
        "11 files, each in one manifest, none added, none missing",
        f"SHA-256 of 10 files, {verification.bytes - tag_manifest_bytes(built.path):,} bytes, as listed",
        "Payload-Oxum: 3 files, 10,311 bytes of evidence",
        "run.json is a manifest of schema 1",
        "the plan is the one that run.json names",
        "1 pieces of evidence that findings point to are there",
        "verdict decided again: no-go, 1 subjects",
        "redaction note present and that of run.json",
        "ledger entry 2 sealed this very package",
    )


def tag_manifest_bytes(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        return archive.getinfo("tagmanifest-sha256.txt").file_size


@pytest.mark.real
@pytest.mark.parametrize("options", [["-0"], ["-9"], ["-9", "-fd"], ["-0", "-D"]], ids=str)
def test_a_package_zipped_anew_by_someone_is_accepted(tree: Path, tmp_path: Path, options: list[str]) -> None:
    built = build(tree, tmp_path / "b.zip")
    subprocess.run(["unzip", "-q", built.path, "-d", tmp_path / "out"], check=True)
    flags = [option for option in options if option != "-fd"]
    if "-fd" in options:  # data descriptors, as a zip that is written to a pipe has
        with (tmp_path / "again.zip").open("wb") as stream:
            subprocess.run(["zip", "-q", "-r", *flags, "-", "."], cwd=tmp_path / "out", check=True, stdout=stream)
    else:
        subprocess.run(["zip", "-q", "-r", *flags, tmp_path / "again.zip", "."], cwd=tmp_path / "out", check=True)

    assert verify_zip(tmp_path / "again.zip").problems == ()


def a_zip(files: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return zipped(files, Path(folder) / "x.zip", method).read_bytes()


def good() -> dict[str, bytes]:
    return rehashed(good_files())


def with_member(name: str, content: bytes = b"x", mode: int = 0, method: int = zipfile.ZIP_STORED) -> bytes:
    """A good package with one more member, whatever its name."""
    with tempfile.TemporaryFile() as stream:
        stream.write(a_zip(good()))
        with zipfile.ZipFile(stream, "a") as archive:
            info = zipfile.ZipInfo("placeholder")
            info.filename = name
            info.external_attr = mode << 16
            archive.writestr(info, content, method)
        stream.seek(0)
        return stream.read()


def patched(content: bytes, old: bytes, new: bytes, times: int = -1) -> bytes:
    assert old in content
    return content.replace(old, new, times)


def with_end_record(content: bytes, **fields: int) -> bytes:
    record = struct.Struct("<4s4H2IH")
    values = dict(
        zip(
            ("signature", "disk", "start_disk", "here", "count", "size", "offset", "comment"),
            record.unpack(content[-record.size :]),
            strict=True,
        )
    )
    return content[: -record.size] + record.pack(*(values | fields).values())


def flags_set(content: bytes, flag: int) -> bytes:
    """Every member's flag bits changed, in both of its headers."""
    with tempfile.TemporaryFile() as stream:
        stream.write(content)
        with zipfile.ZipFile(stream) as archive:
            offsets = [info.header_offset + 6 for info in archive.infolist()]
            central = archive.start_dir
    spoiled = bytearray(content)
    at = central
    while (at := content.find(b"PK\1\2", at)) >= 0:
        offsets.append(at + 8)
        at += 4
    for offset in offsets:
        spoiled[offset] |= flag
    return bytes(spoiled)


def duplicate() -> bytes:
    return patched(with_member("run.jsoX"), b"run.jsoX", b"run.json")


def overlapping() -> bytes:
    """Two members of the table that are one and the same place in the file."""
    content = a_zip(good())
    with tempfile.TemporaryFile() as stream:
        stream.write(content)
        with zipfile.ZipFile(stream) as archive:
            start = archive.start_dir
    first = content[start : content.index(b"PK\1\2", start + 4)]
    end = len(content) - 22
    twice = content[:end] + first + content[end:]
    count = len(good()) + 1
    return with_end_record(twice, here=count, count=count, size=end - start + len(first))


def lying_size() -> bytes:
    """A deflated member that declares less than it inflates to."""
    content = a_zip(good() | {"data/zeros": bytes(999_983)}, zipfile.ZIP_DEFLATED)
    return patched(content, struct.pack("<I", 999_983), struct.pack("<I", 100))


def manifest_with(**changes: object) -> dict[str, bytes]:
    return rehashed(edited(**changes))


def run_json(change: Callable[[dict[str, object]], object]) -> bytes:
    document = json.loads(good_manifest().model_dump_json())
    change(document)
    return a_zip(rehashed(good_files() | {"run.json": json.dumps(document).encode()}))


def verdict_go(document: dict[str, object]) -> None:
    document["decision"]["verdict"] = "go"  # type: ignore[index]


def decision_go(document: dict[str, object]) -> None:
    """The verdict and everything below it, as a careful forger would write it."""
    document["decision"] = json.loads(good_manifest(outcome=Outcome.PASS).decision.model_dump_json())


def one_reason(document: dict[str, object]) -> None:
    document["decision"]["subjects"][0]["reason"] = "less bad"  # type: ignore[index]


def extra_subject(document: dict[str, object]) -> None:
    document["decision"]["subjects"] *= 2  # type: ignore[index]


def no_doubt(document: dict[str, object]) -> None:
    document["decision"]["doubt"] = "who knows"  # type: ignore[index]


def invented_waiver(document: dict[str, object]) -> None:
    waiver = Waiver(check="visual", subject="home@*", owner="me", reason="because I say", expires=STARTED)
    document["decision"]["waivers"] = [{"waiver": json.loads(waiver.model_dump_json()), "state": "used"}]  # type: ignore[index]


def without(name: str, *, relist: bool = False) -> bytes:
    files = good_files()
    if relist:
        return a_zip(rehashed({key: content for key, content in files.items() if key != name}))
    return a_zip({key: content for key, content in rehashed(files).items() if key != name})


def lines_of(name: str) -> list[bytes]:
    return good()[name].splitlines(keepends=True)


def relisted(change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    return a_zip(rehashed(good_files(), manifest=b"".join(change(lines_of("manifest-sha256.txt")))))


def tags_relisted(change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    return a_zip(rehashed(good_files(), tagmanifest=b"".join(change(lines_of("tagmanifest-sha256.txt")))))


LINE = b"0" * 64 + b"  "
BIG = json.dumps({f"k{number}": number for number in range(2000)}).encode()
HOSTILE: list[tuple[str, Callable[[], bytes], str]] = [
    # The file
    ("empty", lambda: b"", "no end record"),
    ("not-a-zip", lambda: b"GIF89a" * 1000, "no end record"),
    ("cut-off", lambda: a_zip(good())[:-30], "no end record"),
    ("cut-in-the-middle", lambda: a_zip(good())[:5000], "no end record"),
    ("head-cut-off", lambda: a_zip(good())[50:], "cut or pieced together"),
    ("end-record-only", lambda: b"PK\5\6" + bytes(18), "bagit.txt' is not in the package"),
    ("bytes-after", lambda: a_zip(good()) + b"hidden", "follow the end"),
    ("bytes-before", lambda: b"#!/bin/sh\n" + a_zip(good()), "hidden bytes"),
    ("comment", lambda: with_end_record(a_zip(good()), comment=2) + b"hi", "follow the end"),
    ("table-far-away", lambda: with_end_record(a_zip(good()), offset=0xFFFFFFF0), "cut or pieced together"),
    ("table-too-large", lambda: with_end_record(a_zip(good()), size=0xFFFFFFF0), "table of members is"),
    ("too-many", lambda: with_end_record(a_zip(good()), count=0xFFFE), "65,534 members; at most 5,000"),
    ("zip64-nonsense", lambda: a_zip(good())[:-22] + b"PK\6\7" + b"\xff" * 16 + a_zip(good())[-22:], ""),
    ("wrong-crc", lambda: patched(a_zip(good()), bytes(range(256)), bytes(reversed(range(256))), 1), "Bad CRC"),
    ("encrypted", lambda: flags_set(a_zip(good()), 1), "is encrypted"),
    ("odd-method", lambda: with_member("data/x", b"x" * 99, method=zipfile.ZIP_BZIP2), "neither stored nor deflated"),
    ("bomb", lambda: with_member("data/b", bytes(30 << 20), method=zipfile.ZIP_DEFLATED), "a zip bomb"),
    ("overlapping", overlapping, "more than once"),
    ("lying-size", lying_size, "data/zeros"),
    ("header-contradicts", lambda: patched(a_zip(good()), b"PK\3\4\x14", b"PK\3\4\x14", 1)[:26] + b"\7" * 2, ""),
    ("other-name-inside", lambda: patched(with_member("data/y"), b"data/y", b"data/z", 1), "differ"),
    # Names
    ("traversal", lambda: with_member("../../etc/passwd"), "not a plain relative path"),
    ("traversal-inside", lambda: with_member("data/../../x"), "not a plain relative path"),
    ("absolute", lambda: with_member("/etc/passwd"), "not a plain relative path"),
    ("backslash", lambda: with_member("data\\x"), "not a plain relative path"),
    ("drive", lambda: with_member("c:/x"), "not a plain relative path"),
    ("nul", lambda: patched(with_member("data/x_y"), b"data/x_y", b"data/x\0y"), "control character"),
    ("escape-sequence", lambda: with_member("data/\x1b[2J"), "control character"),
    ("no-name", lambda: with_member(""), ""),
    ("dot", lambda: with_member("."), ""),
    ("duplicate", duplicate, "'run.json' is in the zip more than once"),
    ("case", lambda: with_member("RUN.json"), "one file on some systems"),
    ("unicode-form", lambda: a_zip(rehashed(good_files() | {"data/é": b"", "data/e\u0301": b""})), "one file on some"),
    ("file-and-folder", lambda: a_zip(rehashed(good_files() | {"data/a": b"", "data/a/b": b""})), "one file on some"),
    ("link", lambda: with_member("data/link", b"/etc/passwd", stat.S_IFLNK | 0o777), "is a link"),
    ("device", lambda: with_member("data/tty", b"", stat.S_IFCHR | 0o666), "is a special file"),
    ("folder-with-content", lambda: with_member("data/folder/", b"x"), "folder with content"),
    # The bag
    ("no-bagit", lambda: without("bagit.txt"), "'bagit.txt' is not in the package"),
    ("bagit-0.97", lambda: a_zip(rehashed(good_files(), bagit=b"BagIt-Version: 0.97\n")), "declare BagIt 1.0"),
    ("bagit-latin1", lambda: a_zip(rehashed(good_files(), bagit=b"\xff\xfe")), "declare BagIt 1.0"),
    ("fetch", lambda: a_zip(rehashed(good_files() | {"fetch.txt": b""})), "fetch.txt points to files elsewhere"),
    ("no-manifest", lambda: without("manifest-sha256.txt"), "'manifest-sha256.txt' is not in the package"),
    ("no-tagmanifest", lambda: without("tagmanifest-sha256.txt"), "'tagmanifest-sha256.txt' is not in the package"),
    ("no-info", lambda: without("bag-info.txt"), "'bag-info.txt' is not in the package"),
    ("not-utf8", lambda: relisted(lambda lines: [*lines, LINE + b"data/\xff\n"]), "manifest-sha256.txt is not UTF-8"),
    ("garbage-line", lambda: relisted(lambda lines: [*lines, b"hello\n"]), "line 4: not a digest and a name"),
    ("unsafe-line", lambda: relisted(lambda lines: [*lines, LINE + b"data/../x\n"]), "line 4: not a digest"),
    ("listed-twice", lambda: relisted(lambda lines: lines + lines[:1]), "line 4: 'data/plan.json' is listed twice"),
    ("tag-as-payload", lambda: relisted(lambda lines: [*lines, LINE + b"run.json\n"]), "'run.json' is not payload"),
    ("payload-as-tag", lambda: tags_relisted(lambda lines: [*lines, LINE + b"data/plan.json\n"]), "does not belong in"),
    ("signature-listed", lambda: tags_relisted(lambda lines: [*lines, LINE + b"signatures/s\n"]), "does not belong in"),
    (
        "lists-itself",
        lambda: tags_relisted(lambda lines: [*lines, LINE + b"tagmanifest-sha256.txt\n"]),
        "not belong in",
    ),
    ("not-listed", lambda: relisted(lambda lines: lines[1:]), "'data/plan.json' is in no manifest: it was added"),
    ("nothing-listed", lambda: a_zip(rehashed(good_files(), manifest=b"", tagmanifest=b"")), "no file could be"),
    ("extra-file", lambda: with_member("data/extra.txt"), "'data/extra.txt' is in no manifest: it was added"),
    ("extra-tag-file", lambda: with_member("notes.txt"), "'notes.txt' is in no manifest: it was added"),
    ("missing-file", lambda: without("data/sweep/home.png"), "'data/sweep/home.png' is in a manifest, but missing"),
    ("wrong-digest", lambda: a_zip(good() | {"index.html": b"<p>GO</p>"}), "'index.html' was altered"),
    ("list-altered", lambda: a_zip(good() | {"bag-info.txt": b"Payload-Oxum: 1.1\n"}), "'bag-info.txt' was altered"),
    ("oxum", lambda: a_zip(rehashed(good_files(), info=b"Payload-Oxum: 1.1\n")), "Payload-Oxum is not 10311.3"),
    ("two-oxums", lambda: a_zip(rehashed(good_files(), info=2 * good()["bag-info.txt"])), "Payload-Oxum is not"),
    ("no-oxum", lambda: a_zip(rehashed(good_files(), info=b"")), "Payload-Oxum is not"),
    ("info-not-utf8", lambda: a_zip(rehashed(good_files(), info=b"\xff")), "bag-info.txt is not UTF-8"),
    # What stageproof says
    ("no-run", lambda: without("run.json", relist=True), "'run.json' is not in the package"),
    ("run-garbage", lambda: a_zip(rehashed(good_files() | {"run.json": b"\xff\0{"})), "run.json is not a manifest"),
    ("run-list", lambda: a_zip(rehashed(good_files() | {"run.json": b"[1]"})), "run.json is not a manifest"),
    ("run-deep", lambda: a_zip(rehashed(good_files() | {"run.json": b"[" * 100_000})), "run.json is not a manifest"),
    ("run-other", lambda: a_zip(rehashed(good_files() | {"run.json": BIG})), "run.json is not a manifest: 'schema_"),
    ("run-partial", lambda: a_zip(manifest_with(expected=7)), "run.json is not a manifest: 'expected'"),
    ("run-huge", lambda: a_zip(rehashed(good_files() | {"run.json": b" " * (2 << 20)})), "more than 1,048,576"),
    ("schema-newer", lambda: a_zip(manifest_with(schema_version=99)), "run.json has schema 99"),
    ("schema-words", lambda: a_zip(manifest_with(schema_version="x")), "run.json is not a manifest"),
    ("ends-before-start", lambda: a_zip(manifest_with(started_at="2026-03-02T00:00:00Z")), "before it began"),
    ("verdict", lambda: run_json(verdict_go), "says go, but its own findings decide no-go"),
    ("decision", lambda: run_json(decision_go), "says go, but its own findings decide no-go"),
    ("reason", lambda: run_json(one_reason), "not what its own findings decide: 'visual: home@desktop'"),
    ("subject-twice", lambda: run_json(extra_subject), "listed twice or out of order"),
    ("doubt", lambda: run_json(no_doubt), "whether the release is known"),
    ("waiver-note", lambda: run_json(invented_waiver), "what became of the waivers"),
    ("expectation", lambda: a_zip(manifest_with(expected={})), "its own findings decide incomplete"),
    ("plan", lambda: a_zip(rehashed(good_files() | {"data/plan.json": b"{}"})), "is not the plan that run.json names"),
    ("no-plan", lambda: without("data/plan.json", relist=True), "'data/plan.json' is not in the package"),
    ("evidence", lambda: without("data/sweep/home.png", relist=True), "points to 'data/sweep/home.png', which is mis"),
    ("no-note", lambda: without("data/redaction.json", relist=True), "'data/redaction.json' is not in the package"),
    (
        "bad-note",
        lambda: a_zip(rehashed(good_files() | {"data/redaction.json": b"none"})),
        "does not say what was removed",
    ),
    ("empty-note", lambda: a_zip(rehashed(good_files() | {"data/redaction.json": b"{}"})), "does not say what was"),
    ("other-note", lambda: a_zip(rehashed(good_files() | {"data/redaction.json": b'{"rules": {}}'})), "differ about"),
]
TIGHT = Limits(files=5000, directory_bytes=1 << 20, text_bytes=1 << 20, member_bytes=64 << 20)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize(("make", "says"), [pytest.param(make, says, id=name) for name, make, says in HOSTILE])
def test_what_was_spoiled_is_told(tmp_path: Path, make: Callable[[], bytes], says: str) -> None:
    (tmp_path / "b.zip").write_bytes(make())
    start = time.monotonic()

    verification = verify_zip(tmp_path / "b.zip", limits=TIGHT)

    assert not verification.ok
    assert any(says in problem for problem in verification.problems), verification.problems
    assert all(problem.isprintable() for problem in verification.problems)
    assert time.monotonic() - start < 5


def test_the_base_of_the_table_above_is_good(tmp_path: Path) -> None:
    assert verify_zip(zipped(good(), tmp_path / "b.zip"), limits=TIGHT).problems == ()


def test_problems_are_not_endless(tmp_path: Path) -> None:
    files = good() | {f"data/extra-{number}": b"" for number in range(500)}

    problems = verify_zip(zipped(files, tmp_path / "b.zip")).problems

    assert len(problems) == 101
    assert problems[-1].startswith("and ")


def test_a_file_that_is_not_there_or_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.zip", tmp_path):
        assert "cannot be read" in verify_zip(path).problems[0]


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (Limits(package_bytes=100), "the file is"),
        (Limits(files=5), "members; at most 5"),
        (Limits(total_bytes=1000), "bytes when unpacked"),
        (Limits(member_bytes=1000), "'data/sweep/home.png' is 10,240 bytes"),
        (Limits(directory_bytes=100), "table of members"),
        (Limits(text_bytes=50), "more than 50"),
        (Limits(decided_subjects=0), "too many"),
    ],
    ids=str,
)
def test_limits_hold(tree: Path, tmp_path: Path, limits: Limits, says: str) -> None:
    problems = verify_zip(build(tree, tmp_path / "b.zip").path, limits=limits).problems

    assert any(says in problem for problem in problems), problems


def test_a_waiver_with_an_endless_pattern_is_not_tried(tmp_path: Path) -> None:
    waiver = Waiver(check="visual", subject="*a" * 5000, owner="me", reason="because I say", expires=STARTED)
    bag = rehashed(good_files(good_manifest().model_copy(update={"waivers": (waiver,)})))

    problems = verify_zip(zipped(bag, tmp_path / "b.zip")).problems

    assert any("pattern of more than" in problem for problem in problems), problems


def test_the_largest_decision_is_decided_again_in_bounded_time(tmp_path: Path) -> None:
    subjects = tuple(f"page-{number}@desktop" for number in range(5000))
    findings = tuple(
        Finding(outcome=Outcome.FAIL, subject=subject, message="moved").fingerprinted("visual") for subject in subjects
    )
    result = CheckResult(spec=SPEC, findings=findings)
    base = good_manifest()
    manifest = base.model_copy(update={"expected": {"visual": subjects}, "results": (result,)})
    start = time.monotonic()

    verification = verify_zip(zipped(rehashed(good_files(manifest)), tmp_path / "b.zip"))

    assert any("not what its own findings decide" in problem for problem in verification.problems)
    assert time.monotonic() - start < 60


def entries(entry: LedgerEntry) -> Iterator[tuple[LedgerEntry, str]]:
    seal = entry.seal
    assert seal is not None
    other = "f" * 64

    def bundle(**changes: object) -> dict[str, object]:
        reference = BundleReference.model_validate(seal.bundle.model_dump() | changes)
        return {"seal": seal.model_copy(update={"bundle": reference})}

    yield entry.model_copy(update=bundle(sha256=other)), f"but {other} was sealed"
    yield entry.model_copy(update=bundle(size=1)), "bytes, but 1 were sealed"
    yield entry.model_copy(update={"run_id": "another"}), f"gives run {RUN_ID!r}, but 'another' was sealed"
    yield entry.model_copy(update={"project": "another"}), "gives project"
    yield entry.model_copy(update={"target": "another"}), "gives target"
    yield entry.model_copy(update={"profile": "another"}), "gives profile"
    yield entry.model_copy(update={"at": STARTED - timedelta(days=1)}), "decided after the ledger sealed it"
    yield entry.model_copy(update={"kind": "opened", "seal": None}), "only opened the run"
    go = seal.model_copy(update={"verdict": VerdictWord.GO})
    yield entry.model_copy(update={"seal": go}), "gives verdict 'no-go', but 'go' was sealed"
    release = seal.model_copy(update={"release": None})
    yield entry.model_copy(update={"seal": release}), "gives release '4f2c9e1', but '' was sealed"


def test_a_package_that_is_not_the_sealed_one_is_told(tree: Path, tmp_path: Path) -> None:
    built = build(tree, tmp_path / "b.zip")

    for entry, says in entries(sealed_entry(built)):
        problems = verify_zip(built.path, ledger_entry=entry).problems
        assert len(problems) == 1, problems
        assert says in problems[0]


def test_a_forgery_that_agrees_with_itself_is_caught_by_the_ledger_alone(tmp_path: Path) -> None:
    honest = build(write_tree(tmp_path / "bag", good_files()), tmp_path / "b.zip")
    forged = build(write_tree(tmp_path / "forged", good_files(good_manifest(outcome=Outcome.PASS))), tmp_path / "f.zip")

    assert verify_zip(forged.path).ok
    problems = verify_zip(forged.path, ledger_entry=sealed_entry(honest)).problems
    assert any("hashes to" in problem for problem in problems)
    assert any("gives verdict 'go', but 'no-go' was sealed" in problem for problem in problems)


def test_an_expired_waiver_does_not_turn_valid_by_an_earlier_decision(tmp_path: Path) -> None:
    waiver = Waiver(check="visual", subject="home@*", owner="me", reason="because I say", expires=STARTED)
    manifest = good_manifest(waivers=(waiver,))
    earlier = STARTED - timedelta(days=1)
    document = json.loads(manifest.model_dump_json())
    document["decision"]["decided_at"] = earlier.isoformat()
    bag = rehashed(good_files() | {"run.json": json.dumps(document).encode()})

    problems = verify_zip(zipped(bag, tmp_path / "b.zip")).problems

    assert any("before it began" in problem for problem in problems)


class TestReader:
    def test_reads_what_is_there(self, tree: Path, tmp_path: Path) -> None:
        built = build(tree, tmp_path / "b.zip")

        with read_bag(built.path) as bag:
            assert len(bag.names()) == built.files
            assert bag.names() == sorted(bag.names())
            assert bag.read("index.html") == b"<!doctype html>\n"
            assert bag.size("data/sweep/home.png") == 10_240
            assert b"".join(bag.chunks("data/sweep/home.png")) == good_files()["data/sweep/home.png"]
            assert bag.digest() == (built.sha256, built.size)
            assert Manifest.model_validate_json(bag.read("run.json")) == good_manifest()

    def test_refuses_with_one_kind_of_error(self, tree: Path, tmp_path: Path) -> None:
        built = build(tree, tmp_path / "b.zip")
        (tmp_path / "crc.zip").write_bytes(patched(built.path.read_bytes(), b"<!doctype", b"<!DOCTYPE", 1))

        with read_bag(built.path) as bag:
            with pytest.raises(BrokenEvidenceError, match="not in the package"):
                bag.read("../etc/passwd")
            with pytest.raises(BrokenEvidenceError, match="more than 100"):
                bag.read("data/sweep/home.png", max_bytes=100)
        with read_bag(tmp_path / "crc.zip") as bag, pytest.raises(BrokenEvidenceError, match="damaged: Bad CRC"):
            bag.read("index.html")
        with pytest.raises(BadPackageError, match="not a sound evidence package"):
            read_bag(Path(__file__))


BASE = a_zip(good())
DEFLATED = a_zip(good(), zipfile.ZIP_DEFLATED)
CHANGES = st.lists(st.tuples(st.integers(0, len(BASE) - 1), st.integers(0, 255)), min_size=1, max_size=12)


@settings(max_examples=5 * settings().max_examples, suppress_health_check=[HealthCheck.too_slow])
@given(base=st.sampled_from([BASE, DEFLATED]), changes=CHANGES, cut=st.integers(0, 200), late=st.booleans())
@example(base=BASE, changes=[(6, 8)], cut=0, late=False)
def test_no_bytes_raise(base: bytes, changes: list[tuple[int, int]], cut: int, late: bool) -> None:
    spoiled = bytearray(base)
    for position, value in changes:
        # Half of the time near the end, where the table of members is.
        spoiled[-1 - position % 1500 if late else position % len(base)] = value
    content = bytes(spoiled[: len(spoiled) - (cut if cut > 100 else 0)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "b.zip"
        path.write_bytes(content)

        verification = verify_zip(path)

    assert verification.ok is (verification.problems == ())
    # Whatever was accepted holds the same files; what may differ is a time or an attribute of the zip.
    assert not verification.ok or verification.manifest == good_manifest()


@settings(deadline=None)
@given(content=st.binary(max_size=3000))
def test_no_garbage_raises(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "b.zip").write_bytes(content)

        assert not verify_zip(Path(folder) / "b.zip").ok


@settings(deadline=None)
@given(
    content=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from([*Manifest.model_fields]), inner),
    ),
    name=st.sampled_from([*Manifest.model_fields]),
)
def test_no_run_json_raises(content: object, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bag = rehashed(edited(**{name: content}))

        verification = verify_zip(zipped(bag, Path(folder) / "b.zip"))

    assert verification.ok is (verification.problems == ())
