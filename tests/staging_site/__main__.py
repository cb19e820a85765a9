"""Start the staging site: `python -m tests.staging_site --port 8600 --fault kpi-colour`."""

from __future__ import annotations

import argparse
import sys

import uvicorn

from .app import create_app
from .faults import UnknownFaultError, fault_table, parse_faults


class _Server(uvicorn.Server):
    """Says where it listens once it really does."""

    def __init__(self, config: uvicorn.Config, greeting: str) -> None:
        super().__init__(config)
        self._greeting = greeting

    async def startup(self, *args: object, **kwargs: object) -> None:
        await super().startup(*args, **kwargs)  # type: ignore[arg-type]
        if self.started:
            # The port is read back, because 0 asks for any free one.
            port = self.servers[0].sockets[0].getsockname()[1]
            print(self._greeting.format(port=port), flush=True)


def main() -> int:
    """Read the switches and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.staging_site", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8600, help="0 takes any free port")
    parser.add_argument("--release", default="4f2c9e1", help="the commit that /version.json names")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME[,NAME]", help="may be repeated")
    parser.add_argument("--list-faults", action="store_true", help="print every fault and end")
    options = parser.parse_args()
    if options.list_faults:
        print(fault_table())
        return 0
    try:
        faults = parse_faults(options.fault)
    except UnknownFaultError as error:
        parser.error(str(error))
    greeting = f"Tidemark staging, release {options.release}, listens on http://{options.host}:{{port}}"
    greeting += f" with {len(faults)} fault(s): {', '.join(sorted(faults)) or 'none'}"
    app = create_app(options.release, faults)
    config = uvicorn.Config(app, host=options.host, port=options.port, access_log=False, log_level="warning",
                            server_header=False, timeout_graceful_shutdown=1)  # fmt: skip
    _Server(config, greeting).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
