"""Commands on findings of stored runs: `known` accepts fails until an instant, `review` answers questions."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.command_line_shared import (
    USAGE,
    JsonOption,
    ProjectOption,
    RunArgument,
    answer_json,
    fail,
    listing,
    new_console,
    sealed_bag,
)

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from evidence_store.model import AnswerNote


def known(
    run_id: RunArgument,
    fingerprints: Annotated[
        list[str] | None, typer.Argument(help="Fingerprints of findings to accept; none: list those of the run.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Accept every finding of the run that gates.")] = False,
    owner: Annotated[str, typer.Option(help="Who accepts them.", envvar="STAGEPROOF_APPROVER")] = "",
    reason: Annotated[str, typer.Option(help="Why, in 8 or more characters.")] = "",
    ticket: Annotated[str, typer.Option(help="Where they are followed up.")] = "",
    expires: Annotated[str, typer.Option(help="Until when: 2027-01-31 (its beginning, UTC), or an instant.")] = "",
    prune: Annotated[bool, typer.Option(help="Take off the list what the run looked for and did not see.")] = False,
    project: ProjectOption = "stageproof",
    as_json: JsonOption = False,
) -> None:
    """List the accessibility findings of a sealed run, and accept some of them until an instant (the ratchet).

    They are written to `baselines/TARGET/accessibility.toml`; a finding that is not listed gates as ever.
    """
    from tasks.accessibility.known import ListError, add_known, drop_known, entries_from, fails_of, fixed_in, read_known
    from tasks.accessibility.models import KnownFindings
    from tasks.baselines import baselines_root
    from tasks.registry import CHECKS

    checks = [check.spec.id for check in CHECKS if KnownFindings in check.needs]
    until = _instant(expires, as_json) if expires else None
    with sealed_bag(run_id, project, as_json=as_json) as (manifest, _):
        folder = baselines_root() / manifest.target
        try:
            listed = read_known(folder)
            fails = fails_of(manifest, checks)
            asked = [*(fingerprints or []), *(name for name, (_, found) in fails.items() if every and found.gates)]
            if (until is not None) is not bool(asked):
                words = (
                    "name fingerprints (or --all) and an end, --expires 2027-01-31: one says nothing without the other"
                )
                fail(USAGE, words, [], as_json)
            added = []
            if until is not None:
                added = entries_from(
                    manifest,
                    checks,
                    asked,
                    owner=owner or getpass.getuser(),
                    reason=reason,
                    ticket=ticket,
                    expires=until,
                )
            gone = fixed_in(manifest, listed) if prune else []
            if added:
                add_known(folder, added)
            if gone:
                drop_known(folder, gone)
            listed = read_known(folder)
        except ListError as error:
            fail(USAGE, str(error), [], as_json)
    told = [
        {
            "fingerprint": name,
            "check": check,
            "subject": finding.subject,
            "rule": finding.rule,
            "element": finding.element,
            "state": f"known until {listed[name].expires:%Y-%m-%d}" if name in listed else finding.word,
        }
        for name, (check, finding) in fails.items()
    ]
    unplanned = [name for name, entry in listed.items() if entry.subject not in manifest.expected.get(entry.check, ())]
    if as_json:
        added_names = [entry.fingerprint for entry in added]
        answer_json({"added": added_names, "pruned": gone, "unplanned": unplanned, "findings": told})
        return
    _table(told, "Nothing fails in this run.")
    console = new_console()
    if added:
        names = f"{added[0].owner} until {added[0].expires:%Y-%m-%d}"
        console.print(f"Listed {len(added)} findings in {folder}, accepted by {names}; commit the file.", markup=False)
    if prune:
        console.print(f"Taken off the list: {', '.join(gone) or 'nothing'}", markup=False)
    if unplanned:
        words = "Listed, and of no page this run was to look at, so that nobody says when they are fixed"
        console.print(f"{words}: {', '.join(unplanned)}", markup=False)


def review(
    run_id: RunArgument,
    fingerprint: Annotated[str | None, typer.Argument(help="The question to answer; none: list the open ones.")] = None,
    answer: Annotated[str, typer.Option(help="`pass`, `fail` or `not-applicable`.")] = "",
    by: Annotated[
        str, typer.Option(help="Who answers; with --key, a name in signers.toml.", envvar="STAGEPROOF_APPROVER")
    ] = "",
    reason: Annotated[str, typer.Option(help="What was seen, in 8 or more characters.")] = "",
    key: Annotated[
        Path | None, typer.Option(help="Sign with this OpenSSH Ed25519 key, such as ~/.ssh/id_ed25519.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long the answer holds at most.")] = 180,
    prune: Annotated[
        bool, typer.Option(help="Take away the answers to questions that the run no longer asks.")
    ] = False,
    project: ProjectOption = "stageproof",
    as_json: JsonOption = False,
) -> None:
    """List the open questions of a sealed run, or record a person's answer to one.

    An answer is written to `baselines/TARGET/reviews/` and holds until the element changes. Answers to questions that
    the run did not ask, though it scanned their page, are listed as answered and no longer asked.
    """
    from evidence_store.workspace import BrokenEvidenceError
    from tasks.accessibility.answers import (
        AnswerError,
        answer_to,
        drop_answers,
        given_answers,
        questions_of,
        record_answer,
    )
    from tasks.accessibility.notes import notes_on
    from tasks.baselines import baselines_root

    if prune and fingerprint is not None:
        fail(USAGE, "answer a question or prune the answers: one at a time", [], as_json)
    with sealed_bag(run_id, project, as_json=as_json) as (manifest, bag):
        asked = questions_of(manifest)
        folder = baselines_root() / manifest.target
        if fingerprint is None:
            try:
                # An answer given later may be to a question of a later run: this one says nothing of it.
                given_before = [
                    given
                    for given in given_answers(folder, manifest.target)
                    if given.answer.answered_at < manifest.started_at
                ]
                notes = notes_on(given_before, manifest.expected, manifest.results, bag)
                unasked = [note for note in notes if note.state == "not_asked"]
                if prune and unasked:
                    drop_answers(folder, [note.file for note in unasked])
            except (AnswerError, BrokenEvidenceError) as error:
                fail(USAGE, str(error), [], as_json)
            told = [
                {
                    "fingerprint": name,
                    "state": "open" if finding.word == "review" else finding.word,
                    "subject": finding.subject,
                    "rule": finding.rule,
                    "element": finding.element,
                    "question": finding.message,
                    "picture": next((path for path in finding.evidence if path.endswith(".png")), None),
                }
                for name, (_, finding) in asked.items()
            ]
            if as_json:
                stale = [note.model_dump(mode="json", exclude={"state", "why"}) for note in unasked]
                pruned = [note.file for note in unasked if prune]
                answer_json({"run": manifest.run_id, "questions": told, "no_longer_asked": stale, "pruned": pruned})
                return
            console = new_console()
            console.print("\n\n".join(map(_question_told, told)) or "No question is open.", markup=False)
            if unasked:
                done = "taken away" if prune else f"`stageproof review {manifest.run_id} --prune` takes them away"
                console.print(f"\nAnswered, no longer asked ({len(unasked)}); {done}:", markup=False)
                console.print("\n".join(map(_answer_told, unasked)), markup=False)
            return
        try:
            given = answer_to(manifest, fingerprint, answer, by=by or getpass.getuser(), reason=reason, days=days)
            path = record_answer(folder, given, _signing_key(key, given.by, baselines_root(), as_json))
        except AnswerError as error:
            fail(USAGE, str(error), [], as_json)
    signed = "signed" if key else "unsigned"
    if as_json:
        answer_json({"answer": given.model_dump(mode="json"), "signed": key is not None, "file": str(path)})
    else:
        words = f"{given.by} answers '{given.answer}' to {given.rule} on {given.subject} ({signed}): {path}; commit it."
        new_console().print(words, markup=False)


def _instant(text: str, as_json: bool) -> datetime:
    """An instant with a time zone; a day alone is its beginning in UTC."""
    from datetime import UTC, datetime

    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        fail(USAGE, f"'{text}' is no day or instant such as 2027-01-31 or 2027-01-31T18:00:00+01:00", [], as_json)
    if len(text) <= len("2027-01-31"):
        instant = instant.replace(tzinfo=UTC)
    if instant.tzinfo is None:
        fail(USAGE, f"'{text}' has no time zone: write {text}Z", [], as_json)
    if instant <= datetime.now(UTC):
        fail(USAGE, f"'{text}' has passed already", [], as_json)
    return instant


def _signing_key(path: Path | None, by: str, folder: Path, as_json: bool) -> Ed25519PrivateKey | None:
    """The key to sign with, once it is known as this person's: an answer signed by a stranger would be an error."""
    from evidence_store.signing import SigningError, public_line, read_signers
    from flows.signing_keys import open_signing_key

    if path is None:
        return None
    try:
        signers = read_signers(folder)
        key = open_signing_key(path)
    except SigningError as error:
        fail(USAGE, str(error), [], as_json)
    mine = public_line(key.public_key())
    if by not in signers or public_line(signers[by]) != mine:
        words = f"{path} is not the key of '{by}' in {folder / 'signers.toml'}; list it under [signers]:"
        fail(USAGE, words, [f'{json.dumps(by)} = "{mine}"'], as_json)
    return key


def _question_told(row: dict[str, Any]) -> str:
    """A question in lines: what is asked is too long for the cell of a table."""
    from evidence_store.report.plain_text import line, passage

    head = "  ".join(line(str(row[name])) for name in ("fingerprint", "state", "subject", "rule", "element"))
    return "\n  ".join([head, passage(row["question"]), *([f"picture: {row['picture']}"] if row["picture"] else [])])


def _answer_told(note: AnswerNote) -> str:
    """A recorded answer on one line."""
    from evidence_store.report.plain_text import line

    signed = "signed" if note.signed else "unsigned"
    said = f"{note.by} answered '{note.answer}' on {note.answered_at:%Y-%m-%d}, {signed}"
    return line(f"reviews/{note.file}  {note.subject}  {note.rule}  {note.element}  {said}")


def _table(rows: list[dict[str, Any]], nothing: str) -> None:
    """Rows of equal keys as a table; text of the site under test is shown as it is, and never as markup."""
    if not rows:
        new_console().print(nothing, markup=False)
        return
    new_console().print(listing(rows))
