"""A draft of an accessibility conformance report as OpenACR YAML (GSA, catalogue 2.5-edition-wcag-2.2-en). Pure.

Rules:

- a criterion is `does-not-support` or `partially-supports` only where a failure was found: the first when it failed on
  more than half of what was looked at for it, else the second;
- everything else is `not-evaluated`, whatever passed: `supports` is for a person to say, never for a program.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from evidence_store.model import Manifest
from evidence_store.report.plain_text import counted
from tasks.exports.wcag_coverage import NOTE, CriterionRow, Looked

CATALOG = "2.5-edition-wcag-2.2-en"
MOST_NAMED = 12
_CHAPTERS = {"A": "success_criteria_level_a", "AA": "success_criteria_level_aa"}


def openacr(manifest: Manifest, rows: Sequence[CriterionRow]) -> bytes:
    """The draft of a run, of the rows of all criteria."""
    doubt = f" In doubt: {manifest.decision.doubt}." if manifest.decision.doubt else ""
    day = f"{manifest.finished_at:%Y-%m-%d}"
    content: dict[str, Any] = {
        "title": f"{manifest.target} Accessibility Conformance Report (draft)",
        "product": {
            "name": manifest.target,
            "version": "in doubt" if manifest.decision.doubt else manifest.release.before or "unknown",
            "description": f"The staging deployment at {manifest.base_url}",
        },
        # The schema demands an address; whoever publishes the report puts their own in its place.
        "author": {"name": "stageproof", "email": "to be filled in by who publishes this"},
        "report_date": day,
        "last_modified_date": day,
        "version": 1,
        "notes": f"A draft made from run {manifest.run_id}. {NOTE}{doubt}",
        "evaluation_methods_used": (
            f"axe-core {manifest.toolchain.get('axe-core', '(version unknown)')} over every frame of the planned page"
            " states; a walk by keyboard where planned; sweeps by people with assistive technology where recorded."
            f" Evidence: package {manifest.run_id}."
        ),
        "catalog": CATALOG,
        "chapters": {
            **{
                chapter: {"criteria": [_criterion(row) for row in rows if row.criterion.level == level]}
                for level, chapter in _CHAPTERS.items()
            },
            "success_criteria_level_aaa": {"disabled": True},
        },
    }
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
    return text.encode("utf-8", "replace")


def _criterion(row: CriterionRow) -> dict[str, Any]:
    level, notes = adherence(row)
    return {
        "num": row.criterion.number,
        "components": [{"name": "web", "adherence": {"level": level, "notes": notes}}],
    }


def adherence(row: CriterionRow) -> tuple[str, str]:
    """(level, notes) of one criterion."""
    told = [
        _told(name, by)
        for name, by in (("axe-core", row.automatic), ("keyboard walk", row.probe), ("people", row.manual))
        if by is not None
    ]
    if not told:
        return "not-evaluated", "Nothing looked at this criterion."
    if not row.failed:
        return "not-evaluated", f"No failure was found, which does not show that it is met. {' '.join(told)}"
    looked = max(by.subjects for by in row.by)
    level = "does-not-support" if len(row.failed) * 2 > looked else "partially-supports"
    return level, " ".join(told)


def _told(name: str, by: Looked) -> str:
    looked = counted(by.subjects, "sweep" if name == "people" else "page state")
    found = f"failed on {len(by.failed)} of {looked} ({_named(by.failed)})" if by.failed else f"no failure on {looked}"
    review = f", questions for a person on {_named(by.to_review)}" if by.to_review else ""
    return f"{name} ({_named(by.tests)}): {found}{review}."


def _named(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
