"""Asks staging for its release and its services for their health; decides nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

from evidence_store.workspace import Workspace
from tasks.contract import Shard, Turn
from tasks.doors.http import HttpAnswer, HttpRequest, fetch, fetch_all
from tasks.plan import Plan
from tasks.probes.models import HttpProbe, ReleaseProbe, ServiceProbe
from tasks.reading import at_pointer, parse_json

Probe = TypeVar("Probe", bound=HttpProbe)
MAX_RELEASE_LENGTH = 200


def probe_evidence(kind: type[Probe], subject: str, answer: HttpAnswer, path: str, workspace: Workspace) -> Probe:
    """An answer as evidence: credentials removed from headers, the body stored beside it."""
    headers = workspace.redactor.headers(answer.headers)
    body = None
    if answer.body:
        body = workspace.write(path, answer.body, answer.header("content-type").split(";")[0] or "text/plain")
    return kind(
        subject=subject,
        gathered_at=datetime.now(UTC),
        method=answer.request.method,
        url=answer.request.url,
        status=answer.status,
        headers=tuple(headers),
        body=body,
        seconds=answer.seconds,
        redirects=answer.redirects,
        problem=answer.problem[1] if answer.problem else None,
        problem_code=answer.problem[0] if answer.problem else None,
    )


def read_release(plan: Plan, moment: str, workspace: Workspace) -> ReleaseProbe | None:
    """Ask staging for its release; `moment` is `before` or `after`. None when the plan says it is unknowable."""
    source = plan.target.release
    if source.url is None:
        return None
    answer = fetch(HttpRequest(plan.url(source.url)), plan.target.allowed_hosts)
    probe = probe_evidence(ReleaseProbe, "release", answer, f"data/release/{moment}.body", workspace)
    release, problem = _release_in(answer, source.pointer, source.pattern)
    probe = probe.model_copy(update={"release": release, "problem": problem})
    workspace.write_evidence("release", moment, [probe])
    return probe


def _release_in(answer: HttpAnswer, pointer: str | None, pattern: str | None) -> tuple[str | None, str | None]:
    if answer.problem:
        return None, answer.problem[1]
    if answer.status != 200:
        return None, f"{answer.request.url} answered {answer.status} in place of 200"
    if pointer is not None:
        content, problem = parse_json(answer.body, answer.header("content-type"))
        value, absent = at_pointer(content, pointer) if problem is None else (None, problem)
        if absent is not None:
            return None, f"{answer.request.url}: {absent}"
    else:
        match = re.search(pattern or "", answer.body.decode("utf-8", "replace"))
        value = match.group(1) if match else None
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_RELEASE_LENGTH:
        return None, f"{answer.request.url} holds no release where the plan says it is"
    return value.strip(), None


class ServiceProbes:
    """Source: one request to every service of the plan, no redirect followed."""

    id = "probes"
    provides = (ServiceProbe,)
    turn = Turn.TOGETHER

    def shards(self, plan: Plan) -> Sequence[Shard]:
        """All services are one piece of work: they are asked at the same time."""
        members = tuple(f"service:{service.name}" for service in plan.services)
        return [Shard("services", members)] if members else []

    def gather(self, plan: Plan, shard: Shard, workspace: Workspace) -> None:
        """Ask every service and keep its whole answer."""
        requests = [HttpRequest(plan.url(service.url)) for service in plan.services]
        answers = fetch_all(requests, plan.target.allowed_hosts)
        evidence = [
            probe_evidence(
                ServiceProbe, f"service:{service.name}", answer, f"data/probes/{service.name}.body", workspace
            )
            for service, answer in zip(plan.services, answers, strict=True)
        ]
        workspace.write_evidence(self.id, shard.id, evidence)
