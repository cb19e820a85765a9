"""Judge of pictures against what a person approved.

Rules:

- no approved picture: `not_run`, it awaits approval. Never a pass: a gate without a baseline guards nothing;
- taken in another environment (browser, platform, viewport) than approved: `error`, incomparable;
- the page never stood still: `error`, unstable;
- equal bytes pass. Otherwise the gate is pixels a person could see, in regions; never a percentage of the page, which
  hides a changed figure on a long one;
- differences nobody can see are noise: a pass that says how many there were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import Field

from evidence_store.model import CheckSpec, Finding, Outcome, Rendering
from evidence_store.workspace import read_artifact
from tasks.contract import Check, JudgeContext
from tasks.plan import CheckOptions
from tasks.sweep.models import PageVisit
from tasks.visual.compare import Comparison, PictureError, compare, decode
from tasks.visual.models import ApprovedIndex, Baseline


class VisualOptions(CheckOptions):
    """The plan's table for visual."""

    tolerated_pixels: int = Field(default=0, ge=0, le=1000)
    """Visible pixels a region may differ in before it counts. 0 is right for a page that stands still."""


def judge_visual(
    context: JudgeContext, visits: Sequence[PageVisit], baselines: Sequence[Baseline], indexes: Sequence[ApprovedIndex]
) -> Iterator[Finding]:
    """Compare every visited page with its approved picture."""
    if not indexes:
        return  # nobody looked for baselines: the shard's failure, or the gate, says so
    approved = {baseline.subject: baseline for baseline in baselines}
    known = {subject for index in indexes for subject in index.approved}
    for visit in visits:
        baseline = approved.get(visit.subject)
        if baseline is None and visit.subject in known:
            continue  # its baseline is broken: told already as an error
        yield _judge_visit(context, visit, baseline)


def _judge_visit(context: JudgeContext, visit: PageVisit, baseline: Baseline | None) -> Finding:
    def finding(outcome: Outcome, rule: str, message: str, *evidence: str) -> Finding:
        current = (visit.screenshot.path,) if visit.screenshot else ()
        return Finding(outcome=outcome, subject=visit.subject, rule=rule, message=message, evidence=evidence or current)

    if visit.screenshot is None:
        return finding(Outcome.ERROR, "capture", visit.screenshot_problem or "no picture was taken")
    if not visit.stable:
        return finding(
            Outcome.ERROR,
            "unstable",
            f"the page never stood still: mask what moves, or mend it ({'; '.join(visit.stabilisation)})",
        )
    if baseline is None or baseline.picture is None:
        return finding(
            Outcome.NOT_RUN,
            "awaits-approval",
            "awaits approval: no picture of it was ever approved (look at it, then `stageproof approve RUN`)",
        )
    both = (baseline.picture.path, visit.screenshot.path)
    if baseline.environment != visit.environment:
        return finding(
            Outcome.ERROR,
            "incomparable",
            f"taken in another environment than approved: {visit.environment} in place of {baseline.environment}",
            *both,
        )
    looked = f"{visit.stabilisation[-1]}" if visit.stabilisation else ""
    # Read, so that the bytes are held to their digests: a digest alone says nothing of a file that was altered since.
    approved, current = (read_artifact(context.files, picture) for picture in (baseline.picture, visit.screenshot))
    if baseline.approved_sha256 == visit.screenshot.sha256:
        return finding(Outcome.PASS, "", f"equal to the picture {baseline.approved_by} approved", *both).model_copy(
            update={"looked_at": f"1 picture, byte for byte; {looked}"}
        )
    try:
        result = compare(decode(approved), decode(current))
    except PictureError as error:
        return finding(Outcome.ERROR, "picture", f"the pictures cannot be compared: {error}", *both)
    return _judge_comparison(context, visit, result, finding(Outcome.PASS, "", "", *both))


def _judge_comparison(context: JudgeContext, visit: PageVisit, result: Comparison, base: Finding) -> Finding:
    regions = [region for region in result.regions if region.pixels > context.options.tolerated_pixels]
    looked_at = f"{result.size_after[0]} x {result.size_after[1]} pixels"
    if not regions:
        unseen = (
            f"{result.raw:,} pixels differ, none of them visibly"
            if not result.seen
            else (f"{result.seen:,} visible pixels differ, no region by more than {context.options.tolerated_pixels}")
        )
        return base.model_copy(update={"message": f"looks as approved; {unseen}", "looked_at": looked_at})
    largest = regions[0]
    size = ""
    if result.size_before != result.size_after:
        size = f"; the page is {result.size_after[0]}x{result.size_after[1]} in place of " + "x".join(
            map(str, result.size_before)
        )
    difference = f"data/visual/{visit.subject}/diff.png"
    return base.model_copy(
        update={
            "outcome": Outcome.FAIL,
            "rule": "changed",
            "message": f"{result.seen:,} pixels look different, in {len(regions)} regions; the largest is"
            f" {largest.width}x{largest.height} at {largest.left},{largest.top}{size}",
            "measured": result.seen,
            "limit": context.options.tolerated_pixels,
            "unit": "pixels",
            "looked_at": looked_at,
            "evidence": (*base.evidence, difference),
            "renderings": (Rendering(path=difference, media_type="image/png", content=result.difference or b""),),
        }
    )


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
    expects=lambda plan: plan.page_subjects(),
    judge=judge_visual,
    options=VisualOptions,
)
