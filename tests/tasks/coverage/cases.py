"""Reports of every format, good, bad and broken, each with the outcome it must end in.

Good: enough lines for both checks, such as 8 of 10. Bad: a whole report of too few lines. Broken: never a number.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from evidence_store.model import Outcome


@dataclass(frozen=True)
class Case:
    """One body of a report, what it must end in, and words its message must hold."""

    name: str
    body: bytes
    outcome: Outcome
    says: str = ""


def span(line: Any) -> dict[str, Any]:
    # An end column of null is what source maps leave behind, and means "to the end of the line".
    return {"start": {"line": line, "column": 0}, "end": {"line": line, "column": None}}


def istanbul_file(path: str, hits: list[Any], first_line: int = 1) -> dict[str, Any]:
    return {
        "path": path,
        "statementMap": {str(i): span(first_line + i) for i in range(len(hits))},
        "fnMap": {},
        "branchMap": {},
        "s": {str(i): hit for i, hit in enumerate(hits)},
        "f": {},
        "b": {},
    }


def istanbul(ran: int, total: int, **changes: Any) -> bytes:
    entry = istanbul_file("/app/src/a.ts", [1] * ran + [0] * (total - ran)) | changes
    return json.dumps({"/app/src/a.ts": entry}).encode()


def lcov(ran: int, total: int, **stated: int) -> bytes:
    counts = {"LF": total, "LH": ran} | stated
    lines = [f"DA:{line},{int(line <= ran)}" for line in range(1, total + 1)]
    return "\n".join(
        ["TN:", "SF:src/a.ts", *lines, *(f"{k}:{v}" for k, v in counts.items()), "end_of_record", ""]
    ).encode()


def coverage_py(ran: int, total: int, **changes: Any) -> dict[str, Any]:
    summary = {"covered_lines": ran, "num_statements": total, "missing_lines": total - ran, "excluded_lines": 0}
    return {
        "meta": {"format": 3, "version": "7.17.4", "branch_coverage": False, "show_contexts": False},
        "files": {
            "app/a.py": {
                "executed_lines": list(range(1, ran + 1)),
                "missing_lines": list(range(ran + 1, total + 1)),
                "excluded_lines": [],
                "summary": summary,
            }
            | changes
        },
        "totals": summary,
    }


def cobertura(ran: int, total: int, root: str = "", doctype: str = "", extra: str = "") -> bytes:
    root = root or f'lines-valid="{total}" lines-covered="{ran}" timestamp="0"'
    lines = "".join(f'<line number="{n}" hits="{int(n <= ran)}"/>' for n in range(1, total + 1))
    return (
        f'<?xml version="1.0"?>{doctype}<coverage {root}><sources><source>/app</source></sources><packages>'
        f'<package name="p"><classes><class name="A" filename="src/A.java">'
        f"<methods><method name='m'><lines>{lines}</lines></method></methods>"
        f"<lines>{lines}{extra}</lines></class></classes></package></packages></coverage>"
    ).encode()


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()


_DTD = '<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">'
_BOMB = '<!DOCTYPE coverage [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
_TWO_STATEMENTS_A_LINE = {
    "statementMap": {"0": span(1), "1": span(1), "2": span(2)},
    "s": {"0": 0, "1": 3, "2": 1},
}
_OLD_COVERAGE_PY = coverage_py(8, 10, executed_lines=[*range(1, 9), 11], excluded_lines=[11])

GOOD = (
    Case("istanbul", istanbul(8, 10), Outcome.PASS, "80.00 % of 10 executable lines"),
    Case("istanbul-two-statements-on-a-line", istanbul(1, 1, **_TWO_STATEMENTS_A_LINE), Outcome.PASS, "of 2 exec"),
    Case(
        "istanbul-with-a-file-of-types-only",
        _json({"a.ts": istanbul_file("a.ts", [1, 1]), "types.ts": istanbul_file("types.ts", [])}),
        Outcome.PASS,
        "100.00 % of 2",
    ),
    Case("istanbul-with-byte-order-mark", b"\xef\xbb\xbf" + istanbul(8, 10), Outcome.PASS, "Istanbul report"),
    Case("lcov", lcov(8, 10), Outcome.PASS, "LCOV report"),
    Case("lcov-windows-line-ends", lcov(8, 10).replace(b"\n", b"\r\n"), Outcome.PASS, "of 10 exec"),
    Case("lcov-without-totals", b"SF:a.c\nDA:1,1,kUJr==\nDA:2,4\nend_of_record\n", Outcome.PASS, "of 2 exec"),
    Case(
        "lcov-one-file-under-two-test-names",
        b"TN:one\nSF:a\nDA:1,1\nDA:2,0\nend_of_record\nTN:two\nSF:a\nDA:1,0\nDA:2,1\nend_of_record\n",
        Outcome.PASS,
        "100.00 % of 2",
    ),
    Case(
        "lcov-branches-are-not-read",
        lcov(8, 10).replace(b"LF:", b"BRDA:1,0,0,NaN\nBRF:1\nBRH:0\nLF:"),
        Outcome.PASS,
        "of 10 exec",
    ),
    Case("coverage.py", _json(coverage_py(8, 10)), Outcome.PASS, "coverage.py report"),
    Case("coverage.py-excluded-line-that-ran", _json(_OLD_COVERAGE_PY), Outcome.PASS, "of 10 exec"),
    Case("cobertura", cobertura(8, 10), Outcome.PASS, "Cobertura report"),
    Case("cobertura-with-doctype", cobertura(8, 10, doctype=_DTD), Outcome.PASS, "80.00 % of 10 exec"),
)

BAD = (
    Case("istanbul", istanbul(59, 100), Outcome.FAIL, "/app/src/a.ts (41 of 100)"),
    Case("istanbul-nothing-ran", istanbul(0, 10), Outcome.FAIL, "0.00 % of 10"),
    Case("istanbul-rounds-to-the-limit", istanbul(14_999, 25_000), Outcome.FAIL, "59.99 %"),
    Case("lcov", lcov(59, 100), Outcome.FAIL, "59.00 % of 100"),
    Case("coverage.py", _json(coverage_py(59, 100)), Outcome.FAIL, "59.00 % of 100"),
    Case("cobertura", cobertura(59, 100), Outcome.FAIL, "59.00 % of 100"),
    Case(
        "worst-files-first",
        _json({f"f{i}.ts": istanbul_file(f"f{i}.ts", [0] * (i + 1)) for i in range(7)}),
        Outcome.FAIL,
        "f6.ts (7 of 7), f5.ts (6 of 6), f4.ts (5 of 5), f3.ts (4 of 4), f2.ts (3 of 3) and 2 more files",
    ),
)

_UNPAIRED = {"s": {"0": 1, "9": 1}}
_MISSING_IDS = {"s": {"0": 1}}

BROKEN_TEXT = (
    ("empty", b"", "empty"),
    ("blank", b" \r\n\t\n", "empty"),
    ("only-a-byte-order-mark", b"\xef\xbb\xbf", "empty"),
    ("login-page", b"<!DOCTYPE html>\n<html><title>Sign in</title></html>", "HTML in place of a report"),
    ("login-page-without-doctype", b"<html><body><br>Sign in</body></html>", "HTML in place of a report"),
    ("login-page-after-comment", b"<!-- sso --><html><body>Sign in</body></html>", "HTML in place of a report"),
    (
        "login-page-in-xhtml",
        b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "x" "http://www.w3.org/x.dtd"><html><p>&nbsp;</p></html>',
        "HTML in place of a report",
    ),
    ("error-text", b"404 page not found", "begins with '404 page not found'"),
    ("git-lfs-pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "not a coverage report"),
    ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "gzip data"),
    ("zip", b"PK\x03\x04\x00", "zip data"),
    ("utf-16", lcov(8, 10).decode().encode("utf-16"), "not UTF-8"),
    ("latin-1", b"SF:\xe6.ts\nDA:1,1\nend_of_record\n", "not UTF-8"),
    ("zeros", b"\0" * 100, "empty"),
)

BROKEN_JSON = (
    ("truncated", istanbul(8, 10)[:-20], "not valid JSON"),
    ("half", istanbul(8, 10)[: len(istanbul(8, 10)) // 2], "cut off"),
    ("two-documents", istanbul(8, 10) * 2, "not valid JSON"),
    ("nested", b'{"a":' * 100_000, "nested too deeply"),
    ("nested-list", b"[" * 100_000, "nested too deeply"),
    ("list", b"[]", "a list"),
    ("no-files", b"{}", "0 files"),
    ("other-json", b'{"status": "ok"}', "its keys: status"),
    ("other-table", b'{"a": {"b": 1}}', "its keys: a"),
    ("summary", b'{"total": {"lines": {"total": 10, "covered": 10, "pct": 100}}}', "publish coverage-final.json"),
    ("a-number-too-long", b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
)

BROKEN_ISTANBUL = (
    ("zero-of-zero", _json({"a.ts": istanbul_file("a.ts", []), "b.ts": istanbul_file("b.ts", [])}), "2 files with 0"),
    ("nan-count", istanbul(8, 10, s={str(i): float("nan") for i in range(10)}), "NaN"),
    ("infinite-count", istanbul(1, 1).replace(b'"s": {"0": 1}', b'"s": {"0": 1e999}'), "inf"),
    ("infinity-count", istanbul(1, 1).replace(b'"s": {"0": 1}', b'"s": {"0": Infinity}'), "Infinity"),
    ("negative-count", istanbul(1, 1, s={"0": -1}), "is -1 in place"),
    ("fraction-count", istanbul(1, 1, s={"0": 1.5}), "is 1.5 in place"),
    ("huge-count", istanbul(1, 1, s={"0": 10**400}), "is a number in place"),
    ("text-count", istanbul(1, 1, s={"0": "1"}), "is a text in place"),
    ("true-count", istanbul(1, 1, s={"0": True}), "true or false"),
    ("null-count", istanbul(1, 1, s={"0": None}), "is nothing in place"),
    ("count-without-statement", istanbul(2, 2, **_UNPAIRED), "do not name the same statements"),
    ("statement-without-count", istanbul(2, 2, **_MISSING_IDS), "such as '1'"),
    ("no-counts", istanbul(2, 2, s=None), "is nothing in place of an object"),
    ("no-map", istanbul(2, 2, statementMap=[]), "is a list in place of an object"),
    ("span-without-start", istanbul(1, 1, statementMap={"0": {}}), "is nothing in place of an object"),
    ("span-is-a-list", istanbul(1, 1, statementMap={"0": [1, 2]}), "is a list in place of an object"),
    ("line-zero", istanbul(1, 1, statementMap={"0": span(0)}), "whole number from 1"),
    ("line-null", istanbul(1, 1, statementMap={"0": span(None)}), "is nothing in place"),
    ("path-is-a-number", istanbul(1, 1, path=3), "in place of a text"),
    (
        "one-path-twice",
        _json({"a": istanbul_file("/a.ts", [1]), "b": istanbul_file("/a.ts", [1])}),
        "/a.ts is reported more than once",
    ),
    ("one-key-twice", istanbul(1, 1)[:-1] + b"," + istanbul(0, 1)[1:], "stands twice"),
    ("an-entry-that-is-a-list", _json({"a": istanbul_file("a", [1]), "b": []}), "entry of b is a list"),
    ("an-entry-of-something-else", _json({"a": istanbul_file("a", [1]), "b": {"x": 1}}), "statementMap of b"),
    ("a-lone-surrogate", b'{"\\ud800": {"s": 1}}', "in place of an object"),
)

BROKEN_LCOV = (
    ("cut-in-a-record", lcov(8, 10).removesuffix(b"end_of_record\n"), "no end_of_record"),
    ("cut-in-a-word", lcov(8, 10).removesuffix(b"ord\n"), "is not LCOV"),
    ("cut-in-a-number", b"SF:a\nDA:1", "no whole number"),
    ("next-record-too-early", b"SF:a\nDA:1,1\nSF:b\nDA:1,1\nend_of_record\n", "no end_of_record"),
    ("no-record", b"TN:e2e\n", "0 files"),
    ("no-lines", b"SF:a\nLF:0\nLH:0\nend_of_record\n", "1 file with 0 executable lines"),
    ("more-lines-stated", lcov(8, 10, LF=12), "LF says 12, but 10 were found"),
    ("more-hits-stated", lcov(1, 10, LH=9), "LH says 9, but 1 was found"),
    ("hits-over-lines", lcov(8, 10, LH=11), "LH says 11"),
    ("totals-without-lines", b"SF:a\nLF:10\nLH:10\nend_of_record\n", "LF says 10, but 0 were"),
    ("negative-count", b"SF:a\nDA:1,-1\nend_of_record\n", "DA:1,-1"),
    ("count-that-is-no-number", b"SF:a\nDA:1,=====\nend_of_record\n", "DA:1,====="),
    ("nan-count", b"SF:a\nDA:1,NaN\nend_of_record\n", "DA:1,NaN"),
    ("negative-total", b"SF:a\nDA:1,1\nLF:-1\nend_of_record\n", "LF:-1"),
    ("a-count-too-long", b"SF:a\nDA:1," + b"9" * 5000 + b"\nend_of_record\n", "no whole number"),
    ("other-digits", "SF:a\nDA:1,²\nend_of_record\n".encode(), "no whole number"),
    ("line-zero", b"SF:a\nDA:0,1\nend_of_record\n", "DA:0,1"),
    ("one-file-twice", lcov(8, 10) * 2, "src/a.ts is reported more than once"),
    ("a-file-without-a-name", b"SF:\nDA:1,1\nend_of_record\n", "without a name"),
    ("lines-outside-a-record", b"TN:\nDA:1,1\n", "outside a record"),
    ("end-without-start", b"TN:\nend_of_record\n", "without SF"),
    ("a-page-after-it", lcov(8, 10) + b"<html>", "is not LCOV"),
)

_TOTALS = {"covered_lines": 8, "num_statements": 9, "missing_lines": 1}
BROKEN_COVERAGE_PY = (
    ("no-files", _json(coverage_py(8, 10) | {"files": {}}), "totals: covered_lines says 8, but 0 were"),
    ("no-files-no-totals", _json({"meta": {}, "files": {}}), "0 files"),
    ("zero-of-zero", _json(coverage_py(0, 0)), "0 of 0"),
    ("totals-contradict", _json(coverage_py(8, 10) | {"totals": _TOTALS}), "num_statements says 9, but 10 were"),
    ("summary-contradicts", _json(coverage_py(8, 10, summary=_TOTALS)), "app/a.py: num_statements says 9"),
    ("covered-over-total", _json(coverage_py(8, 10, summary={"covered_lines": 11})), "says 11, but 8 were"),
    ("nan-total", _json(coverage_py(8, 10) | {"totals": {"covered_lines": float("nan")}}), "NaN"),
    ("line-twice", _json(coverage_py(2, 2, executed_lines=[1, 1])), "more than once"),
    ("line-both-ways", _json(coverage_py(2, 2, missing_lines=[2])), "both executed and missing"),
    ("negative-line", _json(coverage_py(1, 1, executed_lines=[-1])), "is -1 in place"),
    ("text-line", _json(coverage_py(1, 1, executed_lines=["1"])), "is a text in place"),
    ("no-missing-lines", _json(coverage_py(1, 1, missing_lines=None)), "is nothing in place of a list"),
    ("files-is-a-list", _json(coverage_py(1, 1) | {"files": []}), "files is a list"),
    ("entry-is-a-list", _json(coverage_py(1, 1) | {"files": {"a.py": []}}), "entry of a.py is a list"),
    ("totals-is-a-list", _json(coverage_py(1, 1) | {"totals": []}), "totals is a list"),
)

_BAD_LINE = '<line number="99" hits="{}"/>'
BROKEN_COBERTURA = (
    ("truncated", cobertura(8, 10)[:-30], "not valid XML"),
    ("other-root", b"<report name='jacoco'/>", "root is <report>"),
    ("no-files", b"<coverage><packages/></coverage>", "0 files"),
    ("zero-of-zero", cobertura(0, 0), "0 of 0"),
    ("lines-valid-contradicts", cobertura(8, 10, root='lines-valid="20"'), "lines-valid says 20, but 10"),
    ("lines-covered-contradicts", cobertura(8, 10, root='lines-covered="10"'), "lines-covered says 10, but 8"),
    ("lines-valid-is-nan", cobertura(8, 10, root='lines-valid="NaN"'), "'NaN'"),
    ("negative-hits", cobertura(8, 10, root="x='1'", extra=_BAD_LINE.format(-1)), "hits '-1'"),
    ("nan-hits", cobertura(8, 10, root="x='1'", extra=_BAD_LINE.format("NaN")), "hits 'NaN'"),
    ("no-filename", cobertura(8, 10).replace(b'filename="src/A.java"', b""), "without a filename"),
    ("entities", cobertura(8, 10, doctype=_BOMB), "entities"),
    ("nested", b"<coverage>" + b"<a>" * 10_000, "nested too deeply"),
    ("undefined-entity", cobertura(8, 10, extra="&nbsp;"), "not valid XML"),
)

BROKEN = tuple(
    Case(f"{family}-{name}", body, Outcome.ERROR, says)
    for family, cases in (
        ("any", BROKEN_TEXT),
        ("json", BROKEN_JSON),
        ("istanbul", BROKEN_ISTANBUL),
        ("lcov", BROKEN_LCOV),
        ("coverage.py", BROKEN_COVERAGE_PY),
        ("cobertura", BROKEN_COBERTURA),
    )
    for name, body, says in cases
)

# Both checks read the same formats; what fails at 60 % fails at 80 % too, and what passes passes at both.
CASES: dict[str, list[tuple[str, Outcome]]] = {
    check: [(case.name, case.outcome) for case in (*GOOD, *BAD, *BROKEN)] for check in ("unit-coverage", "e2e-coverage")
}
