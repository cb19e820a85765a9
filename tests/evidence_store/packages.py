"""Makes good packages, and bad ones on purpose."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from evidence_store.bundle import BuiltBundle, build_bundle, encoded_name
from evidence_store.gate import decide
from evidence_store.ledger import BundleReference, LedgerEntry, Seal
from evidence_store.model import CheckResult, CheckSpec, Finding, Manifest, Outcome, Redaction, Release, Waiver

STARTED = datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)
RUN_ID = "20260301T040506Z-demo-a1b2c3"
PLAN = b'{"schema": 1}\n'
SPEC = CheckSpec(
    id="visual", title="Looks right", failure_title="Looks wrong", why="w", remedy="https://example.org", rows=("ui",)
)


def good_manifest(*, outcome: Outcome = Outcome.FAIL, waivers: tuple[Waiver, ...] = ()) -> Manifest:
    finding = Finding(outcome=outcome, subject="home@desktop", message="moved", evidence=("data/sweep/home.png",))
    result = CheckResult(spec=SPEC, findings=(finding.fingerprinted("visual"),))
    expected = {"visual": ("home@desktop",)}
    release = Release(requested="4f2c9e1", before="4f2c9e1", after="4f2c9e1")
    finished = STARTED + timedelta(minutes=3)
    return Manifest(
        run_id=RUN_ID,
        project="demo",
        target="demo",
        base_url="http://127.0.0.1:8600",
        profile="nightly",
        started_by="schedule",
        release=release,
        started_at=STARTED,
        finished_at=finished,
        plan_sha256=hashlib.sha256(PLAN).hexdigest(),
        expected=expected,
        results=(result,),
        waivers=waivers,
        decision=decide(expected, [result], waivers, release, finished),
        redaction=Redaction(counts={"header": 3}),
    )


def good_files(manifest: Manifest | None = None) -> dict[str, bytes]:
    return {
        "README.txt": b"read me\n",
        "index.html": b"<!doctype html>\n",
        "run.json": (manifest or good_manifest()).model_dump_json().encode(),
        "data/plan.json": PLAN,
        "data/redaction.json": b'{"rules": {"header": 3}, "note": "values are never kept"}',
        "data/sweep/home.png": bytes(range(256)) * 40,
        "viewer/index.html": b"<!doctype html>\n",
    }


def write_tree(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def build(tree: Path, destination: Path) -> BuiltBundle:
    return build_bundle(tree, destination, run_started=STARTED, bag_info={"External-Identifier": RUN_ID})


def listed(files: Mapping[str, bytes], *, payload: bool) -> bytes:
    lines = [
        f"{hashlib.sha256(content).hexdigest()}  {encoded_name(name)}\n"
        for name, content in sorted(files.items())
        if name.startswith("data/") is payload and not name.startswith(("signatures/", "tagmanifest"))
    ]
    return "".join(lines).encode()


def rehashed(files: Mapping[str, bytes], **replaced: bytes) -> dict[str, bytes]:
    """A bag whose lists agree with its files, as a careful forger would make it; `replaced` spoils one of the lists."""
    payload = [content for name, content in files.items() if name.startswith("data/")]
    bag = dict(files) | {
        "bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "bag-info.txt": f"Payload-Oxum: {sum(map(len, payload))}.{len(payload)}\n".encode(),
    }
    bag["manifest-sha256.txt"] = listed(bag, payload=True)
    names = {"bagit": "bagit.txt", "info": "bag-info.txt", "manifest": "manifest-sha256.txt"}
    bag |= {names[key]: content for key, content in replaced.items() if key in names}
    bag["tagmanifest-sha256.txt"] = replaced.get("tagmanifest", listed(bag, payload=False))
    return bag


def zipped(files: Mapping[str, bytes], path: Path, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return path


def documented_commands(word: str) -> str:
    """The one block of shell commands in docs/evidence-format.md that holds a word."""
    text = (Path(__file__).parents[2] / "docs" / "evidence-format.md").read_text(encoding="utf-8")
    (block,) = (block for block in text.split("```")[1::2] if word in block)
    return block


def edited(**changes: object) -> dict[str, bytes]:
    """Good files whose run.json has top-level fields replaced."""
    document = json.loads(good_manifest().model_dump_json()) | changes
    return good_files() | {"run.json": json.dumps(document).encode()}


def sealed_entry(built: BuiltBundle, manifest: Manifest | None = None) -> LedgerEntry:
    manifest = manifest or good_manifest()
    return LedgerEntry(
        seq=2,
        prev_sha256="0" * 64,
        kind="sealed",
        run_id=manifest.run_id,
        project=manifest.project,
        target=manifest.target,
        at=manifest.finished_at + timedelta(minutes=1),
        profile=manifest.profile,
        started_by=manifest.started_by,
        seal=Seal(
            verdict=manifest.decision.verdict,
            release=manifest.release.before,
            bundle=BundleReference(key="v1/demo/bundle.zip", sha256=built.sha256, size=built.size),
        ),
    )
