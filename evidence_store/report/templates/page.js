"use strict";
// The page is complete without this. It adds: filter and search, deep links that open what they point to, and ways to
// compare two pictures. It reads text and sets text; it never makes markup from text.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  const element = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };

  // Filter -----------------------------------------------------------------------------------------------------------
  const form = document.getElementById("filter");
  const search = document.getElementById("filter-text");
  const check = document.getElementById("filter-check");
  const found = document.getElementById("filter-found");
  const chips = all("button[data-word]", form);
  const checks = all("details.check").map((details) => ({
    details,
    openAtFirst: details.open,
    subjects: all(".subject", details).map((item) => ({
      item,
      words: item.dataset.words.split(" "),
      text: null,
    })),
  }));
  const total = checks.reduce((sum, { subjects }) => sum + subjects.length, 0);

  const filter = () => {
    const wanted = new Set(chips.filter((chip) => chip.ariaPressed === "true").map((chip) => chip.dataset.word));
    const terms = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const filtering = wanted.size > 0 || terms.length > 0 || check.value !== "";
    let shown = 0;
    for (const { details, openAtFirst, subjects } of checks) {
      let shownHere = 0;
      for (const subject of subjects) {
        if (terms.length > 0 && subject.text === null) {
          subject.text = subject.item.textContent.toLowerCase();
        }
        const fits =
          (check.value === "" || check.value === details.id) &&
          (wanted.size === 0 || subject.words.some((word) => wanted.has(word))) &&
          terms.every((term) => subject.text.includes(term));
        subject.item.hidden = !fits;
        shownHere += fits ? 1 : 0;
      }
      details.hidden = filtering && shownHere === 0;
      details.open = filtering ? shownHere > 0 : openAtFirst;
      shown += shownHere;
    }
    found.textContent = filtering
      ? `${shown.toLocaleString("en")} of ${total.toLocaleString("en")} subjects shown`
      : `${total.toLocaleString("en")} subjects`;
  };

  const showAll = () => {
    search.value = "";
    check.value = "";
    for (const chip of chips) {
      chip.ariaPressed = "false";
    }
    filter();
  };

  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 120);
  });
  check.addEventListener("change", filter);
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.ariaPressed = chip.ariaPressed === "true" ? "false" : "true";
      filter();
    });
  }
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    showAll();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  filter();

  // Deep links: #f=<fingerprint> -----------------------------------------------------------------------------------
  let held = null; // what is kept in view while pictures above it still load and push it away
  const hold = () => held?.scrollIntoView({ block: "center" });
  document.addEventListener("load", hold, true);
  for (const moved of ["wheel", "touchstart", "pointerdown", "keydown"]) {
    addEventListener(moved, () => (held = null), { passive: true });
  }

  const follow = () => {
    let id = location.hash.slice(1);
    try {
      id = decodeURIComponent(id);
    } catch {
      return; // not an anchor of ours
    }
    const target = id ? document.getElementById(id) : null;
    if (!target) {
      return;
    }
    if (target.closest("[hidden]")) {
      showAll();
    }
    for (let parent = target.closest("details"); parent; parent = parent.parentElement.closest("details")) {
      parent.open = true;
    }
    if (id.startsWith("f=")) {
      held = target;
      hold();
      target.focus({ preventScroll: true });
    }
  };
  addEventListener("hashchange", follow);
  follow();

  // Compare two pictures ---------------------------------------------------------------------------------------------
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  const copyOf = (figure, alt) => {
    const image = figure.querySelector("img");
    return element("img", { src: image.src, alt, draggable: false });
  };

  const pairOf = (bottom, top) => {
    const pair = element("div", { className: "pair", tabIndex: 0, role: "group", ariaLabel: "Both pictures" });
    pair.append(bottom, top);
    return pair;
  };

  const slider = (baseline, now, subject) => {
    const top = copyOf(now, `${subject}: now, right of the line`);
    const pair = pairOf(copyOf(baseline, `${subject}: baseline, left of the line`), top);
    const range = element("input", { type: "range", min: "0", max: "100", value: "50" });
    const move = () => {
      top.style.clipPath = `inset(0 0 0 ${range.value}%)`;
      range.setAttribute("aria-valuetext", `${range.value} % baseline, ${100 - range.value} % now`);
    };
    range.addEventListener("input", move);
    move();
    const label = element(
      "label",
      {},
      element("span", { textContent: "Baseline" }),
      element("span", { textContent: "now" }),
      range,
    );
    return element("div", { className: "stage" }, label, pair);
  };

  const flicker = (baseline, now, subject) => {
    const top = copyOf(now, `${subject}: now`);
    const bottom = copyOf(baseline, `${subject}: baseline`);
    const shows = element("span", { className: "quiet" });
    const swap = element("button", { type: "button", textContent: "Swap" });
    const play = element("button", { type: "button", textContent: "Play" });
    let timer = 0;
    const show = (isNow) => {
      top.style.visibility = isNow ? "visible" : "hidden";
      shows.textContent = isNow ? "Now" : "Baseline";
    };
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      play.textContent = "Play";
    };
    const turn = () => show(top.style.visibility === "hidden");
    const start = () => {
      timer = setInterval(() => (stage.isConnected ? turn() : stop()), 700);
      play.textContent = "Pause";
    };
    swap.addEventListener("click", () => {
      stop();
      turn();
    });
    play.addEventListener("click", () => (timer ? stop() : start()));
    const bar = element("div", { className: "modes" }, swap, play, shows);
    const stage = element("div", { className: "stage" }, bar, pairOf(bottom, top));
    show(true);
    if (!calm.matches) {
      start();
    }
    return stage;
  };

  for (const pictures of all(".pictures.several")) {
    const [baseline, now] = ["baseline", "now"].map((role) => pictures.querySelector(`[data-role="${role}"]`));
    if (!baseline || !now) {
      continue;
    }
    const modes = element("div", { className: "modes" });
    modes.setAttribute("role", "group");
    modes.setAttribute("aria-label", `Compare ${pictures.dataset.subject}`);
    const make = { "Side by side": null, Slider: slider, Flicker: flicker };
    for (const [name, mode] of Object.entries(make)) {
      const button = element("button", { type: "button", textContent: name, ariaPressed: String(mode === null) });
      button.addEventListener("click", () => {
        pictures.querySelector(".stage")?.remove();
        pictures.classList.toggle("staged", mode !== null);
        if (mode) {
          pictures.append(mode(baseline, now, pictures.dataset.subject));
        }
        for (const other of modes.children) {
          other.ariaPressed = String(other === button);
        }
      });
      modes.append(button);
    }
    pictures.prepend(modes);
  }

  // Paper shows everything -------------------------------------------------------------------------------------------
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    for (const details of folded) {
      details.open = true;
    }
  });
  addEventListener("afterprint", () => {
    for (const details of folded) {
      details.open = false;
    }
  });
})();
