"""Realistic runs of a demo target, decided by the real gate, and the pictures that belong to them.

`manifest("no-go")` has every kind of outcome the report can meet; `"go"` and `"incomplete"` are the same plan on a
better and on a half-reachable day; `"doubtful"` is a run during which the release changed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from evidence_store.gate import decide
from evidence_store.model import (
    AnswerNote,
    CheckResult,
    CheckSpec,
    CriterionNote,
    Finding,
    KnownNote,
    Manifest,
    Outcome,
    PreviousRun,
    Redaction,
    Release,
    VerdictWord,
    Waiver,
)
from evidence_store.report.plain_text import counted

STARTED = datetime(2026, 3, 2, 21, 4, 5, tzinfo=UTC)
FINISHED = STARTED + timedelta(minutes=4, seconds=12)
COMMIT = "4f2c9e1b7a6d5c4e3f2a1b0c9d8e7f6a5b4c3d2e"
OTHER_COMMIT = "a90d3b7c1e2f4a5b6c7d8e9f0a1b2c3d4e5f6a7b"

PAGES = ("dashboard", "approvals", "reports", "settings")
STATES = tuple(f"{page}@{viewport}" for page in PAGES for viewport in ("desktop", "phone"))
SERVICES = tuple(f"service:{name}" for name in ("gateway", "billing", "calculator", "reports"))
JOURNEYS = ("journey:approvals.approve", "journey:reports.export", "journey:sign_in.wrong_password")
VITALS = tuple(f"{page}@phone/{vital}" for page in ("dashboard", "approvals") for vital in ("lcp", "inp", "cls"))
UNITS = ("unit:web", "unit:billing", "unit:calculator")


def spec(check: str, title: str, failure: str, rows: tuple[str, ...], **more: Any) -> CheckSpec:
    """A check as the registry would describe it."""
    return CheckSpec(
        id=check,
        title=title,
        failure_title=failure,
        why=more.pop("why", f"{title}: a release that breaks this promise reaches people who rely on it."),
        remedy=more.pop("remedy", f"docs/checks.md#{check}"),
        rows=rows,
        **more,
    )


SPECS = {
    described.id: described
    for described in (
        spec("release", "The release under test is known", "Nobody can say which release was tested", ("7.5",)),
        spec("health", "Every service says it is ready", "A service is not healthy", ("4.1",)),
        spec(
            "page-health",
            "Every page arrives whole",
            "A page does not arrive whole",
            ("3.1", "3.5"),
            remedy="Open the page in a browser with its network panel and look for the request named here.",
        ),
        spec(
            "visual",
            "Every page looks as approved",
            "A page looks different from what was approved",
            ("3.5",),
            remedy="If the change is meant, approve it: stageproof approve RUN visual approvals@phone",
        ),
        spec(
            "axe",
            "No serious accessibility defect",
            "People who use assistive technology are shut out",
            ("5.4", "3.4"),
        ),
        spec("journeys", "Required journeys succeed", "A required journey fails", ("3.1", "5.2")),
        spec("vitals", "Pages are fast enough", "A page is slower than its budget", ("5.5",)),
        spec("unit-coverage", "Unit tests cover the code", "Unit tests leave code bare", ("5.1",), mode="artefact"),
        spec("e2e-coverage", "Journeys cover the code", "Journeys leave code untouched", ("5.1",)),
    )
}
EXPECTED: dict[str, tuple[str, ...]] = {
    "release": ("release",),
    "health": SERVICES,
    "page-health": STATES,
    "visual": STATES,
    "axe": STATES,
    "journeys": JOURNEYS,
    "vitals": VITALS,
    "unit-coverage": UNITS,
    "e2e-coverage": ("e2e:web",),
}


def screenshot(state: str) -> str:
    return f"data/sweep/{state}/screenshot.png"


def visual_evidence(state: str) -> tuple[str, str, str]:
    return f"data/visual/{state}/baseline.png", screenshot(state), f"data/visual/{state}/diff.png"


def passed(subject: str, message: str, looked_at: str, **more: Any) -> Finding:
    return Finding(outcome=Outcome.PASS, subject=subject, message=message, looked_at=looked_at, **more)


def failed(subject: str, message: str, **more: Any) -> Finding:
    return Finding(outcome=Outcome.FAIL, subject=subject, message=message, **more)


def passing() -> dict[str, list[Finding]]:
    """Findings of a good day: every expected subject passes, and says what was looked at."""
    return {
        "release": [passed("release", f"staging served {COMMIT} before and after the run", "2 probes")],
        "health": [
            passed(
                service,
                f"http://127.0.0.1:8600/{service.removeprefix('service:')}/health answered 200 with the expected JSON",
                "1 answer, 2 values in its body",
                measured=18 + 7 * place,
                unit="ms",
            )
            for place, service in enumerate(SERVICES)
        ],
        "page-health": [
            passed(
                state,
                "answered 200, shows every expected text, no failed request",
                f"{31 + place} requests, 2 texts",
                evidence=(screenshot(state), f"data/sweep/{state}/network.har"),
            )
            for place, state in enumerate(STATES)
        ],
        "visual": [
            passed(state, "0 of 1,024,000 pixels differ", "1 picture", evidence=visual_evidence(state)[:2])
            for state in STATES
        ],
        "axe": [
            passed(
                state,
                "0 critical, 0 serious violations",
                f"{counted(1 + place % 2, 'frame')}, {212 + 31 * place} nodes",
                evidence=(screenshot(state), f"data/sweep/{state}/axe.json"),
            )
            for place, state in enumerate(STATES)
        ],
        "journeys": [
            passed(
                journey,
                "ran to its end and asserted what it promises",
                f"{6 + place} steps, {4 + place} assertions",
                measured=3.2 + place,
                unit="s",
                evidence=(f"data/journeys/{journey.removeprefix('journey:')}/junit.xml",),
            )
            for place, journey in enumerate(JOURNEYS)
        ],
        "vitals": [
            passed(
                subject,
                "the 75th percentile is within its budget",
                "5 runs",
                rule=subject.rpartition("/")[2],
                measured=0.04 if subject.endswith("cls") else 1480.0,
                limit=0.1 if subject.endswith("cls") else 2500.0,
                unit="" if subject.endswith("cls") else "ms",
            )
            for subject in VITALS
        ],
        "unit-coverage": [
            passed(
                unit,
                "8,214 of 9,300 lines are covered",
                "9,300 lines",
                measured=88.3,
                limit=80.0,
                unit="%",
                evidence=(f"data/unit-coverage/{unit.removeprefix('unit:')}/coverage-final.json",),
            )
            for unit in UNITS
        ],
        "e2e-coverage": [
            passed("e2e:web", "5,912 of 9,300 lines ran", "9,300 lines", measured=63.6, limit=60.0, unit="%")
        ],
    }


def no_go() -> dict[str, list[Finding]]:
    """Findings of a bad day: fails, an error, something never reached, warnings, questions and a waived fail."""
    found = passing()
    found["health"] = [finding for finding in found["health"] if finding.subject != "service:reports"]
    found["axe"] = [
        failed(
            state,
            "Fix any of the following: Element has insufficient color contrast of 2.9 (foreground #9aa1ad,"
            " background #ffffff, 13 px). Expected contrast ratio of 4.5:1",
            rule="color-contrast",
            element=f".kpi-card:nth-child({place + 2}) > .kpi-label",
            measured=2.9,
            limit=4.5,
            unit=":1",
            evidence=(screenshot(state), f"data/sweep/{state}/axe.json"),
            looked_at="2 frames, 318 nodes",
            more_information="https://dequeuniversity.com/rules/axe/4.10/color-contrast",
        )
        if state.startswith(("dashboard", "approvals", "reports"))
        else finding
        for place, (state, finding) in enumerate(zip(STATES, found["axe"], strict=True))
    ]
    found["axe"] += [
        Finding(
            outcome=Outcome.REVIEW,
            gates=False,
            subject="settings@desktop",
            rule="video-caption",
            element="video.tour",
            message="Whether the captions are true to what is said has to be heard by a person",
        ),
        failed(
            "settings@phone",
            "2 headings skip a level",
            rule="heading-order",
            element="main h4",
            gates=False,
            more_information="https://dequeuniversity.com/rules/axe/4.10/heading-order",
        ),
        failed(
            "settings@desktop",
            "Some page content is not contained by landmarks; known: Ada Okafor accepts it until 2026-03-12",
            rule="region",
            element="main > .note",
            gates=False,
        ),
    ]
    found["visual"] = [
        failed(
            "approvals@phone",
            "12,408 of 1,024,000 pixels differ; the largest difference is at 36, 420 (312 × 96 px)",
            measured=1.21,
            limit=0.1,
            unit="%",
            evidence=visual_evidence("approvals@phone"),
        )
        if finding.subject == "approvals@phone"
        else finding
        for finding in found["visual"]
    ]
    found["page-health"] = [
        Finding(
            outcome=Outcome.ERROR,
            subject="settings@desktop",
            rule="gather",
            message="the page did not settle within 30 s: 1 request to /api/flags was still open",
            evidence=(screenshot("settings@desktop"),),
        )
        if finding.subject == "settings@desktop"
        else finding
        for finding in found["page-health"]
    ]
    found["vitals"] = [
        failed(
            finding.subject,
            "the 75th percentile of 5 runs is over its budget",
            rule="lcp",
            measured=3120.0,
            limit=2500.0,
            unit="ms",
            looked_at="5 runs",
        )
        if finding.subject == "dashboard@phone/lcp"
        else finding
        for finding in found["vitals"]
    ]
    found["unit-coverage"] = [
        failed(
            "unit:billing",
            "6,138 of 9,300 lines are covered",
            measured=66.0,
            limit=80.0,
            unit="%",
            looked_at="9,300 lines",
        )
        if finding.subject == "unit:billing"
        else finding
        for finding in found["unit-coverage"]
    ]
    return found


def incomplete() -> dict[str, list[Finding]]:
    """Findings of a half-reachable day: nothing fails, something was never seen."""
    found = passing()
    found["health"] = [finding for finding in found["health"] if finding.subject != "service:billing"]
    found["journeys"] = [
        Finding(
            outcome=Outcome.ERROR,
            subject=journey,
            rule="gather",
            message="the journeys could not start: no identity 'approver' (DEMO_APPROVER_EMAIL is not set)",
        )
        for journey in JOURNEYS
    ]
    return found


WAIVERS = (
    Waiver(
        check="unit-coverage",
        subject="unit:billing",
        owner="Ines Duarte",
        reason="The old invoice renderer is deleted next sprint; its tests went first.",
        ticket="https://tickets.example.com/BILL-412",
        expires=STARTED + timedelta(days=9),
    ),
    Waiver(
        check="vitals",
        subject="dashboard@phone/*",
        owner="Jon Berg",
        reason="Hero image is replaced by marketing before the launch.",
        ticket="WEB-88",
        expires=STARTED - timedelta(days=2),
    ),
    Waiver(
        check="axe",
        subject="reports@*",
        fingerprint="00aa11bb22cc33dd",
        owner="Ines Duarte",
        reason="Chart library upgrade pending.",
        expires=STARTED + timedelta(days=60),
    ),
)


def known_notes() -> tuple[KnownNote, ...]:
    """Findings that people accepted, and everything that can become of them in a run."""
    outlined = next(finding for finding in no_go()["axe"] if finding.rule == "region").fingerprinted("axe")
    notes = {
        "known": {"subject": outlined.subject, "rule": "region", "element": outlined.element},
        "expired": {
            "subject": "dashboard@phone",
            "rule": "color-contrast",
            "expires": STARTED - timedelta(days=2),
            "expires_soon": False,
        },
        "fixed": {"subject": "settings@desktop", "rule": "label", "element": "form > input"},
        "not_scanned": {"subject": "reports@phone", "rule": "label", "why": "1 frame could not be scanned"},
    }
    said = {
        "check": "axe",
        "owner": "Ada Okafor",
        "reason": "as found when the checks were introduced",
        "ticket": "UI-231",
        "expires": STARTED + timedelta(days=10),
        "expires_soon": True,
    }
    fingerprints = {"known": outlined.fingerprint}
    return tuple(
        KnownNote.model_validate(said | note | {"state": state, "fingerprint": fingerprints.get(state, "")})
        for state, note in notes.items()
    )


def answer_notes() -> tuple[AnswerNote, ...]:
    """Three answers on record: one that is asked for, one nobody could ask for, one that nobody asks for any more."""
    return tuple(
        AnswerNote(
            check="axe",
            subject=f"{page}@desktop",
            rule="color-contrast",
            element=".hero > p",
            answer="pass",
            by="ada",
            answered_at=STARTED - timedelta(days=40),
            signed=True,
            file=f"{page.encode().hex():0<16.16}.json",
            state=state,
        )
        for page, state in (("dashboard", "asked"), ("settings", "not_scanned"), ("reports", "not_asked"))
    )


def criterion_notes() -> tuple[CriterionNote, ...]:
    """Of four criteria: one fails, one asks, one was looked at, one was not."""
    return (
        CriterionNote(number="1.1.1", name="Non-text Content", level="A", means=("automatic", "manual")),
        CriterionNote(number="1.2.2", name="Captions", level="A", means=("automatic",), to_review=2),
        CriterionNote(number="1.4.3", name="Contrast", level="AA", means=("automatic", "probe"), failed=6, to_review=1),
        CriterionNote(number="3.3.8", name="Accessible Authentication", level="AA"),
    )


def results(found: dict[str, list[Finding]]) -> tuple[CheckResult, ...]:
    """Check results with fingerprints, as the judges hand them over."""
    return tuple(
        CheckResult(
            spec=SPECS[check],
            findings=tuple(finding.fingerprinted(check) for finding in findings),
            seconds=0.02 * len(findings),
        )
        for check, findings in found.items()
    )


def manifest(kind: str = "no-go", **changed: Any) -> Manifest:
    """A run of one kind: `no-go`, `go`, `incomplete`, `doubtful` or `first`; `changed` replaces fields."""
    found = {"no-go": no_go, "incomplete": incomplete}.get(kind, passing)()
    judged = changed.pop("results", None) or results(found)
    expected = changed.pop("expected", EXPECTED)
    waivers = changed.pop("waivers", WAIVERS if kind == "no-go" else ())
    after = OTHER_COMMIT if kind == "doubtful" else COMMIT
    release = changed.pop("release", Release(requested="4f2c9e1", before=COMMIT, after=after))
    visual = next((result for result in judged if result.check == "visual"), None)
    known = [finding.fingerprint for finding in (visual.findings if visual else ()) if finding.outcome is Outcome.FAIL]
    previous = PreviousRun(
        run_id="20260301T210402Z-demo-77ab01",
        verdict=VerdictWord.NO_GO,
        sealed_at=STARTED - timedelta(days=1) + timedelta(minutes=5),
        release=OTHER_COMMIT,
        fingerprints=(*known, "feedfacefeedface", "0123456789abcdef"),
    )
    fields: dict[str, Any] = {
        "run_id": "20260302T210405Z-demo-3fa9c1",
        "project": "impact",
        "target": "demo",
        "base_url": "http://127.0.0.1:8600",
        "profile": "nightly",
        "started_by": "schedule: nightly-validation",
        "release": release,
        "started_at": STARTED,
        "finished_at": FINISHED,
        "plan_sha256": "9f" * 32,
        "expected": expected,
        "results": judged,
        "waivers": waivers,
        "decision": decide(expected, judged, waivers, release, FINISHED),
        "toolchain": {"chromium": "141.0.7390.37", "playwright": "1.65.0", "axe-core": "4.10.3", "stageproof": "0.1.0"},
        "phases": {"plan": 0.2, "gather": 231.4, "judge": 3.1, "decide": 0.0, "bundle": 6.8},
        "redaction": Redaction(counts={"bearer token": 14, "password field": 3}),
        "previous": None if kind == "first" else previous,
        "known": known_notes() if kind == "no-go" else (),
        "answers": answer_notes() if kind == "no-go" else (),
        "criteria": criterion_notes() if kind != "first" else (),
    }
    return Manifest(**(fields | changed))


def picture_paths(told: Manifest) -> list[str]:
    """Every file of evidence that the findings name, plus a screenshot of every page state."""
    named = {path for result in told.results for finding in result.findings for path in finding.evidence}
    return sorted(named | {screenshot(state) for state in STATES} | {"run.json", "index.html"})


def write_bag(folder: Path, told: Manifest) -> list[str]:
    """Draw the pictures and write the other files of a bag, so that the page has something to show."""
    from PIL import Image, ImageChops, ImageDraw

    def drawn(state: str, *, changed: bool) -> Image.Image:
        page, viewport = state.split("@")
        width, height = (390, 844) if viewport == "phone" else (1280, 800)
        image = Image.new("RGB", (width, height), "#f5f6f8")
        pen = ImageDraw.Draw(image)
        hue = {"dashboard": "#1f4e79", "approvals": "#5b3a8c", "reports": "#1d6b52", "settings": "#7a4a12"}[page]
        pen.rectangle((0, 0, width, 56), fill=hue)
        pen.text((20, 20), f"Impact  /  {page}", fill="white", font_size=18)
        columns = 1 if viewport == "phone" else 3
        for place in range(6):
            left = 24 + (place % columns) * ((width - 24) // columns)
            top = 96 + (place // columns) * 132
            shift = 14 if changed and place == 2 else 0
            right = left + (width - 24) // columns - 24
            pen.rounded_rectangle((left, top + shift, right, top + 108 + shift), 10, fill="white", outline="#d9dce2")
            pen.rectangle((left + 16, top + 18 + shift, left + 96, top + 26 + shift), fill="#9aa1ad")
            colour = "#c2410c" if changed and place == 2 else hue
            pen.text((left + 16, top + 44 + shift), f"{(place + 3) * 417:,}", fill=colour, font_size=30)
        return image

    for path in picture_paths(told):
        if not path.startswith("data/"):
            continue
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not path.endswith(".png"):
            target.write_text("{}\n")
            continue
        state = path.split("/")[2]
        now, baseline = drawn(state, changed=state == "approvals@phone"), drawn(state, changed=False)
        picture = baseline if path.endswith("baseline.png") else now
        if path.endswith("diff.png"):
            mask = ImageChops.difference(now, baseline).convert("L").point(lambda value: 255 if value > 8 else 0)
            picture = Image.blend(now.convert("L").convert("RGB"), Image.new("RGB", now.size, "white"), 0.75)
            picture.paste("#d6006c", mask=mask)
        picture.save(target)
    return picture_paths(told)
