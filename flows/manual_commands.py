"""Entry: `stageproof manual ...`, the commands of people who walk through pages with assistive technology.

Named `manual` after the check, `manual-a11y`: "sweep" alone already means the visit of all pages by a run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.command_line_shared import (
    INCOMPLETE,
    USAGE,
    JsonOption,
    TargetArgument,
    answer_json,
    fail,
    new_console,
    open_ledger,
    plan_errors,
    sealed_bag,
    store_errors,
)

if TYPE_CHECKING:
    from evidence_store.verify import BagReader
    from tasks.plan import Look, Plan
    from tasks.records.manual import StepResult, Sweep

DAYS = 90
MOST_ANSWERS_BYTES = 500_000

application = typer.Typer(
    name="manual",
    help="Manual accessibility sweeps: write one, walk it with assistive technology, sign what was found.\n\n"
    "The check `manual-a11y` holds a release to the records: a sweep that nobody walked, that changed since, or whose"
    " record has expired is not run, and so never a pass.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

NameArgument = Annotated[str, typer.Argument(help="The sweep's name: its file is NAME.yaml.")]


@application.command()
def new(
    target: TargetArgument,
    name: NameArgument,
    page: Annotated[
        list[str], typer.Option(help="A page, state or subject of the plan (may be repeated), such as dashboard@phone.")
    ],
    title: Annotated[str, typer.Option(help="What the flow is; default: the names of its pages.")] = "",
    with_: Annotated[str, typer.Option("--with", help="What it is to be walked with.")] = "a screen reader",
    run: Annotated[
        str | None, typer.Option(help="A run's id, or a package (zip), to take the snapshots of; default: the newest.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, max=300, help="How many steps are proposed at most.")] = 40,
    as_json: JsonOption = False,
) -> None:
    """Write a sweep with steps proposed from what a stored run saw: landmarks, headings, controls, live regions.

    They are a proposal. Read every step, and write what should be announced.
    """
    from tasks.records.keeping import write_sweep
    from tasks.records.proposals import propose, sweep_text

    plan = _plan(target, name, as_json)
    looks = [_look_at(plan, given, as_json) for given in page]
    with _file_errors(as_json):
        with _stored_run(plan, run, as_json) as (source, bag):
            seen = _seen(looks, bag, source)
        proposal = propose(seen, steps)
        subjects = [look.subject for look in looks]
        text = sweep_text(title or f"{name}: {', '.join(subjects)}", subjects, with_, proposal, source)
        path = write_sweep(plan.target.name, name, text)
    if as_json:
        answer_json({"written": str(path), "steps": len(proposal.steps), "left_out": proposal.left_out})
        return
    left_out = f" ({proposal.left_out} elements had no room)" if proposal.left_out else ""
    new_console().print(
        f"Wrote {path} with {len(proposal.steps)} proposed steps{left_out}. Read and mend it, and put '{name}' into"
        f" `sweeps` of [checks.manual-a11y]; then walk it: `stageproof manual record {target} {name}`",
        markup=False,
    )


@application.command()
def record(
    target: TargetArgument,
    name: NameArgument,
    by: Annotated[str, typer.Option(help="Who walks it.", envvar="STAGEPROOF_APPROVER")] = "",
    with_: Annotated[str, typer.Option("--with", help='Versions too, such as "NVDA 2026.1, Firefox 150".')] = "",
    release: Annotated[str, typer.Option(help="The release it is walked on.")] = "",
    key: Annotated[
        Path | None, typer.Option(help="Your OpenSSH Ed25519 key, whose public half is in signers.toml.")
    ] = None,
    answers: Annotated[
        Path | None, typer.Option(help="A YAML file with the answers (docs/plan.md), in place of questions.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=366, help="How long the record counts; default: as the plan says, or 90.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Walk a sweep step by step, and write the signed record of what was announced.

    Quit at any step: what was answered is kept, and the same command goes on from there.
    """
    from evidence_store.signing import SigningError
    from flows.signing_keys import open_signing_key
    from tasks.records.keeping import load_sweep, signer_of, write_record
    from tasks.records.manual import SweepRecord

    plan = _plan(target, name, as_json)
    options = plan.checks.get("manual-a11y")
    with _file_errors(as_json):
        sweep, sha256 = load_sweep(plan.target.name, name)
        if key is None and getattr(options, "signed", True):
            raise SigningError(
                "the record has to be signed: give --key, your OpenSSH Ed25519 key (the plan may say `signed = false`)"
            )
        signing_key = open_signing_key(key) if key else None
        if signing_key is not None:
            signer_of(signing_key)  # told before an hour of walking, not after it
        told, results = _answers(answers) if answers else ({}, [])
        asking = answers is None
        who = by or told.get("by") or _ask("Who walks it?", asking)
        reader = with_ or told.get("with") or _ask("With what (screen reader, browser, versions)?", asking)
        on = release or told.get("release") or _ask("On which release (empty: unknown)?", asking)
        if asking:
            results = _walk(plan.target.name, name, sweep, sha256, who, as_json)
        now = datetime.now(UTC).replace(microsecond=0)
        content = {
            "target": plan.target.name,
            "sweep": name,
            "sweep_sha256": sha256,
            "by": who,
            "made_at": now,
            "with": reader,
            "release": on or None,
            "expires": now + timedelta(days=days or int(getattr(options, "max_age_days", DAYS))),
            "results": results,
        }
        made = _valid(SweepRecord, content)
        path, signer = write_record(made, sweep, signing_key)
    counts = {
        word: sum(result.result == word for result in made.results) for word in ("pass", "fail", "not-applicable")
    }
    if as_json:
        answer_json({"written": str(path), "signed_by": signer, "results": counts, "expires": made.expires.isoformat()})
        return
    new_console().print(
        f"Wrote {path}: {counts['pass']} steps pass, {counts['fail']} fail, {counts['not-applicable']} did not apply;"
        f" {f'signed by {signer}' if signer else 'not signed'}, counts until {made.expires:%Y-%m-%d}."
        " Commit it with the sweep.",
        markup=False,
    )


@application.command("list")
def list_sweeps(
    target: TargetArgument,
    release: Annotated[str | None, typer.Option(help="The release that staging serves, for `same_release`.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show every sweep of a target, and what a run that began now would say of it."""
    plan = _plan(target, "any", as_json)
    with _file_errors(as_json):
        rows = _states(plan, release)
    if as_json:
        answer_json(rows)
        return
    if not rows:
        words = f"No sweep yet. Write one with `stageproof manual new {target} NAME --page PAGE`."
        new_console().print(words, markup=False)
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("sweep", "in the plan", "outcome", "words")
    for row in rows:
        table.add_row(row["sweep"], "yes" if row["planned"] else "no", row["outcome"], escape(row["words"]))
    new_console().print(table)


# -- what they are made of --------------------------------------------------------------------------------------------


def _plan(target: str, name: str, as_json: bool) -> Plan:
    from flows.run_settings import plan_path
    from tasks.plan import PlanError, load_plan

    with plan_errors(as_json):
        # It becomes the name of files.
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name):
            raise PlanError(f"a sweep named {name!r}", ["a name is lower-case letters, digits and dashes"])
        return load_plan(plan_path(target))


def _look_at(plan: Plan, given: str, as_json: bool) -> Look:
    from tasks.plan import nearest

    found = [look for look in plan.looks.values() if given in (look.subject, look.name)]
    if not found:
        fail(
            USAGE,
            f"the plan has no '{given}'{nearest(given, [look.name for look in plan.looks.values()])}",
            [],
            as_json,
        )
    return found[0]


@contextmanager
def _file_errors(as_json: bool) -> Iterator[None]:
    from evidence_store.signing import SigningError
    from tasks.baselines import BaselineError
    from tasks.records.manual import BadFileError

    try:
        yield
    except (BaselineError, BadFileError, SigningError) as error:
        fail(USAGE, str(error), [], as_json)


@contextmanager
def _stored_run(plan: Plan, run: str | None, as_json: bool) -> Iterator[tuple[str, BagReader]]:
    """(the run in words, its verified package)."""
    from evidence_store.verify import read_bag, verify_zip
    from tasks.baselines import BaselineError

    if run and Path(run).is_file():
        verification = verify_zip(Path(run))
        if verification.problems or verification.manifest is None:
            fail(USAGE, f"{run} does not verify, so nothing of it is used", list(verification.problems), as_json)
        with read_bag(Path(run)) as bag:
            yield _source(plan, verification.manifest), bag
        return
    if run is None:
        with store_errors(as_json):
            _, ledger = open_ledger(plan.project)
            newest = ledger.last_sealed(plan.target.name)
        if newest is None:
            raise BaselineError(
                f"no run of {plan.target.name} is sealed yet; make one with `stageproof run {plan.target.name}`"
            )
        run = newest.run_id
    with sealed_bag(run, plan.project, as_json=as_json) as (manifest, bag):
        yield _source(plan, manifest), bag


def _source(plan: Plan, manifest: Any) -> str:
    from tasks.baselines import BaselineError

    if manifest.target != plan.target.name:
        raise BaselineError(f"run {manifest.run_id} is of {manifest.target}, and not of {plan.target.name}")
    return f"run {manifest.run_id}"


def _seen(looks: list[Look], bag: BagReader, source: str) -> list[Any]:
    from evidence_store.workspace import BrokenEvidenceError, evidence_of, read_artifact
    from tasks.baselines import BaselineError
    from tasks.records.proposals import Seen
    from tasks.sweep.models import PageVisit

    try:
        visits = {visit.subject: visit for visit in evidence_of(bag, PageVisit)}
        seen = []
        for look in looks:
            visit = visits.get(look.subject)
            if visit is None or visit.aria is None:
                why = "did not look at" if visit is None else "took no ARIA snapshot of"
                raise BaselineError(f"{source} {why} {look.subject}; make another run, or name one with --run")
            seen.append(Seen(look.subject, visit.url, visit.title, read_artifact(bag, visit.aria)))
    except BrokenEvidenceError as error:
        raise BaselineError(f"{source} cannot be read: {error}") from error
    return seen


def _ask(question: str, asking: bool) -> str:
    return str(typer.prompt(question, default="", show_default=False, err=True)).strip() if asking else ""


def _valid(kind: Any, content: Mapping[str, Any]) -> Any:
    from pydantic import ValidationError

    from tasks.plan import problems_of
    from tasks.records.manual import BadFileError

    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise BadFileError(f"the record would not be one: {'; '.join(problems_of(error))}") from error


def _answers(path: Path) -> tuple[dict[str, str], list[StepResult]]:
    """(by, with and release, as far as the file says them; a result for each step) from a filled YAML file."""
    from tasks.baselines import BaselineError
    from tasks.reading import parse_yaml
    from tasks.records.manual import StepResult

    try:
        found, problem = parse_yaml(path.read_bytes(), MOST_ANSWERS_BYTES)
    except OSError as error:
        raise BaselineError(f"{path} cannot be read ({error.strerror or error})") from error
    results = found.get("results") if isinstance(found, dict) else None
    if problem or not isinstance(results, dict):
        raise BaselineError(f"{path}: {problem or 'it needs `results`, with a result for the id of each step'}")
    told = {key: found[key] for key in ("by", "with", "release") if isinstance(found.get(key), str)}
    if unknown := sorted(set(found) - {"results", "by", "with", "release"}):
        raise BaselineError(f"{path}: unknown key '{unknown[0]}'; known: by, with, release, results")
    return told, [
        _valid(StepResult, {"step": step, **(answer if isinstance(answer, dict) else {"result": answer})})
        for step, answer in results.items()
    ]


def _walk(target: str, name: str, sweep: Sweep, sha256: str, by: str, as_json: bool) -> list[StepResult]:
    """Ask for the result of every step that has none yet, and keep each answer at once."""
    from tasks.records.keeping import draft_path, read_draft, write_draft
    from tasks.wcag import criterion_named

    # Questions go where people look; standard output is for the answer alone.
    console = new_console(error=True)
    kept = read_draft(target, name, sha256, by)
    given = {step.id: kept[step.id] for step in sweep.steps if step.id in kept}
    console.print(f"{sweep.title}: {len(sweep.steps)} steps on {', '.join(sweep.subjects)}", style="bold", markup=False)
    if given:
        console.print(f"{len(given)} of them were answered before.", markup=False)
    try:
        for number, step in enumerate(sweep.steps, 1):
            if step.id in given:
                continue
            criterion = criterion_named(step.criterion)
            console.print(f"\n{number} of {len(sweep.steps)}   {criterion.words if criterion else ''}", markup=False)
            console.print(f"  do      {step.do}\n  expect  {step.expect}", markup=False)
            given[step.id] = _asked(step.id)
            write_draft(target, name, sha256, by, list(given.values()))
    except (typer.Abort, EOFError, KeyboardInterrupt):
        words = f"{len(given)} of {len(sweep.steps)} steps are answered, and kept in {draft_path(target, name)}"
        fail(INCOMPLETE, words, ["the same command goes on from there"], as_json)
    return list(given.values())


def _asked(step: str) -> StepResult:
    from tasks.records.manual import StepResult

    words = {"p": "pass", "f": "fail", "n": "not-applicable"}
    while True:
        letter = str(typer.prompt("  [p]ass, [f]ail, [n]ot applicable, [q]uit", err=True)).strip().lower()[:1]
        if letter == "q":
            raise typer.Abort
        if letter in words:
            break
    note = ""
    # A barrier without words cannot be mended, and a step is not left out without a reason.
    while letter != "p" and not note:
        note = " ".join(str(typer.prompt("  what was announced, or why it does not apply", err=True)).split())
    return _valid(StepResult, {"step": step, "result": words[letter], "note": note})  # type: ignore[no-any-return]


def _states(plan: Plan, release: str | None) -> list[dict[str, Any]]:
    """What the judge would say now, on the files as a run would copy them."""
    import tempfile

    from evidence_store.model import Release
    from evidence_store.workspace import Workspace
    from tasks.judging import judge
    from tasks.records.gather import ManualRecords
    from tasks.records.judge import MANUAL
    from tasks.records.keeping import draft_path, names_of_sweeps
    from tasks.records.models import planned_sweeps, subject_of

    target, planned = plan.target.name, planned_sweeps(plan)
    with tempfile.TemporaryDirectory(prefix="stageproof-manual-") as folder:
        workspace, source = Workspace(Path(folder)), ManualRecords()
        for shard in source.shards(plan):
            source.gather(plan, shard, workspace)
        result = judge(
            MANUAL, plan, plan.profile("nightly"), datetime.now(UTC), Release(before=release, after=release), workspace
        )
    rows = []
    for name in sorted({*planned, *names_of_sweeps(target)}):
        found = [finding for finding in result.findings if finding.subject == subject_of(name)]
        words = "; ".join(finding.message for finding in found) or result.problem or "no run looks at it"
        if draft_path(target, name).exists():
            words += " (a walk was begun and not ended)"
        rows.append(
            {
                "sweep": name,
                "planned": name in planned,
                "outcome": found[0].outcome.value if found else "-",
                "words": words,
            }
        )
    return rows
