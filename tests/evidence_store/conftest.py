"""A real S3 server with credentials and versions, and trees that make good packages."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from evidence_store.objects import ObjectStore, StoreError, StoreSettings
from tests.evidence_store.packages import good_files, write_tree

ACCESS_KEY, SECRET_KEY = "proof-access", "proof-secret-7f3a9c"
PARTS = ("master", "volume", "filer", "s3", "admin")


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def s3_server() -> Iterator[tuple[StoreSettings, subprocess.Popen[bytes]]]:
    """SeaweedFS on free ports, away from anything else; ended and deleted on leaving."""
    with tempfile.TemporaryDirectory(prefix="stageproof-s3-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        identity = {
            "name": "tests",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        ports = iter(free_ports(2 * len(PARTS)))
        options = {f"{part}.{kind}": next(ports) for part in PARTS for kind in ("port", "port.grpc")}
        options |= {"s3.port.iceberg": 0, "s3.port.lance": 0}
        fixed = {"dir": folder, "ip": "127.0.0.1", "ip.bind": "127.0.0.1", "s3.config": folder / "s3.json"}
        off = {"webdav": "false", "admin.ui": "false", "master.telemetry": "false", "volume.preStopSeconds": 0}
        weed = str(Path(sys.executable).parent / "weed")
        command = [weed, "mini", *(f"-{option}={value}" for option, value in (options | fixed | off).items())]
        settings = StoreSettings(
            endpoint=f"http://127.0.0.1:{options['s3.port']}",
            bucket="evidence",
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
        )
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for_bucket(settings, process, folder / "log")
            yield settings, process
        finally:
            process.kill()
            process.wait()


def wait_for_bucket(settings: StoreSettings, process: subprocess.Popen[bytes], log: Path) -> None:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    client = boto3.client(
        "s3",
        endpoint_url=settings.endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=settings.region,
    )
    until = time.monotonic() + 90
    while time.monotonic() < until and process.poll() is None:
        with suppress(BotoCoreError, ClientError):
            client.create_bucket(Bucket=settings.bucket, ObjectLockEnabledForBucket=True)
            break
        time.sleep(0.2)
    while time.monotonic() < until and process.poll() is None:
        with suppress(StoreError):
            # The first write waits for a volume to be grown.
            ObjectStore(settings).check_write_once()
            client.close()
            return
        time.sleep(0.2)
    raise RuntimeError("the S3 server did not come up:\n" + log.read_text(errors="replace")[-4000:])


@pytest.fixture(scope="session")
def store_settings() -> Iterator[StoreSettings]:
    with s3_server() as (settings, _):
        yield settings


@pytest.fixture
def store(store_settings: StoreSettings) -> ObjectStore:
    return ObjectStore(store_settings)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder that makes a good package."""
    return write_tree(tmp_path / "bag", good_files())
