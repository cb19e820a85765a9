"""validate_staging: plan, gather, judge, decide, bundle, seal, verify. The whole story of a run on one screen.

The verdict is the name of the flow run's state: Go, NoGo or Incomplete. An exception is a bug of ours.
"""

from __future__ import annotations

import getpass
import os
import platform
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.runtime import deployment, flow_run
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from evidence_store import package
from evidence_store.bundle import BuiltBundle, BundleError
from evidence_store.gate import decide
from evidence_store.ledger import Ledger
from evidence_store.model import (
    CheckResult,
    Manifest,
    PreviousRun,
    Release,
    Rendering,
    VerdictWord,
    Waiver,
    new_run_id,
)
from evidence_store.objects import ObjectStore, StoreError, StoreSettings
from evidence_store.report.markdown import findings_table, scorecard_markdown
from evidence_store.report.story import tell
from evidence_store.signing import PASSPHRASE_VARIABLE
from evidence_store.summary import RunSummary, check_summaries
from evidence_store.workspace import OpenedRun, Workspace, WorkspaceError
from flows.gathering_places import GatheringPlace, gathering_place
from flows.run_progress import announce
from flows.run_settings import home_folder, lasting_name, ready_plan, target_names
from tasks.accessibility.notes import answer_notes, known_notes
from tasks.baselines import baselines_root
from tasks.contract import Shard, Source, Turn
from tasks.doors.temporary_folder import temporary_folder
from tasks.exporting import Exports
from tasks.judging import judge, left_out
from tasks.plan import Plan, PlanError, Profile
from tasks.probes.gather import read_release
from tasks.registry import check_named, expected_subjects, sources_for
from tasks.waivers import read_waivers


@dataclass
class Run:
    """What the steps of one run hand to each other."""

    plan: Plan
    profile_name: str
    profile: Profile
    expected: dict[str, tuple[str, ...]]
    checks: list[str]
    """Checks that are looked at; `--only` and a wrong release narrow them, and never what is expected."""
    left_out_because: str
    """Why the other checks are not looked at."""
    waivers: tuple[Waiver, ...]
    store: ObjectStore
    ledger: Ledger
    workspace: Workspace
    opened: OpenedRun
    note: str
    started_by: str
    previous: PreviousRun | None
    """Read at the start: a store that goes down later must not cost what was seen."""
    finished: tuple[Manifest, BuiltBundle] | None = None
    """Of a resumed run whose package was finished: it was decided, and only the seal is missing."""
    phases: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase, and tell whoever shows progress."""
        announce(name, "")
        began = time.monotonic()
        try:
            yield
        finally:
            self.phases[name] = round(time.monotonic() - began, 3)


@flow(name="validate-staging", task_runner=ThreadPoolTaskRunner(max_workers=8), validate_parameters=True)  # type: ignore[arg-type]
def validate_staging(
    target: str,
    profile: str = "nightly",
    release: str | None = None,
    only: list[str] | None = None,
    note: str = "",
    started_by: str = "",
    resume: str | None = None,
) -> State[Any]:
    """May this release leave staging? One run, one verdict, one evidence package.

    Args:
        target: Name of a target in deployments/targets, or the path of a plan.
        profile: What this kind of run expects; a profile of the plan.
        release: The release that must be on staging; leave empty to accept the one that is there. When another one is
            there, nothing is looked at, and the run ends as Incomplete.
        only: Look at these checks only. The others are still expected, so such a run never ends in Go.
        note: What a reader of the evidence should know about this run.
        started_by: Who or what started the run.
        resume: Finish this run, which did not end, in place of starting one.
    """
    return run_validation(target, profile, release, only, note, started_by, resume)


def run_validation(
    target: str,
    profile: str,
    release: str | None = None,
    only: Sequence[str] | None = None,
    note: str = "",
    started_by: str = "",
    resume: str | None = None,
) -> State[Any]:
    """The story, for every entry flow; returns the state whose name is the verdict."""
    with ExitStack() as ending:
        try:
            ending.enter_context(temporary_folder())
            place = ending.enter_context(gathering_place())
            run = open_run(target, profile, release, only, note, started_by, resume)
        except (PlanError, StoreError, WorkspaceError) as error:
            return nothing_proven(error)
        ending.callback(run.workspace.release)
        if run.finished:
            return seal(run, *run.finished)
        before = run.opened.release
        gather(run, place)
        release_seen = release_after(run, before)
        results = judge_all(run, release_seen)
        with run.phase("decide"):
            decision = decide(run.expected, results, run.waivers, release_seen, run.opened.opened_at)
        manifest = write_exports(run, write_down(run, release_seen, results, decision))
        return bundle_and_seal(run, manifest)


def open_run(
    target: str,
    profile_name: str,
    release: str | None,
    only: Sequence[str] | None,
    note: str,
    started_by: str,
    resume: str | None,
) -> Run:
    """Plan: read what must be shown, and enter the run in the ledger before the first look."""
    began = time.monotonic()
    announce("plan", target)
    plan = ready_plan(target)
    refuse_another_queue(plan.target.name)
    profile = plan.profile(profile_name)
    expected = expected_subjects(plan, profile)
    for check in only or ():
        if check not in expected:
            raise PlanError(plan.target.name, [f"'{check}' is not among the checks of profile '{profile_name}'"])
    waivers = read_waivers(baselines_root() / plan.target.name)
    store = ObjectStore(StoreSettings.from_environment(os.environ))
    ledger = Ledger(store, plan.project)
    who = started_by or _who()

    finished = None
    if resume:
        workspace, opened = Workspace.reopen(home_folder(), resume)
        workspace.hold()
        refuse_another_run(workspace, opened, plan.target.name, profile_name, release)
        workspace.clear_remains()
        finished = package.finished(workspace)
        if finished is None:
            workspace.forget_failures()
    else:
        now = datetime.now(UTC)
        run_id = new_run_id(plan.target.name, now, secrets.token_bytes(16))
        opened = OpenedRun(
            run_id=run_id,
            target=plan.target.name,
            profile=profile_name,
            opened_at=now,
            process=os.getpid(),
            plan=lasting_name(target),
            only=tuple(only or ()),
            note=note,
            release=Release(requested=release, unknown_reason=plan.target.release.unknown),
        )
        ledger.open_run(run_id, target=plan.target.name, profile=profile_name, started_by=who, at=now)
        workspace = Workspace.create(home_folder(), opened)
        workspace.hold()
    announce("opened", opened.run_id, flow_run=str(flow_run.id))
    for name in plan.environment_names():
        workspace.redactor.learn(os.environ[name], f"env:{name}")
    # No page is given these; but whatever tells the environment of a run (a tool, a log) must not tell them.
    workspace.redactor.learn(os.environ.get(PASSPHRASE_VARIABLE, ""), f"credential:{PASSPHRASE_VARIABLE}")
    workspace.redactor.learn(store.settings.secret_key.get_secret_value(), "credential:STAGEPROOF_S3_SECRET_KEY")
    checks = [check for check in expected if check in plan.checks and (not only or check in only)]
    left_out_because = "left out of this run by --only"
    if finished is None:
        workspace.write("data/plan.json", plan.canonical_json(), "application/json")
    if not resume:
        probe = read_release(plan, "before", workspace)
        seen = {"before": probe.release, "problem": probe.problem} if probe else {}
        opened = opened.model_copy(update={"release": opened.release.model_copy(update=seen)})
        workspace.remember(opened)
    wrong_release = opened.release.not_the_one_asked_for()
    if wrong_release is not None:
        # Whatever a look would show, it could not count: only what was read already is judged.
        announce("wrong release", wrong_release)
        checks = [check for check in checks if not sources_for([check], plan)]
        left_out_because = f"nothing was looked at: {wrong_release}"
    run = Run(
        plan=plan,
        profile_name=profile_name,
        profile=profile,
        expected=expected,
        checks=checks,
        left_out_because=left_out_because,
        waivers=waivers,
        store=store,
        ledger=ledger,
        workspace=workspace,
        opened=opened,
        note=note,
        started_by=who,
        previous=ledger.compared_with(plan.target.name, checks),
        finished=finished,
    )
    run.phases["open"] = round(time.monotonic() - began, 3)
    get_run_logger().info(f"Run {run.opened.run_id}: {sum(map(len, expected.values()))} subjects are expected")
    return run


def refuse_another_queue(target: str) -> None:
    """Refuse a form filled in with another target than its deployment is for: it would run beside that one's queue."""
    queue_of = deployment.name
    if queue_of and queue_of != target and queue_of in target_names():
        raise PlanError(
            target,
            [f"the deployment '{queue_of}' runs in that target's queue; start the deployment '{target}' in its place"],
        )


def refuse_another_run(workspace: Workspace, opened: OpenedRun, target: str, profile: str, release: str | None) -> None:
    """A run is finished as what it was opened for: finished as less, it would pass by not having looked."""
    problems = []
    if (opened.target, opened.profile) != (target, profile):
        problems.append(f"it was opened for {opened.target}, profile {opened.profile}, and not for {target}, {profile}")
    if release is not None and release != opened.release.requested:
        problems.append(f"it was opened for release {opened.release.requested or '(any)'}, and not for {release}")
    if workspace.is_sealed():
        problems.append("it was sealed; a sealed run is never made again")
    if problems:
        workspace.release()
        raise WorkspaceError(f"run {opened.run_id} cannot be resumed so: {'; '.join(problems)}")


def gather(run: Run, place: GatheringPlace) -> None:
    """Gather: who only looks at staging at once, then who changes it, then who must be alone on the machine."""
    run.workspace.on_look = lambda source, subject: announce("looked", source, subjects=(subject,))
    for turn in Turn:
        take_turn(run, place, turn)
    with run.phase("redact"):
        run.workspace.sweep_secrets()


def take_turn(run: Run, place: GatheringPlace, turn: Turn) -> None:
    """Every shard of the sources whose turn it is, as many at once as there are threads."""
    sources = [source for source in sources_for(run.checks, run.plan) if source.turn is turn]
    work = [(source, shard) for source in sources for shard in source.shards(run.plan)]
    if not work:
        return
    for source in sources:
        members = {member for shard in source.shards(run.plan) for member in shard.members}
        announce("source", source.id, total=len(members))
    with run.phase(turn.value):
        steps = [as_task(f"{source.id} {shard.id}", partial(look, run, place, source, shard)) for source, shard in work]
        for step in steps:
            step.wait()


def look(run: Run, place: GatheringPlace, source: Source, shard: Shard) -> State[Any]:
    """One shard of a source; a shard that could not look is a failed task, and its evidence says why."""
    problem = place.gather(source, run.plan, shard, run.workspace)
    announce("looked", source.id, subjects=shard.members, problem=problem)
    if problem is not None:
        return Failed(name="CouldNotLook", message=problem)
    return Completed(message=f"{len(shard.members)} subjects")


def release_after(run: Run, before: Release) -> Release:
    """Ask staging for its release once more: if it changed, nobody can say what was tested."""
    with run.phase("release after"):
        probe = read_release(run.plan, "after", run.workspace)
    if probe is None:
        return before
    return before.model_copy(update={"after": probe.release, "problem": before.problem or probe.problem})


def judge_all(run: Run, release: Release) -> list[CheckResult]:
    """Judge: every check that was looked at, on the evidence alone."""
    results: list[CheckResult] = []

    def conclude(check: str) -> State[Any]:
        def keep(rendering: Rendering) -> None:
            run.workspace.write(rendering.path, rendering.content, rendering.media_type)

        opened = run.opened.opened_at
        result = judge(check_named(check), run.plan, run.profile, opened, release, run.workspace, keep)
        results.append(result)
        outcomes = {finding.word for finding in result.findings} | ({"error"} if result.problem else set())
        worst = next((word for word in ("error", "fail", "not_run", "review", "warn") if word in outcomes), "pass")
        message = result.problem or f"{len(result.findings)} findings"
        state = Completed if worst in {"pass", "warn", "review"} else Failed
        return state(name=worst.title().replace("_", ""), message=message)

    with run.phase("judge"):
        for step in [as_task(check, partial(conclude, check)) for check in run.checks]:
            step.wait()
    judged = {result.check for result in results}
    for check in (check_named(name) for name in run.expected if name not in judged):
        if check.spec.id in run.plan.checks:
            results.append(left_out(check, run.expected[check.spec.id], run.left_out_because))
        else:
            # Required and not planned: an empty result, so that its title and its remedy are told with it.
            results.append(CheckResult(spec=check.spec))
    return sorted(results, key=lambda result: result.check)


def write_down(run: Run, release: Release, results: Sequence[CheckResult], decision: Any) -> Manifest:
    """The manifest: everything anyone needs to decide again."""
    plan_digest = run.workspace.digest("data/plan.json")
    return Manifest(
        run_id=run.opened.run_id,
        project=run.plan.project,
        target=run.plan.target.name,
        base_url=run.plan.target.base_url,
        profile=run.profile_name,
        started_by=run.started_by,
        note=run.workspace.redactor.redact_text(run.note),
        release=release,
        started_at=run.opened.opened_at,
        finished_at=datetime.now(UTC),
        plan_sha256=plan_digest,
        expected=run.expected,
        results=tuple(results),
        waivers=run.waivers,
        decision=decision,
        toolchain=toolchain(),
        phases=run.phases,
        redaction=run.workspace.redactor.report(),
        previous=run.previous,
        known=known_notes(run.expected, results, run.opened.opened_at, run.workspace),
        answers=answer_notes(run.expected, results, run.plan.target.name, run.workspace),
    )


def write_exports(run: Run, manifest: Manifest) -> Manifest:
    """The same results in other tools' formats, into the evidence; an export that failed is told, and loses nothing.

    Returns the manifest with what they counted.
    """
    with run.phase("export"):
        exports = Exports(manifest, run.workspace)
        for export in exports.files():
            run.workspace.write(export.path, export.content, export.media_type)
            if export.problem is not None:
                get_run_logger().error(f"{export.path}: {export.problem}")
        return manifest.model_copy(update={"criteria": exports.criteria()})


def bundle_and_seal(run: Run, manifest: Manifest) -> State[Any]:
    """Bundle: the evidence, the findings and the report become one file."""
    try:
        with run.phase("bundle"):
            bundle = package.pack(run.workspace, manifest)
    except BundleError as error:
        return nothing_proven(error)
    return seal(run, manifest, bundle)


def seal(run: Run, manifest: Manifest, bundle: BuiltBundle) -> State[Any]:
    """Seal, verify; a package that could not be sealed never stands for a Go."""
    verdict = manifest.decision.verdict
    problem = None
    sealed = None
    try:
        with run.phase("seal and verify"):
            sealed = package.publish(run.store, run.ledger, manifest, bundle)
    except (StoreError, package.SealError) as error:
        problem = (
            f"the evidence package was not sealed: {error} It is kept at {bundle.path}; finish the run with"
            f" `{run.opened.how_to_resume}`"
        )
        verdict = VerdictWord.INCOMPLETE
    story = tell(manifest)
    summary = RunSummary(
        run_id=manifest.run_id,
        verdict=verdict,
        exit_code=verdict.exit_code,
        sentence=problem or story.sentence,
        release=manifest.release,
        bundle=sealed.stored.key if sealed else None,
        sha256=bundle.sha256 if sealed else None,
        workspace=str(run.workspace.root),
        problem=problem,
        phases=run.phases,
        results=check_summaries(manifest),
    )
    run.workspace.remember_summary(summary.model_dump_json(indent=1))
    if sealed:
        announce("sealed", manifest.run_id, verdict=verdict.value)
    show_in_prefect(manifest, summary)
    announce("done", manifest.run_id)
    return verdict_state(summary)


def show_in_prefect(manifest: Manifest, summary: RunSummary) -> None:
    """The scorecard and the findings on the run's Artifacts tab."""
    links = {
        "Report": f"{summary.workspace}/bag/index.html",
        "Package": summary.bundle or "not sealed",
        "Fetch it": f"stageproof fetch {manifest.run_id}",
        "Check it": f"stageproof verify {manifest.run_id}",
    }
    create_markdown_artifact(
        scorecard_markdown(tell(manifest), links), key="scorecard", description=summary.sentence[:200]
    )
    create_table_artifact(findings_table(manifest), key="findings", description="Everything seen, worst first")


def verdict_state(summary: RunSummary) -> State[Any]:
    """The verdict as the state's name, which automations hang on."""
    data = summary.model_dump(mode="json")
    name = summary.verdict.state_name
    if summary.verdict is VerdictWord.GO:
        return Completed(name=name, message=summary.sentence, data=data)
    return Failed(name=name, message=summary.sentence, data=data)


def nothing_proven(error: Exception) -> State[Any]:
    """A run that could not be opened, or whose evidence cannot be packed, proves nothing: it is incomplete."""
    name = "PlanError" if isinstance(error, PlanError) else VerdictWord.INCOMPLETE.state_name
    return Failed(name=name, message=str(error), data={"problem": str(error), "name": name})


def as_task(name: str, work: Callable[[], State[Any]]) -> PrefectFuture[Any]:
    """Run one step as a Prefect task with a name a person knows; nothing of it is cached or persisted."""

    @task(name=name, task_run_name=name, cache_policy=NO_CACHE, persist_result=False)
    def step() -> State[Any]:
        return work()

    future: PrefectFuture[Any] = step.submit()
    return future


def toolchain() -> dict[str, str]:
    """Versions a result depends on."""
    packages = ("stageproof", "prefect", "playwright", "pytest", "axe-playwright-python", "pydantic")
    return {name: version(name) for name in packages} | {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "axe-core": "4.14.1",
    }


def _who() -> str:
    """Who started the run: the deployment, as Prefect names it, or the user of this machine."""
    name = deployment.name
    return f"deployment {name}" if name else f"{getpass.getuser()} on the command line"
