"""Which addresses a crawl may follow, and what shape they have. Pure.

Rules:

- one origin only; the fragment goes, unless it is a client-side route (`#/orders`);
- what names a session or a campaign is no part of an address (`;jsessionid=`, `sid=`, `utm_source=`);
- a link that looks like an action (sign-out, delete, add-to-cart, a `data-method`) is never followed;
- files are not pages; an address that repeats a segment three times or is 12 segments deep is a trap;
- a segment is variable when it looks like an id, or when many addresses differ in it alone; one with pages of its own
  below it is a section.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

LONGEST_ADDRESS = 1_500
DEEPEST_PATH = 12
MOST_REPEATS = 2
MANY_SIBLINGS = 6
"""From this many on, addresses that differ in one segment alone are instances of one kind."""

_PATH_SAFE = "/-._~!$&'()*+,;=:@%"
_TRACKING = re.compile(
    r"^(utm_.*|gclid|dclid|fbclid|msclkid|mc_[ce]id|_ga|_gl|ref|referrer|return_?url|return_?to|next)$"
)
_SESSION = re.compile(r"^(.*sess(ion)?_?(id)?|sid|s_?id|.*token|phpsessid|jsessionid|aspsessionid.*|cfid|cftoken)$")
_SESSION_IN_PATH = re.compile(r";(jsessionid|sid|phpsessid)=[^/;?]*", re.IGNORECASE)
_NO_PAGE = re.compile(
    r"\.(7z|aac|avi|avif|bin|blob|bmp|bz2|css|csv|dat|db|dmg|docx?|eot|epub|exe|geojson|gif|gz|ics|ico|iso|jpe?g|js|json|log"
    r"|m4a|map|md5|mov|mp3|mp4|mpe?g|msi|ogg|otf|pdf|pkg|png|pptx?|rar|rss|atom|sha256|sqlite3?|svg|tar|tgz|tiff?|tsv|ttf|txt|wasm|wav|webm|webp"
    r"|woff2?|xlsx?|xml|ya?ml|zip)$",
    re.IGNORECASE,
)
_ACTION_WORDS = re.compile(
    r"logout|logoff|signout|signoff|delete|remove|destroy|unsubscribe|deactivate|revoke|purge|erase|trash|archive|restore"
    r"|reset|approve|reject|accept|decline|cancel|checkout|addtocart|buy|pay|vote|like|unlike|follow|unfollow|impersonate"
)
_ACTION_PAIRS = frozenset({("log", "out"), ("log", "off"), ("sign", "out"), ("sign", "off"), ("to", "cart")})
_ACTION_KEYS = frozenset({"action", "do", "cmd", "op", "method", "_method", "task"})
_ID = re.compile(
    r"^(\d+(\.\w+)?|[0-9a-f]{8,}|[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d{2}(-\d{2})?|[A-Za-z]{1,6}[-_]?\d{2,}|(?!v\d)[A-Za-z]{1,2}\d|\d+[-_].+|.+[-_]\d{2,}"
    r"|(?=.*\d)[A-Za-z0-9_-]{16,})$"
)
_HEALTH = re.compile(
    r"/(_?health(z|y|check|-check)?|ready(z)?|readiness|live(z|ness)?|alive|status|ping|heartbeat)(\.json)?/?$",
    re.IGNORECASE,
)
_LANGUAGE = re.compile(r"^[a-z]{2}(-[A-Za-z]{2})?$")


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port that a crawl stays on."""

    scheme: str
    netloc: str
    hostname: str

    @property
    def base_url(self) -> str:
        """As a plan writes it."""
        return f"{self.scheme}://{self.netloc}"


def origin_of(url: str) -> Origin:
    """The origin of an absolute http(s) URL; ValueError, with what to do, when it is none."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"'{url[:200]}' is not an address such as https://staging.example.org")
    if parts.username or parts.password:
        raise ValueError("the address must not carry credentials; use --login for a page behind a sign-in")
    default = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = parts.port  # ValueError of its own when it is no number
    return Origin(parts.scheme, host if port in {None, default} else f"{host}:{port}", parts.hostname)


def parts_of(url: str) -> SplitResult | None:
    """The parts of what may be no URL at all."""
    try:
        return urlsplit(url)
    except ValueError:
        return None


def address_of(url: str, origin: Origin) -> str | None:
    """A URL as the path (query, client-side route) that a plan writes, or None when a crawl must not go there."""
    try:
        parts = urlsplit(url.strip())
        # The same host under the other scheme is the same site: sitemaps often still say http.
        same_host = parts.hostname == origin.hostname and parts.port is None
        if parts.scheme not in {"http", "https"} or not (same_host or origin_of(url).netloc == origin.netloc):
            return None
    except ValueError:
        return None
    path = quote(_SESSION_IN_PATH.sub("", parts.path) or "/", safe=_PATH_SAFE)
    segments = [segment for segment in path.split("/") if segment]
    trapped = len(segments) > DEEPEST_PATH or any(segments.count(one) > MOST_REPEATS for one in set(segments))
    if path.startswith("//") or trapped or _NO_PAGE.search(path) or ".." in segments:
        return None
    route, _, inner = parts.fragment.partition("?")
    address = path + _without_noise(parts.query)
    if route.startswith(("/", "!/")):
        address += f"#{quote(route, safe=_PATH_SAFE)}{_without_noise(inner)}"
    return address if len(address) <= LONGEST_ADDRESS else None


def _without_noise(query: str) -> str:
    kept = urlencode([(key, value) for key, value in _pairs(query) if not _is_noise(key)])
    return f"?{kept}" if kept else ""


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return []


def _is_noise(key: str) -> bool:
    return bool(_TRACKING.match(key.lower()) or _SESSION.match(key.lower()))


def without_query(address: str) -> str:
    """The address without its query, nor that of its client-side route; the route stays."""
    path, _, route, _ = _parted(address)
    return f"{path}#{route}" if route else path


def _parted(address: str) -> tuple[str, str, str, str]:
    """(path, its query, client-side route, the route's query): a route has a query of its own, `#/orders?sort=name`."""
    before, _, route = address.partition("#")
    path, _, query = before.partition("?")
    route, _, inner = route.partition("?")
    return path, query, route, inner


def _query_of(address: str) -> list[tuple[str, str]]:
    _, query, _, inner = _parted(address)
    return [*_pairs(query), *_pairs(inner)]


def adds_to_query(address: str, final: str) -> bool:
    """Whether the second address is the first with more in its query."""
    return without_query(address) == without_query(final) and set(_query_of(address)) <= set(_query_of(final))


def query_keys(address: str) -> tuple[str, ...]:
    """The names of a query's keys, each once, in the order of the alphabet."""
    return tuple(sorted({key for key, _ in _query_of(address)}))


def value_of(address: str, key: str) -> str | None:
    """What a query says for this key, the first time it does; None when it does not."""
    return dict(reversed(_query_of(address))).get(key)


def with_one_key(address: str, key: str) -> str:
    """The address with this key alone in its query; a client-side route stays."""
    path, _, route, inner = _parted(address)
    alone = f"?{urlencode([(key, value_of(address, key) or '')])}"
    in_route = any(name == key for name, _ in _pairs(inner))
    return f"{path}{'' if in_route else alone}{f'#{route}' if route else ''}{alone if in_route else ''}"


def looks_like_action(address: str, text: str = "", *, marked: bool = False) -> bool:
    """Whether following this link might change something; `marked`: the element says so (`data-method`, `download`)."""
    if marked:
        return True
    path, _, query = address.partition("?")
    if any(_acts(segment) for segment in unquote(path).split("/")):
        return True
    if any(key.lower() in _ACTION_KEYS or _acts(key) or _acts(value) for key, value in _pairs(query)):
        return True
    return len(text) <= 30 and _acts(text)


def _acts(words: str) -> bool:
    tokens = [token for token in re.split(r"[^a-z0-9]+", words.lower()) if token]
    # A long text that mentions deletion is an article; an action is named in a word or two.
    if len(tokens) > 4:
        return False
    return any(map(_ACTION_WORDS.fullmatch, tokens)) or bool(_ACTION_PAIRS & set(itertools.pairwise(tokens)))


@dataclass(frozen=True)
class Shape:
    """What an address looks like: its language, and its path with `{}` for what varies."""

    language: str
    path: str


def languages_of(addresses: Iterable[str]) -> frozenset[str]:
    """First segments that are languages: at least two of them, before one and the same rest of the path."""
    rests: dict[str, set[str]] = defaultdict(set)
    for address in addresses:
        first, _, rest = address.lstrip("/").partition("/")
        if _LANGUAGE.match(first):
            rests[rest].add(first)
    return frozenset(language for found in rests.values() if len(found) > 1 for language in found)


def shapes_of(addresses: Collection[str], many: int = MANY_SIBLINGS) -> dict[str, Shape]:
    """The shape of each address, as the whole collection shows it."""
    languages = languages_of(addresses)
    split: dict[str, tuple[str, Sequence[str]]] = {}
    for address in addresses:
        segments = [segment for segment in without_query(address).replace("#", "/#/").split("/") if segment]
        language = segments.pop(0) if segments and segments[0] in languages else ""
        # A query is one more level: the names of its keys, and each value as a segment.
        values = [part for key, value in sorted(_query_of(address)) for part in (f"?{key}=", value or "-")]
        split[address] = (language, [*segments, *values])
    shaped: dict[str, str] = dict.fromkeys(split, "")
    for level in range(max((len(parts) for _, parts in split.values()), default=0)):
        below: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for address, (_, parts) in split.items():
            if len(parts) > level:
                # A query shows the page itself in another way: it makes no section of it.
                below[shaped[address]][parts[level]] |= {
                    after for after in parts[level + 1 : level + 2] if not after.startswith("?")
                }
        varying = {before: _varying(children, many) for before, children in below.items()}
        for address, (_, parts) in split.items():
            if len(parts) > level:
                before = shaped[address]
                shaped[address] = f"{before}/{'{}' if parts[level] in varying[before] else parts[level]}"
    return {address: Shape(language, shaped[address] or "/") for address, (language, _) in split.items()}


def with_own_words(shape: Shape, address: str) -> Shape:
    """The shape with the address's own words in place of what varies beside it; an id stays what varies."""
    segments = [segment for segment in without_query(address).replace("#", "/#/").split("/") if segment]
    own = segments[1:] if shape.language else segments
    parts = [part for part in shape.path.split("/") if part]
    words = [
        word if part == "{}" and not looks_like_id(word) else part
        for part, word in itertools.zip_longest(parts, own[: len(parts)], fillvalue="{}")
    ]
    return Shape(shape.language, "/" + "/".join(words))


def _varying(children: Mapping[str, Collection[str]], many: int) -> frozenset[str]:
    """Which of these siblings are instances; `children`: sibling -> what comes after it.

    A sibling with children is a section, unless many siblings have that child too: `/product/ash/reviews` and so on.
    """
    words = {segment: after for segment, after in children.items() if not segment.startswith("?")}
    shared = Counter(child for after in words.values() for child in after if not looks_like_id(child))
    alike = {segment for segment, after in words.items() if any(shared[child] >= many for child in after)}
    alike |= {segment for segment, after in words.items() if not after}
    ids = {segment for segment in words if looks_like_id(segment)}
    return frozenset(ids | alike if len(alike | ids) >= many else ids)


def names_health(path: str) -> bool:
    """Whether the last word of a path is one by which services call their health."""
    return bool(_HEALTH.search(path))


def looks_like_id(segment: str) -> bool:
    """Whether a segment names an instance: a number, a UUID, a date, a hash, `INV-0042`, `17-red-shoes`."""
    return bool(_ID.match(unquote(segment)))
