"""Our sweep as a command of its own: gather and judge a plan's checks, without the flow around them.

`python -m tests.bench.ours PLAN --home FOLDER --result FILE [--approve]`; only the public seams are used (the sources
of the checks, their shards, `gather_shard`, `judge`), so whatever a sweep becomes is what is measured.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import json
import shutil
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from evidence_store.gate import decide
from evidence_store.model import CheckResult, Release, Rendering
from evidence_store.workspace import OpenedRun, Workspace
from tasks.baselines import FolderPictures, baselines_root
from tasks.gathering import gather_shard
from tasks.judging import judge
from tasks.plan import load_plan
from tasks.registry import check_named, expected_subjects, sources_for

WORKERS = 8
"""As many shards at a time as the flows allow."""


def main() -> int:
    """Gather, judge, write down the outcomes; exit code 1 when a shard could not look."""
    atexit.register(gc.freeze)  # as our command line does
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ours", description=__doc__)
    parser.add_argument("plan", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--approve", action="store_true", help="approve every picture for later runs")
    options = parser.parse_args()

    plan = load_plan(options.plan)
    profile = plan.profile("nightly")
    began = time.monotonic()
    now = datetime.now(UTC)
    run_id = f"bench-{time.time_ns()}"
    opened = OpenedRun(run_id=run_id, target=plan.target.name, profile="nightly", opened_at=now, process=1)
    workspace = Workspace.create(options.home, opened)
    with ThreadPoolExecutor(WORKERS) as pool:
        looks = [
            pool.submit(gather_shard, source, plan, shard, workspace)
            for source in sources_for(plan.checks, plan)
            for shard in source.shards(plan)
        ]
        problems = [problem for look in looks if (problem := look.result()) is not None]
    gathered = time.monotonic()
    release = Release(before="bench", after="bench")
    expected = expected_subjects(plan, profile)

    def keep(rendering: Rendering) -> None:
        workspace.write(rendering.path, rendering.content, rendering.media_type)

    results = [judge(check_named(check), plan, profile, now, release, workspace, keep) for check in expected]
    judged = time.monotonic()
    decision = decide(expected, results, (), release, now)
    outcomes: dict[str, dict[str, str]] = {check: {} for check in expected}
    reasons: dict[str, dict[str, str]] = {check: {} for check in expected}
    for subject in decision.subjects:
        outcomes[subject.check][subject.subject] = str(subject.outcome.value)
        reasons[subject.check][subject.subject] = subject.reason
    approved: list[str] = []
    if options.approve:
        from tasks.visual.approval import approve_candidates, candidates  # as our command line: when it is asked for

        folder = baselines_root() / plan.target.name
        store = FolderPictures(folder)
        chosen = candidates(workspace, folder, run_id=run_id, subjects=(), store=store)
        approved = approve_candidates(chosen, folder, approved_by="bench", reason="an unchanged site", store=store)
        problems += [f"{subject} was not approved: {why}" for subject, why in chosen.refused.items()]
    options.result.write_text(
        json.dumps(
            {
                "outcomes": outcomes,
                "reasons": reasons,
                "rules": _rules(results),
                "problems": problems,
                "approved": approved,
                "gather_seconds": round(gathered - began, 3),
                "judge_seconds": round(judged - gathered, 3),
            },
            indent=1,
        ),
        encoding="utf-8",
    )
    # The evidence of 500 pages is gigabytes, and nobody will look at it.
    shutil.rmtree(workspace.root)
    return 1 if problems else 0


def _rules(results: list[CheckResult]) -> dict[str, int]:
    """How often which rule of axe failed."""
    failed = (f for result in results for f in result.findings if result.spec.id == "axe" and f.outcome == "fail")
    return dict(Counter(finding.rule for finding in failed))


if __name__ == "__main__":
    sys.exit(main())
