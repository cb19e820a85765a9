"""People's answers: what is written is read back, what was tampered with is refused, what they hold on to is stable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evidence_store.model import CheckResult, Outcome
from evidence_store.signing import SigningError
from tasks.accessibility.answers import (
    AnswerError,
    answer_to,
    parse_answer,
    questions_of,
    read_answers,
    record_answer,
)
from tasks.accessibility.gather import AcceptedAndAnswered
from tasks.accessibility.known import add_known
from tasks.accessibility.questions import element_digest
from tasks.contract import GatherError
from tests.flows.looking import new_workspace
from tests.tasks.judged_runs import Run, judged, plan_of

from .cases import ADA, EVE, SIGNERS, answered, evidence, findings, listed, rule
from .test_known import manifest

ASKED = manifest([], [rule()])
(QUESTION,) = questions_of(ASKED)


def give(answer: str = "pass", by: str = "ada", reason: str = "looked at it closely") -> Any:
    return answer_to(ASKED, QUESTION, answer, by=by, reason=reason, days=180)


# -- what is written --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, ADA], ids=["unsigned", "signed"])
def test_an_answer_is_read_back_as_it_was_given(key: Any, tmp_path: Path) -> None:
    given = give()
    path = record_answer(tmp_path, given, key)
    ((name, content),) = read_answers(tmp_path).items()
    read = parse_answer(content, name, "demo")
    assert (path.name, read.answer, read.is_signed) == (f"{QUESTION}.json", given, key is not None)
    read.verify({"ada": ADA.public_key()})
    assert (given.expires - given.answered_at).days == 180


def test_the_last_answer_to_a_question_counts(tmp_path: Path) -> None:
    record_answer(tmp_path, give("pass"), None)
    record_answer(tmp_path, give("fail"), None)
    ((name, content),) = read_answers(tmp_path).items()
    assert parse_answer(content, name, "demo").answer.answer == "fail"


def test_a_question_that_was_answered_fail_can_be_answered_anew() -> None:
    run = manifest([], [rule()], answers=[answered("fail")])
    assert list(questions_of(run)) == [QUESTION]
    assert questions_of(manifest([rule()])) == {}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"answer": "perhaps"}, "answer: Input should be 'pass', 'fail' or 'not-applicable'"),
        ({"reason": "fine"}, "reason: String should have at least 8 characters"),
        ({"by": " "}, "by: String should have at least 1 character"),
    ],
)
def test_an_answer_that_says_nothing_is_refused(changes: dict[str, str], says: str) -> None:
    with pytest.raises(AnswerError, match=says):
        give(**changes)


def test_what_was_not_asked_is_not_answered() -> None:
    with pytest.raises(AnswerError, match="has no open question"):
        answer_to(manifest([rule()]), QUESTION, "pass", by="ada", reason="looked at it", days=1)


# -- what is refused --------------------------------------------------------------------------------------------------


def changed(**changes: Any) -> bytes:
    return json.dumps(json.loads(answered()[1]) | changes).encode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "Expecting value"),
        (b"\xff\xfe{", "can't decode"),
        (b"[" * 100_000, "recursion"),
        (b"[]", "Input should be"),
        (changed(subject="about@desktop"), "its fingerprint is not that of"),
        (changed(rule="label"), "its fingerprint is not that of"),
        (changed(answer="yes"), "answer: "),
        (changed(element_sha256="*"), "element_sha256: "),
        (changed(expires="2020-01-01T00:00:00Z"), "it expires before it was given"),
        (changed(expires="2027-01-01T00:00:00"), "timezone"),
        (changed(extra=1), "extra: "),
        (b'{"payloadType": "x", "payload": "***", "signatures": [{"keyid": "a", "sig": ""}]}', "not base64"),
        (b'{"payloadType": "x", "payload": "e30=", "signatures": []}', "signatures: "),
    ],
)
def test_what_is_no_answer_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(AnswerError, match=r"is not a recorded answer") as refused:
        parse_answer(content, f"{QUESTION}.json", "demo")
    assert says in str(refused.value)


@pytest.mark.parametrize("name", ["notes.json", "0F6E2A0000000000.json", "link.json"])
def test_a_file_that_is_no_answer_is_not_passed_over(name: str, tmp_path: Path) -> None:
    (tmp_path / "reviews").mkdir()
    (tmp_path / "reviews" / name).write_bytes(answered()[1])
    with pytest.raises(AnswerError, match="is not the file of an answer"):
        read_answers(tmp_path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "reviews").mkdir()
    name, content = answered()
    (tmp_path / "elsewhere").write_bytes(content)
    (tmp_path / "reviews" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AnswerError, match="is not the file of an answer"):
        read_answers(tmp_path)


def test_an_endless_answer_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "reviews").mkdir()
    with (tmp_path / "reviews" / answered()[0]).open("wb") as file:
        file.truncate(300_000)
    with pytest.raises(AnswerError, match="more than 200,000 bytes"):
        read_answers(tmp_path)


def test_a_signature_of_another_person_is_none() -> None:
    name, content = answered(key=ADA, by="bo")
    with pytest.raises(SigningError, match="signed by ada, and says that it is by bo"):
        parse_answer(content, name, "demo").verify({"ada": ADA.public_key(), "bo": EVE.public_key()})


# -- what an answer holds on to ---------------------------------------------------------------------------------------


def node(html: str, *data: Any) -> dict[str, Any]:
    return {"html": html, "target": ["#a"], "any": [{"id": "color-contrast", "data": item} for item in data]}


BUTTON = node('<a id="r7" class="css-1a" data-v="9" href="/buy" aria-labelledby="x3">Buy</a>', {"fgColor": "#777777"})


@pytest.mark.parametrize(
    "same",
    [
        node('<a id="r8" class="css-2b" data-v="1" href="/buy" aria-labelledby="x9">Buy</a>', {"fgColor": "#777777"}),
        node('<a href="/buy"   aria-labelledby="" nonce="1">\n  Buy </a>', {"fgColor": "#777777"}),
        node('<A aria-labelledby="x3" href="/buy">Buy</A>', {"fgColor": "#777777"}),
    ],
    ids=["another-build", "another-load", "another-order"],
)
def test_an_element_that_did_not_change_keeps_its_digest(same: dict[str, Any]) -> None:
    assert element_digest([same]) == element_digest([BUTTON])


@pytest.mark.parametrize(
    "other",
    [
        node('<a href="/buy" aria-labelledby="x3">Sell</a>', {"fgColor": "#777777"}),
        node('<a href="/sell" aria-labelledby="x3">Buy</a>', {"fgColor": "#777777"}),
        node('<a href="/buy">Buy</a>', {"fgColor": "#777777"}),
        node('<a href="/buy" aria-labelledby="x3" style="opacity:.5">Buy</a>', {"fgColor": "#777777"}),
        node('<a href="/buy" aria-labelledby="x3">Buy</a>', {"fgColor": "#888888"}),
        node('<a href="/buy" aria-labelledby="x3">Buy</a>'),
    ],
    ids=["text", "address", "reference", "style", "colour", "nothing-measured"],
)
def test_an_element_that_changed_has_another_digest(other: dict[str, Any]) -> None:
    assert element_digest([other]) != element_digest([BUTTON])


def test_a_label_that_lies_elsewhere_in_a_chart_is_the_same() -> None:
    one, other = (node(f'<text x="{x}" transform="translate(0,{y}.5)">Mon</text>') for x, y in ((79, 253), (80, 197)))
    assert element_digest([one]) == element_digest([other])


def test_more_of_the_same_element_is_the_same_and_another_one_is_not() -> None:
    assert element_digest([BUTTON, BUTTON]) == element_digest([BUTTON])
    assert element_digest([BUTTON, node("<b>")]) == element_digest([node("<b>"), BUTTON]) != element_digest([BUTTON])


@pytest.mark.parametrize("html", ["<![x", "<!", "</", "<a b='", "&#x110000;", "<script><b>", "\x00<\ud800>"])
def test_broken_html_has_a_digest_all_the_same(html: str) -> None:
    assert len(element_digest([node(html)])) == 64


# -- copied into a run ------------------------------------------------------------------------------------------------


@pytest.fixture
def baselines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of baselines of target `demo`, with an accepted finding, a signed answer and its key."""
    monkeypatch.setenv("STAGEPROOF_BASELINES", str(tmp_path / "baselines"))
    folder = tmp_path / "baselines" / "demo"
    add_known(folder, [listed("label", "#name")])
    record_answer(folder, give(), ADA)
    (folder.parent / "signers.toml").write_text(SIGNERS, encoding="utf-8")
    return folder


def gathered(home: Path) -> Run:
    """What the source copies into a run, beside a scan."""
    plan = plan_of({"axe": {}})
    workspace = new_workspace(home)
    source = AcceptedAndAnswered()
    (shard,) = source.shards(plan)
    source.gather(plan, shard, workspace)
    run, _ = evidence([rule("label", target=["#name"])], [rule()], looked_up=False)
    run.files |= {name: workspace.read(name) for name in workspace.names()}
    return run


def words(result: CheckResult) -> list[str]:
    return [finding.word for finding in result.findings]


def test_what_people_said_is_heeded_from_the_evidence_alone(baselines: Path, tmp_path: Path) -> None:
    run = gathered(tmp_path / "home")
    for path in [*baselines.rglob("*.*"), baselines.parent / "signers.toml"]:
        path.unlink()
    result = judged("axe", run, plan_of({"axe": {"signed_answers": True}}))
    assert words(result) == ["warn", "pass"]
    assert "1 known finding let through; 1 question answered by ada" in result.findings[1].message


def test_an_answer_that_was_altered_since_is_an_error(baselines: Path, tmp_path: Path) -> None:
    run = gathered(tmp_path / "home")
    (name,) = [name for name in run.files if "/reviews/" in name]
    run.files[name] = answered("not-applicable")[1]
    result = judged("axe", run, plan_of({"axe": {}}))
    assert "does not hash" in (result.problem or "")


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("demo/accessibility.toml", "accessibility.toml cannot be read"),
        ("demo/reviews/00aa11bb22cc33dd.json", "is not a recorded answer"),
        ("signers.toml", "signers.toml cannot be read"),
    ],
)
def test_a_broken_file_costs_the_whole_look_and_says_what_to_mend(
    file: str, says: str, baselines: Path, tmp_path: Path
) -> None:
    (baselines.parent / file).write_text("{[", encoding="utf-8")
    with pytest.raises(GatherError, match=says):
        gathered(tmp_path / "home")


def test_a_list_that_could_not_be_read_is_an_error_on_every_page() -> None:
    run, plan = evidence([rule()], looked_up=False)
    run.failed("accessibility-baselines", "home@desktop", message="accessibility.toml cannot be read; mend it")
    (finding,) = judged("axe", run, plan).findings
    assert (finding.outcome, finding.message) == (Outcome.ERROR, "accessibility.toml cannot be read; mend it")


def test_without_any_file_nothing_is_accepted_and_nothing_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGEPROOF_BASELINES", str(tmp_path / "nothing-here"))
    run = gathered(tmp_path / "home")
    assert words(judged("axe", run, plan_of({"axe": {}}))) == ["fail", "review"]
    assert words(findings([rule("label")], [rule()])) == ["fail", "review"]
