"""Whole runs on a real S3 and a real Prefect server: what goes wrong is told, kept, and never ends in a go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments.local_stack import Stack
from evidence_store.model import VerdictWord
from evidence_store.verify import read_bag
from tests.flows.conftest import Site
from tests.flows.hostile_server import (
    RELEASE,
    Doorway,
    Exchange,
    HostileServer,
    answer,
    closed_port,
    json_answer,
)
from tests.flows.looking import write_plan
from tests.flows.worlds import Ended, World
from tests.tasks.records.cases import sweep_file

pytestmark = pytest.mark.real

HEALTH: dict[str, dict[str, Any]] = {"release": {}, "health": {}}
SERVICE = {"name": "main", "url": "/health", "expect": {"/status": "ok"}}
GATEWAY = {"name": "gateway", "url": "/services/gateway/health", "expect": {"/status": "ok", "/service": "gateway"}}


def healthy_plan(world: World, server: HostileServer, name: str, **more: Any) -> Path:
    """A plan that a healthy server meets at once."""
    return write_plan(world.folder, server.url(), HEALTH, name=name, **({"services": [SERVICE]} | more))


def outcomes(told: dict[str, Any]) -> dict[str, str]:
    """The outcome of each check, as a run tells it."""
    return {result["check"]: result["outcome"] for result in told["results"]}


def verdict_and_digest(world: World, target: str, run_id: str) -> tuple[str, str]:
    """What the ledger sealed for a run."""
    (record,) = [record for record in world.runs(target) if record.run_id == run_id]
    assert record.sealed is not None
    assert record.sealed.seal is not None
    return record.sealed.seal.verdict.value, record.sealed.seal.bundle.sha256


# -- what is refused before anything starts ---------------------------------------------------------------------------


def test_a_misspelt_key_is_refused_with_the_nearest_one(world: World) -> None:
    """Exit code 2, the file, the place and the key that was meant; nothing was opened."""
    plan = write_plan(world.folder, "http://127.0.0.1:9", HEALTH, name="misspelt", services=[SERVICE])
    plan.write_text(plan.read_text().replace("must_show", "must_shwo"), encoding="utf-8")
    ended = world.stageproof("run", plan)
    assert (ended.code, ended.out) == (2, "")
    assert f"{plan} cannot be run:" in ended.err
    assert "pages.0: unknown key 'must_shwo'; did you mean 'must_show'?" in ended.err
    assert not world.home.exists()


def test_a_value_that_is_missing_in_the_environment_is_named(world: World) -> None:
    """Exit code 2 and the variable's name, as JSON for a program."""
    login = {"viewer": {"login": {"url": "/login", "json": {"password": "env:NOBODY_SET_THIS"}}}}
    plan = write_plan(world.folder, "http://127.0.0.1:9", HEALTH, name="missing", services=[SERVICE], identities=login)
    ended = world.stageproof("run", plan, "--json")
    told = ended.json()
    assert (ended.code, told["exit_code"]) == (2, 2)
    assert told["problems"] == ["the environment variable NOBODY_SET_THIS has no value; set it and try again"]
    assert not world.home.exists()


# -- a store that is not there ----------------------------------------------------------------------------------------


def test_a_store_that_is_down_at_the_start_is_told(world: World, server: HostileServer) -> None:
    """Exit code 3 and what to do; staging was never contacted, because nobody could have known of it."""
    plan = healthy_plan(world, server, "store-down")
    ended = world.stageproof("run", plan, "--json", STAGEPROOF_S3_ENDPOINT=f"http://127.0.0.1:{closed_port()}")
    told = ended.json()
    assert (ended.code, told["verdict"], told["exit_code"]) == (3, "incomplete", 3)
    assert "nothing answers there; is it running? check STAGEPROOF_S3_ENDPOINT" in told["problem"]
    assert "nothing answers there" in ended.err
    assert server.asked == []


WRONG_STORES = {
    "unknown-key": ({"STAGEPROOF_S3_ACCESS_KEY": "nobodys-key"}, "check STAGEPROOF_S3_ACCESS_KEY"),
    "wrong-secret": ({"STAGEPROOF_S3_SECRET_KEY": "not-the-secret-at-all"}, "check STAGEPROOF_S3_SECRET_KEY"),
    "no-bucket": (
        {"STAGEPROOF_S3_BUCKET": "no-such-bucket"},
        "create it (with versioning) or set STAGEPROOF_S3_BUCKET",
    ),
    "no-settings": ({"STAGEPROOF_S3_SECRET_KEY": ""}, "set STAGEPROOF_S3_SECRET_KEY in the environment"),
    "no-url": ({"STAGEPROOF_S3_ENDPOINT": "staging"}, "STAGEPROOF_S3_ENDPOINT must be http(s)://host[:port]"),
}


@pytest.mark.parametrize(("environment", "says"), WRONG_STORES.values(), ids=WRONG_STORES.keys())
def test_a_store_that_cannot_be_used_is_told(
    environment: dict[str, str], says: str, world: World, server: HostileServer
) -> None:
    """The flow ends as Incomplete and names the setting; no secret is told, and staging was never contacted."""
    told = world.answer(healthy_plan(world, server, "wrong-store"), environment=environment)
    assert (told["state"], says in told["problem"]) == ("Incomplete", True), told["problem"]
    assert world.stack.s3_secret_key not in json.dumps(told)
    assert server.asked == []
    assert world.runs("wrong-store") == []


# -- a store that goes down on the way --------------------------------------------------------------------------------


def test_a_store_that_goes_down_at_the_upload_loses_nothing(world: World, server: HostileServer) -> None:
    """Exit code 3, the package is kept and named, and resuming seals that same run without looking again."""
    plan = healthy_plan(world, server, "store-lost-at-upload")
    store = Doorway(world.stack.ports.s3, shut_on=b"/bundle.zip")
    ended = world.stageproof("run", plan, "--json", STAGEPROOF_S3_ENDPOINT=f"http://127.0.0.1:{store.port}")
    told = ended.json()
    assert store.shut_already.is_set()
    assert (ended.code, told["verdict"], told["sha256"], told["bundle"]) == (3, "incomplete", None, None)
    run_id = told["run_id"]
    package = world.home / "runs" / run_id / f"{run_id}.zip"
    assert f"It is kept at {package}" in told["problem"]
    assert f"--resume {run_id}" in told["problem"]
    assert package.is_file()
    assert [record.sealed for record in world.runs("store-lost-at-upload")] == [None]

    asked = server.paths().count("/health")
    told = world.answer(plan, resume=run_id)
    assert (told["state"], told["exit_code"], told["run_id"]) == ("Go", 0, run_id)
    assert verdict_and_digest(world, "store-lost-at-upload", run_id) == ("go", told["sha256"])
    assert server.paths().count("/health") == asked == 1


def test_a_store_that_goes_down_while_gathering_loses_nothing(world: World, server: HostileServer) -> None:
    """The run ends as Incomplete with its package on disk, whenever the store went away."""
    store = Doorway(world.stack.ports.s3)

    def answer_last(exchange: Exchange) -> None:
        store.shut()
        exchange.send(json_answer({"status": "ok"}))

    server.answers["/health"] = answer_last
    plan = healthy_plan(world, server, "store-lost-while-gathering")
    told = world.answer(plan, environment={"STAGEPROOF_S3_ENDPOINT": f"http://127.0.0.1:{store.port}"})
    (record,) = world.runs("store-lost-while-gathering")
    assert (told["state"], record.sealed) == ("Incomplete", None)
    assert (world.home / "runs" / record.run_id / f"{record.run_id}.zip").is_file()
    assert f"--resume {record.run_id}" in told["problem"]


# -- resuming ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def cut_off(world: World, server: HostileServer) -> tuple[Path, str]:
    """A plan, and the id of a run of its pre-launch profile that was never sealed."""
    store = Doorway(world.stack.ports.s3, shut_on=b"/bundle.zip")
    plan = healthy_plan(world, server, "cut-off", profiles={"small": {"checks": ["release"]}})
    environment = {"STAGEPROOF_S3_ENDPOINT": f"http://127.0.0.1:{store.port}"}
    told = world.answer(plan, profile="prelaunch", environment=environment)
    return plan, told["run_id"]


def test_a_run_is_not_resumed_as_another_targets(
    cut_off: tuple[Path, str], world: World, server: HostileServer
) -> None:
    """Evidence of one target must not be sealed under the plan of another."""
    told = world.answer(healthy_plan(world, server, "another-target"), resume=cut_off[1])
    assert (told["state"] != "Go", "cut-off" in (told.get("problem") or "")) == (True, True), told["sentence"]
    assert cut_off[1] not in [record.run_id for record in world.runs("cut-off") if record.sealed]


def test_a_run_is_not_resumed_under_a_weaker_profile(cut_off: tuple[Path, str], world: World) -> None:
    """What was opened as a pre-launch run is judged as one, or refused."""
    plan, run_id = cut_off
    told = world.answer(plan, profile="small", resume=run_id)
    assert (told["state"] != "Go", "prelaunch" in (told.get("problem") or "")) == (True, True), told["sentence"]
    assert run_id not in [record.run_id for record in world.runs("cut-off") if record.sealed]


@pytest.mark.parametrize("name", ["20260101T000000Z-nobody-000000", "../../outside"], ids=["unknown", "path"])
def test_a_run_that_is_not_there_is_not_resumed(name: str, world: World, server: HostileServer) -> None:
    """It says so, and no other run is begun in its place."""
    told = world.answer(healthy_plan(world, server, "resume-nothing"), resume=name)
    assert (told["state"], "there is no run" in told["problem"]) == ("Incomplete", True)
    assert world.runs("resume-nothing") == []


# -- what a run cannot say yes to -------------------------------------------------------------------------------------


def test_staging_that_is_down_is_a_sealed_incomplete_run(world: World) -> None:
    """Exit code 3, every subject an error, and the ledger holds the run with its package."""
    checks = HEALTH | {"page-health": {}}
    url = f"http://127.0.0.1:{closed_port()}"
    plan = write_plan(world.folder, url, checks, name="staging-down", services=[SERVICE])
    ended = world.stageproof("run", plan, "--json")
    told = ended.json()
    assert (ended.code, told["verdict"], told["exit_code"]) == (3, "incomplete", 3)
    assert outcomes(told) == {"release": "error", "health": "error", "page-health": "error"}
    assert "no connection to 127.0.0.1:" in ended.err
    assert verdict_and_digest(world, "staging-down", told["run_id"]) == ("incomplete", told["sha256"])
    (flow_run,) = world.in_prefect(plan)
    assert (flow_run["state"]["name"], flow_run["state"]["type"]) == ("Incomplete", "FAILED")
    assert {item["key"] for item in flow_run["artifacts"]} == {"scorecard", "findings"}


def decision_of(world: World, told: dict[str, Any]) -> dict[str, Any]:
    """The decision as the manifest holds it."""
    content = (world.home / "runs" / told["run_id"] / "bag" / "run.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(content)["decision"]
    return found


def test_a_release_that_changes_makes_every_subject_an_error(world: World, site: Site) -> None:
    """All was healthy, and nobody can say of which release."""
    address = site("release-changes", fresh=True)
    plan = write_plan(world.folder, address, HEALTH, name="release-changes", services=[GATEWAY])
    told = world.answer(plan)
    assert (told["state"], outcomes(told)) == ("Incomplete", {"release": "error", "health": "error"})
    decision = decision_of(world, told)
    assert {subject["outcome"] for subject in decision["subjects"]} == {"error"}
    assert RELEASE in decision["doubt"]


def test_another_release_than_asked_for_is_incomplete(world: World, server: HostileServer) -> None:
    """The one that is served and the one that was asked for are both named."""
    told = world.answer(healthy_plan(world, server, "other-release"), release="deadbee")
    assert (told["state"], outcomes(told)) == ("Incomplete", {"release": "error", "health": "error"})
    doubt = decision_of(world, told)["doubt"]
    assert [release in doubt for release in ("deadbee", RELEASE)] == [True, True]


def test_another_release_than_asked_for_is_told_at_once(world: World, server: HostileServer) -> None:
    """Nothing could count, so nothing is looked at; the package is sealed all the same and says why."""
    plan = healthy_plan(world, server, "told-at-once")
    ended = world.stageproof("run", plan, "--release", "deadbee", "--json")
    told = ended.json()
    assert (ended.code, told["verdict"]) == (3, "incomplete")
    assert f"Nothing is looked at: staging serves release {RELEASE}, but deadbee was asked for" in ended.err
    assert "/health" not in server.paths()
    assert verdict_and_digest(world, "told-at-once", told["run_id"]) == ("incomplete", told["sha256"])
    # It looked at nothing: the next run is not told that what it sees is gone.
    sealed = world.runs("told-at-once")[0].sealed
    assert sealed is not None
    assert sealed.seal is not None
    assert "health" not in (sealed.seal.looks or {})
    assert world.answer(plan, release=RELEASE)["state"] == "Go"


def test_the_release_asked_for_is_a_go(world: World, server: HostileServer) -> None:
    """The measure for the two above."""
    assert world.answer(healthy_plan(world, server, "the-release"), release=RELEASE)["state"] == "Go"


def test_a_run_of_one_check_alone_is_never_a_go(world: World, server: HostileServer) -> None:
    """The check passes, and the others were expected and not looked at."""
    told = world.answer(healthy_plan(world, server, "only-one"), only=["health"])
    assert (told["state"], told["exit_code"]) == ("Incomplete", 3)
    assert outcomes(told) == {"release": "not_run", "health": "pass"}
    reasons = {subject["reason"] for subject in decision_of(world, told)["subjects"] if subject["check"] == "release"}
    assert reasons == {"left out of this run by --only"}


def test_after_a_run_of_one_check_alone_the_others_are_compared_with_the_last_run_that_looked(
    world: World, server: HostileServer
) -> None:
    """What was there all along is not new."""
    server.answers["/health"] = answer("<p>up</p>")
    plan = healthy_plan(world, server, "looked-before")
    whole = world.answer(plan)
    world.answer(plan, only=["release"])
    again = world.answer(plan)
    with read_bag(world.home / "runs" / again["run_id"] / f"{again['run_id']}.zip") as bag:
        previous = json.loads(bag.read("run.json"))["previous"]
    assert previous["earlier"] == {"health": whole["run_id"]}
    health = next(result for result in again["results"] if result["check"] == "health")
    assert {finding["fingerprint"] for finding in health["findings"]} == set(previous["fingerprints"])


def test_a_check_that_is_not_planned_cannot_be_asked_for(world: World, server: HostileServer) -> None:
    """It is refused before anything is opened."""
    told = world.answer(healthy_plan(world, server, "only-unplanned"), only=["vitals"])
    assert (told["state"], "'vitals' is not among the checks" in told["problem"]) == ("PlanError", True)
    assert world.runs("only-unplanned") == []


def test_a_deployment_runs_its_own_target_alone(world: World, server: HostileServer) -> None:
    """Its queue serialises one target; another one, named in its form, would run beside that one's queue."""
    plan = healthy_plan(world, server, "one-target")
    healthy_plan(world, server, "other-target")
    elsewhere = {"STAGEPROOF_TARGETS": str(world.folder), "PREFECT__RUNTIME__DEPLOYMENT__NAME": "other-target"}
    state = world.validate(plan, environment=elsewhere)
    assert (state.name, "start the deployment 'one-target' in its place" in state.message) == ("PlanError", True)
    at_home = elsewhere | {"PREFECT__RUNTIME__DEPLOYMENT__NAME": "one-target"}
    assert world.validate(plan, environment=at_home).name == "Go"


def test_a_failing_service_is_a_no_go_in_prefect(world: World, server: HostileServer) -> None:
    """The flow run's state is NoGo, and the finding is in its table."""
    server.answers["/health"] = answer("<p>up</p>")
    plan = healthy_plan(world, server, "no-go")
    told = world.answer(plan)
    assert (told["state"], told["verdict"], told["exit_code"]) == ("NoGo", "no-go", 1)
    (flow_run,) = world.in_prefect(plan)
    assert (flow_run["state"]["name"], flow_run["state"]["type"]) == ("NoGo", "FAILED")
    kept = {item["key"]: item["data"] for item in flow_run["artifacts"]}
    assert "NO-GO" in kept["scorecard"]
    assert "in place of JSON" in json.dumps(kept["findings"])


def test_a_secret_that_staging_tells_is_nowhere(world: World, server: HostileServer) -> None:
    """Staging echoes it and a note holds it, and it stands in no file of the package and nowhere in Prefect."""
    server.answers["/health"] = json_answer({"status": "ok", "echo": "viewers-long-password"})
    identities = {"viewer": {"login": {"url": "/login", "json": {"password": "env:DEMO_VIEWER_PASSWORD"}}}}
    plan = healthy_plan(world, server, "echo", identities=identities)
    told = world.answer(plan, note="signed in with viewers-long-password")
    assert told["state"] == "Go"
    with read_bag(world.home / "runs" / told["run_id"] / f"{told['run_id']}.zip") as bag:
        content = b"\n".join(bag.read(name) for name in bag.names())
    assert b"[redacted:env:DEMO_VIEWER_PASSWORD]" in content
    assert b"viewers-long-password" not in content
    (flow_run,) = world.in_prefect(plan)
    assert "viewers-long-password" not in json.dumps([flow_run["artifacts"], flow_run["state"]])


# -- a healthy release ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Healthy:
    """Two runs of one target at once, after the pictures of an earlier one were approved."""

    world: World
    plan: Path
    first: dict[str, Any]
    approved: dict[str, Any]
    both: tuple[Ended, Ended]
    package: Path


def walk(world: World, plan: Path) -> None:
    """A person walks through the sign-in page, and leaves a record."""
    folder = world.folder / "baselines" / "healthy" / "manual-a11y"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sign-in.yaml").write_bytes(sweep_file(subjects=["sign-in@desktop"]))
    (world.folder / "answers.yaml").write_text("results: {approve: pass, reject: pass, impact: pass}")
    arguments = ("--by", "Ada", "--with", "NVDA 2026.1", "--answers", world.folder / "answers.yaml")
    assert world.command("manual", "record", plan, "sign-in", *arguments).code == 0


@pytest.fixture(scope="module")
def healthy(stack: Stack, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Healthy]:
    """A healthy site, seen first, approved, and seen twice more."""
    world = World(tmp_path_factory.mktemp("healthy"), stack)
    people = {"sweeps": ["sign-in"], "signed": False}
    checks = {**HEALTH, "page-health": {}, "visual": {}, "axe": {}, "manual-a11y": people}
    plan = write_plan(world.folder, site(), checks, name="healthy", services=[GATEWAY])
    first = world.answer(plan)
    walk(world, plan)
    approved = world.command("approve", first["run_id"], "--by", "Ada", "--json").json()
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda _: world.stageproof("run", plan, "--json"), range(2))
    package = world.folder / "package.zip"
    world.command("fetch", json.loads(one.out)["run_id"], "--to", package)
    yield Healthy(world, plan, first, approved, (one, two), package)


def test_pictures_nobody_approved_are_no_go_ahead(healthy: Healthy) -> None:
    """All else passes, and the run says what it waits for."""
    passes = dict.fromkeys(("axe", "health", "page-health", "release"), "pass")
    waits = passes | {"manual-a11y": "not_run", "visual": "not_run"}
    assert (healthy.first["state"], outcomes(healthy.first)) == ("Incomplete", waits)
    assert (healthy.approved["approved"], healthy.approved["refused"]) == (["sign-in@desktop"], {})
    assert healthy.approved["changes"]["sign-in@desktop"]["change"] == "new"


def test_two_runs_at_once_both_end_in_a_go(healthy: Healthy) -> None:
    """Each with its own id, both sealed, the chain of the ledger whole, one line of JSON each."""
    told = [ended.json() for ended in healthy.both]
    ends = [(ended.code, answered["verdict"]) for ended, answered in zip(healthy.both, told, strict=True)]
    assert ends == [(0, "go"), (0, "go")], healthy.both[0].err
    assert len({answered["run_id"] for answered in told}) == 2
    for answered in told:
        assert set(answered) >= {"run_id", "verdict", "exit_code", "bundle", "sha256", "results"}
        assert answered["bundle"].endswith(f"/{answered['run_id']}/bundle.zip")
        looked = ("axe", "health", "manual-a11y", "page-health", "release", "visual")
        assert outcomes(answered) == dict.fromkeys(looked, "pass")
        assert verdict_and_digest(healthy.world, "healthy", answered["run_id"]) == ("go", answered["sha256"])
    assert healthy.world.ledger().check_chain() == []


def test_a_go_is_one_in_prefect_too(healthy: Healthy) -> None:
    """State Go of type COMPLETED, with the scorecard and the findings."""
    runs = healthy.world.in_prefect(healthy.plan)
    states = [(run["state"]["name"], run["state"]["type"]) for run in runs]
    assert sorted(states) == [("Go", "COMPLETED"), ("Go", "COMPLETED"), ("Incomplete", "FAILED")]
    assert [{item["key"] for item in run["artifacts"]} for run in runs] == [{"scorecard", "findings"}] * 3


def test_a_sealed_run_verifies_from_the_store_and_from_its_file(healthy: Healthy) -> None:
    """By its id, and as the package that was fetched."""
    run_id = healthy.both[0].json()["run_id"]
    of_store = healthy.world.command("verify", run_id, "--json")
    of_file = healthy.world.command("verify", healthy.package, "--json")
    for verified in (of_store, of_file):
        assert (verified.code, verified.json()["ok"], verified.json()["problems"]) == (0, True, [])
    assert "the ledger holds this run" in of_file.json()["checks"]


def test_a_fetched_package_is_judged_again_to_the_same_end(healthy: Healthy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without staging, the same evidence gives the same verdict; a stricter plan gives its own."""
    again = healthy.world.command("rejudge", healthy.package, "--json")
    assert (again.code, again.json()) == (0, {"verdict": "go", "stored_verdict": "go", "changed": []})
    stricter = healthy.world.folder / "stricter.toml"
    stricter.write_text(healthy.plan.read_text().replace('"Sign in"', '"Nobody wrote this"'), encoding="utf-8")
    other = healthy.world.command("rejudge", healthy.package, "--plan", stricter, "--json")
    assert (other.code, other.json()["verdict"]) == (1, VerdictWord.NO_GO.value)
    assert other.json()["changed"] == ["page-health sign-in@desktop: pass -> fail"]
    monkeypatch.setenv("STAGEPROOF_TARGETS", str(healthy.plan.parent))
    named = healthy.world.command("rejudge", healthy.package, "--plan", "healthy", "--json")
    assert named.json()["stored_verdict"] == VerdictWord.GO.value, "a target's name does as well as a path"


def test_the_package_holds_the_results_in_other_tools_formats(healthy: Healthy) -> None:
    """Each is there, is what it says, and tells of what was looked at."""
    with read_bag(healthy.package) as bag:
        names = [name.removeprefix("data/exports/") for name in bag.names() if name.startswith("data/exports/")]
        content = {name: yaml.safe_load(bag.read(f"data/exports/{name}")) for name in names}  # JSON is YAML too
    assert sorted(names) == ["earl.jsonld", "findings.sarif", "openacr.yaml", "wcag-coverage.json"]
    modes = {item["mode"] for item in content["earl.jsonld"]["@graph"] if item["@type"] == "Assertion"}
    assert modes == {"earl:automatic", "earl:manual"}
    assert content["findings.sarif"]["runs"][0]["invocations"][0]["executionSuccessful"] is True
    counts = content["wcag-coverage.json"]["counts"]
    assert (counts["criteria"], counts["manual"], counts["failed"]) == (55, 2, 0)
    assert counts["automatic"] > 5
    chapters = content["openacr.yaml"]["chapters"]
    criteria = [chapters[name]["criteria"] for name in ("success_criteria_level_a", "success_criteria_level_aa")]
    assert [len(items) for items in criteria] == [31, 24]


@pytest.mark.parametrize("place", [0.25, 0.5, 0.75, 0.98])
def test_a_flipped_bit_is_seen(place: float, healthy: Healthy, tmp_path: Path) -> None:
    """Wherever it is, `verify` ends with exit code 1 and says what is wrong."""
    content = bytearray(healthy.package.read_bytes())
    content[int(len(content) * place)] ^= 1
    altered = tmp_path / "altered.zip"
    altered.write_bytes(content)
    told = healthy.world.command("verify", altered, "--json")
    assert (told.code, told.json()["ok"]) == (1, False)
    assert told.json()["problems"] != []
