"""Text from strangers: nothing they wrote acts in any face, and nothing endless is shown."""

from __future__ import annotations

import functools
import io
import re
import unicodedata
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from evidence_store.model import AnswerNote, CriterionNote, KnownNote, Manifest, Waiver
from evidence_store.report.markdown import MOST_BYTES, findings_table, scorecard_markdown
from evidence_store.report.page import render
from evidence_store.report.plain_text import line, number, passage, web_address
from evidence_store.report.story import tell
from evidence_store.report.terminal import render_terminal
from tests.report.sample import FINISHED, failed, manifest, no_go, passed, picture_paths, results

NASTY = (
    "<script>alert(1)</script>",
    "</style></script><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "javascript:alert(1)",
    "\x1b[31mred\x1b[0m\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
    "[bold red]markup[/] [link=https://evil.example]here[/link] [/nothing]",
    "a | b \\| c `d` **e** [f](https://evil.example) <b>g</b>\n| h | i |\n# j",
    "invoice\u202egpj.exe\u2066 \u200b\ufeff",
    "\0\x07\x85\uffff",
    "{{ 7 * 7 }} {% raw %}",
    "e" + "\u0301" * 500,
    "שלום עולם",
    "]]>--><!-- \u2028 \u2029",
)
texts = st.one_of(st.sampled_from(NASTY), st.text(max_size=60), st.text("|`\\<>&*_[]\n\r\t\x1b\u202e", max_size=40))
OPENING_TAGS = {"script", "style", "iframe", "object", "embed", "base", "form", "link", "meta"}


def run_with(text: str) -> Manifest:
    """A run in which strangers wrote the same text wherever they can."""
    found = no_go()
    found["page-health"].append(passed(text or "x", text, text, element=text, rule=text, more_information=text))
    found["vitals"].append(failed(text or "x", text, element=text, rule=text, unit=text, measured=3.0, limit=2.0))
    waiver = Waiver(
        check="axe", subject=f"x{text[:2_000]}", owner=text or "x", reason=text + "_" * 8, ticket=text, expires=FINISHED
    )
    said: dict[str, Any] = {"check": text, "subject": text, "rule": text, "element": text}
    known = KnownNote(owner=text, reason=text, ticket=text, why=text, expires=FINISHED, state="not_scanned", **said)
    answer = AnswerNote(answer=text, by=text, answered_at=FINISHED, signed=False, file=text, state="not_asked", **said)
    return manifest(
        "no-go",
        results=results(found),
        waivers=(waiver,),
        known=(known,),
        answers=(answer,),
        criteria=(CriterionNote(number=text, name=text, level=text, means=(text,), failed=1),),
        started_by=text,
        note=text,
        base_url=text,
        toolchain={text: text},
    )


class _Tags(HTMLParser):
    """The elements of a page, their attributes, and the addresses it links to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def parsed(html: str) -> _Tags:
    tags = _Tags()
    tags.feed(html)
    return tags


@functools.cache
def plain_page() -> _Tags:
    told = run_with("plain")
    return parsed(render(told, picture_paths(told)))


def cells(row: str) -> int:
    """How many cells a renderer sees, whichever way it reads a backslash before a pipe."""
    return row.count("|")


def acts(text: str) -> set[str]:
    """Characters that a terminal or a browser would act on rather than show."""
    return {
        character
        for character in text
        if (unicodedata.category(character) in {"Cc", "Cs"} and character != "\n")
        or character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u200b\ufeff\u2028\u2029"
    }


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(texts)
def test_nothing_a_stranger_wrote_becomes_markup_on_the_page(text: str) -> None:
    told = run_with(text)
    plain, hostile = plain_page(), parsed(render(told, picture_paths(told)))
    assert [tag for tag in hostile.tags if tag in OPENING_TAGS] == [tag for tag in plain.tags if tag in OPENING_TAGS]
    assert not [name for name, _ in hostile.attributes if name.startswith("on") or name == "style"]
    addresses = [value for name, value in hostile.attributes if name in {"href", "src"}]
    assert all(re.match(r"(https?://|\./|#|data:,$)", address) for address in addresses)


@given(texts)
def test_no_control_character_reaches_any_face(text: str) -> None:
    told = run_with(text)
    story = tell(told)
    console = Console(file=io.StringIO(), width=80, force_terminal=False)
    render_terminal(story, console)
    assert isinstance(console.file, io.StringIO)
    faces = [
        console.file.getvalue(),
        scorecard_markdown(story, {text: text}),
        render(told, ()),
        "".join(cell for row in findings_table(told) for cell in row.values()),
    ]
    assert [acts(face) for face in faces] == [set()] * 4


@given(texts)
def test_a_markdown_table_keeps_its_columns_and_holds_no_tag(text: str) -> None:
    markdown = scorecard_markdown(tell(run_with(text)), {})
    expected = 0
    for row in markdown.splitlines():
        pipes = cells(row) if row.startswith("|") else 0
        assert pipes == expected or not expected or not pipes
        expected = pipes
    assert "<" not in markdown.replace("](<", "").split("## Check this package")[0]


@given(texts)
def test_rich_markup_is_shown_and_not_obeyed(text: str) -> None:
    console = Console(file=io.StringIO(), width=500, force_terminal=False, color_system=None)
    render_terminal(tell(run_with(text)), console)
    assert isinstance(console.file, io.StringIO)
    shown = re.sub(r"\s+", " ", console.file.getvalue())
    assert re.sub(r"\s+", " ", line(text)).strip() in shown


def test_a_colour_terminal_gets_only_the_colours_we_chose() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard")
    render_terminal(tell(run_with("\x1b[5mblink\x1b]8;;https://evil.example\x07")), console)
    assert isinstance(console.file, io.StringIO)
    sequences = set(re.findall(r"\x1b[^m]*m?", console.file.getvalue()))
    assert sequences
    assert all(re.fullmatch(r"\x1b\[[\d;]*m", sequence) for sequence in sequences)
    assert "\x1b[5m" not in sequences


def test_a_terminal_without_unicode_still_gets_every_word() -> None:
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii"), width=80, force_terminal=False)
    render_terminal(tell(manifest("no-go")), console)
    console.file.flush()
    assert b"x NO-GO for release 4f2c9e1" in raw.getvalue()


def test_no_line_is_wider_than_the_terminal() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=False)
    render_terminal(tell(manifest("no-go")), console)
    assert isinstance(console.file, io.StringIO)
    assert max(len(row) for row in console.file.getvalue().splitlines()) <= 80


def test_five_megabytes_on_one_line_are_cut_and_counted() -> None:
    told = run_with("x" * 5_000_000)
    assert len(render(told, ())) < 600_000
    assert "4,998,800 more characters" in render(told, ())
    assert len(scorecard_markdown(tell(told), {}).encode()) < 1_000_000


def test_three_thousand_causes_fit_an_artifact() -> None:
    found = no_go()
    found["vitals"] += [
        failed("dashboard@phone/lcp", "Ж<|" * 400, rule=f"rule {place}", element="Ж" * 300) for place in range(3_000)
    ]
    told = manifest("no-go", results=results(found))
    assert len(scorecard_markdown(tell(told), {}).encode()) < 1_000_000
    table = findings_table(told)
    assert table[-1]["message"].endswith("more, in the evidence package")
    assert sum(len(cell) for row in table for cell in row.values()) < MOST_BYTES


def test_the_findings_table_is_worst_first_and_keeps_its_columns() -> None:
    table = findings_table(manifest("no-go"))
    assert {tuple(row) for row in table} == {("outcome", "check", "subject", "message", "measured", "limit")}
    outcomes = [row["outcome"] for row in table]
    assert list(dict.fromkeys(outcomes)) == [
        "Fail",
        "Error",
        "Not run",
        "Waived",
        "Known",
        "Warning",
        "To review",
        "Pass",
    ]


def test_a_run_whose_release_is_in_doubt_lists_no_pass() -> None:
    assert {row["outcome"] for row in findings_table(manifest("doubtful"))} == {"Error"}


def test_only_web_addresses_are_links_in_markdown() -> None:
    markdown = scorecard_markdown(
        tell(manifest("go")),
        {"Report": "https://example.com/a_(b)?c=d", "Folder": "/runs/1/index.html", "Odd": "javascript:alert(1)"},
    )
    assert "- Report: [https\\://example.com/a\\_(b)?c=d](<https://example.com/a_%28b%29?c=d>)" in markdown
    assert "- Folder: `/runs/1/index.html`" in markdown
    assert "- Odd: `javascript:alert(1)`" in markdown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a␛[31mb"),
        ("nul\0", "nul␀"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\ud800", "a⟨U+D800⟩"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("x" * 1_201, "x" * 1_200 + "… 1 more character"),
        ("e" + "\u0301" * 9, "e" + "\u0301" * 4 + "⟨5 more marks⟩"),
        ("नमस्ते 👩‍💻", "नमस्ते 👩‍💻"),
    ],
)
def test_what_acts_becomes_visible(text: str, shown: str) -> None:
    assert passage(text) == shown


@pytest.mark.parametrize(
    ("address", "links"),
    [
        ("https://example.com/a?b=c#d", True),
        ("http://127.0.0.1:8600", True),
        ("javascript:alert(1)", False),
        ("https://", False),
        ("https://a b", False),
        ("https://[", False),
        ("//example.com", False),
        ("https://exa\u202emple.com", False),
        ('https://example.com/"onclick=', False),
        ("data:text/html,x", False),
    ],
)
def test_only_plain_web_addresses_are_linked(address: str, links: bool) -> None:
    assert (web_address(address) == address) is links


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (3120.0, "3,120"),
        (0.1, "0.1"),
        (2.9, "2.9"),
        (1234.56, "1,234.6"),
        (0.00012, "0.00012"),
        (-0.0, "0"),
        (float("nan"), "not a number"),
        (float("-inf"), "-infinite"),
        (1e22, "1e+22"),
    ],
)
def test_numbers_are_for_people(value: float, shown: str) -> None:
    assert number(value) == shown
