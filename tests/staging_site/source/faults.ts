const faults = new Set((document.documentElement.dataset.faults ?? "").split(" "));
const onDashboard = document.body.dataset.page === "dashboard";

/** Keep the main thread busy for a while, but end even where a test holds the clock still. */
function block(milliseconds: number): void {
  const start = performance.now();
  let waste = 0;
  for (let turn = 0; turn < 200_000_000 && performance.now() - start < milliseconds; turn++) {
    waste += Math.sqrt(turn);
    if (turn === 3_000_000 && performance.now() === start) break;
  }
  document.documentElement.dataset.waste = String(Math.round(waste % 10));
}

if (onDashboard && faults.has("console-error")) {
  setTimeout(() => {
    throw new TypeError("Cannot read properties of undefined (reading 'quarter')");
  }, 50);
}
if (faults.has("late-hero")) {
  const picture = document.querySelector<HTMLImageElement>("img[data-late-src]");
  setTimeout(() => picture && (picture.src = picture.dataset.lateSrc ?? ""), 3500);
}
if (onDashboard && faults.has("cls")) {
  setTimeout(() => {
    const banner = document.createElement("div");
    banner.className = "fault-banner";
    banner.setAttribute("role", "region");
    banner.setAttribute("aria-label", "Survey");
    banner.textContent = "How do you like Tidemark?";
    document.getElementById("content")?.prepend(banner);
  }, 900);
}
if (onDashboard && faults.has("slow-interaction")) {
  document.getElementById("filter-toggle")?.addEventListener("click", () => block(450));
}
if (onDashboard && faults.has("long-task")) {
  for (const start of [250, 700, 1150]) setTimeout(() => block(350), start);
}
if (onDashboard && faults.has("never-settles")) {
  const counter = document.createElement("span");
  counter.className = "fault-counter";
  document.getElementById("content")?.append(counter);
  let frame = 0;
  const next = () => {
    counter.textContent = String(frame++);
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}
