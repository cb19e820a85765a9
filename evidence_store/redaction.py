"""Secrets are removed before anything is hashed.

Rules:

1. Values of headers that carry credentials are removed where they are gathered; a cookie keeps its name and attributes.
2. Every secret that is learned (values of `env:` references, cookies, tokens) is replaced, in each of its usual
   encodings, in every text that is written, and in the text members of zip files such as traces.
3. Bearer tokens and JSON Web Tokens are removed wherever they stand, learned or not.
4. After gathering, everything is swept once more, because a secret may have been learned late.

What was removed is counted by rule; the value is never kept.
"""

from __future__ import annotations

import base64
import io
import json
import re
import threading
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from html import escape
from urllib.parse import quote, quote_plus

from evidence_store.model import Redaction

CREDENTIAL_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "cookie",
        "x-api-key",
        "x-auth-token",
        "x-csrf-token",
        "x-amz-security-token",
    }
)
SHORTEST_SECRET = 4
"""Characters. Shorter values cannot be told from ordinary text, so a plan may not use them as secrets."""
SHORTEST_LEARNED, SHORTEST_WORD = 8, 16
"""Characters. A cookie or stored value that is shorter, or a word of up to 16 without a digit, is a setting (`true`,
`dashboard`) that stands everywhere; what lets somebody in does not look like that."""
MAX_ZIP_MEMBER_BYTES = 200_000_000

_PATTERNS = {
    "json-web-token": re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    "bearer-token": re.compile(rb"(?i)(?<=bearer )[A-Za-z0-9._~+/-]{16,}=*"),
}
_BINARY_SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"wOF2", b"wOFF", b"\x1f\x8b", b"%PDF")


class UnsafeArchiveError(Exception):
    """A zip file that cannot be searched for secrets, and so cannot be kept."""


class Redactor:
    """Learns secrets and removes them; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._replacements: dict[bytes, tuple[bytes, str]] = {}
        self._learned: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def learn(self, secret: str, name: str) -> None:
        """Remember a secret under a public name such as `env:DEMO_PASSWORD` or `cookie:session`."""
        if len(secret) < SHORTEST_SECRET or not (name.startswith("env:") or _looks_secret(secret)):
            return
        marker = f"[redacted:{name}]".encode()
        forms = _encodings(secret)
        if any(form in marker for form in forms):
            # A mark that holds the secret would keep it, and grow with every pass.
            marker = b"[***]"
        with self._lock:
            self._learned.setdefault(secret, name)
            for form in forms:
                self._replacements.setdefault(form, (marker, name))

    def secrets(self) -> tuple[tuple[str, str], ...]:
        """What was learned, each with its public name: for another process of the same run, and for nothing else."""
        with self._lock:
            return tuple(self._learned.items())

    def removed(self, counts: Mapping[str, int]) -> None:
        """Count what another process of the same run removed."""
        for rule, times in counts.items():
            self._count(rule, times)

    def longest_form(self) -> int:
        """How long the longest secret is in any of its encodings, in bytes."""
        with self._lock:
            return max(map(len, self._replacements), default=0)

    def redact(self, content: bytes) -> bytes:
        """The content without any secret; binary pictures are returned as they are, zip files member by member."""
        if content.startswith(b"PK\x03\x04"):
            return self._archive(content)
        if content.startswith(_BINARY_SIGNATURES):
            return content
        with self._lock:
            # Longest first: a secret that contains another must not be cut into a readable rest.
            replacements = sorted(self._replacements.items(), key=lambda item: -len(item[0]))
        for form, (marker, name) in replacements:
            if form in content:
                self._count(name.split(":", 1)[0], content.count(form))
                content = content.replace(form, marker)
        for rule, pattern in _PATTERNS.items():
            content, times = pattern.subn(f"[redacted:{rule}]".encode(), content)
            self._count(rule, times)
        return content

    def redact_text(self, content: str) -> str:
        """As `redact`, for text."""
        return self.redact(content.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def headers(self, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Headers with credentials removed; `Set-Cookie` keeps name and attributes, and its value is learned."""
        kept = []
        for name, value in headers:
            lower = name.lower()
            if lower in CREDENTIAL_HEADERS:
                self._count("header", 1)
                kept.append((name, "[redacted:header]"))
            elif lower == "set-cookie":
                kept.append((name, self._set_cookie(value)))
            else:
                kept.append((name, self.redact_text(value)))
        return kept

    def report(self) -> Redaction:
        """How often each rule removed something."""
        with self._lock:
            return Redaction(counts=dict(sorted(self._counts.items())))

    def _set_cookie(self, header: str) -> str:
        pair, semicolon, attributes = header.partition(";")
        name, equals, value = pair.partition("=")
        if not equals or not value.strip():
            return header
        self.learn(value.strip(), f"cookie:{name.strip()}")
        self._count("cookie", 1)
        return f"{name}=[redacted:cookie]{semicolon}{attributes}"

    def _archive(self, content: bytes) -> bytes:
        rebuilt = io.BytesIO()
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(rebuilt, "w") as destination:
                for member in source.infolist():
                    if member.file_size > MAX_ZIP_MEMBER_BYTES:
                        raise UnsafeArchiveError(f"member {member.filename!r} is {member.file_size:,} bytes")
                    info = zipfile.ZipInfo(member.filename, member.date_time)
                    info.compress_type = zipfile.ZIP_DEFLATED
                    destination.writestr(info, self.redact(source.read(member)))
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
            raise UnsafeArchiveError(f"not a readable zip file: {error}") from error
        return rebuilt.getvalue()

    def _count(self, rule: str, times: int) -> None:
        if times:
            with self._lock:
                self._counts[rule] += times


def _looks_secret(value: str) -> bool:
    return len(value) > SHORTEST_WORD or (len(value) >= SHORTEST_LEARNED and any(map(str.isdigit, value)))


def _inside_base64(raw: bytes, encode: Callable[[bytes], bytes]) -> Iterator[bytes]:
    """How it looks inside the base64 of a longer text, such as `user:password`: three ways, by where it begins.

    Characters that it shares with its neighbours are left out; what is left is most of it.
    """
    yield encode(raw).rstrip(b"=")
    for before in range(3):
        whole = (before + len(raw)) * 8 // 6
        yield encode(b"\0" * before + raw)[-(-before * 8 // 6) : whole]


def _encodings(secret: str) -> set[bytes]:
    raw = secret.encode("utf-8", "surrogatepass")
    escaped = escape(secret)
    forms = {
        raw,
        # As encodeURIComponent and URLSearchParams of a browser write it.
        quote(secret, safe="!'()*", errors="replace").encode(),
        quote_plus(secret, safe="*", errors="replace").replace("~", "%7E").encode(),
        escaped.replace("&quot;", "&#34;").replace("&#x27;", "&#39;").encode("utf-8", "surrogatepass"),
        quote(secret, safe="", errors="replace").encode(),
        quote(secret, errors="replace").encode(),
        quote_plus(secret, errors="replace").encode(),
        json.dumps(secret)[1:-1].encode(),
        json.dumps(secret, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass"),
        escaped.encode("utf-8", "surrogatepass"),
    }
    if len(raw) >= 8:
        # Shorter ones would match by chance.
        forms |= {
            form for encode in (base64.b64encode, base64.urlsafe_b64encode) for form in _inside_base64(raw, encode)
        }
    return {form for form in forms if len(form) >= SHORTEST_SECRET}
