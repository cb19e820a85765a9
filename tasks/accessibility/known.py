"""Known findings: `<baselines>/<target>/accessibility.toml`, reviewed like code.

```toml
[known."0f6e2a…"]
check = "axe"
rule = "color-contrast"
element = "tr > td > .chip"
subject = "dashboard@phone"
places = 575
owner = "Ada"
reason = "contrast of the old chips, replaced in the next release"
ticket = "UI-231"
run_id = "20261124T160928Z-shop-809fab"
expires = 2027-01-31T00:00:00Z
```
An entry is listed under the fingerprint that its own words have: one that was edited by hand into speaking of something
else is refused, because a reader would then accept another finding than the one that is covered.

An entry covers a component, `tr > td > .chip`, in whatever rows it stands; `places` says in how many it was accepted. A
page whose rows come from data grows without a new fault, and an article whose paragraphs are alike grows by one: nobody
but a person can tell these apart, so a run that meets more says so beside the known finding.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import tomli_w
from pydantic import TypeAdapter, ValidationError

from evidence_store.model import Finding, Manifest, Outcome
from evidence_store.report.plain_text import counted
from tasks.accessibility.models import Fingerprint, KnownFinding
from tasks.baselines import locked, write_whole
from tasks.plan import problems_of

KNOWN_FILE = "accessibility.toml"
MAX_BYTES = 5_000_000
NO_LONGER_THERE = "no-longer-there:"
"""Begins the rule of the finding that says that a listed one was not seen."""
IN_MORE_PLACES = "in-more-places:"
"""Begins the rule of the finding that says that a listed one was seen in more places than were accepted."""

_KNOWN = TypeAdapter(dict[str, KnownFinding])


class ListError(Exception):
    """A list of known findings that cannot be used, or what cannot be put on it."""


def read_known(folder: Path) -> dict[Fingerprint, KnownFinding]:
    """The known findings of a target, none when there is no such file; raises ListError with every problem."""
    path = folder / KNOWN_FILE
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ListError(f"{path} has more than {MAX_BYTES:,} bytes; mend it or take it away")
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise ListError(f"{path} cannot be read: {error}; mend it or restore it from version control") from error
    problems = [f"unknown key '{key}'; known: known" for key in sorted(set(content) - {"known"})]
    listed: dict[str, KnownFinding] = {}
    try:
        listed = _KNOWN.validate_python(content.get("known", {}))
    except ValidationError as error:
        problems += problems_of(error)
    problems += [
        f"known.{name}: its check, rule, element and subject have the fingerprint {entry.fingerprint}"
        for name, entry in listed.items()
        if name != entry.fingerprint
    ]
    if problems:
        raise ListError(f"{path} is not a list of known findings; mend it: {'; '.join(problems[:20])}")
    return listed


def add_known(folder: Path, entries: Iterable[KnownFinding]) -> None:
    """List these findings; an entry that is there already is replaced. Raises ListError."""
    with locked(folder):
        _write(folder, {**read_known(folder), **{entry.fingerprint: entry for entry in entries}})


def drop_known(folder: Path, fingerprints: Collection[Fingerprint]) -> None:
    """Take these off the list. Raises ListError."""
    with locked(folder):
        _write(folder, {name: entry for name, entry in read_known(folder).items() if name not in fingerprints})


def _write(folder: Path, listed: Mapping[Fingerprint, KnownFinding]) -> None:
    # In the order a person reads it, which also keeps the difference of two versions small.
    ordered = sorted(listed.items(), key=lambda item: (item[1].rule, item[1].element, item[1].subject))
    content = {"known": {name: entry.model_dump(exclude_none=True) for name, entry in ordered}}
    write_whole(folder / KNOWN_FILE, tomli_w.dumps(content).encode())


def fails_of(manifest: Manifest, checks: Collection[str]) -> dict[Fingerprint, tuple[str, Finding]]:
    """The fails of these checks in a run, each with its check: what can be on the list."""
    return {
        finding.fingerprint: (result.check, finding)
        for result in manifest.results
        for finding in result.findings
        if result.check in checks
        and finding.outcome is Outcome.FAIL
        and not finding.rule.startswith((NO_LONGER_THERE, IN_MORE_PLACES))
    }


def entries_from(
    manifest: Manifest,
    checks: Collection[str],
    fingerprints: Sequence[Fingerprint],
    *,
    owner: str,
    reason: str,
    ticket: str,
    expires: datetime,
) -> list[KnownFinding]:
    """These findings of a run as entries of the list; raises ListError when one is not a fail of such a check."""
    fails = fails_of(manifest, checks)
    problems = [_unfit(manifest, checks, name) for name in fingerprints if name not in fails]
    if problems:
        raise ListError("; ".join(problems))
    try:
        return [
            KnownFinding(
                check=check,
                rule=finding.rule,
                element=finding.element,
                subject=finding.subject,
                places=int(finding.measured or 0) or None,
                owner=owner,
                reason=reason,
                ticket=ticket,
                run_id=manifest.run_id,
                expires=expires,
            )
            for check, finding in (fails[name] for name in dict.fromkeys(fingerprints))
        ]
    except ValidationError as error:
        raise ListError("; ".join(problems_of(error))) from error


def _unfit(manifest: Manifest, checks: Collection[str], fingerprint: Fingerprint) -> str:
    for result in manifest.results:
        for finding in result.findings:
            if finding.fingerprint != fingerprint:
                continue
            if result.check not in checks:
                known = ", ".join(sorted(checks))
                return f"{fingerprint} is of '{result.check}'; only findings of {known} can be listed: waive it"
            if finding.outcome is Outcome.REVIEW:
                return f"{fingerprint} is a question: `stageproof review {manifest.run_id} {fingerprint}` answers it"
            return f"{fingerprint} is no violation but {finding.outcome.value}, which nobody can accept"
    return f"run {manifest.run_id} has no finding {fingerprint}; `stageproof known {manifest.run_id}` lists them"


def fixed_in(manifest: Manifest, listed: Mapping[Fingerprint, KnownFinding]) -> list[Fingerprint]:
    """The listed findings which the run looked for and did not see: it says so of each itself, and only then."""
    gone = {
        finding.fingerprint
        for result in manifest.results
        for finding in result.findings
        if finding.rule.startswith(NO_LONGER_THERE)
    }
    return [name for name, entry in listed.items() if no_longer_there(entry).fingerprint in gone]


def no_longer_there(entry: KnownFinding) -> Finding:
    """What a run says of a listed finding that it looked for and did not see."""
    return Finding(
        outcome=Outcome.FAIL,
        subject=entry.subject,
        rule=f"{NO_LONGER_THERE}{entry.rule}",
        element=entry.element,
        message=f"{entry.rule} on {entry.element or 'this page'} is listed as known by {entry.owner}, and is no longer"
        " there: take it off the list (`stageproof known RUN --prune`)",
        gates=False,
    ).fingerprinted(entry.check)


def in_more_places(entry: KnownFinding, finding: Finding, *, gates: bool) -> Finding | None:
    """What a run says of a listed finding that it saw in more places than were accepted; None when it did not."""
    places = int(finding.measured or 0)
    if entry.places is None or places <= entry.places:
        return None
    return Finding(
        outcome=Outcome.FAIL,
        subject=entry.subject,
        rule=f"{IN_MORE_PLACES}{entry.rule}",
        element=entry.element,
        message=f"{entry.rule} on {entry.element or 'this page'} is known, and grew: {entry.owner} accepts it in"
        f" {counted(entry.places, 'place')}, and it is now in {places}. When the others are not the same fault, mend"
        f" them; when they are, accept it anew (`stageproof known RUN {finding.fingerprint}`): {finding.message}",
        measured=places,
        limit=entry.places,
        unit=finding.unit,
        evidence=finding.evidence,
        more_information=finding.more_information,
        gates=gates,
    ).fingerprinted(entry.check)
