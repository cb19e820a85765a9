"""`make bench`: measures, printed as ratios; nothing here asserts a time.

Parts:

- `run`: what starting costs, and what a run costs beyond the looking itself;
- `sweep`: our whole sweep beside BackstopJS, Playwright Test, pa11y-ci and @axe-core/cli, on the same 20 pages, in
  turns;
- `growth`: our sweep over 20, 100 and 500 pages, with memory;
- `repeat`: false alarms on an unchanged site (as it is, slow, on a busy machine), and labelled regressions missed.

Each part prints a table and writes `.stageproof/bench/<part>.json`. Compare ratios: seconds depend on the machine and
on what else it does. Peers are installed from the npm registry when node and npm are there, and else not measured.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable

from rich.console import Console

from tests.bench.flow_overhead import measure_run
from tests.bench.parts import Setting, measure_growth, measure_repeat, measure_sweep
from tests.bench.tools import PEERS


def _run(setting: Setting) -> None:
    setting.keep("run", {"rows": measure_run(setting.console)})


PARTS: dict[str, Callable[[Setting], None]] = {
    "run": _run,
    "sweep": measure_sweep,
    "growth": measure_growth,
    "repeat": measure_repeat,
}


def main() -> int:
    """Measure the named parts, or all of them."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; none named: all")
    parser.add_argument("--reps", type=_positive, help="repetitions (default: sweep 3, growth 1, repeat 5)")
    parser.add_argument("--pages", type=_positive, default=20, help="pages of the part `sweep` (default 20)")
    parser.add_argument("--sizes", type=_sizes, default=(20, 100, 500), help="pages of `growth` (default 20,100,500)")
    names = [peer.name for peer in PEERS]
    parser.add_argument("--peers", default=",".join(names), help=f"which peers (default all: {', '.join(names)})")
    parser.add_argument("--slow", type=int, default=0, metavar="MS", help="sweep, growth: a server that much slower")
    parser.add_argument("--load", action="store_true", help="sweep: a busy loop on each core while measuring")
    how = "sweep: peers as their documentation sets them up, in place of as much like ours as they allow"
    parser.add_argument("--documented", action="store_true", help=how)
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"no part '{unknown[0]}'; known: {', '.join(PARTS)}")
    peers = [name.strip() for name in options.peers.split(",") if name.strip()]
    strange = [name for name in peers if name not in names]
    if strange:
        parser.error(f"no peer '{strange[0]}'; known: {', '.join(names)}")
    # A file or a pipe has no width of its own, and a table squeezed into 80 columns is unreadable.
    console = Console() if sys.stdout.isatty() else Console(width=150)
    setting = Setting(
        console, options.reps, options.pages, peers, options.sizes, options.slow, options.load, options.documented
    )
    # Tools and the site are ended on the way out; without this, only Ctrl-C would end them.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    for part in options.parts or PARTS:
        console.rule(part)
        PARTS[part](setting)
    return 0


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(_positive(word) for word in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
