"""Register the flows with a Prefect server: work pool, one queue per target, and the deployments of prefect.yaml.

`deploy` may be repeated: it converges on what the template says and leaves alone what already is so.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

REPOSITORY = Path(__file__).resolve().parent.parent
TEMPLATE = Path(__file__).with_name("prefect.yaml")
TARGETS = Path(__file__).with_name("targets")

WORK_POOL_TYPE = "process"
RUNS_AT_A_TIME = 1
"""Per target: two runs against one staging environment would measure each other."""

Progress = Callable[[str], None]


class BootstrapError(RuntimeError):
    """The deployments could not be registered; the message says which key, target or server is to blame."""


# -- the template ---------------------------------------------------------------------------------------------------


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Schedule(_Strict):
    """When a deployment runs by itself."""

    slug: str
    cron: str
    timezone: str
    active: bool = True

    @field_validator("timezone")
    @classmethod
    def _exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, OSError) as problem:
            raise ValueError(f"{name!r} is not a time zone") from problem
        return name


class WorkPool(_Strict):
    """Where the runs of a deployment wait for a worker."""

    name: str
    work_queue_name: str
    job_variables: dict[str, Any] = Field(default_factory=dict)


class Deployment(_Strict):
    """One flow, made startable for one target."""

    name: str
    description: str
    entrypoint: str = Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")
    """Module path of the flow function; file paths are refused (they put their folder first on the import path)."""
    tags: tuple[str, ...] = ()
    parameters: dict[str, Any] = Field(default_factory=dict)
    enforce_parameter_schema: bool = True
    schedules: tuple[Schedule, ...] = ()
    work_pool: WorkPool


class _Directory(_Strict):
    directory: str


class _SetWorkingDirectory(_Strict):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    set_working_directory: _Directory = Field(alias="prefect.deployments.steps.set_working_directory")


class Template(_Strict):
    """The part of Prefect's deployment file format that is used here, and nothing beyond it."""

    name: Literal["stageproof"]
    pull: tuple[_SetWorkingDirectory, ...]
    deployments: tuple[Deployment, ...] = Field(min_length=1)


def read_template(path: Path, *, target: str, repository: Path = REPOSITORY) -> Template:
    """The template for one target; BootstrapError for an unknown key (with the nearest known one) or a wrong value."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as problem:
        raise BootstrapError(f"{path}: {problem}") from problem
    values = {"target": target, "repository": str(repository)}
    try:
        return Template.model_validate(_filled(raw, values, path))
    except ValidationError as problem:
        raise BootstrapError("\n".join(_explained(path, problem))) from problem


_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


def _filled(value: Any, values: dict[str, str], path: Path) -> Any:
    """Placeholders replaced in the parsed document, not in its text: a path with a quote in it stays a path."""
    if isinstance(value, dict):
        return {key: _filled(item, values, path) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values, path) for item in value]
    if not isinstance(value, str):
        return value

    def fill(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise BootstrapError(f"{path}: {match[0]} is not known; only {', '.join(sorted(values))} can be filled in")
        return values[match[1]]

    return _PLACEHOLDER.sub(fill, value)


def _explained(path: Path, problem: ValidationError) -> list[str]:
    lines = []
    for error in problem.errors():
        where = ".".join(str(part) for part in error["loc"])
        if error["type"] == "extra_forbidden":
            unknown = str(error["loc"][-1])
            near = difflib.get_close_matches(unknown, _known_keys(), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            lines.append(f"{path}: {where}: this key is not known{hint}")
        else:
            lines.append(f"{path}: {where}: {error['msg']}")
    return lines


def _known_keys() -> list[str]:
    models: tuple[type[BaseModel], ...] = (Template, Deployment, WorkPool, Schedule)
    keys = [field.alias or name for model in models for name, field in model.model_fields.items()]
    return [*keys, "prefect.deployments.steps.set_working_directory", "directory"]


# -- registering ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Deployed:
    """What `deploy` did about one deployment."""

    name: str
    """As Prefect shows it and `prefect deployment run` takes it: flow/deployment."""
    queue: str
    scheduled: bool
    change: Literal["created", "updated", "unchanged"]


def known_targets(folder: Path = TARGETS) -> list[str]:
    """The names of all targets that have a plan file."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def deploy(
    targets: Sequence[str],
    *,
    schedule: bool = True,
    api_url: str | None = None,
    template: Path = TEMPLATE,
    repository: Path = REPOSITORY,
    progress: Progress = lambda _line: None,
) -> list[Deployed]:
    """Register work pool, queues (one run at a time per target) and deployments for the targets.

    `schedule=False` registers the nightly schedule switched off. `repository` is the folder on the worker's machine.
    `api_url` defaults to Prefect's own setting. Everything is checked before anything is registered: BootstrapError for
    an unusable target name, an unknown key, a flow that cannot be imported or has no such parameter, and no server.
    """
    plans = [
        _checked(target, read_template(template, target=_name(target), repository=repository)) for target in targets
    ]

    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    address = api_url or os.environ.get("PREFECT_API_URL") or PREFECT_API_URL.value()
    if not address:
        # Prefect would start a server of its own, register everything there, and throw it away.
        raise BootstrapError("no Prefect server is configured: run `stageproof up`, or set PREFECT_API_URL")
    done: list[Deployed] = []
    with temporary_settings({PREFECT_API_URL: address}), get_client(sync_client=True) as client:
        unreachable = client.api_healthcheck()
        if unreachable is not None:
            raise BootstrapError(f"no Prefect server answers at {address}: {unreachable}")
        for content, flows in plans:
            for deployment, flow in zip(content.deployments, flows, strict=True):
                _ensure_pool(client, deployment.work_pool.name)
                _ensure_queue(client, deployment.work_pool)
                result = _ensure_deployment(client, content, deployment, flow, schedule=schedule)
                progress(f"{result.change}: {result.name} (queue {result.queue}, scheduled: {result.scheduled})")
                done.append(result)
    return done


def _name(target: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", target):
        raise BootstrapError(f"{target!r} cannot name a target: lower-case letters, digits and single '-' between them")
    return target


def _checked(target: str, template: Template) -> tuple[Template, list[Flow[..., Any]]]:
    """The template with its flows, imported; every parameter it sets is one that the flow has."""
    from prefect.flows import load_flow_from_entrypoint

    flows = []
    for deployment in template.deployments:
        try:
            flow: Flow[..., Any] = load_flow_from_entrypoint(deployment.entrypoint, use_placeholder_flow=False)
        except Exception as problem:
            # Whatever a module can do wrong while it is imported.
            raise BootstrapError(f"{target}: {deployment.entrypoint} cannot be imported: {problem!r}") from problem
        known = set(_parameter_schema(flow)["properties"])
        unknown = sorted(set(deployment.parameters) - known)
        if unknown:
            listed = ", ".join(sorted(known))
            raise BootstrapError(
                f"{target}: {deployment.entrypoint} has no parameter {', '.join(unknown)}; it has {listed}"
            )
        flows.append(flow)
    return template, flows


def _parameter_schema(flow: Flow[..., Any]) -> dict[str, Any]:
    from prefect.utilities.callables import parameter_schema

    return parameter_schema(flow).model_dump_for_openapi()


def _ensure_pool(client: SyncPrefectClient, name: str) -> None:
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
    from prefect.workers.process import ProcessWorker

    try:
        pool = client.read_work_pool(name)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        try:
            client.create_work_pool(WorkPoolCreate(name=name, type=WORK_POOL_TYPE, base_job_template=template))
        except ObjectAlreadyExists:
            # A worker that starts at this moment creates it as well.
            pool = client.read_work_pool(name)
        else:
            return
    if pool.type != WORK_POOL_TYPE:
        raise BootstrapError(
            f"work pool {name} exists with type {pool.type!r}; these deployments need {WORK_POOL_TYPE!r}"
        )


def _ensure_queue(client: SyncPrefectClient, pool: WorkPool) -> None:
    from prefect.exceptions import ObjectNotFound

    try:
        queue = client.read_work_queue_by_name(pool.work_queue_name, work_pool_name=pool.name)
    except ObjectNotFound:
        client.create_work_queue(
            pool.work_queue_name,
            work_pool_name=pool.name,
            concurrency_limit=RUNS_AT_A_TIME,
            description="One validation of this target at a time; the others wait here.",
        )
    else:
        if queue.concurrency_limit != RUNS_AT_A_TIME:
            client.update_work_queue(queue.id, concurrency_limit=RUNS_AT_A_TIME)


class _Wanted(TypedDict):
    """What is registered of a deployment besides its schedules."""

    name: str
    description: str
    entrypoint: str
    tags: list[str]
    parameters: dict[str, Any]
    enforce_parameter_schema: bool
    work_pool_name: str
    work_queue_name: str
    job_variables: dict[str, Any]
    pull_steps: list[dict[str, Any]]
    parameter_openapi_schema: dict[str, Any]


def _ensure_deployment(
    client: SyncPrefectClient, template: Template, deployment: Deployment, flow: Flow[..., Any], *, schedule: bool
) -> Deployed:
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule
    from prefect.exceptions import ObjectNotFound

    wanted = _Wanted(
        name=deployment.name,
        description=deployment.description,
        entrypoint=deployment.entrypoint,
        tags=list(deployment.tags),
        parameters=deployment.parameters,
        enforce_parameter_schema=deployment.enforce_parameter_schema,
        work_pool_name=deployment.work_pool.name,
        work_queue_name=deployment.work_pool.work_queue_name,
        job_variables=deployment.work_pool.job_variables,
        pull_steps=[step.model_dump(by_alias=True) for step in template.pull],
        parameter_openapi_schema=_parameter_schema(flow),
    )
    schedules = [plan.model_copy(update={"active": plan.active and schedule}) for plan in deployment.schedules]
    full_name = f"{flow.name}/{deployment.name}"
    existing: DeploymentResponse | None
    try:
        existing = client.read_deployment_by_name(full_name)
    except ObjectNotFound:
        existing = None
    scheduled = any(plan.active for plan in schedules)
    queue = deployment.work_pool.work_queue_name
    if existing is not None and _is_as_wanted(existing, wanted, schedules):
        # Registering again would delete the schedule and its planned runs, also one that is due this minute.
        return Deployed(full_name, queue, scheduled, "unchanged")
    client.create_deployment(
        flow_id=client.create_flow_from_name(flow.name),
        schedules=[
            DeploymentScheduleCreate(
                schedule=CronSchedule(cron=plan.cron, timezone=plan.timezone), active=plan.active, slug=plan.slug
            )
            for plan in schedules
        ],
        **wanted,
    )
    return Deployed(full_name, queue, scheduled, "created" if existing is None else "updated")


def _is_as_wanted(existing: DeploymentResponse, wanted: _Wanted, schedules: Sequence[Schedule]) -> bool:
    if any(getattr(existing, key) != value for key, value in wanted.items()):
        return False
    registered = [
        (plan.slug, getattr(plan.schedule, "cron", None), getattr(plan.schedule, "timezone", None), plan.active)
        for plan in existing.schedules
    ]
    return sorted(map(repr, registered)) == sorted(
        repr((plan.slug, plan.cron, plan.timezone, plan.active)) for plan in schedules
    )
