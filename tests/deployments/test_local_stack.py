"""The local stack, with its real servers: what it protects, what it re-uses, and that nothing of it is left behind."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from deployments import local_stack, processes
from deployments.local_stack import GRPC_OFFSET, REPOSITORY, S3_PORTS, Ports, Stack
from deployments.processes import StackError
from tests.stack_fixtures import marked_processes


def test_ports_differ_from_each_other_and_from_their_twins() -> None:
    ports = Ports()
    numbers = [ports.prefect] + [getattr(ports, name) + offset for name in S3_PORTS for offset in (0, GRPC_OFFSET)]
    assert len(set(numbers)) == len(numbers)


def test_a_stack_that_was_never_started_is_down(tmp_path: Path) -> None:
    assert local_stack.down(tmp_path / "nothing") == []
    status = local_stack.status(tmp_path / "nothing")
    assert (status.stack, status.is_up) == (None, False)
    assert not (tmp_path / "nothing").exists()


def test_a_damaged_state_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text('{"home": 1}')
    with pytest.raises(StackError, match="Delete the folder"):
        local_stack.status(tmp_path)


@pytest.mark.parametrize("name", ["s3", "worker", "../x", ""])
def test_a_further_process_cannot_take_a_name_of_the_stack(tmp_path: Path, name: str) -> None:
    with pytest.raises(StackError, match="cannot name"):
        local_stack.start_process(name, ["true"], home=tmp_path)


@pytest.mark.real
def test_a_taken_port_is_replaced() -> None:
    ports = Ports.random()
    with socket.create_server(("127.0.0.1", ports.prefect)), socket.create_server(("127.0.0.1", ports.s3)):
        others = ports.with_free(["prefect", "s3"])
    assert others.prefect != ports.prefect
    assert others.s3 != ports.s3
    assert others.s3_filer == ports.s3_filer


@pytest.mark.real
def test_the_environment_is_exactly_what_stageproof_reads(stack: Stack) -> None:
    assert set(stack.environment()) == {
        "PREFECT_API_URL",
        "STAGEPROOF_S3_ENDPOINT",
        "STAGEPROOF_S3_BUCKET",
        "STAGEPROOF_S3_ACCESS_KEY",
        "STAGEPROOF_S3_SECRET_KEY",
    }


@pytest.mark.real
def test_credentials_are_readable_by_their_owner_alone(stack: Stack) -> None:
    for path in (stack.home / "stack.json", stack.home / "s3" / "s3.json", *stack.logs.values()):
        assert path.stat().st_mode & 0o077 == 0, path
    assert stack.s3_secret_key not in repr(stack)
    commands = " ".join(marked_processes(stack.home))
    assert stack.s3_secret_key not in commands


@pytest.mark.real
def test_the_store_refuses_whoever_has_no_key(stack: Stack) -> None:
    stack.s3_client().put_object(Bucket=stack.s3_bucket, Key="secret/object", Body=b"evidence")
    for path in ("", f"{stack.s3_bucket}", f"{stack.s3_bucket}/secret/object"):
        assert processes.http_status(f"{stack.s3_endpoint}/{path}") == 403
    stranger = stack.model_copy(update={"s3_secret_key": "wrong"}).s3_client()
    with pytest.raises(ClientError) as refused:
        stranger.get_object(Bucket=stack.s3_bucket, Key="secret/object")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.real
def test_the_storage_engine_shows_nothing_over_http(stack: Stack) -> None:
    stack.s3_client().put_object(Bucket=stack.s3_bucket, Key="hidden", Body=b"evidence")
    for path in ("/", "/buckets/", f"/buckets/{stack.s3_bucket}/hidden"):
        assert processes.http_status(f"http://127.0.0.1:{stack.ports.s3_filer}{path}") == 404, path


@pytest.mark.real
def test_only_loopback_is_listened_on(stack: Stack) -> None:
    for record in stack.processes.values():
        process = record.process()
        assert process is not None
        addresses = {c.laddr.ip for c in process.net_connections(kind="inet") if c.status == "LISTEN"}
        assert addresses == {"127.0.0.1"}, record.name


@pytest.mark.real
def test_the_bucket_keeps_every_version_and_can_lock(stack: Stack) -> None:
    client = stack.s3_client()
    assert client.get_bucket_versioning(Bucket=stack.s3_bucket)["Status"] == "Enabled"
    lock = client.get_object_lock_configuration(Bucket=stack.s3_bucket)["ObjectLockConfiguration"]
    assert lock["ObjectLockEnabled"] == "Enabled"
    first, second = (
        client.put_object(Bucket=stack.s3_bucket, Key="twice", Body=body)["VersionId"] for body in (b"1", b"2")
    )
    assert first != second
    assert client.get_object(Bucket=stack.s3_bucket, Key="twice", VersionId=first)["Body"].read() == b"1"
    # The readiness probe cleans up after itself.
    assert "Versions" not in client.list_object_versions(Bucket=stack.s3_bucket, Prefix="readiness/")


@pytest.mark.real
def test_a_healthy_stack_is_reused_also_by_two_at_once(stack: Stack) -> None:
    assert local_stack.status(stack.home).is_up
    lines: list[str] = []

    def again(_: int) -> Stack:
        return local_stack.up(stack.home, with_worker=False, progress=lines.append)

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(again, range(2))
    assert first.pids == second.pids == {name: stack.pids[name] for name in first.pids}
    assert len(lines) == 4
    assert all("already up" in line for line in lines)


@pytest.mark.real
def test_a_further_process_is_started_restarted_and_stopped(stack: Stack, tmp_path: Path) -> None:
    port = processes.free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory"]

    def ready() -> bool:
        return processes.http_answers(f"http://127.0.0.1:{port}/")

    first = local_stack.start_process("site", [*command, str(tmp_path), str(port)], home=stack.home, ready=ready)
    second = local_stack.start_process("site", [*command, str(REPOSITORY), str(port)], home=stack.home, ready=ready)
    assert not first.is_running()
    assert second.is_running()
    assert local_stack.stop("site", home=stack.home)
    assert not ready()
    assert not local_stack.stop("site", home=stack.home)
    with pytest.raises(StackError, match=r"(?s)broken ended while starting.*out of cheese"):
        local_stack.start_process(
            "broken", [sys.executable, "-c", "raise SystemExit('out of cheese')"], home=stack.home, ready=lambda: False
        )
    assert "broken" not in local_stack.status(stack.home).stack.processes  # type: ignore[union-attr]


@pytest.mark.real
def test_a_part_that_dies_while_starting_takes_the_others_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [sys.executable, "-c", "raise SystemExit('disk on fire')"]
    monkeypatch.setattr(local_stack, "_s3_command", lambda _stack: broken)
    began = time.monotonic()
    with pytest.raises(StackError, match=r"(?s)s3 ended while starting.*s3\.log.*disk on fire"):
        local_stack.up(tmp_path, ports=Ports.random())
    assert time.monotonic() - began < 10, "the failure of one part must not wait for the other"
    assert marked_processes(tmp_path) == []


@pytest.mark.real
def test_a_port_lost_after_it_was_chosen_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else listens and answers there: neither is the answer taken for ours, nor does the start fail."""
    with contextlib.ExitStack() as rivals:
        original = local_stack._State.use_free_ports
        wishes = Ports.random()

        def lose_the_first(state: local_stack._State, wanted: Ports, names: list[str]) -> None:
            original(state, wanted, names)
            if "s3" in names and state.stack.ports.s3 == wishes.s3:
                rivals.enter_context(socket.create_server(("127.0.0.1", wishes.s3)))

        monkeypatch.setattr(local_stack._State, "use_free_ports", lose_the_first)
        monkeypatch.setattr(local_stack, "_ensure_prefect", lambda _state, _wishes: None)
        try:
            stack = local_stack.up(tmp_path, ports=wishes, with_worker=False)
            assert stack.ports.s3 != wishes.s3
            assert stack.s3_client().list_buckets()["Buckets"]
        finally:
            local_stack.down(tmp_path)
    assert marked_processes(tmp_path) == []


@pytest.mark.real
def test_data_and_credentials_survive_down_and_other_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_stack, "_ensure_prefect", lambda _state, _wishes: None)
    try:
        before = local_stack.up(tmp_path, ports=Ports.random(), with_worker=False)
        body = b"x" * 3_000_000
        version = before.s3_client().put_object(Bucket=before.s3_bucket, Key="kept", Body=body)["VersionId"]
        assert local_stack.down(tmp_path) == ["s3"]
        after = local_stack.up(tmp_path, ports=Ports.random(), with_worker=False)
        assert after.ports != before.ports
        kept = after.s3_client().get_object(Bucket=after.s3_bucket, Key="kept", VersionId=version)
        assert kept["Body"].read() == body
        after.s3_client().put_object(Bucket=after.s3_bucket, Key="new", Body=body)
    finally:
        local_stack.down(tmp_path)
    assert not list(Path("/tmp").glob(f"seaweedfs-*-{after.ports.s3}.sock"))


@pytest.mark.real
def test_an_owned_stack_ends_with_its_killed_owner(tmp_path: Path) -> None:
    program = f"""
import time
from pathlib import Path
from deployments.local_stack import Ports, up
up(Path({str(tmp_path)!r}), ports=Ports.random(), owned=True)
print("up", flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY, stdout=subprocess.PIPE) as owner:
        try:
            assert owner.stdout is not None
            assert owner.stdout.readline() == b"up\n"
            assert len(local_stack.status(tmp_path).parts) == 3
            assert local_stack.status(tmp_path).is_up
        finally:
            owner.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while marked_processes(tmp_path):
        assert time.monotonic() < deadline, marked_processes(tmp_path)
        time.sleep(0.2)
