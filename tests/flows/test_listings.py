"""What commands list is readable in a terminal of 80 columns."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from flows.command_line_shared import listing


def test_nothing_that_is_listed_is_cut_off() -> None:
    row = {
        "run": "20261127T084322Z-staging-eu-7a78f6",
        "rule": "label-content-name-mismatch",
        "element": 'td > a[title="prelaunch-validation"]',
        "subject": "dashboard@desktop",
        "state": "[fail]",
    }
    shown = StringIO()
    Console(file=shown, width=80).print(listing([row]))
    assert row["run"] in shown.getvalue()
    cells = [[cell.strip() for cell in text.split("│")[1:-1]] for text in shown.getvalue().splitlines() if "│" in text]
    told = ["".join(parts).replace(" ", "") for parts in zip(*cells, strict=True)]
    assert told == [value.replace(" ", "") for value in row.values()]
