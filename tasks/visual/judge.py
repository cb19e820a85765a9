"""Judge of pictures against what a person approved.

Every subject ends in one of these, named by the finding's rule:

- `same`: pass. The bytes are equal, or every pixel is.
- `noise`: pass, and it says how much. Pixels differ, but none that a person could see, or (where the plan tolerates
  pixels) no region by more than that. The gate is visible pixels in a region; never a percentage of the page, which
  hides a changed figure on a long one.
- `shifted`: fail. Rows were inserted or removed that show nothing of their own, and nothing else changed: everything
  below moved. An empty gap is a change a person should see, so it passes only where the plan says `tolerate_shift`.
- `changed`: fail. Something looks different, with its place; rows that were inserted or removed are told apart from it.
- `new`: `not_run`, it awaits approval. Never a pass: a gate without a baseline guards nothing.
- `unstable`: error. The page never stood still.
- `cut`: error. The page, or a part that fills the window and scrolls by itself, is taller than a picture can be or has
  no end: the rest was not looked at. The plan's `picture_height` or `unfold_scrolling = false` say that what is shown
  is enough; then, and of smaller parts that scroll, a pass says what its picture leaves out.
- `masked`: error. The plan's masks cover all that the page shows, so that any page would look the same.
- `incomparable`: error. The picture differs and was taken in another environment (browser, platform, viewport) than the
  approved one, so nobody can say what the difference comes from.
- `quarantined`: a `shifted` or `changed` of a subject in quarantine (`visual.toml`, with owner, reason and end). It is
  shown and does not gate, until the quarantine ends; then it gates again and says so. A quarantine covers no error.

The subject `baselines` speaks of the approvals as a whole: a picture that was approved for a subject the plan no longer
names is a warning (`removed`), as is a quarantine that has ended or covers nothing the plan names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from evidence_store.model import CheckSpec, Finding, Outcome, Rendering
from evidence_store.workspace import read_artifact
from tasks.baselines import Quarantine
from tasks.contract import Check, JudgeContext
from tasks.plan import CheckOptions
from tasks.sweep.models import PageVisit
from tasks.visual.models import APPROVALS, ApprovedIndex, Baseline

if TYPE_CHECKING:
    from tasks.visual.compare import Comparison, Strip

TOLD_STRIPS = 3
"""Strips that are named one by one; of more, the sum is told."""


class VisualOptions(CheckOptions):
    """The plan's table for visual."""

    tolerated_pixels: int = Field(default=0, ge=0, le=1000)
    """Visible pixels a region may differ in before it counts. 0 is right for a page that stands still."""
    tolerate_shift: bool = False
    """Let a page pass whose content only moved up or down, by empty rows that were inserted or removed."""


def judge_visual(
    context: JudgeContext, visits: Sequence[PageVisit], baselines: Sequence[Baseline], indexes: Sequence[ApprovedIndex]
) -> Iterator[Finding]:
    """Compare every visited page with its approved picture."""
    if not indexes:
        return  # nobody looked for baselines: the shard's failure, or the gate, says so
    approved = {baseline.subject: baseline for baseline in baselines}
    digests = {subject: index.digests.get(subject, "") for index in indexes for subject in index.approved}
    quarantined = {subject: told for index in indexes for subject, told in index.quarantined.items()}
    gone = {subject: digest for subject, digest in digests.items() if subject not in context.plan.looks}
    renamed = _renamed(visits, digests, gone)
    for visit in visits:
        baseline = approved.get(visit.subject)
        if baseline is None and visit.subject in digests:
            continue  # its baseline is broken: told already as an error
        finding = _judge_visit(context, visit, baseline, renamed.get(visit.subject))
        yield _under_quarantine(context, finding, quarantined.get(visit.subject))
    yield from _judge_approvals(context, digests, renamed, quarantined)


def _renamed(visits: Sequence[PageVisit], digests: Mapping[str, str], gone: Mapping[str, str]) -> dict[str, str]:
    """New subjects whose picture is the one approved for a subject that the plan no longer names."""
    former = {digest: subject for subject, digest in sorted(gone.items(), reverse=True) if digest}
    return {
        visit.subject: former[visit.screenshot.sha256]
        for visit in visits
        if visit.subject not in digests and visit.screenshot is not None and visit.screenshot.sha256 in former
    }


def _judge_approvals(
    context: JudgeContext,
    digests: Mapping[str, str],
    renamed: Mapping[str, str],
    quarantined: Mapping[str, Quarantine],
) -> Iterator[Finding]:
    def warning(rule: str, subject: str, message: str) -> Finding:
        return Finding(
            outcome=Outcome.FAIL, subject=APPROVALS, rule=rule, element=subject, message=message, gates=False
        )

    planned = context.plan.looks
    still = sum(subject in planned for subject in digests)
    if not digests:
        yield Finding(
            outcome=Outcome.NOT_RUN,
            subject=APPROVALS,
            rule="new",
            message="no picture was approved for this target yet",
        )
    else:
        yield Finding(
            outcome=Outcome.PASS,
            subject=APPROVALS,
            message=f"{still} of {len(digests)} approved pictures are of subjects the plan names",
            looked_at=f"{len(digests)} approvals, {len(quarantined)} in quarantine",
        )
    index = f"baselines/{context.plan.target.name}/visual.toml"
    for subject in sorted(set(digests) - set(planned)):
        became = sorted(new for new, old in renamed.items() if old == subject)
        hint = f"; its picture is now that of {', '.join(became)}: renamed?" if became else ""
        yield warning(
            "removed",
            subject,
            f"{subject} was approved, and the plan no longer names it{hint} (if that is meant, delete its table from"
            f" {index})",
        )
    for subject, told in sorted(quarantined.items()):
        if subject not in planned:
            words = (
                f"a quarantine by {told.owner} names {subject}, which is no subject of the plan: delete it from {index}"
            )
            yield warning("quarantine-of-nothing", subject, words)
        elif context.started_at >= told.expires:
            words = f"the quarantine of {subject} by {told.owner} ended at {_instant(told)}: delete it from {index}"
            yield warning("quarantine-ended", subject, words)


def _under_quarantine(context: JudgeContext, finding: Finding, told: Quarantine | None) -> Finding:
    """A change of a subject in quarantine does not gate until the quarantine ends; nothing else is covered."""
    if told is None or finding.outcome is not Outcome.FAIL:
        return finding
    if context.started_at >= told.expires:
        words = f"{finding.message}; its quarantine by {told.owner} ended at {_instant(told)}, so it gates again"
        return finding.model_copy(update={"message": words})
    words = f"in quarantine until {_instant(told)} ({told.owner}: {told.reason}); {finding.message}"
    return finding.model_copy(update={"message": words, "rule": "quarantined", "gates": False})


def _instant(told: Quarantine) -> str:
    return f"{told.expires:%Y-%m-%d %H:%M %Z}".strip()


def _judge_visit(context: JudgeContext, visit: PageVisit, baseline: Baseline | None, former: str | None) -> Finding:
    def finding(outcome: Outcome, rule: str, message: str, *evidence: str) -> Finding:
        current = (visit.screenshot.path,) if visit.screenshot else ()
        return Finding(outcome=outcome, subject=visit.subject, rule=rule, message=message, evidence=evidence or current)

    if visit.screenshot is None:
        return finding(Outcome.ERROR, "capture", visit.screenshot_problem or "no picture was taken")
    if (cut_off := visit.cut_off()) is not None:
        return finding(
            Outcome.ERROR,
            "cut",
            f"{cut_off}: the rest was not looked at (let `picture_height` say how much of the page is to be looked at;"
            " states of the page can scroll to the rest)",
        )
    if visit.all_masked:
        return finding(
            Outcome.ERROR, "masked", "the plan's masks cover all that the page shows: nothing of it was looked at"
        )
    if not visit.stable:
        return finding(
            Outcome.ERROR,
            "unstable",
            f"the page never stood still: mask what moves, or mend it ({'; '.join(visit.stabilisation)})",
        )
    if baseline is None or baseline.picture is None:
        hint = f"; its picture is the one approved for {former}, which the plan no longer names: renamed?"
        return finding(
            Outcome.NOT_RUN,
            "new",
            "awaits approval: no picture of it was ever approved (look at it, then `stageproof approve RUN`)"
            + (hint if former else ""),
        )
    both = (baseline.picture.path, visit.screenshot.path)
    stillness = visit.stabilisation[-1] if visit.stabilisation else ""
    # Read, so that the bytes are held to their digests: a digest alone says nothing of a file that was altered since.
    approved, current = (read_artifact(context.files, picture) for picture in (baseline.picture, visit.screenshot))
    if baseline.approved_sha256 == visit.screenshot.sha256:
        return finding(Outcome.PASS, "same", f"equal to the picture {baseline.approved_by} approved", *both).model_copy(
            update={"looked_at": "; ".join(filter(None, ("1 picture, byte for byte", stillness, *_left_out(visit))))}
        )
    if baseline.environment != visit.environment:
        differs = environments_differ(baseline.environment, visit.environment)
        return finding(
            Outcome.ERROR,
            "incomparable",
            f"taken in another environment than approved, so a difference would say nothing of the page: {differs}"
            " (restore the environment, or look at the picture and approve it)",
            *both,
        )
    from tasks.visual.compare import PictureError, compare, decode  # numpy: most runs have nothing to compare

    try:
        result = compare(decode(approved), decode(current))
    except PictureError as error:
        return finding(Outcome.ERROR, "picture", f"the pictures cannot be compared: {error}", *both)
    return _judge_comparison(context, visit, result, finding(Outcome.PASS, "", "", *both))


def _left_out(visit: PageVisit) -> Iterator[str]:
    """What the picture does not show though the page has it, and the plan lets it be."""
    if visit.hidden:
        yield f"without {visit.hidden:,} px of a part that scrolls by itself: the plan says that this is enough"
    if visit.smaller_parts:
        yield f"smaller parts that scroll are in it as far as they show: {visit.smaller_parts}"


def environments_differ(approved: str, now: str) -> str:
    """What two environments differ in, part by part where they have the same parts."""
    parts = [[part.strip() for part in environment.split(";")] for environment in (approved, now)]
    if len(parts[0]) != len(parts[1]):
        return f"{now or 'unknown'} in place of {approved or 'unknown'}"
    return "; ".join(
        f"{later or 'unknown'} in place of {earlier or 'unknown'}"
        for earlier, later in zip(*parts, strict=True)
        if earlier != later
    )


def _judge_comparison(context: JudgeContext, visit: PageVisit, result: Comparison, base: Finding) -> Finding:
    size = f"{result.size_after[0]} x {result.size_after[1]} pixels"
    base = base.model_copy(update={"looked_at": "; ".join((size, *_left_out(visit)))})
    regions = [region for region in result.regions if region.pixels > context.options.tolerated_pixels]
    moved = "; ".join(filter(None, (_strips_in_words(result.strips), _size_in_words(result))))
    if regions:
        largest = regions[0]
        verdict = {
            "outcome": Outcome.FAIL,
            "rule": "changed",
            "message": f"{result.seen:,} pixels look different, in {len(regions)} regions; the largest is"
            f" {largest.width}x{largest.height} at {largest.left},{largest.top}" + (f"; {moved}" if moved else ""),
            "measured": result.seen,
            "limit": context.options.tolerated_pixels,
            "unit": "pixels",
        }
    elif result.strips:
        tolerated = context.options.tolerate_shift and all(strip.blank for strip in result.strips)
        verdict = {
            "outcome": Outcome.PASS if tolerated else Outcome.FAIL,
            "rule": "shifted",
            "message": f"shifted: {moved}; nothing else changed"
            + (", and the plan tolerates that" if tolerated else ""),
            "measured": result.shifted_rows,
            "unit": "rows",
        } | ({} if tolerated else {"limit": 0})
    else:
        unseen = (
            f"{result.raw:,} pixels differ, none of them visibly"
            if not result.seen
            else f"{result.seen:,} visible pixels differ, no region by more than {context.options.tolerated_pixels}"
        )
        rule = "noise" if result.raw else "same"
        return base.model_copy(update={"rule": rule, "message": f"looks as approved; {unseen}"})
    if result.canvas is not None:
        from tasks.visual.drawing import draw

        difference = f"data/visual/{visit.subject}/diff.png"
        rendering = Rendering(path=difference, media_type="image/png", content=draw(result.canvas))
        verdict |= {"evidence": (*base.evidence, difference), "renderings": (rendering,)}
    return base.model_copy(update=verdict)


def _strips_in_words(strips: Sequence[Strip]) -> str:
    """The rows that only one picture has: each strip, or their sum when there are many."""
    if len(strips) > TOLD_STRIPS:
        sums = [
            f"{sum(strip.rows for strip in strips if strip.inserted is inserted)} rows {word}"
            f" in {sum(strip.inserted is inserted for strip in strips)} places"
            for inserted, word in ((True, "inserted"), (False, "removed"))
            if any(strip.inserted is inserted for strip in strips)
        ]
        return ", ".join(sums)
    return ", ".join(
        f"{strip.rows}{' empty' if strip.blank else ''} row{'' if strip.rows == 1 else 's'}"
        f" {'inserted' if strip.inserted else 'removed'} at {strip.top}"
        for strip in strips
    )


def _size_in_words(result: Comparison) -> str:
    if result.size_before == result.size_after:
        return ""
    before, after = (f"{width}x{height}" for width, height in (result.size_before, result.size_after))
    return f"the page is {after} in place of {before}"


VISUAL = Check(
    spec=CheckSpec(
        id="visual",
        title="Every page looks as approved",
        failure_title="A page looks different from what was approved",
        why="What a visitor sees can break while every test is green; only a person can say that a change is meant.",
        remedy="docs/checks.md#visual",
        rows=("3.5",),
    ),
    needs=(PageVisit, Baseline, ApprovedIndex),
    expects=lambda plan: (*plan.page_subjects(), APPROVALS),
    judge=judge_visual,
    options=VisualOptions,
)
