"""Where shards are gathered: threads of the run (default), processes of this machine, or a Dask cluster.

`STAGEPROOF_GATHER` chooses: `threads`, `processes`, or `dask://HOST:PORT` (a Dask scheduler whose workers have
stageproof, the environment variables of the plan and the run's folder, as on a shared disk). The result is the same.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager

from evidence_store.workspace import Workspace
from tasks.contract import Shard, Source
from tasks.gathering import errand_for, gather_shard, record_failure, run_errand
from tasks.plan import Plan, PlanError

VARIABLE = "STAGEPROOF_GATHER"
CONNECT_SECONDS = 5
THREADS, PROCESSES, DASK = "threads", "processes", "dask://"


class GatheringPlace:
    """Gathers shards; safe to ask from several threads at once."""

    def __init__(self, executor: Executor | None) -> None:
        self._executor = executor

    def gather(self, source: Source, plan: Plan, shard: Shard, workspace: Workspace) -> str | None:
        """Gather one shard wherever it is done; returns why it could not look, or None."""
        if self._executor is None or workspace.has_evidence(source.id, shard.id):
            return gather_shard(source, plan, shard, workspace)
        try:
            done = self._executor.submit(run_errand, errand_for(source, plan, shard, workspace)).result()
        except Exception as error:  # noqa: BLE001  - whatever ended it elsewhere costs this shard, and nothing else
            message = f"the process that was to look ended before it had: {type(error).__name__} {error}"
            record_failure(source.id, shard, message, workspace)
            return message
        for secret, name in done.secrets:
            workspace.redactor.learn(secret, name)
        workspace.redactor.removed(done.redactions)
        return done.problem


@contextmanager
def gathering_place(environment: Mapping[str, str] = os.environ) -> Iterator[GatheringPlace]:
    """The place that STAGEPROOF_GATHER names, for the time of a run; raises PlanError when it cannot be had."""
    named = environment.get(VARIABLE) or THREADS
    if named == THREADS:
        yield GatheringPlace(None)
    elif named == PROCESSES:
        # Spawned, because a fork of a process with browser and server threads can deadlock.
        with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=multiprocessing.get_context("spawn")) as pool:
            yield GatheringPlace(pool)
    elif named.startswith(DASK):
        with _dask(named.removeprefix(DASK)) as executor:
            yield GatheringPlace(executor)
    else:
        raise PlanError(VARIABLE, [f"'{named}' is none of {THREADS}, {PROCESSES} and {DASK}HOST:PORT"])


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError as error:
        raise PlanError(VARIABLE, ["a Dask cluster needs the package 'distributed'; install it"]) from error
    try:
        client = Client(f"tcp://{address}", timeout=CONNECT_SECONDS)
    except OSError as error:
        raise PlanError(VARIABLE, [f"no Dask scheduler answers at {address}: {error}"]) from error
    with client, client.get_executor(pure=False) as executor:
        yield executor
