"""The ledger: an append-only chain in the store that says which runs were opened, and what each was sealed with.

A run is entered as `opened` before the first look and as `sealed` after its package was uploaded and read back: a run
that vanished stays visible. Entry n lies at `v1/<project>/ledger/<n:012d>.json` (n from 1), is written only where no
object is (`If-None-Match: *`), and names the SHA-256 of the stored bytes of entry n-1.

What the chain shows: an entry altered, removed or put in between. What it cannot show: that its last entries were cut
off, or that whoever may write everywhere wrote all of it anew. For that, note its newest digest somewhere else.

Requests, for n entries: appending 1 when nobody else appends, and 2 more for each conflict; finding the end 1 when at
most 1,000 entries are new to this reader, else about 2 log2(n / 1,000); reading n. Entries that were read are kept,
since they cannot change; only `check_chain` reads all of them again.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import chain, takewhile
from typing import Literal, Self

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from evidence_store.model import PreviousRun, Record, VerdictWord
from evidence_store.objects import AlreadyThere, ObjectMissingError, ObjectStore, StoreError

LEDGER_SCHEMA_VERSION = 1
MOST_ENTRY_BYTES = 4 << 20
APPEND_ATTEMPTS = 40
PAGE = 1000
FURTHEST_BACK = 500
"""Entries behind a target's newest seal among which the last look at a check is sought."""
READERS = 8

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_ENTRY_NAME = re.compile(r"(\d{12})\.json")


class LedgerError(StoreError):
    """The ledger cannot be extended or read as asked."""


class RunNotFoundError(LedgerError):
    """The ledger has no such run."""


class AmbiguousRunError(LedgerError):
    """More than one run begins with what was given."""


class BundleReference(Record):
    """Which bytes were sealed: key, digest, size (bytes), and the version to read them by."""

    key: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)
    version_id: str | None = None


class Seal(Record):
    """What a run ended with."""

    verdict: VerdictWord
    release: str | None = None
    bundle: BundleReference
    fingerprints: tuple[str, ...] = ()
    """Of its fails and errors."""
    looks: dict[str, tuple[str, ...]] | None = None
    """The same by check, with every check that was looked at; None in an entry that does not say."""


class LedgerEntry(Record):
    """One line of the ledger; `seal` is there exactly when `kind` is `sealed`."""

    schema_version: int = LEDGER_SCHEMA_VERSION
    seq: int = Field(ge=1)
    prev_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Of the stored bytes of the entry before; None for the first one."""
    kind: Literal["opened", "sealed"]
    run_id: str
    project: str
    target: str
    at: AwareDatetime
    profile: str
    started_by: str
    seal: Seal | None = None

    @model_validator(mode="after")
    def seal_belongs_to_sealed(self) -> Self:
        """An opened run has no verdict yet, and a sealed one has."""
        if (self.kind == "sealed") is not (self.seal is not None):
            raise ValueError("a sealed entry holds a seal, and an opened one none")
        return self

    def to_bytes(self) -> bytes:
        """The entry as it is stored: one line of JSON with sorted keys."""
        return (json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":")) + "\n").encode()

    def previous_run(self) -> PreviousRun:
        """A sealed entry as the next run of the same target remembers it."""
        if self.seal is None:
            raise LedgerError(f"run {self.run_id} was never sealed")
        return PreviousRun(
            run_id=self.run_id,
            verdict=self.seal.verdict,
            sealed_at=self.at,
            release=self.seal.release,
            fingerprints=self.seal.fingerprints,
        )


class RunRecord(Record):
    """One run as the ledger knows it; without `sealed` it was opened and never brought to an end."""

    run_id: str
    target: str
    profile: str
    started_by: str
    opened_at: AwareDatetime
    sealed: LedgerEntry | None = None


def run_prefix(project: str, target: str, started_at: datetime, run_id: str) -> str:
    """Where a run's `bundle.zip` and `summary.json` lie; ends with `/`. The day is that of the start in UTC."""
    for word in (project, target, run_id):
        _plain(word.lower())
    return f"v1/{project}/runs/{target}/{started_at.astimezone(UTC):%Y/%m/%d}/{run_id}/"


def last_looks(newest: LedgerEntry, older: Iterable[LedgerEntry], checks: Collection[str]) -> PreviousRun:
    """The newest seal, and for those of the checks it did not look at the newest of the older ones that did.

    A run of one check alone would otherwise make every problem of the next whole run a new one. `older` is newest
    first, and is read no further than needed. A seal that does not say what was looked at stands for all checks.
    """
    previous = newest.previous_run()
    fingerprints = set(previous.fingerprints)
    earlier: dict[str, str] = {}
    missing = set(checks) - _looked_at(newest, checks)
    for entry in older if missing else ():
        if entry.seal is None or not (found := missing & _looked_at(entry, checks)):
            continue
        looks = entry.seal.looks
        fingerprints.update(entry.seal.fingerprints if looks is None else chain(*(looks[check] for check in found)))
        earlier |= dict.fromkeys(sorted(found), entry.run_id)
        missing -= found
        if not missing:
            break
    return previous.model_copy(update={"fingerprints": tuple(sorted(fingerprints)), "earlier": earlier})


def _looked_at(entry: LedgerEntry, checks: Collection[str]) -> set[str]:
    looks = entry.seal.looks if entry.seal else {}
    return set(checks if looks is None else looks)


class Ledger:
    """The ledger of one project; safe to share between threads. Raises StoreError (LedgerError for its own causes)."""

    def __init__(self, store: ObjectStore, project: str) -> None:
        self.store = store
        self.project = _plain(project)
        self.prefix = f"v1/{project}/ledger/"
        self._lock = threading.Lock()
        self._known: dict[int, LedgerEntry] = {}
        self._digests: dict[int, str] = {}

    def open_run(self, run_id: str, *, target: str, profile: str, started_by: str, at: datetime) -> LedgerEntry:
        """Enter a run before it looks at anything; `at` must carry a time zone."""

        def entry(seq: int, prev: str | None) -> LedgerEntry:
            return LedgerEntry(
                seq=seq,
                prev_sha256=prev,
                kind="opened",
                run_id=run_id,
                project=self.project,
                target=target,
                at=at,
                profile=profile,
                started_by=started_by,
            )

        return self._append(entry)

    def seal_run(
        self,
        run_id: str,
        *,
        verdict: VerdictWord,
        release: str | None,
        bundle: BundleReference,
        looks: Mapping[str, Sequence[str]],
        at: datetime,
    ) -> LedgerEntry:
        """Enter what an opened run ended with. Sealing the same bytes again returns the seal that is there.

        `looks`: the fingerprints of fails and errors, of each check that was looked at.
        """
        seal = Seal(
            verdict=verdict,
            release=release,
            bundle=bundle,
            fingerprints=tuple(sorted({each for found in looks.values() for each in found})),
            looks={check: tuple(found) for check, found in looks.items()},
        )
        opened = None
        for entry in self._newest_first():
            if entry.run_id != run_id:
                continue
            if entry.seal is not None and entry.seal.bundle.sha256 == bundle.sha256:
                return entry
            if entry.seal is not None:
                raise LedgerError(f"run {run_id} is sealed already, with package {entry.seal.bundle.sha256}")
            opened = entry
            break
        if opened is None:
            raise RunNotFoundError(f"run {run_id} was never opened, so it cannot be sealed")
        known = opened

        def sealed(seq: int, prev: str | None) -> LedgerEntry:
            return LedgerEntry(
                seq=seq,
                prev_sha256=prev,
                kind="sealed",
                run_id=run_id,
                project=self.project,
                target=known.target,
                at=at,
                profile=known.profile,
                started_by=known.started_by,
                seal=seal,
            )

        return self._append(sealed)

    def entries(self) -> Iterator[LedgerEntry]:
        """All entries, oldest first."""
        seqs = range(1, self._find_tail() + 1)
        for start in range(0, len(seqs), 64):
            yield from self._read(seqs[start : start + 64])

    def check_chain(self) -> list[str]:
        """Read everything again and say what is wrong with it; an empty list when the chain holds."""
        problems: list[str] = []
        history: dict[str, list[str]] = {}
        expected, digest = 1, None
        names = self._stored_names(problems)
        for start in range(0, len(names), 64):
            batch = names[start : start + 64]
            for seq, content in zip(batch, self._fetch(batch), strict=True):
                if seq != expected:
                    missing = f"entry {expected}" if seq == expected + 1 else f"entries {expected} to {seq - 1}"
                    problems.append(f"{missing} missing before entry {seq}")
                    digest = None
                entry = self._entry_of(seq, content, problems)
                if entry is not None:
                    problems += self._broken_rules(entry, seq, digest, seq != expected, history)
                expected, digest = seq + 1, hashlib.sha256(content).hexdigest()
        return problems

    def runs(self) -> list[RunRecord]:
        """Every run, the one opened last first."""
        runs: dict[str, RunRecord] = {}
        for entry in self.entries():
            if entry.kind == "opened":
                runs.setdefault(
                    entry.run_id,
                    RunRecord(
                        run_id=entry.run_id,
                        target=entry.target,
                        profile=entry.profile,
                        started_by=entry.started_by,
                        opened_at=entry.at,
                    ),
                )
            elif entry.run_id in runs and runs[entry.run_id].sealed is None:
                runs[entry.run_id] = runs[entry.run_id].model_copy(update={"sealed": entry})
        return list(reversed(runs.values()))

    def last_sealed(self, target: str) -> LedgerEntry | None:
        """The newest seal of a target."""
        return next((entry for entry in self._newest_first() if entry.seal and entry.target == target), None)

    def compared_with(self, target: str, checks: Collection[str]) -> PreviousRun | None:
        """What a run that looks at these checks is compared with; None for the first run of a target."""
        entries = self._newest_first()
        newest = next((entry for entry in entries if entry.seal and entry.target == target), None)
        if newest is None:
            return None
        near = takewhile(lambda entry: newest.seq - entry.seq < FURTHEST_BACK, entries)
        return last_looks(newest, (entry for entry in near if entry.target == target), checks)

    def find(self, run_id: str) -> RunRecord:
        """The run with this id or unique beginning of an id; raises RunNotFoundError or AmbiguousRunError."""
        runs = self.runs()
        found = [run for run in runs if run.run_id == run_id] or [run for run in runs if run.run_id.startswith(run_id)]
        if not run_id or not found:
            newest = f"; the newest is {runs[0].run_id}" if runs else ", nor any other yet"
            raise RunNotFoundError(f"the ledger of {self.project} has no run '{run_id[:100]}'{newest}")
        if len(found) > 1:
            some = ", ".join(run.run_id for run in found[:5])
            raise AmbiguousRunError(f"'{run_id}' could mean {len(found)} runs ({some}{', …' * (len(found) > 5)})")
        return found[0]

    def _append(self, make: Callable[[int, str | None], LedgerEntry]) -> LedgerEntry:
        with self._lock:
            tail = max(self._digests, default=0)
        if tail == 0:
            tail = self._find_tail()
        for attempt in range(APPEND_ATTEMPTS):
            entry = make(tail + 1, self._digest_of(tail))
            content = entry.to_bytes()
            try:
                self.store.put_if_absent(self._key(entry.seq), content, "application/json")
            except AlreadyThere:
                there = self._fetch([entry.seq])[0]
                if there != content:
                    self._remember_digest(entry.seq, there)
                    tail = self._find_tail()
                    time.sleep(random.uniform(0, min(0.02 * (attempt + 1), 0.3)))  # noqa: S311 - spreads writers
                    continue
                # The answer to our own earlier try was lost, and the client tried again.
            self._keep(entry.seq, content)
            return entry
        raise LedgerError(
            f"the ledger of {self.project} is being written to by too many at once "
            f"({APPEND_ATTEMPTS} attempts); try again"
        )

    def _find_tail(self) -> int:
        """The number of the newest entry, 0 when there is none."""
        with self._lock:
            low = max(self._digests, default=0)
        page = self._after(low, PAGE)
        if len(page) < PAGE:
            return page[-1] if page else low
        # "Something lies after x" is true up to the end and false from there on, gaps or not: so it can be bisected.
        low, step = page[-1], PAGE
        while self._after(low + step, 1):
            low, step = low + step, step * 2
        high = low + step
        while high - low > PAGE:
            middle = (low + high) // 2
            if self._after(middle, 1):
                low = middle
            else:
                high = middle
        return max([low, *self._after(low, PAGE)])

    def _after(self, seq: int, most: int) -> list[int]:
        keys = self.store.list_keys(self.prefix, start_after=self._key(seq), most=most)
        names = [_ENTRY_NAME.fullmatch(key.removeprefix(self.prefix)) for key in keys]
        return [int(name[1]) for name in names if name is not None]

    def _stored_names(self, problems: list[str]) -> list[int]:
        seqs = []
        for key in self.store.list_keys(self.prefix):
            name = _ENTRY_NAME.fullmatch(key.removeprefix(self.prefix))
            if name is None or int(name[1]) == 0:
                problems.append(f"{key!r} lies in the ledger and is no entry")
            else:
                seqs.append(int(name[1]))
        return seqs

    def _newest_first(self) -> Iterator[LedgerEntry]:
        last, batch = self._find_tail(), 4
        while last > 0:
            first = max(1, last - batch + 1)
            yield from reversed(self._read(range(first, last + 1)))
            last, batch = first - 1, min(batch * 2, 64)

    def _read(self, seqs: Sequence[int]) -> list[LedgerEntry]:
        with self._lock:
            known = {seq: self._known[seq] for seq in seqs if seq in self._known}
        unknown = [seq for seq in seqs if seq not in known]
        for seq, content in zip(unknown, self._fetch(unknown), strict=True):
            known[seq] = self._keep(seq, content)
        return [known[seq] for seq in seqs]

    def _fetch(self, seqs: Sequence[int]) -> list[bytes]:
        def get(seq: int) -> bytes:
            try:
                return self.store.get(self._key(seq), max_bytes=MOST_ENTRY_BYTES)
            except ObjectMissingError as error:
                raise LedgerError(
                    f"entry {seq} is missing from the ledger of {self.project}: it was tampered with; "
                    "see what remains with a check of the chain"
                ) from error

        if len(seqs) < 2:
            return [get(seq) for seq in seqs]
        with ThreadPoolExecutor(min(READERS, len(seqs)), "ledger") as threads:
            return list(threads.map(get, seqs))

    def _keep(self, seq: int, content: bytes) -> LedgerEntry:
        problems: list[str] = []
        entry = self._entry_of(seq, content, problems)
        if entry is None:
            raise LedgerError(f"the ledger of {self.project} cannot be read: {problems[0]}")
        self._remember_digest(seq, content)
        with self._lock:
            self._known[seq] = entry
        return entry

    def _digest_of(self, seq: int) -> str | None:
        if seq == 0:
            return None
        with self._lock:
            known = self._digests.get(seq)
        return known or self._remember_digest(seq, self._fetch([seq])[0])

    def _remember_digest(self, seq: int, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        with self._lock:
            self._digests[seq] = digest
        return digest

    def _entry_of(self, seq: int, content: bytes, problems: list[str]) -> LedgerEntry | None:
        try:
            entry = LedgerEntry.model_validate_json(content)
        except ValidationError:
            problems.append(f"entry {seq} is not a readable ledger entry")
            return None
        if entry.schema_version > LEDGER_SCHEMA_VERSION:
            problems.append(
                f"entry {seq} has schema {entry.schema_version}; this version knows {LEDGER_SCHEMA_VERSION}"
            )
            return None
        return entry

    def _broken_rules(
        self, entry: LedgerEntry, seq: int, digest: str | None, after_gap: bool, history: dict[str, list[str]]
    ) -> Iterator[str]:
        if entry.seq != seq:
            yield f"entry {seq} says it is entry {entry.seq}"
        if entry.project != self.project:
            yield f"entry {seq} belongs to project {entry.project!r}"
        if entry.prev_sha256 != digest and not after_gap:
            yield f"entry {seq} names another digest than that of entry {seq - 1}: one of them was altered"
        before = history.setdefault(entry.run_id, [])
        if entry.kind in before:
            yield f"entry {seq}: run {entry.run_id!r} was {entry.kind} before"
        elif entry.kind == "sealed" and "opened" not in before:
            yield f"entry {seq}: run {entry.run_id!r} was sealed without having been opened"
        before.append(entry.kind)

    def _key(self, seq: int) -> str:
        return f"{self.prefix}{seq:012d}.json"


def _plain(word: str) -> str:
    if not _NAME.fullmatch(word):
        raise LedgerError(f"{word[:100]!r} cannot be part of a key: lower-case letters, digits, '.', '_' and '-' only")
    return word
