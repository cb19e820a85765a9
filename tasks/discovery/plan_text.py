"""The proposal as a plan file that a person reads and edits: TOML with a comment wherever a decision was made. Pure.

Rules: values are written by tomli_w, never pasted; comments hold one line of printable characters each, whatever a page
called itself.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

import tomli_w

from tasks.discovery.discover import VIEWPORTS, Proposal, ProposedPage
from tasks.discovery.proposal import Budget

LINE = 116


def value(content: Any) -> str:
    """A TOML value on one line."""
    if isinstance(content, dict):
        inside = ", ".join(f"{_key(key)} = {value(item)}" for key, item in content.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(content, (list, tuple)):
        return f"[{', '.join(value(item) for item in content)}]"
    if isinstance(content, str):
        # What a reader cannot see, or what turns the line around, is written as an escape.
        written = tomli_w.dumps({"x": content}).removeprefix("x = ").rstrip("\n")
        return "".join(_escaped(letter) if _is_invisible(letter) else letter for letter in written)
    return tomli_w.dumps({"x": content}).removeprefix("x = ").rstrip("\n")


def _key(key: str) -> str:
    return tomli_w.dumps({key: 0}).rpartition(" = ")[0]


def _is_invisible(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Cf", "Co", "Cn", "Zl", "Zp"}


def _escaped(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"


def comment(text: str) -> list[str]:
    """Comment lines of a text, which may be a page's own words."""
    printable = "".join(
        "�" if _is_invisible(letter) or _is_surrogate(letter) else letter for letter in " ".join(text.split())
    )
    return [f"# {line}" for line in textwrap.wrap(printable[:1_000], LINE, break_on_hyphens=False)] or ["#"]


def _is_surrogate(letter: str) -> bool:
    return unicodedata.category(letter) == "Cs"


def plan_text(proposal: Proposal) -> str:
    """The whole file."""
    lines = [
        *_head(proposal),
        *_target(proposal),
        *_identities(proposal),
        *_viewports(),
        *(line for page in proposal.pages for line in _page(page)),
        *_services(proposal),
        *_checks(proposal),
    ]
    return "\n".join(lines).strip("\n") + "\n"


def _head(proposal: Proposal) -> Iterator[str]:
    yield from comment(f"Proposed by `stageproof init {proposal.wish.url}`; yours from here on.")
    yield from comment(
        f"{proposal.found:,} addresses were found, {proposal.visited:,} visits made, {proposal.kinds} kinds of pages"
        f" seen; {len(proposal.pages)} pages are proposed."
    )
    for why, (count, example) in sorted(proposal.skipped.items()):
        yield from comment(f"Not followed ({count:,}): {why}, such as {example[:160]}")
    for note in proposal.notes:
        yield from comment(f"Note: {note}")
    for address in proposal.left_out[:10]:
        yield from comment(f"Left out: {address[:200]}")
    if len(proposal.left_out) > 10:
        yield from comment(f"Left out: {len(proposal.left_out) - 10:,} more")
    yield "schema = 1"
    yield ""


def _target(proposal: Proposal) -> Iterator[str]:
    yield "[target]"
    yield f"name = {value(proposal.wish.name)}"
    yield f"base_url = {value(proposal.origin.base_url)}"
    yield f"allowed_hosts = {value([proposal.origin.hostname])}"
    if proposal.third_parties:
        yield from comment(
            "Pages ask these hosts for something. The browser lets them through and every visit reports them; take a"
            " line out to see whether the pages live without it."
        )
        yield "third_parties = ["
        yield from (f"  {value(host)}," for host in proposal.third_parties)
        yield "]"
    release = proposal.release
    if release.url is not None:
        yield from comment(f"Answered {release.value} when this was written.")
        where = {"pointer": release.pointer} if release.pointer is not None else {"pattern": release.pattern}
        yield f"release = {value({'url': release.url, **where})}"
    else:
        yield from comment(
            "No address was found that names the release. Until one is written here, a run cannot tell whether staging"
            " changed while it was looked at, and a pre-launch run never ends in `go`."
            + (f" Found was that {release.note}." if release.note else "")
            + " Such as:"
        )
        yield '# release = { url = "/version.json", pointer = "/commit" }'
        yield f"release = {value({'unknown': 'stageproof init found no address that names the release'})}"
    yield ""


def _identities(proposal: Proposal) -> Iterator[str]:
    wish = proposal.wish
    if wish.identity is None:
        return
    yield from comment("Secrets are taken from the environment, by name, and never written down.")
    yield f"[identities.{_key(wish.identity)}]"
    yield f"login = {value({'url': wish.login_url, 'json': dict(wish.login)})}"
    yield ""


def _viewports() -> Iterator[str]:
    yield "[viewports]"
    for name, size in VIEWPORTS.items():
        yield f"{name} = {value(size)}"
    yield ""


def _page(page: ProposedPage) -> Iterator[str]:
    kind = page.kind
    if kind.stands_for > 1:
        others = [address for address in kind.members if address != page.path][:3]
        languages = (
            f" in {len(kind.languages)} languages ({', '.join(kind.languages[:12])})" if len(kind.languages) > 1 else ""
        )
        such = f", such as {', '.join(others)}" if others else ""
        were = "1 was" if len(kind.members) == 1 else f"{len(kind.members)} were"
        yield from comment(f"Stands for {kind.stands_for:,} addresses{languages}{such}; {were} visited.")
    if page.folded.count:
        keys, more = page.folded.keys[:6], len(page.folded.keys) - 6
        named = ", ".join(f"?{key[:40]}=" for key in keys) + (f" and {more:,} more" if more > 0 else "")
        which = "1 address that differs" if page.folded.count == 1 else f"{page.folded.count:,} addresses that differ"
        yield from comment(f"Shows {which} in the query alone as well: {named}.")
    for note in page.notes:
        yield from comment(f"TODO: {note}.")
    yield "[[pages]]"
    yield f"name = {value(page.name)}"
    yield f"path = {value(page.path)}"
    if page.identity is not None:
        yield f"identity = {value(page.identity)}"
    if page.must_show:
        yield f"must_show = {value(list(page.must_show))}"
    else:
        yield '# must_show = ["a text that this page shows, and no other"]'
    if page.masks:
        for selector, why in page.masks:
            yield from comment(f"{selector} {why}")
        yield f"mask = {value([selector for selector, _ in page.masks])}"
    if not page.freeze_time:
        yield from comment("With its clock stopped the page does not show its texts.")
        yield "freeze_time = false"
    if page.picture_height is not None:
        yield from comment(
            f"Its pictures end after {page.picture_height:,} px and the page, or a part of it that scrolls, goes on:"
            " what is below is not compared. Without this line such a picture is an error."
        )
        yield f"picture_height = {value(page.picture_height)}"
    yield ""


def _services(proposal: Proposal) -> Iterator[str]:
    if not proposal.services:
        yield from comment(
            "No address was found that says, in JSON or a line of text, that a service is well. Write down those of"
            " your services: a page can look well on cached data. Such as:"
        )
        yield "# [[services]]"
        yield '# name = "api"'
        yield '# url = "/api/health"'
        yield '# expect = { "/status" = "ok" }'
        yield ""
    for service in proposal.services:
        yield "[[services]]"
        yield f"name = {value(service.name)}"
        yield f"url = {value(service.url)}"
        yield f"expect = {value(service.expect)}"
        yield ""


def _checks(proposal: Proposal) -> Iterator[str]:
    yield from comment("`stageproof checks` lists all there are; journeys and coverage are worth adding next.")
    yield "[checks.release]"
    if proposal.services:
        yield "[checks.health]"
    yield "[checks.page-health]"
    yield from comment(
        "Pictures are compared with those that `stageproof approve RUN` approved; until then a run ends incomplete."
    )
    yield "[checks.visual]"
    yield from comment(
        "Critical and serious barriers fail a run. `stageproof known RUN` accepts those that are there already, until a"
        " day, so that only new ones do."
    )
    yield "[checks.axe]"
    yield ""
    yield "[checks.vitals]"
    yield from _budgets(proposal.budgets)


def _budgets(budgets: Sequence[Budget]) -> Iterator[str]:
    if not budgets:
        yield from comment('Nothing could be measured; without budgets the bounds of web.dev\'s "good" hold.')
        return
    yield from comment(
        "From one load of each page on the machine that wrote this: the slowest page and at least a quarter. Measure"
        " where runs are made before relying on them. inp_ms needs pages with `interactions`."
    )
    for budget in budgets:
        if budget.looser_than is not None:
            yield from comment(
                f'{budget.key} is looser than "good" ({budget.looser_than:g}):'
                f" {budget.page} measured {budget.measured:.4g}."
            )
    yield f"budgets = {value({budget.key: _number(budget.limit) for budget in budgets})}"


def _number(limit: float) -> float | int:
    return int(limit) if limit == int(limit) else limit
