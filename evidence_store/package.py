"""From a finished workspace to a sealed package: write the manifest and the report, pack, upload, read back, seal.

A package is sealed only after it was downloaded again, by its version, and every rule of `verify` held for what came
back. Until then the ledger shows the run as `opened`.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from evidence_store.bundle import BuiltBundle, build_bundle, readme_text
from evidence_store.ledger import BundleReference, Ledger, LedgerEntry, run_prefix
from evidence_store.model import Manifest
from evidence_store.objects import AlreadyThere, ObjectStore, Stored
from evidence_store.report.page import render
from evidence_store.report.story import problem_fingerprints, tell
from evidence_store.verify import Verification, verify_zip
from evidence_store.workspace import Workspace


class SealError(Exception):
    """The package that came back from the store is not the one that was sent, or does not verify."""


@dataclass(frozen=True)
class Sealed:
    """A package in the store, and the ledger's word for it."""

    stored: Stored
    entry: LedgerEntry
    verification: Verification


def pack(workspace: Workspace, manifest: Manifest) -> BuiltBundle:
    """Write run.json, the report and the README beside the evidence, and pack it all into one zip."""
    workspace.write_root("run.json", manifest.model_dump_json(indent=1))
    redaction = {"rules": manifest.redaction.counts, "note": "values are never kept"}
    workspace.write_root("data/redaction.json", json.dumps(redaction, indent=1))
    verdict = manifest.decision.verdict.value
    workspace.write_root(
        "README.txt",
        readme_text(manifest.run_id, target=manifest.target, verdict=verdict, started_at=manifest.started_at),
    )
    workspace.write_root("index.html", render(manifest, workspace.names()))
    return build_bundle(
        workspace.bag,
        workspace.package,
        run_started=manifest.started_at,
        bag_info={
            "External-Identifier": manifest.run_id,
            "External-Description": tell(manifest).sentence,
            "Stageproof-Verdict": verdict,
        },
    )


def finished(workspace: Workspace) -> tuple[Manifest, BuiltBundle] | None:
    """The package that an earlier process finished here, if it did and it verifies.

    It may lie in the store already, under a key that is written once: packed anew, with other times, it could never be
    sealed there.
    """
    path = workspace.package
    if not path.is_file():
        return None
    verification = verify_zip(path)
    manifest, sha256 = verification.manifest, verification.sha256
    if not verification.ok or manifest is None or sha256 is None or manifest.run_id != workspace.root.name:
        return None
    return manifest, BuiltBundle(path=path, sha256=sha256, size=path.stat().st_size, files=verification.files)


def publish(store: ObjectStore, ledger: Ledger, manifest: Manifest, bundle: BuiltBundle) -> Sealed:
    """Upload once, read back by version, verify, and seal; raises StoreError or SealError. May be called again."""
    prefix = run_prefix(manifest.project, manifest.target, manifest.started_at, manifest.run_id)
    key = f"{prefix}bundle.zip"
    try:
        stored = store.upload_if_absent(key, bundle.path, bundle.sha256)
    except AlreadyThere:
        # An earlier attempt may have uploaded and died before sealing; the read-back says whether it is these bytes.
        stored = Stored(key=key, version_id=None, sha256=bundle.sha256, size=bundle.size)
    # In the run's folder, where what a killed process leaves behind is found again.
    with tempfile.TemporaryDirectory(prefix=".read-back-", dir=bundle.path.parent) as folder:
        copy = Path(folder) / "bundle.zip"
        store.download(stored.key, copy, version_id=stored.version_id)
        verification = verify_zip(copy)
    if verification.sha256 != bundle.sha256:
        raise SealError(f"{key} came back as {verification.sha256} in place of {bundle.sha256}; it was not sealed")
    if not verification.ok:
        raise SealError(f"{key} does not verify and was not sealed: {'; '.join(verification.problems[:5])}")
    entry = ledger.seal_run(
        manifest.run_id,
        verdict=manifest.decision.verdict,
        release=manifest.release.before,
        bundle=BundleReference(key=key, sha256=bundle.sha256, size=bundle.size, version_id=stored.version_id),
        looks=problem_fingerprints(manifest),
        at=datetime.now(UTC),
    )
    summary = json.dumps(
        {"run_id": manifest.run_id, "verdict": manifest.decision.verdict.value, "sha256": bundle.sha256}
    )
    with contextlib.suppress(AlreadyThere):  # an attempt before this one may have written it
        store.put_if_absent(f"{prefix}summary.json", summary.encode(), "application/json")
    return Sealed(stored, entry, verification)
