"""The results of a run in other tools' formats, `data/exports/` of the package. Pure.

An exporter that fails is a bug of ours. It costs its own file: in its place stands `<name>.problem.txt` with the
reason, so that a file that is missing is never taken for one that had nothing to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from evidence_store.exports.sarif import findings_sarif
from evidence_store.model import CriterionNote, Manifest
from evidence_store.workspace import BrokenEvidenceError, EvidenceFiles
from tasks.exports.assertions import assertions_of
from tasks.exports.earl import earl
from tasks.exports.openacr import openacr
from tasks.exports.wcag_coverage import notes_on, rows_of, wcag_coverage

FOLDER = "data/exports"
MEDIA_TYPES: Mapping[str, str] = {
    "earl.jsonld": "application/ld+json",
    "findings.sarif": "application/sarif+json",
    "openacr.yaml": "application/yaml",
    "wcag-coverage.json": "application/json",
}


@dataclass(frozen=True)
class Export:
    """One file for the package; `problem` says why it is not what it should be."""

    path: str
    media_type: str
    content: bytes
    problem: str | None = None


class Exports:
    """Every export of a run, and the count of criteria that its report shows; what they share is read once."""

    def __init__(self, manifest: Manifest, files: EvidenceFiles) -> None:
        self.manifest = manifest
        self._made = cache(lambda: assertions_of(manifest, files))
        self._rows = cache(lambda: rows_of(self._made()))

    def files(self) -> Iterator[Export]:
        """The files, in the order of their names."""
        makers: Mapping[str, Callable[[], bytes]] = {
            "earl.jsonld": lambda: earl(self.manifest, self._made()),
            "findings.sarif": lambda: findings_sarif(self.manifest),
            "openacr.yaml": lambda: openacr(self.manifest, self._rows()),
            "wcag-coverage.json": lambda: wcag_coverage(self.manifest, self._rows()),
        }
        for name, make in makers.items():
            try:
                yield Export(f"{FOLDER}/{name}", MEDIA_TYPES[name], make())
            except BrokenEvidenceError as error:
                yield _problem(name, f"the evidence cannot be read: {error}")
            except Exception as error:  # noqa: BLE001  - an exporter's bug must cost its own file, and nothing else
                yield _problem(name, f"a bug in stageproof: the export failed with {type(error).__name__}: {error}")

    def criteria(self) -> tuple[CriterionNote, ...]:
        """What looked at each success criterion; none when it cannot be told, and then its file says why."""
        try:
            return notes_on(self._rows())
        except Exception:  # noqa: BLE001  - the same bug is told in place of wcag-coverage.json
            return ()


def _problem(name: str, why: str) -> Export:
    words = f"{name} was not written: {why}\n\nThe verdict does not depend on it; run.json holds every finding.\n"
    return Export(f"{FOLDER}/{name}.problem.txt", "text/plain", words.encode("utf-8", "replace"), why)
