"""Everything that a page which has settled can tell, as it stands: the same for pages, states and checkpoints.

It decides nothing. What it reads is a fact of the page or a file, and a part that could not be read says why.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image
from playwright.sync_api import Error, Page, ViewportSize
from pydantic import BaseModel

from evidence_store.model import Artifact
from tasks.sweep import axe_scan, stabilise
from tasks.sweep.element_boxes import element_boxes
from tasks.sweep.hearing import Hearing
from tasks.sweep.models import AxeScan, HeadLink, StoredItem, UnseenText
from tasks.sweep.shown_text import COMPOSED
from tasks.sweep.stabilise import Stillness
from tasks.sweep.thumbnail import thumbnail

MAX_TEXT_LENGTH = 500_000
MAX_ARIA_LENGTH = 500_000
MAX_ITEMS = 200
ARIA_TIMEOUT_MS = 5_000

Keep = Callable[[str, bytes, str], Artifact]
"""Stores one file of evidence: path, content, media type."""


_WORDS = (
    COMPOSED
    + """
  const cut = (text, length) => String(text ?? '').slice(0, length);
  const visible = element => element.checkVisibility?.() ?? true;
  const words = element =>
    cut([...element.querySelectorAll('*')].some(isComposed) ? composed(element).trim() : element.innerText, 200);
"""
)
_ANNOUNCING = "h2, [role=alert], [aria-live=assertive]"
_READING = (
    stabilise.ALL
    + _WORDS
    + """
  const announced = all(announcing).filter(visible).slice(0, most).map(words).filter(Boolean);
  // What came and is something else: the start page of the application, with 200, in place of a missing file.
  const found = [];
  for (const link of all('link[rel~=stylesheet]:not([rel~=alternate])')) {
    let isEmpty = !link.sheet;
    try { isEmpty ||= !link.sheet.cssRules.length; } catch { /* of another origin: nobody may look into it */ }
    if (/^https?:/.test(link.href) && !link.disabled && isEmpty) found.push(link.href.slice(0, 2000));
  }
  for (const image of all('img')) {
    const box = image.getBoundingClientRect();
    if (!image.complete || image.naturalWidth || box.width < 8 || box.height < 8) continue;
    // One written into the page came from nowhere: a placeholder of a few bytes is often half an image.
    if (/^https?:/.test(image.currentSrc) && image.checkVisibility()) found.push(image.currentSrc.slice(0, 2000));
  }
  // One that waits to be played, or to be scrolled to, has a source it did not try.
  for (const media of all('video, audio').filter(media => media.networkState === HTMLMediaElement.NETWORK_NO_SOURCE)) {
    const sources = [media.currentSrc, ...[...media.querySelectorAll('source')].map(source => source.src)];
    found.push(...sources.filter(url => /^https?:/.test(url)).map(url => url.slice(0, 2000)));
  }
  // What style sheets and others draw is silent about it: what came as a page is looked for, and tried once more.
  const isAt = (its, url) => {
    try { return Boolean(its) && new URL(its, document.baseURI).href === url; } catch { return false; /* no address */ }
  };
  const draws = (element, url) => [element.src, element.poster, element.href?.baseVal].some(its => isAt(its, url))
    || ['', '::before', '::after'].some(part => {
      const {backgroundImage, content} = getComputedStyle(element, part);
      return (backgroundImage + content).includes(`url("${url}")`);
    });
  const isSeen = element => {
    const box = element.getBoundingClientRect();
    return box.width >= 8 && box.height >= 8 && visible(element);
  };
  for (const url of asPages) {
    const isDrawn = all('*').some(element => element.localName !== 'img' && isSeen(element) && draws(element, url));
    const picture = new Image();
    picture.src = isDrawn ? url : '';
    if (isDrawn && !await picture.decode().then(() => true, () => false)) found.push(url);
  }
  const parts = { unreadable: found.slice(0, most), announced };
"""
)
_GIVEN = "async ([most, announcing, asPages]) => {"
_PARTS = _GIVEN + _READING + "return parts; }"
_FACTS = (
    _GIVEN
    + _READING
    + """
  const stored = [];
  for (const [place, area] of [['local', () => localStorage], ['session', () => sessionStorage]]) {
    try {
      const items = area();
      for (let n = 0; n < Math.min(items.length, most); n += 1) {
        const name = items.key(n);
        stored.push([place, cut(name, 200), (items.getItem(name) ?? '').length]);
      }
    } catch { /* a sandboxed or opaque document has none */ }
  }
  const seen = all('img, svg, canvas, video, picture, object, embed').filter(element => {
    const box = element.getBoundingClientRect();
    return box.width >= 8 && box.height >= 8;
  });
  const headings = all('h1, [role=heading][aria-level="1"]').filter(visible).slice(0, 10);
  const wanted = /canonical|alternate|icon|manifest/i;
  const links = [...document.querySelectorAll('head link[rel]')].filter(link => wanted.test(link.rel)).slice(0, most);
  const [navigation] = performance.getEntriesByType?.('navigation') ?? [];
  return {
    title: cut(document.title, 500), language: cut(document.documentElement.lang, 50), url: cut(location.href, 2000),
    elements: document.querySelectorAll('*').length, pictured: seen.length, stored,
    passwords: all('input[type=password]').filter(visible).length,
    headings: headings.map(words),
    links: links.map(link => [cut(link.rel, 50), cut(link.href, 2000), cut(link.hreflang, 50)]),
    status: navigation?.responseStatus || null, parts,
  };
}
"""
)


class _Parts(BaseModel):
    """What `_PARTS` answers of a frame; a page can make it answer something else."""

    unreadable: list[str]
    announced: list[str]


class _Facts(BaseModel):
    """What `_FACTS` answers of the page."""

    title: str
    language: str
    url: str
    elements: int
    pictured: int
    passwords: int
    headings: list[str]
    links: list[tuple[str, str, str]]
    stored: list[tuple[str, str, int]]
    status: int | None
    parts: _Parts


def read_page(page: Page, folder: str, keep: Keep, must_show: Sequence[str], hearing: Hearing) -> dict[str, Any]:
    """Facts and text of the page, as fields of a PageVisit; raises ValueError when they are none."""
    as_pages = hearing.pages_in_place_of_pictures()
    facts = _Facts.model_validate(page.evaluate(_FACTS, [MAX_ITEMS, _ANNOUNCING, as_pages]))
    # The headline of a frame is a part of the page around it.
    inside = [MAX_ITEMS, f"h1, {_ANNOUNCING}", as_pages]
    parts = [facts.parts, *map(_Parts.model_validate, stabilise.in_inner_frames(page, _PARTS, inside))]
    unreadable = dict.fromkeys(url for part in parts for url in part.unreadable)
    announced = [words for part in parts for words in part.announced]
    shown = stabilise.shown_text(page, must_show)
    cookies = page.context.cookies()[:MAX_ITEMS]
    return {
        "final_url": facts.url,
        "title": facts.title,
        "language": facts.language,
        "elements": facts.elements,
        "pictured": facts.pictured,
        "unreadable": tuple(unreadable)[:MAX_ITEMS],
        "password_fields": facts.passwords,
        "headings": tuple(facts.headings),
        "announced": tuple(announced)[:MAX_ITEMS],
        "links": tuple(HeadLink(rel=rel, href=href, language=language) for rel, href, language in facts.links),
        "stored": (
            *(StoredItem(place=place, name=name, size=size) for place, name, size in facts.stored),
            *(_cookie(dict(cookie)) for cookie in cookies),
        ),
        "text": keep(f"{folder}/text.txt", shown.text[:MAX_TEXT_LENGTH].encode("utf-8", "replace"), "text/plain"),
        "unseen": tuple(UnseenText(text=text, why=why) for text, why in shown.unseen.items()),
        **({"status": facts.status} if facts.status else {}),
    }


def _cookie(cookie: dict[str, Any]) -> StoredItem:
    flags = [name for name in ("httpOnly", "secure") if cookie.get(name)]
    said = (
        *flags,
        f"sameSite={cookie.get('sameSite')}",
        f"path={cookie.get('path')}",
        f"domain={cookie.get('domain')}",
    )
    return StoredItem(
        place="cookie",
        name=str(cookie.get("name", ""))[:200],
        size=len(str(cookie.get("value", ""))),
        attributes="; ".join(said)[:500],
    )


def read_aria(page: Page, folder: str, keep: Keep) -> dict[str, Any]:
    """What a screen reader is told, as a field of a PageVisit; nothing when the page has none to give in time."""
    try:
        told = page.locator("body").first.aria_snapshot(timeout=ARIA_TIMEOUT_MS)
    except Error as error:
        told = f"# not to be had: {str(error).splitlines()[0][:200]}"
    return {"aria": keep(f"{folder}/aria.yaml", told[:MAX_ARIA_LENGTH].encode("utf-8", "replace"), "application/yaml")}


def take_picture(
    page: Page,
    folder: str,
    keep: Keep,
    masks: Sequence[str],
    still: Stillness,
    hearing: Hearing,
    log: Sequence[str],
    unfolding: stabilise.Unfolding,
    approved: str | None = None,
) -> dict[str, Any]:
    """The screenshot and its thumbnail, as fields of a PageVisit; `log` and `unfolding` tell what came before."""
    picture = stabilise.capture(page, masks, still, hearing, unfolding.hidden, approved)
    small = thumbnail(picture.content)
    return {
        "screenshot": keep(f"{folder}/screenshot.png", picture.content, "image/png"),
        "thumbnail": keep(f"{folder}/thumbnail.webp", small.content, "image/webp") if small else None,
        "plain_share": small.plain_share if small else None,
        "stable": picture.stable,
        "clipped_at": picture.clipped_at,
        "hidden": picture.hidden,
        "smaller_parts": unfolding.smaller_parts,
        "all_masked": stabilise.ALL_MASKED in picture.log and _is_of_two_colours(picture.content),
        "stabilisation": (*log, *unfolding.log, *picture.log),
    }


def _is_of_two_colours(png: bytes) -> bool:
    """Whether a picture shows nothing beside its masks: what style sheets alone draw is no text and no image."""
    with Image.open(io.BytesIO(png)) as picture:
        return picture.convert("RGB").getcolors(2) is not None


def scan_accessibility(
    page: Page,
    folder: str,
    keep: Keep,
    hearing: Hearing,
    pictured: ViewportSize | None,
) -> dict[str, Any]:
    """axe-core over every frame, as fields of a PageVisit; a scan that did not finish says so.

    `pictured` is the window of the screenshot: places of elements are told as they are there.
    """
    try:
        scanned = axe_scan.scan(page, hearing.session(page), opens_roots=hearing.declares_closed_roots)
        with stabilise.in_window(page, pictured):
            boxes = json.dumps(element_boxes(page, scanned.result), ensure_ascii=False).encode("utf-8", "replace")
    except Error as error:
        return {"axe_problem": f"axe did not finish: {(str(error).strip().splitlines() or ['no reason'])[0][:300]}"}
    content = json.dumps(scanned.result, ensure_ascii=False).encode("utf-8", "replace")
    artifact = keep(f"{folder}/axe.json", content, "application/json")
    places = keep(f"{folder}/boxes.json", boxes, "application/json")
    scan = AxeScan(
        result=artifact, frames=scanned.frames, frames_missed=scanned.missed, nodes=scanned.nodes, boxes=places
    )
    return {"axe": scan}


def heard(hearing: Hearing) -> dict[str, Any]:
    """What the browser told meanwhile, as fields of a PageVisit."""
    return {
        "requests": hearing.requests,
        "requests_left_out": hearing.requests_left_out,
        "messages": tuple(hearing.messages),
        "messages_left_out": hearing.messages_left_out,
        "dialogs": tuple(hearing.dialogs),
        "documents": hearing.documents,
        "policy_violations": tuple(hearing.violations),
        "mixed_content": tuple(dict.fromkeys(hearing.mixed_content)),
    }
