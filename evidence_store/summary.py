"""What a run answers with: one line of JSON for whoever started it."""

from __future__ import annotations

from pydantic import Field

from evidence_store.model import Manifest, Record, Release, VerdictWord


class FindingSummary(Record):
    """One finding, as `run --json` prints it."""

    outcome: str
    subject: str
    message: str
    rule: str = ""
    measured: float | None = None
    limit: float | None = None
    unit: str = ""
    fingerprint: str = ""


class CheckSummary(Record):
    """One check: the worst outcome among its decided subjects, and its findings."""

    check: str
    outcome: str
    problem: str | None = None
    findings: tuple[FindingSummary, ...] = ()


class RunSummary(Record):
    """The answer of a run. Without `sha256` nothing was sealed, and `problem` says why."""

    run_id: str
    verdict: VerdictWord
    exit_code: int
    sentence: str
    release: Release = Release()
    bundle: str | None = None
    """The package's key in the store."""
    sha256: str | None = None
    workspace: str = ""
    problem: str | None = None
    phases: dict[str, float] = Field(default_factory=dict)
    results: tuple[CheckSummary, ...] = ()


_WORST_FIRST = ("fail", "error", "not_run", "waived", "warn", "pass")


def check_summaries(manifest: Manifest) -> tuple[CheckSummary, ...]:
    """Every expected check with the worst word among its subjects; one that left no result is there too."""
    results = {result.check: result for result in manifest.results}
    words: dict[str, set[str]] = {check: set() for check in {*manifest.expected, *results}}
    for subject in manifest.decision.subjects:
        words[subject.check].add(subject.word)
    return tuple(
        CheckSummary(
            check=check,
            outcome=next((word for word in _WORST_FIRST if word in words[check]), "not_run"),
            problem=results[check].problem if check in results else None,
            findings=tuple(
                FindingSummary.model_validate(finding.model_dump(exclude={"outcome"}) | {"outcome": finding.word})
                for finding in (results[check].findings if check in results else ())
            ),
        )
        for check in sorted(words)
    )
