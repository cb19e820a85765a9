"""The object store, against a real S3 server: written once, read by version, and clear words when it fails."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from evidence_store.objects import (
    PART_BYTES,
    SINGLE_PUT_BYTES,
    AlreadyThere,
    AlteredError,
    BucketMissingError,
    ObjectMissingError,
    ObjectStore,
    StoreAccessError,
    StoreError,
    StoreSettings,
    StoreSettingsError,
    StoreUnreachableError,
    TooLargeError,
    UnfinishedUpload,
    valid_key,
)
from tests.evidence_store.conftest import SECRET_KEY, free_ports, s3_server

ENVIRONMENT = {
    "STAGEPROOF_S3_ENDPOINT": "http://127.0.0.1:9",
    "STAGEPROOF_S3_BUCKET": "evidence",
    "STAGEPROOF_S3_ACCESS_KEY": "an-access-key",
    "STAGEPROOF_S3_SECRET_KEY": "a-very-secret-key",
}


def fresh(word: str = "object") -> str:
    return f"v1/test/{uuid4().hex}/{word}"


def changed(settings: StoreSettings, **fields: str) -> ObjectStore:
    secrets = {name: getattr(settings, name).get_secret_value() for name in ("access_key", "secret_key")}
    return ObjectStore(StoreSettings.model_validate(settings.model_dump() | secrets | fields))


def file_of(path: Path, size: int) -> str:
    """Fills a file with bytes that no two parts share; returns their digest."""
    block = hashlib.sha256(path.name.encode()).digest() * 1024
    with path.open("wb") as stream:
        for number in range(-(-size // len(block))):
            stream.write((number.to_bytes(8, "big") + block[8:])[: size - number * len(block)])
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class TestSettings:
    def test_come_from_the_environment(self) -> None:
        settings = StoreSettings.from_environment(ENVIRONMENT)

        assert (settings.endpoint, settings.bucket, settings.region) == ("http://127.0.0.1:9", "evidence", "us-east-1")
        assert settings.secret_key.get_secret_value() == "a-very-secret-key"

    def test_never_show_the_keys(self) -> None:
        settings = StoreSettings.from_environment(ENVIRONMENT)

        shown = repr(settings) + str(settings) + settings.model_dump_json() + repr(ObjectStore(settings).settings)

        assert "a-very-secret-key" not in shown
        assert "an-access-key" not in shown

    def test_missing_ones_are_all_named(self) -> None:
        with pytest.raises(StoreSettingsError, match=r"set STAGEPROOF_S3_BUCKET, STAGEPROOF_S3_SECRET_KEY in"):
            StoreSettings.from_environment(ENVIRONMENT | {"STAGEPROOF_S3_BUCKET": " ", "STAGEPROOF_S3_SECRET_KEY": ""})
        with pytest.raises(StoreSettingsError, match="stageproof up"):
            StoreSettings.from_environment({})

    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("ENDPOINT", "127.0.0.1:9"),
            ("ENDPOINT", "ftp://127.0.0.1"),
            ("ENDPOINT", "http://me:hidden-word@127.0.0.1"),
            ("ENDPOINT", "http://127.0.0.1/hidden-word"),
            ("ENDPOINT", "http://127.0.0.1:hidden-word"),
            ("BUCKET", "../hidden-word"),
            ("REGION", "us east hidden-word"),
        ],
    )
    def test_malformed_ones_are_named_without_their_value(self, variable: str, value: str) -> None:
        with pytest.raises(StoreSettingsError, match=f"STAGEPROOF_S3_{variable}") as caught:
            StoreSettings.from_environment(ENVIRONMENT | {f"STAGEPROOF_S3_{variable}": value})

        assert "hidden-word" not in str(caught.value)


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "a/../b", "./a", "a\\b", "a\nb", "a\x7f", "\ud800", "é" * 513])
def test_keys_that_mean_another_place_are_refused(key: str) -> None:
    with pytest.raises(StoreError, match="not a usable key"):
        valid_key(key)


@pytest.mark.real
def test_importing_does_not_import_boto3() -> None:
    code = "import sys, evidence_store.ledger, evidence_store.verify; sys.exit('boto3' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.real
class TestRealStore:
    def test_a_good_store_passes_its_checks(self, store: ObjectStore) -> None:
        store.check()
        store.check_write_once()

        assert store.keeps_versions()

    def test_bytes_come_back(self, store: ObjectStore) -> None:
        key, content = fresh("Übersicht 概要 %25+&?.json"), os.urandom(10_000)

        stored = store.put_if_absent(key, content, "application/json")

        assert stored.version_id is not None
        assert (stored.sha256, stored.size) == (hashlib.sha256(content).hexdigest(), len(content))
        assert store.get(key) == content
        assert store.get(key, version_id=stored.version_id) == content
        assert list(store.list_keys(key)) == [key]

    def test_a_key_is_written_once(self, store: ObjectStore) -> None:
        key = fresh()
        store.put_if_absent(key, b"first", "text/plain")

        with pytest.raises(AlreadyThere, match="never overwritten"):
            store.put_if_absent(key, b"second", "text/plain")

        assert store.get(key) == b"first"

    def test_of_many_at_once_one_wins(self, store: ObjectStore) -> None:
        key = fresh()
        start = threading.Barrier(8)

        def write(number: int) -> bool:
            start.wait()
            try:
                store.put_if_absent(key, str(number).encode(), "text/plain")
            except AlreadyThere:
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            won = list(threads.map(write, range(8)))

        assert won.count(True) == 1
        assert store.get(key) == str(won.index(True)).encode()

    def test_a_version_survives_an_impostor(self, store: ObjectStore) -> None:
        key = fresh()
        original = store.put_if_absent(key, b"original", "text/plain")
        store._client.delete_object(Bucket=store.settings.bucket, Key=key)
        store.put_if_absent(key, b"impostor", "text/plain")

        assert store.get(key) == b"impostor"
        assert store.get(key, version_id=original.version_id) == b"original"

    def test_wrong_checksums_are_refused_by_the_server(self, store: ObjectStore) -> None:
        key = fresh()

        with pytest.raises(AlteredError, match="altered on their way"):
            store._put(key, b"content", hashlib.sha256(b"other").digest(), "text/plain")

        with pytest.raises(ObjectMissingError):
            store.get(key)

    @pytest.mark.parametrize("size", [0, 5, SINGLE_PUT_BYTES, SINGLE_PUT_BYTES + 1, 3 * PART_BYTES + 12345])
    def test_files_are_uploaded_whole_or_in_parts(self, store: ObjectStore, tmp_path: Path, size: int) -> None:
        digest = file_of(tmp_path / "bundle.zip", size)
        told: list[tuple[str, int, int]] = []

        stored = store.upload_if_absent(key := fresh(), tmp_path / "bundle.zip", digest, lambda *t: told.append(t))
        back = store.download(key, tmp_path / "back.zip", version_id=stored.version_id)

        assert stored.version_id is not None
        assert (stored.sha256, stored.size) == (back.sha256, back.size) == (digest, size)
        assert (tmp_path / "back.zip").read_bytes() == (tmp_path / "bundle.zip").read_bytes()
        assert told[-1:] == ([("downloading", size, size)] if size else [])

    @pytest.mark.parametrize("size", [100, SINGLE_PUT_BYTES + 1])
    def test_an_upload_again_is_the_same_upload_but_other_bytes_are_refused(
        self, store: ObjectStore, tmp_path: Path, size: int
    ) -> None:
        key = fresh()
        digest = file_of(tmp_path / "one", size)
        other = file_of(tmp_path / "two", size)
        first = store.upload_if_absent(key, tmp_path / "one", digest)

        assert store.upload_if_absent(key, tmp_path / "one", digest) == first
        with pytest.raises(AlreadyThere):
            store.upload_if_absent(key, tmp_path / "two", other)

        assert uploads_left(store, key) == []

    @pytest.mark.parametrize("size", [100, SINGLE_PUT_BYTES + 1])
    @pytest.mark.parametrize("there", [True, False])
    def test_what_a_cut_off_upload_left_goes_when_the_key_is_taken(
        self, store: ObjectStore, tmp_path: Path, size: int, there: bool
    ) -> None:
        key = fresh("bundle.zip")
        digest = file_of(tmp_path / "bundle.zip", size)
        stored = [store.upload_if_absent(key, tmp_path / "bundle.zip", digest)] * there
        cut_off(store, key)
        cut_off(store, f"{key}.of-another")

        again = store.upload_if_absent(key, tmp_path / "bundle.zip", digest)

        assert stored in ([], [again])
        assert uploads_left(store, key) == [f"{key}.of-another"]
        assert store.get(key) == (tmp_path / "bundle.zip").read_bytes()

    def test_a_refused_upload_takes_nothing_from_another(self, store: ObjectStore, tmp_path: Path) -> None:
        key = fresh("bundle.zip")
        cut_off(store, key)
        file_of(tmp_path / "a", 10)

        with pytest.raises(AlteredError):
            store.upload_if_absent(key, tmp_path / "a", "0" * 64)

        assert uploads_left(store, key) == [key]

    def test_what_may_not_be_tidied_up_is_stored_all_the_same(
        self, store_settings: StoreSettings, tmp_path: Path
    ) -> None:
        class MayNotLook(ObjectStore):
            def unfinished_uploads(self, prefix: str) -> list[UnfinishedUpload]:
                raise StoreAccessError(prefix)

        store, key = MayNotLook(store_settings), fresh("bundle.zip")
        cut_off(store, key)
        digest = file_of(tmp_path / "a", 10)

        assert store.upload_if_absent(key, tmp_path / "a", digest).sha256 == digest

    def test_an_upload_that_is_gone_is_given_up(self, store: ObjectStore) -> None:
        began = datetime.now(UTC) - timedelta(minutes=1)
        cut_off(store, key := fresh("bundle.zip"))
        (upload,) = store.unfinished_uploads(key)

        store.give_up(upload)
        store.give_up(upload)

        assert upload.key == key
        assert began < upload.begun_at < began + timedelta(minutes=5)
        assert store.unfinished_uploads(key) == []

    @pytest.mark.parametrize("size", [100, SINGLE_PUT_BYTES + 1])
    def test_a_file_that_changed_since_it_was_packed_is_not_uploaded(
        self, store: ObjectStore, tmp_path: Path, size: int
    ) -> None:
        file_of(tmp_path / "bundle.zip", size)

        with pytest.raises(AlteredError, match="pack and upload it again"):
            store.upload_if_absent(key := fresh(), tmp_path / "bundle.zip", "0" * 64)

        with pytest.raises(ObjectMissingError):
            store.get(key)
        assert uploads_left(store, key) == []

    def test_a_file_that_is_not_there(self, store: ObjectStore, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="cannot be read for uploading"):
            store.upload_if_absent(fresh(), tmp_path / "none.zip", "0" * 64)

    def test_more_than_asked_for_is_not_read(self, store: ObjectStore) -> None:
        store.put_if_absent(key := fresh(), b"x" * 2000, "text/plain")

        assert len(store.get(key, max_bytes=2000)) == 2000
        with pytest.raises(TooLargeError):
            store.get(key, max_bytes=1999)

    def test_what_is_missing_is_said(self, store: ObjectStore, tmp_path: Path) -> None:
        with pytest.raises(ObjectMissingError, match="not there"):
            store.get(fresh())
        with pytest.raises(ObjectMissingError):
            store.download(fresh(), tmp_path / "new" / "file")
        assert list((tmp_path / "new").iterdir()) == []

    def test_listing_crosses_pages_and_starts_where_told(self, store: ObjectStore) -> None:
        prefix = fresh("") + "many/"
        keys = [f"{prefix}{number:05d}" for number in range(1203)]
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda key: store.put_if_absent(key, b"", "text/plain"), keys))

        assert list(store.list_keys(prefix)) == keys
        assert list(store.list_keys(prefix, start_after=keys[1100])) == keys[1101:]
        assert list(store.list_keys(prefix, start_after=keys[5], most=3)) == keys[6:9]
        assert list(store.list_keys(prefix, most=1100)) == keys[:1100]
        assert list(store.list_keys(prefix, start_after=keys[-1])) == []
        assert list(store.list_keys(prefix + "none/")) == []


def cut_off(store: ObjectStore, key: str) -> None:
    """What a process leaves that is killed between two parts."""
    place = {"Bucket": store.settings.bucket, "Key": key}
    begun = store._client.create_multipart_upload(**place)
    store._client.upload_part(**place, UploadId=begun["UploadId"], PartNumber=1, Body=b"x" * 1000)


def uploads_left(store: ObjectStore, key: str) -> list[str]:
    found = store._client.list_multipart_uploads(Bucket=store.settings.bucket, Prefix=key)
    return [upload["Key"] for upload in found.get("Uploads", [])]


def everything(store: ObjectStore) -> list[Callable[[], object]]:
    return [
        store.check,
        store.keeps_versions,
        lambda: store.get("v1/a"),
        lambda: store.put_if_absent("v1/a", b"", "text/plain"),
        lambda: list(store.list_keys("v1/")),
        lambda: store.upload_if_absent("v1/a", Path(__file__), hashlib.sha256(Path(__file__).read_bytes()).hexdigest()),
        lambda: store.download("v1/a", Path(os.devnull).parent / "shm" / "never"),
    ]


def refused(store: ObjectStore, kind: type[StoreError], says: str) -> None:
    for act in everything(store):
        with pytest.raises(kind, match=says) as caught:
            act()
        assert SECRET_KEY not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.real
class TestRealFailures:
    def test_wrong_secret(self, store_settings: StoreSettings) -> None:
        refused(changed(store_settings, secret_key="wrong"), StoreAccessError, "STAGEPROOF_S3_SECRET_KEY")

    def test_unknown_access_key(self, store_settings: StoreSettings) -> None:
        refused(changed(store_settings, access_key="nobody"), StoreAccessError, "STAGEPROOF_S3_ACCESS_KEY")

    def test_missing_bucket(self, store_settings: StoreSettings) -> None:
        store = changed(store_settings, bucket="no-such-bucket")

        for act in (store.check, lambda: list(store.list_keys("v1/")), lambda: store.get("v1/a")):
            with pytest.raises(BucketMissingError, match=r"'no-such-bucket' .* create it"):
                act()

    def test_a_clock_that_is_wrong(self, store_settings: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> None:
        import botocore.auth

        real = botocore.auth.get_current_datetime

        def late(**options: bool) -> datetime:
            return real(**options) - timedelta(hours=3)  # type: ignore[no-any-return]

        monkeypatch.setattr(botocore.auth, "get_current_datetime", late)

        refused(ObjectStore(store_settings), StoreAccessError, "clock")

    def test_nothing_listens(self, store_settings: StoreSettings) -> None:
        store = changed(store_settings, endpoint=f"http://127.0.0.1:{free_ports(1)[0]}")

        refused(store, StoreUnreachableError, r"nothing answers there.*STAGEPROOF_S3_ENDPOINT")

    def test_a_name_without_address(self, store_settings: StoreSettings) -> None:
        store = changed(store_settings, endpoint="http://no-such-host.invalid:9")

        with pytest.raises(StoreUnreachableError, match=r"'no-such-host.invalid' has no address"):
            store.check()

    def test_no_tls_there(self, store_settings: StoreSettings) -> None:
        store = changed(store_settings, endpoint=store_settings.endpoint.replace("http:", "https:"))

        with pytest.raises(StoreUnreachableError, match="certificate"):
            store.check()

    def test_something_else_answers(self, store_settings: StoreSettings) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def answer() -> None:
                while True:
                    try:
                        connection, _ = server.accept()
                    except OSError:
                        return
                    with connection:
                        connection.recv(65536)
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n<html>hello\n")

            threading.Thread(target=answer, daemon=True).start()
            store = changed(store_settings, endpoint=f"http://127.0.0.1:{server.getsockname()[1]}")

            with pytest.raises(StoreError):
                store.check()
            server.shutdown(socket.SHUT_RDWR)

    def test_a_store_that_dies_during_an_upload(self, tmp_path: Path) -> None:
        digest = file_of(tmp_path / "bundle.zip", 12 * PART_BYTES)
        began = threading.Event()

        with s3_server() as (settings, process):
            store = ObjectStore(settings)

            def kill() -> None:
                began.wait(60)
                process.kill()

            threading.Thread(target=kill, daemon=True).start()
            start = time.monotonic()
            with pytest.raises(StoreUnreachableError) as caught:
                store.upload_if_absent("v1/demo/bundle.zip", tmp_path / "bundle.zip", digest, lambda *_: began.set())

        assert began.is_set()
        assert SECRET_KEY not in str(caught.value)
        assert time.monotonic() - start < 60
