"""The judge of axe's results: barriers fail, questions stay questions, and an unfinished scan is never clean."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image, ImageDraw

from evidence_store.model import Finding, Outcome
from tasks.accessibility.crops import PADDING
from tasks.accessibility.questions import element_digest
from tests.tasks.judged_runs import Case, assert_ends_as_said, judged, plan_of

from .cases import BEST, CASES, RESULT, answered, evidence, findings, listed, rule, scan


@pytest.mark.parametrize("case", CASES["axe"], ids=lambda case: case.name)
def test_outcome_of_each_case(case: Case) -> None:
    assert_ends_as_said(case)


def test_a_pass_says_how_much_was_looked_at() -> None:
    (finding,) = findings().findings
    assert finding.looked_at == "1,212 elements, 2 frames, 2 rules passed"
    assert finding.evidence == (RESULT,)


def test_questions_are_reviews_that_do_not_gate_and_are_never_dropped() -> None:
    found = findings([], [rule("video-caption"), rule("link-in-text-block")]).findings
    assert [(finding.outcome, finding.gates, finding.rule) for finding in found] == [
        (Outcome.REVIEW, False, "video-caption"),
        (Outcome.REVIEW, False, "link-in-text-block"),
        (Outcome.PASS, True, ""),
    ]


def test_a_violation_names_rule_element_count_and_explanation() -> None:
    (finding,) = findings([rule(nodes=4)]).findings
    assert (finding.rule, finding.element, finding.more_information) == (
        "color-contrast",
        "#save",
        "https://rules.example/color-contrast",
    )
    assert (finding.measured, finding.limit, finding.unit) == (4, 0, "elements")


@pytest.mark.parametrize(
    ("target", "element"),
    [
        (["#a"], "#a"),
        (["iframe", "#a"], "iframe >> #a"),
        ([["my-card", "#a"]], "my-card >>> #a"),
        (["iframe", ["my-card", "#a"]], "iframe >> my-card >>> #a"),
        ([], ""),
    ],
    ids=["plain", "frame", "shadow-root", "frame-and-shadow-root", "none"],
)
def test_the_element_is_told_through_frames_and_shadow_roots(target: list[object], element: str) -> None:
    (finding,) = findings([rule(target=target)]).findings
    assert finding.element == element


def test_a_violation_in_another_row_keeps_its_name() -> None:
    first, second = (findings([rule(target=[f"tr:nth-child({row}) > a"])]).findings[0].fingerprint for row in (2, 17))
    assert first == second


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("#radix-_r_b_-trigger-COMPLETED", "#radix-_r_1e_-trigger-COMPLETED"),
        ("#radix-_R_1abH2_", "#radix-_R_2abH1_"),
        (r"#radix-\:r1b\: > button", r"#radix-\:ra\: > button"),
        ('input[aria-describedby=":r7:"]', 'input[aria-describedby=":r1k:"]'),
        ("#react-aria-«r3»", "#react-aria-«rc»"),
    ],
)
def test_an_identifier_that_react_counted_does_not_name_a_violation(first: str, second: str) -> None:
    one, other = (findings([rule(target=[target])]).findings[0].fingerprint for target in (first, second))
    assert one == other


AXIS = (
    'text[data-unformatted="−2"][transform="translate(0,309.03)"]',
    'text[transform="translate(0,253.34)"][data-unformatted="0"]',
)


def test_labels_of_an_axis_are_one_component() -> None:
    (finding,) = findings([buttons(*AXIS)]).findings
    assert (finding.measured, finding.element) == (2, 'text[data-unformatted=""][transform="translate()"]')


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('a[href$="about/"]', 'a[href$="contact/"]'),
        ('input[name="from"]', 'input[name="to"]'),
        ('a[title="[1] first"]', 'a[title="[2] second"]'),
        ("[data-v-7ba5bd90]", "[data-v-11c5bd90]"),
    ],
)
def test_attributes_that_differ_by_words_are_two_components(first: str, second: str) -> None:
    assert len(findings([buttons(first, second)]).findings) == 2


@pytest.mark.parametrize("target", [":root:has(dialog)", ".flex:read-only:hover", "#my_r_a"])
def test_what_is_no_counter_stays_in_the_name(target: str) -> None:
    assert findings([rule(target=[target])]).findings[0].element == target


def test_a_warning_never_gates_and_a_violation_always_does() -> None:
    found = findings([BEST, rule(), rule(impact="minor")]).findings
    assert [finding.word for finding in found] == ["warn", "fail", "warn"]


def test_the_check_as_a_warning_gates_nothing() -> None:
    found = findings([rule()], table={"severity": "warning"})
    assert [finding.word for finding in found.findings] == ["warn"]
    assert scan([rule()], table={"severity": "warning"}).word == "warn"


def test_a_scan_that_saw_no_element_is_an_error() -> None:
    assert scan(nodes=0).outcome is Outcome.ERROR


def test_a_violation_of_unknown_impact_does_not_pass() -> None:
    assert scan([rule(impact=None)]).outcome is not Outcome.PASS


# -- one finding for each component -----------------------------------------------------------------------------------


def buttons(*targets: Any, **changes: Any) -> dict[str, Any]:
    """A rule broken by these elements."""
    nodes = [{"target": [target], "html": f"<b>{number}</b>"} for number, target in enumerate(targets)]
    return {**rule(**changes), "nodes": nodes}


def test_575_times_one_button_is_one_finding_with_a_count() -> None:
    (finding,) = findings([buttons(*(f"tr:nth-child({row}) > .chip" for row in range(575)))]).findings
    assert (finding.element, finding.measured) == ("tr > .chip", 575)
    assert "tr:nth-child(0) > .chip, tr:nth-child(1) > .chip, tr:nth-child(2) > .chip and 572 more" in finding.message


def test_no_component_is_lost_behind_another() -> None:
    told = findings([buttons("#a", "tr:nth-child(1) > .chip", "#b", "tr:nth-child(2) > .chip")]).findings
    assert [(finding.element, finding.measured) for finding in told] == [("#a", 1), ("tr > .chip", 2), ("#b", 1)]
    assert len({finding.fingerprint for finding in told}) == 3


def test_two_endless_selectors_that_begin_alike_are_two_findings() -> None:
    told = findings([buttons("x" * 900 + "a", "x" * 900 + "b")]).findings
    assert len({finding.fingerprint for finding in told}) == 2
    assert all(len(finding.element) <= 500 for finding in told)


def test_a_finding_keeps_its_name_however_many_elements_there_are_and_wherever() -> None:
    few, many = (findings([buttons(*(f"tr:nth-child({n}) > a" for n in rows))]).findings for rows in ([3], range(9)))
    assert [finding.fingerprint for finding in few] == [finding.fingerprint for finding in many]


def test_the_summary_of_the_failure_is_told() -> None:
    node = {"target": ["#a"], "html": "<i>", "failureSummary": "Fix any of the following:\n  contrast of 2.1"}
    (finding,) = findings([{**rule(), "nodes": [node]}]).findings
    assert finding.message.endswith("<i>; Fix any of the following: contrast of 2.1")


def test_a_violation_that_names_no_element_is_still_one() -> None:
    (finding,) = findings([{**rule(), "nodes": []}]).findings
    assert (finding.word, finding.element, finding.measured) == ("fail", "", 0)


def test_a_page_that_the_plan_no_longer_names_is_not_judged() -> None:
    run, _ = evidence([rule()])
    assert judged("axe", run, plan_of({"axe": {}}, pages=[{"name": "about", "path": "/"}])).findings == ()


# -- what people said before ------------------------------------------------------------------------------------------


def test_a_known_violation_says_who_accepts_it_until_when_and_why() -> None:
    finding = findings([rule()], known=[listed()]).findings[0]
    assert finding.word == "warn"
    assert finding.message.endswith("; known: Ada accepts it until 2026-03-03 (UI-231, the old palette)")


def test_what_is_fixed_and_still_listed_is_told_on_its_page() -> None:
    (finding,) = [item for item in findings(known=[listed()]).findings if item.outcome is Outcome.FAIL]
    assert (finding.subject, finding.word, finding.element) == ("home@desktop", "warn", "#save")
    assert "listed as known by Ada, and is no longer there: take it off the list" in finding.message


@pytest.mark.parametrize("changes", [{"subject": "about@desktop"}, {"check": "keyboard"}], ids=["page", "check"])
def test_what_is_listed_for_another_page_or_check_is_not_told_here(changes: dict[str, str]) -> None:
    assert [finding.word for finding in findings(known=[listed(**changes)]).findings] == ["pass"]
    lost = findings(frames_missed=1, known=[listed(**changes)]).findings[0]
    assert lost.message == "1 frames could not be scanned (2 were)"


def test_a_listed_violation_that_became_a_question_is_not_fixed() -> None:
    told = findings([], [rule()], known=[listed()]).findings
    assert [finding.word for finding in told] == ["review", "pass"]


def test_a_listed_violation_that_became_a_question_and_was_answered_is_fixed() -> None:
    told = findings([], [rule()], known=[listed()], answers=[answered()]).findings
    assert [(finding.word, finding.rule) for finding in told] == [
        ("warn", "no-longer-there:color-contrast"),
        ("pass", ""),
    ]


def test_a_listed_warning_is_known_too() -> None:
    told = findings([BEST], known=[listed("region")]).findings
    assert [finding.word for finding in told] == ["warn", "pass"]
    assert "0 elements with warnings" in told[1].message


def test_an_answer_that_no_longer_holds_says_why_the_question_is_open() -> None:
    changed = {**rule(), "nodes": [{"target": ["#save"], "html": "<button id=save hidden>"}]}
    question = findings([], [changed], answers=[answered()]).findings[0]
    assert question.message.endswith("; ada answered 'pass' on 2026-02-21, but the element has changed since")


def test_a_violation_is_never_closed_by_an_answer() -> None:
    assert scan([rule()], answers=[answered()]).outcome is Outcome.FAIL


def test_a_question_carries_the_digest_of_its_element_and_a_violation_none() -> None:
    violation, question, *_ = findings([rule("label")], [rule()]).findings
    assert (violation.element_sha256, question.element_sha256) == ("", element_digest(rule()["nodes"]))


def test_a_question_asks_in_words() -> None:
    told = findings([], [rule("video-caption"), rule("something-new")]).findings
    assert told[0].message.startswith("Are there captions for everything that is said and heard? (1 element)")
    assert told[1].message.startswith("Does it meet the rule 'help of something-new'? (1 element)")


# -- pictures of elements ---------------------------------------------------------------------------------------------

PLACE = {"scale": 1, "boxes": {"#save": [100, 50, 80, 30]}, "left_out": 0}


def screenshot(fill: tuple[int, int, int] = (0, 0, 255), width: int = 400, height: int = 300) -> bytes:
    """A white page with a blue element at 100, 50 of 80 x 30 CSS pixels."""
    picture = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(picture).rectangle((100, 50, 179, 79), fill=fill)
    encoded = io.BytesIO()
    picture.save(encoded, format="PNG")
    return encoded.getvalue()


def cut(finding: Finding) -> Image.Image:
    """The picture that a finding shows."""
    (rendering,) = finding.renderings
    assert finding.evidence[0] == rendering.path
    return Image.open(io.BytesIO(rendering.content))


def seen(
    *changes: Any, looks: Any = None, about: dict[str, Any] | None = None, element: str = "#save", **more: Any
) -> Finding:
    """The question, or what became of it, of a page whose element was blue when ada said that it is readable."""
    told = {"element_looks": looks_of(screenshot())} if looks is None else {"element_looks": looks}
    whole = {"boxes": PLACE, "picture": screenshot(*changes)} | more
    about = about or rule()
    return findings([], [about], answers=[answered(about=about, element=element, **told)], **whole).findings[0]


def looks_of(picture: bytes) -> tuple[str, ...]:
    """How the element looks in a picture of the page."""
    return findings([], [rule()], boxes=PLACE, picture=picture).findings[0].element_looks


def test_an_answer_by_eye_holds_while_the_element_looks_as_it_did() -> None:
    assert len(looks_of(screenshot())) == 1
    assert seen().word == "pass"
    assert seen((3, 2, 252)).word == "pass"


def test_an_answer_by_eye_ends_when_what_lies_behind_looks_different() -> None:
    question = seen((0, 120, 255))
    assert question.word == "review"
    assert question.message.split("; no picture")[0].endswith(
        "ada answered 'pass' on 2026-02-21, but the element, or what lies behind it, looks different since"
    )


def test_an_answer_to_what_is_not_seen_holds_whatever_it_looks_like() -> None:
    assert seen((0, 120, 255), about=rule("video-caption"), looks=()).word == "pass"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"looks": ()}, "it does not say how the element looked"),
        ({"boxes": {**PLACE, "boxes": {}}}, "how the element looks now is not in the picture"),
        ({"picture": None}, "how the element looks now is not in the picture"),
        ({"picture": b"not a picture"}, "how the element looks now is not in the picture"),
    ],
    ids=["given-without", "no-place", "no-picture", "broken-picture"],
)
def test_an_answer_by_eye_that_cannot_be_held_against_a_look_says_why(changes: dict[str, Any], says: str) -> None:
    question = seen(**changes)
    assert (question.word, says in question.message) == ("review", True)


def test_where_no_look_can_be_had_an_answer_holds_on_to_the_element_alone() -> None:
    """In a frame, where elements have no place in the picture, today and when it was given."""
    assert seen(looks=(), boxes={**PLACE, "boxes": {}}).word == "pass"


def test_every_element_has_to_look_as_one_did() -> None:
    both = {**rule(), "nodes": [{"target": [f"tr:nth-child({row}) > a"], "html": "<a>"} for row in (1, 2)]}
    boxes = {"tr:nth-child(1) > a": [100, 50, 80, 30], "tr:nth-child(2) > a": [100, 50, 80, 30]}
    given = {"looks": looks_of(screenshot()), "about": both, "element": "tr > a"}
    assert seen(boxes={**PLACE, "boxes": boxes}, **given).word == "pass"
    elsewhere = boxes | {"tr:nth-child(2) > a": [10, 150, 80, 30]}
    assert "looks different since" in seen(boxes={**PLACE, "boxes": elsewhere}, **given).message


def test_the_element_is_cut_out_with_its_surroundings_and_marked() -> None:
    finding = findings([rule()], boxes=PLACE, picture=screenshot()).findings[0]
    picture = cut(finding)
    assert picture.size == (80 + 2 * PADDING, 30 + 2 * PADDING)
    assert picture.getpixel((PADDING, PADDING)) == (0, 0, 255)
    assert picture.getpixel((PADDING - 2, PADDING - 2)) == (214, 0, 80)
    assert finding.evidence == (f"data/accessibility/home@desktop/violation-{finding.fingerprint}.png", RESULT)


def test_a_question_is_shown_beside_a_violation_of_the_same_name() -> None:
    violation, question = findings([rule()], [rule()], boxes=PLACE, picture=screenshot()).findings
    assert violation.fingerprint == question.fingerprint
    assert violation.evidence[0] != question.evidence[0]


def test_pictures_of_a_dense_screen_are_cut_where_the_element_is() -> None:
    dense = {**PLACE, "scale": 2, "boxes": {"#save": [50, 25, 40, 15]}}
    assert cut(findings([rule()], boxes=dense, picture=screenshot()).findings[0]).size == (
        80 + 4 * PADDING,
        30 + 4 * PADDING,
    )


def test_a_large_element_is_shown_no_larger_than_800_by_600() -> None:
    whole = {**PLACE, "boxes": {"#save": [0, 0, 1200, 9_000]}}
    size = cut(findings([rule()], boxes=whole, picture=screenshot(width=1280, height=9_000)).findings[0]).size
    assert size[0] <= 800
    assert size[1] == 600


def test_warnings_and_known_violations_have_no_picture_of_their_own() -> None:
    told = findings([BEST, rule()], known=[listed()], boxes=PLACE, picture=screenshot()).findings
    assert [finding.renderings for finding in told] == [(), (), ()]


def test_pictures_are_limited_and_what_has_none_says_so() -> None:
    names = [f"#b{letter}" for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGH"]
    boxes = {**PLACE, "boxes": {name: [100, 50, 80, 30] for name in names}}
    told = findings([buttons(*names)], [rule()], boxes=boxes, picture=screenshot()).findings
    assert [len(finding.renderings) for finding in told] == [1] * 30 + [0] * 5
    assert told[33].message.endswith("no picture of it: only 30 elements of a page are cut out")


@pytest.mark.parametrize(
    ("place", "picture", "says"),
    [
        ([100, 5_000, 80, 30], screenshot(), "the element lies outside the picture that was taken"),
        ([-500, 50, 80, 30], screenshot(), "the element lies outside the picture that was taken"),
        ([100, 50, 80, 30], b"not a picture", "the page's picture cannot be read"),
    ],
    ids=["below", "left-of-the-page", "no-picture"],
)
def test_an_element_that_cannot_be_shown_says_why(place: list[float], picture: bytes, says: str) -> None:
    finding = findings([rule()], boxes={**PLACE, "boxes": {"#save": place}}, picture=picture).findings[0]
    assert (finding.word, finding.renderings) == ("fail", ())
    assert f"; no picture of it: {says}" in finding.message


@pytest.mark.parametrize(
    "boxes",
    [
        [],
        {"scale": "x", "boxes": {}},
        {"scale": 1},
        {"scale": 1, "boxes": {"#save": [1, 2]}},
        {"scale": 1, "boxes": 3},
        {"scale": 1, "boxes": {"#save": [1e308] * 4}},
    ],
    ids=["list", "no-scale", "no-boxes", "half-a-box", "number", "beyond-any-page"],
)
def test_places_that_are_none_are_an_error(boxes: Any) -> None:
    assert scan([rule()], boxes=boxes, picture=screenshot()).reason.startswith("the evidence cannot be read")


def test_an_element_in_a_frame_shows_the_whole_page() -> None:
    finding = findings([rule(target=["iframe", "#save"])], boxes=PLACE, picture=screenshot()).findings[0]
    assert finding.evidence == ("data/sweep/home@desktop/screenshot.png", RESULT)
