"""Approvals: only fit pictures, by name of who stands for them, and nobody's approval is lost."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from evidence_store.objects import ObjectStore
from evidence_store.workspace import BrokenEvidenceError, evidence_of
from tasks.baselines import (
    ApprovedPicture,
    BadPictureError,
    BaselineError,
    FolderPictures,
    StoredPictures,
    approve,
    baselines_root,
    picture_path,
    picture_store,
    read_index,
    read_visual_index,
)
from tasks.contract import GatherError
from tasks.sweep.models import PageVisit
from tasks.visual.approval import Candidates, approve_candidates, candidates, faults_of
from tasks.visual.gather import ApprovedBaselines
from tasks.visual.models import ApprovedIndex, Baseline
from tests.evidence_store.conftest import s3_server
from tests.flows.looking import new_workspace
from tests.tasks.judged_runs import STARTED, Run, judged, plan_of
from tests.tasks.page_health.cases import findings, said
from tests.tasks.visual.pictures import CLOSE_BLUE, page, png

RUN_ID = "20260301T120000Z-demo-1a2b3c"


def approved(content: bytes, by: str = "Ada") -> ApprovedPicture:
    return ApprovedPicture(
        sha256=hashlib.sha256(content).hexdigest(),
        environment="Chromium 156",
        approved_by=by,
        approved_at=STARTED,
        run_id=RUN_ID,
        reason='new "KPI" cards',
    )


def picture_of(name: str) -> bytes:
    return png(page(words=name))


def run_with(**visits: dict[str, Any]) -> Run:
    run = Run()
    for name, changes in visits.items():
        content = changes.get("file", picture_of(name))
        picture = run.file(f"data/sweep/{name}/screenshot.png", content, "image/png")
        whole = {"screenshot": picture, "stable": True, "status": 200, "environment": "Chromium 156"}
        told = {"subject": f"{name}@phone", "page": name, "viewport": "phone", "url": f"http://127.0.0.1/{name}"}
        visit = PageVisit(gathered_at=STARTED, **(told | whole | changes))
        run.add(visit)
    return run


def shown(run: Run, folder: Path, *subjects: str) -> Candidates:
    return candidates(run, folder, run_id=RUN_ID, subjects=subjects)


def approve_all(run: Run, folder: Path, *subjects: str) -> tuple[list[str], dict[str, str]]:
    chosen = shown(run, folder, *subjects)
    return approve_candidates(chosen, folder, approved_by="Ada", reason="first look"), chosen.refused


def test_nothing_was_approved_yet(tmp_path: Path) -> None:
    assert read_index(tmp_path / "absent") == {}


def test_an_approval_is_read_back_as_it_was_given(tmp_path: Path) -> None:
    approve(tmp_path, {"home@phone": (approved(b"one"), b"one")})
    assert read_index(tmp_path) == {"home@phone": approved(b"one")}
    assert picture_path(tmp_path, approved(b"one").sha256).read_bytes() == b"one"


def test_a_later_approval_keeps_the_others_and_replaces_its_own(tmp_path: Path) -> None:
    approve(tmp_path, {"home@phone": (approved(b"one"), b"one"), "about@phone": (approved(b"two"), b"two")})
    approve(tmp_path, {"home@phone": (approved(b"three", "Bo"), b"three")})
    assert read_index(tmp_path) == {"about@phone": approved(b"two"), "home@phone": approved(b"three", "Bo")}


def test_people_who_approve_at_once_all_keep_theirs(tmp_path: Path) -> None:
    def one(number: int) -> None:
        content = f"picture {number}".encode()
        approve(tmp_path, {f"page-{number}@phone": (approved(content), content)})

    with ThreadPoolExecutor(8) as people:
        list(people.map(one, range(24)))
    assert set(read_index(tmp_path)) == {f"page-{number}@phone" for number in range(24)}
    assert len(list((tmp_path / "visual").glob("*.png"))) == 24


@pytest.mark.parametrize(
    "text",
    [
        "[approved.",
        '[approved."home@phone"]\nsha256 = "short"\n',
        '[approved."home@phone"]\nenvironment = "x"\n',
        "approved = 3\n",
        "\udcff",
        "[quarantin.x]\n",
        '[quarantine."home@phone"]\nowner = "Bo"\nreason = "tiles load late"\n',
        '[quarantine."home@phone"]\nowner = "Bo"\nreason = "tiles load late"\nexpires = 2026-12-08T00:00:00\n',
        '[quarantine."home@phone"]\nowner = ""\nreason = "tiles load late"\nexpires = 2026-12-08T00:00:00Z\n',
    ],
    ids=[
        *("not-toml", "no-digest", "incomplete", "no-table", "not-utf-8", "unknown-table"),
        *("quarantine-without-end", "quarantine-without-zone", "quarantine-without-owner"),
    ],
)
def test_an_index_that_is_not_one_is_never_taken_for_an_empty_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "visual.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BaselineError, match="cannot be read"):
        read_index(tmp_path)


def test_a_picture_of_masks_alone_is_refused_beside_others(tmp_path: Path) -> None:
    subjects, refused = approve_all(run_with(home={"all_masked": True}, about={}), tmp_path)
    assert (subjects, list(refused)) == (["about@phone"], ["home@phone"])
    assert "any later page would equal this picture" in refused["home@phone"]


def test_all_fit_pictures_of_a_run_are_approved(tmp_path: Path) -> None:
    assert approve_all(run_with(home={}, about={}), tmp_path) == (["about@phone", "home@phone"], {})
    index = read_index(tmp_path)
    assert {name: picture.approved_by for name, picture in index.items()} == {"about@phone": "Ada", "home@phone": "Ada"}
    assert index["home@phone"].sha256 == hashlib.sha256(picture_of("home")).hexdigest()


def test_what_page_health_said_of_a_page_is_told_beside_its_picture(tmp_path: Path) -> None:
    results = [findings(text=b"Sign in", messages=(said("boom"),)), judged("visual", Run(), plan_of({"visual": {}}))]
    faults = faults_of(results)
    assert faults == {"home@desktop": "1 of 1 texts are not on the page: 'Welcome'"}
    assert faults_of([findings(page={"must_show": []})]) == {}, "a warning is no fault"
    run = run_with(home={"subject": "home@desktop"}, about={})
    chosen = candidates(run, tmp_path, run_id=RUN_ID, subjects=(), faults=faults)
    words = {item.subject: item.words for item in chosen.fit}
    nothing = "nothing is approved for it yet"
    assert words == {
        "about@phone": nothing,
        "home@desktop": f"{nothing}; but page-health says: 1 of 1 texts are not on the page: 'Welcome'",
    }


def test_who_stood_for_the_same_picture_before_goes_on_standing_for_it(tmp_path: Path) -> None:
    run = run_with(home={}, about={})
    approve_all(run, tmp_path, "home@phone")
    approve_candidates(shown(run, tmp_path), tmp_path, approved_by="Bo", reason="")
    assert {name: picture.approved_by for name, picture in read_index(tmp_path).items()} == {
        "about@phone": "Bo",
        "home@phone": "Ada",
    }


def test_the_same_picture_in_another_environment_is_approved_by_whoever_does_it(tmp_path: Path) -> None:
    approve_all(run_with(home={}), tmp_path)
    later = shown(run_with(home={"environment": "Chromium 157"}), tmp_path)
    approve_candidates(later, tmp_path, approved_by="Bo", reason="a new browser")
    assert read_index(tmp_path)["home@phone"].approved_by == "Bo"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"problem": "no answer"}, "the visit failed: no answer"),
        ({"status": 500}, "the page answered 500"),
        ({"status": None}, "the page answered None"),
        ({"stable": False}, "never stood still"),
        ({"screenshot": None}, "no picture was taken"),
        ({"environment": ""}, "does not say in which environment"),
    ],
    ids=["failed", "500", "no-status", "unstable", "no-picture", "no-environment"],
)
def test_an_unfit_picture_is_refused_and_the_others_are_approved(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    done, refused = approve_all(run_with(home=changes, about={}), tmp_path)
    assert done == ["about@phone"]
    assert list(refused) == ["home@phone"]
    assert reason in refused["home@phone"]
    assert list(read_index(tmp_path)) == ["about@phone"]


def test_only_named_subjects_are_approved(tmp_path: Path) -> None:
    assert approve_all(run_with(home={}, about={}), tmp_path, "home@phone") == (["home@phone"], {})
    assert list(read_index(tmp_path)) == ["home@phone"]


def test_a_subject_without_a_picture_in_the_run_is_refused_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="no picture of hoem@phone; it took: about@phone, home@phone"):
        approve_all(run_with(home={}, about={}), tmp_path, "home@phone", "hoem@phone")
    assert read_index(tmp_path) == {}


def test_an_altered_picture_is_not_approved(tmp_path: Path) -> None:
    run = run_with(home={}, about={})
    run.files["data/sweep/home/screenshot.png"] = b"another"
    with pytest.raises(BrokenEvidenceError, match="does not hash"):
        approve_all(run, tmp_path)
    assert read_index(tmp_path) == {}


@pytest.mark.parametrize(
    ("environment", "root"),
    [({}, "baselines"), ({"STAGEPROOF_BASELINES": ""}, "baselines"), ({"STAGEPROOF_BASELINES": "/b"}, "/b")],
    ids=["unset", "empty", "set"],
)
def test_where_baselines_lie(environment: dict[str, str], root: str) -> None:
    assert baselines_root(environment) == Path(root)


def test_approving_anew_mends_a_damaged_picture(tmp_path: Path) -> None:
    approve(tmp_path, {"home@phone": (approved(b"one"), b"one")})
    path = picture_path(tmp_path, approved(b"one").sha256)
    path.write_bytes(b"damaged")
    approve(tmp_path, {"home@phone": (approved(b"one"), b"one")})
    assert path.read_bytes() == b"one"


def test_approving_keeps_a_quarantine(tmp_path: Path) -> None:
    text = '[quarantine."map@phone"]\nowner = "Bo"\nreason = "tiles load late"\nexpires = 2026-12-08T00:00:00Z\n'
    (tmp_path / "visual.toml").write_text(text, encoding="utf-8")
    approve(tmp_path, {"home@phone": (approved(b"one"), b"one")})
    index = read_visual_index(tmp_path)
    assert (list(index.approved), index.quarantine["map@phone"].owner) == (["home@phone"], "Bo")


def test_a_pattern_approves_all_it_fits(tmp_path: Path) -> None:
    run = run_with(home={}, about={}, house={})
    assert approve_all(run, tmp_path, "ho*@phone") == (["home@phone", "house@phone"], {})


def test_a_pattern_that_fits_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match=r"no picture of zoo@\*; it took: home@phone"):
        approve_all(run_with(home={}), tmp_path, "*@phone", "zoo@*")


def test_states_and_checkpoints_are_approved_like_pages(tmp_path: Path) -> None:
    run = run_with(
        state={"subject": "home.menu-open@phone", "state": "menu-open"},
        checkpoint={"subject": "checkpoint.approved@phone", "status": None},
    )
    assert approve_all(run, tmp_path) == (["checkpoint.approved@phone", "home.menu-open@phone"], {})


def test_a_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    run = run_with(home={"file": b"<!doctype html>"}, about={})
    done, refused = approve_all(run, tmp_path)
    assert done == ["about@phone"]
    assert "cannot be read" in refused["home@phone"]


def test_what_would_be_approved_is_told_with_by_how_much_before_it_is(tmp_path: Path) -> None:
    approve_all(run_with(home={}, about={}, far={"environment": "Chromium 155"}), tmp_path)
    other = {"file": png(page(CLOSE_BLUE, words="home"))}
    run = run_with(home=other, about={}, far=other, new={})
    told = {item.subject: (item.change, item.words) for item in shown(run, tmp_path).fit}
    assert told["about@phone"] == ("same", "Ada approved the same picture")
    assert told["new@phone"] == ("new", "nothing is approved for it yet")
    assert told["home@phone"] == ("changed", "3,200 pixels in 1 regions")
    change, words = told["far@phone"]
    assert change == "environment"
    assert words.startswith("Chromium 156 in place of Chromium 155; ")
    assert set(read_index(tmp_path)) == {"about@phone", "far@phone", "home@phone"}


def test_a_picture_that_is_lost_can_be_approved_anew(tmp_path: Path) -> None:
    approve_all(run_with(home={}), tmp_path)
    picture_path(tmp_path, hashlib.sha256(picture_of("home")).hexdigest()).unlink()
    run = run_with(home={"file": png(page(CLOSE_BLUE))})
    (item,) = shown(run, tmp_path).fit
    assert (item.change, "by how much is not known" in item.words) == ("changed", True)


@pytest.mark.parametrize("content", [None, b"", b"another picture"], ids=["missing", "empty", "altered"])
def test_bytes_that_are_not_what_was_approved_are_never_read_as_it(tmp_path: Path, content: bytes | None) -> None:
    approve(tmp_path, {"home@phone": (approved(b"one"), b"one")})
    path = picture_path(tmp_path, approved(b"one").sha256)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadPictureError, match="restore it or approve anew"):
        FolderPictures(tmp_path).read(approved(b"one").sha256)


def gathered(folder: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> list[Any]:
    monkeypatch.setenv("STAGEPROOF_BASELINES", str(folder))
    source, plan, workspace = ApprovedBaselines(), plan_of({"visual": {}}), new_workspace(home)
    (shard,) = source.shards(plan)
    source.gather(plan, shard, workspace)
    return [*evidence_of(workspace, ApprovedIndex), *evidence_of(workspace, Baseline)]


def test_what_was_approved_is_copied_into_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = approved(b"one"), approved(b"two")
    approve(tmp_path / "demo", {"home@desktop": (one, b"one"), "gone@desktop": (two, b"two")})
    index, baseline = gathered(tmp_path, monkeypatch, tmp_path / "home")
    assert index.digests == {"gone@desktop": two.sha256, "home@desktop": one.sha256}
    assert (baseline.subject, baseline.picture.sha256, baseline.problem) == ("home@desktop", one.sha256, None)


def test_a_damaged_picture_is_told_and_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    approve(tmp_path / "demo", {"home@desktop": (approved(b"one"), b"one")})
    picture_path(tmp_path / "demo", approved(b"one").sha256).write_bytes(b"two")
    _, baseline = gathered(tmp_path, monkeypatch, tmp_path / "home")
    assert baseline.picture is None
    assert "does not hash to what was approved; restore it or approve anew" in baseline.problem


def test_an_unreadable_index_or_store_is_a_shard_that_could_not_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "visual.toml").write_text("[approved.", encoding="utf-8")
    with pytest.raises(GatherError, match="Restore the committed one"):
        gathered(tmp_path, monkeypatch, tmp_path / "home")
    (tmp_path / "demo" / "visual.toml").unlink()
    monkeypatch.setenv("STAGEPROOF_BASELINE_STORE", "S4")
    with pytest.raises(GatherError, match=r"it is 'folder' .* or 's3'"):
        gathered(tmp_path, monkeypatch, tmp_path / "another-home")


def test_an_object_store_without_settings_names_them(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match=r"STAGEPROOF_BASELINE_STORE is 's3', but .*STAGEPROOF_S3_ENDPOINT"):
        picture_store(tmp_path, "demo", {"STAGEPROOF_BASELINE_STORE": "s3"})


@pytest.mark.real
def test_pictures_in_the_object_store(tmp_path: Path) -> None:
    with s3_server() as (settings, _):
        store = ObjectStore(settings)
        pictures = StoredPictures(store, "demo")

        def one(number: int) -> None:
            # Two people, each with a checkout of their own, approve each picture at once.
            content = f"picture {number // 2}".encode()
            folder = tmp_path / f"checkout-{number % 2}"
            approve(folder, {f"page-{number // 2}@phone": (approved(content), content)}, pictures)

        with ThreadPoolExecutor(8) as people:
            list(people.map(one, range(12)))
        for folder in (tmp_path / "checkout-0", tmp_path / "checkout-1"):
            assert not (folder / "visual").exists()
            kept = {subject: pictures.read(picture.sha256) for subject, picture in read_index(folder).items()}
            assert kept == {f"page-{number}@phone": f"picture {number}".encode() for number in range(6)}

        with pytest.raises(BadPictureError, match="approve anew"):
            pictures.read("0" * 64)
        impostor = hashlib.sha256(b"what was meant").hexdigest()
        store.put_if_absent(f"v1/demo/cas/{impostor}", b"something else", "image/png")
        with pytest.raises(BadPictureError, match="somebody replaced the object"):
            pictures.read(impostor)
        with pytest.raises(BadPictureError, match="somebody replaced the object"):
            approve(tmp_path, {"home@phone": (approved(b"what was meant"), b"what was meant")}, pictures)
        assert "home@phone" not in read_index(tmp_path)
    with pytest.raises(BaselineError, match="approved pictures cannot be read"):
        pictures.read(approved(b"picture 0").sha256)
