"""What to write into a plan for the pages that were found: names, texts, budgets, services, the release. Pure.

Rules:

- a text that must show is visible, stable over two loads, and tells its page from the others, from the sign-in page and
  from the answer to an address that cannot exist; no date, number, price, greeting or name of the person signed in;
- of several, a heading comes before a label and both before any other text; last come what has a number in it, a short
  word, and what a page says because it has no data yet;
- a page that answers like an address that cannot exist is none (a soft 404), whatever its status says;
- a budget is the slowest page's measurement and a quarter, at least a small slack on top, rounded up; never looser than
  "good" unless a page already is, and then the plan says so.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from tasks.discovery.addresses import Shape
from tasks.discovery.seen import Cost, FoundRelease, FoundService, Look, SeenPage
from tasks.discovery.templates import similarity
from tasks.plan import CHECKPOINTS
from tasks.reading import at_pointer, parse_json

LONGEST_TEXT = 80
SHORTEST_TEXT = 3
SURE_LENGTH = 12
MOST_SPARE = 10
LONGEST_NAME = 48
SAME_AS_MISSING = 0.85

_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug"
    "|sep|sept|oct|nov|dec|januar|februar|märz|mai|juni|juli|oktober|dezember"
)
_CHANGING = re.compile(
    rf"\b\d{{1,2}}[:.]\d{{2}}\b|\b(19|20)\d\d\b|\d{{1,2}}[./-]\d{{1,2}}[./-]|[$€£¥%]\s*\d|\d\s*[$€£¥%]"
    rf"|\b({_MONTHS})\b\.?\s*\d|\d\.?\s*\b({_MONTHS})\b"
    r"|\b(today|yesterday|tomorrow|just now|(seconds?|minutes?|hours?|days?) ago|last (updated|login|seen))\b"
    r"|\b(loading|please wait)\b",
    re.IGNORECASE,
)
_WEEKDAY_OR_MONTH = re.compile(
    rf"^({_MONTHS}|mon|tue|wed|thu|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b", re.I
)
_COUNT_AT_THE_END = re.compile(r"\s*\([^()]*\d[^()]*\)$")
_GREETING = re.compile(
    r"^(hello|hi|hey|good (morning|afternoon|evening)|hallo|bonjour|hola)\b|^(welcome|willkommen)( back)?,"
    r"|^welcome back\b",
    re.IGNORECASE,
)
_ERROR_WORDS = re.compile(
    r"\b(not found|page (does not|doesn.t) exist|forbidden|access denied|internal server error"
    r"|something went wrong|bad gateway|service unavailable|nicht gefunden|(error|status|code|http):? [45]\d\d"
    r"|[45]\d\d error)\b"
    # A number alone, between the marks that part a title: `500 rows` is a list.
    r"|(^|[|–—·•:-])\s*(40[0-9]|41[0-9]|42[0-9]|50[0-9])\s*($|[|–—·•:-])",
    re.IGNORECASE,
)
_NO_DATA = re.compile(
    r"^no (?!longer|one\b)[a-z]|\bnothing (here|to|found|yet)\b|\bempty\b|\byet[.!]?$|\b(your|the|a) first\b"
    r"|^start \w+ing your\b|\bwill (appear|show( up)?|be (shown|listed)) here\b",
    re.IGNORECASE,
)
_HEALTHY = re.compile(
    r"ok|okay|up|healthy|pass|passing|passed|ready|alive|running|green|available|serving|live|good|operational", re.I
)
_UNHEALTHY = frozenset(
    {"not", "no", "isn't", "un", "error", "fail", "failed", "failing", "down", "degraded", "unhealthy"}
)
_HEALTH_KEYS = ("status", "state", "health", "healthy", "ok", "ready", "alive", "live", "message", "result", "success")
_NAME_KEYS = ("service", "component", "app", "application")
_RELEASE_POINTERS = (
    "/commit", "/sha", "/git_sha", "/gitSha", "/git_commit", "/gitCommit", "/commitHash", "/commit_hash", "/hash",
    "/revision", "/git/commit/id", "/git/commit", "/git/sha", "/build/commit", "/build/sha", "/commit/id",
    "/commit/sha", "/release", "/version", "/build/version", "/app/version", "/buildNumber", "/build",
    "/build_id", "/buildId", "/tag",
)  # fmt: skip
_PLATFORMS = frozenset({
    "python", "node", "ruby", "php", "java", "jvm", "go", "dotnet", "sqlite", "postgres", "postgresql", "mysql",
    "mariadb", "redis", "mongodb", "nginx", "os", "kernel",
})  # fmt: skip
"""What names a version beside the application, and changes without it."""
_RELEASE_WORD = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{2,79}")
_RELEASE_META = re.compile(
    r"version|release|commit|revision|build|git-commit|git-sha|app-version|build-version|release-version|sha", re.I
)
RELEASE_HEADERS = ("x-release", "x-version", "x-app-version", "x-commit", "x-git-commit", "x-build", "x-revision")


# -- pages -------------------------------------------------------------------------------------------------------------


def answers_like_missing(page: SeenPage, missing: Iterable[SeenPage]) -> bool:
    """Whether a page shows what an address that cannot exist shows (a soft 404)."""
    if page.look is None:
        return False
    return any(
        other.look is not None
        and similarity(page.structure, other.structure) >= SAME_AS_MISSING
        and _headline(page.look) == _headline(other.look)
        and _words_alike(page.look.text, other.look.text)
        for other in missing
    )


def _headline(look: Look) -> tuple[str, str]:
    return (look.headings[0][1] if look.headings else "", look.title)


def _words_alike(one: str, other: str) -> bool:
    # The address is often quoted in the answer, so the words as a whole are compared.
    first, second = set(one.split()), set(other.split())
    return len(first & second) >= SAME_AS_MISSING * max(len(first | second), 1)


def needs_sign_in(anonymous: SeenPage | None, signed_in: SeenPage) -> bool:
    """Whether a page that shows something to an identity shows something else to a stranger."""
    if anonymous is None or not anonymous.is_shown or anonymous.look is None or signed_in.look is None:
        return True
    if anonymous.final != signed_in.final:
        return True
    return anonymous.look.signs_in and not signed_in.look.signs_in


def is_error_page(look: Look) -> bool:
    """Whether the headline of a page says that it is an error."""
    return any(map(_ERROR_WORDS.search, [look.title, *(text for _, text in look.headings[:1])]))


# -- names -------------------------------------------------------------------------------------------------------------


def name_of(shape: Shape, taken: Collection[str], suffix: str = "") -> str:
    """A unique, valid name for a page from the fixed parts of its address."""
    segments = [unquote(part) for part in shape.path.split("/") if part and part != "#"]
    words = [part.strip("?=") for part in segments if part != "{}"]
    plain = [_plain(word.removesuffix(".html").removesuffix(".php")) for word in words]
    if segments and segments[-1] == "{}" and plain:
        # One of the products is a product.
        plain[-1] = re.sub(r"(?<=[a-z]{3}[^s])s$", "", plain[-1])
    elif segments and not plain:
        plain = ["item"]
    name = "-".join(word for word in plain if word)[:LONGEST_NAME].strip("-") or ("page" if words else "home")
    name = f"{name}-page" if name == CHECKPOINTS else name
    name = f"{name}-{suffix}"[:60].rstrip("-") if suffix and name in taken else name
    return _unique(name, taken)


def _unique(name: str, taken: Collection[str]) -> str:
    number, unique = 2, name
    while unique in taken:
        unique, number = f"{name}-{number}", number + 1
    return unique


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", folded).strip("-")


# -- texts that must show ----------------------------------------------------------------------------------------------


def is_stable_text(text: str, personal: Collection[str] = ()) -> bool:
    """Whether a text is one that a page of this kind will still show tomorrow; `personal`: words of the identity."""
    if not SHORTEST_TEXT <= len(text) <= LONGEST_TEXT or not any(letter.isalpha() for letter in text):
        return False
    # Control and format characters (bidi marks, ANSI escapes) would make the plan lie about what it says.
    if any(unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Cn"} for letter in text):
        return False
    if sum(letter.isdigit() for letter in text) > 0.3 * len(text):
        return False
    if _CHANGING.search(text) or _WEEKDAY_OR_MONTH.match(text) or _GREETING.match(text) or _ERROR_WORDS.search(text):
        return False
    words = set(re.findall(r"\w+", text.lower()))
    return not any(word in words for word in personal)


def personal_words(values: Iterable[str]) -> frozenset[str]:
    """Words that name the identity, from what it signs in with."""
    return frozenset(
        word for value in values for word in re.findall(r"\w+", value.partition("@")[0].lower()) if len(word) > 2
    )


@dataclass(frozen=True)
class Texts:
    """What a page must show, and what a person should know about it."""

    must_show: Sequence[str]
    note: str = ""
    spare: Sequence[str] = ()
    """Further texts that tell the page, for when a viewport does not show the last of those."""


def texts_for(look: Look, seen: Sequence[str], others: Sequence[str], personal: Collection[str] = ()) -> Texts:
    """The headline, and a second text when the headline is also elsewhere; `seen`: the page's own texts, each load."""
    own = [_folded(text) for text in (look.text, *seen)]
    elsewhere = [_folded(text) for text in others]

    def usable(text: str) -> bool:
        return is_stable_text(text, personal) and all(text in load for load in own)

    ordered = [(level, _without_count(text)) for level, text in sorted(look.headings, key=lambda one: one[0] != 1)]
    title = re.split(r"\s+[|–—·•:»-]\s+", look.title)[0].strip()
    headline = [text for level, text in ordered if level == 1]
    candidates = [*headline, _folded(title), *(text for level, text in ordered if level != 1)]
    candidates = [text for text in dict.fromkeys(candidates) if usable(text)]
    phrases = [text for text in map(_folded, look.phrases) if usable(text)]
    several = dict.fromkeys([*candidates, *phrases])
    telling = sorted((text for text in several if not any(text in other for other in elsewhere)), key=_doubt)
    first = candidates[0] if candidates and not _says_no_data(candidates[0]) else None
    if first is not None and first in telling:
        return Texts((first,), spare=[text for text in telling if text != first][:MOST_SPARE])
    if telling:
        best, *spare = telling
        note = ""
        if _says_no_data(best):
            note = f"it showed '{best}' because it has no data: write down what it shows with data"
        elif _has_digit(best):
            note = f"'{best}' has a number in it: when that is a count, write down another text"
        shown = (first, best) if first is not None and first in headline else (best,)
        return Texts(shown, note, spare[:MOST_SPARE])
    if first is not None:
        return Texts((first,), f"'{first}' is on other pages too: find a text that only this page has")
    return Texts((), "no text was found that would tell this page from an error page: write one down")


def _doubt(text: str) -> tuple[bool, bool, bool]:
    """Reasons against a text that tells its page; those of texts that are as good in this are in the page's order.

    A number may be a count of what is there today, and one short word (`Next`) is soon on any page.
    """
    return _says_no_data(text), _has_digit(text), len(text) < SURE_LENGTH and " " not in text


def _says_no_data(text: str) -> bool:
    return bool(_NO_DATA.search(text))


def _without_count(text: str) -> str:
    """A heading without what it counts at its end: `Orders (30 matches)` are 31 tomorrow."""
    return _COUNT_AT_THE_END.sub("", _folded(text))


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _folded(text: str) -> str:
    return " ".join(text.split())


# -- budgets -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Budget:
    """One budget, what it was made of, and whether it is looser than "good"."""

    key: str
    limit: float
    measured: float
    page: str
    looser_than: float | None = None


_STEPS = {
    "ttfb": (50.0, 150.0),
    "fcp": (100.0, 300.0),
    "lcp": (100.0, 400.0),
    "cls": (0.01, 0.02),
    "tbt": (50.0, 100.0),
}
"""Metric -> (step that a budget is rounded up to, least slack above what one load measured)."""
HEADROOM = 1.25


def budgets_for(costs: Mapping[str, Cost], good: Mapping[str, float]) -> list[Budget]:
    """A budget for each metric that was measured; `good` is the bound of "good" by metric."""
    budgets = []
    for metric, (step, slack) in _STEPS.items():
        measured = {page: value for page, cost in costs.items() if (value := getattr(cost, metric)) is not None}
        if not measured or metric not in good:
            continue
        page, worst = max(measured.items(), key=lambda item: item[1])
        limit = math.ceil(round(max(worst * HEADROOM, worst + slack) / step, 6)) * step
        looser = worst > good[metric]
        limit = limit if looser else min(limit, good[metric])
        key = metric if metric == "cls" else f"{metric}_ms"
        budgets.append(Budget(key, round(limit, 2), worst, page, good[metric] if looser else None))
    return budgets


# -- services and the release ------------------------------------------------------------------------------------------


Expected = dict[str, str | int | bool]
"""JSON pointer -> value, as a plan expects it of a service."""


def health_of(body: bytes, content_type: str) -> Expected | None:
    """What a health answer says, as a predicate; None when it says nothing of health, or not as a run would read it."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/plain":
        line = body[:500].decode("utf-8", "replace").strip()
        return {"": line} if len(line) <= LONGEST_TEXT and _says_healthy(line) else None
    if "json" not in kind:
        return None
    content, problem = parse_json(body, content_type)
    if problem is not None:
        return None
    if _is_healthy(content):
        return {"": content}
    if not isinstance(content, dict):
        return None
    for key in _HEALTH_KEYS:
        if key in content and _is_healthy(content[key]):
            found: Expected = {f"/{key}": content[key]}
            # A gateway that answers for another service would otherwise go unnoticed.
            named = next((name for name in _NAME_KEYS if _is_word(content.get(name))), None)
            return found | ({f"/{named}": content[named]} if named else {})
    return None


def _says_healthy(line: str) -> bool:
    """Whether a line says so in words that will be the same tomorrow: `OK`, `Prometheus Server is Healthy`."""
    words = re.findall(r"[a-z']+", line.lower())
    return (
        line.isascii()
        and line.isprintable()
        and not _UNHEALTHY.intersection(words)
        and not _has_digit(line)
        and any(map(_HEALTHY.fullmatch, words))
    )


def _is_healthy(value: object) -> bool:
    return value is True or (isinstance(value, str) and bool(_HEALTHY.fullmatch(value.strip())))


def _is_word(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z][\w.-]{0,63}", value))


def service_name(path: str, expect: Expected, taken: Collection[str]) -> str:
    """A unique name: what the service calls itself, else from its address."""
    own = next((str(expect[f"/{key}"]) for key in _NAME_KEYS if f"/{key}" in expect), "")
    words = [word for word in re.split(r"[^a-z0-9]+", path.lower()) if word]
    telling = [
        word for word in words if word not in {"health", "healthz", "ready", "readyz", "live", "livez", "status"}
    ]
    return _unique((_plain(own) or "-".join(telling) or (words[-1] if words else "site"))[:LONGEST_NAME], taken)


def release_in(url: str, body: bytes, content_type: str) -> FoundRelease | None:
    """Where a release stands in an answer, or None."""
    content, problem = parse_json(body, content_type)
    if problem is None:
        if isinstance(content, str) and _RELEASE_WORD.fullmatch(content.strip()):
            return FoundRelease(url, pointer="", value=content.strip())
        for pointer in _RELEASE_POINTERS:
            value, absent = at_pointer(content, pointer)
            if absent is None and isinstance(value, str) and _RELEASE_WORD.fullmatch(value.strip()):
                return FoundRelease(url, pointer=pointer, value=value.strip())
        return _release_of_component(url, content)
    text = body[:400].decode("utf-8", "replace").strip()
    plain = "html" not in content_type.lower() and len(body) < 200
    if plain and _RELEASE_WORD.fullmatch(text) and any(letter.isdigit() for letter in text):
        return FoundRelease(url, pattern=r"^\s*([0-9A-Za-z][0-9A-Za-z._+-]*)\s*$", value=text)
    named = re.search(
        r"(?im)^\s*(commit|revision|release|version)\s*[:=]\s*([0-9A-Za-z][0-9A-Za-z._+-]{2,79})\s*$", text
    )
    if plain and named:
        return FoundRelease(url, pattern=rf"{named[1]}\s*[:=]\s*([0-9A-Za-z._+-]+)", value=named[2])
    return None


def _release_of_component(url: str, content: object) -> FoundRelease | None:
    """`{"shop": {"version": "1.2.3"}, "python": {…}}`: the one component that is no platform."""
    versions = {
        name: inner["version"]
        for name, inner in (content.items() if isinstance(content, dict) else ())
        if isinstance(inner, dict) and isinstance(inner.get("version"), str) and name.lower() not in _PLATFORMS
    }
    (name, version), *others = versions.items() or [("", "")]
    if others or not _is_word(name) or not _RELEASE_WORD.fullmatch(version.strip()):
        return None
    return FoundRelease(url, pointer=f"/{name}/version", value=version.strip())


def release_in_meta(url: str, html: str) -> FoundRelease | None:
    """The release in a `<meta name="release" content="…">` of a page's source, or None."""
    for tag in re.findall(r"<meta\b[^>]{0,500}>", html[:200_000], re.IGNORECASE)[:100]:
        name = re.search(r"""\bname\s*=\s*(["'])([\w-]+)\1""", tag)
        value = re.search(r"""\bcontent\s*=\s*(["'])([0-9A-Za-z][0-9A-Za-z._+-]{2,79})\1""", tag)
        if name and value and _RELEASE_META.fullmatch(name[2]) and any(letter.isdigit() for letter in value[2]):
            pattern = re.escape(tag[: value.start(2)]) + "([0-9A-Za-z._+-]+)"
            return FoundRelease(url, pattern=pattern, value=value[2])
    return None


def release_in_headers(headers: Sequence[tuple[str, str]]) -> str | None:
    """The header that names a release; a plan reads bodies only, so it is a hint for a person."""
    return next((f"{name}: {value[:80]}" for name, value in headers if name.lower() in RELEASE_HEADERS), None)


def unique_services(found: Sequence[tuple[str, Expected]]) -> list[FoundService]:
    """Services with unique names, in the order they were found."""
    services: list[FoundService] = []
    for url, expect in found:
        services.append(FoundService(service_name(url, expect, {one.name for one in services}), url, expect))
    return services
