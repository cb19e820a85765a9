"""What commands share: how they answer, how they fail, and how they reach the store.

Whatever a command needs is imported inside it, so that `--help` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from evidence_store.ledger import Ledger, RunRecord
    from evidence_store.model import Manifest
    from evidence_store.objects import ObjectStore
    from evidence_store.verify import BagReader

OK, NO_GO, USAGE, INCOMPLETE = 0, 1, 2, 3

TargetArgument = Annotated[str, typer.Argument(help="Name of a target in deployments/targets, or the path of a plan.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer with JSON on standard output, for programs.")]
ProjectOption = Annotated[str, typer.Option(help="The project whose ledger is read.", envvar="STAGEPROOF_PROJECT")]
RunArgument = Annotated[str, typer.Argument(help="A run's id, or a beginning of it that only one run has.")]


def new_console(*, error: bool = False) -> Console:
    """Where people are told: standard output, or standard error."""
    from rich.console import Console

    return Console(stderr=error, highlight=False, soft_wrap=True)


def listing(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A table of these rows, at least one: the first column is what a person copies, and no other text is cut off."""
    from rich.markup import escape
    from rich.table import Table

    from evidence_store.report.plain_text import line

    table = Table(*rows[0])
    for column in table.columns:
        column.overflow = "fold"
    table.columns[0].no_wrap = True
    for row in rows:
        table.add_row(*(escape(line(str(value))) for value in row.values()))
    return table


def answer_json(content: Any) -> None:
    """One line of JSON on standard output, for programs."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False, default=str) + "\n")


def fail(code: int, words: str, problems: list[str], as_json: bool) -> NoReturn:
    """End with an exit code and what to do."""
    if as_json:
        answer_json({"problem": words, "problems": problems, "exit_code": code})
    else:
        console = new_console(error=True)
        console.print(words, style="bold red", markup=False)
        for problem in problems:
            console.print(f"  - {problem}", markup=False)
    raise typer.Exit(code)


@contextmanager
def plan_errors(as_json: bool) -> Iterator[None]:
    """A plan that cannot be run ends the command with 2."""
    from tasks.plan import PlanError

    try:
        yield
    except PlanError as error:
        fail(USAGE, f"{error.source} cannot be run:", error.problems, as_json)


@contextmanager
def store_errors(as_json: bool) -> Iterator[None]:
    """A store that is not there ends the command with 3, a run that is not with 2."""
    from evidence_store.ledger import AmbiguousRunError, RunNotFoundError
    from evidence_store.objects import StoreError, StoreSettingsError

    try:
        yield
    except (StoreSettingsError, RunNotFoundError, AmbiguousRunError) as error:
        fail(USAGE, str(error), [], as_json)
    except StoreError as error:
        fail(INCOMPLETE, str(error), [], as_json)


@contextmanager
def stack_errors(as_json: bool) -> Iterator[None]:
    """A local stack that does not work ends the command with 3."""
    from deployments.bootstrap import BootstrapError
    from deployments.processes import StackError

    try:
        yield
    except BootstrapError as error:
        fail(USAGE, str(error), [], as_json)
    except StackError as error:
        fail(INCOMPLETE, str(error), [], as_json)


def store_configured() -> bool:
    """Whether there is a store to ask."""
    use_local_stack()
    return bool(os.environ.get("STAGEPROOF_S3_ENDPOINT"))


def open_ledger(project: str) -> tuple[ObjectStore, Ledger]:
    """The store and the ledger of a project."""
    from evidence_store.ledger import Ledger
    from evidence_store.objects import ObjectStore, StoreSettings

    use_local_stack()
    store = ObjectStore(StoreSettings.from_environment(os.environ))
    return store, Ledger(store, project)


def use_local_stack() -> None:
    """Fill what the environment leaves open from the local stack, when one was started here."""
    from deployments import local_stack

    stack = local_stack.recorded()
    for name, value in (stack.environment() if stack else {}).items():
        os.environ.setdefault(name, value)


def download_sealed(store: ObjectStore, record: RunRecord, destination: Path) -> None:
    """Fetch a run's package by the version that was sealed; raises StoreError."""
    from evidence_store.ledger import LedgerError

    if record.sealed is None or record.sealed.seal is None:
        raise LedgerError(
            f"run {record.run_id} was opened at {record.opened_at:%Y-%m-%d %H:%M} UTC and never sealed:"
            " it has no package"
        )
    bundle = record.sealed.seal.bundle
    with _download_progress(bundle.size) as progress:
        store.download(bundle.key, destination, version_id=bundle.version_id, progress=progress)


@contextmanager
def _download_progress(size: int) -> Iterator[Callable[[str, int, int], None]]:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    with Progress(
        TextColumn("download"), BarColumn(), DownloadColumn(), console=new_console(error=True), transient=True
    ) as progress:
        task = progress.add_task("download", total=size)
        yield lambda _what, done, _total: progress.update(task, completed=done)


@contextmanager
def sealed_bag(run_id: str, project: str, *, as_json: bool) -> Iterator[tuple[Manifest, BagReader]]:
    """The package of a sealed run, downloaded and verified; one that does not verify ends the command with 2."""
    from evidence_store.verify import read_bag, verify_zip

    with store_errors(as_json), tempfile.TemporaryDirectory(prefix="stageproof-read-") as folder:
        store, ledger = open_ledger(project)
        record = ledger.find(run_id)
        copy = Path(folder) / "bundle.zip"
        download_sealed(store, record, copy)
        verification = verify_zip(copy, ledger_entry=record.sealed)
        if verification.problems or verification.manifest is None:
            words = f"{record.run_id} does not verify, so nothing of it is used"
            fail(USAGE, words, list(verification.problems), as_json)
        with read_bag(copy) as bag:
            yield verification.manifest, bag
