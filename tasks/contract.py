"""The two seams everything plugs into: a Source gathers evidence, a Check judges it.

A source touches the world through `tasks.doors`, writes what it saw into the workspace and decides nothing.
A check is pure: evidence and plan in, findings out; no clock, no network, no files but the evidence it is handed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from evidence_store.model import CheckSpec, Evidence, Finding, Release
from evidence_store.workspace import EvidenceFiles, Workspace
from tasks.plan import CheckOptions, Plan, Profile

Subject = str
"""What a finding speaks of: `dashboard@phone`, `service:billing`, `journey:approvals.approve`.

A `/` opens a facet: evidence on `dashboard@phone` speaks for `dashboard@phone/lcp` too.
"""


class GatherError(Exception):
    """A source could not look, for a reason a person can act on; the subjects it stood for end in `error`."""


@dataclass(frozen=True)
class Shard:
    """An independent piece of a source's work. `members` are what this piece looks at."""

    id: str
    members: tuple[str, ...]


class Turn(StrEnum):
    """When a source has its turn; the value is the name of the run's phase."""

    TOGETHER = "gather together"
    """It looks at staging as it is, beside others that do."""
    WALK = "walk journeys"
    """It changes staging, so whoever only looks has looked before."""
    ALONE = "gather alone"
    """Its measurements are wrong while anything else works on the machine."""


class Source(Protocol):
    """Code that touches the world and writes typed evidence."""

    @property
    def id(self) -> str:
        """Its name in tasks, folders and progress."""
        ...

    @property
    def provides(self) -> tuple[type[Evidence], ...]:
        """The kinds of evidence it writes."""
        ...

    @property
    def turn(self) -> Turn:
        """When it gathers."""
        ...

    def shards(self, plan: Plan) -> Sequence[Shard]:
        """Independent pieces of the work the plan asks for; none when it asks for nothing."""
        ...

    def gather(self, plan: Plan, shard: Shard, workspace: Workspace) -> None:
        """Look, and write evidence; raises GatherError when it cannot."""
        ...


@dataclass(frozen=True)
class JudgeContext:
    """All a judge may know besides evidence: the plan, its own table, and when and of which release the run is."""

    plan: Plan
    profile: Profile
    options: Any
    started_at: datetime
    release: Release
    files: EvidenceFiles


@dataclass(frozen=True)
class Check:
    """One question to the evidence. `judge(context, *evidence)` gets one sequence for each kind in `needs`."""

    spec: CheckSpec
    needs: tuple[type[Evidence], ...]
    expects: Callable[[Plan], Iterable[Subject]]
    judge: Callable[..., Iterator[Finding]]
    options: type[CheckOptions] = CheckOptions
    judges_problems: bool = field(default=False)
    """True when a look that failed is itself what this check judges; otherwise it ends in `error` unasked."""
