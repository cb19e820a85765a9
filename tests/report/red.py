"""A run on the worst of days: five hundred page states, and nearly everything is wrong on nearly all of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evidence_store.model import Finding, KnownNote, Manifest, Outcome
from tests.report.sample import (
    JOURNEYS,
    SERVICES,
    UNITS,
    WAIVERS,
    failed,
    known_notes,
    manifest,
    passing,
    results,
    screenshot,
    visual_evidence,
)

PAGES = tuple(f"{area}-{number}" for area in ("catalog", "reports", "account", "admin", "help") for number in range(50))
RULES = ("color-contrast", "label", "button-name", "link-name", "image-alt", "aria-roles")
COMPONENTS = (".chip", "nav > a", "form > input", ".toolbar > button", "figure > img", ".card > h3", "table > th")


def all_red(pages: Sequence[str] = PAGES) -> Manifest:
    """Decided by the real gate: hundreds of failures by dozens of causes, and much that could not be judged."""
    found, states = passing(), _states(pages)
    found["health"] = [failed(service, "answered 503: the database is away", rule="status") for service in SERVICES[1:]]
    found["page-health"] = [_arrival(place, state) for place, state in enumerate(states)]
    found["visual"] = [_looks(place, state) for place, state in enumerate(states)]
    found["axe"] = [barrier for place, state in enumerate(states) for barrier in _barriers(place, state)]
    found["journeys"] = [
        failed(journey, "Timeout 10000ms exceeded: waiting for get_by_role('button', name='Approve')", rule="failed")
        for journey in JOURNEYS
    ]
    found["vitals"] = [
        failed(
            f"{page}@phone/lcp",
            "the 75th percentile of 5 runs is over its budget",
            rule="lcp",
            measured=2600.0 + 35 * place,
            limit=2500.0,
            unit="ms",
            looked_at="5 runs",
        )
        for place, page in enumerate(pages[:60])
    ]
    found["unit-coverage"] = [
        failed(unit, "6,138 of 9,300 lines are covered", measured=66.0, limit=80.0, unit="%", looked_at="9,300 lines")
        for unit in UNITS
    ]
    expected = {
        "release": ("release",),
        "health": SERVICES,
        "page-health": states,
        "visual": states,
        "axe": states,
        "journeys": JOURNEYS,
        "vitals": tuple(f"{page}@phone/lcp" for page in pages[:60]),
        "unit-coverage": UNITS,
        "e2e-coverage": ("e2e:web",),
    }
    return manifest("no-go", results=results(found), expected=expected, waivers=WAIVERS, known=_known(states))


def _states(pages: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{page}@{viewport}" for page in pages for viewport in ("desktop", "phone"))


def _arrival(place: int, state: str) -> Finding:
    if place % 50 == 0:
        return Finding(
            outcome=Outcome.ERROR,
            subject=state,
            rule="gather",
            message=f"the page did not settle within 30 s: {place + 1} requests were still open",
        )
    return failed(
        state,
        f"/api/{('trend', 'totals', 'people')[place % 3]} answered 500 behind a page that says it is well",
        rule="failed-request",
        element=f"https://staging.example.com/api/{('trend', 'totals', 'people')[place % 3]}",
        evidence=(screenshot(state), f"data/sweep/{state}/network.har"),
    )


def _looks(place: int, state: str) -> Finding:
    return failed(
        state,
        f"{12_408 + place:,} of 1,024,000 pixels differ; the largest difference is at 36, 420 (312 × 96 px)",
        rule="differs",
        measured=round(1 + place / 100, 2),
        limit=0.1,
        unit="%",
        evidence=visual_evidence(state),
    )


def _barriers(place: int, state: str) -> list[Finding]:
    found = []
    for step in range(3):
        rule, component = RULES[(place + step) % len(RULES)], COMPONENTS[(place * 5 + step) % len(COMPONENTS)]
        found.append(
            failed(
                state,
                f"Elements must meet the rule '{rule}' (serious, {place % 9 + 1} elements): {component}; <span"
                ' class="chip chip--quiet">Waiting</span>; Fix any of the following: Element has insufficient color'
                " contrast of 2.9 (foreground color: #9aa1ad, background color: #ffffff, font size: 9.8pt (13px))",
                rule=rule,
                element=component,
                measured=place % 9 + 1,
                limit=0,
                unit="elements",
                evidence=(screenshot(state), f"data/sweep/{state}/axe.json"),
                more_information=f"https://dequeuniversity.com/rules/axe/4.10/{rule}",
            )
        )
    found.append(
        failed(state, "1 heading skips a level", rule="heading-order", element=f"main h{place % 4 + 2}", gates=False)
    )
    found.append(
        Finding(
            outcome=Outcome.REVIEW,
            gates=False,
            subject=state,
            rule="video-caption",
            element=f"video.tour-{('a', 'b', 'c')[place % 3]}",
            message="Whether the captions are true to what is said has to be heard by a person",
        )
    )
    return found


def _known(states: Sequence[str]) -> tuple[KnownNote, ...]:
    """Two hundred accepted findings, whose pages could not be scanned or do not have them any more."""
    (said,) = (note for note in known_notes() if note.state == "not_scanned")
    return tuple(
        said.model_copy(
            update={"subject": state, "rule": RULES[place % 6], "state": ("fixed", "not_scanned")[place % 2]}
        )
        for place, state in enumerate(states[:200])
    )


def write_bag(folder: Path, told: Manifest) -> list[str]:
    """The files of its bag: of each viewport one drawn picture, under every name that the run gives it."""
    from PIL import Image, ImageDraw

    named = {path for result in told.results for finding in result.findings for path in finding.evidence}
    paths = sorted(named | {screenshot(state) for state in told.expected["visual"]} | {"run.json", "index.html"})
    drawn: dict[tuple[int, int], bytes] = {}
    for path in paths:
        if not path.endswith(".png"):
            continue
        size = (390, 844) if "@phone/" in path else (1280, 800)
        if size not in drawn:
            image = Image.new("RGB", size, "#f5f6f8")
            pen = ImageDraw.Draw(image)
            pen.rectangle((0, 0, size[0], 56), fill="#1f4e79")
            pen.text((20, 20), "Impact", fill="white", font_size=18)
            image.save(folder / "drawn.png")
            drawn[size] = (folder / "drawn.png").read_bytes()
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(drawn[size])
    return paths
