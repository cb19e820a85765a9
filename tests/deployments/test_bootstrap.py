"""The deployments: a template that refuses what Prefect would silently drop, and what a real server makes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from deployments import bootstrap, local_stack
from deployments.bootstrap import TEMPLATE, BootstrapError, deploy, known_targets, read_template
from deployments.local_stack import REPOSITORY, Stack

ENTRYPOINTS = {
    "flows.nightly_validation.nightly_validation": "tests.deployments.standin_flows.nightly",
    "flows.prelaunch_validation.prelaunch_validation": "tests.deployments.standin_flows.prelaunch",
}


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """A copy of prefect.yaml with the stand-in flows and further replacements in its text."""

    def edit(**replacements: str) -> Path:
        text = TEMPLATE.read_text(encoding="utf-8")
        for old, new in {**ENTRYPOINTS, **replacements}.items():
            assert old in text, old
            text = text.replace(old, new)
        path = tmp_path / "prefect.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return edit


# -- the template ---------------------------------------------------------------------------------------------------


def test_the_template_is_filled_in_for_a_target() -> None:
    template = read_template(TEMPLATE, target="demo", repository=Path("/srv/stageproof"))
    nightly, prelaunch = template.deployments
    assert {d.name for d in template.deployments} == {"demo"}
    assert {d.work_pool.work_queue_name for d in template.deployments} == {"target-demo"}
    assert {d.parameters["target"] for d in template.deployments} == {"demo"}
    assert template.pull[0].set_working_directory.directory == "/srv/stageproof"
    assert [s.cron for s in nightly.schedules] == ["30 4 * * *"]
    assert prelaunch.schedules == ()
    assert "release" not in prelaunch.parameters


def test_the_nightly_hour_exists_once_on_every_night_of_the_year() -> None:
    for deployment in read_template(TEMPLATE, target="demo").deployments:
        for schedule in deployment.schedules:
            assert not 1 <= int(schedule.cron.split()[1]) <= 3
            assert ZoneInfo(schedule.timezone).key == "Europe/Oslo"


def test_prefect_itself_drops_a_misspelt_key_and_we_refuse_it(edited: Callable[..., Path]) -> None:
    from prefect.cli.deploy._models import PrefectYamlModel

    path = edited(**{"schedules:": "shedules:"})
    accepted = PrefectYamlModel.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert accepted.deployments[0].schedules is None, "Prefect refuses misspelt keys by now: drop our own model"
    with pytest.raises(
        BootstrapError, match=r"deployments\.0\.shedules: this key is not known; did you mean 'schedules'"
    ):
        read_template(path, target="demo")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("work_queue_name:", "work_queue:", "did you mean 'work_queue_name'"),
        ("timezone:", "timezon:", "did you mean 'timezone'"),
        ("Europe/Oslo", "Europe/Olso", "Europe/Olso"),
        ("set_working_directory", "set_workin_directory", "set_workin_directory: this key is not known"),
        ("tests.deployments.standin_flows.nightly", "flows/nightly.py:nightly", r"0\.entrypoint: String should match"),
        ("{{ repository }}", "{{ repo }}", r"\{\{ repo \}\} is not known"),
        ("deployments:", "deployments: [", "prefect.yaml: "),
    ],
)
def test_a_wrong_template_is_refused(edited: Callable[..., Path], old: str, new: str, said: str) -> None:
    path = edited()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(BootstrapError, match=said):
        read_template(path, target="demo")


@pytest.mark.parametrize("target", ["", "Demo", "a b", "../x", "a--b", "-a"])
def test_an_unusable_target_name_is_refused(target: str) -> None:
    with pytest.raises(BootstrapError, match="cannot name a target"):
        deploy([target])


def test_a_parameter_that_the_flow_lacks_is_refused(edited: Callable[..., Path]) -> None:
    with pytest.raises(BootstrapError, match="has no parameter profil; it has note, profile, target"):
        deploy(["demo"], template=edited(**{"profile:": "profil:"}))


def test_a_flow_that_cannot_be_imported_is_refused(edited: Callable[..., Path]) -> None:
    with pytest.raises(BootstrapError, match=r"standin_flow\.nightly cannot be imported"):
        deploy(["demo"], template=edited(**{"standin_flows.nightly": "standin_flow.nightly"}))


def test_targets_are_the_plan_files(tmp_path: Path) -> None:
    for name in ("shop.toml", "demo.toml", "notes.md"):
        (tmp_path / name).touch()
    assert known_targets(tmp_path) == ["demo", "shop"]


# -- a real server --------------------------------------------------------------------------------------------------


@pytest.fixture
def client(stack: Stack) -> Iterator[Any]:
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: stack.prefect_api_url}), get_client(sync_client=True) as connected:
        yield connected


def scheduled_runs(client: Any, deployment_id: Any) -> list[Any]:
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter, FlowRunFilterState
    from prefect.client.schemas.filters import FlowRunFilterStateType as StateType
    from prefect.client.schemas.objects import StateType as States

    return list(
        client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id])),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=StateType(any_=[States.SCHEDULED]))),
        )
    )


@pytest.mark.real
def test_a_server_that_does_not_answer_is_told(edited: Callable[..., Path]) -> None:
    with pytest.raises(BootstrapError, match=r"no Prefect server answers at http://127\.0\.0\.1:9/api"):
        deploy(["demo"], api_url="http://127.0.0.1:9/api", template=edited())


@pytest.mark.real
def test_the_schedule_yields_runs_and_a_second_deploy_changes_nothing(
    stack: Stack, client: Any, edited: Callable[..., Path]
) -> None:
    """A scheduler that fails silently is the trap: the schedule shows as active, and no run ever appears."""
    template = edited()
    api = stack.prefect_api_url
    first = deploy(["demo", "shop"], api_url=api, template=template)
    assert [(d.name, d.queue, d.scheduled, d.change) for d in first] == [
        ("standin-nightly/demo", "target-demo", True, "created"),
        ("standin-prelaunch/demo", "target-demo", False, "created"),
        ("standin-nightly/shop", "target-shop", True, "created"),
        ("standin-prelaunch/shop", "target-shop", False, "created"),
    ]
    nightly = client.read_deployment_by_name("standin-nightly/demo")
    deadline = time.monotonic() + 100
    while not (runs := scheduled_runs(client, nightly.id)):
        assert time.monotonic() < deadline, "the server's scheduler creates no runs for an active cron schedule"
        time.sleep(0.5)
    due = min(run.expected_start_time for run in runs).astimezone(ZoneInfo("Europe/Oslo"))
    assert (due.hour, due.minute) == (4, 30)
    assert {run.work_queue_name for run in runs} == {"target-demo"}
    assert {run.parameters["target"] for run in runs} == {"demo"}

    second = deploy(["demo", "shop"], api_url=api, template=template)
    assert {d.change for d in second} == {"unchanged"}
    assert {run.id for run in runs} <= {run.id for run in scheduled_runs(client, nightly.id)}

    # Somebody raised the limit by hand, and the plan changed: both are brought back.
    queue = client.read_work_queue_by_name("target-demo", work_pool_name="stageproof")
    assert queue.concurrency_limit == 1
    client.update_work_queue(queue.id, concurrency_limit=5)
    third = deploy(["demo"], api_url=api, template=template, schedule=False)
    assert [d.change for d in third] == ["updated", "unchanged"]
    assert client.read_work_queue_by_name("target-demo", work_pool_name="stageproof").concurrency_limit == 1
    again = client.read_deployment_by_name("standin-nightly/demo")
    assert again.id == nightly.id
    assert [plan.active for plan in again.schedules] == [False]
    assert scheduled_runs(client, nightly.id) == []


@pytest.mark.real
def test_the_worker_runs_a_deployment_with_what_it_was_given(
    stack: Stack, client: Any, edited: Callable[..., Path]
) -> None:
    deploy(["worked"], api_url=stack.prefect_api_url, template=edited(), schedule=False)
    # The stand-in flows are not installed as ours are: the worker's Python must be told where they are.
    local_stack.up(stack.home, extra_env={"PYTHONPATH": str(REPOSITORY)})
    try:
        deployment = client.read_deployment_by_name("standin-nightly/worked")
        run = client.create_flow_run_from_deployment(deployment.id, parameters={"note": "by hand"})
        deadline = time.monotonic() + 90
        while not (state := client.read_flow_run(run.id).state).is_final():
            assert time.monotonic() < deadline, state
            time.sleep(0.3)
        assert state.is_completed(), state
    finally:
        assert local_stack.stop("worker", home=stack.home)


@pytest.mark.real
def test_without_a_configured_server_nothing_is_started(edited: Callable[..., Path], tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from deployments.bootstrap import deploy;"
        "deploy(['demo'], template=Path(sys.argv[1]))"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    ended = subprocess.run(
        [sys.executable, "-c", program, str(edited())],
        cwd=REPOSITORY,
        env={**clean, "PREFECT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "no Prefect server is configured" in ended.stderr


def test_the_resolved_template_is_plain_data() -> None:
    """So that it can be shown, stored and compared."""
    template = read_template(TEMPLATE, target="demo")
    assert json.loads(template.model_dump_json(by_alias=True))["name"] == "stageproof"
    assert bootstrap.RUNS_AT_A_TIME == 1
