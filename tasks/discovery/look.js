// Everything a rendered page tells a crawl, in one answer; changes nothing. Bounded, because pages are not.
() => {
  const clean = (text) => String(text || "").replace(/\s+/g, " ").trim();
  const shown = (element) => {
    const box = element.getBoundingClientRect();
    if (box.width <= 2 || box.height <= 2) return false;
    return !element.checkVisibility || element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  };
  const some = (selector, most) => [...document.querySelectorAll(selector)].slice(0, most * 4).filter(shown).slice(0, most);
  const level = (element) => Number(element.getAttribute("aria-level") || element.tagName.slice(1)) || 2;
  const step = (element) => {
    if (!element || element === document.documentElement) return "";
    // By its first word: what follows is a size, a variant, a build's hash, or the data it shows (`col-price`).
    const words = [...element.classList].map((name) => name.split(/[-_]/).find(Boolean) || "");
    const classes = [...new Set(words)].filter((word) => !/\d{3,}/.test(word)).sort().slice(0, 6).join(".");
    return `${element.tagName.toLowerCase()}.${classes}`.slice(0, 120);
  };

  // What people write is no structure: text in elements without a class, and all inside it that cannot be operated.
  const classless = (tags) => tags.split(" ").map((tag) => `${tag}:not([class])`).join();
  const TEXT = classless("p li dt dd td th blockquote pre h1 h2 h3 h4 h5 h6");
  const MARKUP = classless("a abbr b br code del em hr i img ins kbd q s small span strong sub sup tt u dl ol ul table thead tbody tr");
  const OPERATED = "button, input, select, textarea, canvas, video, audio, iframe, details, dialog, [role]";
  const isWritten = (element) =>
    !element.matches(OPERATED) && (element.matches(TEXT) || element.matches(MARKUP) || element.parentElement.closest(TEXT) !== null);

  const steps = new Set();
  let count = 0;
  for (const element of document.body ? document.body.querySelectorAll("*") : []) {
    if ((count += 1) > 20000 || steps.size >= 3000) break;
    if (["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE"].includes(element.tagName) || isWritten(element)) continue;
    const parent = element.parentElement;
    steps.add(`${step(parent && parent.parentElement)}>${step(parent)}>${step(element)}`);
  }

  const ACTIONS = ["data-method", "data-turbo-method", "data-confirm", "data-turbo-confirm", "hx-post", "hx-put", "hx-delete",
    "hx-patch", "method", "download", "formaction", "data-toggle", "data-bs-toggle"];
  // `#/name` is a route of an application, unless the page has a place of that name.
  const decoded = (text) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  const placed = (hash) => document.getElementById(hash.slice(1)) || document.getElementById(decoded(hash.slice(1)));
  const addressOf = (anchor) =>
    anchor.pathname === location.pathname && anchor.hash && placed(anchor.hash) ? anchor.href.split("#")[0] : anchor.href;
  const links = [];
  for (const anchor of document.querySelectorAll("a[href], area[href]")) {
    if (links.length >= 2000) break;
    const href = typeof anchor.href === "string" ? addressOf(anchor) : "";
    if (!href || href.length > 4000) continue;
    links.push({
      href,
      text: clean(anchor.innerText || anchor.getAttribute("aria-label")).slice(0, 200),
      marked: ACTIONS.some((name) => anchor.hasAttribute(name)),
    });
  }
  for (const link of [...document.querySelectorAll("link[rel~=alternate][hreflang]")].slice(0, 100)) {
    if (link.href.length <= 4000) links.push({ href: link.href, text: "", marked: false });
  }

  // Applications without headings name their parts in elements of any kind. Not what all pages show around their own
  // content, nor what is a list of data: that is another one tomorrow.
  const AROUND = "nav, header, footer, aside, [role=navigation], [role=banner], [role=contentinfo], [role=complementary]";
  const DATA = "a, td, li, pre, code, option, textarea, [role=cell], [role=gridcell], [role=option], [contenteditable]";
  const leaves = [];
  for (const element of document.body ? document.body.querySelectorAll("*") : []) {
    if (leaves.length >= 100) break;
    if (element.childElementCount > 2 || ["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE"].includes(element.tagName)) continue;
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    if (element.closest(AROUND) || element.closest(DATA) || !shown(element)) continue;
    leaves.push(clean(element.innerText).slice(0, 300));
  }

  return {
    title: clean(document.title).slice(0, 300),
    headings: some("h1, h2, h3, [role=heading]", 40).map((element) => [level(element), clean(element.innerText).slice(0, 300)]),
    phrases: [
      ...some("main p, main legend, main th, main label, main dt, main figcaption, main button, legend, th, label, p", 60)
        .map((element) => clean(element.innerText).slice(0, 300)),
      ...leaves,
    ],
    text: (document.body ? document.body.innerText : "").slice(0, 100000),
    steps: [...steps],
    links,
    signs_in: some("input[type=password]", 1).length > 0,
    versions: [...document.querySelectorAll("meta[name][content]")].slice(0, 100)
      .map((meta) => [meta.name.slice(0, 60), meta.content.slice(0, 100)]),
  };
}
