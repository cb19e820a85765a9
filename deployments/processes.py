"""Child processes that outlive the command that started them: start, find again, end with all their descendants."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from pydantic import BaseModel, ConfigDict

MARKER = "STAGEPROOF_PROCESS"
"""Environment variable of every process started here: `<home>#<name>`. Descendants inherit it, so that even those whose
parents are gone can be told from strangers."""

GRACE_SECONDS = 5.0
"""Between asking a process to end (SIGTERM) and ending it (SIGKILL)."""

LOG_LINES = 15
"""How much of a log an error message quotes."""

_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}
"""Children of this very process. Kept so that they are reaped when they end, instead of staying zombies."""


class StackError(RuntimeError):
    """A part of the local stack did not start, answer or end; the message says which log to read."""


class ProcessRecord(BaseModel):
    """What must be known to find a process again, and never to mistake another one for it."""

    model_config = ConfigDict(frozen=True)

    name: str
    pid: int
    created: float
    """Creation time in seconds since the epoch: a process identifier is used again, the pair is not."""
    marker: str
    log: Path
    recipe: str
    """SHA-256 of the command, folder and environment it was started with: equal means nothing to restart."""

    def process(self) -> psutil.Process | None:
        """The living process, or None when it ended (a zombie counts as ended)."""
        child = _CHILDREN.get(self.pid)
        if child is not None and child.poll() is not None:
            _CHILDREN.pop(self.pid, None)
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            # Clocks are stepped: the marker identifies a process whose computed creation time moved.
            if abs(process.create_time() - self.created) > 1 and marker_of(process) != self.marker:
                return None
        except psutil.NoSuchProcess:
            return None
        return process

    def is_running(self) -> bool:
        """Whether the recorded process, and not a stranger with its number, is alive."""
        return self.process() is not None

    def log_tail(self) -> str:
        """The last lines of the log, or a remark that there are none."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            lines = []
        return "\n".join(lines[-LOG_LINES:]) or "(the log is empty)"


def recipe_of(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> str:
    """SHA-256 over everything that makes a process what it is."""
    text = json.dumps([list(argv), str(cwd), sorted(env.items())])
    return hashlib.sha256(text.encode()).hexdigest()


def marker_of(process: psutil.Process) -> str:
    """The marker a process carries, or an empty text when it has none or may not be asked."""
    try:
        return process.environ().get(MARKER, "")
    except (psutil.Error, OSError):
        return ""


def start(
    name: str, argv: Sequence[str], *, marker: str, log: Path, cwd: Path, env: Mapping[str, str], recipe: str = ""
) -> ProcessRecord:
    """Start a process in a session of its own, writing to `log`; the previous log is kept beside it.

    Raises StackError when the program does not exist or may not be run.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        child = subprocess.Popen(  # noqa: S603 -- the command is ours or the caller's, never text from outside; no shell
            list(argv),
            cwd=cwd,
            env={**env, MARKER: marker},
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=subprocess.STDOUT,
            # It must survive the command that started it, and not receive that command's Ctrl-C.
            start_new_session=True,
        )
    except OSError as problem:
        raise StackError(f"{name} cannot be started: {problem}") from problem
    finally:
        os.close(descriptor)
    _CHILDREN[child.pid] = child
    try:
        created = psutil.Process(child.pid).create_time()
    except psutil.NoSuchProcess:
        created = time.time()
    return ProcessRecord(name=name, pid=child.pid, created=created, marker=marker, log=log, recipe=recipe)


def wait_until(
    record: ProcessRecord, ready: Callable[[], bool], *, timeout_seconds: float, poll_seconds: float = 0.1
) -> None:
    """Return as soon as `ready()` holds; StackError with the end of the log when the process dies or time runs out."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        if not record.is_running():
            raise StackError(f"{record.name} ended while starting. The end of {record.log}:\n{record.log_tail()}")
        # Asked after the look at the process, so that a stranger's answer on the same port is not taken for ours.
        if ready() and record.is_running():
            return
        if time.monotonic() > deadline:
            raise StackError(
                f"{record.name} did not become ready within {timeout_seconds:.0f} s. "
                f"The end of {record.log}:\n{record.log_tail()}"
            )
        time.sleep(poll_seconds)


def listens(record: ProcessRecord, port: int) -> bool:
    """Whether the recorded process or a descendant listens on a TCP port: not a stranger who was there first."""
    process = record.process()
    if process is None:
        return False
    family = [process]
    with contextlib.suppress(psutil.NoSuchProcess):
        family += process.children(recursive=True)
    for member in family:
        with contextlib.suppress(psutil.Error):
            connections = member.net_connections(kind="tcp")
            if any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections):
                return True
    return False


def http_answers(url: str, *, status: int = 200, timeout_seconds: float = 2.0) -> bool:
    """Whether a GET of a plain `http://` URL is answered with `status`; no answer is no."""
    return http_status(url, timeout_seconds=timeout_seconds) == status


def http_status(url: str, *, timeout_seconds: float = 2.0) -> int | None:
    """The status a GET of a plain `http://` URL is answered with, or None when nobody answers."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=timeout_seconds)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def end(records: Iterable[ProcessRecord], *, marker_prefix: str | None = None) -> list[str]:
    """End the recorded processes, all their descendants, and every process whose marker starts with `marker_prefix`.

    A process that only inherited a recorded number is left alone. All are asked first (SIGTERM), and after a grace of
    5 seconds forced. Returns the names of the records that were alive; StackError when something survives both.
    """
    known = list(records)
    alive = [record.name for record in known if record.is_running()]
    markers = {record.marker for record in known}
    roots = [process for record in known if (process := record.process()) is not None]

    def family() -> set[psutil.Process]:
        members = set(_with_descendants(roots))
        members.update(_marked(markers, marker_prefix))
        return {member for member in members if member.pid != os.getpid()}

    victims = family()
    for victim in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.terminate()
    _, stubborn = psutil.wait_procs(victims, timeout=GRACE_SECONDS)
    # A dying process may have started another one meanwhile: look again before using force.
    remaining = set(stubborn) | family()
    for victim in remaining:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()
    _, survivors = psutil.wait_procs(remaining, timeout=GRACE_SECONDS)
    for record in known:
        child = _CHILDREN.pop(record.pid, None)
        if child is not None and child.poll() is None:
            _CHILDREN[record.pid] = child
    if survivors:
        raise StackError(f"these processes could not be ended: {', '.join(str(p.pid) for p in survivors)}")
    return alive


def _with_descendants(roots: Iterable[psutil.Process]) -> Iterator[psutil.Process]:
    for root in roots:
        if root.is_running():
            yield root
            with contextlib.suppress(psutil.NoSuchProcess):
                yield from root.children(recursive=True)


def _marked(markers: set[str], prefix: str | None) -> Iterator[psutil.Process]:
    """Every process with one of the markers, and its descendants (a browser overwrites its own environment)."""

    def ours(marker: str) -> bool:
        return marker in markers or (prefix is not None and marker.startswith(prefix))

    yield from _with_descendants(process for process in psutil.process_iter() if ours(marker_of(process)))


# Below 32768, where Linux begins to hand out ports for outgoing connections, also with the gRPC twin's 10,000 added.
_PORT_RANGE = range(15000, 22000)


def is_free(port: int) -> bool:
    """Whether nobody listens on a loopback TCP port at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a connection of a former listener that is still winding down does not block the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(preferred: int | None = None, *, twin: int = 0, avoid: Iterable[int] = ()) -> int:
    """A free loopback port: `preferred` if possible, else a random one; with `twin`, so is the one that far up."""
    taken = set(avoid)

    def fits(port: int) -> bool:
        return not {port, port + twin} & taken and is_free(port) and (not twin or is_free(port + twin))

    if preferred is not None and fits(preferred):
        return preferred
    # Random, so that two stacks that start at the same time seldom choose the same; no secret depends on it.
    candidates = random.sample(_PORT_RANGE, 200)
    for port in candidates:
        if fits(port):
            return port
    raise StackError("no free TCP port was found on 127.0.0.1 in 200 attempts")
