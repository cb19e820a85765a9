// Selectors that would mask the pieces at these paths, with all they hit; which of them is any good is not decided here.
(paths) => {
  const at = (path) => path.split("/").slice(1).reduce((element, step) => element && element.children[Number(step.split(":")[1]) - 1], document.body);
  const pathOf = (element) => {
    const steps = [];
    for (let one = element; one && one !== document.body; one = one.parentElement) {
      if (!one.parentElement) return "";
      steps.unshift(`${one.tagName.toLowerCase()}:${[...one.parentElement.children].indexOf(one) + 1}`);
    }
    return ["body", ...steps].join("/");
  };
  const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,60}$/;
  const VALUE = /^[A-Za-z0-9_.-]{1,60}$/;
  const SEMANTIC = ["TIME", "CANVAS", "VIDEO", "IFRAME", "METER", "PROGRESS", "OUTPUT", "MARQUEE"];
  const own = (element) => {
    const tag = element.tagName.toLowerCase();
    const found = [];
    for (const { name, value } of [...element.attributes].slice(0, 30)) {
      if (!/^data-[a-z][a-z0-9-]{0,40}$/.test(name)) continue;
      if (value === "" || value === "true") found.push([1, `[${name}]`, [name]]);
      else if (VALUE.test(value)) found.push([1, `[${name}="${value}"]`, [name, value]]);
      else found.push([2, `[${name}]`, [name]]);
    }
    if (NAME.test(element.id)) found.push([2, `#${element.id}`, [element.id]]);
    const classes = [...element.classList].filter((name) => NAME.test(name)).slice(0, 5);
    for (const name of classes) found.push([3, `${tag}.${name}`, [name]]);
    return found;
  };
  // A column of a table is one selector with many hits; each list is long, so it is told twice at most.
  const MOST_HITS = 500;
  const LONG = 60;
  const found = new Map();
  const hitsOf = (selector) => {
    if (!found.has(selector)) {
      const hits = [...document.querySelectorAll(selector)].slice(0, MOST_HITS + 1);
      found.set(selector, { hits: hits.length > MOST_HITS ? [] : hits.map(pathOf), told: 0 });
    }
    const { hits, told } = found.get(selector);
    found.get(selector).told += 1;
    return hits.length > LONG && told >= 2 ? null : hits;
  };
  const answers = [];
  const view = innerWidth * innerHeight || 1;
  // Of pieces that one selector covers with changed pieces alone, two are enough: others differ elsewhere.
  const changed = new Set(paths);
  const covered = new Map();
  let looked = 0;
  for (const path of paths) {
    if ((covered.get(path) || 0) >= 2) continue;
    if ((looked += 1) > 80) break;
    const piece = at(path);
    if (!piece) continue;
    const together = new Set();
    const proposed = [];
    let element = piece;
    for (let up = 0; up <= 3 && element && element !== document.body && element.tagName !== "MAIN"; up += 1, element = element.parentElement) {
      const tag = element.tagName.toLowerCase();
      for (const [rank, selector, names] of own(element)) proposed.push({ up, rank, selector, names, element });
      if (SEMANTIC.includes(element.tagName) || up === 0) {
        const bare = SEMANTIC.includes(element.tagName);
        for (let above = element.parentElement, far = 0; above && above !== document.body && far < 6; above = above.parentElement, far += 1) {
          for (const [, selector, names] of own(above)) proposed.push({ up, rank: 4, selector: `${selector} ${tag}`, names, element });
          if (["MAIN", "HEADER", "FOOTER", "NAV", "ASIDE"].includes(above.tagName) && bare)
            proposed.push({ up, rank: 5, selector: `${above.tagName.toLowerCase()} ${tag}`, names: [], element });
        }
        if (bare) proposed.push({ up, rank: 6, selector: tag, names: [], element });
      }
    }
    for (const { up, rank, selector, names, element: hit } of proposed.slice(0, 60)) {
      if (selector.length > 300) continue;
      const hits = hitsOf(selector);
      if (hits === null) continue;
      const box = hit.getBoundingClientRect();
      answers.push({ path, up, rank, selector, names, hits, share: (box.width * box.height) / view });
      if (hits.every((one) => changed.has(one))) hits.forEach((one) => together.add(one));
    }
    for (const one of together) covered.set(one, (covered.get(one) || 0) + 1);
  }
  return answers;
}
