"""Judges of release and health.

Health rules, each from a real false green:

- the answer is 200 at the address itself: a redirect (to a login page) is not health;
- it declares JSON and is JSON: a single-page application answers 200 text/html to anything;
- plain text counts where the plan names the whole of it (`{ "" = "OK" }`);
- every value the plan names is in the body: "degraded" is served with status 200 too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from evidence_store.model import CheckSpec, Finding, Outcome
from evidence_store.workspace import read_artifact
from tasks.contract import Check, JudgeContext
from tasks.plan import Plan
from tasks.probes.models import ServiceProbe
from tasks.reading import at_pointer, parse_json


def judge_release(context: JudgeContext) -> Iterator[Finding]:
    """Whether it is certain which release was looked at, from the first look to the last."""
    release = context.release
    evidence = tuple(name for name in context.files.names() if name.startswith("data/release/"))
    doubt = release.doubt()
    if release.unknown_reason is not None:
        blocked = context.profile.required_checks == "all"
        yield Finding(
            outcome=Outcome.NOT_RUN if blocked else Outcome.FAIL,
            gates=blocked,
            subject="release",
            rule="unknown",
            message=f"this target cannot name its release: {release.unknown_reason}",
        )
    elif doubt is not None:
        yield Finding(outcome=Outcome.ERROR, subject="release", rule="certain", message=doubt, evidence=evidence)
    else:
        asked = f", as asked for ({release.requested})" if release.requested else ""
        yield Finding(
            outcome=Outcome.PASS,
            subject="release",
            message=f"staging served {release.before} before and after the run{asked}",
            looked_at="2 probes of the release address",
            evidence=evidence,
        )


def judge_health(context: JudgeContext, probes: Sequence[ServiceProbe]) -> Iterator[Finding]:
    """Whether each service says, at its own address and in JSON, that it is well."""
    expectations = {f"service:{service.name}": service.expect for service in context.plan.services}
    for probe in probes:
        expect = expectations.get(probe.subject, {})
        problem = _unhealthy(context, probe, expect)
        rule, message = problem or ("", "")
        yield Finding(
            outcome=Outcome.FAIL if problem else Outcome.PASS,
            subject=probe.subject,
            rule=rule,
            element=probe.url,
            message=message
            or f"{probe.url} answered 200 with the expected {'text' if _is_text(probe, expect) else 'JSON'}"
            f" in {probe.seconds * 1000:.0f} ms",
            looked_at=f"1 answer, {len(expect)} values in its body",
            evidence=(probe.body.path,) if probe.body else (),
        )


def _unhealthy(
    context: JudgeContext, probe: ServiceProbe, expect: dict[str, str | int | bool]
) -> tuple[str, str] | None:
    if probe.status is not None and 300 <= probe.status < 400:
        return "redirect", f"{probe.url} answered {probe.status}, a redirect to {probe.header('location') or 'nowhere'}"
    if probe.status != 200:
        return "status", f"{probe.url} answered {probe.status} in place of 200"
    content_type = probe.header("content-type")
    if _is_text(probe, expect):
        text = read_artifact(context.files, probe.body).decode("utf-8", "replace").strip() if probe.body else ""
        return (
            None if text == expect[""] else ("body", f"{probe.url}: it says {text[:80]!r} in place of {expect['']!r}")
        )
    if "json" not in content_type.lower():
        return "content-type", f"{probe.url} answered '{content_type or 'no content type'}' in place of JSON"
    content, not_json = parse_json(read_artifact(context.files, probe.body) if probe.body else b"", content_type)
    if not_json:
        return "body", f"{probe.url}: {not_json}"
    for pointer, wanted in expect.items():
        value, absent = at_pointer(content, pointer)
        # `True == 1` in Python, and a service that says 1 did not say true.
        if absent is not None or value != wanted or type(value) is not type(wanted):
            seen = "nothing" if absent else repr(value)[:80]
            return "body", f"{probe.url}: {pointer} is {seen} in place of {wanted!r}"
    return None


def _is_text(probe: ServiceProbe, expect: dict[str, str | int | bool]) -> bool:
    """Whether a line of plain text was asked for and came: a plan that names a place in JSON is not content with it."""
    declared = probe.header("content-type").partition(";")[0].strip().lower()
    return expect.keys() == {""} and declared == "text/plain"


def _services(plan: Plan) -> Iterable[str]:
    return (f"service:{service.name}" for service in plan.services)


RELEASE = Check(
    spec=CheckSpec(
        id="release",
        title="The release under test is known",
        failure_title="Nobody can say which release was tested",
        why="A verdict is about one release. If staging changed during the run, or serves another release, every"
        " result speaks of something else.",
        remedy="docs/checks.md#release",
        rows=("7.5",),
    ),
    needs=(),
    expects=lambda _plan: ("release",),
    judge=judge_release,
)

HEALTH = Check(
    spec=CheckSpec(
        id="health",
        title="Every service says it is ready",
        failure_title="A service is not healthy",
        why="A health address that redirects to a login page, or answers HTML, is green to a careless client.",
        remedy="docs/checks.md#health",
        rows=("4.1",),
    ),
    needs=(ServiceProbe,),
    expects=_services,
    judge=judge_health,
)
