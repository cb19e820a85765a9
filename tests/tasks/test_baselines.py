"""Approvals: only fit pictures, by name of who stands for them, and nobody's approval is lost."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from evidence_store.workspace import BrokenEvidenceError
from tasks.baselines import (
    ApprovedPicture,
    BaselineError,
    approve,
    baselines_root,
    picture_path,
    read_index,
)
from tasks.sweep.models import PageVisit
from tasks.visual.approval import approve_pictures
from tests.tasks.judged_runs import STARTED, Run

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


def run_with(**visits: dict[str, Any]) -> Run:
    run = Run()
    for name, changes in visits.items():
        picture = run.file(f"data/sweep/{name}/screenshot.png", f"picture of {name}".encode(), "image/png")
        whole = {"screenshot": picture, "stable": True, "status": 200, "environment": "Chromium 156"}
        visit = PageVisit(
            subject=f"{name}@phone",
            gathered_at=STARTED,
            page=name,
            viewport="phone",
            url=f"http://127.0.0.1/{name}",
            **(whole | changes),
        )
        run.add(visit)
    return run


def approve_all(run: Run, folder: Path, *subjects: str) -> tuple[list[str], dict[str, str]]:
    return approve_pictures(run, folder, run_id=RUN_ID, subjects=subjects, approved_by="Ada", reason="first look")


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
    ],
    ids=["not-toml", "no-digest", "incomplete", "no-table", "not-utf-8"],
)
def test_an_index_that_is_not_one_is_never_taken_for_an_empty_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "visual.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BaselineError, match="cannot be read"):
        read_index(tmp_path)


def test_all_fit_pictures_of_a_run_are_approved(tmp_path: Path) -> None:
    assert approve_all(run_with(home={}, about={}), tmp_path) == (["about@phone", "home@phone"], {})
    index = read_index(tmp_path)
    assert {name: picture.approved_by for name, picture in index.items()} == {"about@phone": "Ada", "home@phone": "Ada"}
    assert index["home@phone"].sha256 == hashlib.sha256(b"picture of home").hexdigest()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"problem": "no answer"}, "the visit failed: no answer"),
        ({"status": 500}, "the page answered 500"),
        ({"status": None}, "the page answered None"),
        ({"stable": False}, "never stood still"),
        ({"screenshot": None}, "no picture was taken"),
    ],
    ids=["failed", "500", "no-status", "unstable", "no-picture"],
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
