"""A run of the coverage checks on evidence that lies in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from evidence_store.model import Artifact, CheckResult, Finding, Release
from evidence_store.workspace import BrokenEvidenceError
from tasks.coverage.gather import KINDS
from tasks.coverage.models import ReportAnswer
from tasks.judging import judge
from tasks.plan import Plan, parse_stored_plan
from tasks.registry import check_named

STARTED = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
RELEASE = "4f2c9e1"
URL = "http://127.0.0.1:8600/artifacts/web.json"
HEADERS = {"X-Release": RELEASE, "X-Generated-At": "2026-03-02T11:00:00Z"}


class FilesInMemory:
    """The files of a run, as a dictionary."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = dict(files)

    def names(self) -> list[str]:
        return sorted(self._files)

    def read(self, path: str) -> bytes:
        if path not in self._files:
            raise BrokenEvidenceError(f"{path} is not there")
        return self._files[path]


def plan_with(base_url: str = "http://127.0.0.1:8600", /, **checks: Any) -> Plan:
    """A plan with one page and these tables; an underscore stands for the dash of a check's id."""
    content = {
        "schema": 1,
        "target": {
            "name": "demo",
            "base_url": base_url,
            "allowed_hosts": ["127.0.0.1"],
            "release": {"url": "/version.json", "pointer": "/commit"},
        },
        "viewports": {"desktop": {"width": 1280, "height": 800}},
        "pages": [{"name": "home", "path": "/"}],
        "checks": {check.replace("_", "-"): table for check, table in checks.items()},
    }
    return parse_stored_plan(json.dumps(content).encode(), "a test's plan")


def answer(
    files: dict[str, bytes], path: str, body: bytes, status: int | None, headers: Mapping[str, str], url: str
) -> ReportAnswer:
    artifact = None
    if body:
        files[path] = body
        digest = hashlib.sha256(body).hexdigest()
        artifact = Artifact(path=path, media_type="application/json", sha256=digest, size=len(body))
    return ReportAnswer(url=url, status=status, headers=tuple(headers.items()), body=artifact)


def judged(
    body: bytes,
    *,
    check: str = "unit-coverage",
    status: int | None = 200,
    headers: Mapping[str, str] = HEADERS,
    metadata: bytes | None = None,
    metadata_status: int = 200,
    problem: str | None = None,
    release: Release | None = None,
    copies: int = 1,
    table: Mapping[str, Any] | None = None,
    report: Mapping[str, Any] | None = None,
) -> CheckResult:
    """The result of one check on one service's report, judged as a run would."""
    files: dict[str, bytes] = {}
    named = {"service": "web", "url": URL} | dict(report or {})
    if metadata is not None:
        named["metadata_url"] = "/metadata.json"
    evidence = KINDS[check](
        subject="service:web",
        gathered_at=STARTED,
        problem=problem,
        check=check,
        service="web",
        report=answer(files, "data/coverage/web.report", body, status, headers, URL),
        metadata=None
        if metadata is None
        else answer(
            files, "data/coverage/web.metadata", metadata, metadata_status, {}, "http://127.0.0.1/metadata.json"
        ),
    )
    content = {evidence.kind: [evidence.model_dump(mode="json")] * copies}
    files["data/coverage/unit-coverage.evidence.json"] = json.dumps(content).encode()
    checks: dict[str, Any] = {check.replace("-", "_"): {"reports": [named]} | dict(table or {})}
    plan = plan_with(**checks)
    seen = release or Release(before=RELEASE, after=RELEASE)
    return judge(check_named(check), plan, plan.profile("nightly"), STARTED, seen, FilesInMemory(files))


def only(findings: Sequence[Finding]) -> Finding:
    (finding,) = findings
    return finding
