"""The text of a page as a reader sees it, and which of the planned texts stand there where nobody sees them.

`innerText` leaves out what is not drawn, and holds what is drawn so that it cannot be seen. That is told of planned
texts alone, and only where it is certain; a page is taken to show a text

- that has a see-through ancestor and lies outside the window: it may appear when somebody scrolls to it. The same goes
  for one that is being animated;
- whose letters are transparent, or put aside, where something else shows in their place: a gradient, a shadow, an
  outline, a picture (as in a viewer of documents), a logo as background, the words of a `::before`; see-through ones on
  a canvas, which draws them itself;
- that lies outside a part which cuts it off, as the slides of a carousel do;
- under what covers less than the window, is not opaque itself, or lets the pointer through;
- of which another place on the page, or a part of it in this place, can be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from tasks.plan import texts_not_shown

MAX_REASON_LENGTH = 200
MAX_PLACES = 200
"""Of one text on a page; one that stands in more of them is not looked for in all."""

COMPOSED = r"""
  const isDrawn = element => element.checkVisibility() || (getComputedStyle(element).display === 'contents'
    && isDrawn(element.parentElement ?? element.getRootNode().host ?? document.documentElement));
  const isText = node => node.nodeType === Node.TEXT_NODE;
  const isRead = node => isText(node) || (node instanceof Element && isDrawn(node)
    && !['STYLE', 'SCRIPT', 'TEMPLATE', 'NOSCRIPT'].includes(node.tagName));
  const lined = (element, words) =>
    /^(inline|contents|ruby)/.test(getComputedStyle(element).display) ? words : `\n${words}\n`;
  const composed = node => {
    if (isText(node)) {
      const {visibility} = getComputedStyle(node.parentElement ?? node.getRootNode().host);
      return visibility === 'visible' ? node.data : '';
    }
    const slotted = node.localName === 'slot' ? node.assignedNodes({ flatten: true }) : [];
    const inside = slotted.length ? slotted : (node.shadowRoot ?? node).childNodes;
    const words = [...inside].filter(isRead).map(composed).join('');
    return node instanceof Element ? lined(node, words) : words;
  };
  const isComposed = element => element.shadowRoot || element.localName === 'slot';
"""
"""For scripts: `composed(node)` is the text of a node with that of components in it, and of what others put into its
slots: `innerText` has neither."""

# Text in open shadow roots is seen by visitors and not part of innerText. Of an element that is not drawn (in a hidden
# frame, a body before consent, a component that waits) innerText is all its text, scripts included.
SHOWN_TEXT = (
    "([wanted, most]) => {"
    + COMPOSED
    + r"""
  const parts = [], roots = [], mixed = new Set();
  const spaced = words => words.replace(/[\u00ad\u200b\u2060\ufeff]/g, '').split(/\s+/).join(' ');
  const add = (root, text) => {
    roots.push(root);
    if (text) parts.push(text);
    for (const element of root.querySelectorAll('*')) {
      if (isComposed(element)) {
        const outer = element.parentNode;
        if ([...outer.childNodes].some(node => isText(node) && node.data.trim())) mixed.add(outer);
      }
      if (!element.shadowRoot || !isDrawn(element)) continue;
      const words = [...element.shadowRoot.childNodes].filter(isRead)
        .map(node => isText(node) ? node.data : lined(node, node.innerText ?? node.textContent)).join('');
      add(element.shadowRoot, words);
    }
  };
  const body = document.body;
  if (body && isDrawn(body)) add(body, body.innerText ?? body.textContent);
  // A sentence of which a component holds a part is read as one.
  for (const node of mixed) {
    const words = !(node instanceof Element) || isRead(node) ? composed(node) : '';
    if (spaced(words).trim() !== spaced(node.innerText ?? '').trim()) parts.push(words);
  }
  const text = parts.join('\n');

  const named = element => element.localName + (element.id ? `#${element.id}` : '')
    + [...element.classList].slice(0, 2).map(name => `.${name}`).join('');
  const above = element => {
    const outer = element.assignedSlot ?? element.parentElement ?? element.getRootNode().host;
    if (outer) return outer;
    try { return element.ownerDocument.defaultView.frameElement; } catch { return null; /* of another origin */ }
  };
  const isOpaque = colour => !colour.startsWith('rgba') && !colour.includes('/');
  const isTransparent = colour => /^rgba\(.*, 0\)$|\/ 0\)$/.test(colour);
  const isTold = content => !['none', 'normal', '""'].includes(content);
  const showsInstead = element => [element, above(element)].filter(Boolean).some(part =>
    getComputedStyle(part).backgroundImage !== 'none'
    || ['::before', '::after'].some(side => isTold(getComputedStyle(part, side).content)));
  const meet = (one, other) => one.left < other.right && other.left < one.right
    && one.top < other.bottom && other.top < one.bottom;
  const liesOn = (boxes, pictures) => [document, ...roots].some(root =>
    [...root.querySelectorAll(pictures)].some(picture => {
      const place = picture.getBoundingClientRect();
      return boxes.some(box => meet(box, place));
    }));

  const isCutToNothing = (element, style) => {
    if (/absolute|fixed/.test(style.position)) {
      const [top, right, bottom, left] = (style.clip.match(/^rect\((.*)\)$/)?.[1] ?? '').split(/,?\s+/).map(parseFloat);
      if (right - left <= 1 || bottom - top <= 1) return true;
    }
    if (/^circle\(0(px|%)?[ )]/.test(style.clipPath)) return true;
    const inset = style.clipPath.match(/^inset\(([^()]*?)(?: round [^()]*)?\)$/)?.[1].trim().split(/\s+/);
    if (!inset) return false;
    const [top, right = top, bottom = top, left = right] = inset;
    const {width, height} = element.getBoundingClientRect();
    const cut = (length, whole) => length.endsWith('%') ? whole * parseFloat(length) / 100 : parseFloat(length);
    return cut(top, height) + cut(bottom, height) >= height || cut(left, width) + cut(right, width) >= width;
  };
  // Overflow needs a box to cut off by; that of the document and its body is the window's.
  const isOfWindow = element => /^(html|body)$/.test(element.localName);
  const holdsNothing = (element, style) => element instanceof HTMLElement && !isOfWindow(element)
    && !/^(inline|contents)$/.test(style.display)
    && [style.overflowX, style.overflowY].every(overflow => /hidden|clip/.test(overflow))
    && (element.clientWidth <= 1 || element.clientHeight <= 1);

  const fillsTheWindow = (element, outer) => {
    const box = element.getBoundingClientRect(), style = getComputedStyle(element);
    const {clientWidth, clientHeight} = document.documentElement;
    if (element.contains(outer) || !isOpaque(style.backgroundColor) || style.maskImage !== 'none') return false;
    if (box.left > 0 || box.top > 0 || box.right < clientWidth || box.bottom < Math.min(clientHeight, innerHeight)) {
      return false;
    }
    for (let up = element; up; up = above(up)) {
      const its = getComputedStyle(up);
      if (its.opacity !== '1' || its.filter !== 'none' || its.mixBlendMode !== 'normal') return false;
    }
    return !element.getAnimations().some(animation => animation.playState === 'running');
  };
  const coverOf = (element, boxes) => {
    let outer = element, cover = null;
    while (outer.getRootNode().host) outer = outer.getRootNode().host;
    for (const box of boxes.slice(0, 5)) {
      for (const x of [box.left + 1, (box.left + box.right) / 2, box.right - 1]) {
        const y = (box.top + box.bottom) / 2;
        if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) continue;
        // What the pointer does not find cannot be told to lie below anything.
        const pile = document.elementsFromPoint(x, y);
        const own = pile.findIndex(hit => outer.contains(hit));
        cover = pile.slice(0, Math.max(own, 0)).find(hit => fillsTheWindow(hit, outer));
        if (!cover) return null;
      }
    }
    return cover;
  };

  const why = node => {
    const element = node.parentElement ?? node.getRootNode().host, style = getComputedStyle(element);
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()];
    const view = { left: 0, top: 0, right: innerWidth, bottom: innerHeight };
    const isInWindow = boxes.some(box => meet(box, view));
    if (innerWidth <= 1 || innerHeight <= 1) return 'it stands in a frame of no size';
    let cutBy = null, isReachable = false, paintsLetters = false, position = 'static';
    for (let up = element; up; up = above(up)) {
      const its = getComputedStyle(up);
      if (isInWindow && Number(its.opacity) === 0
        && !up.getAnimations().some(animation => animation.playState === 'running') && !liesOn(boxes, 'canvas')) {
        return `its opacity is 0 (${named(up)})`;
      }
      // An ancestor that is not positioned does not cut off what is positioned past it.
      const isPast = position === 'fixed' || (position === 'absolute' && its.position === 'static');
      if (isCutToNothing(up, its) || (!isPast && holdsNothing(up, its))) cutBy ??= up;
      if (!isPast) position = its.position;
      isReachable ||= its.transform !== 'none' || its.translate !== 'none'
        || (!isOfWindow(up) && (its.overflowX !== 'visible' || its.overflowY !== 'visible'));
      paintsLetters ||= its.backgroundClip.includes('text');
    }
    const cover = coverOf(element, boxes);
    if (cover) return `all of the window lies under ${named(cover)}`;
    if (showsInstead(element)) return '';
    if (cutBy) return `it is cut to nothing (${named(cutBy)})`;
    const hasNoSize = boxes.length ? boxes.every(box => box.width <= 0 || box.height <= 0) : style.fontSize === '0px';
    if (hasNoSize) return `its letters have no size (${named(element)})`;
    const reads = getComputedStyle(document.documentElement);
    const isAside = box => box.bottom + scrollY <= 0
      || (box.right + scrollX <= 0 && reads.direction === 'ltr' && reads.writingMode === 'horizontal-tb');
    if (!isReachable && boxes.length && boxes.every(isAside)) {
      return `it stands where nobody can scroll to (${named(element)})`;
    }
    const isDrawnByFill = !(element instanceof SVGElement) && isTransparent(style.webkitTextFillColor)
      && style.textShadow === 'none' && style.webkitTextStrokeWidth === '0px' && !paintsLetters;
    const drawings = 'canvas, img, svg, video, object, embed, iframe';
    if (isDrawnByFill && !element.getAnimations().length && !liesOn(boxes, drawings)) {
      return `its letters are transparent (${named(element)})`;
    }
    return '';
  };

  const squeezed = words => spaced(words).replaceAll(' ', '').toLowerCase();
  const holder = node => node.parentElement ?? node.getRootNode().host;
  const isThere = node => holder(node).checkVisibility({ visibilityProperty: true });
  const textsIn = function* (root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) yield walker.currentNode;
  };
  // Most texts stand in one node, as they were planned, and can be seen.
  const standsPlainly = words => {
    for (const root of roots) {
      for (const node of textsIn(root)) {
        if (node.data.includes(words) && isRead(holder(node)) && isThere(node) && !why(node)) return true;
      }
    }
    return false;
  };
  const nodesOf = root => {
    const nodes = [];
    let joined = '';
    for (const node of textsIn(root)) {
      const words = isRead(holder(node)) ? squeezed(node.data) : '';
      if (words) nodes.push([node, joined.length, (joined += words).length]);
    }
    return [joined, nodes];
  };
  let read = null;
  const whyUnseen = (words, whole) => {
    const letters = squeezed(words);
    let reason = '', places = 0;
    read ??= roots.map(nodesOf);
    for (const [joined, nodes] of read) {
      for (let at = joined.indexOf(letters); at >= 0; at = joined.indexOf(letters, at + 1)) {
        if (places === most) return '';
        const its = nodes.filter(([, from, to]) => from < at + letters.length && to > at).map(([node]) => node);
        if (!its.every(isThere)) continue;
        const reasons = its.map(why);
        if (!reasons.every(Boolean)) return '';
        reason ||= reasons[0];
        places += 1;
      }
    }
    return places >= whole.split(words).length - 1 ? reason : '';
  };
  let whole = null;
  const found = wanted.map(words => {
    if (standsPlainly(words)) return [true, ''];
    whole ??= spaced(text);
    const one = spaced(words.trim());
    return whole.includes(one) ? [true, whyUnseen(one, whole)] : [false, ''];
  });
  return { text, there: found.map(([isHere]) => isHere), unseen: found.map(([, reason]) => reason) };
}
"""
)


class _Told(BaseModel):
    """What `SHOWN_TEXT` answers of one document; a page can make it answer something else."""

    text: str
    unseen: list[str]
    there: list[bool]


@dataclass(frozen=True)
class ShownText:
    """What a page and the frames inside it show a reader."""

    text: str
    unseen: Mapping[str, str] = field(default_factory=dict)
    """Planned texts that stand there where nobody sees them, and why."""

    def lacks(self, wanted: Sequence[str]) -> list[str]:
        """Which of the wanted texts nobody sees."""
        missing = texts_not_shown(self.text, wanted)
        return [text for text in wanted if text in missing or text in self.unseen]


def read(told: Iterable[Any], wanted: Sequence[str]) -> ShownText:
    """One text of what each document told; raises ValueError when one told something else."""
    documents = [_Told.model_validate(document) for document in told]
    if any(len(document.unseen) != len(wanted) or len(document.there) != len(wanted) for document in documents):
        raise ValueError("a page told of other texts than it was asked for")
    unseen: dict[str, str] = {}
    for number, words in enumerate(wanted):
        # It is seen when one document that holds it has nothing to say against it.
        reasons = [document.unseen[number] for document in documents if document.there[number]]
        if reasons and all(reasons):
            unseen[words] = reasons[0][:MAX_REASON_LENGTH]
    return ShownText("\n".join(document.text for document in documents), unseen)
