"""Readers of coverage reports: what is read, and that nothing else ever is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tasks.coverage.formats import FileLines, LineCoverage, UnreadableReportError, read_report, shown

from .cases import BAD, BROKEN, GOOD, Case, cobertura, coverage_py, istanbul, istanbul_file, lcov

unhurried = settings(max_examples=3 * settings().max_examples, suppress_health_check=[HealthCheck.too_slow])
HITS = st.lists(st.integers(min_value=0, max_value=3), min_size=1, max_size=40)
PATHS = st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=12)
PROJECT = st.dictionaries(PATHS, HITS, min_size=1, max_size=5)


def counted(project: dict[str, list[int]]) -> tuple[int, int]:
    """Lines that ran and lines there are, counted from what the report was made of."""
    hits = [hit for lines in project.values() for hit in lines]
    return len([hit for hit in hits if hit]), len(hits)


@pytest.mark.parametrize("case", [*GOOD, *BAD], ids=lambda case: case.name)
def test_good_and_bad_reports_are_read(case: Case) -> None:
    assert read_report(case.body).total > 0


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
def test_broken_reports_are_refused_with_what_was_seen(case: Case) -> None:
    with pytest.raises(UnreadableReportError) as refused:
        read_report(case.body)
    assert case.says in str(refused.value)


@unhurried
@given(PROJECT)
def test_istanbul_counts_distinct_statement_lines(project: dict[str, list[int]]) -> None:
    content = {path: istanbul_file(path, hits) for path, hits in project.items()}
    found = read_report(json.dumps(content).encode())
    assert (found.covered, found.total) == counted(project)


@unhurried
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2)), min_size=1, max_size=30))
def test_a_line_is_covered_when_any_statement_on_it_ran(statements: list[tuple[int, int]]) -> None:
    entry = istanbul_file("a.ts", [hit for _, hit in statements])
    for index, (line, _) in enumerate(statements):
        entry["statementMap"][str(index)]["start"]["line"] = line
    found = read_report(json.dumps({"a.ts": entry}).encode())
    assert found.total == len({line for line, _ in statements})
    assert found.covered == len({line for line, hit in statements if hit})


@unhurried
@given(PROJECT)
def test_lcov_counts_lines(project: dict[str, list[int]]) -> None:
    records = []
    for path, hits in project.items():
        lines = "".join(f"DA:{line},{hit}\n" for line, hit in enumerate(hits, 1))
        records.append(f"SF:{path}\n{lines}LF:{len(hits)}\nLH:{len(hits) - hits.count(0)}\nend_of_record\n")
    found = read_report("".join(records).encode())
    assert (found.covered, found.total) == counted(project)
    assert {file.path for file in found.files} == set(project)


@unhurried
@given(PROJECT)
def test_coverage_py_counts_executed_and_missing_lines(project: dict[str, list[int]]) -> None:
    files = {
        path: {
            "executed_lines": [line for line, hit in enumerate(hits, 1) if hit],
            "missing_lines": [line for line, hit in enumerate(hits, 1) if not hit],
        }
        for path, hits in project.items()
    }
    found = read_report(json.dumps({"meta": {"format": 3}, "files": files}).encode())
    assert (found.covered, found.total) == counted(project)


@unhurried
@given(st.binary(max_size=300))
@example(b"")
@example(b"{")
@example(b"SF:")
@example(b"<coverage>")
def test_any_bytes_are_read_whole_or_refused(body: bytes) -> None:
    assert is_read_whole_or_refused(body)


@unhurried
@given(st.sampled_from([case.body for case in (*GOOD, *BAD) if len(case.body) < 5000]), st.data())
def test_damaged_reports_are_read_whole_or_refused(body: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(body)))
    length = data.draw(st.integers(0, 20))
    put = data.draw(st.binary(max_size=6) | st.sampled_from([b"-1", b"NaN", b"null", b"{}", b"[", b'"', b"\n", b"1e9"]))
    assert is_read_whole_or_refused(body[:at] + put + body[at + length :])


@unhurried
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["files", "meta", "totals", "s", "statementMap", "start", "line", "total", "lines", "0"]
                )
                | st.text(max_size=3),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_any_json_is_read_whole_or_refused(content: object) -> None:
    assert is_read_whole_or_refused(json.dumps(content).encode())


def is_read_whole_or_refused(body: bytes) -> bool:
    try:
        found = read_report(body)
    except UnreadableReportError as refused:
        # A message is stored as UTF-8 and shown on one line.
        return bool(str(refused).encode()) and "\n" not in str(refused)
    return 0 <= found.covered <= found.total and found.total > 0


@pytest.mark.parametrize(
    "body", [istanbul(8, 10), lcov(8, 10), cobertura(8, 10)], ids=["istanbul", "lcov", "cobertura"]
)
def test_no_cut_of_a_report_is_read(body: bytes) -> None:
    whole = body.rstrip()
    read = [at for at in range(len(whole)) if is_accepted(whole[:at])]
    assert read == []


def is_accepted(body: bytes) -> bool:
    try:
        read_report(body)
    except UnreadableReportError:
        return False
    return True


def test_methods_of_cobertura_are_not_counted_again() -> None:
    assert read_report(cobertura(8, 10)).files == (FileLines("src/A.java", 8, 10),)


def test_classes_of_one_file_share_its_lines() -> None:
    lines = '<line number="1" hits="1"/><line number="2" hits="0"/>'
    classes = f'<class filename="a.cs"><lines>{lines}</lines></class>' * 2
    packages = f"<packages><package><classes>{classes}</classes></package></packages>"
    for stated in (2, 4):  # tools count such lines once or twice
        found = read_report(f'<coverage lines-valid="{stated}">{packages}</coverage>'.encode())
        assert (found.covered, found.total) == (1, 2)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("1772449200", datetime(2026, 3, 2, 11, 0, tzinfo=UTC)),
        ("1772449200000", datetime(2026, 3, 2, 11, 0, tzinfo=UTC)),
        ("0", None),
        ("soon", None),
        ("9" * 18, None),
        ("", None),
    ],
)
def test_time_of_cobertura(stated: str, expected: datetime | None) -> None:
    assert read_report(cobertura(8, 10, root=f'timestamp="{stated}"')).generated_at == expected


def test_time_of_coverage_py() -> None:
    content = coverage_py(8, 10) | {"meta": {"format": 3, "timestamp": "2026-03-02T11:00:00.5"}}
    assert read_report(json.dumps(content).encode()).generated_at == "2026-03-02T11:00:00.5"


def test_text_of_a_report_is_made_fit_for_a_message() -> None:
    assert shown("a\x1b[31m\n\ud800\u202eb") == "a�[31m���b"
    assert len(shown("x" * 1000)) == 100


def test_a_large_report_is_read_whole() -> None:
    content = {f"/app/src/{i}.ts": istanbul_file(f"/app/src/{i}.ts", [1, 0] * 250) for i in range(200)}
    found = read_report(json.dumps(content).encode())
    assert found.total == 100_000


@pytest.mark.real
def test_real_reports_of_coverage_py_agree_in_all_formats(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "tiny.py").write_text(
        '"""A module."""\nimport empty\n\n\ndef both(\n    a,\n):\n    if a:\n        return 1\n'
        "    return (\n        2\n    )\n"
        "\n\nif False:  # pragma: no cover\n    import os\n\nassert empty\nassert both(0) == 2\n"
    )

    def run(*arguments: str) -> None:
        # Away from this repository's own settings, and from the measurement this test may itself run under.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")}
        command = [sys.executable, "-m", "coverage", *arguments]
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=60)

    run("run", "--source=.", "tiny.py")
    found: dict[str, LineCoverage] = {}
    for kind, name in (("json", "coverage.json"), ("lcov", "coverage.lcov"), ("xml", "coverage.xml")):
        run(kind, "-o", name)
        found[kind] = read_report((tmp_path / name).read_bytes())
    totals = json.loads((tmp_path / "coverage.json").read_text())["totals"]
    assert found["json"].format == "coverage.py"
    assert {(c.covered, c.total) for c in found.values()} == {(totals["covered_lines"], totals["num_statements"])}
    assert 0 < totals["covered_lines"] < totals["num_statements"]
    assert isinstance(found["json"].generated_at, str)
    assert isinstance(found["xml"].generated_at, datetime)
