"""The words: verdict sentences, grouping, what counts as proven, what changed."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest

from evidence_store.model import LEFT_OUT, CheckResult, Finding, Manifest, Outcome, Release, VerdictWord, Waiver
from evidence_store.report.launch_plan import WORKSTREAMS
from evidence_store.report.story import problem_fingerprints, tell
from evidence_store.report.told import RowTold
from tests.report.red import all_red
from tests.report.sample import (
    EXPECTED,
    SERVICES,
    SPECS,
    STARTED,
    failed,
    manifest,
    no_go,
    passed,
    passing,
    results,
)


def of_health(*findings: Finding, services: int, waivers: tuple[Waiver, ...] = ()) -> Manifest:
    """A run of the health check alone, which expects the first `services` services."""
    return manifest(
        "go",
        results=results({"health": list(findings)}),
        expected={"health": SERVICES[:services]},
        waivers=waivers,
    )


def well(service: str) -> Finding:
    return passed(service, "answered 200", "1 answer")


def ill(service: str, message: str = "answered 503") -> Finding:
    return failed(service, message, rule="status")


def rows(told: Manifest) -> dict[str, RowTold]:
    return {row.id: row for stream in tell(told).scorecard for row in stream.rows}


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (
            "no-go",
            "NO-GO for release 4f2c9e1 on demo: 3 of 9 checks fail, 1 of 4 services was never reached"
            " and 1 of 8 page states could not be judged.",
        ),
        ("go", "GO for release 4f2c9e1 on demo: all 42 subjects of 9 checks were judged and pass."),
        (
            "incomplete",
            "INCOMPLETE for release 4f2c9e1 on demo: no blocking failure was seen,"
            " but 1 of 4 services was never reached and 3 journeys could not be judged.",
        ),
        (
            "doubtful",
            "INCOMPLETE for release 4f2c9e1 on demo: nobody can say which release was tested,"
            " so none of the results counts.",
        ),
    ],
)
def test_the_verdict_is_one_sentence(kind: str, sentence: str) -> None:
    assert tell(manifest(kind)).sentence == sentence


@pytest.mark.parametrize(
    ("told", "ending"),
    [
        (of_health(well(SERVICES[0]), services=1), "the only subject of its only check was judged and passes."),
        (
            of_health(well(SERVICES[0]), well(SERVICES[1]), services=2),
            "all 2 subjects of 1 check were judged and pass.",
        ),
        (of_health(ill(SERVICES[0]), services=1), "the only check fails."),
        (of_health(services=1), "no blocking failure was seen, but 1 service was never reached."),
        (of_health(well(SERVICES[0]), services=3), "but 2 of 3 services were never reached."),
        (of_health(ill(SERVICES[0]), services=3), "the only check fails and 2 of 3 services were never reached."),
    ],
)
def test_numbers_and_their_words_agree(told: Manifest, ending: str) -> None:
    assert tell(told).sentence.endswith(ending)


def test_another_release_than_the_one_asked_for_is_named() -> None:
    served = Release(requested="5a0b1c2d", before="4f2c9e1", after="4f2c9e1")
    story = tell(manifest("go", release=served))
    assert (
        story.sentence == "INCOMPLETE for release 4f2c9e1 on demo: release 5a0b1c2d was asked for, so no result counts."
    )
    assert [unseen.title for unseen in story.unseen] == ["It is not the release that was asked for"]


def test_a_go_with_waivers_and_warnings_says_so() -> None:
    waiver = Waiver(
        check="health",
        subject=SERVICES[0],
        owner="Jon Berg",
        reason="known and accepted",
        expires=STARTED + timedelta(days=90),
    )
    warning = ill(SERVICES[1]).model_copy(update={"gates": False})
    told = of_health(ill(SERVICES[0]), warning, well(SERVICES[2]), services=3, waivers=(waiver,))
    assert told.decision.verdict is VerdictWord.GO
    assert tell(told).sentence.endswith(
        "all 3 subjects of 1 check were judged; 1 passes, 1 is waived and 1 only warns."
    )


def test_a_question_waits_for_a_person() -> None:
    question = Finding(outcome=Outcome.REVIEW, subject=SERVICES[0], message="is this meant?")
    told = of_health(well(SERVICES[0]), question, services=1)
    assert tell(told).sentence.endswith("but 1 subject waits for a person's answer.")


def test_an_empty_plan_proves_nothing() -> None:
    told = manifest("go", results=(), expected={})
    told = told.model_copy(update={"decision": told.decision.model_copy(update={"subjects": ()})})
    assert tell(told).sentence.endswith("the plan expects nothing, so nothing was proven.")


def test_a_target_that_cannot_name_its_release_is_said_to() -> None:
    story = tell(manifest("go", release=Release(unknown_reason="a vendor hosts it")))
    assert story.sentence.startswith("GO for an unnamed release on demo: ")
    assert "this target cannot name it: a vendor hosts it" in [fact.value for fact in story.facts]


def test_when_how_long_who_and_the_previous_verdict_follow() -> None:
    facts = {fact.label: fact.value for fact in tell(manifest("no-go")).facts}
    assert facts["Started"] == "2026-03-02 21:04 UTC"
    assert facts["Took"] == "4 min 12 s"
    assert facts["Started by"] == "schedule: nightly-validation"
    assert facts["Previous verdict"] == "NO-GO for release a90d3b7, sealed 2026-03-01 21:09 UTC"


def test_one_broken_component_on_many_pages_is_one_entry() -> None:
    contrast = tell(manifest("no-go")).blocks[0]
    assert contrast.rule == "color-contrast"
    assert contrast.where == "on 6 of 8 subjects"
    assert len(contrast.looks) == 6
    assert contrast.since == "new"


def test_what_to_do_says_where_a_document_is_that_no_package_holds() -> None:
    told = {cause.check: cause.remedy for cause in tell(manifest("no-go")).blocks}
    assert told["axe"] == "see docs/checks.md#axe in stageproof's documentation"
    assert told["visual"] == SPECS["visual"].remedy, "words stay as they are"


def test_what_is_widest_blocks_first_and_a_waived_fail_does_not_block() -> None:
    blocks = tell(manifest("no-go")).blocks
    assert [cause.check for cause in blocks] == ["axe", "visual", "vitals"]


def test_a_visual_fail_brings_its_three_pictures_in_order() -> None:
    visual = next(cause for cause in tell(manifest("no-go")).blocks if cause.check == "visual")
    assert [(picture.role, picture.path) for picture in visual.first.pictures] == [
        ("baseline", "data/visual/approvals@phone/baseline.png"),
        ("now", "data/sweep/approvals@phone/screenshot.png"),
        ("difference", "data/visual/approvals@phone/diff.png"),
    ]


def test_measured_stands_against_its_limit_with_its_unit() -> None:
    words = {cause.check: cause.first.measure.words for cause in tell(manifest("no-go")).blocks if cause.first.measure}
    assert words == {
        "axe": "2.9:1, limit 4.5:1",
        "visual": "1.21 %, limit 0.1 %",
        "vitals": "3,120 ms, limit 2,500 ms",
    }


@pytest.mark.parametrize(
    ("measured", "unit", "words"), [(1, "elements", "1 element, limit 0 elements"), (1, "ms", "1 ms, limit 0 ms")]
)
def test_one_has_its_unit_in_the_singular(measured: float, unit: str, words: str) -> None:
    told = of_health(failed(SERVICES[0], "slow", measured=measured, limit=0, unit=unit), services=1)
    (cause,) = tell(told).blocks
    assert cause.first.measure
    assert cause.first.measure.words == words


def test_what_was_not_looked_at_is_grouped_by_reason() -> None:
    unseen = tell(manifest("incomplete")).unseen
    assert [(entry.word, entry.check, entry.where) for entry in unseen] == [
        ("error", "journeys", "3 of 3 subjects"),
        ("not_run", "health", "service:billing"),
    ]


def test_a_doubt_about_the_release_is_told_once() -> None:
    story = tell(manifest("doubtful"))
    assert len(story.unseen) == 1
    assert story.unseen[0].where == "42 of 42 subjects"
    assert story.doubt is not None
    assert story.doubt.startswith("the release changed during the run")


def test_a_planned_check_that_left_no_result_is_still_told() -> None:
    told = manifest("go", results=tuple(result for result in results(passing()) if result.check != "visual"))
    story = tell(told)
    assert [(entry.check, entry.title, len(entry.subjects)) for entry in story.unseen] == [("visual", "visual", 8)]


def test_a_check_that_could_not_be_judged_says_why() -> None:
    broken = CheckResult(spec=SPECS["health"], problem="the evidence cannot be read: 3 files are missing")
    unseen = tell(manifest("go", results=(broken,), expected={"health": SERVICES})).unseen
    assert [entry.reason for entry in unseen] == ["the evidence cannot be read: 3 files are missing"]


def test_waivers_say_by_whom_why_until_when_and_what_became_of_them() -> None:
    told = {waiver.state: waiver for waiver in tell(manifest("no-go")).waivers}
    assert list(told) == ["expired", "unused", "used"]
    assert told["used"].owner == "Ines Duarte"
    assert told["used"].until == "2026-03-11 21:04 UTC"
    assert told["used"].remark == "Covers 1 failure on 1 subject. It expires in 8 days."
    assert told["expired"].remark == "It has expired and covers nothing any more. 1 failure it was written for is here."
    assert told["unused"].remark == "It covers no failure of this run; it can go."


def test_what_changed_counts_new_still_and_no_longer_seen() -> None:
    changes = tell(manifest("no-go")).changes
    assert changes.summary.endswith("11 new problems, 1 still there, 2 of 3 no longer seen.")
    assert [cause.check for cause in changes.still] == ["visual"]
    assert "No longer seen is not the same as fixed" in changes.remark


def test_what_changed_tells_the_causes_of_one_check_apart() -> None:
    told = of_health(ill(SERVICES[0]), failed(SERVICES[1], "told nothing", rule="body", element="/ready"), services=2)
    told = told.model_copy(update={"previous": manifest("no-go").previous})
    failure = tell(told).blocks[0].title
    assert {cause.named for cause in tell(told).changes.new} == {f"{failure} (status)", f"{failure} (body at /ready)"}


def test_a_complete_run_may_say_no_longer_seen_without_a_remark() -> None:
    changes = tell(manifest("go")).changes
    assert changes.gone == 2
    assert changes.remark == ""


def test_a_first_run_has_nothing_to_compare_with() -> None:
    story = tell(manifest("first"))
    assert story.section("changes").count == "first run"
    assert story.changes.new == ()


def test_what_a_run_hands_to_the_next_is_what_the_next_compares_with() -> None:
    first = manifest("no-go")
    assert first.previous is not None
    remembered = tuple(each for found in problem_fingerprints(first).values() for each in found)
    again = manifest("no-go", previous=first.previous.model_copy(update={"fingerprints": remembered}))
    changes = tell(again).changes
    assert (changes.new, changes.gone) == ((), 0)
    assert len(changes.still) > 0


def test_a_check_that_was_left_out_has_nothing_to_hand_on_and_what_it_is_compared_with_is_named() -> None:
    """None of its problems is not the same as no problems."""
    findings = [Finding(outcome=Outcome.NOT_RUN, subject=name, rule=LEFT_OUT, message="left out") for name in SERVICES]
    partial = manifest("go", results=results({"health": findings, "visual": passing()["visual"]}))
    assert problem_fingerprints(partial) == {"visual": ()}

    base = manifest("no-go").previous
    assert base is not None
    earlier = {"axe": "RUN-A", "health": "RUN-A", "vitals": "RUN-B"}
    remark = tell(manifest("go", previous=base.model_copy(update={"earlier": earlier}))).changes.remark
    assert "says nothing of axe and health: they are compared with run RUN-A, the last that does." in remark
    assert "says nothing of vitals: it is compared with run RUN-B, the last that does." in remark


@pytest.mark.parametrize("kind", ["no-go", "go", "incomplete", "doubtful"])
def test_a_row_is_proven_only_by_checks_that_pass_all_of_it(kind: str) -> None:
    told = manifest(kind)
    words: dict[str, set[str]] = {}
    for subject in told.decision.subjects:
        words.setdefault(subject.check, set()).add(subject.word)
    proven = [row for row in rows(told).values() if row.word == "pass"]
    assert all(row.checks and row.amount for row in proven)
    assert {word for row in proven for check in row.checks for word in words[check]} <= {"pass"}


def test_rows_outside_the_plan_are_shown_and_never_as_a_pass() -> None:
    absent = {row.id for row in rows(manifest("go")).values() if row.word == "absent"}
    assert {"1.4", "J2", "6.5", "X"} <= absent
    assert not {row.id for row in rows(manifest("go")).values() if row.word == "pass"} & absent


def test_a_live_probe_alone_does_not_close_a_row_that_wants_a_person() -> None:
    row = rows(manifest("go"))["5.4"]
    assert row.label == "Partly proven"
    assert [(fact.label, fact.value) for fact in row.proof] == [("live", "axe"), ("human", "")]


def test_the_scorecard_has_the_launch_plans_seven_workstreams_and_unique_rows() -> None:
    ids = [row.id for stream in WORKSTREAMS for row in stream.rows]
    assert len(WORKSTREAMS) == 7
    assert len(ids) == len(set(ids)) == 41


def test_a_pass_never_stands_as_a_bare_tick() -> None:
    looks = [
        look
        for check in tell(manifest("go")).checks
        for subject in check.subjects
        for look in subject.looks
        if look.word == "pass"
    ]
    assert len(looks) == 42
    assert all(look.message and look.looked_at for look in looks)


def test_what_was_looked_at_is_summed_where_it_can_be() -> None:
    summaries = {check.check: check.summary for check in tell(manifest("go")).checks}
    assert summaries["axe"] == "8 of 8 subjects judged; 12 frames, 2,564 nodes; 8 pass"
    assert summaries["unit-coverage"] == "3 of 3 subjects judged; 27,900 lines; 3 pass"


def test_a_sum_that_misses_a_subject_says_at_least() -> None:
    summaries = {check.check: check.summary for check in tell(manifest("no-go")).checks}
    assert summaries["visual"] == "8 of 8 subjects judged; at least 7 pictures; 1 fail, 7 pass"


def test_warnings_and_questions_are_shown_and_do_not_block() -> None:
    story = tell(manifest("no-go"))
    assert [(notice.word, notice.rule) for notice in story.notices] == [
        ("warn", "heading-order"),
        ("review", "video-caption"),
    ]


def test_everything_holds_every_expected_subject_worst_first() -> None:
    story = tell(manifest("no-go"))
    assert sorted((check.check, subject.subject) for check in story.checks for subject in check.subjects) == sorted(
        (check, subject) for check, subjects in EXPECTED.items() for subject in subjects
    )
    assert sum(amount for _, amount in story.counts) == story.total == 42
    assert story.checks[0].word == "fail"
    assert story.checks[-1].word == "pass"


def test_a_fail_that_measures_nothing_beside_one_that_does() -> None:
    found = no_go()
    found["vitals"].append(failed("approvals@phone/lcp", "no measure at all", rule="lcp", limit=float("inf")))
    story = tell(manifest("no-go", results=results(found)))
    assert any(cause.check == "vitals" for cause in story.blocks)


def test_the_words_are_told_without_a_template_engine_or_a_terminal_library() -> None:
    program = (
        "import sys; import evidence_store.report.story;"
        "print(sorted({'jinja2', 'rich', 'markupsafe'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


# -- what people accepted and answered --------------------------------------------------------------------------------


def test_known_findings_are_told_in_one_place_those_first_that_need_somebody() -> None:
    story = tell(manifest("no-go"))
    assert [(known.state, known.rule, known.owner) for known in story.known] == [
        ("expired", "color-contrast", "Ada Okafor"),
        ("fixed", "label", "Ada Okafor"),
        ("not_scanned", "label", "Ada Okafor"),
        ("known", "region", "Ada Okafor"),
    ]
    assert story.known[2].remark.endswith("nothing says that it is fixed: 1 frame could not be scanned")
    assert story.section("waivers").count == "7"
    assert "region" not in {cause.rule for cause in story.notices}
    assert "heading-order" in {cause.rule for cause in story.notices}


def test_a_known_finding_that_grew_says_from_how_many_places_to_how_many() -> None:
    (known,) = [note for note in manifest("no-go").known if note.state == "known"]
    grown = known.model_copy(update={"why": "accepted in 3, now in 5 places"})
    (told,) = tell(manifest("no-go", known=(grown,))).known
    assert told.remark == "Seen, and let through: accepted in 3, now in 5 places"


def test_a_known_finding_is_called_known_where_its_subject_is_told() -> None:
    axe = next(check for check in tell(manifest("no-go")).checks if check.check == "axe")
    (subject,) = [told for told in axe.subjects if told.subject == "settings@desktop"]
    assert {look.rule: look.word for look in subject.looks}["region"] == "known"
    assert "known" in subject.words


def test_without_notes_a_finding_is_the_warning_it_always_was() -> None:
    """A package made before there were notes."""
    story = tell(manifest("no-go", known=(), answers=()))
    assert "region" in {cause.rule for cause in story.notices}
    assert (story.known, story.answers, story.unasked) == ((), "", ())


def test_acceptances_in_the_same_words_are_one_entry() -> None:
    note = next(note for note in manifest("no-go").known if note.state == "fixed")
    many = [note.model_copy(update={"subject": f"page-{place}@phone"}) for place in range(40)]
    other = note.model_copy(update={"owner": "Bo"})
    story = tell(manifest("no-go", known=(*many, other)))
    assert [(known.owner, known.amount) for known in story.known] == [
        ("Ada Okafor", "40 findings"),
        ("Bo", "1 finding"),
    ]


def test_answers_nobody_asks_for_are_listed_and_count_for_nothing() -> None:
    told = manifest("no-go")
    story = tell(told)
    assert story.answers == (
        "3 answers of people are on record: 1 to a question that this run put, 1 of a page that this run did not scan"
        " and 1 to a question that nobody asks any more."
    )
    (unasked,) = story.unasked
    assert unasked.question == "color-contrast at .hero > p on reports@desktop"
    assert unasked.said == "ada answered 'pass' on 2026-01-21, signed"
    assert tell(told.model_copy(update={"answers": ()})).counts == story.counts


# -- how much of WCAG was looked at -----------------------------------------------------------------------------------


def test_criteria_are_counted_by_what_was_found_and_by_what_looked() -> None:
    criteria = tell(manifest("no-go")).criteria
    assert criteria is not None
    assert criteria.summary == "3 of the 4 success criteria of WCAG 2.2, A and AA, were looked at."
    assert criteria.counts == (("fail", 1), ("review", 1), ("looked", 1), ("not_evaluated", 1))
    assert criteria.by.startswith(
        "3 by automatic rules (axe-core), 1 by the walk with the keyboard and 1 by a person, in a record that counts;"
    )
    (failed,) = criteria.failed
    assert (failed.name, failed.by, failed.found) == (
        "1.4.3 Contrast (AA)",
        "automatic, probe",
        "failed on 6, 1 to review",
    )


def test_no_criterion_is_ever_told_as_passed() -> None:
    criteria = tell(manifest("go")).criteria
    assert criteria is not None
    assert "pass" not in {row.word for row in criteria.rows}
    assert {row.label for row in criteria.rows} == {"Fail", "To review", "No failure found", "Not evaluated"}


def test_a_run_that_counted_no_criteria_says_nothing_of_them() -> None:
    assert tell(manifest("first")).criteria is None


def test_the_index_has_a_line_for_each_check_and_outcome_and_counts_each_subject_once() -> None:
    told = [
        (group.id, group.first.word, group.first.check, group.where, group.amount) for group in tell(all_red()).index
    ]
    assert told == [
        ("blocks-1", "fail", "axe", "500 of 500 subjects", "42 causes"),
        ("blocks-2", "fail", "visual", "500 of 500 subjects", "1 cause"),
        ("blocks-3", "fail", "page-health", "490 of 500 subjects", "3 causes"),
        ("blocks-4", "fail", "vitals", "60 of 60 subjects", "1 cause"),
        ("blocks-5", "fail", "health", "3 of 4 subjects", "1 cause"),
        ("blocks-6", "fail", "journeys", "3 of 3 subjects", "1 cause"),
        ("blocks-7", "fail", "unit-coverage", "2 of 3 subjects", "1 cause"),
        ("unseen-1", "error", "page-health", "10 of 500 subjects", "10 reasons"),
        ("unseen-2", "not_run", "health", "1 of 4 subjects", "1 reason"),
    ]
    assert tell(manifest("go")).index == ()


@pytest.mark.parametrize(
    ("message", "headline", "rest"),
    [
        ("answered 503", "answered 503", ""),
        ("2 regions differ; the largest is at 0,0; more", "2 regions differ…", "the largest is at 0,0; more"),
        ("first line\nsecond line", "first line…", "second line"),
        ("word " * 40, f"{'word ' * 27}word…", f"…{'word ' * 11}word"),
        ("x" * 200, f"{'x' * 140}…", f"…{'x' * 60}"),
        ("", "", ""),
    ],
)
def test_a_headline_and_its_rest_are_the_whole_message(message: str, headline: str, rest: str) -> None:
    (cause,) = tell(of_health(failed(SERVICES[0], message), services=1)).blocks
    assert (cause.headline, cause.rest) == (headline, rest)
