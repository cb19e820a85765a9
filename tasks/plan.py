"""The plan: a target's TOML file as typed, validated, documented models (public interface, `stageproof schema`).

Rules a plan must keep, checked before anything is contacted:

- an unknown key is refused, with the nearest known one;
- at least one page, one viewport and one check; names are unique and plain;
- every URL ends on a host in `allowed_hosts`;
- whatever names an identity, page, viewport or check names one that exists;
- secrets are written `env:NAME`; a name without a value in the environment is refused before the run starts.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urljoin, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    field_validator,
    model_validator,
)

from evidence_store.model import Severity

MAX_PLAN_BYTES = 1_000_000
ENVIRONMENT_REFERENCE = re.compile(r"^env:(?P<name>.*)$", re.DOTALL)
ENVIRONMENT_NAME = re.compile(r"^[A-Z_][A-Z0-9_]*$")

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
"""Lower-case letters, digits and dashes: it becomes part of file names, S3 keys and subjects."""


class PlanError(Exception):
    """A plan that cannot be run, with every problem found and where it stands."""

    def __init__(self, source: str, problems: list[str]) -> None:
        self.source = source
        self.problems = problems
        super().__init__(f"{source} cannot be run:\n" + "\n".join(f"  - {problem}" for problem in problems))


def _no_blank_text(value: tuple[str, ...]) -> tuple[str, ...]:
    if any(not _as_read(text) for text in value):
        raise ValueError("must_show holds a blank text, which every page shows")
    return value


Texts = Annotated[tuple[str, ...], AfterValidator(_no_blank_text)]
"""Texts that must be shown; a blank one is on every page, so it proves nothing."""

PictureHeight = Annotated[int | None, Field(ge=200, le=15_000)]
"""CSS pixels, from the top, that screenshots show; None: the whole page."""


def texts_not_shown(shown: str, wanted: Sequence[str]) -> list[str]:
    """Which of the wanted texts a page does not show; capitals count, the amount of white space does not."""
    shown = _as_read(shown)
    return [text for text in wanted if _as_read(text) not in shown]


def _as_read(text: str) -> str:
    """Without what nobody sees of a text: hyphens that may be, joints, and more than one blank."""
    return " ".join(text.translate(dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))).split())


class PlanTable(BaseModel):
    """A table of the plan file; a key it does not know is refused with the nearest one it does."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def known_keys_only(cls, value: Any) -> Any:
        """Name the nearest known key: a misspelt key would otherwise silently lose its meaning."""
        if isinstance(value, Mapping):
            known = {field.alias or name for name, field in cls.model_fields.items()} | set(cls.model_fields)
            for key in value:
                if key not in known:
                    raise ValueError(f"unknown key '{key}'{nearest(str(key), known)}")
        return value


def nearest(word: str, known: Iterator[str] | set[str] | list[str]) -> str:
    """A hint at the nearest known word, or at all of them when none is near."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(known)}"


def _is_pointer(text: str) -> bool:
    """Whether this is a JSON pointer (RFC 6901); the empty one means the whole document."""
    return text == "" or text.startswith("/")


class ReleaseSource(PlanTable):
    """Where staging names its release: exactly one of `url` with `pointer` or `pattern`, or `unknown`."""

    url: str | None = None
    """Path or URL that answers with the release."""
    pointer: str | None = None
    """JSON pointer (RFC 6901) to the release in a JSON answer."""
    pattern: str | None = None
    """Regular expression whose first group is the release in a text answer."""
    unknown: str | None = None
    """Why this target cannot name its release; a pre-launch run then can never end in `go`."""

    @model_validator(mode="after")
    def exactly_one_way(self) -> Self:
        """A release is read in one way, or said to be unknowable."""
        if self.unknown is not None:
            if self.url or self.pointer or self.pattern:
                raise ValueError("release: give either `unknown`, or `url` with `pointer` or `pattern`")
            if len(self.unknown.strip()) < 8:
                raise ValueError("release.unknown must say why, in words")
        elif self.url is None or (self.pointer is None) == (self.pattern is None):
            raise ValueError("release: give `url` and one of `pointer` (JSON) or `pattern` (text)")
        if self.pointer is not None and not _is_pointer(self.pointer):
            raise ValueError("release.pointer is a JSON pointer such as '/commit'; '' is the whole answer")
        if self.pattern is not None:
            try:
                groups = re.compile(self.pattern).groups
            except re.error as error:
                raise ValueError(f"release.pattern is not a regular expression: {error}") from error
            if groups < 1:
                raise ValueError("release.pattern needs a group around the release, such as 'commit: ([0-9a-f]+)'")
        return self


class Target(PlanTable):
    """The staging deployment."""

    name: Name
    base_url: str
    """Scheme, host and port that every path is joined to."""
    allowed_hosts: tuple[str, ...] = Field(min_length=1)
    """Nothing else is ever contacted by our own probes, and the browser blocks the rest."""
    third_parties: tuple[str, ...] = ()
    """Hosts that pages may load from besides; the browser lets them through, and every visit reports them."""
    pages_at_a_time: int = Field(default=4, ge=1, le=16)
    """Pages that a browser looks at beside each other, for one that bears no more; two cores have one browser."""
    release: ReleaseSource

    @field_validator("base_url")
    @classmethod
    def is_http(cls, value: str) -> str:
        """Only http and https can be probed; credentials do not belong in a URL."""
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("base_url must look like https://staging.example.org")
        if parts.username or parts.password:
            raise ValueError("base_url must not carry credentials; use an identity")
        return value


class Login(PlanTable):
    """How an identity signs in: one JSON request. Values may be `env:NAME`."""

    url: str
    json_body: dict[str, str] = Field(alias="json")
    """The JSON body; secrets as `env:NAME`."""


class Identity(PlanTable):
    """Someone the pages are visited as."""

    login: Login


class Viewport(PlanTable):
    """A window size in CSS pixels."""

    width: int = Field(ge=200, le=4000)
    height: int = Field(ge=200, le=4000)
    touch: bool = False
    scale: float = Field(default=1, ge=1, le=4)
    """Device pixel ratio."""


class Interaction(PlanTable):
    """One real input, for INP: exactly one of click, key or type."""

    click: str | None = None
    """CSS selector to click (or tap)."""
    key: str | None = None
    """Key to press, such as 'Enter'."""
    type: str | None = None
    """Text to type where the focus is."""

    @model_validator(mode="after")
    def exactly_one(self) -> Self:
        """An interaction is one input event."""
        *others, last = type(self).model_fields
        if sum(getattr(self, name) is not None for name in (*others, last)) != 1:
            raise ValueError(f"an {type(self).__name__.lower()} is exactly one of {', '.join(others)} or {last}")
        return self


class Action(Interaction):
    """One step that leads to a state of a page: exactly one of click, key, type, hover, focus or wait_for."""

    hover: str | None = None
    """CSS selector to move the pointer to."""
    focus: str | None = None
    """CSS selector to put the focus on."""
    wait_for: str | None = None
    """CSS selector that must be visible before the next step."""


class State(PlanTable):
    """A state of a page that an action leads to (an open dialog, an open menu, an empty form that was submitted)."""

    name: Name
    do: tuple[Action, ...] = Field(min_length=1)
    """The steps that lead there, from the freshly loaded page."""
    viewports: tuple[str, ...] = ()
    """Names of viewports; none named means those of the page."""
    must_show: Texts = ()
    """Texts the state must show: an action that did nothing leads to no state. The page's own are not asked again."""
    mask: tuple[str, ...] = ()
    """CSS selectors painted over in screenshots, besides those of the page."""


class Page(PlanTable):
    """A page that must be looked at, in every listed viewport."""

    name: Name
    path: str = Field(min_length=1)
    identity: str | None = None
    viewports: tuple[str, ...] = ()
    """Names of viewports; none named means all of them."""
    must_show: Texts = ()
    """Texts the rendered page must contain: an error page that answers 200 is not this page."""
    mask: tuple[str, ...] = ()
    """CSS selectors painted over in screenshots (live content)."""
    states: tuple[State, ...] = ()
    """States of the page that need an action; each is captured and judged exactly like a page."""
    freeze_time: bool = True
    """Stop the page's clock for screenshots; switch off for an app that cannot live without timers."""
    seed_random: bool = True
    """Let Math.random give the same numbers every time; switch off for an app that draws unique names with it."""
    finish_animations: bool = True
    """Bring animations and transitions to their end; switch off for a page whose content waits in one."""
    eager_images: bool = True
    """Load lazy images, and what waits to be scrolled to, before the picture is taken."""
    release_sticky: bool = True
    """Let sticky and fixed elements stand in the flow of a full-page picture, where that moves nothing."""
    unfold_scrolling: bool = True
    """Make the window taller for a page whose content scrolls in a part of its own, so that the picture shows all."""
    picture_height: PictureHeight = None
    """CSS pixels, from the top, that screenshots show. A page taller than 15,000 needs it; none is otherwise cut."""
    interactions: tuple[Interaction, ...] = ()
    """Real inputs after load, for INP."""
    ignore_requests: tuple[str, ...] = ()
    """Patterns (`*` matches anything) of sub-request URLs whose failure is known and accepted."""
    ignore_console: tuple[str, ...] = ()
    """Patterns of console errors that are known and accepted."""


class Checkpoint(PlanTable):
    """A place in a journey where its test calls `checkpoint(page, name)`; captured and judged like a page."""

    name: Name
    viewport: str
    """Name of the viewport the journey's page is brought to."""
    must_show: Texts = ()
    """Texts the place must show."""
    mask: tuple[str, ...] = ()
    """CSS selectors painted over in the screenshot."""
    unfold_scrolling: bool = True
    """As for a page."""
    picture_height: PictureHeight = None
    """As for a page."""
    ignore_requests: tuple[str, ...] = ()
    """Patterns (`*` matches anything) of sub-request URLs whose failure is known and accepted."""
    ignore_console: tuple[str, ...] = ()
    """Patterns of console errors that are known and accepted."""


CHECKPOINTS = "checkpoint"
"""In a subject, what stands in place of a page's name before a checkpoint's: `checkpoint.approved@desktop`."""


@dataclass(frozen=True)
class Look:
    """One planned look: a page, a state of it, or a checkpoint of a journey, in one viewport."""

    subject: str
    """`dashboard@phone`, `dashboard.filter-open@phone` or `checkpoint.approved@desktop`."""
    name: str
    """The subject without its viewport."""
    viewport: str
    page: Page | None
    """None for a checkpoint: only its journey knows the way there."""
    state: State | None
    must_show: tuple[str, ...]
    mask: tuple[str, ...]
    ignore_requests: tuple[str, ...]
    ignore_console: tuple[str, ...]


class Service(PlanTable):
    """A service whose health answer is probed without following redirects."""

    name: Name
    url: str
    expect: dict[str, str | int | bool] = Field(min_length=1)
    """JSON pointer -> value that the body must hold, such as { "/status" = "ok" }; { "" = "OK" } also of plain text."""

    @field_validator("expect")
    @classmethod
    def keys_are_pointers(cls, value: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
        """A predicate speaks of a place in the JSON body."""
        for pointer in value:
            if not _is_pointer(pointer):
                raise ValueError(f"'{pointer}' is not a JSON pointer such as '/status'; '' is the whole answer")
        if value.get("") == "":
            raise ValueError(
                "an answer of plain text that says nothing is no word of health: name the text it must say"
            )
        return value


class CheckOptions(PlanTable):
    """What every check's table may say."""

    severity: Severity | None = None
    """`warning` shows a fail without holding the release; default: the check's own severity."""


class Profile(PlanTable):
    """What one kind of run expects."""

    checks: Literal["all"] | tuple[str, ...] = "all"
    """Checks this profile expects; `all` is every check the plan has a table for."""
    required_checks: Literal["all"] | tuple[str, ...] = ()
    """Checks that must be in the plan and pass; `all` also demands a release that is known."""


def _known_checks() -> dict[str, Any]:
    # The registry imports every check, and checks import this module: resolved when a plan is read.
    from tasks.registry import CHECKS

    return {check.spec.id: check for check in CHECKS}


def _typed_options(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    known = _known_checks()
    typed: dict[str, Any] = {}
    for name, table in value.items():
        if name not in known:
            raise ValueError(f"unknown check '{name}'{nearest(str(name), set(known))}")
        if isinstance(table, CheckOptions):
            typed[name] = table
            continue
        try:
            typed[name] = known[name].options.model_validate(table)
        except ValidationError as error:
            raise ValueError("; ".join(f"{name}.{problem}" for problem in problems_of(error))) from error
    return typed


class Plan(PlanTable):
    """Everything a run must show, and how a check knows whether it did."""

    schema_version: Literal[1] = Field(alias="schema")
    project: Name = "stageproof"
    """Groups targets in the evidence store."""
    target: Target
    identities: dict[Name, Identity] = Field(default_factory=dict)
    viewports: dict[Name, Viewport] = Field(min_length=1)
    pages: tuple[Page, ...] = Field(min_length=1)
    checkpoints: tuple[Checkpoint, ...] = ()
    """Places in journeys that are looked at like pages."""
    services: tuple[Service, ...] = ()
    checks: Annotated[dict[str, SerializeAsAny[CheckOptions]], BeforeValidator(_typed_options)] = Field(min_length=1)
    profiles: dict[Name, Profile] = Field(default_factory=dict)

    @field_validator("profiles", mode="before")
    @classmethod
    def prelaunch_requires_everything(cls, value: Any) -> Any:
        """A pre-launch profile that does not say what it requires, requires all; written out, so that it is stored."""
        prelaunch = value.get("prelaunch") if isinstance(value, Mapping) else None
        if isinstance(prelaunch, Mapping) and "required_checks" not in prelaunch:
            return {**value, "prelaunch": {**prelaunch, "required_checks": "all"}}
        return value

    @model_validator(mode="after")
    def holds_together(self) -> Self:
        """Names are unique and point at something; every URL stays on allowed hosts."""
        problems = [*self._dangling_names(), *self._foreign_urls(), *self._bad_environment_names()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _dangling_names(self) -> Iterator[str]:
        named: dict[str, tuple[Page | Service | Checkpoint | State, ...]] = {
            "pages": self.pages,
            "services": self.services,
            "checkpoints": self.checkpoints,
            **{f"states of page '{page.name}'": page.states for page in self.pages},
        }
        for things, those in named.items():
            names = [thing.name for thing in those]
            for name in sorted({name for name in names if names.count(name) > 1}):
                yield f"two {things} are named '{name}'"
        if CHECKPOINTS in {page.name for page in self.pages}:
            yield f"no page may be named '{CHECKPOINTS}': subjects of checkpoints begin with it"
        if self.checkpoints and "journeys" not in self.checks:
            yield "checkpoints are reached by journeys, and the plan has no [checks.journeys]"
        for checkpoint in self.checkpoints:
            if checkpoint.viewport not in self.viewports:
                hint = nearest(checkpoint.viewport, set(self.viewports))
                yield f"checkpoint '{checkpoint.name}' names viewport '{checkpoint.viewport}'{hint}"
        for page in self.pages:
            if page.identity is not None and page.identity not in self.identities:
                hint = nearest(page.identity, set(self.identities))
                yield f"page '{page.name}' is visited as '{page.identity}'{hint}"
            for viewport in page.viewports:
                if viewport not in self.viewports:
                    yield f"page '{page.name}' names viewport '{viewport}'{nearest(viewport, set(self.viewports))}"
            for state in page.states:
                seen_in = self.page_viewports(page)
                for viewport in state.viewports:
                    if viewport not in seen_in:
                        yield (
                            f"state '{state.name}' of page '{page.name}' names viewport '{viewport}', in which the page"
                            f" is not looked at{nearest(viewport, set(seen_in))}"
                        )
        for name, profile in self.profiles.items():
            for check in () if profile.checks == "all" else profile.checks:
                if check not in self.checks:
                    yield f"profile '{name}' names check '{check}'{nearest(check, set(self.checks))}"
            for check in () if profile.required_checks == "all" else profile.required_checks:
                if check not in _known_checks():
                    yield f"profile '{name}' requires check '{check}'{nearest(check, set(_known_checks()))}"

    def _foreign_urls(self) -> Iterator[str]:
        urls = {"target.base_url": self.target.base_url, "target.release.url": self.target.release.url}
        urls |= {f"page '{page.name}'": page.path for page in self.pages}
        urls |= {f"service '{service.name}'": service.url for service in self.services}
        urls |= {f"identity '{name}'": identity.login.url for name, identity in self.identities.items()}
        for name, options in self.checks.items():
            for report in getattr(options, "reports", ()):
                urls[f"checks.{name}, report of '{report.service}'"] = report.url
                urls[f"checks.{name}, metadata of '{report.service}'"] = getattr(report, "metadata_url", None)
        for place, url in urls.items():
            if url is None:
                continue
            parts = urlsplit(self.url(url))
            if parts.scheme not in {"http", "https"}:
                yield f"{place}: '{url}' is not an http(s) URL"
            elif parts.hostname not in self.target.allowed_hosts:
                allowed = ", ".join(self.target.allowed_hosts)
                yield f"{place}: host '{parts.hostname}' is not in allowed_hosts ({allowed})"

    def _bad_environment_names(self) -> Iterator[str]:
        for reference in self.environment_names():
            if not ENVIRONMENT_NAME.match(reference):
                yield f"'env:{reference}' does not name an environment variable (capitals, digits, underscore)"

    def url(self, path: str) -> str:
        """The absolute URL of a path of this target."""
        return urljoin(self.target.base_url, path)

    def environment_names(self) -> list[str]:
        """Names of the environment variables the plan refers to, in order."""
        values = [value for identity in self.identities.values() for value in identity.login.json_body.values()]
        return [match["name"] for value in values if (match := ENVIRONMENT_REFERENCE.match(value))]

    def page_viewports(self, page: Page) -> tuple[str, ...]:
        """The viewports a page is looked at in."""
        return page.viewports or tuple(self.viewports)

    @cached_property
    def looks(self) -> Mapping[str, Look]:
        """Every planned look at a page, a state or a checkpoint, by subject and in the plan's order."""
        looks = [look for page in self.pages for look in self._looks_at(page)]
        for checkpoint in self.checkpoints:
            name = f"{CHECKPOINTS}.{checkpoint.name}"
            looks.append(
                Look(
                    subject=f"{name}@{checkpoint.viewport}",
                    name=name,
                    viewport=checkpoint.viewport,
                    page=None,
                    state=None,
                    must_show=checkpoint.must_show,
                    mask=checkpoint.mask,
                    ignore_requests=checkpoint.ignore_requests,
                    ignore_console=checkpoint.ignore_console,
                )
            )
        return {look.subject: look for look in looks}

    def _looks_at(self, page: Page) -> Iterator[Look]:
        for state in (None, *page.states):
            name = f"{page.name}.{state.name}" if state else page.name
            for viewport in (state and state.viewports) or self.page_viewports(page):
                yield Look(
                    subject=f"{name}@{viewport}",
                    name=name,
                    viewport=viewport,
                    page=page,
                    state=state,
                    must_show=state.must_show if state else page.must_show,
                    mask=(*page.mask, *(state.mask if state else ())),
                    ignore_requests=page.ignore_requests,
                    ignore_console=page.ignore_console,
                )

    def page_subjects(self) -> tuple[str, ...]:
        """Subjects of every planned look at a page, a state or a checkpoint."""
        return tuple(self.looks)

    def profile(self, name: str) -> Profile:
        """A profile by name; `nightly` and `prelaunch` exist without being written down."""
        built_in = {"nightly": Profile(), "prelaunch": Profile(required_checks="all")}
        found = self.profiles.get(name) or built_in.get(name)
        if found is None:
            raise PlanError(self.target.name, [f"no profile '{name}'{nearest(name, {*self.profiles, *built_in})}"])
        return found

    def canonical_json(self) -> bytes:
        """The plan as stored in the bundle: `env:` references, never their values."""
        content = self.model_dump(mode="json", by_alias=True, exclude_defaults=False)
        return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False).encode()

    def digest(self) -> str:
        """SHA-256 of the canonical form."""
        return hashlib.sha256(self.canonical_json()).hexdigest()


def resolve_environment(value: str, environment: Mapping[str, str]) -> str:
    """The value an `env:NAME` stands for; any other text stands for itself. KeyError when it has none."""
    match = ENVIRONMENT_REFERENCE.match(value)
    return environment[match["name"]] if match else value


def problems_of(error: ValidationError) -> list[str]:
    """Pydantic's errors as lines a person can act on: place in the file, then what is wrong."""
    lines = []
    for item in error.errors(include_url=False):
        place = ".".join(str(part) for part in item["loc"] if part not in {"tuple[str, ...]", "literal['all']"})
        message = item["msg"].removeprefix("Value error, ")
        lines.append(f"{place}: {message}" if place else message)
    return lines


def parse_plan(text: str, source: str) -> Plan:
    """Read a plan from TOML text; raises PlanError with every problem."""
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PlanError(source, [f"not valid TOML: {error}"]) from error
    return _validated(content, source)


def parse_stored_plan(content: bytes, source: str) -> Plan:
    """Read a plan from the canonical JSON of a bundle."""
    try:
        return _validated(json.loads(content), source)
    except (ValueError, RecursionError) as error:
        raise PlanError(source, [f"not valid JSON: {error}"]) from error


def _validated(content: Any, source: str) -> Plan:
    try:
        return Plan.model_validate(content)
    except ValidationError as error:
        raise PlanError(source, problems_of(error)) from error


def load_plan(path: Path) -> Plan:
    """Read a plan file; raises PlanError when it is missing, too large, not UTF-8 or not a plan."""
    try:
        size = path.stat().st_size
        if size > MAX_PLAN_BYTES:
            raise PlanError(str(path), [f"{size:,} bytes; a plan has at most {MAX_PLAN_BYTES:,}"])
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PlanError(str(path), ["not UTF-8 text"]) from error
    except OSError as error:
        raise PlanError(str(path), [f"cannot be read: {error.strerror or error}"]) from error
    return parse_plan(text, str(path))


def missing_environment(plan: Plan, environment: Mapping[str, str]) -> list[str]:
    """Names the plan needs that have no value."""
    return [name for name in dict.fromkeys(plan.environment_names()) if not environment.get(name)]
