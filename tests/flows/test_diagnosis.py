"""What `doctor` tells of uploads that were cut off, against a real store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from evidence_store.objects import ObjectStore, StoreAccessError, StoreSettings, UnfinishedUpload
from flows import diagnosis
from tests.flows.worlds import World

pytestmark = pytest.mark.real

OLD = timedelta(minutes=-1)
"""Less than no time: whatever is in the store was begun before."""


@pytest.fixture
def store(world: World) -> ObjectStore:
    return ObjectStore(StoreSettings.from_environment(world.stack.environment()))


@pytest.fixture
def cut_off(store: ObjectStore) -> Iterator[str]:
    """The key of a package whose upload was cut off just now."""
    key = f"v1/another/runs/shop/2026/11/24/{uuid4().hex}/bundle.zip"
    upload = store._client.create_multipart_upload(Bucket=store.settings.bucket, Key=key)["UploadId"]
    yield key
    for left in store.unfinished_uploads(key):
        assert left.upload_id == upload
        store.give_up(left)


def told(world: World, *options: str) -> str:
    """What `doctor` says of uploads; empty when it says nothing."""
    ended = world.command("doctor", *options, "--json")
    return " ".join(finding["words"] for finding in ended.json() if finding["what"] == "uploads")


def keys(store: ObjectStore) -> list[str]:
    return [upload.key for upload in store.unfinished_uploads("v1/")]


def test_a_young_upload_may_be_going_on(world: World, store: ObjectStore, cut_off: str) -> None:
    assert told(world, "--clean") == ""
    assert cut_off in keys(store)


def test_an_old_one_is_told_and_removed_on_request(
    world: World, store: ObjectStore, cut_off: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "CUT_OFF_AFTER", OLD)
    others = f"v1/not-a-package-{uuid4().hex}"
    upload = store._client.create_multipart_upload(Bucket=store.settings.bucket, Key=others)["UploadId"]

    assert "their parts take room in the bucket, and nobody sees them: `stageproof doctor --clean` removes" in told(
        world
    )
    assert cut_off in keys(store)
    assert told(world, "--clean").endswith("; removed")
    assert cut_off not in keys(store)
    assert told(world) == ""

    assert others in keys(store)
    store._client.abort_multipart_upload(Bucket=store.settings.bucket, Key=others, UploadId=upload)


def test_a_key_that_may_not_look_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(store: ObjectStore, prefix: str) -> list[UnfinishedUpload]:
        raise StoreAccessError(f"could not list {prefix}: access denied")

    monkeypatch.setattr(ObjectStore, "unfinished_uploads", refuse)
    assert "not known whether any were cut off (could not list v1/: access denied)" in told(world)
