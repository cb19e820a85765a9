"""Serve the bench site: `python -m tests.bench.site --port 8700 --pages 100 --regression one-letter --slow 300`."""

from __future__ import annotations

import argparse
import sys

import uvicorn

from .app import create_app, draw_everything
from .pages import KINDS
from .regressions import REGRESSIONS, UnknownRegressionError, parse_regressions


def main() -> int:
    """Read the switches and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.site", description=__doc__)
    parser.add_argument("--port", type=int, default=8700)
    parser.add_argument("--pages", type=int, default=len(KINDS))
    parser.add_argument("--slow", type=int, default=0, metavar="MS", help="each API call takes so much longer")
    parser.add_argument("--regression", action="append", default=[], metavar="NAME[,NAME]", help="or 'all'")
    parser.add_argument("--list-regressions", action="store_true", help="print every regression and end")
    options = parser.parse_args()
    if options.list_regressions:
        for name, regression in REGRESSIONS.items():
            print(f"{name:16} {regression.page:10} {regression.viewport:8} {regression.what}")
        return 0
    try:
        regressions = parse_regressions(options.regression)
    except UnknownRegressionError as error:
        parser.error(str(error))
    draw_everything()
    app = create_app(options.pages, regressions, options.slow)
    uvicorn.run(app, host="127.0.0.1", port=options.port, access_log=False, log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
