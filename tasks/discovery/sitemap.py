"""Sitemaps (sitemaps.org protocol 0.9), as XML, gzip or plain text, from a server that nobody vouches for. Pure.

Rules: no entity is expanded (defusedxml); what is unpacked is bounded; at most MOST_ENTRIES are taken from one file,
and the reader is told when there were more.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

MOST_ENTRIES = 50_000
MOST_BYTES = 50 * 1024 * 1024
"""Both are the protocol's own limits for one file."""
MOST_FILES = 20
MOST_TOTAL = 50_000
"""Addresses kept of all files together."""


_HTML = re.compile(rb"(?:\s|<!--(?:(?!-->).)*-->)*+(?:<!doctype html|<html)", re.IGNORECASE | re.DOTALL)
"""Its first element, whatever remarks stand before it; possessive, so that what is no HTML is told at once."""


@dataclass(frozen=True)
class Sitemap:
    """What one file lists: pages, further sitemaps, and why it could not be read to its end."""

    pages: Sequence[str] = ()
    sitemaps: Sequence[str] = ()
    note: str = ""


def unpacked(body: bytes, most_bytes: int = MOST_BYTES) -> tuple[bytes, str]:
    """(the file, why it is not whole); gzip is told by its first bytes and never unpacked beyond the limit."""
    if not body.startswith(b"\x1f\x8b"):
        return body[:most_bytes], f"larger than {most_bytes:,} bytes" if len(body) > most_bytes else ""
    unzip = zlib.decompressobj(wbits=31)
    try:
        content = unzip.decompress(body, most_bytes)
    except zlib.error as error:
        return b"", f"not the gzip file it looks like: {error}"
    return content, f"unpacks to more than {most_bytes:,} bytes" if unzip.unconsumed_tail else ""


def read_sitemap(body: bytes) -> Sitemap:
    """The addresses in a sitemap or a sitemap index; a broken one tells what it told until it broke."""
    content, note = unpacked(body)
    start = content.lstrip()[:200].lower()
    if not start:
        return Sitemap(note=note or "empty")
    if not start.startswith((b"<", b"\xef\xbb\xbf<", b"\xff\xfe", b"\xfe\xff")):
        lines = [line.strip() for line in content.decode("utf-8-sig", "replace").splitlines()[:MOST_ENTRIES]]
        return Sitemap([line for line in lines if line.startswith(("http://", "https://"))], note=note)
    if _HTML.match(content[:10_000]):
        return Sitemap(note="an HTML page")
    pages: list[str] = []
    sitemaps: list[str] = []
    try:
        for _, element in iterparse(io.BytesIO(content), forbid_dtd=True):
            kind = element.tag.rpartition("}")[2]
            if kind in {"url", "sitemap"}:
                place = next((child for child in element if child.tag.rpartition("}")[2] == "loc"), None)
                if place is not None and place.text:
                    (pages if kind == "url" else sitemaps).append(place.text.strip())
                element.clear()
            if len(pages) + len(sitemaps) >= MOST_ENTRIES:
                note = f"only its first {MOST_ENTRIES:,} entries were read"
                break
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        note = note or f"not well-formed XML: {type(error).__name__}"
    return Sitemap(pages, sitemaps, note)
