"""Pictures against what was approved, each pair with the outcome it must end in."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from PIL import Image

from evidence_store.model import CheckResult, Outcome, SubjectDecision
from tasks.baselines import Quarantine
from tasks.plan import Plan
from tasks.sweep.models import PageVisit
from tasks.visual.models import APPROVALS, ApprovedIndex, Baseline
from tests.tasks.judged_runs import BASE, STARTED, Case, Run, judged, only_subject, plan_of

from .pictures import BLUE, CLOSE_BLUE, page, photograph, png

PASS, FAIL, ERROR, NOT_RUN = Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.NOT_RUN
ENVIRONMENT = "Chromium 156; Linux x86_64; 1280x800@1; tiles 4096x1024"
SUBJECT = "home@desktop"
SCREENSHOT, APPROVED = f"data/sweep/{SUBJECT}/screenshot.png", f"data/visual/{SUBJECT}/baseline.png"


@cache
def approved_page() -> bytes:
    return png(page())


def evidence(
    now: bytes | Image.Image | None = None,
    before: bytes | Image.Image | None = None,
    approved: bool = True,
    indexed: bool = True,
    approved_environment: str = ENVIRONMENT,
    quarantine: datetime | None = None,
    others: Mapping[str, str] | None = None,
    baseline_problem: str | None = None,
    stored_before: bytes | None = None,
    stored_now: bytes | None = None,
    taken: bool = True,
    visits: int = 1,
    table: dict[str, Any] | None = None,
    **changes: Any,
) -> tuple[Run, Plan]:
    """A run with a picture of `home` and the approved one, equal but for these changes."""
    before_bytes, now_bytes = (
        item if isinstance(item, bytes) else approved_page() if item is None else png(item) for item in (before, now)
    )
    run = Run()
    screenshot = run.file(SCREENSHOT, now_bytes, "image/png")
    picture = run.file(APPROVED, before_bytes, "image/png")
    if stored_before is not None:
        run.files[APPROVED] = stored_before
    if stored_now is not None:
        run.files[SCREENSHOT] = stored_now
    calm = {"stable": True, "environment": ENVIRONMENT, "stabilisation": ("two equal frames after 80 ms",)}
    visit = PageVisit(
        subject=SUBJECT,
        gathered_at=STARTED,
        page="home",
        viewport="desktop",
        url=f"{BASE}/en/home",
        screenshot=screenshot if taken else None,
        **(calm | changes),
    )
    run.add(*[visit] * visits)
    if indexed:
        subjects = (SUBJECT,) if approved else ()
        digests = dict.fromkeys(subjects, picture.sha256) | dict(others or {})
        told = quarantine and Quarantine(owner="Bo", reason="tiles load late", expires=quarantine)
        run.add(
            ApprovedIndex(
                subject=APPROVALS,
                gathered_at=STARTED,
                approved=tuple(sorted(digests)),
                digests=digests,
                quarantined={SUBJECT: told} if told else {},
            )
        )
    if approved and indexed:
        run.add(
            Baseline(
                subject=SUBJECT,
                gathered_at=STARTED,
                problem=baseline_problem,
                picture=picture,
                approved_sha256=picture.sha256,
                environment=approved_environment,
                approved_by="Ada",
                approved_at=STARTED,
                run_id="20260301T120000Z-demo-1a2b3c",
            )
        )
    return run, plan_of({"visual": table or {}})


def looks(*args: Any, **changes: Any) -> SubjectDecision:
    """What the page ended in."""
    run, plan = evidence(*args, **changes)
    return only_subject("visual", run, plan, SUBJECT)


def approvals(*args: Any, **changes: Any) -> SubjectDecision:
    """What the approvals as a whole ended in."""
    run, plan = evidence(*args, **changes)
    return only_subject("visual", run, plan, APPROVALS)


def findings(*args: Any, **changes: Any) -> CheckResult:
    """Everything the judge said."""
    run, plan = evidence(*args, **changes)
    return judged("visual", run, plan)


def grown(rows: int, at: int = 60) -> Image.Image:
    """The page with an empty gap of some rows."""
    before = page()
    after = Image.new("RGB", (before.width, before.height + rows), "white")
    after.paste(before.crop((0, 0, before.width, at)), (0, 0))
    after.paste(before.crop((0, at, before.width, before.height)), (0, at + rows))
    return after


def close_colour_on_a_long_page() -> SubjectDecision:
    long = (1280, 3000)
    return looks(page(CLOSE_BLUE, size=long), page(BLUE, size=long))


def another_encoding() -> bytes:
    encoded = png(page())
    return encoded[:33] + b"\x00\x00\x00\x04tEXta\x00bc" + _crc(b"tEXta\x00bc") + encoded[33:]


def _crc(chunk: bytes) -> bytes:
    return zlib.crc32(chunk).to_bytes(4, "big")


def with_a_dot(picture: Image.Image) -> Image.Image:
    picture.paste((0, 0, 0), (200, 200, 210, 210))
    return picture


def with_a_band(picture: Image.Image) -> Image.Image:
    picture.paste((254, 243, 199), (0, 60, 320, 76))
    return picture


LATER, EARLIER = STARTED + timedelta(days=1), STARTED - timedelta(days=1)
GOOD = [
    Case("equal byte for byte", PASS, "equal to the picture Ada approved", looks),
    Case(
        "equal pixels in another file",
        PASS,
        "looks as approved; 0 pixels differ",
        lambda: looks(another_encoding()),
    ),
    Case(
        "noise of another encoder in a photograph",
        PASS,
        "none of them visibly",
        lambda: looks(photograph(2), photograph(0)),
    ),
    Case(
        "within what the plan tolerates",
        PASS,
        "no region by more than 1000",
        lambda: looks(page(words="Impact this quarten: 42"), table={"tolerated_pixels": 1_000}),
    ),
    Case(
        "equal bytes from another browser",
        PASS,
        "equal to the picture Ada approved",
        partial(looks, environment="Chromium 157"),
    ),
    Case(
        "a gap where the plan tolerates shifts",
        PASS,
        "16 empty rows inserted at 80; the page is 320x256 in place of 320x240; nothing else changed, and the plan",
        lambda: looks(grown(16), table={"tolerate_shift": True}),
    ),
    Case("in quarantine, and as approved", PASS, "equal to", partial(looks, quarantine=LATER)),
    Case("all approvals are planned", PASS, "1 of 1 approved pictures", approvals),
    Case(
        "an approval the plan no longer names",
        PASS,
        "1 of 2 approved pictures",
        partial(approvals, others={"gone@desktop": "0" * 64}),
        warns=True,
    ),
    Case("a quarantine that ended", PASS, "1 of 1", partial(approvals, quarantine=EARLIER), warns=True),
]
BAD = [
    Case("a gap", FAIL, "shifted: 16 empty rows inserted at 80", lambda: looks(grown(16))),
    Case("a gap that closed", FAIL, "shifted: 16 empty rows removed at 80", lambda: looks(before=grown(16))),
    Case(
        "a gap and a changed figure, where the plan tolerates shifts",
        FAIL,
        "pixels look different, in 1 regions",
        lambda: looks(with_a_dot(grown(16)), table={"tolerate_shift": True}),
    ),
    Case(
        "a banner, where the plan tolerates shifts",
        FAIL,
        "pixels look different",
        lambda: looks(with_a_band(grown(16)), table={"tolerate_shift": True}),
    ),
    Case(
        "in quarantine",
        FAIL,
        "in quarantine until 2026-03-03 12:00 UTC (Bo: tiles load late); ",
        lambda: looks(page(CLOSE_BLUE), quarantine=LATER),
        warns=True,
    ),
    Case(
        "its quarantine ended",
        FAIL,
        "its quarantine by Bo ended at 2026-03-01 12:00 UTC, so it gates again",
        lambda: looks(page(CLOSE_BLUE), quarantine=EARLIER),
    ),
    Case("its quarantine ends now", FAIL, "so it gates again", lambda: looks(page(CLOSE_BLUE), quarantine=STARTED)),
    Case("a button of a close colour on a long page", FAIL, "in 1 regions", close_colour_on_a_long_page),
    Case("one changed figure", FAIL, "pixels look different", lambda: looks(page(words="Impact this quarter: 47"))),
    Case("one changed letter", FAIL, "pixels look different", lambda: looks(page(words="Impact this quarten: 42"))),
    Case("moved by one pixel", FAIL, "the largest is 1x32 at", lambda: looks(page(move=1))),
    Case("the button is gone", FAIL, "the largest is 100x32 at 20,80", lambda: looks(page(button=(255, 255, 255)))),
    Case(
        "longer by one white row",
        FAIL,
        "shifted: 1 empty row inserted at 240; the page is 320x241 in place of 320x240; nothing else changed",
        lambda: looks(page(size=(320, 241))),
    ),
    Case("shorter by one white row", FAIL, "320x239 in place of 320x240", lambda: looks(page(size=(320, 239)))),
    Case("narrower and longer", FAIL, "300x300 in place of 320x240", lambda: looks(page(size=(300, 300)))),
    Case("blank", FAIL, "pixels look different", lambda: looks(Image.new("RGB", (320, 240), "white"))),
    Case(
        "one region beyond what is tolerated",
        FAIL,
        "in 1 regions",
        lambda: looks(page(CLOSE_BLUE), table={"tolerated_pixels": 200}),
    ),
]
UNSTABLE = {"stable": False, "stabilisation": ("12 frames, no two equal",)}
BROKEN = [
    Case(
        "never stood still",
        ERROR,
        "never stood still: mask what moves, or mend it (12 frames",
        partial(looks, **UNSTABLE),
    ),
    Case("never stood still, nothing approved", ERROR, "never stood still", partial(looks, approved=False, **UNSTABLE)),
    Case(
        "another browser than approved",
        ERROR,
        "Chromium 157 in place of Chromium 156 (restore",
        lambda: looks(page(move=1), environment=ENVIRONMENT.replace("156", "157")),
    ),
    Case(
        "approved elsewhere",
        ERROR,
        f"{ENVIRONMENT} in place of Chromium 140",
        lambda: looks(page(move=1), approved_environment="Chromium 140"),
    ),
    Case("never stood still, in quarantine", ERROR, "never stood", partial(looks, quarantine=LATER, **UNSTABLE)),
    Case("half a PNG, in quarantine", ERROR, "cannot be", lambda: looks(approved_page()[:400], quarantine=LATER)),
    Case("nothing was ever approved", NOT_RUN, "no picture was approved", partial(approvals, approved=False)),
    Case("a page taller than its picture", ERROR, "the picture ends at 15,000 px", partial(looks, clipped_at=15_000)),
    Case(
        "a part that scrolls hides the rest",
        ERROR,
        "a part that scrolls by itself hides 5,700 px that the picture does not show: the rest was not looked at",
        partial(looks, clipped_at=800, hidden=5700),
    ),
    Case("no picture was taken", ERROR, "no picture was taken", partial(looks, taken=False)),
    Case("taking it failed", ERROR, "too tall", partial(looks, taken=False, screenshot_problem="too tall")),
    Case(
        "half a PNG", ERROR, "the pictures cannot be compared: not a readable PNG", lambda: looks(approved_page()[:400])
    ),
    Case("HTML in place of a PNG", ERROR, "cannot be compared", lambda: looks(b"<!doctype html>")),
    Case("half a PNG was approved", ERROR, "cannot be compared", lambda: looks(before=approved_page()[:400])),
    Case("an empty file", ERROR, "cannot be compared", partial(looks, b"")),
    Case(
        "the approved picture is not what was approved",
        ERROR,
        "does not hash to what was approved",
        partial(looks, baseline_problem="the approved picture does not hash to what was approved"),
    ),
    Case(
        "the approved picture was altered in the run",
        ERROR,
        "does not hash to what was recorded",
        lambda: looks(page(move=1), stored_before=png(page(move=1))),
    ),
    Case(
        "the picture was altered in the run",
        ERROR,
        "does not hash to what was recorded",
        lambda: looks(page(move=1), stored_now=approved_page()),
    ),
    Case("the visit failed", ERROR, "no answer", partial(looks, problem="no answer in 30 s")),
    Case("visited twice", ERROR, "2 passes", partial(looks, visits=2)),
    Case("nothing approved", NOT_RUN, "awaits approval", partial(looks, approved=False)),
    Case("never visited", NOT_RUN, "never looked at", partial(looks, visits=0)),
    Case("nobody looked for baselines", NOT_RUN, "never looked at", partial(looks, indexed=False)),
]
BROKEN.append(Case("masked as a whole", ERROR, "masks cover all", partial(looks, all_masked=True)))
CASES: dict[str, list[Case]] = {"visual": [*GOOD, *BAD, *BROKEN]}
