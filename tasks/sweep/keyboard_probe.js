/**
 * What the keyboard walk sees of one document. It runs in an isolated world, so that the page neither notices it nor can
 * replace what it calls, and a stopped clock of the page does not stop it. It reports facts and never activates anything.
 * Getters are taken from the prototypes: a form field named "parentNode" would otherwise hide its form's own.
 */
(() => {
  "use strict";
  const MAX_TEXT = 120;
  const MAX_SELECTOR = 400;
  const MAX_ELEMENTS = 50_000;
  const MAX_LISTED = 200;
  const MAX_TEXTS = 1_500;
  const MAX_RULES = 50_000;
  /** Of 255, in any channel: a smaller difference is confirmed by pixels. */
  const PLAIN_DIFFERENCE = 40;

  const reader = (prototype, name) => {
    const { get } = Object.getOwnPropertyDescriptor(prototype, name);
    return (node) => get.call(node);
  };
  const parentNode = reader(Node.prototype, "parentNode");
  const assignedSlot = reader(Element.prototype, "assignedSlot");
  const localName = reader(Element.prototype, "localName");
  const shadowRoot = reader(Element.prototype, "shadowRoot");
  const children = reader(Element.prototype, "children");
  const nextElement = reader(Element.prototype, "nextElementSibling");
  const textContent = reader(Node.prototype, "textContent");
  const activeIn = { document: reader(Document.prototype, "activeElement"), shadow: reader(ShadowRoot.prototype, "activeElement") };
  const bodyOf = reader(Document.prototype, "body");
  const rootElementOf = reader(Document.prototype, "documentElement");
  const attribute = (element, name) => Element.prototype.getAttribute.call(element, name);
  const has = (element, name) => Element.prototype.hasAttribute.call(element, name);
  const matches = (element, selector) => Element.prototype.matches.call(element, selector);
  const boxOf = (element) => Element.prototype.getBoundingClientRect.call(element);
  const rootOf = (node) => Node.prototype.getRootNode.call(node);
  const all = (root, selector) => [...(root instanceof Document ? Document : root instanceof ShadowRoot ? ShadowRoot : Element).prototype.querySelectorAll.call(root, selector)];
  const stackAt = (root, x, y) => (root instanceof Document ? Document : ShadowRoot).prototype.elementsFromPoint.call(root, x, y);
  const styleOf = (element, pseudo) => getComputedStyle(element, pseudo);
  const round = (number) => Math.round(number * 10) / 10;
  const squeeze = (text) => String(text ?? "").slice(0, 2_000).replace(/\s+/g, " ").trim().slice(0, MAX_TEXT);

  /** The parent as it is rendered: through slots and shadow roots. */
  function above(element) {
    const parent = assignedSlot(element) ?? parentNode(element);
    if (parent instanceof ShadowRoot) return parent.host;
    return parent instanceof Element ? parent : null;
  }
  function* ancestors(element) {
    for (let node = above(element); node; node = above(node)) yield node;
  }
  function holds(outer, inner) {
    for (let node = inner; node; node = above(node)) if (node === outer) return true;
    return false;
  }
  function* everything(root = document, budget = { left: MAX_ELEMENTS }) {
    const walker = Document.prototype.createTreeWalker.call(document, root, NodeFilter.SHOW_ELEMENT);
    for (let node = walker.nextNode(); node && budget.left > 0; node = walker.nextNode()) {
      budget.left -= 1;
      yield node;
      const shadow = shadowRoot(node);
      if (shadow) yield* everything(shadow, budget);
    }
  }
  const isRendered = (element) => Element.prototype.checkVisibility.call(element, { visibilityProperty: true });
  const isField = (element) => ["input", "select", "textarea"].includes(localName(element));
  const isEditable = (element) => element instanceof HTMLElement && element.isContentEditable;

  // -- names ---------------------------------------------------------------------------------------------------------

  /** A name a person wrote, not one a framework counted or hashed. */
  const isStable = (name) => /^[A-Za-z][\w-]{0,59}$/.test(name) && !/\d{3}/.test(name);

  function step(element, root) {
    const tag = localName(element);
    const classes = (attribute(element, "class") ?? "").split(/\s+/).filter((name) => /^[A-Za-z]+(?:-{1,2}[A-Za-z]+)*$/.test(name) && name.length <= 30).slice(0, 2);
    const parent = parentNode(element);
    const alike = parent ? [...(parent instanceof Element ? children(parent) : parent.children)].filter((one) => localName(one) === tag) : [];
    const place = alike.length > 1 ? `:nth-of-type(${alike.indexOf(element) + 1})` : "";
    return CSS.escape(tag) + classes.map((name) => `.${name}`).join("") + place;
  }
  function selectorIn(element, root) {
    const steps = [];
    for (let node = element; node instanceof Element; node = parentNode(node)) {
      const id = attribute(node, "id");
      if (id && isStable(id) && all(root, `#${CSS.escape(id)}`).length === 1) {
        steps.unshift(`#${CSS.escape(id)}`);
        break;
      }
      if (node !== element && (node === bodyOf(document) || node === rootElementOf(document))) break;
      steps.unshift(step(node, root));
    }
    return steps.join(" > ");
  }
  function selector(element) {
    const root = rootOf(element);
    const own = root instanceof Document || root instanceof ShadowRoot ? selectorIn(element, root) : localName(element);
    return (root instanceof ShadowRoot ? `${selector(root.host)} >>> ${own}` : own).slice(0, MAX_SELECTOR);
  }
  const INPUT_ROLES = { button: "button", submit: "button", reset: "button", image: "button", checkbox: "checkbox", radio: "radio", range: "slider", number: "spinbutton", search: "searchbox" };
  function role(element) {
    const given = (attribute(element, "role") ?? "").trim().split(/\s+/)[0].toLowerCase();
    if (given) return given.slice(0, 40);
    const tag = localName(element);
    if (tag === "a" || tag === "area") return has(element, "href") ? "link" : "";
    if (tag === "input") return INPUT_ROLES[(attribute(element, "type") ?? "text").toLowerCase()] ?? "textbox";
    return { button: "button", select: "combobox", textarea: "textbox", summary: "button" }[tag] ?? "";
  }
  const labelsOf = (element) => (element instanceof HTMLElement && element.labels ? [...element.labels] : []);
  function name(element) {
    const referenced = (attribute(element, "aria-labelledby") ?? "").split(/\s+/).filter(Boolean).slice(0, 5)
      .map((id) => all(rootOf(element), `#${CSS.escape(id)}`)[0]).filter(Boolean).map(textContent).join(" ");
    const tag = localName(element);
    const isPush = tag === "input" && ["button", "submit", "reset"].includes(attribute(element, "type"));
    // The value of a field is never read: it may be a secret.
    for (const text of [
      referenced, attribute(element, "aria-label"), labelsOf(element).map(textContent).join(" "), attribute(element, "alt"),
      isPush ? attribute(element, "value") : "", isField(element) || isEditable(element) ? "" : textContent(element), attribute(element, "title"), attribute(element, "placeholder"),
    ]) {
      if (squeeze(text)) return squeeze(text);
    }
    return "";
  }

  const PICTURES = "img, svg, canvas";
  const hasContent = (element) => Boolean(name(element)) || matches(element, PICTURES) || all(element, PICTURES).length > 0;

  // -- what Tab should reach ------------------------------------------------------------------------------------------

  function isFocusable(element) {
    const tag = localName(element);
    if (matches(element, ":disabled") || tag === "iframe" || tag === "frame") return false;
    if (tag === "input" && (attribute(element, "type") ?? "").toLowerCase() === "hidden") return false;
    return /^\s*[+-]?\d/.test(attribute(element, "tabindex") ?? "") || isNative(element);
  }
  /** The browser itself puts it into the order of Tab, and answers to keys there. */
  function isNative(element) {
    const tag = localName(element);
    if (tag === "a") return has(element, "href") || has(element, "xlink:href");
    if (["button", "input", "select", "textarea"].includes(tag)) return true;
    if (tag === "summary") return matches(element, "details > summary:first-of-type");
    if (tag === "audio" || tag === "video") return has(element, "controls");
    const parent = parentNode(element);
    return isEditable(element) && !(parent instanceof Element && isEditable(parent));
  }
  const tabIndexOf = (element) => (has(element, "tabindex") ? parseInt(attribute(element, "tabindex"), 10) || 0 : 0);
  function isInert(element) {
    for (let node = element; node; node = above(node)) if (has(node, "inert")) return true;
    return false;
  }
  /** Something of it can be seen in the window; a wrapper may have no size, or no box, and hold what can be. */
  function isInWindow(element) {
    return [element, ...all(element, "*").slice(0, MAX_LISTED)].some((part) => {
      const { left, top, right, bottom } = boxOf(part);
      const shown = Element.prototype.checkVisibility.call(part, { visibilityProperty: true, opacityProperty: true });
      return shown && right - left > 1 && bottom - top > 1 && right > 0 && bottom > 0 && left < innerWidth && top < innerHeight;
    });
  }
  const coversWindow = (element) => boxOf(element).width >= innerWidth * 0.9 && boxOf(element).height >= innerHeight * 0.9;
  const isAriaHidden = (element) => [element, ...ancestors(element)].some((node) => attribute(node, "aria-hidden") === "true");
  /** Open modal dialogs: what is outside of them is not to be reached. A drawer that waits beside the window is closed. */
  function modals() {
    const native = all(document, "dialog:modal");
    return native.length ? native : all(document, "[aria-modal=true]").filter((one) => isInWindow(one) && !isInert(one) && !isAriaHidden(one));
  }
  const isOutside = (element, open) => open.length > 0 && !open.some((modal) => holds(modal, element));
  const isTabbable = (element, open) => isFocusable(element) && tabIndexOf(element) >= 0 && isRendered(element) && !isInert(element) && !isOutside(element, open);
  function tabbables() {
    const open = modals();
    return [...everything()].filter((element) => isTabbable(element, open));
  }

  const ids = new Map();
  const elements = [];
  const visited = new Set();
  function idOf(element) {
    if (!ids.has(element)) {
      ids.set(element, elements.length);
      elements.push(element);
    }
    return ids.get(element);
  }
  /** Widgets whose container may stand in the order of Tab only to hand the focus on to one of its items. */
  const HANDS_ON = new Set(["grid", "listbox", "menu", "menubar", "radiogroup", "tablist", "toolbar", "tree", "treegrid"]);
  function unreached() {
    const group = (element) => matches(element, "input[type=radio]") && attribute(element, "name");
    const groups = new Set([...visited].filter(group).map(group));
    return tabbables().filter((element) => !visited.has(element) && !(group(element) && groups.has(group(element))) && ![...visited].some((one) => one !== element && holds(element, one) && (shadowRoot(element) || HANDS_ON.has(role(element)))));
  }

  // -- how a focus shows ----------------------------------------------------------------------------------------------

  function colour(text) {
    const parts = /^rgba?\(([\d.]+),? ([\d.]+),? ([\d.]+)(?:(?:,| \/) ([\d.]+))?\)$/.exec(text);
    return parts && { channels: [1, 2, 3].map((place) => Number(parts[place])), alpha: parts[4] === undefined ? 1 : Number(parts[4]) };
  }
  const over = (top, below) => top.channels.map((channel, place) => channel * top.alpha + below[place] * (1 - top.alpha));
  const difference = (one, other) => Math.max(...one.map((channel, place) => Math.abs(channel - other[place])));
  /** The plain colour behind an element, or null when a picture or an unreadable colour lies there. */
  function backdrop(element) {
    for (let node = element; node; node = above(node)) {
      const style = styleOf(node);
      const painted = colour(style.backgroundColor);
      if (style.backgroundImage !== "none" || !painted) return null;
      if (painted.alpha > 0.95) return painted.channels;
      if (painted.alpha > 0) return null;
    }
    return [255, 255, 255];
  }
  const SIDES = ["Top", "Right", "Bottom", "Left"];
  function look(element, pseudo) {
    const style = styleOf(element, pseudo);
    if (pseudo && (style.content === "none" || style.content === "normal")) return null;
    return {
      outline: [style.outlineStyle, parseFloat(style.outlineWidth) || 0, style.outlineColor],
      shadow: style.boxShadow,
      borders: SIDES.map((side) => [style[`border${side}Style`], parseFloat(style[`border${side}Width`]) || 0, style[`border${side}Color`]]),
      background: style.backgroundColor, image: style.backgroundImage, colour: style.color, decoration: style.textDecorationLine,
    };
  }
  /** The elements a stylesheet can mark when this one has the focus: itself, what is in it, labels, neighbours, parents. */
  function markable(element) {
    const found = [element, ...[...children(element)].slice(0, 4).flatMap((child) => [child, ...[...children(child)].slice(0, 2)])];
    const shadow = shadowRoot(element);
    if (shadow) found.push(...[...shadow.children].slice(0, 4));
    for (const label of labelsOf(element).slice(0, 2)) found.push(label, ...[...children(label)].slice(0, 3));
    const next = nextElement(element);
    if (next) found.push(next, ...(nextElement(next) ? [nextElement(next)] : []));
    found.push(...[...ancestors(element)].slice(0, 3));
    const outer = new Set([bodyOf(document), rootElementOf(document)]);
    return [...new Set(found)].filter((one) => !outer.has(one) || one === element);
  }
  function snapshot(element) {
    return markable(element).flatMap((one) => [undefined, "::before", "::after"].map((pseudo) => ({ element: one, pseudo, seen: look(one, pseudo) })));
  }
  const NOTHING = { outline: ["none", 0, ""], shadow: "none", borders: SIDES.map(() => ["none", 0, ""]), background: "rgba(0, 0, 0, 0)", image: "none", colour: "", decoration: "none" };
  const drawn = ([style, width, text]) => style !== "none" && style !== "hidden" && width > 0 && (colour(text)?.alpha ?? 1) > 0.05;

  /** Differences that can be seen, as [what, whether it is plain enough to need no pixels]. */
  function* differences(part, blurred) {
    const now = part.seen ?? NOTHING;
    const then = blurred ?? NOTHING;
    const behind = backdrop(above(part.element) ?? part.element);
    const stands = (text, below) => {
      const painted = colour(text);
      return Boolean(painted && below && difference(over(painted, below), below) >= PLAIN_DIFFERENCE);
    };
    if (drawn(now.outline) && String(now.outline) !== String(then.outline)) yield ["outline", now.outline[0] === "auto" || stands(now.outline[2], behind)];
    if (now.shadow !== then.shadow) {
      const colours = now.shadow.match(/rgba?\([^)]*\)/g) ?? [];
      if (!colours.length || colours.some((text) => (colour(text)?.alpha ?? 1) > 0.05)) yield ["shadow", colours.some((text) => stands(text, behind))];
    }
    for (const [place, border] of now.borders.entries()) {
      if (drawn(border) && String(border) !== String(then.borders[place])) {
        const before = colour(then.borders[place][2]);
        const after = colour(border[2]);
        yield ["border", Boolean(drawn(then.borders[place]) && before && after && behind && difference(over(before, behind), over(after, behind)) >= PLAIN_DIFFERENCE)];
      }
    }
    if (now.background !== then.background) {
      const before = colour(then.background);
      const after = colour(now.background);
      yield ["background", Boolean(before && after && behind && difference(over(before, behind), over(after, behind)) >= PLAIN_DIFFERENCE)];
    }
    if (now.image !== then.image) yield ["background image", false];
    if (now.decoration !== then.decoration && now.decoration !== "none") yield ["text decoration", Boolean(squeeze(textContent(part.element)))];
    if (now.colour !== then.colour) yield ["text colour", false];
  }
  /** What differs, whether plainly, and whether that is on the element itself: one that is not drawn shows no mark either. */
  function marks(element, parts, now) {
    let doubtful = "";
    let own = "";
    for (const part of parts) {
      // What holds or is the new focus shows that one, not the old one.
      if (now && part.element !== element && (holds(part.element, now) || holds(now, part.element))) continue;
      for (const [what, plain] of differences(part, look(part.element, part.pseudo))) {
        if (plain && !holds(element, part.element)) return { what, plain, own: false };
        if (plain) own ||= what;
        doubtful ||= what;
      }
    }
    return { what: own || doubtful, plain: Boolean(own), own: Boolean(own) };
  }

  // -- whether something lies over it ----------------------------------------------------------------------------------

  const REPLACED = new Set(["img", "video", "canvas", "svg", "iframe", "embed", "object", "input", "textarea", "select", "button"]);
  function paints(element, x, y) {
    const style = styleOf(element);
    if (style.visibility !== "visible" || parseFloat(style.opacity) < 0.3) return false;
    if (REPLACED.has(localName(element)) || style.backgroundImage !== "none" || (colour(style.backgroundColor)?.alpha ?? 1) >= 0.5) return true;
    const shadow = shadowRoot(element);
    return Boolean(shadow) && stackAt(shadow, x, y).some((inner) => rootOf(inner) === shadow && paints(inner, x, y));
  }
  function* layers(root, target, x, y) {
    for (const element of stackAt(root, x, y)) {
      if (root instanceof ShadowRoot && rootOf(element) !== root) continue;
      const shadow = shadowRoot(element);
      if (shadow && element !== target && holds(element, target)) yield* layers(shadow, target, x, y);
      yield element;
    }
  }
  /** What is to be seen of an element that was scrolled into view, at nine points of it. */
  function coverage(element) {
    const seen = { inside: 0, seen: 0, covered: 0, by: "", proxy: false };
    const boxes = [...Element.prototype.getClientRects.call(element)].sort((one, other) => other.width * other.height - one.width * one.height);
    const box = boxes[0] ?? boxOf(element);
    const style = styleOf(element);
    const clipped = /^rect\(0|^rect\(1px/.test(style.clip) || /inset\((50|100)%/.test(style.clipPath);
    if (box.width < 4 || box.height < 4 || parseFloat(style.opacity) < 0.1 || clipped) {
      seen.proxy = true;  // hidden on purpose: what stands for it is drawn by another element
      return seen;
    }
    const labels = labelsOf(element);
    const inset = (size) => Math.min(3, size / 4);
    for (const across of [0, 0.5, 1]) {
      for (const down of [0, 0.5, 1]) {
        const x = box.left + inset(box.width) + across * (box.width - 2 * inset(box.width));
        const y = box.top + inset(box.height) + down * (box.height - 2 * inset(box.height));
        if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) continue;
        seen.inside += 1;
        for (const layer of layers(document, element, x, y)) {
          if (holds(element, layer) || labels.some((label) => holds(label, layer))) {
            seen.seen += 1;
            break;
          }
          if (holds(layer, element)) break;
          if (paints(layer, x, y)) {
            seen.covered += 1;
            seen.by ||= selector(layer);
            break;
          }
        }
      }
    }
    return seen;
  }
  const isPinned = (element) => [element, ...ancestors(element)].some((node) => ["fixed", "sticky"].includes(styleOf(node).position));
  function placed(element) {
    const box = boxOf(element);
    const pinned = isPinned(element);
    return { x: round(box.left), y: round(box.top), width: round(box.width), height: round(box.height), pinned, scroll: [round(scrollX), round(scrollY)] };
  }

  // -- what only a pointer brings up -----------------------------------------------------------------------------------

  /** Types of the listeners of each node, those that libraries have for it included. */
  const kinds = new Map();
  const isHeard = (node, pattern) => (kinds.get(node) ?? []).some((type) => pattern.test(type));
  const hearsPointer = (node) => isHeard(node, /^(click$|mouse|pointer|touch)/);
  const hearsKeys = (node) => isHeard(node, /^key/);

  function* styleRules(list, outer = "", budget = { left: MAX_RULES }) {
    for (const rule of list) {
      if ((budget.left -= 1) < 0) return;
      let text = outer;
      if (rule instanceof CSSStyleRule) {
        text = !outer ? rule.selectorText : rule.selectorText.includes("&") ? rule.selectorText.replaceAll("&", `:is(${outer})`) : `:is(${outer}) ${rule.selectorText}`;
        yield { text, style: rule.style };
      } else if (rule instanceof CSSMediaRule && !matchMedia(rule.media.mediaText).matches) continue;
      if (rule.cssRules) yield* styleRules(rule.cssRules, text, budget);
    }
  }
  /** Pieces of a selector: its alternatives at commas, or one of these at its last combinator. */
  function split(text, last) {
    const pieces = [""];
    let depth = 0;
    for (const sign of text) {
      if ("([".includes(sign)) depth += 1;
      if (")]".includes(sign)) depth -= 1;
      if (depth === 0 && (last ? " >+~".includes(sign) : sign === ",")) pieces.push("");
      else pieces[pieces.length - 1] += sign;
    }
    return last ? text.slice(0, text.length - pieces[pieces.length - 1].length) : pieces;
  }
  /** An escaped colon is part of a class's name. */
  const STATES = /(?<!\\):(?:hover|focus(?:-within|-visible)?)(?![\w-])/;
  const EVERY_STATE = new RegExp(STATES, "g");
  const ANY = ":not(stageproof-none)";
  const matchesAny = (root, text) => {
    try {
      return all(root, text);
    } catch {
      return [];
    }
  };
  /** The rules of a root's style sheets that show a part while another one is in a state (`:hover`, `:focus`). */
  function showing(root) {
    const found = { hover: [], focus: [] };
    const own = root instanceof Document ? Document : ShadowRoot;
    const sheets = [...reader(own.prototype, "styleSheets")(root), ...reader(own.prototype, "adoptedStyleSheets")(root)];
    for (const one of sheets) {
      let rules = [];
      try {
        if (!one.disabled && matchMedia(one.media.mediaText || "all").matches) rules = one.cssRules;
      } catch { /* of another origin: nobody may look into it */ }
      for (const { text, style } of styleRules(rules)) {
        // Shorter first: few of the many rules of a page speak of a pointer or the focus.
        if (!STATES.test(text) || (style.visibility !== "visible" && ["", "none"].includes(style.display))) continue;
        for (const alternative of split(text, false)) {
          const part = split(alternative.trim(), true);
          const plain = (selector) => selector.replace(EVERY_STATE, ANY).trim();
          // What is not shown can be neither pointed at nor focused: the state has to be that of another part.
          if (!STATES.test(part)) continue;
          const entry = { shown: plain(alternative), at: plain(part.trim().replace(/[>+~]$/, "")) };
          if (/(?<!\\):focus/.test(part)) found.focus.push(entry);
          else found.hover.push(entry);
        }
      }
    }
    return found;
  }
  /** Parts with something to reach in them that style sheets show to a pointer alone. */
  function shownToPointers() {
    const tabs = tabbables();
    const found = new Map();
    for (const root of roots) {
      const { hover, focus } = showing(root);
      const focusShown = new Set(focus.flatMap(({ shown }) => matchesAny(root, shown)));
      for (const { shown, at } of hover) {
        const pointed = matchesAny(root, at).filter(isRendered);
        for (const part of matchesAny(root, shown)) {
          if (isRendered(part) || isInert(part) || ![part, ...all(part, "*")].some((one) => isFocusable(one) && tabIndexOf(one) >= 0)) continue;
          const by = pointed.find((one) => holds(one, part) || (parentNode(one) && holds(parentNode(one), part)));
          if (!by) continue;
          const leads = tabs.filter((one) => holds(by, one));
          if (focusShown.has(part) && leads.length) continue;
          // A script may open it: by a click on what is pointed at, a key, the focus.
          const path = [by, ...all(by, "*").filter((one) => !holds(part, one)), ...ancestors(by)];
          if (path.some((one) => kinds.has(one) && one !== bodyOf(document) && one !== rootElementOf(document) && kinds.get(one).length > 0)) continue;
          if ([by, ...leads].some((one) => ["aria-expanded", "aria-haspopup", "aria-controls"].some((key) => has(one, key)))) continue;
          found.set(part, by);
        }
      }
    }
    return [...found].filter(([part]) => ![...found.keys()].some((other) => other !== part && holds(other, part)));
  }

  // -- the walk --------------------------------------------------------------------------------------------------------

  const CARET = new Set(["text", "search", "url", "tel", "email", "password", "number", ""]);
  const INNER_STOPS = new Set(["date", "time", "datetime-local", "month", "week"]);
  let pending = null;
  let lastKey = null;
  const frames = [];
  let roots = [];
  const delegated = new Map();
  let hearing = null;
  const sheet = new CSSStyleSheet();
  const hears = (event) => { lastKey = event; };

  function focused() {
    let element = activeIn.document(document);
    const hosts = [];
    while (element && shadowRoot(element) && activeIn.shadow(shadowRoot(element))) {
      hosts.push(element);
      element = activeIn.shadow(shadowRoot(element));
    }
    return [element, hosts];
  }
  function settle(now) {
    if (!pending || pending.element === now) return null;
    const { element, parts } = pending;
    pending = null;
    if (!element.isConnected) return { id: idOf(element), gone: true };
    return { id: idOf(element), ...marks(element, parts, now) };
  }
  const isNowhere = (element) => !element || ((element === bodyOf(document) || element === rootElementOf(document)) && !isEditable(element) && document.designMode !== "on" && !has(element, "tabindex"));

  function described(element) {
    const tag = localName(element);
    const type = tag === "input" ? (attribute(element, "type") ?? "").toLowerCase() : "";
    const caret = (tag === "textarea" || (tag === "input" && CARET.has(type)) || isEditable(element)) && !matches(element, ":read-only");
    const closed = tag.includes("-") && !shadowRoot(element);
    return {
      selector: selector(element), tag, role: role(element), name: name(element), caret,
      inner: INNER_STOPS.has(type) || ["audio", "video", "embed", "object"].includes(tag) || closed,
      tabindex: has(element, "tabindex") ? parseInt(attribute(element, "tabindex"), 10) || 0 : null,
      modal: [element, ...ancestors(element)].some((node) => matches(node, "dialog:modal, [aria-modal=true], [role=dialog], [role=alertdialog]")),
      place: placed(element), coverage: coverage(element),
    };
  }

  globalThis.stageproofKeyboard = {
    start() {
      sheet.replaceSync("*, *::before, *::after { transition: none !important; scroll-behavior: auto !important }");
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
      addEventListener("keydown", hears, { capture: true, passive: true });
      return { tabbables: tabbables().length, elements: all(document, "*").length, inert: [...everything()].filter((element) => isFocusable(element) && isRendered(element) && isInert(element)).length };
    },
    end() {
      removeEventListener("keydown", hears, { capture: true });
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
      delete globalThis.stageproofKeyboard;
    },
    frame(element, index) { frames[index] = element; return isRendered(element) && !isInert(element) && !isOutside(element, modals()) && boxOf(element).width > 0; },
    frameBox(index) {
      const element = frames[index];
      const box = boxOf(element);
      const style = styleOf(element);
      return { x: round(box.left + element.clientLeft + parseFloat(style.paddingLeft)), y: round(box.top + element.clientTop + parseFloat(style.paddingTop)), pinned: isPinned(element), scroll: [round(scrollX), round(scrollY)], selector: selector(element) };
    },
    /** Where the focus is: nowhere, in a frame, or at an element; with what became of the last one. */
    look() {
      const [element, hosts] = focused();
      const prevented = Boolean(lastKey && lastKey.defaultPrevented);
      lastKey = null;
      const settled = settle(element);
      if (isNowhere(element)) return { at: "nowhere", settled, prevented };
      const index = frames.indexOf(element);
      if (index >= 0) return { at: "frame", frame: index, settled, prevented };
      if (localName(element) === "iframe") return { at: "unknown frame", selector: selector(element), settled, prevented };
      const id = idOf(element);
      const first = !visited.has(element);
      for (const one of [element, ...hosts]) visited.add(one);
      if (pending?.element !== element) {
        const root = rootOf(element);
        if (root instanceof ShadowRoot) for (const running of root.getAnimations()) if (running instanceof CSSTransition) running.finish();
        pending = first ? { element, parts: snapshot(element) } : null;
      }
      return { at: "element", id, settled, prevented, ...(first ? { stop: described(element) } : {}) };
    },
    leave() {
      const [element] = focused();
      if (element && element !== bodyOf(document) && typeof element.blur === "function") (element instanceof SVGElement ? SVGElement : HTMLElement).prototype.blur.call(element);
      return settle(focused()[0]);
    },
    settle() { return settle(null); },
    unreached() {
      const found = unreached();
      return { count: found.length, first: found.slice(0, MAX_LISTED).map((element) => ({ id: idOf(element), selector: selector(element), tag: localName(element), role: role(element), name: name(element), place: placed(element) })) };
    },
    /** Put the focus on an element by script: only where Tab cannot go on, or to compare pictures. */
    focus(id) {
      const element = elements[id];
      if (!element?.isConnected) return null;
      element.focus();
      if (focused()[0] !== element || !document.hasFocus()) return null;
      pending = null;
      const boxes = [element, ...labelsOf(element), above(element)].filter(Boolean).map(boxOf).filter((box, place) => box.width > 1 && box.height > 1 && (place === 0 || box.width * box.height < 240_000));
      if (!boxes.length) return { x: 0, y: 0, width: innerWidth, height: innerHeight };
      const left = Math.min(...boxes.map((box) => box.left)), top = Math.min(...boxes.map((box) => box.top));
      return { x: left, y: top, width: Math.max(...boxes.map((box) => box.right)) - left, height: Math.max(...boxes.map((box) => box.bottom)) - top };
    },
    focusUnlooked(id) { const element = elements[id]; element?.focus(); return focused()[0] === element; },
    viewport() { return { width: innerWidth, height: innerHeight, scroll: [scrollX, scrollY], page: [rootElementOf(document).scrollWidth, rootElementOf(document).scrollHeight] }; },
    /** Parts that scroll by themselves too: in the picture of the page they stand at their beginning. */
    toTop() {
      scrollTo(0, 0);
      for (const element of everything()) if (element.scrollTop > 0) element.scrollTo({ top: 0, behavior: 'instant' });
    },
    scroll(x, y) { scrollTo(x, y); },
    places(wanted) { return wanted.map((id) => (elements[id]?.isConnected && isRendered(elements[id]) ? placed(elements[id]) : null)); },
    element(id) { return elements[id]; },
    roots() { roots = [document, ...[...everything()].map(shadowRoot).filter(Boolean).slice(0, MAX_LISTED)]; return roots.length; },
    root(place) { return roots[place]; },
    activeId() { const [element] = focused(); return isNowhere(element) ? null : idOf(element); },

    // -- what is clicked -----------------------------------------------------------------------------------------------

    /** Listen to what is told of elements in the page's own world, by events whose names nobody else knows. */
    hear(token, types) {
      delegated.clear();
      const { signal } = (hearing = new AbortController());
      for (const root of roots) {
        for (const word of types.flatMap((type) => [type, `not ${type}`])) {
          const note = (event) => { if (event.target instanceof Element) delegated.set(event.target, [...(delegated.get(event.target) ?? []), word].slice(0, MAX_LISTED)); };
          EventTarget.prototype.addEventListener.call(root, `${token} ${word}`, note, { capture: true, signal });
        }
      }
    },
    /**
     * Elements that answer to a pointer, and the way a keyboard has to each. `heard` are nodes with listeners, and
     * `types` the types of each of these; what was told of libraries that listen at a root is added.
     */
    clickables(types, heard, windowHearsKeys) {
      hearing?.abort();
      kinds.clear();
      for (const [place, node] of heard.entries()) kinds.set(node, [...types[place]]);
      for (const [element, words] of delegated) {
        const own = kinds.get(element) ?? [];
        for (const word of words) if (word.startsWith("not ") && own.includes(word.slice(4))) own.splice(own.indexOf(word.slice(4)), 1);
        kinds.set(element, [...own, ...words.filter((word) => !word.startsWith("not "))]);
      }
      const open = modals();
      const tabs = tabbables();
      const reached = new Set([...tabs, ...visited].filter(isFocusable));
      const signs = new Map();
      const sign = (element, text) => signs.set(element, [...(signs.get(element) ?? []), text]);
      for (const [node, own] of kinds) {
        if (node instanceof Element && hearsPointer(node)) sign(node, own.includes("click") ? "click listener" : "pointer listener");
      }
      const ROLES = new Set(["button", "link", "checkbox", "switch", "radio", "tab", "menuitem", "menuitemcheckbox", "menuitemradio", "option", "treeitem", "slider", "combobox"]);
      for (const element of everything()) {
        if (has(element, "onclick")) sign(element, "onclick attribute");
        if (ROLES.has((attribute(element, "role") ?? "").trim().toLowerCase())) sign(element, "role");
        if (["button", "input", "select", "textarea", "summary"].includes(localName(element)) || matches(element, "a[href]")) sign(element, "control");
        // The hand of a label comes from its browser: only one that leads to a hidden control is of interest.
        if (localName(element) === "label" && element.control && !isRendered(element.control) && !matches(element.control, ":disabled")) sign(element, "label of a hidden control");
        if (styleOf(element).cursor === "pointer") {
          const parent = above(element);
          if (!parent || styleOf(parent).cursor !== "pointer" || signs.has(element)) sign(element, "pointer cursor");
        }
      }
      const ITEMS = /^(menuitem|tab|option|treeitem|row|gridcell|radio|cell)/;
      const GROUPS = new Set(["menu", "menubar", "toolbar", "tablist", "listbox", "tree", "grid", "treegrid", "radiogroup"]);
      const REFERENCES = ["aria-controls", "aria-owns", "aria-activedescendant"];
      const refersTo = (element, key, other) => (attribute(element, key) ?? "").split(/\s+/).includes(attribute(other, "id") || null);
      const dialogs = all(document, "dialog[open], [role=dialog], [role=alertdialog]").filter((one) => isRendered(one) && tabs.some((element) => holds(one, element)));
      /** An empty ground behind an open dialog closes it, as what stands in the dialog does. */
      const isGround = (element) => dialogs.length > 0 && !hasContent(element) && coversWindow(element);
      const outer = new Set([bodyOf(document), rootElementOf(document)]);
      const keysFarAway = windowHearsKeys || hearsKeys(document) || [...outer].some(hearsKeys);
      /** Whether a script hears keys where an element has the focus: `near` it, or `far`, where it may be for anything. */
      function keys(element) {
        if (isHeard(element, /^focus/) || hearsKeys(element)) return "near";
        if (localName(element).includes("-") && !shadowRoot(element)) return "far";  // nobody sees what a closed component hears
        const heard = [...ancestors(element)].filter((node) => !outer.has(node) && hearsKeys(node));
        if (heard.some((node) => !coversWindow(node)) || (rootOf(element) !== document && hearsKeys(rootOf(element)))) return "near";
        return heard.length || keysFarAway ? "far" : "nowhere";
      }
      /** What has the focus answers for what is in it; a part that only scrolls, or a component around all, does not. */
      const answers = (node) => isNative(node) || hearsKeys(node) || (signs.get(node) ?? []).some((text) => text !== "pointer cursor");
      const best = (ways) => ["near", "far"].find((one) => ways.includes(one)) ?? "nowhere";
      /** Buttons for back and forth beside a list of tabs, as carousels have them, lead where its tabs do. */
      const isStepped = (group) => {
        const around = above(group);
        return Boolean(around) && tabs.some((one) => holds(around, one) && !holds(group, one) && /(^|[^a-z])(prev(ious)?|next)([^a-z]|$)/i.test(`${name(one)} ${attribute(one, "class") ?? ""}`));
      };
      function way(element) {
        if (reached.has(element)) {
          if (isNative(element) || tabs.some((one) => one !== element && holds(element, one))) return "itself";
          const given = signs.get(element) ?? [];
          const isClicked = hearsPointer(element) || given.includes("label of a hidden control");
          // A role promises keys; where somebody hears clicks for others, so may they hear keys.
          return { near: "itself", far: isClicked ? "unsure" : "itself", nowhere: isClicked || given.includes("role") ? "keyless" : "itself" }[keys(element)];
        }
        for (const node of ancestors(element)) if (reached.has(node) && !outer.has(node) && answers(node)) return "inside";
        if (tabs.some((one) => holds(element, one)) || [...visited].some((one) => holds(element, one))) return "contains";
        if (frames.some((frame) => frame && holds(element, frame))) return "contains";
        const label = [element, ...ancestors(element)].find((node) => localName(node) === "label");
        if (label?.control && (reached.has(label.control) || isTabbable(label.control, open))) return "label";
        // A component's own label has no control that a browser knows of.
        if (label && rootOf(label) !== document && tabs.some((one) => rootOf(one) === rootOf(label))) return "label";
        if (matches(element, "input[type=radio]") && unreached().indexOf(element) < 0 && tabIndexOf(element) >= 0) return "itself";
        if (ITEMS.test(role(element)) || has(element, "tabindex")) {
          const group = [element, ...ancestors(element)].find((node) => GROUPS.has(role(node)));
          const leads = group ? tabs.filter((one) => one === group || holds(group, one) || REFERENCES.some((key) => refersTo(one, key, group))) : [];
          if (leads.length || (group && reached.has(group))) {
            const heardKeys = best([group, element, ...leads].map(keys));
            if (heardKeys === "near") return "composite";
            // What a list beside a field offers can often be typed.
            return heardKeys === "far" || isStepped(group) || leads.every(isField) ? "unsure" : "none";
          }
        }
        if (isGround(element)) return "dialog";
        // Around one item of a widget: its key does what a click beside it does.
        if (all(element, "[tabindex]").slice(0, 5).some((one) => isRendered(one) && way(one) === "composite")) return "contains";
        return isFocusable(element) ? "script" : "none";
      }
      const found = [];
      let count = 0;
      for (const [element, given] of signs) {
        const box = boxOf(element);
        if (outer.has(element) || !isRendered(element) || box.width < 4 || box.height < 4 || isInert(element) || isOutside(element, open)) continue;
        if (matches(element, ":disabled") || attribute(element, "aria-disabled") === "true") continue;
        if (styleOf(element).pointerEvents === "none") continue;
        if (given.every((text) => text === "role") && has(element, "aria-activedescendant")) continue;
        const path = way(element);
        const isGuess = given.every((text) => text === "pointer cursor");
        if (isGuess && path !== "none") continue;
        // A script that only counts clicks listens too: alone it is no thing to operate.
        if (!given.every((text) => text.endsWith(" listener"))) count += 1;
        if (!["none", "script", "keyless", "unsure"].includes(path)) continue;
        const hidden = isAriaHidden(element);
        // A field that only carries a component's value into a form.
        if (hidden && isField(element) && path === "script" && given.every((text) => text === "control")) continue;
        found.push({ selector: selector(element), tag: localName(element), role: role(element), name: name(element), signs: [...new Set(given)], path, content: hasContent(element), hidden, place: placed(element), id: idOf(element) });
      }
      return { count, leftOut: Math.max(0, found.length - MAX_LISTED), found: found.slice(0, MAX_LISTED) };
    },

    /** After `clickables`, which knows the listeners. */
    shownToPointers() {
      const found = shownToPointers();
      return found.slice(0, MAX_LISTED).map(([part, by]) => ({ selector: selector(part), tag: localName(part), role: role(part), name: name(part), by: selector(by) }));
    },

    // -- narrow windows and large text -----------------------------------------------------------------------------------

    async frames() { await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))); },
    /** What does not fit into the width of the window, with whether it may need two dimensions (WCAG 1.4.10). */
    reflow() {
      const root = rootElementOf(document);
      const width = root.clientWidth;
      const content = Math.max(root.scrollWidth, document.scrollingElement?.scrollWidth ?? 0);
      const wide = new Set();
      for (const element of everything()) {
        const box = boxOf(element);
        if (box.width < 2 || box.height < 2 || (box.right <= width + 1 && box.left >= -1) || box.left >= width * 4 || !isRendered(element)) continue;
        if (box.right <= 0 || (box.left < 0 && box.right <= width + 1)) continue;  // parked on the left, where nobody can scroll
        if (parseFloat(styleOf(element).opacity) === 0) continue;
        const scrolls = [...ancestors(element)].some((node) => node !== root && node !== bodyOf(document) && ["auto", "scroll", "hidden", "clip"].includes(styleOf(node).overflowX) && boxOf(node).right <= width + 1);
        if (!scrolls) wide.add(element);
      }
      const flat = "table, [role=grid], [role=table], [role=toolbar], img, picture, svg, canvas, video, iframe, object, embed, pre, code, math, math *, svg *, table *, pre *";
      const found = [...wide].filter((element) => !wide.has(above(element)));
      return {
        width, content, leftOut: Math.max(0, found.length - 20),
        found: found.slice(0, 20).map((element) => {
          const inner = [...wide].filter((one) => holds(element, one));
          const deepest = inner.filter((one) => !inner.some((other) => other !== one && holds(one, other)));
          return { selector: selector(element), pixels: round(boxOf(element).right - width), flat: deepest.every((one) => matches(one, flat)) };
        }),
      };
    },
    /** Double the size of every text for a moment, and tell which texts are then cut off or lie on each other. */
    enlarge() {
      const texts = new Map();
      for (const element of everything()) {
        if (texts.size >= MAX_TEXTS) break;
        if (!(element instanceof HTMLElement) || ["script", "style", "noscript", "option", "template", "title"].includes(localName(element)) || !isRendered(element)) continue;
        const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.nodeValue.trim());
        if (!own.length && !isField(element)) continue;
        const style = styleOf(element);
        texts.set(element, { own, isField: isField(element), size: parseFloat(style.fontSize), line: style.lineHeight, before: element.style.cssText, had: has(element, "style") });
      }
      const lines = (text) => text.own.flatMap((node) => {
        const range = new Range();
        range.selectNodeContents(node);
        return [...range.getClientRects()].slice(0, 8);
      }).filter((box) => box.width > 1 && box.height > 1);
      const hides = (value) => value === "hidden" || value === "clip";
      /** Pixels of the text beyond the edges that cut it; 0 when none does. */
      function cut(element, text) {
        if (text.isField) return matches(element, "[type=checkbox], [type=radio], [type=range], [type=color], [type=file], [type=hidden], [type=image]") || localName(element) === "textarea" ? 0 : Math.max(0, parseFloat(styleOf(element).fontSize) - element.clientHeight);
        const boxes = lines(text);
        if (!boxes.length) return 0;
        const edges = { left: Math.min(...boxes.map((box) => box.left)), right: Math.max(...boxes.map((box) => box.right)), top: Math.min(...boxes.map((box) => box.top)), bottom: Math.max(...boxes.map((box) => box.bottom)) };
        for (const node of [element, ...ancestors(element)]) {
          if (node === bodyOf(document) || node === rootElementOf(document)) break;
          const style = styleOf(node);
          if (style.display === "inline" || style.display === "contents") continue;
          const box = boxOf(node);
          if ([style.overflowX, style.overflowY].some((value) => value === "auto" || value === "scroll")) break;
          if (box.width <= 2 || box.height <= 2 || /^rect\(/.test(style.clip) || style.clipPath !== "none") return 0;
          const across = hides(style.overflowX) ? Math.max(edges.right - box.right, box.left - edges.left) : 0;
          const down = hides(style.overflowY) ? Math.max(edges.bottom - box.bottom, box.top - edges.top) : 0;
          if (Math.max(across, down) > 0.25 * parseFloat(styleOf(element).fontSize)) return Math.max(across, down);
        }
        return 0;
      }
      // Text for screen readers alone is hidden by its size or by clipping, and lies on nothing.
      const isParked = (element) => [element, ...[...ancestors(element)].slice(0, 3)].some((node) => {
        const style = styleOf(node);
        return style.clipPath !== "none" || /^rect\(/.test(style.clip) || (hides(style.overflowX) && boxOf(node).width <= 2);
      });
      const visible = (element) => Element.prototype.checkVisibility.call(element, { opacityProperty: true, visibilityProperty: true });
      const shared = (one, other) => Math.max(0, Math.min(one.right, other.right) - Math.max(one.left, other.left)) * Math.max(0, Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top));
      const area = (box) => box.width * box.height;
      const overlapping = (ones, others, share) => ones.some((one) => others.some((other) => shared(one, other) > share * Math.min(area(one), area(other)) && shared(one, other) > 30));
      for (const [element, text] of texts) Object.assign(text, { cutBefore: cut(element, text), linesBefore: lines(text) });
      const found = [];
      try {
        for (const [element, text] of texts) {
          element.style.setProperty("font-size", `${text.size * 2}px`, "important");
          if (text.line !== "normal") element.style.setProperty("line-height", `${parseFloat(text.line) * 2}px`, "important");
        }
        const placedNow = [];
        for (const [element, text] of texts) {
          const amount = cut(element, text);
          if (amount > 0) {
            if (text.cutBefore === 0) found.push({ selector: selector(element), name: name(element), how: "cut off", pixels: round(amount) });
          } else if (visible(element) && !isPinned(element) && !isParked(element) && !text.isField) {
            const boxes = lines(text);
            if (boxes.length) placedNow.push({ element, text, boxes, top: Math.min(...boxes.map((box) => box.top)), bottom: Math.max(...boxes.map((box) => box.bottom)) });
          }
        }
        placedNow.sort((one, other) => one.top - other.top);
        placedNow.forEach((one, place) => {
          for (let next = place + 1; next < placedNow.length && placedNow[next].top < one.bottom && found.length < MAX_LISTED; next += 1) {
            const other = placedNow[next];
            if (holds(one.element, other.element) || holds(other.element, one.element)) continue;
            if (overlapping(one.boxes, other.boxes, 0.3) && !overlapping(one.text.linesBefore, other.text.linesBefore, 0.1)) {
              found.push({ selector: selector(other.element), name: name(other.element), how: `lies on ${selector(one.element)}`.slice(0, MAX_SELECTOR), pixels: 0 });
            }
          }
        });
      } finally {
        for (const [element, text] of texts) {
          element.style.cssText = text.before;
          if (!text.had) element.removeAttribute("style");
        }
      }
      return { texts: texts.size, leftOut: Math.max(0, found.length - 40), found: found.slice(0, 40) };
    },
  };
})();
