"""The object store: write once, read by version. The only module that speaks S3.

What can go wrong, as one tree of exceptions; every message says what to do next and none holds a secret:

```
StoreError
├── StoreSettingsError        a variable is missing or malformed
├── StoreUnreachableError     no address, no connection, no answer in time, no valid certificate
├── StoreAccessError          wrong key or secret, not allowed, or the clocks differ
├── BucketMissingError        the bucket does not exist
├── ObjectMissingError        no such key or version
├── AlreadyThere              the key is taken; nothing was written
├── AlteredError              the bytes are not those that were meant
├── TooLargeError             more bytes than the caller wants
└── LedgerError               (evidence_store.ledger) the ledger cannot be extended or has no such run
```

Nothing is ever overwritten or deleted here but the parts of uploads that were cut off, which no reader can see. A key
over a deleted version can be taken by somebody else, so what matters is recorded with its VersionId and SHA-256, and
read back by them.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import socket
import ssl
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from evidence_store.bundle import Progress

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_SECONDS = 5
READ_SECONDS = 60
ATTEMPTS = 3
SINGLE_PUT_BYTES = 16 << 20
"""Larger files are sent in parts."""
PART_BYTES = 8 << 20
PARTS_AT_A_TIME = 4
MOST_PARTS = 10_000
"""S3's own limit; parts grow when 8 MiB ones would not do."""
CHUNK_BYTES = 1 << 20
MOST_BYTES = 64 << 20
"""What `get` reads into memory unless told otherwise."""
MEDIA_TYPE_ZIP = "application/zip"

_LONGEST_PAUSE = 2
"""Seconds between two tries while S3 is busy with another write to the same key."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class StoreError(Exception):
    """The object store could not do what was asked."""


class StoreSettingsError(StoreError):
    """The settings of the object store are incomplete or malformed."""


class StoreUnreachableError(StoreError):
    """The object store did not answer."""


class StoreAccessError(StoreError):
    """The object store refuses these credentials, or this act."""


class BucketMissingError(StoreError):
    """The bucket does not exist."""


class ObjectMissingError(StoreError):
    """No object has this key and version."""


class AlreadyThere(StoreError):  # noqa: N818 - at the call site it is a fact, not a failure
    """The key is taken; nothing was written."""


class AlteredError(StoreError):
    """The bytes that arrived are not the bytes that were meant."""


class TooLargeError(StoreError):
    """An object is larger than the caller is ready to read."""


class StoreSettings(BaseModel):
    """Where the object store is and who asks; the two keys never show in a repr, log or message."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    endpoint: str
    bucket: str
    access_key: SecretStr = Field(min_length=1)
    secret_key: SecretStr = Field(min_length=1)
    region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]+$")

    @field_validator("endpoint")
    @classmethod
    def is_plain_url(cls, value: str) -> str:
        """Scheme, host and port and nothing else: credentials in a URL would end up in logs."""
        parts = urlsplit(value)
        plain = parts.scheme in {"http", "https"} and parts.hostname and parts.path in {"", "/"}
        if not plain or parts.query or parts.fragment or "@" in parts.netloc or _CONTROL.search(value):
            raise ValueError("must be http(s)://host[:port] without user, path or query")
        if not re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(:\d{1,5})?", parts.netloc):
            raise ValueError("must have a host and, if any, a port that is a number")
        return value.rstrip("/")

    @field_validator("bucket")
    @classmethod
    def is_bucket_name(cls, value: str) -> str:
        """A name that every S3 server takes."""
        if not _BUCKET.fullmatch(value):
            raise ValueError("must be 3 to 63 lower-case letters, digits, dots and dashes")
        return value

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> StoreSettings:
        """Settings from STAGEPROOF_S3_* variables; raises StoreSettingsError naming those to set."""
        variables = {name: f"STAGEPROOF_S3_{name.upper()}" for name in cls.model_fields}
        values = {name: environ.get(variable, "").strip() for name, variable in variables.items()}
        missing = [variables[name] for name, value in values.items() if not value and name != "region"]
        if missing:
            raise StoreSettingsError(
                f"no object store is configured: set {', '.join(missing)} in the environment "
                "(or start the local stack with 'stageproof up' and use the values it prints)"
            )
        try:
            return cls.model_validate({name: value for name, value in values.items() if value})
        except ValidationError as error:
            problems = [
                f"{variables[str(e['loc'][0])]} {e['msg'].removeprefix('Value error, ')}" for e in error.errors()
            ]
        raise StoreSettingsError("; ".join(problems))


@dataclass(frozen=True)
class Stored:
    """One version of one object. Size in bytes; `version_id` is None where the bucket keeps no versions."""

    key: str
    version_id: str | None
    sha256: str
    size: int


@dataclass(frozen=True)
class UnfinishedUpload:
    """An upload in parts that was begun and neither completed nor given up; its parts take room until it is."""

    key: str
    upload_id: str
    begun_at: datetime


def valid_key(key: str) -> str:
    """The key itself; raises StoreError for one that another system could read as another place."""
    segments = key.split("/")
    unsafe = _CONTROL.search(key) or "\\" in key or any(segment in {"", ".", ".."} for segment in segments)
    if unsafe or len(key.encode()) > 1024:
        raise StoreError(f"{key[:200]!r} is not a usable key: plain names joined by '/', at most 1024 bytes")
    return key


class ObjectStore:
    """One bucket; safe to share between threads. Every method raises StoreError and nothing else."""

    def __init__(self, settings: StoreSettings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._made: S3Client | None = None

    def check(self) -> None:
        """Refuse early: the bucket can be reached and listed, and an upload can be begun in it (it is given up)."""
        with self._translated("look into the bucket"):
            self._client.list_objects_v2(Bucket=self.settings.bucket, Prefix="v1/", MaxKeys=1)
        with self._translated("begin an upload (which nothing can be stored without)"):
            # An upload that is never completed shows whether writing is allowed and leaves no object behind.
            probe = "v1/.write-probe"
            begun = self._client.create_multipart_upload(Bucket=self.settings.bucket, Key=probe)
            self._client.abort_multipart_upload(Bucket=self.settings.bucket, Key=probe, UploadId=begun["UploadId"])

    def check_write_once(self) -> None:
        """Refuse a store that ignores `If-None-Match`: a ledger in it could be overwritten. Leaves one small object."""
        key, content = "v1/.write-once-probe", b"A second write to this key must be refused.\n"
        with suppress(AlreadyThere):
            self.put_if_absent(key, content, "text/plain")
        try:
            self.put_if_absent(key, content, "text/plain")
        except AlreadyThere:
            return
        raise StoreError(
            f"{self.settings.endpoint} wrote over an object it was told to leave alone (If-None-Match): "
            "the ledger would not be append-only; use a server that honours conditional writes"
        )

    def keeps_versions(self) -> bool:
        """Whether the bucket keeps every version, so that evidence can be read by VersionId."""
        with self._translated("ask whether the bucket keeps versions"):
            return self._client.get_bucket_versioning(Bucket=self.settings.bucket).get("Status") == "Enabled"

    def put_if_absent(self, key: str, data: bytes, media_type: str) -> Stored:
        """Store bytes under a key nobody has.

        Raises AlreadyThere; that may mean this very call, when the answer to its first try was lost.
        """
        digest = hashlib.sha256(data)
        version = self._put(valid_key(key), data, digest.digest(), media_type)
        return Stored(key=key, version_id=version, sha256=digest.hexdigest(), size=len(data))

    def upload_if_absent(self, key: str, path: Path, sha256: str, progress: Progress | None = None) -> Stored:
        """Store a file under a key nobody has, then read that version back in full and compare. Bytes to `progress`.

        The same bytes under the key already count as uploaded (a run may have been cut off after its upload); others
        raise AlreadyThere. A file that does not hash to `sha256` raises AlteredError and leaves no object.
        """
        valid_key(key)
        try:
            size = path.stat().st_size
            if size <= SINGLE_PUT_BYTES:
                version = self._upload_whole(key, path, sha256)
            else:
                version = self._upload_parts(key, path, size, sha256, progress)
        except (AlreadyThere, ObjectMissingError):
            # Also when the upload itself is gone: it was completed, and the answer was lost.
            there = self._digest(key, None, progress)
            if there.sha256 != sha256:
                raise
            self._give_up_others(key)
            return there
        except OSError as error:
            raise StoreError(f"{path} cannot be read for uploading: {error.strerror or error}") from error
        back = self._digest(key, version, progress)
        if (back.sha256, back.size) != (sha256, size):
            raise AlteredError(f"{key} was stored, but reads back as other bytes; do not trust this store: {back}")
        self._give_up_others(key)
        return Stored(key=key, version_id=version, sha256=sha256, size=size)

    def get(self, key: str, version_id: str | None = None, max_bytes: int = MOST_BYTES) -> bytes:
        """The bytes of one object; raises ObjectMissingError, or TooLargeError beyond `max_bytes`."""
        content = bytearray()
        for chunk in self._stream(key, version_id):
            content += chunk
            if len(content) > max_bytes:
                raise TooLargeError(f"{key} is larger than {max_bytes:,} bytes; it is not what it should be")
        return bytes(content)

    def download(
        self, key: str, destination: Path, version_id: str | None = None, progress: Progress | None = None
    ) -> Stored:
        """Write one object to a file, which appears when it is complete; bytes to `progress`."""
        try:
            destination.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=destination.parent, prefix=f".{destination.name}-", suffix=".part")
            try:
                with os.fdopen(handle, "wb") as stream:
                    stored = self._digest(key, version_id, progress, stream.write)
                Path(temporary).chmod(0o644)
                Path(temporary).replace(destination)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise StoreError(f"{key} cannot be written to {destination}: {error.strerror or error}") from error
        return stored

    def list_keys(self, prefix: str, start_after: str | None = None, most: int | None = None) -> Iterator[str]:
        """Keys under a prefix in byte order, those after `start_after`, at most `most`; one request for each 1,000."""
        last = start_after or ""
        left = most
        while left is None or left > 0:
            with self._translated(f"list {prefix}"):
                page = self._client.list_objects_v2(
                    Bucket=self.settings.bucket,
                    Prefix=prefix,
                    StartAfter=last,
                    MaxKeys=1000 if left is None else min(left, 1000),
                )
            keys = [item["Key"] for item in page.get("Contents", [])]
            yield from keys
            if not keys or not page.get("IsTruncated"):
                return
            last = keys[-1]
            left = None if left is None else left - len(keys)

    def unfinished_uploads(self, prefix: str) -> list[UnfinishedUpload]:
        """Uploads in parts under a prefix that are cut off, or go on at this moment: nothing but their age tells which.

        Raises StoreAccessError where the key lacks `s3:ListBucketMultipartUploads`.
        """
        with self._translated(f"list the unfinished uploads under {prefix}"):
            pages = self._client.get_paginator("list_multipart_uploads")
            return [
                UnfinishedUpload(found["Key"], found["UploadId"], found["Initiated"])
                for page in pages.paginate(Bucket=self.settings.bucket, Prefix=prefix)
                for found in page.get("Uploads", [])
            ]

    def give_up(self, upload: UnfinishedUpload) -> None:
        """Remove the parts of an upload, which can then not be completed any more."""
        with suppress(ObjectMissingError), self._translated(f"give up the upload of {upload.key}"):
            self._client.abort_multipart_upload(Bucket=self.settings.bucket, Key=upload.key, UploadId=upload.upload_id)

    def _give_up_others(self, key: str) -> None:
        """Once the key is taken, no other upload of it can be completed any more: their parts only take room."""
        # Tidying up: where it is not allowed, what was stored is stored all the same.
        with suppress(StoreError):
            for upload in self.unfinished_uploads(key):
                if upload.key == key:
                    self.give_up(upload)

    @property
    def _client(self) -> S3Client:
        with self._lock:
            if self._made is None:
                self._made = _connect(self.settings)
            return self._made

    def _put(self, key: str, data: bytes, digest: bytes, media_type: str) -> str | None:
        def put() -> str | None:
            response = self._client.put_object(
                Bucket=self.settings.bucket,
                Key=key,
                Body=data,
                ContentType=media_type,
                IfNoneMatch="*",
                ChecksumSHA256=base64.b64encode(digest).decode(),
            )
            return response.get("VersionId")

        return self._settled(f"store {key}", put)

    def _settled(self, doing: str, write: Callable[[], str | None]) -> str | None:
        """Do a conditional write, again while S3 says that another one is under way (409)."""
        pause = 0.1
        while True:
            try:
                with self._translated(doing):
                    return write()
            except _WriteUnderWayError:
                if pause > _LONGEST_PAUSE:
                    raise
            time.sleep(pause)
            pause *= 2

    def _upload_whole(self, key: str, path: Path, sha256: str) -> str | None:
        content = path.read_bytes()
        digest = hashlib.sha256(content)
        _must_be(path, digest.hexdigest(), sha256)
        return self._put(key, content, digest.digest(), MEDIA_TYPE_ZIP)

    def _upload_parts(self, key: str, path: Path, size: int, sha256: str, progress: Progress | None) -> str | None:
        bucket = self.settings.bucket
        with self._translated(f"begin uploading {key}"):
            upload = self._client.create_multipart_upload(
                Bucket=bucket, Key=key, ContentType=MEDIA_TYPE_ZIP, ChecksumAlgorithm="SHA256"
            )["UploadId"]
        try:
            parts = self._send_parts(key, upload, path, size, sha256, progress)

            def complete() -> str | None:
                return self._client.complete_multipart_upload(
                    Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
                ).get("VersionId")

            return self._settled(f"complete the upload of {key}", complete)
        except BaseException:
            with suppress(StoreError), self._translated(f"give up the upload of {key}"):
                self._client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
            raise

    def _send_parts(
        self, key: str, upload: str, path: Path, size: int, sha256: str, progress: Progress | None
    ) -> list[Any]:
        part_bytes = max(PART_BYTES, -(-size // MOST_PARTS))
        parts: list[Any] = []
        whole = hashlib.sha256()
        under_way: deque[Future[dict[str, Any]]] = deque()

        def send(number: int, content: bytes) -> dict[str, Any]:
            checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
            with self._translated(f"upload part {number} of {key}"):
                response = self._client.upload_part(
                    Bucket=self.settings.bucket,
                    Key=key,
                    UploadId=upload,
                    PartNumber=number,
                    Body=content,
                    ChecksumSHA256=checksum,
                )
            return {"PartNumber": number, "ETag": response["ETag"], "ChecksumSHA256": checksum}

        def collect() -> None:
            parts.append(under_way.popleft().result())
            if progress is not None:
                progress("uploading", min(len(parts) * part_bytes, size), size)

        with path.open("rb") as stream, ThreadPoolExecutor(PARTS_AT_A_TIME, "upload") as threads:
            try:
                while content := stream.read(part_bytes):
                    whole.update(content)
                    under_way.append(threads.submit(send, len(parts) + len(under_way) + 1, content))
                    if len(under_way) > PARTS_AT_A_TIME:  # one part waits ready; more would only fill memory
                        collect()
                while under_way:
                    collect()
            except BaseException:
                for part in under_way:
                    part.cancel()
                raise
        _must_be(path, whole.hexdigest(), sha256)
        return parts

    def _digest(
        self,
        key: str,
        version_id: str | None,
        progress: Progress | None,
        sink: Callable[[bytes], object] = lambda _: None,
    ) -> Stored:
        seen: list[str | None] = []
        digest = hashlib.sha256()
        done = 0
        for chunk in self._stream(key, version_id, progress, seen):
            digest.update(chunk)
            done += len(chunk)
            sink(chunk)
        return Stored(key=key, version_id=seen[0], sha256=digest.hexdigest(), size=done)

    def _stream(
        self, key: str, version_id: str | None, progress: Progress | None = None, seen: list[str | None] | None = None
    ) -> Iterator[bytes]:
        wanted: dict[str, Any] = {} if version_id is None else {"VersionId": version_id}
        doing = f"read {valid_key(key)}"
        done = 0
        with self._translated(doing):
            response = self._client.get_object(Bucket=self.settings.bucket, Key=key, **wanted)
            body = response["Body"]
            total = response.get("ContentLength", 0)
        if seen is not None:
            seen.append(response.get("VersionId"))
        try:
            while True:
                with self._translated(doing):
                    chunk = body.read(CHUNK_BYTES)
                if not chunk:
                    return
                done += len(chunk)
                yield chunk
                if progress is not None:
                    progress("downloading", done, total)
        finally:
            body.close()

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        """Turn what botocore raises into a StoreError that says what to do next."""
        from botocore.exceptions import BotoCoreError, ClientError
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ClientError as error:
            translated = _refusal(error.response, doing, self.settings)
        except (BotoCoreError, HTTPError) as error:
            translated = _no_answer(error, doing, self.settings)
        else:
            return
        # Not chained: what botocore raises may hold request headers and URLs, and a traceback would print them.
        raise translated from None


class _WriteUnderWayError(StoreError):
    """409: S3 is busy with another write to the same key."""


def _must_be(path: Path, found: str, expected: str) -> None:
    if found != expected:
        raise AlteredError(
            f"{path} hashes to {found}, not to {expected}: it changed since it was packed; pack and upload it again"
        )


def _connect(settings: StoreSettings) -> S3Client:
    # Half a second that only those pay who reach for the store.
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    try:
        session = boto3.session.Session(
            aws_access_key_id=settings.access_key.get_secret_value(),
            aws_secret_access_key=settings.secret_key.get_secret_value(),
            region_name=settings.region,
        )
        return session.client(
            "s3",
            endpoint_url=settings.endpoint,
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                max_pool_connections=4 * PARTS_AT_A_TIME,
                # We send SHA-256 of our own; not every S3 server understands botocore's default of CRC64.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
    except (BotoCoreError, ValueError) as error:
        raise StoreSettingsError(
            f"the S3 client cannot be set up ({type(error).__name__}: {_scrubbed(str(error), settings)}); "
            "check STAGEPROOF_S3_* and any AWS_* variables"
        ) from None


_ACCESS_ADVICE = {
    "InvalidAccessKeyId": "the store does not know this access key: check STAGEPROOF_S3_ACCESS_KEY",
    "SignatureDoesNotMatch": "the secret does not belong to the access key: check STAGEPROOF_S3_SECRET_KEY",
    "RequestTimeTooSkewed": "this machine's clock differs from the store's: set it (for example with NTP)",
    "AuthorizationHeaderMalformed": "the region is wrong: check STAGEPROOF_S3_REGION",
    "ExpiredToken": "the credentials have expired: renew them",
}
_ALTERED = frozenset({"BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest", "XAmzContentChecksumMismatch"})
_MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchUpload", "404", "NotFound", "MethodNotAllowed"})


def _refusal(response: Any, doing: str, settings: StoreSettings) -> StoreError:
    code = str(response.get("Error", {}).get("Code", ""))
    words = _scrubbed(str(response.get("Error", {}).get("Message", "")), settings)
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    where = f"bucket '{settings.bucket}' at {settings.endpoint}"
    if code == "PreconditionFailed" or status == 412:
        return AlreadyThere(f"could not {doing}: the key is taken, and what is stored is never overwritten")
    if code in {"ConditionalRequestConflict", "OperationAborted"}:
        return _WriteUnderWayError(f"could not {doing}: somebody else keeps writing to it; try again later")
    if code == "NoSuchBucket":
        return BucketMissingError(f"there is no {where}: create it (with versioning) or set STAGEPROOF_S3_BUCKET")
    if code in _ALTERED:
        return AlteredError(f"could not {doing}: the bytes were altered on their way ({code}); try again")
    if code in _ACCESS_ADVICE:
        return StoreAccessError(f"could not {doing} in {where}: {_ACCESS_ADVICE[code]}")
    if status in {401, 403}:
        return StoreAccessError(f"could not {doing} in {where}: access denied; let this key list, read and write there")
    if code in _MISSING:
        return ObjectMissingError(f"could not {doing} in {where}: it is not there")
    if status >= 500:
        return StoreUnreachableError(f"could not {doing} in {where}: the store is failing ({status} {code}); try later")
    return StoreError(f"could not {doing} in {where}: {code or status} {words}".rstrip())


def _no_answer(error: Exception, doing: str, settings: StoreSettings) -> StoreError:
    causes = list(_causes(error))
    names = {type(cause).__name__ for cause in causes}
    host = urlsplit(settings.endpoint).hostname
    sentence = f"could not {doing} at {settings.endpoint}"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return StoreUnreachableError(f"{sentence}: the host name '{host}' has no address; check STAGEPROOF_S3_ENDPOINT")
    if any(isinstance(cause, ssl.SSLError) for cause in causes) or "SSLError" in names:
        return StoreUnreachableError(f"{sentence}: no trusted certificate; set AWS_CA_BUNDLE or mend the certificate")
    if "ConnectTimeoutError" in names:
        return StoreUnreachableError(
            f"{sentence}: no connection within {CONNECT_SECONDS} s; check address and firewall"
        )
    if "ReadTimeoutError" in names:
        return StoreUnreachableError(f"{sentence}: no answer within {READ_SECONDS} s; is the store overloaded?")
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes) or "EndpointConnectionError" in names:
        return StoreUnreachableError(f"{sentence}: nothing answers there; is it running? check STAGEPROOF_S3_ENDPOINT")
    if names & {"ConnectionClosedError", "ResponseStreamingError", "IncompleteReadError", "ProtocolError"}:
        return StoreUnreachableError(f"{sentence}: the connection broke off; try again")
    return StoreError(f"{sentence}: {type(error).__name__}: {_scrubbed(str(error), settings)}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and everything behind it, including what botocore hides in its keyword arguments."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        cause = waiting.pop()
        if cause is None or any(cause is known for known in seen):
            continue
        seen.append(cause)
        yield cause
        waiting += [cause.__cause__, cause.__context__]
        hidden = getattr(cause, "kwargs", None)
        if isinstance(hidden, dict):
            waiting += [value for value in hidden.values() if isinstance(value, BaseException)]


def _scrubbed(text: str, settings: StoreSettings) -> str:
    for secret in (settings.secret_key, settings.access_key):
        text = text.replace(secret.get_secret_value(), "[redacted]")
    return " ".join(_CONTROL.sub(" ", text).split())[:300]
