"""For each of the 55 criteria of WCAG 2.2, A and AA: what of it was looked at in a run, and by what. Pure.

It says how much was looked at, and never that a criterion is met: automatic rules decide a part of a criterion, on the
states the plan names, and that no failure was found is no proof that there is none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from evidence_store.model import CriterionNote, Manifest
from tasks.exports.assertions import AXE, LOOKED, PROBED, Assertion, Result
from tasks.records.models import MANUAL_A11Y
from tasks.wcag import CRITERIA, STANDARD, Criterion

NOT_EVALUATED = "not evaluated"
NOTE = (
    "What was looked at, and by what. An automatic rule decides a part of its criterion, on the states of the plan:"
    " that no failure was found does not say that a criterion is met. This is no claim of conformance."
)


@dataclass(frozen=True)
class Looked:
    """How one means looked at one criterion."""

    tests: tuple[str, ...]
    """Rules of axe-core, criteria of a probe, or steps of sweeps."""
    subjects: int
    """Page states or sweeps."""
    failed: tuple[str, ...]
    """Subjects with a failure."""
    to_review: tuple[str, ...]
    """Subjects with a question that only a person can answer."""


@dataclass(frozen=True)
class CriterionRow:
    """One criterion, and everything that looked at it."""

    criterion: Criterion
    automatic: Looked | None
    probe: Looked | None
    manual: Looked | None

    @property
    def means(self) -> tuple[str, ...]:
        """`automatic`, `probe`, `manual`, as far as they looked."""
        looked = {"automatic": self.automatic, "probe": self.probe, "manual": self.manual}
        return tuple(name for name, by in looked.items() if by is not None)

    @property
    def by(self) -> tuple[Looked, ...]:
        """All that looked."""
        return tuple(by for by in (self.automatic, self.probe, self.manual) if by is not None)

    @property
    def failed(self) -> tuple[str, ...]:
        """Subjects on which a failure was found by any means."""
        return tuple(sorted({subject for by in self.by for subject in by.failed}))

    @property
    def to_review(self) -> tuple[str, ...]:
        """Subjects on which a question waits for a person, by any means."""
        return tuple(sorted({subject for by in self.by for subject in by.to_review}))

    @property
    def words(self) -> str:
        """What a reader is told: never that the criterion is met."""
        if not self.means:
            return NOT_EVALUATED
        found = f"failed on {len(self.failed)}" if self.failed else "no failure found"
        review = f", {len(self.to_review)} to review" if self.to_review else ""
        return f"{', '.join(self.means)}: {found}{review}"


def rows_of(made: Sequence[Assertion]) -> tuple[CriterionRow, ...]:
    """A row for each criterion, in their order."""
    return tuple(
        CriterionRow(
            criterion,
            _looked([item for item in about if item.check == AXE]),
            _looked([item for item in about if item.check in PROBED]),
            _looked([item for item in about if item.check == MANUAL_A11Y]),
        )
        for criterion in CRITERIA
        for about in [[item for item in made if criterion in item.criteria and item.result in LOOKED]]
    )


def notes_on(rows: Sequence[CriterionRow]) -> tuple[CriterionNote, ...]:
    """The rows as the report tells them."""
    return tuple(
        CriterionNote(
            number=row.criterion.number,
            name=row.criterion.name,
            level=row.criterion.level,
            means=row.means,
            failed=len(row.failed),
            to_review=len(row.to_review),
        )
        for row in rows
    )


def _looked(made: Sequence[Assertion]) -> Looked | None:
    def subjects(*results: Result) -> tuple[str, ...]:
        return tuple(sorted({item.subject for item in made if item.result in results}))

    if not made:
        return None
    # A step's id says little without the sweep it is of.
    tests = {f"{item.subject}#{item.test}" if item.by_hand else item.test for item in made}
    return Looked(tuple(sorted(tests)), len(subjects(*LOOKED)), subjects(Result.FAILED), subjects(Result.CANT_TELL))


def wcag_coverage(manifest: Manifest, rows: Sequence[CriterionRow]) -> bytes:
    """The rows as JSON."""
    content: dict[str, Any] = {
        "schema_version": 1,
        "standard": f"{STANDARD}, levels A and AA",
        "note": NOTE,
        "run_id": manifest.run_id,
        "release": manifest.release.before,
        "doubt": manifest.decision.doubt,
        "counts": {
            "criteria": len(rows),
            **{name: sum(name in row.means for row in rows) for name in ("automatic", "probe", "manual")},
            "failed": sum(bool(row.failed) for row in rows),
            "not_evaluated": sum(not row.means for row in rows),
        },
        "criteria": [
            {
                "number": row.criterion.number,
                "name": row.criterion.name,
                "level": row.criterion.level,
                "looked_at_by": list(row.means) or NOT_EVALUATED,
                "automatic": row.automatic and asdict(row.automatic),
                "probe": row.probe and asdict(row.probe),
                "manual": row.manual and asdict(row.manual),
            }
            for row in rows
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False).encode("utf-8", "replace")
