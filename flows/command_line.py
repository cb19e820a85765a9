"""Entry: the command line. `stageproof --help`.

Exit codes: 0 go (or done), 1 no-go, 2 usage or plan error, 3 incomplete (or not to be had just now).
Whatever a command needs is imported inside it, so that `--help` answers at once.
"""

from __future__ import annotations

import atexit
import gc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from flows import manual_commands
from flows.command_line_shared import (
    INCOMPLETE,
    NO_GO,
    OK,
    USAGE,
    JsonOption,
    ProjectOption,
    RunArgument,
    TargetArgument,
    listing,
)
from flows.command_line_shared import answer_json as _answer
from flows.command_line_shared import download_sealed as _download
from flows.command_line_shared import fail as _fail
from flows.command_line_shared import new_console as _console
from flows.command_line_shared import open_ledger as _ledger
from flows.command_line_shared import plan_errors as _plan_errors
from flows.command_line_shared import sealed_bag as _sealed_bag
from flows.command_line_shared import stack_errors as _stack_errors
from flows.command_line_shared import store_configured as _store_configured
from flows.command_line_shared import store_errors as _store_errors
from flows.command_line_shared import use_local_stack as _use_local_stack
from flows.finding_commands import known, review
from flows.init_command import init

if TYPE_CHECKING:
    from tasks.visual.approval import Candidates

application = typer.Typer(
    name="stageproof",
    help="May this release leave staging? One run, one verdict, one evidence package that anyone can check.\n\n"
    "Start with `stageproof demo`, or `stageproof up` and `stageproof run TARGET`.\n\n"
    "Exit codes: 0 go, 1 no-go, 2 usage or plan error, 3 incomplete.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
application.add_typer(manual_commands.application, name="manual")


application.command()(init)
application.command()(known)
application.command()(review)


def main() -> None:
    """Run the command line."""
    # Python looks through all that was ever imported for garbage before it ends, which takes a quarter of a second.
    atexit.register(gc.freeze)
    application()


@application.command()
def plan(target: TargetArgument, profile: str = "nightly", as_json: JsonOption = False) -> None:
    """Show what a run would look at, and how much; contacts nothing."""
    from flows.run_settings import plan_path
    from tasks.plan import load_plan
    from tasks.registry import expected_subjects

    with _plan_errors(as_json):
        read = load_plan(plan_path(target))
        expected = expected_subjects(read, read.profile(profile))
    if as_json:
        _answer({"target": read.target.name, "profile": profile, "expected": expected})
        return
    from rich.table import Table

    table = Table("check", "subjects", "which", title=f"{read.target.name}, profile {profile}: {read.target.base_url}")
    for check, subjects in expected.items():
        shown = ", ".join(subjects[:6]) + (f", and {len(subjects) - 6} more" if len(subjects) > 6 else "")
        table.add_row(check, str(len(subjects)), shown)
    console = _console()
    console.print(table)
    console.print(f"{sum(map(len, expected.values()))} subjects must be shown in {len(expected)} checks.")


@application.command()
def run(
    target: TargetArgument,
    profile: Annotated[str, typer.Option(help="What this run expects: a profile of the plan.")] = "nightly",
    only: Annotated[
        list[str] | None, typer.Option(help="Look at this check only (may be repeated). Such a run never ends in go.")
    ] = None,
    release: Annotated[str | None, typer.Option(help="The release that must be on staging.")] = None,
    note: Annotated[str, typer.Option(help="What a reader of the evidence should know.")] = "",
    resume: Annotated[str | None, typer.Option(help="Finish this run, which did not end.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Validate a target: gather, judge, decide, bundle, seal, verify."""
    _use_local_stack()
    from flows.run_settings import ready_plan

    with _plan_errors(as_json):
        # Told before the orchestrator is loaded: a typing error should not cost seconds.
        ready_plan(target).profile(profile)
    from flows.command_line_run import run_in_this_process

    raise typer.Exit(
        run_in_this_process(
            {
                "target": target,
                "profile": profile,
                "only": only or None,
                "release": release,
                "note": note,
                "resume": resume,
            },
            as_json=as_json,
        )
    )


@application.command("list")
def list_runs(
    target: Annotated[str | None, typer.Option(help="Only runs of this target.")] = None,
    project: ProjectOption = "stageproof",
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List runs, the newest first; one that was opened and never sealed is shown as such."""
    with _store_errors(as_json):
        _, ledger = _ledger(project)
        runs = [record for record in ledger.runs() if target in (None, record.target)][:limit]
    if as_json:
        _answer([record.model_dump(mode="json") for record in runs])
        return
    if not runs:
        of_target = f" of {target}" if target else ""
        _console().print(f"No run{of_target} yet. Start one with `stageproof run {target or 'TARGET'}`.", markup=False)
        return
    # The target is in the run's id; without a column of its own the others are readable in 80 characters.
    rows = [
        {
            "run": record.run_id,
            "profile": record.profile,
            "verdict": seal.verdict.value.upper() if seal else "opened, never sealed",
            "release": (seal.release if seal else None) or "-",
            "started by": record.started_by,
        }
        for record in runs
        for seal in [record.sealed.seal if record.sealed else None]
    ]
    _console().print(listing(rows))


@application.command()
def fetch(
    run_id: RunArgument,
    to: Annotated[Path | None, typer.Option(help="File to write; default: RUN.zip here.")] = None,
    project: ProjectOption = "stageproof",
    as_json: JsonOption = False,
) -> None:
    """Download a run's evidence package, by the version that was sealed, and verify it."""
    from evidence_store.verify import verify_zip

    with _store_errors(as_json):
        store, ledger = _ledger(project)
        record = ledger.find(run_id)
        destination = to or Path(f"{record.run_id}.zip")
        _download(store, record, destination)
        verification = verify_zip(destination, ledger_entry=record.sealed)
    _tell_verification(str(destination), verification.problems, verification.checks, as_json, record.run_id)


@application.command()
def verify(
    what: Annotated[str, typer.Argument(help="A package (path of a zip) or a run's id.")],
    offline: Annotated[bool, typer.Option(help="Do not ask the ledger about a zip.")] = False,
    project: ProjectOption = "stageproof",
    as_json: JsonOption = False,
) -> None:
    """Check a package: digests, nothing extra or missing, the verdict decided again, and the ledger's word for it."""
    import tempfile

    from evidence_store.verify import verify_zip

    if Path(what).is_file():
        entry, note = None, "the ledger was not asked"
        alone = verify_zip(Path(what))
        if not offline and alone.manifest is not None and _store_configured():
            with _store_errors(as_json):
                _, ledger = _ledger(alone.manifest.project)
                entry = ledger.find(alone.manifest.run_id).sealed
                note = "the ledger holds this run" if entry else "the ledger never sealed this run"
        verification = verify_zip(Path(what), ledger_entry=entry) if entry else alone
        problems = (*verification.problems, *(() if entry or "not asked" in note else (note,)))
        _tell_verification(what, problems, (*verification.checks, note), as_json, what)
    with _store_errors(as_json), tempfile.TemporaryDirectory(prefix="stageproof-verify-") as folder:
        store, ledger = _ledger(project)
        record = ledger.find(what)
        copy = Path(folder) / "bundle.zip"
        _download(store, record, copy)
        verification = verify_zip(copy, ledger_entry=record.sealed)
    _tell_verification(record.run_id, verification.problems, verification.checks, as_json, record.run_id)


@application.command()
def rejudge(
    package: Annotated[Path, typer.Argument(help="A stored package (zip).")],
    plan_file: Annotated[
        str | None,
        typer.Option(
            "--plan", help="Another plan of that target: its name, or a path; default: the one in the package."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Judge a stored package again, under its own plan or another one, without staging."""
    from evidence_store.gate import decide
    from evidence_store.verify import BadPackageError, read_bag, verify_zip
    from flows.run_settings import plan_path
    from tasks.judging import judge
    from tasks.plan import load_plan, parse_stored_plan
    from tasks.registry import check_named, expected_subjects

    verification = verify_zip(package) if package.is_file() else None
    if verification is None or verification.manifest is None or verification.problems:
        problems = verification.problems if verification else (f"{package} is not a file",)
        _fail(USAGE, f"{package} cannot be judged again", list(problems), as_json)
    stored = verification.manifest
    with _plan_errors(as_json):
        try:
            with read_bag(package) as bag:
                read = (
                    load_plan(plan_path(plan_file))
                    if plan_file
                    else parse_stored_plan(bag.read("data/plan.json"), str(package))
                )
                if read.target.name != stored.target:
                    # Another target's pages were never looked at: the answer would be about nothing.
                    words = f"the plan is of target '{read.target.name}', and the package of '{stored.target}'"
                    _fail(USAGE, f"{package} cannot be judged again", [words], as_json)
                profile = read.profile(stored.profile)
                expected = expected_subjects(read, profile)
                results = [
                    judge(check_named(check), read, profile, stored.started_at, stored.release, bag)
                    for check in expected
                    if check in read.checks
                ]
        except BadPackageError as error:
            _fail(USAGE, str(error), [], as_json)
    decision = decide(expected, results, stored.waivers, stored.release, stored.started_at)
    changed = [
        f"{new.check} {new.subject}: {old.get((new.check, new.subject), 'not expected')} -> {new.word}"
        for old in [{(subject.check, subject.subject): subject.word for subject in stored.decision.subjects}]
        for new in decision.subjects
        if old.get((new.check, new.subject)) != new.word
    ]
    if as_json:
        _answer({"verdict": decision.verdict, "stored_verdict": stored.decision.verdict, "changed": changed})
    else:
        console = _console()
        console.print(
            f"Judged again: {decision.verdict.value.upper()} (stored: {stored.decision.verdict.value.upper()})"
        )
        console.print("\n".join(changed) or "Every subject is decided as it was.", markup=False)
    raise typer.Exit(decision.verdict.exit_code)


@application.command()
def approve(
    run_id: RunArgument,
    subjects: Annotated[
        list[str] | None,
        typer.Argument(help="Subjects such as dashboard@phone, or patterns such as 'dashboard*@phone'; none: all."),
    ] = None,
    by: Annotated[str, typer.Option(help="Who stands for it.", envvar="STAGEPROOF_APPROVER")] = "",
    reason: Annotated[str, typer.Option(help="Why the change is meant; kept with the approval.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be approved, and approve nothing.")
    ] = False,
    project: ProjectOption = "stageproof",
    as_json: JsonOption = False,
) -> None:
    """Approve the pictures of a sealed run as baselines, without another run.

    Shows first what is new, what changed and by how much, and what page-health found wrong with the page. Refused are
    pictures of pages that never stood still, that failed or did not answer 200; the rest is approved, and the command
    then ends with 2.
    """
    chosen, approved = approve_candidates_of(
        run_id, subjects or [], by, reason, project, as_json=as_json, dry_run=dry_run
    )
    if as_json:
        changes = {item.subject: {"change": item.change, "words": item.words} for item in chosen.fit}
        _answer({"approved": approved, "refused": chosen.refused, "changes": changes, "dry_run": dry_run})
    else:
        console = _console()
        done = "Would approve" if dry_run else "Approved"
        names = [item.subject for item in chosen.fit] if dry_run else approved
        console.print(f"{done} {len(names)} pictures: {', '.join(names) or 'none'}", markup=False)
        for subject, why in chosen.refused.items():
            console.print(f"Refused {subject}: {why}", markup=False)
    raise typer.Exit(USAGE if chosen.refused else OK)


def approve_sealed(
    run_id: str, subjects: list[str], by: str, reason: str, project: str, *, as_json: bool
) -> tuple[list[str], dict[str, str]]:
    """Download a sealed run, verify it, and approve its pictures: (approved, refused with the reason each)."""
    chosen, approved = approve_candidates_of(run_id, subjects, by, reason, project, as_json=as_json, show=False)
    return approved, chosen.refused


def approve_candidates_of(
    run_id: str,
    subjects: list[str],
    by: str,
    reason: str,
    project: str,
    *,
    as_json: bool,
    dry_run: bool = False,
    show: bool = True,
) -> tuple[Candidates, list[str]]:
    """Download a sealed run, verify it, show its pictures beside what is approved, and approve them."""
    import getpass

    from evidence_store.workspace import BrokenEvidenceError
    from tasks.baselines import BaselineError, baselines_root, picture_store
    from tasks.visual.approval import approve_candidates, candidates, faults_of

    with _sealed_bag(run_id, project, as_json=as_json) as (manifest, bag):
        try:
            baselines = baselines_root() / manifest.target
            pictures = picture_store(baselines, manifest.project)
            chosen = candidates(
                bag,
                baselines,
                run_id=manifest.run_id,
                subjects=subjects,
                store=pictures,
                faults=faults_of(manifest.results),
            )
            if show and not as_json:
                _show_candidates(chosen)
            if dry_run:
                return chosen, []
            approver = by or getpass.getuser()
            approved = approve_candidates(chosen, baselines, approved_by=approver, reason=reason, store=pictures)
        except (BaselineError, BrokenEvidenceError) as error:
            _fail(USAGE, str(error), [], as_json)
        return chosen, approved


def _show_candidates(chosen: Candidates) -> None:
    from rich.markup import escape
    from rich.table import Table

    if not chosen.fit:
        return
    table = Table("subject", "change", "by how much", title=f"pictures of {chosen.run_id} beside what is approved")
    table.columns[0].no_wrap = True
    for item in chosen.fit:
        table.add_row(*map(escape, (item.subject, item.change, item.words)))
    _console().print(table)


@application.command()
def up(
    worker: Annotated[
        bool, typer.Option(help="Start a worker too, which runs what the schedule and the UI ask for.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Start the local stack: S3 with credentials, a Prefect server, a worker."""
    from deployments import local_stack

    with _stack_errors(as_json):
        stack = local_stack.up(
            with_worker=worker, progress=lambda line: _console(error=as_json).print(line, markup=False)
        )
    if as_json:
        _answer({"prefect_ui": stack.prefect_ui_url, "prefect_api": stack.prefect_api_url, "s3": stack.s3_endpoint})
        return
    console = _console()
    console.print(f"Prefect UI  {stack.prefect_ui_url}\nS3          {stack.s3_endpoint} (bucket {stack.s3_bucket})")
    console.print("`stageproof run TARGET` finds this stack by itself, `stageproof deploy` puts the nightly and")
    console.print("pre-launch runs of every target into its UI, and `stageproof down` ends it.")


@application.command()
def down(as_json: JsonOption = False) -> None:
    """End the local stack; its data stays."""
    from deployments import local_stack

    with _stack_errors(as_json):
        ended = local_stack.down()
    if as_json:
        _answer({"ended": ended})
    else:
        _console().print(f"Ended: {', '.join(ended)}" if ended else "Nothing was running.")


@application.command()
def deploy(
    targets: Annotated[list[str] | None, typer.Argument(help="Targets; none: all that have a plan.")] = None,
    schedule: Annotated[bool, typer.Option(help="Whether the nightly schedule is active.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Register the nightly and pre-launch deployments with Prefect, with a queue of limit 1 for each target."""
    _use_local_stack()
    from flows.command_line_run import quiet_prefect

    quiet_prefect()
    from deployments import bootstrap
    from flows.run_settings import plan_path, target_names

    with _plan_errors(as_json), _stack_errors(as_json):
        for target in targets or []:
            plan_path(target)
        deployed = bootstrap.deploy(targets or target_names(), schedule=schedule)
    if as_json:
        _answer({"deployed": [{"name": item.name, "queue": item.queue, "change": item.change} for item in deployed]})
        return
    for item in deployed:
        _console().print(f"{item.name}: {item.change}, queue {item.queue} with limit 1", markup=False)


@application.command()
def demo(
    keep: Annotated[bool, typer.Option(help="Leave the stack and the site running, to look around.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Tell the product's story on a site with faults to switch on: incomplete, then go, then no-go."""
    from flows.demonstration import tell_the_story

    with _stack_errors(as_json):
        raise typer.Exit(tell_the_story(keep=keep, as_json=as_json))


@application.command()
def doctor(
    clean: Annotated[
        bool,
        typer.Option(help="Remove workspaces of runs that ended or nobody works on, and uploads cut off a day ago."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Look at what a run needs here, and at runs that did not end; says what to do about each."""
    from flows.diagnosis import diagnose

    _use_local_stack()
    findings = diagnose(clean=clean)
    if as_json:
        _answer(findings)
    else:
        for finding in findings:
            _console().print(f"{finding['state']:<8} {finding['what']}: {finding['words']}", markup=False)
    raise typer.Exit(OK if all(finding["state"] != "problem" for finding in findings) else INCOMPLETE)


@application.command()
def checks(
    check: Annotated[str | None, typer.Argument(help="Show one check in full.")] = None, as_json: JsonOption = False
) -> None:
    """List what stageproof can check, and why."""
    from tasks.catalogue import as_markdown, describe
    from tasks.registry import CHECKS, check_named

    try:
        chosen = [check_named(check)] if check else list(CHECKS)
    except KeyError as error:
        _fail(USAGE, str(error.args[0]), [], as_json)
    if as_json:
        _answer([describe(item) for item in chosen])
        return
    if check:
        from rich.markdown import Markdown

        _console().print(Markdown(as_markdown(chosen[0])))
        return
    from rich.table import Table

    table = Table("check", "what a pass says", "launch plan", "proof")
    for item in chosen:
        table.add_row(item.spec.id, item.spec.title, ", ".join(item.spec.rows) or "-", item.spec.mode)
    _console().print(table)


@application.command()
def schema() -> None:
    """Print the JSON Schema of a plan file."""
    from tasks.catalogue import plan_schema

    _answer(plan_schema())


def _tell_verification(
    what: str, problems: tuple[str, ...], held: tuple[str, ...], as_json: bool, run_id: str
) -> NoReturn:
    if as_json:
        _answer({"run": run_id, "package": what, "ok": not problems, "problems": problems, "checks": held})
    else:
        console = _console()
        for line in held:
            console.print(f"  checked  {line}", markup=False)
        for line in problems:
            console.print(f"  PROBLEM  {line}", style="bold red", markup=False)
        console.print(f"{what}: {'NOT what was sealed' if problems else 'verified'}", markup=False)
    raise typer.Exit(NO_GO if problems else OK)


if __name__ == "__main__":
    main()
