"""`stageproof init URL`: look at a staging site and write a plan to start from.

Exit codes: 0 written (or shown), 2 the command or the file is in the way, 3 the site shows nothing to write about.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from flows.command_line_shared import INCOMPLETE, USAGE, JsonOption, answer_json, fail, new_console

if TYPE_CHECKING:
    from rich.console import Console

    from evidence_store.model import Finding
    from evidence_store.workspace import Workspace
    from tasks.discovery.crawl import Progress
    from tasks.discovery.discover import Proposal, Wish
    from tasks.plan import Plan

_PHASES = {
    "sitemap": "reading the sitemap",
    "crawl": "crawling",
    "first load": "looking at each kind of page",
    "second load": "looking again: what changed?",
    "services": "asking for health and release",
    "rehearsal": "rehearsing the plan",
}
_SECRET_KEY = re.compile(r"pass|secret|token|pin|otp|key", re.IGNORECASE)


def init(
    url: Annotated[str, typer.Argument(help="Where the staging site is, such as https://staging.example.")],
    name: Annotated[str, typer.Option(help="The target's name; default: the first part of the host's name.")] = "",
    max_pages: Annotated[int, typer.Option(min=1, max=5_000, help="Most pages that are visited.")] = 200,
    max_depth: Annotated[int, typer.Option(min=0, max=50, help="Most links away from the start.")] = 8,
    minutes: Annotated[float, typer.Option(min=0.2, max=240, help="Most time; a look that began is finished.")] = 10,
    ignore_robots: Annotated[
        bool, typer.Option("--ignore-robots", help="Do not ask robots.txt: for a site of your own.")
    ] = False,
    start: Annotated[
        list[str] | None, typer.Option(help="A further path to start at, to which nothing links (may be repeated).")
    ] = None,
    third_party: Annotated[
        list[str] | None, typer.Option(help="A host that pages need to load from, such as a CDN (may be repeated).")
    ] = None,
    login_url: Annotated[str | None, typer.Option(help="Address that signs in by one JSON request.")] = None,
    login: Annotated[
        list[str] | None,
        typer.Option(help="A field of its body, such as password=env:SHOP_PASSWORD (may be repeated)."),
    ] = None,
    identity: Annotated[str, typer.Option(help="What the plan calls the one who signs in.")] = "viewer",
    force: Annotated[bool, typer.Option("--force", help="Replace a plan that is there already.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Look at a staging site and write a plan to start from: its kinds of pages, what they show, what they cost.

    Only follows links, and only on this host: nothing is clicked or submitted, links that look like actions are left
    alone, and robots.txt is kept to.
    """
    from flows.run_settings import targets_folder
    from tasks.contract import GatherError
    from tasks.discovery.discover import BadWishError, DiscoveryError

    try:
        wish = _wish(
            url, name, max_pages, max_depth, minutes, ignore_robots, start, third_party, login_url, login, identity
        )
        path = targets_folder() / f"{wish.name}.toml"
        if path.exists() and not (force or dry_run):
            words = f"{path} is there already; say --force to replace it, or choose another --name"
            fail(USAGE, words, [], as_json)
        with _shown_progress(new_console(error=as_json or dry_run)) as progress:
            proposal, text = propose(wish, progress)
        if not dry_run:
            _write(path, text)
    except BadWishError as error:
        fail(USAGE, str(error), [], as_json)
    except (DiscoveryError, GatherError) as error:
        fail(INCOMPLETE, str(error), [], as_json)
    if as_json:
        answer_json(_summary(proposal, None if dry_run else path, text if dry_run else None))
    elif dry_run:
        typer.echo(text, nl=False)
    else:
        _tell(proposal, path, new_console())


def propose(wish: Wish, progress: Progress) -> tuple[Proposal, str]:
    """Discover, rehearse, write: (proposal, the plan's text, which is a valid plan without secrets)."""
    from evidence_store.redaction import Redactor
    from tasks.discovery.discover import DiscoveryError, discover
    from tasks.discovery.plan_text import plan_text
    from tasks.discovery.rehearsal import rehearse
    from tasks.doors.temporary_folder import temporary_folder
    from tasks.plan import parse_plan
    from tasks.vitals.metrics import METRICS

    until = time.monotonic() + wish.limits.seconds
    redactor = Redactor()
    for key, value in _secrets(wish).items():
        redactor.learn(value, f"env:{key}")
    good = {metric.id: metric.good for metric in METRICS}
    with temporary_folder():
        proposal = rehearse(discover(wish, good, progress, redactor), progress, until, _faults_of)
    text = plan_text(proposal)
    parse_plan(text, "the proposed plan")
    if redactor.redact_text(text) != text:
        raise DiscoveryError("a page shows a password, cookie or token of the identity, and the plan would hold it")
    return proposal, text


def _faults_of(plan: Plan, workspace: Workspace) -> Sequence[Finding]:
    """What page-health finds, as the first run will."""
    from evidence_store.model import Release
    from tasks.judging import judge
    from tasks.page_health.judge import PAGE_HEALTH

    profile = plan.profile("nightly")
    return judge(PAGE_HEALTH, plan, profile, datetime.now(UTC), Release(), workspace).findings


def _wish(
    url: str,
    name: str,
    max_pages: int,
    max_depth: int,
    minutes: float,
    ignore_robots: bool,
    starts: list[str] | None,
    third_parties: list[str] | None,
    login_url: str | None,
    login: list[str] | None,
    identity: str,
) -> Wish:
    """What was asked for, checked before anything is contacted; raises BadWishError."""
    import os

    from tasks.discovery.crawl import Limits
    from tasks.discovery.discover import BadWishError, Wish
    from tasks.plan import ENVIRONMENT_REFERENCE

    url = url if "://" in url else f"https://{url}"
    try:
        host = urlsplit(url).hostname or ""
    except ValueError as error:
        raise BadWishError(f"'{url[:200]}' is not an address: {error}") from error
    words = [word for word in host.split(".") if word not in {"www", "staging", "stage", "test", "dev"}]
    name = name or re.sub(r"[^a-z0-9]+", "-", (words or [host])[0].lower()).strip("-")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name):
        raise BadWishError(f"'{name}' cannot name a target: lower-case letters, digits and dashes; say it with --name")
    fields: dict[str, str] = {}
    for pair in login or ():
        key, equals, value = pair.partition("=")
        if not equals or not key or not value:
            raise BadWishError(f"--login takes FIELD=VALUE, such as email=env:SHOP_EMAIL; '{key}' has no value")
        if _SECRET_KEY.search(key) and not ENVIRONMENT_REFERENCE.match(value):
            raise BadWishError(
                f"--login {key}: the plan is committed, so name the variable that holds it:"
                f" {key}=env:SHOP_{key.upper()}"
            )
        reference = ENVIRONMENT_REFERENCE.match(value)
        if reference and not os.environ.get(reference["name"]):
            raise BadWishError(f"the environment variable {reference['name']} has no value; set it and try again")
        fields[key] = value
    if bool(fields) != bool(login_url):
        raise BadWishError("--login-url and --login belong together: where to sign in, and with what")
    return Wish(
        url=url,
        name=name,
        limits=Limits(max_pages, max_depth, minutes * 60),
        ignore_robots=ignore_robots,
        starts=tuple(starts or ()),
        third_parties=tuple(third_parties or ()),
        identity=identity if login_url else None,
        login_url=login_url,
        login=fields,
    )


def _secrets(wish: Wish) -> dict[str, str]:
    import os

    from tasks.plan import ENVIRONMENT_REFERENCE

    references = [match["name"] for value in wish.login.values() if (match := ENVIRONMENT_REFERENCE.match(value))]
    return {reference: os.environ.get(reference, "") for reference in references}


def _write(path: Path, text: str) -> None:
    from tasks.discovery.discover import BadWishError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadWishError(f"{path} cannot be written: {error.strerror or error}") from error


@contextmanager
def _shown_progress(console: Console) -> Iterator[Progress]:
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("asking for robots.txt", total=None)
        told = ""

        def show(phase: str, counts: Mapping[str, int]) -> None:
            nonlocal told
            numbers = ", ".join(f"{count:,} {what}" for what, count in counts.items())
            bars.update(task, description=f"{_PHASES[phase]}{': ' if numbers else ''}{numbers}")
            if not console.is_terminal and phase != told:
                console.print(_PHASES[phase], markup=False)
            told = phase

        yield show


def _summary(proposal: Proposal, path: Path | None, text: str | None) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "target": proposal.wish.name,
        "plan": str(path) if path else None,
        "found": proposal.found,
        "visited": proposal.visited,
        "kinds": proposal.kinds,
        "pages": [
            {
                "name": page.name,
                "path": page.path,
                "identity": page.identity,
                "must_show": list(page.must_show),
                "mask": [selector for selector, _ in page.masks],
                "stands_for": page.kind.stands_for,
                "folded": page.folded.count,
                "notes": list(page.notes),
            }
            for page in proposal.pages
        ],
        "services": [service.name for service in proposal.services],
        "release": proposal.release.value or None,
        "third_parties": list(proposal.third_parties),
        "notes": list(proposal.notes),
    }
    return summary | ({"text": text} if text is not None else {})


def _tell(proposal: Proposal, path: Path, console: Console) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("page", "address", "must show", "masks", "stands for")
    for page in proposal.pages:
        who = f" ({page.identity})" if page.identity else ""
        shown = " + ".join(page.must_show) or "nothing yet"
        cells = (page.name + who, page.path[:80], shown, str(len(page.masks)), f"{page.kind.stands_for:,}")
        table.add_row(*map(escape, cells))
    console.print(table)
    console.print(
        f"{proposal.found:,} addresses found, {proposal.visited:,} visits, {proposal.kinds} kinds of pages,"
        f" {len(proposal.pages)} pages in the plan.",
        markup=False,
    )
    for note in proposal.notes:
        console.print(f"Note: {_printable(note)}", markup=False)
    open_ends = sum(len(page.notes) for page in proposal.pages)
    if open_ends:
        places = "1 place is" if open_ends == 1 else f"{open_ends} places are"
        console.print(f"{places} marked TODO.", markup=False)
    named = proposal.wish.name
    console.print(
        f"\nWritten: {path}\n\nNext:\n"
        f"  1. read it, above all must_show and the TODOs: it is a start, not a promise\n"
        f"  2. stageproof plan {named}     what a run will look at\n"
        f"  3. stageproof run {named}      the first look; its pictures wait to be approved\n"
        f"  4. stageproof approve RUN    when the pictures are as they should be\n"
        f"  5. stageproof known RUN      accepts, until a day, the barriers that are there already",
        markup=False,
    )


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "�" for letter in text)[:500]
