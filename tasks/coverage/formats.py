"""Readers of coverage reports: bytes in, lines of each file out. Pure, and wary of every byte.

Formats: Istanbul `coverage-final.json`, LCOV, coverage.py JSON, Cobertura XML; told apart by content. Rules:

- what cannot be read whole is not read at all: every doubt raises UnreadableReportError, none becomes a number;
- an executable line is a distinct line on which a statement starts (Istanbul), a distinct DA line (LCOV), an executed
  or missing line (coverage.py), a distinct `class/lines/line` (Cobertura); it is covered when anything on it ran;
- totals that a report states must be those of its lines, because a report that contradicts itself was cut or merged;
- counts are whole and not negative, files are named once, and something must be there: 0 of 0 lines is not 100 %.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, XMLParser

LARGEST_COUNT = 2**63
DEEPEST_XML = 32
EPOCH_MILLISECONDS_FROM = 10**11
"""A Cobertura timestamp is in seconds or in milliseconds; from this number on it must be milliseconds."""

_ALL_FORMATS = "Istanbul coverage-final.json, LCOV, coverage.py JSON or Cobertura XML"
_HTML = re.compile(r"<!doctype\s+html|<(?:html|head|body|title|meta|script|div)\b", re.IGNORECASE)
_LCOV_START = re.compile(r"(?:#.*\n|\s)*(?:TN|SF|VER):")
_LCOV_LINE = re.compile(r"(?P<key>[A-Z]+):(?P<value>.*)")
_DA = re.compile(r"(?P<line>\d{1,18}),(?P<count>\d{1,18})(?:,\S*)?")
_WHOLE = re.compile(r"\d{1,18}")
_COBERTURA_CLASS = ["coverage", "packages", "package", "classes", "class"]
_COBERTURA_LINE = [*_COBERTURA_CLASS, "lines", "line"]
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class UnreadableReportError(Exception):
    """A report that cannot be trusted to hold what it should, with what was seen and what to do."""


@dataclass(frozen=True)
class FileLines:
    """How many executable lines one source file has, and how many of them ran."""

    path: str
    covered: int
    total: int


@dataclass(frozen=True)
class LineCoverage:
    """What a report says. `generated_at` is the report's own words about its time, with or without a zone."""

    format: str
    files: tuple[FileLines, ...]
    generated_at: datetime | str | None = None

    @property
    def covered(self) -> int:
        """Lines that ran."""
        return sum(file.covered for file in self.files)

    @property
    def total(self) -> int:
        """Executable lines; never 0."""
        return sum(file.total for file in self.files)


def shown(value: object, most: int = 100) -> str:
    """A text from a report as it may stand in a message: printable, on one line, at most `most` characters."""
    text = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(value))
    return text if len(text) <= most else f"{text[: most - 1]}…"


def read_report(body: bytes) -> LineCoverage:
    """Read a report of any known format; raises UnreadableReportError, and nothing else."""
    if not body.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        raise UnreadableReportError("the report is empty; publish the file that the coverage tool wrote")
    for signature, name in ((b"\x1f\x8b", "gzip"), (b"PK\x03\x04", "zip")):
        if body.startswith(signature):
            raise UnreadableReportError(f"{name} data in place of a report; publish the report itself, not packed")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableReportError(
            f"not UTF-8 text (byte {error.start:,} of {len(body):,}); publish {_ALL_FORMATS}"
        ) from error
    first = text.lstrip()[:1]
    if first in {"{", "["}:
        found = _read_json(text)
    elif first == "<":
        found = _read_xml(text)
    elif _LCOV_START.match(text):
        found = _read_lcov(text)
    else:
        raise UnreadableReportError(
            f"not a coverage report: it begins with '{shown(text.strip(), 40)}'; publish {_ALL_FORMATS}"
        )
    if not found.files:
        raise UnreadableReportError(
            f"the {found.format} report holds 0 files; check that the tests ran and that the tool was told"
            " which sources to cover"
        )
    if not found.total:
        raise UnreadableReportError(
            f"the {found.format} report holds {len(found.files):,} {plural('file', len(found.files))} with 0 executable"
            " lines; 0 of 0 is not coverage: check which sources the tool was told to cover"
        )
    return found


def plural(noun: str, count: int) -> str:
    """The noun for this many of it."""
    return noun if count == 1 else f"{noun}s"


# --- JSON ---------------------------------------------------------------------------------------------------------


def _read_json(text: str) -> LineCoverage:
    try:
        content = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_no_number)
    except RecursionError as error:
        raise UnreadableReportError("JSON nested too deeply to be a coverage report") from error
    except ValueError as error:
        raise UnreadableReportError(
            f"not valid JSON ({shown(error)}; {len(text):,} characters came); often an upload that was cut off:"
            " publish the report again"
        ) from error
    if not isinstance(content, dict):
        raise UnreadableReportError(f"JSON, but a list and not a coverage report; publish {_ALL_FORMATS}")
    if "files" in content and ("meta" in content or "totals" in content):
        return _read_coverage_py(content)
    if not content or any(isinstance(entry, dict) and {"statementMap", "s"} & set(entry) for entry in content.values()):
        return _read_istanbul(content)
    if isinstance(content.get("total"), dict) and "lines" in content["total"]:
        raise UnreadableReportError(
            "an Istanbul summary, which states percentages without the lines behind them; publish coverage-final.json"
        )
    keys = ", ".join(shown(key, 30) for key in list(content)[:3])
    raise UnreadableReportError(f"JSON, but not a coverage report (its keys: {keys}); publish {_ALL_FORMATS}")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise UnreadableReportError(
                f"'{shown(key)}' stands twice in one JSON object, so nobody can say which one counts;"
                " merge the reports with the tool that wrote them"
            )
        content[key] = value
    return content


def _no_number(word: str) -> NoReturn:
    raise UnreadableReportError(f"{word} in place of a number; the tool that wrote the report failed to count")


def _table(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableReportError(f"{place} is {_kind(value)} in place of an object; publish the report again")
    return value


def _count(value: Any, place: str, least: int = 0) -> int:
    # `True` is an int in Python, and is no count.
    if type(value) is not int or not least <= value <= LARGEST_COUNT:
        said = (
            value if isinstance(value, float) or (type(value) is int and abs(value) <= LARGEST_COUNT) else _kind(value)
        )
        raise UnreadableReportError(
            f"{place} is {said} in place of a whole number from {least} up;"
            " the tool that wrote the report failed to count"
        )
    return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")


def _read_istanbul(content: Mapping[str, Any]) -> LineCoverage:
    files = []
    paths: set[str] = set()
    for key, value in content.items():
        name = shown(key)
        entry = _table(value, f"the entry of {name}")
        path = entry.get("path", key)
        if not isinstance(path, str):
            raise UnreadableReportError(f"the path of {name} is {_kind(path)} in place of a text; publish it again")
        if path in paths:
            raise UnreadableReportError(f"{shown(path)} is reported more than once; merge the reports with nyc merge")
        paths.add(path)
        files.append(_istanbul_file(path, entry))
    return LineCoverage("Istanbul", tuple(files))


def _istanbul_file(path: str, entry: Mapping[str, Any]) -> FileLines:
    name = shown(path)
    statements = _table(entry.get("statementMap"), f"statementMap of {name}")
    counts = _table(entry.get("s"), f"s of {name}")
    if statements.keys() != counts.keys():
        lone = sorted(statements.keys() ^ counts.keys())
        raise UnreadableReportError(
            f"{name}: statementMap and s do not name the same statements ({len(lone):,} stand in one only, such as"
            f" '{shown(lone[0], 20)}'); the report was cut or merged wrongly: publish it again"
        )
    ran: dict[int, bool] = {}
    for statement, span in statements.items():
        place = f"{name}: statement {shown(statement, 20)}"
        start = _table(_table(span, place).get("start"), f"{place}, start,")
        line = _count(start.get("line"), f"{place}, line,", least=1)
        count = _count(counts[statement], f"{place}, count,")
        ran[line] = ran.get(line, False) or count > 0
    return FileLines(path, sum(ran.values()), len(ran))


def _read_coverage_py(content: Mapping[str, Any]) -> LineCoverage:
    files = []
    for path, value in _table(content["files"], "files").items():
        name = shown(path)
        entry = _table(value, f"the entry of {name}")
        # Older releases list a line that ran although it is excluded; it is not part of the count.
        excluded = _lines(entry.get("excluded_lines", []), f"excluded_lines of {name}")
        executed = _lines(entry.get("executed_lines"), f"executed_lines of {name}") - excluded
        missing = _lines(entry.get("missing_lines"), f"missing_lines of {name}")
        if both := executed & missing:
            raise UnreadableReportError(f"{name}: line {min(both)} is both executed and missing; publish it again")
        file = FileLines(path, len(executed), len(executed) + len(missing))
        _agrees(_table(entry.get("summary", {}), f"summary of {name}"), file.covered, file.total, name)
        files.append(file)
    found = LineCoverage("coverage.py", tuple(files), _timestamp(content.get("meta")))
    _agrees(_table(content.get("totals", {}), "totals"), found.covered, found.total, "totals")
    return found


def _timestamp(meta: Any) -> str | None:
    stated = meta.get("timestamp") if isinstance(meta, dict) else None
    return stated if isinstance(stated, str) else None


def _lines(value: Any, place: str) -> set[int]:
    if not isinstance(value, list):
        raise UnreadableReportError(f"{place} is {_kind(value)} in place of a list; publish the report again")
    lines = {_count(line, place, least=1) for line in value}
    if len(lines) != len(value):
        raise UnreadableReportError(f"{place} names a line more than once; publish the report again")
    return lines


def _agrees(summary: Mapping[str, Any], covered: int, total: int, place: str) -> None:
    for key, found in (("covered_lines", covered), ("num_statements", total), ("missing_lines", total - covered)):
        if key in summary and (stated := _count(summary[key], f"{place}: {key}")) != found:
            _contradiction(f"{place}: {key}", stated, found)


def _contradiction(place: str, stated: int, found: int) -> NoReturn:
    raise UnreadableReportError(
        f"{place} says {stated:,}, but {found:,} {'was' if found == 1 else 'were'} found;"
        " the report was cut or merged wrongly: publish it again"
    )


# --- LCOV ---------------------------------------------------------------------------------------------------------


@dataclass
class _LcovRecord:
    """A record of a tracefile while it is read, between SF and end_of_record."""

    path: str
    ran: dict[int, bool] = field(default_factory=dict)
    stated: dict[str, int] = field(default_factory=dict)


def _read_lcov(text: str) -> LineCoverage:
    files: dict[str, dict[int, bool]] = {}
    records: set[tuple[str, str]] = set()
    test = ""
    record: _LcovRecord | None = None
    # Not splitlines(): a path may hold a character that str counts as the end of a line.
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.rstrip("\r").strip(" \t")
        if not line or line.startswith("#"):
            continue
        if line == "end_of_record":
            if record is None:
                raise UnreadableReportError(f"line {number:,}: end_of_record without SF; publish the report again")
            _close_record(record)
            ran = files.setdefault(record.path, {})
            for at, did in record.ran.items():
                ran[at] = ran.get(at, False) or did
            record = None
            continue
        match = _LCOV_LINE.fullmatch(line)
        if match is None:
            raise UnreadableReportError(f"line {number:,} is not LCOV: '{shown(line, 40)}'; publish the report again")
        key, value = match["key"], match["value"]
        if key == "TN":
            test = value
        elif key == "SF":
            if record is not None:
                raise UnreadableReportError(
                    f"line {number:,}: the record of {shown(record.path)} has no end_of_record; publish it again"
                )
            # One file may stand under several test names: that is what merged tracefiles look like.
            if not value or (test, value) in records:
                said = f"{shown(value)} is reported more than once" if value else "a file without a name"
                raise UnreadableReportError(f"line {number:,}: {said}; merge the reports with lcov --add-tracefile")
            records.add((test, value))
            record = _LcovRecord(value)
        elif key in {"DA", "LF", "LH"}:
            _lcov_number(record, key, value, number)
    if record is not None:
        raise UnreadableReportError(
            f"the record of {shown(record.path)} has no end_of_record: the report was cut off; publish it again"
        )
    return LineCoverage("LCOV", tuple(FileLines(path, sum(ran.values()), len(ran)) for path, ran in files.items()))


def _lcov_number(record: _LcovRecord | None, key: str, value: str, number: int) -> None:
    if record is None:
        raise UnreadableReportError(f"line {number:,}: {key} outside a record; publish the report again")
    match = (_DA if key == "DA" else _WHOLE).fullmatch(value)
    # The second test is for DA:0: no file has a line 0.
    if match is None or (key == "DA" and int(match["line"]) == 0):
        raise UnreadableReportError(
            f"line {number:,}: '{shown(f'{key}:{value}', 40)}' holds no whole number;"
            " the tool that wrote the report failed to count"
        )
    if key == "DA":
        line = int(match["line"])
        record.ran[line] = record.ran.get(line, False) or int(match["count"]) > 0
    else:
        record.stated[key] = int(value)


def _close_record(record: _LcovRecord) -> None:
    for key, found in (("LF", len(record.ran)), ("LH", sum(record.ran.values()))):
        if record.stated.get(key, found) != found:
            _contradiction(f"{shown(record.path)}: {key}", record.stated[key], found)


# --- Cobertura ----------------------------------------------------------------------------------------------------


class _CoberturaLines:
    """Collects lines as an XML parser meets them: no tree is built, so a large file costs little memory.

    Lines under `methods` are those of their class again, and are left out.
    """

    def __init__(self) -> None:
        self.open: list[str] = []
        self.root: dict[str, str] = {}
        self.files: dict[str, dict[int, bool]] = {}
        self.of_classes = [0, 0]
        self._class: dict[int, bool] = {}
        self._file: dict[int, bool] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element opens."""
        if not self.open:
            self.root = attributes
            if tag.lower() == "html":
                _refuse_html()
            if tag != "coverage":
                raise UnreadableReportError(
                    f"XML, but not Cobertura (its root is <{shown(tag, 30)}>); publish {_ALL_FORMATS}"
                )
        self.open.append(tag)
        if len(self.open) > DEEPEST_XML:
            raise UnreadableReportError("XML nested too deeply to be a coverage report")
        if self.open == _COBERTURA_CLASS:
            name = attributes.get("filename", "")
            if not name:
                raise UnreadableReportError("a class without a filename; publish the report again")
            self._file, self._class = self.files.setdefault(name, {}), {}
        elif self.open == _COBERTURA_LINE:
            self._line(attributes)

    def end(self, _tag: str) -> None:
        """An element closes."""
        if self.open == _COBERTURA_CLASS:
            self.of_classes[0] += sum(self._class.values())
            self.of_classes[1] += len(self._class)
        self.open.pop()

    def close(self) -> None:
        """The document ends."""

    def _line(self, attributes: Mapping[str, str]) -> None:
        number, hits = attributes.get("number", ""), attributes.get("hits", "")
        if not _WHOLE.fullmatch(number) or not _WHOLE.fullmatch(hits) or int(number) == 0:
            raise UnreadableReportError(
                f"a line with number '{shown(number, 20)}' and hits '{shown(hits, 20)}' in place of whole numbers;"
                " the tool that wrote the report failed to count"
            )
        for ran in (self._file, self._class):
            ran[int(number)] = ran.get(int(number), False) or int(hits) > 0


def _refuse_html() -> NoReturn:
    raise UnreadableReportError(
        "HTML in place of a report: often a login or error page; publish it where no login is needed"
    )


def _read_xml(text: str) -> LineCoverage:
    if _HTML.match(text.lstrip()):
        _refuse_html()
    target = _CoberturaLines()
    try:
        parser = XMLParser(target=target, forbid_entities=True, forbid_external=True)
        parser.feed(text)
        parser.close()
    except DefusedXmlException as error:
        raise UnreadableReportError("XML with entities of its own, which no coverage tool writes") from error
    except (ParseError, ValueError) as error:
        raise UnreadableReportError(
            f"not valid XML ({shown(error)}); often an upload that was cut off: publish the report again"
        ) from error
    files = tuple(FileLines(path, sum(ran.values()), len(ran)) for path, ran in target.files.items())
    found = LineCoverage("Cobertura", files, _epoch(target.root.get("timestamp", "")))
    # Tools differ in whether a line that two classes of one file share is counted once or twice.
    for key, counts in (
        ("lines-covered", (found.covered, target.of_classes[0])),
        ("lines-valid", (found.total, target.of_classes[1])),
    ):
        stated = target.root.get(key)
        if stated is None:
            continue
        if not _WHOLE.fullmatch(stated):
            raise UnreadableReportError(f"{key} is '{shown(stated, 20)}' in place of a whole number; publish it again")
        if int(stated) not in counts:
            _contradiction(key, int(stated), counts[0])
    return found


def _epoch(stated: str) -> datetime | None:
    # Several tools write 0 or a text here, which says nothing.
    if not _WHOLE.fullmatch(stated) or int(stated) == 0:
        return None
    seconds = int(stated) / 1000 if int(stated) >= EPOCH_MILLISECONDS_FROM else int(stated)
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
