"""The ledger, against a real S3 server: contiguous under a race, and every kind of tampering shows."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import ValidationError

from evidence_store import ledger as ledger_module
from evidence_store.ledger import (
    AmbiguousRunError,
    BundleReference,
    Ledger,
    LedgerEntry,
    LedgerError,
    RunNotFoundError,
    Seal,
    last_looks,
    run_prefix,
)
from evidence_store.model import VerdictWord
from evidence_store.objects import ObjectStore, Stored
from tests.evidence_store.packages import documented_commands

AT = datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)
BUNDLE = BundleReference(key="v1/p/bundle.zip", sha256="a" * 64, size=10, version_id="v")


def run_id(number: int, target: str = "demo") -> str:
    return f"20260301T0405{number:02d}Z-{target}-{number:06x}"


def opened(ledger: Ledger, number: int, target: str = "demo") -> LedgerEntry:
    return ledger.open_run(run_id(number, target), target=target, profile="nightly", started_by="schedule", at=AT)


def sealed(ledger: Ledger, number: int, target: str = "demo", bundle: BundleReference = BUNDLE) -> LedgerEntry:
    return ledger.seal_run(
        run_id(number, target),
        verdict=VerdictWord.NO_GO,
        release="4f2c9e1",
        bundle=bundle,
        looks={"axe": ("f2",), "visual": ("f1",)},
        at=AT + timedelta(minutes=5),
    )


def overwrite(ledger: Ledger, seq: int, content: bytes) -> None:
    """What somebody with full rights could do."""
    ledger.store._client.put_object(Bucket=ledger.store.settings.bucket, Key=ledger._key(seq), Body=content)


def delete(ledger: Ledger, seq: int) -> None:
    ledger.store._client.delete_object(Bucket=ledger.store.settings.bucket, Key=ledger._key(seq))


def test_run_keys_are_by_day_of_utc() -> None:
    east = datetime(2026, 3, 1, 1, 0, tzinfo=timezone(timedelta(hours=5)))

    assert run_prefix("shop", "demo", east, run_id(1)) == f"v1/shop/runs/demo/2026/02/28/{run_id(1)}/"
    for bad in ("", "a/b", "..", "a b", "a\n"):
        with pytest.raises(LedgerError, match="cannot be part of a key"):
            run_prefix("shop", bad, east, run_id(1))


def test_an_entry_is_sealed_exactly_when_it_has_a_seal() -> None:
    fields = {"seq": 1, "run_id": "r", "project": "p", "target": "t", "at": AT, "profile": "n", "started_by": "s"}
    assert LedgerEntry.model_validate(fields | {"kind": "opened"}).seal is None
    with pytest.raises(ValidationError, match="holds a seal"):
        LedgerEntry.model_validate(fields | {"kind": "sealed"})


def seal_of(number: int, looks: dict[str, tuple[str, ...]] | None, fingerprints: tuple[str, ...] = ()) -> LedgerEntry:
    return LedgerEntry(
        seq=number,
        kind="sealed",
        run_id=run_id(number),
        project="p",
        target="demo",
        at=AT,
        profile="nightly",
        started_by="schedule",
        seal=Seal(verdict=VerdictWord.NO_GO, bundle=BUNDLE, fingerprints=fingerprints, looks=looks),
    )


def test_what_the_newest_run_left_out_is_compared_with_the_last_that_looked() -> None:
    """Its own looks count as they are: what it no longer saw of `visual` is not taken from an older run."""
    newest = seal_of(4, {"visual": ("v2",)}, ("v2",))
    partly = seal_of(3, {"health": ()})
    whole = seal_of(2, {"axe": ("a1",), "health": ("h1",), "visual": ("v1", "v2")}, ("a1", "h1", "v1", "v2"))
    oldest = seal_of(1, {"axe": ("a0",), "vitals": ("p0",)}, ("a0", "p0"))

    previous = last_looks(newest, [partly, whole, oldest], ["axe", "health", "visual", "new-check"])

    assert (previous.run_id, previous.fingerprints) == (run_id(4), ("a1", "v2"))
    assert previous.earlier == {"axe": run_id(2), "health": run_id(3)}


def test_a_seal_that_does_not_say_what_was_looked_at_stands_for_all_and_is_still_read() -> None:
    newest = seal_of(2, {"visual": ("v2",)}, ("v2",))
    stored = json.loads(seal_of(1, None, ("a1", "v1")).to_bytes())
    del stored["seal"]["looks"]
    silent = LedgerEntry.model_validate(stored)

    previous = last_looks(newest, [silent], ["axe", "visual"])

    assert (previous.fingerprints, previous.earlier) == (("a1", "v1", "v2"), {"axe": run_id(1)})
    assert last_looks(silent, iter([]), ["axe"]) == silent.previous_run()


def test_the_ledger_is_read_no_further_back_than_needed() -> None:
    def endless() -> Iterator[LedgerEntry]:
        yield seal_of(1, {"axe": ()})
        raise AssertionError("read too far")

    assert last_looks(seal_of(2, {"visual": ()}), endless(), ["axe", "visual"]).earlier == {"axe": run_id(1)}
    assert last_looks(seal_of(2, {"visual": ()}), endless(), ["visual"]).earlier == {}


class Counting(ObjectStore):
    """The real store, counting its requests."""

    requests = 0

    def list_keys(self, prefix: str, start_after: str | None = None, most: int | None = None) -> Iterator[str]:
        self.requests += 1
        return super().list_keys(prefix, start_after, most)

    def put_if_absent(self, key: str, data: bytes, media_type: str) -> Stored:
        self.requests += 1
        return super().put_if_absent(key, data, media_type)

    def get(self, key: str, version_id: str | None = None, max_bytes: int = 1 << 20) -> bytes:
        self.requests += 1
        return super().get(key, version_id, max_bytes)


@pytest.fixture
def ledger(store: ObjectStore) -> Ledger:
    return Ledger(store, f"project-{uuid4().hex[:12]}")


@pytest.mark.real
class TestRealLedger:
    def test_an_empty_one(self, ledger: Ledger) -> None:
        assert (list(ledger.entries()), ledger.runs(), ledger.check_chain()) == ([], [], [])
        assert ledger.last_sealed("demo") is None
        with pytest.raises(RunNotFoundError, match="nor any other"):
            ledger.find(run_id(1))

    def test_a_run_is_opened_then_sealed_and_a_vanished_one_shows(self, ledger: Ledger) -> None:
        first = opened(ledger, 1)
        vanished = opened(ledger, 2)
        seal = sealed(ledger, 1)

        assert [first.seq, vanished.seq, seal.seq] == [1, 2, 3]
        assert first.prev_sha256 is None
        assert ledger.check_chain() == []
        reader = Ledger(ledger.store, ledger.project)
        assert list(reader.entries()) == [first, vanished, seal]
        assert [(run.run_id, run.sealed) for run in reader.runs()] == [(run_id(2), None), (run_id(1), seal)]
        assert reader.last_sealed("demo") == seal
        assert reader.last_sealed("other") is None
        previous = seal.previous_run()
        assert (previous.run_id, previous.verdict, previous.fingerprints) == (run_id(1), "no-go", ("f1", "f2"))
        with pytest.raises(LedgerError, match="never sealed"):
            vanished.previous_run()

    def test_the_last_seal_is_that_of_the_target(self, ledger: Ledger) -> None:
        for number, target in enumerate(("demo", "shop", "demo", "shop", "shop")):
            opened(ledger, number, target)
            sealed(ledger, number, target)

        last = Ledger(ledger.store, ledger.project).last_sealed("demo")

        assert last is not None
        assert last.run_id == run_id(2)
        previous = Ledger(ledger.store, ledger.project).compared_with("demo", ["axe", "unheard-of"])
        assert previous == last.previous_run()
        assert ledger.compared_with("nobody", ["axe"]) is None

    def test_sealing_is_done_once(self, ledger: Ledger) -> None:
        with pytest.raises(RunNotFoundError, match="never opened"):
            sealed(ledger, 1)
        opened(ledger, 1)
        seal = sealed(ledger, 1)

        assert sealed(Ledger(ledger.store, ledger.project), 1) == seal
        with pytest.raises(LedgerError, match="sealed already"):
            sealed(ledger, 1, bundle=BUNDLE.model_copy(update={"sha256": "b" * 64}))

        assert len(list(ledger.entries())) == 2

    def test_find_takes_a_unique_beginning(self, ledger: Ledger) -> None:
        opened(ledger, 1)
        opened(ledger, 12)

        assert ledger.find(run_id(1)).run_id == run_id(1)
        assert ledger.find("20260301T040512").run_id == run_id(12)
        with pytest.raises(AmbiguousRunError, match="2 runs"):
            ledger.find("20260301")
        for unknown in ("2027", "", "0405"):
            with pytest.raises(RunNotFoundError, match=f"newest is {run_id(12)}"):
                ledger.find(unknown)

    def test_writers_at_once_leave_one_whole_chain(self, ledger: Ledger) -> None:
        def write(thread: int) -> None:
            own = Ledger(ObjectStore(ledger.store.settings), ledger.project)
            for number in range(10 * thread, 10 * thread + 10):
                opened(own, number)
                sealed(own, number)

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(write, range(4)))

        assert [entry.seq for entry in ledger.entries()] == list(range(1, 81))
        assert ledger.check_chain() == []
        assert all(run.sealed is not None for run in ledger.runs())
        assert len(ledger.runs()) == 40

    def test_threads_may_share_one(self, ledger: Ledger) -> None:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda number: opened(ledger, number), range(20)))

        assert ledger.check_chain() == []
        assert len(ledger.runs()) == 20

    def test_a_lost_reply_is_known_again(self, ledger: Ledger) -> None:
        class LosesReplies(ObjectStore):
            def put_if_absent(self, key: str, data: bytes, media_type: str) -> Stored:
                super().put_if_absent(key, data, media_type)
                return super().put_if_absent(key, data, media_type)  # what a client does that heard no answer

        unlucky = Ledger(LosesReplies(ledger.store.settings), ledger.project)

        assert [opened(unlucky, 1).seq, opened(unlucky, 2).seq] == [1, 2]
        assert ledger.check_chain() == []

    def test_too_many_writers_end_in_an_error(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        class AlwaysLate(ObjectStore):
            def put_if_absent(self, key: str, data: bytes, media_type: str) -> Stored:
                entry = json.loads(data) | {"run_id": "somebody-else"}
                super().put_if_absent(key, json.dumps(entry).encode(), media_type)
                return super().put_if_absent(key, data, media_type)

        monkeypatch.setattr(ledger_module, "APPEND_ATTEMPTS", 3)

        with pytest.raises(LedgerError, match="3 attempts"):
            opened(Ledger(AlwaysLate(ledger.store.settings), ledger.project), 1)

    def test_an_altered_entry_shows(self, ledger: Ledger) -> None:
        for number in range(4):
            opened(ledger, number)
        entry = json.loads(ledger.store.get(ledger._key(2)))
        overwrite(ledger, 2, json.dumps(entry | {"target": "another"}).encode())

        assert ledger.check_chain() == ["entry 3 names another digest than that of entry 2: one of them was altered"]

    def test_a_shell_can_check_the_chain(self, ledger: Ledger, tmp_path: Path) -> None:
        opened(ledger, 1)
        sealed(ledger, 1)
        opened(ledger, 2)
        (tmp_path / "ledger").mkdir()
        for seq in (1, 2, 3):
            (tmp_path / "ledger" / f"{seq:012d}.json").write_bytes(ledger.store.get(ledger._key(seq)))

        def check() -> str:
            command = ["bash", "-euc", documented_commands("prev_sha256")]
            return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

        assert check() == ""
        (tmp_path / "ledger" / "000000000002.json").write_bytes(b"{}\n")
        assert check() == "broken at ledger/000000000002.json\nbroken at ledger/000000000003.json\n"

    def test_a_removed_entry_shows_and_its_place_is_not_filled(self, ledger: Ledger) -> None:
        for number in range(4):
            opened(ledger, number)
        delete(ledger, 2)
        delete(ledger, 3)
        late = Ledger(ledger.store, ledger.project)

        assert opened(late, 9).seq == 5
        assert late.check_chain() == ["entries 2 to 3 missing before entry 4"]
        with pytest.raises(LedgerError, match="entry 2 is missing"):
            late.runs()

    def test_a_replaced_entry_shows(self, ledger: Ledger) -> None:
        for number in range(3):
            opened(ledger, number)
        delete(ledger, 2)
        forged = LedgerEntry.model_validate_json(ledger.store.get(ledger._key(1))).model_copy(update={"seq": 2})
        ledger.store.put_if_absent(ledger._key(2), forged.to_bytes(), "application/json")

        assert "entry 3 names another digest than that of entry 2: one of them was altered" in ledger.check_chain()

    def test_entries_that_contradict_each_other_show(self, ledger: Ledger) -> None:
        opened(ledger, 1)
        opened(ledger, 1)
        ledger._append(lambda seq, prev: sealed_by_force(ledger, seq, prev, "never-opened"))
        ledger.store.put_if_absent(f"{ledger.prefix}notes.txt", b"", "text/plain")
        overwrite(ledger, 4, b"\xff not json")
        overwrite(ledger, 5, json.dumps(json.loads(ledger.store.get(ledger._key(1))) | {"schema_version": 9}).encode())
        overwrite(ledger, 6, json.dumps(json.loads(ledger.store.get(ledger._key(1))) | {"project": "else"}).encode())

        problems = ledger.check_chain()

        for said in (
            "entry 2: run '20260301T040501Z-demo-000001' was opened before",
            "entry 3: run 'never-opened' was sealed without having been opened",
            "notes.txt' lies in the ledger and is no entry",
            "entry 4 is not a readable ledger entry",
            "entry 5 has schema 9",
            "entry 6 says it is entry 1",
            "entry 6 belongs to project 'else'",
        ):
            assert any(said in problem for problem in problems), (said, problems)

    def test_an_unreadable_end_does_not_stop_the_next_run(self, ledger: Ledger) -> None:
        overwrite(ledger, 1, b"garbage")

        assert opened(Ledger(ledger.store, ledger.project), 1).seq == 2

    def test_few_requests(self, ledger: Ledger) -> None:
        store = Counting(ledger.store.settings)
        writer = Ledger(store, ledger.project)
        opened(writer, 1)
        store.requests = 0

        opened(writer, 2)

        assert store.requests == 1

    @pytest.mark.parametrize("count", [999, 1000, 1001, 2000, 5003])
    def test_the_end_of_a_long_one_is_found_in_few_requests(
        self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, count: int
    ) -> None:
        # Pages of 10 make a small ledger look like one of 100 times the length.
        monkeypatch.setattr(ledger_module, "PAGE", 10)
        count //= 10
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda seq: overwrite(ledger, seq, b"{}"), range(1, count + 1)))
        store = Counting(ledger.store.settings)
        reader = Ledger(store, ledger.project)

        assert reader._find_tail() == count
        assert store.requests <= 2 * (count // 10).bit_length() + 2


def sealed_by_force(ledger: Ledger, seq: int, prev: str | None, name: str) -> LedgerEntry:
    return LedgerEntry.model_validate(
        {
            "seq": seq,
            "prev_sha256": prev,
            "kind": "sealed",
            "run_id": name,
            "project": ledger.project,
            "target": "demo",
            "at": AT,
            "profile": "nightly",
            "started_by": "x",
            "seal": {"verdict": "go", "bundle": BUNDLE},
        }
    )
