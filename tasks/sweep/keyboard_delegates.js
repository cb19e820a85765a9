/**
 * Tells which elements under `this` have handlers that no listener of their own shows, because a library hears for them
 * at a root: React, Solid, Svelte 5, jQuery. The marks that these leave on elements are seen in the page's own
 * world alone; the probe, which lives in another one, is told by events that nobody else listens to.
 *
 * The page may have put its own in place of whatever is called here, so what is told is its word. None of its handlers
 * is called.
 */
(function (token, types) {
  "use strict";
  const MAX_ELEMENTS = 50_000;
  const MAX_KEYS = 60;
  const REACT = { click: "onClick", mousedown: "onMouseDown", mouseup: "onMouseUp", pointerdown: "onPointerDown", pointerup: "onPointerUp", touchstart: "onTouchStart", touchend: "onTouchEnd", keydown: "onKeyDown", keyup: "onKeyUp", keypress: "onKeyPress", focusin: "onFocus" };
  /** A function that does nothing, or only keeps an event to itself, operates nothing. */
  const IDLE = /^(?:function\s*[\w$]*\s*|[\w$]+\s*)?(?:\(\s*[\w$]*\s*\))?\s*(?:=>)?\s*(?:\{\s*(?:[\w$]+\.stopPropagation\(\)\s*;?)?\s*\}|[\w$]+\.stopPropagation\(\))$/;
  const isIdle = (handler) => {
    const source = `${handler}`;
    return source.length < 200 && IDLE.test(source);
  };
  const operates = (handler) => typeof handler === "function" && !isIdle(handler);

  const tell = (element, word) => EventTarget.prototype.dispatchEvent.call(element, new Event(`${token} ${word}`));
  const handles = (element, type, handler) => {
    // Solid and Svelte keep a handler with its data as a list.
    if (operates(Array.isArray(handler) ? handler[0] : handler)) tell(element, type);
  };
  /** One listener of the element is the library's own: it hears for others, or for nobody. */
  const isTheirs = (element, type) => tell(element, `not ${type}`);

  const name = (key) => (typeof key === "symbol" ? `symbol ${key.description}` : key);
  const own = (node) => Reflect.ownKeys(node).slice(0, MAX_KEYS).map((key) => [name(key), key]);
  function ofJQuery(node, data) {
    for (const type of types) {
      const bound = [...(data?.events?.[type] ?? [])];
      for (const { selector, handler } of bound) {
        if (typeof selector === "string" && operates(handler)) {
          try {
            for (const element of node.querySelectorAll(selector)) tell(element, type);
          } catch { /* a selector of jQuery's own, which no browser reads */ }
        }
      }
      if (bound.length && bound.every(({ selector }) => typeof selector === "string") && node instanceof Element) isTheirs(node, type);
    }
  }
  function read(node) {
    for (const [key, real] of own(node)) {
      if (/^__react(Props|EventHandlers)\$/.test(key)) {
        for (const type of types) for (const phase of ["", "Capture"]) handles(node, type, node[real]?.[REACT[type] + phase]);
      } else if (/^_reactListening/.test(key)) {
        // Of each event it listens twice at its root, for both phases.
        if (node instanceof Element) for (const type of [...types, ...types]) isTheirs(node, type);
      } else if (/^\$\$[a-z]+$/.test(key) && types.includes(key.slice(2))) handles(node, key.slice(2), node[real]);
      else if (/^__[a-z]+$/.test(key) && types.includes(key.slice(2))) handles(node, key.slice(2), node[real]);
      else if (key === "symbol events") for (const type of types) handles(node, type, node[real]?.[type]);
      else if (/^jQuery\d+$/.test(key)) ofJQuery(node, node[real]);
    }
    // React gives an element `onclick` with an empty function once, and leaves it there when its handler is gone.
    if (node instanceof HTMLElement && !node.hasAttribute("onclick") && typeof node.onclick === "function" && isIdle(node.onclick)) isTheirs(node, "click");
  }

  const walker = document.createTreeWalker(this, NodeFilter.SHOW_ELEMENT);
  let left = MAX_ELEMENTS;
  for (let node = this; node && left > 0; node = walker.nextNode(), left -= 1) {
    try {
      read(node);
    } catch { /* something that is none of these libraries' marks */ }
  }
})
