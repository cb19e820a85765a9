"""Findings after the scan, on a real browser, store and command line: accepted, answered, fixed, taken off the list."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from PIL import Image

from deployments.local_stack import Stack
from evidence_store.model import Finding
from evidence_store.verify import read_bag
from evidence_store.workspace import read_artifact
from tasks.accessibility.answers import record_answer
from tasks.accessibility.gather import AcceptedAndAnswered
from tasks.accessibility.models import Answer
from tasks.judging import judge
from tasks.registry import check_named
from tasks.sweep.gather import PageSweep
from tasks.sweep.models import PageVisit
from tests.flows.hostile_server import HostileServer, hostile_server, page
from tests.flows.looking import KNOWN, Looked, look, write_plan
from tests.flows.worlds import World

pytestmark = pytest.mark.real

PAGE = {"name": "shop", "path": "/shop", "must_show": ["Shop"]}
BAR = "height:40px; width:300px; padding:0; margin:0; border:0; display:block"
NAMELESS = f"<button class=icon style='{BAR}; background:#c00000'></button>"
NAMED = NAMELESS.replace("></button>", " aria-label=Save></button>")
PASSPHRASE = "a-passphrase-of-4-words"
ON_A_PICTURE = (
    "<p id=hero style='background:linear-gradient(#fff, #000); color:#777; height:60px'>Everything must go</p>"
)


def shop(*parts: str) -> bytes:
    """A page that holds these parts."""
    return page(f"<h1>Shop</h1>{''.join(parts)}")


# -- where elements are -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looked]:
    """A page with elements to be found: below the fold, in a shadow root, in a frame; and one page that lies."""
    folder = tmp_path_factory.mktemp("places")
    gap = "<div style='height:2000px'></div>"
    card = f"super(); this.attachShadow({{mode: 'open'}}).innerHTML = `{NAMELESS}`"
    defined = f"class extends HTMLElement {{ constructor() {{ {card} }} }}"
    shadow = f"<my-card></my-card><script>customElements.define('my-card', {defined})</script>"
    lying = "<script>document.querySelector = () => ({getBoundingClientRect: () => ({left: NaN})})</script>"
    with hostile_server() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAGEPROOF_BASELINES", str(folder / "baselines"))
        server.answers |= {
            "/places": shop(gap, f"<section id=far>{NAMELESS}</section>", shadow, gap),
            "/framed": shop(f'<iframe title=inner srcdoc="<!doctype html><html lang=en>{NAMELESS}"></iframe>'),
            "/lying": page(f"<h1>Shop</h1>{NAMELESS}", lying),
        }
        pages = [{"name": name, "path": f"/{name}", "must_show": ["Shop"]} for name in ("places", "framed", "lying")]
        plan = write_plan(folder, server.url(), {"axe": {}}, pages=pages)
        yield look(plan, [AcceptedAndAnswered(), PageSweep()], folder)


def pictures(looked: Looked, subject: str) -> dict[str, Image.Image]:
    """The pictures of the elements that block, by element."""
    started = looked.decision.decided_at
    result = judge(check_named("axe"), looked.plan, looked.plan.profile("nightly"), started, KNOWN, looked.workspace)
    return {
        finding.element: Image.open(io.BytesIO(rendering.content))
        for finding in result.findings
        if finding.subject == subject
        for rendering in finding.renderings
    }


def test_elements_are_shown_wherever_they_are_on_the_page(places: Looked) -> None:
    """Below the fold and in a shadow root: the middle of each picture is the element's own colour."""
    found = pictures(places, "places@desktop")
    assert sorted(found) == ["button", "my-card >>> button"]
    for picture in found.values():
        assert picture.size == (8 + 300 + 24, 24 + 40 + 24)
        assert picture.getpixel((8 + 150, 24 + 20)) == (192, 0, 0)


def test_an_element_in_a_frame_has_no_place_on_this_page(places: Looked) -> None:
    """Its finding stands all the same."""
    assert pictures(places, "framed@desktop") == {}
    assert places.subject("framed@desktop", "axe").outcome == "fail"


def test_a_page_that_lies_about_places_gets_no_picture_and_no_pass(places: Looked) -> None:
    """What the page's own functions answer is not taken for a place, and costs the scan nothing."""
    visit = places.evidence(PageVisit, "lying@desktop")
    boxes = json.loads(read_artifact(places.workspace, visit.axe.boxes))
    assert boxes["boxes"] == {}
    assert places.subject("lying@desktop", "axe").outcome == "fail"


# -- what is answered by eye ------------------------------------------------------------------------------------------

DARK, PALE = "linear-gradient(#000030, #000060)", "linear-gradient(#c0c0e0, #f0f0ff)"


@pytest.mark.parametrize(
    ("rules", "word", "says"),
    [
        (f"background: {DARK}; color: #fff", "pass", "1 question answered by ada"),
        (f"background: {PALE}; color: #fff", "review", "what lies behind it, looks different since"),
        (f"background: {DARK}; color: #446", "review", "what lies behind it, looks different since"),
    ],
    ids=["the-same", "another-ground", "another-colour"],
)
def test_an_answer_by_eye_ends_when_a_style_sheet_alone_changes_what_is_seen(
    rules: str, word: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Axe tells the same of both: it measures nothing on a gradient."""
    monkeypatch.setenv("STAGEPROOF_BASELINES", str(tmp_path / "baselines"))

    def seen(folder: str, looks: str) -> tuple[Looked, Finding]:
        server.answers["/shop"] = page(
            f"<style>p {{ {looks}; padding: 20px }}</style><h1>Shop</h1><p>Everything must go</p>"
        )
        looked = look(plan, [AcceptedAndAnswered(), PageSweep()], tmp_path / folder)
        started = looked.decision.decided_at
        judged = judge(
            check_named("axe"), looked.plan, looked.plan.profile("nightly"), started, KNOWN, looked.workspace
        )
        return looked, judged.findings[0]

    with hostile_server() as server:
        plan = write_plan(tmp_path, server.url(), {"axe": {}}, pages=[PAGE])
        looked, question = seen("first", f"background: {DARK}; color: #fff")
        names = ("rule", "element", "subject", "fingerprint", "element_sha256", "element_looks")
        now = datetime.now(UTC)
        answer = Answer(
            target=looked.plan.target.name,
            check="axe",
            **{name: getattr(question, name) for name in names},
            run_id="a-test",
            answer="pass",
            by="ada",
            reason="white on dark blue",
            answered_at=now,
            expires=now + timedelta(days=1),
        )
        record_answer(tmp_path / "baselines" / answer.target, answer, None)
        _, told = seen("second", rules)
    assert (question.rule, question.word, told.word) == ("color-contrast", "review", word)
    assert says in told.message


# -- from one run to the next -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Life:
    """Runs of one page, and what people said between them."""

    world: World
    server: HostileServer
    plan: Path
    key: Path
    first: dict[str, Any]

    def said(self, *arguments: str) -> Any:
        """The JSON a command answers with."""
        return self.world.command(*arguments, "--json").json()


@pytest.fixture(scope="module")
def life(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A page with a violation and a question, seen once."""
    world = World(tmp_path_factory.mktemp("findings"), stack, {"STAGEPROOF_KEY_PASSPHRASE": PASSPHRASE})
    ada = Ed25519PrivateKey.generate()
    key = world.folder / "id_ed25519"
    key.write_bytes(
        ada.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, BestAvailableEncryption(PASSPHRASE.encode()))
    )
    with hostile_server() as server:
        # A page that tells what nobody told it: what opens a person's key, and what opens the store.
        server.answers["/shop"] = shop(NAMELESS, ON_A_PICTURE, f"<p>{PASSPHRASE}</p><p>{stack.s3_secret_key}</p>")
        table = {"axe": {"review": "gate", "signed_answers": True}}
        plan = write_plan(world.folder, server.url(), table, name="findings", pages=[PAGE])
        yield Life(world, server, plan, key, world.answer(plan))


def test_a_finding_lives_from_its_first_run_to_its_end(life: Life, stack: Stack) -> None:
    """New and asked; accepted and answered; then fixed, and taken off the list."""
    world, run_id = life.world, life.first["run_id"]
    assert life.first["state"] == "NoGo"

    # What can be accepted, and what is asked, each with a picture that is in the package.
    (fail,) = life.said("known", run_id)["findings"]
    assert (fail["rule"], fail["state"], fail["element"]) == ("button-name", "fail", "button")
    (asked,) = life.said("review", run_id)["questions"]
    assert (asked["rule"], asked["state"], asked["element"]) == ("color-contrast", "open", "#hero")
    with read_bag(world.home / "runs" / run_id / f"{run_id}.zip") as bag:
        assert Image.open(io.BytesIO(bag.read(asked["picture"]))).width == 800

    # Nothing is accepted without an end, nor signed by a stranger.
    assert world.command("known", run_id, fail["fingerprint"], "--reason", "old icons").code == 2
    signed = (run_id, asked["fingerprint"], "--answer", "pass", "--by", "ada", "--reason", "dark text on white")
    stranger = world.command("review", *signed, "--key", life.key, "--json")
    assert (stranger.code, "is not the key of 'ada'" in stranger.json()["problem"]) == (2, True)
    (world.folder / "baselines").mkdir()
    (world.folder / "baselines" / "signers.toml").write_text(f"[signers]\n{stranger.json()['problems'][0]}\n")

    accept = ("--all", "--owner", "Ada", "--reason", "old icons", "--expires", "2099-01-31")
    assert life.said("known", run_id, *accept)["added"] == [fail["fingerprint"]]
    assert life.said("review", *signed, "--key", str(life.key))["signed"] is True
    with zipfile.ZipFile(world.home / "runs" / run_id / f"{run_id}.zip") as package:
        told = {name: package.read(name) for name in package.namelist()}
        removed = json.loads(package.read("data/redaction.json"))["rules"]
    secrets = (PASSPHRASE.encode(), stack.s3_secret_key.encode())
    assert [name for name, content in told.items() if any(secret in content for secret in secrets)] == []
    assert removed["credential"] > 1

    # The same page is a go now, and says on whose word.
    second = world.answer(life.plan)
    assert second["state"] == "Go", second["sentence"]
    (passed,) = [found for found in second["results"][0]["findings"] if found["outcome"] == "pass"]
    assert "1 known finding let through; 1 question answered by ada" in passed["message"]

    # Fixed, and still listed: told, and taken off.
    life.server.answers["/shop"] = shop(NAMED, ON_A_PICTURE)
    third = world.answer(life.plan)
    assert third["state"] == "Go"
    assert [found["rule"] for found in third["results"][0]["findings"]] == ["no-longer-there:button-name", ""]
    assert life.said("known", run_id, "--prune")["pruned"] == []
    assert life.said("known", third["run_id"], "--prune")["pruned"] == [fail["fingerprint"]]

    # The old fault again is a new one, and the answer ends with the element it was about.
    life.server.answers["/shop"] = shop(NAMELESS, ON_A_PICTURE.replace("#777", "#999"))
    fourth = world.answer(life.plan)
    assert fourth["state"] == "NoGo"
    told = {found["rule"]: found for found in fourth["results"][0]["findings"]}
    assert (told["button-name"]["outcome"], told["color-contrast"]["outcome"]) == ("fail", "review")
    assert "but the element has changed since" in told["color-contrast"]["message"]
    assert life.said("review", fourth["run_id"])["no_longer_asked"] == []

    # The element is gone: its answer is listed, only pruned on request, and by no run that was before it.
    life.server.answers["/shop"] = shop(NAMED)
    fifth = world.answer(life.plan)
    assert fifth["state"] == "Go", fifth["sentence"]
    reviews = world.folder / "baselines" / "findings" / "reviews"
    stale = life.said("review", fifth["run_id"])
    assert [(note["file"], note["signed"]) for note in stale["no_longer_asked"]] == [
        (f"{asked['fingerprint']}.json", True)
    ]
    assert "Answered, no longer asked (1)" in world.command("review", fifth["run_id"]).out
    assert life.said("review", run_id, "--prune")["pruned"] == []
    assert len(list(reviews.iterdir())) == 1
    assert life.said("review", fifth["run_id"], "--prune")["pruned"] == [f"{asked['fingerprint']}.json"]
    assert list(reviews.iterdir()) == []


def test_the_commands_speak_to_people_too(life: Life) -> None:
    """Tables on a terminal, and what to do next."""
    run_id = life.first["run_id"]
    assert "button-name" in life.world.command("known", run_id).out
    assert "Is the text readable on what lies behind it" in life.world.command("review", run_id).out
    refused = life.world.command("review", run_id, "00aa11bb22cc33dd", "--answer", "pass", "--reason", "looked at it")
    assert (refused.code, f"`stageproof review {run_id}` lists them" in refused.err) == (2, True)
