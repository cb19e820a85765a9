"""The words of a run, computed once: manifest in, story out. Pure.

Terminal, Markdown, page and portal show these words in this order:

1. the verdict in a sentence, what is wrong in a line for each check, and when, how long, who, which verdict before;
2. what blocks, by cause: one broken component on forty pages is one entry with forty places;
3. what was not looked at or could not be judged, with the reason;
4. what is waived or known: by whom, why, until when; and answers that nobody asks for any more;
5. what changed since the last sealed run of this target;
6. the scorecard of the launch plan, and how much of WCAG was looked at;
7. everything, check by check, warnings and open questions first;
8. how to check the package without us.

All text that came from the site under test is safe to show here already (see `plain_text`); each face still escapes it
for its own syntax.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from math import isfinite
from pathlib import PurePosixPath

from evidence_store.model import (
    CheckResult,
    CriterionNote,
    Decision,
    Finding,
    KnownNote,
    Manifest,
    Outcome,
    SubjectDecision,
    VerdictWord,
    WaiverNote,
    deindexed,
)
from evidence_store.report.launch_plan import WORKSTREAMS, LaunchRow
from evidence_store.report.plain_text import (
    counted,
    duration,
    instant,
    line,
    listed,
    number,
    passage,
    remedy_words,
    web_address,
)
from evidence_store.report.told import (
    EVERY_SUBJECT,
    LABELS,
    WORST_FIRST,
    AnswerTold,
    Cause,
    Changes,
    CheckTold,
    CriteriaTold,
    CriterionTold,
    Fact,
    KnownTold,
    Look,
    Measure,
    Picture,
    Place,
    RowTold,
    Section,
    Step,
    Story,
    SubjectTold,
    Unseen,
    WaiverTold,
    WorkstreamTold,
)

__all__ = ["Story", "problem_fingerprints", "tell"]

_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif"}
_AMOUNT = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+) (\D.*)", re.DOTALL)
_COMMIT = re.compile(r"[0-9a-f]{12,64}", re.IGNORECASE)
_GROUPED_BY = 2_000
"""Characters of an element that tell causes apart: an element may be megabytes of someone's markup."""
_FINGERPRINT = re.compile(r"[0-9a-f]{4,64}")


def problem_fingerprints(manifest: Manifest) -> dict[str, tuple[str, ...]]:
    """The fingerprints of every fail (warnings and waived ones too) and error, by check: what later runs remember.

    A check that was not looked at is not there: it has no fingerprints, and that is not the same as no problems.
    """
    return {
        result.check: tuple(sorted({finding.fingerprint for finding in result.findings if _is_problem(finding)}))
        for result in manifest.results
        if result.looked
    }


def tell(manifest: Manifest) -> Story:
    """Everything a person is told about a run, in order."""
    return _Telling(manifest).story()


class _Telling:
    """The manifest with the indexes that all parts of the story need."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.decision: Decision = manifest.decision
        self.results: dict[str, CheckResult] = {result.check: result for result in manifest.results}
        self.before = frozenset(manifest.previous.fingerprints) if manifest.previous else None
        self.findings: dict[tuple[str, str], list[Finding]] = defaultdict(list)
        for result in manifest.results:
            for finding in result.findings:
                self.findings[result.check, finding.subject].append(finding)
        self.known = {(note.check, note.fingerprint): note.state for note in manifest.known}
        self.looks: dict[tuple[int, str], Look] = {}
        self.subjects: dict[str, list[SubjectDecision]] = defaultdict(list)
        for subject in self.decision.subjects:
            self.subjects[subject.check].append(subject)

    def story(self) -> Story:
        manifest, decision = self.manifest, self.decision
        blocks = self._causes(
            (subject, finding)
            for subject in decision.subjects
            if subject.word == "fail"
            for finding in self._findings_of(subject)
            if finding.outcome is Outcome.FAIL and finding.gates
        )
        unseen = self._unseen()
        waivers = tuple(self._waiver(note) for note in decision.waivers)
        changes = self._changes()
        scorecard = tuple(
            WorkstreamTold(stream.title, _rows_summary(rows), rows)
            for stream in WORKSTREAMS
            for rows in [tuple(self._row(row) for row in stream.rows)]
        )
        notices = self._causes(
            (subject, finding)
            for subject in decision.subjects
            for finding in self._findings_of(subject)
            if self._word(subject, finding) in {"warn", "review"}
            if self.known.get((subject.check, finding.fingerprint)) != "fixed"  # told with what is known
        )
        checks = tuple(sorted((self._check(check) for check in self.subjects), key=lambda told: _rank(told.word)))
        words = [subject.word for subject in decision.subjects]
        unseen_subjects = sum(word in {"error", "not_run"} for word in words)
        rows = [row for stream in scorecard for row in stream.rows]
        return Story(
            run_id=line(manifest.run_id),
            target=line(manifest.target),
            verdict=decision.verdict,
            verdict_label=LABELS[decision.verdict.value],
            sentence=self._sentence(),
            doubt=passage(decision.doubt) if decision.doubt is not None else None,
            facts=self._facts(),
            sections=(
                Section("blocks", "What blocks", f"{len(blocks):,}"),
                Section("unseen", "What was not looked at", f"{unseen_subjects:,} of {len(words):,}"),
                Section("waivers", "What is waived or known", f"{len(waivers) + len(manifest.known):,}"),
                Section("changes", "What changed", _changes_count(changes, self.before)),
                Section(
                    "scorecard",
                    "Scorecard",
                    f"{sum(row.word == 'pass' for row in rows):,} of {len(rows):,} proven",
                ),
                Section("everything", "Everything", counted(len(words), "subject")),
                Section("check", "Check this package without us", ""),
            ),
            blocks=blocks,
            unseen=unseen,
            waivers=tuple(sorted(waivers, key=lambda told: ("expired", "unused", "used").index(told.state))),
            known=self._known(),
            answers=self._answers(),
            unasked=self._unasked(),
            changes=changes,
            scorecard=scorecard,
            criteria=self._criteria(),
            notices=notices,
            checks=checks,
            counts=_counts(words),
            total=len(words),
            about=self._about(),
            steps=_STEPS,
        )

    # 1. The verdict

    def _sentence(self) -> str:
        verdict, target = LABELS[self.decision.verdict.value], line(self.manifest.target, 80)
        said = f"{verdict} for {self._release()} on {target}: "
        if not self.decision.subjects:
            return f"{said}the plan expects nothing, so nothing was proven."
        if self._serves_another():
            return f"{said}release {_short(self.manifest.release.requested or '')} was asked for, so no result counts."
        if self.decision.doubt is not None:
            return f"{said}nobody can say which release was tested, so none of the results counts."
        gaps = self._gaps()
        if self.decision.verdict is VerdictWord.GO:
            return f"{said}{self._go_words()}."
        if self.decision.verdict is VerdictWord.INCOMPLETE:
            return f"{said}no blocking failure was seen, but {listed(gaps)}."
        failing = {subject.check for subject in self.decision.of(Outcome.FAIL) if subject.gates}
        verb = "fails" if len(failing) == 1 else "fail"
        total = counted(len(self.subjects), "check")
        fails = f"the only check {verb}" if len(self.subjects) == 1 else f"{len(failing):,} of {total} {verb}"
        return f"{said}{listed([fails, *gaps])}."

    def _go_words(self) -> str:
        count = Counter(subject.word for subject in self.decision.subjects)
        total = len(self.decision.subjects)
        of_checks = counted(len(self.subjects), "check")
        if count["pass"] == total:
            if total == 1:
                return "the only subject of its only check was judged and passes"
            return f"all {total:,} subjects of {of_checks} were judged and pass"
        parts = [f"{count['pass']:,} {'passes' if count['pass'] == 1 else 'pass'}"] if count["pass"] else []
        if count["waived"]:
            parts.append(f"{count['waived']:,} {'is' if count['waived'] == 1 else 'are'} waived")
        if count["warn"]:
            parts.append(f"{count['warn']:,} only {'warns' if count['warn'] == 1 else 'warn'}")
        judged = "1 subject was" if total == 1 else f"all {total:,} subjects of {of_checks} were"
        return f"{judged} judged; {listed(parts)}"

    def _gaps(self) -> list[str]:
        """What is missing, in words: `1 of 4 services was never reached`."""
        never: list[SubjectDecision] = []
        waiting: list[SubjectDecision] = []
        errors: list[SubjectDecision] = []
        for subject in self.decision.subjects:
            if subject.outcome is Outcome.ERROR:
                errors.append(subject)
            elif subject.outcome is Outcome.NOT_RUN:
                (waiting if self._waits_for_a_person(subject) else never).append(subject)
        gaps = []
        if never:
            kind = _common_kind(never)
            gaps.append(f"{self._of_total(never, kind)} {_NEVER.get(kind, 'never looked at')}")
        if waiting:
            verb = "waits" if len(waiting) == 1 else "wait"
            gaps.append(f"{counted(len(waiting), 'subject')} {verb} for a person's answer")
        if errors:
            kind = _common_kind(errors)
            amount = self._of_total(errors, kind).removesuffix(" was").removesuffix(" were")
            gaps.append(f"{amount} could not be judged")
        return gaps

    def _of_total(self, some: Sequence[SubjectDecision], kind: str) -> str:
        """`1 of 4 services was`, counted among what the same checks were to look at."""
        if all(subject.subject == EVERY_SUBJECT for subject in some):
            return f"{counted(len(some), 'whole check')} {'was' if len(some) == 1 else 'were'}"
        checks = {subject.check for subject in some}
        total = sum(
            kind in {_kind(subject.subject), "subject"} for subject in self.decision.subjects if subject.check in checks
        )
        was = "was" if len(some) == 1 else "were"
        if total <= len(some):
            return f"{counted(len(some), kind)} {was}"
        return f"{len(some):,} of {counted(total, kind)} {was}"

    def _waits_for_a_person(self, subject: SubjectDecision) -> bool:
        outcomes = {finding.outcome for finding in self._findings_of(subject)}
        return Outcome.REVIEW in outcomes and Outcome.NOT_RUN not in outcomes

    def _serves_another(self) -> bool:
        release = self.manifest.release
        return release.before is not None and release.not_the_one_asked_for() is not None

    def _release(self) -> str:
        release = self.manifest.release
        name = release.before or release.requested
        return f"release {_short(name)}" if name else "an unnamed release"

    def _facts(self) -> tuple[Fact, ...]:
        manifest, release = self.manifest, self.manifest.release
        facts = [
            Fact("Started", instant(manifest.started_at)),
            Fact("Took", duration(manifest.duration)),
            Fact("Started by", line(manifest.started_by)),
            Fact("Profile", line(manifest.profile)),
            Fact("Address", line(manifest.base_url), web_address(manifest.base_url)),
        ]
        if release.unknown_reason is not None:
            facts.append(Fact("Release", f"this target cannot name it: {line(release.unknown_reason)}"))
        elif release.before is not None and release.before == release.after:
            facts.append(Fact("Release", f"{line(release.before)}, seen before and after"))
        else:
            seen = [line(name) if name else "not read" for name in (release.before, release.after)]
            facts.append(Fact("Release", f"before: {seen[0]}; after: {seen[1]}"))
        if release.requested:
            facts.append(Fact("Asked for", line(release.requested)))
        previous = manifest.previous
        if previous is None:
            facts.append(Fact("Previous verdict", "none: no earlier sealed run is known"))
        else:
            of_release = f" for release {_short(previous.release)}" if previous.release else ""
            said = f"{LABELS[previous.verdict.value]}{of_release}, sealed {instant(previous.sealed_at)}"
            facts.append(Fact("Previous verdict", said))
        if manifest.note:
            facts.append(Fact("Note", line(manifest.note, 500)))
        return tuple(facts)

    # 2. and 7. Findings by cause

    def _findings_of(self, subject: SubjectDecision) -> list[Finding]:
        return self.findings.get((subject.check, subject.subject), [])

    def _word(self, subject: SubjectDecision, finding: Finding) -> str:
        """The word of a finding beside what people said of it."""
        if subject.waived_by and finding.word == "fail":
            return "waived"
        known = finding.word == "warn" and self.known.get((subject.check, finding.fingerprint)) == "known"
        return "known" if known else finding.word

    def _causes(self, found: Iterable[tuple[SubjectDecision, Finding]]) -> tuple[Cause, ...]:
        groups: dict[tuple[str, str, str, str], list[tuple[SubjectDecision, Finding]]] = defaultdict(list)
        for subject, finding in found:
            word = self._word(subject, finding)
            groups[subject.check, finding.rule, deindexed(finding.element[:_GROUPED_BY]), word].append(
                (subject, finding)
            )
        causes = [self._cause(check, word, members) for (check, _, _, word), members in groups.items()]
        return tuple(
            sorted(
                causes, key=lambda cause: (_rank(cause.word), -len(cause.subjects), -_excess(cause.first), cause.check)
            )
        )

    def _cause(self, check: str, word: str, members: list[tuple[SubjectDecision, Finding]]) -> Cause:
        looks = sorted(
            (self._look(subject, finding) for subject, finding in members),
            key=lambda look: (-_excess(look), not look.pictures, look.subject),
        )
        result = self.results[check]
        spec = result.spec
        sinces = {look.since for look in looks}
        return Cause(
            word=word,
            check=line(check),
            title=line(spec.title if word == "review" else spec.failure_title),
            why=passage(spec.why),
            remedy=_remedy(result),
            remedy_address=web_address(spec.remedy),
            rule=looks[0].rule,
            element=looks[0].element,
            looks=tuple(looks),
            subjects=tuple(sorted({look.subject for look in looks})),
            of_subjects=len(self.subjects[check]),
            since=sinces.pop() if len(sinces) == 1 else "partly new" if "new" in sinces else "",
        )

    def _look(self, subject: SubjectDecision, finding: Finding) -> Look:
        """The finding in words; it is told in several places and put in words once."""
        key = (id(finding), self._word(subject, finding))
        if key not in self.looks:
            self.looks[key] = self._worded(subject, finding)
        return self.looks[key]

    def _worded(self, subject: SubjectDecision, finding: Finding) -> Look:
        images = [path for path in finding.evidence if _is_picture(path)]
        pictures = tuple(Picture(_role(path, compared=len(images) > 1), path) for path in images)
        since = ""
        if self.before is not None and _is_problem(finding):
            since = "still" if finding.fingerprint in self.before else "new"
        return Look(
            word=self._word(subject, finding),
            check=line(subject.check),
            subject=line(finding.subject),
            message=passage(finding.message),
            rule=line(finding.rule),
            element=line(finding.element),
            element_address=web_address(finding.element),
            measure=_measure(finding),
            pictures=pictures,
            files=tuple(path for path in finding.evidence if not _is_picture(path)),
            looked_at=line(finding.looked_at),
            more_information=line(finding.more_information),
            more_information_address=web_address(finding.more_information),
            fingerprint=_anchor(finding),
            since=since,
        )

    # 3. What was not looked at

    def _unseen(self) -> tuple[Unseen, ...]:
        if self.decision.doubt is not None:  # one cause for all: it is told once
            places = tuple(Place(f"{line(s.check)}: {line(s.subject)}", "") for s in self.decision.subjects)
            doubt = passage(self.decision.doubt)
            nobody = "Nobody can say which release was tested"
            title = "It is not the release that was asked for" if self._serves_another() else nobody
            return (Unseen("error", "every check", title, doubt, "", None, places, len(places)),)
        groups: dict[tuple[str, Outcome, str], list[SubjectDecision]] = defaultdict(list)
        for subject in self.decision.of(Outcome.ERROR, Outcome.NOT_RUN):
            groups[subject.check, subject.outcome, subject.reason].append(subject)
        told = [
            Unseen(
                word=outcome.value,
                check=line(check),
                title=line(self.results[check].spec.title) if check in self.results else line(check),
                reason=passage(reason),
                remedy=_remedy(self.results.get(check)),
                remedy_address=web_address(self.results[check].spec.remedy) if check in self.results else None,
                places=tuple(Place(line(subject.subject), self._shown_in(subject)) for subject in subjects),
                of_subjects=len(self.subjects[check]),
            )
            for (check, outcome, reason), subjects in groups.items()
        ]
        return tuple(sorted(told, key=lambda unseen: (_rank(unseen.word), -len(unseen.subjects), unseen.check)))

    def _shown_in(self, subject: SubjectDecision) -> str:
        """The fingerprint of the finding that says most of why a subject was not judged."""
        findings = [f for f in self._findings_of(subject) if f.outcome is not Outcome.PASS]
        worst = min(findings, key=lambda finding: _rank(finding.word), default=None)
        return _anchor(worst) if worst else ""

    # 4. Waivers

    def _waiver(self, note: WaiverNote) -> WaiverTold:
        waiver, now = note.waiver, self.decision.decided_at
        looks = tuple(
            self._look(subject, finding)
            for subject in self.subjects.get(waiver.check, [])
            if subject.outcome is Outcome.FAIL and subject.gates
            if subject.waived_by or note.state == "expired"
            for finding in self._findings_of(subject)
            if finding.outcome is Outcome.FAIL
            and finding.gates
            and fnmatchcase(finding.subject, waiver.subject)
            and waiver.fingerprint in {None, finding.fingerprint}
        )
        left = (waiver.expires - now).days
        if note.state == "expired":
            remark = "It has expired and covers nothing any more."
            if looks:
                remark += (
                    f" {counted(len(looks), 'failure')} it was written for {'is' if len(looks) == 1 else 'are'} here."
                )
        elif note.state == "unused":
            remark = "It covers no failure of this run; it can go."
        else:
            subjects = len({look.subject for look in looks})
            remark = f"Covers {counted(len(looks), 'failure')} on {counted(subjects, 'subject')}."
        if note.expires_soon:
            remark += " It expires within a day." if left < 1 else f" It expires in {counted(left, 'day')}."
        pattern = waiver.subject if waiver.fingerprint is None else f"{waiver.subject} (finding {waiver.fingerprint})"
        return WaiverTold(
            state=note.state,
            check=line(waiver.check),
            pattern=line(pattern),
            owner=line(waiver.owner),
            reason=passage(waiver.reason),
            ticket=line(waiver.ticket),
            ticket_address=web_address(waiver.ticket),
            until=instant(waiver.expires),
            expires_soon=note.expires_soon,
            remark=remark,
            looks=looks,
        )

    def _known(self) -> tuple[KnownTold, ...]:
        groups: dict[tuple[object, ...], list[KnownNote]] = defaultdict(list)
        for note in self.manifest.known:
            said = (note.owner, note.reason, note.ticket, note.expires)
            groups[note.state, note.check, note.rule, note.why, *said].append(note)
        told = [_known_told(notes) for notes in groups.values()]
        order = list(_WHAT_BECAME)
        return tuple(sorted(told, key=lambda known: (order.index(known.state), -len(known.places), known.rule)))

    def _answers(self) -> str:
        states = Counter(note.state for note in self.manifest.answers)
        if not states:
            return ""
        told = {
            "asked": "to a question that this run put",
            "not_scanned": "of a page that this run did not scan",
            "not_asked": "to a question that nobody asks any more",
        }
        parts = [f"{states[state]:,} {words}" for state, words in told.items() if states[state]]
        return f"{counted(states.total(), 'answer')} of people {'is' if states.total() == 1 else 'are'} on record: " + (
            f"{listed(parts)}."
        )

    def _unasked(self) -> tuple[AnswerTold, ...]:
        return tuple(
            AnswerTold(
                question=line(f"{note.rule}{f' at {note.element}' if note.element else ''} on {note.subject}"),
                said=line(
                    f"{note.by} answered '{note.answer}' on {note.answered_at:%Y-%m-%d},"
                    f" {'signed' if note.signed else 'unsigned'}"
                ),
                file=line(f"reviews/{note.file}"),
            )
            for note in self.manifest.answers
            if note.state == "not_asked"
        )

    # 5. Changes

    def _changes(self) -> Changes:
        previous = self.manifest.previous
        if previous is None or self.before is None:
            return Changes(
                "No earlier sealed run of this target is known, so there is nothing to compare with.", "", (), (), 0
            )
        problems = [
            (subject, finding)
            for subject in self.decision.subjects
            for finding in self._findings_of(subject)
            if _is_problem(finding)
        ]
        now = {finding.fingerprint for _, finding in problems}
        new = self._causes((s, f) for s, f in problems if f.fingerprint not in self.before)
        still = self._causes((s, f) for s, f in problems if f.fingerprint in self.before)
        gone = len(self.before - now)
        summary = (
            f"Against run {line(previous.run_id)}: {counted(len(now - self.before), 'new problem')}, "
            f"{len(now & self.before):,} still there, {gone:,} of {len(self.before):,} no longer seen."
        )
        unjudged = len(self.decision.of(Outcome.ERROR, Outcome.NOT_RUN))
        remarks = []
        for run in sorted(set(previous.earlier.values())):
            checks = sorted(line(check) for check, earlier in previous.earlier.items() if earlier == run)
            they_are = "it is" if len(checks) == 1 else "they are"
            remarks.append(
                f"That run says nothing of {listed(checks)}: {they_are} compared with run {line(run)},"
                " the last that does."
            )
        if gone and unjudged:
            remarks.append(
                f"No longer seen is not the same as fixed: {counted(unjudged, 'subject')} of this run "
                f"{'was' if unjudged == 1 else 'were'} not looked at or not judged."
            )
        return Changes(summary, " ".join(remarks), new, still, gone)

    # 6. Scorecard

    def _row(self, row: LaunchRow) -> RowTold:
        checks = sorted(check for check, result in self.results.items() if row.id in result.spec.rows)
        checks = [check for check in checks if self.subjects.get(check)]
        by_mode: dict[str, list[str]] = defaultdict(list)
        for check in checks:
            by_mode[self.results[check].spec.mode].append(line(check))
        if not checks:
            return RowTold(row.id, row.title, "absent", (), tuple(Fact(mode, "") for mode in row.modes), "")
        modes = [*row.modes, *(mode for mode in by_mode if mode not in row.modes)]
        words = [subject.word for check in checks for subject in self.subjects[check]]
        word = _worst(words)
        if word == "pass" and not all(by_mode[mode] for mode in row.modes):
            word = "partly"
        judged = sum(seen in {"pass", "fail", "warn", "waived"} for seen in words)
        amount = f"{judged:,} of {counted(len(words), 'subject')} judged"
        return RowTold(
            id=row.id,
            title=row.title,
            word=word,
            checks=tuple(line(check) for check in checks),
            proof=tuple(Fact(line(mode), ", ".join(by_mode[mode])) for mode in modes),
            amount=_joined(amount, self._looked_at(checks)),
        )

    def _looked_at(self, checks: Iterable[str]) -> str:
        """The sum of what these checks looked at, where it can be summed; `at least` when some say nothing."""
        amounts: dict[str, int] = {}
        silent = False
        for check in checks:
            for subject in self.subjects[check]:
                said = next((f.looked_at[:1_000] for f in self._findings_of(subject) if f.looked_at), "")
                silent = silent or (not said and subject.outcome in {Outcome.PASS, Outcome.FAIL})
                for part in said.split(", ") if said else []:
                    found = _AMOUNT.fullmatch(part)
                    if not found:
                        return ""
                    noun = _plural(found[2])
                    amounts[noun] = amounts.get(noun, 0) + int(found[1].replace(",", "")[:12])
        summed = (f"{amount:,} {_singular(noun) if amount == 1 else noun}" for noun, amount in amounts.items())
        return line(f"{'at least ' if silent and amounts else ''}{', '.join(summed)}")

    def _criteria(self) -> CriteriaTold | None:
        notes = self.manifest.criteria
        if not notes:
            return None
        rows = tuple(_criterion(note) for note in notes)
        words = Counter(row.word for row in rows)
        looked = sum(bool(note.means) for note in notes)
        by = [f"{sum(mean in note.means for note in notes):,} {_BY[mean]}" for mean in _BY]
        return CriteriaTold(
            summary=f"{looked:,} of the {len(notes):,} success criteria of WCAG 2.2, A and AA, were looked at.",
            by=f"{listed(by)}; some by several. A rule decides a part of its criterion, on the states of the plan:"
            " where no failure was found, nothing says that the criterion is met.",
            counts=tuple((word, words[word]) for word in ("fail", "review", "looked", "not_evaluated") if words[word]),
            rows=rows,
        )

    # 7. Everything

    def _check(self, check: str) -> CheckTold:
        result, decided = self.results.get(check), self.subjects[check]
        words = [subject.word for subject in decided]
        judged = sum(word in {"pass", "fail", "warn", "waived"} for word in words)
        counts = _counts(words)
        summary = f"{judged:,} of {counted(len(words), 'subject')} judged"
        told = "; ".join(
            part
            for part in (
                summary,
                self._looked_at([check]),
                ", ".join(f"{amount:,} {LABELS[word].lower()}" for word, amount in counts),
            )
            if part
        )
        subjects = sorted(
            (self._subject(subject) for subject in decided), key=lambda told: (_rank(told.word), told.subject)
        )
        return CheckTold(
            check=line(check),
            title=line(result.spec.title) if result else line(check),
            word=_worst(words),
            mode=line(result.spec.mode) if result else "",
            rows=tuple(line(row) for row in result.spec.rows) if result else (),
            why=passage(result.spec.why) if result else "",
            remedy=_remedy(result),
            remedy_address=web_address(result.spec.remedy) if result else None,
            seconds=f"{number(round(result.seconds, 2))} s" if result else "",
            counts=counts,
            summary=told,
            subjects=tuple(subjects),
        )

    def _subject(self, subject: SubjectDecision) -> SubjectTold:
        looks = sorted(
            (self._look(subject, finding) for finding in self._findings_of(subject)), key=lambda look: _rank(look.word)
        )
        said = {look.message for look in looks}
        reason = passage(subject.reason)
        return SubjectTold(
            subject=line(subject.subject),
            word=subject.word,
            words=tuple(dict.fromkeys((subject.word, *(look.word for look in looks if look.word in _ASIDE)))),
            reason="" if reason in said else reason,
            looks=tuple(looks),
        )

    # 8. About the run

    def _about(self) -> tuple[Fact, ...]:
        manifest = self.manifest
        removed = sum(manifest.redaction.counts.values())
        rules = ", ".join(f"{line(rule)} {times:,}" for rule, times in sorted(manifest.redaction.counts.items()))
        phases = ", ".join(f"{line(phase)} {number(round(seconds, 1))} s" for phase, seconds in manifest.phases.items())
        tools = ", ".join(f"{line(tool)} {line(version)}" for tool, version in sorted(manifest.toolchain.items()))
        facts = [
            Fact("Run", line(manifest.run_id)),
            Fact("Project", line(manifest.project)),
            Fact("Plan (SHA-256)", line(manifest.plan_sha256)),
            Fact("Decided", instant(self.decision.decided_at)),
            Fact("Secrets removed", f"{counted(removed, 'time')}: {rules}" if rules else "none were found"),
        ]
        if phases:
            facts.append(Fact("Time spent", phases))
        if tools:
            facts.append(Fact("Made with", tools))
        return tuple(facts)


_STEPS = (
    Step(
        "Unpack, and check that every listed file is there and unaltered. No output means it is.",
        "unzip -q bundle.zip -d package && cd package\nsha256sum -c --quiet manifest-sha256.txt tagmanifest-sha256.txt",
    ),
    Step(
        "Check that no file was added. Both numbers must be the same.",
        "cat manifest-sha256.txt tagmanifest-sha256.txt | wc -l\n"
        "find . -type f ! -path './signatures/*' ! -path ./tagmanifest-sha256.txt | wc -l",
    ),
    Step(
        "Whoever can rewrite the whole package can rewrite its lists too. Compare the SHA-256 of the zip file with "
        "the one sealed in the ledger under this run's name.",
        "sha256sum bundle.zip",
    ),
    Step(
        "With stageproof, one command does all of this, decides the verdict again from the findings, and asks the "
        "ledger.",
        "stageproof verify bundle.zip",
    ),
)

_ASIDE = {"known", "warn", "review"}
"""Words of findings that stand beside their subject's own."""
_WHAT_BECAME = {
    "expired": "Seen, and the acceptance has expired: it gates again.",
    "fixed": "Looked for and not seen: `stageproof known RUN --prune` takes it off the list.",
    "not_scanned": "Not looked for, so nothing says that it is fixed",
    "known": "Seen, and let through.",
}
"""Of findings that are listed as known: those first that somebody has to act on."""
_BY = {
    "automatic": "by automatic rules (axe-core)",
    "probe": "by the walk with the keyboard",
    "manual": "by a person, in a record that counts",
}
"""What can look at a criterion of WCAG."""
_NEVER = {"service": "never reached", "journey": "never run", "page state": "never looked at"}


def _kind(subject: str) -> str:
    """What a person calls a subject: `service:billing` is a service, `dashboard@phone` a page state."""
    prefix = subject.partition(":")[0]
    if prefix != subject and re.fullmatch(r"[a-z][a-z -]{1,20}", prefix):
        return prefix
    return "page state" if "@" in subject and "/" not in subject else "subject"


def _common_kind(subjects: Sequence[SubjectDecision]) -> str:
    kinds = {_kind(subject.subject) for subject in subjects}
    return kinds.pop() if len(kinds) == 1 else "subject"


def _anchor(finding: Finding) -> str:
    """The fingerprint when it can stand in a link, else nothing."""
    return finding.fingerprint if _FINGERPRINT.fullmatch(finding.fingerprint) else ""


def _remedy(result: CheckResult | None) -> str:
    return passage(remedy_words(result.spec.remedy)) if result is not None else ""


def _is_problem(finding: Finding) -> bool:
    return finding.outcome in {Outcome.FAIL, Outcome.ERROR}


def _rank(word: str) -> int:
    return WORST_FIRST.index(word)


def _worst(words: Sequence[str]) -> str:
    return min(words, key=_rank)


def _counts(words: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(words).items(), key=lambda count: _rank(count[0])))


def _rows_summary(rows: Sequence[RowTold]) -> str:
    counts = _counts(row.word for row in rows)
    return (
        ", ".join(f"{amount} {LABELS[word].lower()}" for word, amount in counts) + f" (of {counted(len(rows), 'row')})"
    )


def _changes_count(changes: Changes, before: frozenset[str] | None) -> str:
    if before is None:
        return "first run"
    new = len({look.fingerprint for cause in changes.new for look in cause.looks})
    return f"{new:,} new"


def _criterion(note: CriterionNote) -> CriterionTold:
    places = [f"failed on {note.failed:,}"] if note.failed else []
    places += [f"{note.to_review:,} to review"] if note.to_review else []
    looked = "review" if note.to_review else "looked"
    return CriterionTold(
        name=line(f"{note.number} {note.name} ({note.level})"),
        word="fail" if note.failed else looked if note.means else "not_evaluated",
        by=line(", ".join(note.means)),
        found=", ".join(places),
    )


def _known_told(notes: Sequence[KnownNote]) -> KnownTold:
    note = notes[0]
    remark = _WHAT_BECAME[note.state]
    if note.why:
        remark = f"{remark.removesuffix('.')}: {passage(note.why)}"
    return KnownTold(
        state=note.state,
        check=line(note.check),
        rule=line(note.rule),
        owner=line(note.owner),
        reason=passage(note.reason),
        ticket=line(note.ticket),
        ticket_address=web_address(note.ticket),
        until=instant(note.expires),
        expires_soon=note.expires_soon,
        remark=remark,
        places=tuple(
            Place(
                line(f"{place.subject} at {place.element}" if place.element else place.subject),
                place.fingerprint if _FINGERPRINT.fullmatch(place.fingerprint) else "",
            )
            for place in notes
        ),
    )


def _measure(finding: Finding) -> Measure | None:
    if finding.measured is None and finding.limit is None:
        return None
    unit = line(finding.unit, 24)
    gap = "" if unit.startswith(":") else " "  # 4.5:1, but 2,500 ms

    def join(value: float) -> str:
        shown = _singular(unit) if value == 1 and len(unit) > 2 else unit  # 1 element, but 1 ms
        return f"{number(value)}{gap}{shown}".strip()

    drawable = [value if value is not None and isfinite(value) else None for value in (finding.measured, finding.limit)]
    words = ["" if value is None else join(value) for value in (finding.measured, finding.limit)]
    return Measure(drawable[0], drawable[1], words[0], words[1])


def _excess(look: Look) -> float:
    """How far from its limit, as a ratio >= 1 whichever side is allowed; 0 when nothing was measured."""
    if look.measure is None or look.measure.measured is None or look.measure.limit is None:
        return 0.0
    measured, limit = abs(look.measure.measured), abs(look.measure.limit)
    if not measured or not limit:
        return 1e9 if measured != limit else 1.0
    return max(measured / limit, limit / measured)


def _is_picture(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in _PICTURES


def _role(path: str, *, compared: bool) -> str:
    stem = PurePosixPath(path).stem.lower()
    if path.startswith("data/visual/") and stem in {"baseline", "diff"}:
        return "difference" if stem == "diff" else "baseline"
    return "now" if compared and path.startswith("data/sweep/") and stem == "screenshot" else "screenshot"


def _short(release: str) -> str:
    return release[:7] if _COMMIT.fullmatch(release) else line(release, 60)


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _plural(noun: str) -> str:
    """`frame` and `frames` are summed under one name; nouns with more words are left as they are."""
    return noun if " " in noun or noun.endswith("s") else f"{noun}s"


def _singular(noun: str) -> str:
    return noun if " " in noun else noun.removesuffix("s")
