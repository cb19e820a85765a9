"""The list of known findings: read or refused whole, written so that no entry is lost, pruned of what is fixed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evidence_store.gate import decide
from evidence_store.model import Manifest
from tasks.accessibility.known import (
    ListError,
    add_known,
    drop_known,
    entries_from,
    fails_of,
    fixed_in,
    read_known,
)
from tasks.accessibility.models import KnownFinding
from tests.tasks.judged_runs import BASE, KNOWN, STARTED, judged

from .cases import SUBJECT, evidence, listed, rows, rule

RUN_ID = "20260302T120000Z-demo-1a2b3c"
UNTIL = STARTED + timedelta(days=30)


def manifest(*args: Any, **changes: Any) -> Manifest:
    """A run of `axe` on these findings, as it is stored."""
    run, plan = evidence(*args, **changes)
    result, expected = judged("axe", run, plan), {"axe": (SUBJECT,)}
    return Manifest(
        run_id=RUN_ID,
        project="stageproof",
        target="demo",
        base_url=BASE,
        profile="nightly",
        started_by="a test",
        release=KNOWN,
        started_at=STARTED,
        finished_at=STARTED,
        plan_sha256="0" * 64,
        expected=expected,
        results=(result,),
        decision=decide(expected, [result], (), KNOWN, STARTED),
    )


def accept(run: Manifest, *fingerprints: str, reason: str = "the old palette") -> list[KnownFinding]:
    return entries_from(run, ["axe"], fingerprints, owner="Ada", reason=reason, ticket="UI-231", expires=UNTIL)


def test_nothing_was_accepted_yet(tmp_path: Path) -> None:
    assert read_known(tmp_path / "absent") == {}


def test_what_was_listed_is_read_back(tmp_path: Path) -> None:
    hostile = listed(element='a[title="]\\n\\u202e\\"[known.x]"] > tr', reason='says "so", \\ and ]]')
    add_known(tmp_path, [hostile, listed("label")])
    assert read_known(tmp_path) == {entry.fingerprint: entry for entry in (hostile, listed("label"))}


def test_a_finding_is_listed_under_the_name_that_the_run_gave_it() -> None:
    run = manifest([rule(target=["tr:nth-child(4) > a"])])
    ((name, (check, finding)),) = fails_of(run, ["axe"]).items()
    (entry,) = accept(run, name)
    assert (entry.fingerprint, entry.element, entry.run_id, check) == (name, "tr > a", RUN_ID, "axe")
    assert manifest([rule(target=["tr:nth-child(9) > a"])], known=[entry]).decision.verdict == "go"
    assert finding.gates


def test_it_is_recorded_in_how_many_places_a_finding_was_accepted() -> None:
    run = manifest([rows(count=3)])
    (entry,) = accept(run, *fails_of(run, ["axe"]))
    assert entry.places == 3
    assert entry.fingerprint == listed(element="tr > a").fingerprint


def test_a_finding_that_grew_is_accepted_anew_under_its_own_name_alone() -> None:
    run = manifest([rows(count=3)], known=[listed(element="tr > a", places=1)])
    assert [finding.word for finding in run.results[0].findings] == ["warn", "warn", "pass"]
    (name,) = fails_of(run, ["axe"])
    (entry,) = accept(run, name)
    assert (entry.places, name) == (3, listed(element="tr > a").fingerprint)
    assert [finding.word for finding in manifest([rows(count=3)], known=[entry]).results[0].findings] == [
        "warn",
        "pass",
    ]


def test_a_new_acceptance_replaces_the_old_one_and_keeps_the_others(tmp_path: Path) -> None:
    add_known(tmp_path, [listed(), listed("label")])
    later = listed(until=UNTIL, owner="Bo")
    add_known(tmp_path, [later])
    assert read_known(tmp_path) == {entry.fingerprint: entry for entry in (listed("label"), later)}
    drop_known(tmp_path, [later.fingerprint, "not-listed"])
    assert list(read_known(tmp_path)) == [listed("label").fingerprint]


def test_people_who_list_at_once_all_keep_their_entries(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as people:
        list(people.map(lambda number: add_known(tmp_path, [listed(element=f"#button{number}")]), range(24)))
    assert len(read_known(tmp_path)) == 24


NAME = listed().fingerprint
ENTRY = f'rule = "color-contrast"\nelement = "#save"\nsubject = "{SUBJECT}"\n'
WHO = 'owner = "Ada"\nreason = "the old palette"\n'
UNTIL_LINE = "expires = 2027-01-31T00:00:00Z\n"
WHOLE = f'[known."{NAME}"]\n{ENTRY}{WHO}{UNTIL_LINE}'


def test_the_file_as_a_person_writes_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "accessibility.toml").write_text(WHOLE, encoding="utf-8")
    assert [entry.owner for entry in read_known(tmp_path).values()] == ["Ada"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[known.", "cannot be read"),
        ("\udcff", "cannot be read"),
        ("x = " + "[" * 100_000, "cannot be read"),
        (WHOLE * 2, "cannot be read"),
        ("known = 3\n", "is not a list of known findings"),
        (WHOLE.replace("[known.", "[knwon."), "unknown key 'knwon'; known: known"),
        (WHOLE.replace(UNTIL_LINE, ""), "expires: Field required"),
        (WHOLE.replace("00:00:00Z", "00:00:00"), "expires: Input should have timezone info"),
        (WHOLE.replace('owner = "Ada"', 'owner = "  "'), "owner: String should have at least 1 character"),
        (WHOLE.replace("the old palette", "old"), "reason: String should have at least 8 characters"),
        (f"{WHOLE}places = 0\n", "places: Input should be greater than or equal to 1"),
        (f'{WHOLE}places = "many"\n', "places: Input should be a valid integer"),
        (WHOLE.replace("ticket", "tikcet") + "tikcet = 1\n", "tikcet: Extra inputs are not permitted"),
        (WHOLE.replace("#save", "#everything"), "have the fingerprint"),
        (WHOLE.replace("desktop", "phone"), "have the fingerprint"),
        (WHOLE.replace(NAME, "*"), "have the fingerprint"),
    ],
    ids=[
        "half",
        "not-utf-8",
        "endless-nesting",
        "listed-twice",
        "no-table",
        "misspelt-table",
        "no-end",
        "no-time-zone",
        "nobody",
        "no-reason",
        "in-no-place",
        "no-number",
        "misspelt-key",
        "another-element",
        "another-page",
        "a-pattern",
    ],
)
def test_a_list_that_is_none_is_never_taken_for_an_empty_one(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "accessibility.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ListError, match="mend it") as refused:
        read_known(tmp_path)
    assert says in str(refused.value)


def test_a_list_without_end_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "accessibility.toml").open("wb") as file:
        file.truncate(6_000_000)
    with pytest.raises(ListError, match="more than 5,000,000 bytes"):
        read_known(tmp_path)


def test_a_folder_in_the_place_of_the_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "accessibility.toml").mkdir()
    with pytest.raises(ListError, match="cannot be read"):
        read_known(tmp_path)


@pytest.mark.parametrize(
    ("run", "says"),
    [
        (manifest(), "has no finding"),
        (manifest([], [rule()]), "is a question"),
        (manifest([rule()], frames_missed=1), "has no finding"),
    ],
    ids=["nothing-there", "question", "not-scanned"],
)
def test_only_a_fail_can_be_accepted(run: Manifest, says: str) -> None:
    with pytest.raises(ListError, match=says):
        accept(run, NAME)


def test_that_something_is_no_longer_there_cannot_be_accepted() -> None:
    assert fails_of(manifest(known=[listed()]), ["axe"]) == {}


def test_an_error_cannot_be_accepted() -> None:
    run = manifest(frames_missed=1)
    (error,) = run.results[0].findings
    with pytest.raises(ListError, match="is no violation but error, which nobody can accept"):
        accept(run, error.fingerprint)


def test_a_finding_of_a_check_that_keeps_no_list_is_refused() -> None:
    with pytest.raises(ListError, match="is of 'axe'; only findings of keyboard can be listed: waive it"):
        entries_from(
            manifest([rule()]), ["keyboard"], [NAME], owner="Ada", reason="whatever it is", ticket="", expires=UNTIL
        )


def test_an_acceptance_without_a_reason_is_refused() -> None:
    with pytest.raises(ListError, match="reason: String should have at least 8 characters"):
        accept(manifest([rule()]), NAME, reason="because")


def test_only_what_the_run_looked_for_and_did_not_see_is_pruned() -> None:
    kept, gone = listed(), listed("label")
    both = {entry.fingerprint: entry for entry in (kept, gone)}
    assert fixed_in(manifest([rule()], known=[kept, gone]), both) == [gone.fingerprint]
    assert fixed_in(manifest([rule()], known=[kept, gone], frames_missed=1), both) == []
    assert fixed_in(manifest(visits=0, known=[kept, gone]), both) == []
    # Listed after that run: it did not look for them, and so says nothing of them.
    assert fixed_in(manifest([rule()]), both) == []


@pytest.mark.parametrize("until", [STARTED, STARTED - timedelta(days=1)], ids=["now", "yesterday"])
def test_what_has_expired_gates_again(until: datetime) -> None:
    assert manifest([rule()], known=[listed(until=until)]).decision.verdict == "no-go"
