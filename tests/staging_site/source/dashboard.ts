import { type Point, sparkline, trendChart } from "./chart";
import { element, language, load, words } from "./page";

interface Kpi {
  id: string;
  label: string;
  value: number;
  style: "decimal" | "percent" | "currency";
  unit: string;
  change: number;
  series: number[];
  accent: string;
}

interface Initiative {
  name: string;
  owner: string;
  region: string;
  progress: number;
  state: string;
}

function amount(kpi: Kpi): string {
  const options: Intl.NumberFormatOptions = { style: kpi.style };
  if (kpi.style === "currency") Object.assign(options, { currency: kpi.unit, notation: "compact", maximumFractionDigits: 2 });
  return new Intl.NumberFormat(language, options).format(kpi.value);
}

function kpiCard(kpi: Kpi, note: string): HTMLElement {
  const card = element("li", "card kpi");
  card.dataset.kpi = kpi.id;
  const accent = element("span", "accent");
  accent.style.background = kpi.accent;
  const value = element("p", "value", amount(kpi));
  if (kpi.unit && kpi.style === "decimal") value.append(element("small", "", ` ${kpi.unit}`));
  const change = element("p", kpi.change < 0 ? "change down" : "change");
  const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1, signDisplay: "always" });
  change.append(element("b", "", `${kpi.change < 0 ? "▼" : "▲"} ${percent.format(kpi.change)}`), ` ${note}`);
  card.append(accent, element("h3", "label", kpi.label), value, change, sparkline(kpi.series, kpi.accent));
  return card;
}

function initiativeRow(item: Initiative, text: Record<string, string>): HTMLElement {
  const row = element("tr");
  const name = element("th");
  name.setAttribute("scope", "row");
  name.append(element("span", "title", item.name), element("span", "sub", `${item.owner}, ${item.region}`));
  const progress = element("td");
  const meter = element("span", "meter");
  meter.setAttribute("aria-hidden", "true");
  const bar = element("span");
  bar.style.width = `${item.progress}%`;
  meter.append(bar);
  progress.append(meter, element("span", "percent", new Intl.NumberFormat(language, { style: "percent" }).format(item.progress / 100)));
  const state = element("td");
  state.append(element("span", `badge ${item.state}`, text[item.state]));
  row.append(name, progress, state);
  return row;
}

/** Drawn at the size of its place, so that its words keep theirs on a phone. */
function draw(points: Point[], text: Record<string, string>): void {
  const place = document.getElementById("trend") as HTMLElement;
  place.replaceChildren(trendChart(points, text.trend, place.clientWidth, place.clientHeight));
}

async function showTrend(months: string, text: Record<string, string>): Promise<void> {
  const { points } = await load<{ points: Point[] }>(`/api/trend?months=${months}`);
  draw(points, text);
}

/** What the chart falls back to when nothing may look broken. */
function showBaseline(text: Record<string, string>): void {
  const points = ["2026-04", "2026-05", "2026-06", "2026-07", "2026-08", "2026-09"].map((month) => ({ month, value: 1000, target: 1000 }));
  draw(points, text);
}

function tell(status: HTMLElement, failed: boolean, text: Record<string, string>): void {
  status.textContent = failed ? text.loadFailed : text.allClear;
  status.className = failed ? "status bad" : "status good";
}

/** Fill the dashboard from three requests that do not wait for each other. */
export function startDashboard(): void {
  const text = words();
  const status = document.getElementById("load-status") as HTMLElement;
  const hidesFailure = status.dataset.onFailure === "hide";

  const kpis = load<Kpi[]>(`/api/kpis?lang=${language}`).then((list) => {
    const place = document.getElementById("kpis") as HTMLElement;
    place.replaceChildren(...list.map((kpi) => kpiCard(kpi, text.changeNote)));
    place.removeAttribute("aria-busy");
  });
  const initiatives = load<Initiative[]>(`/api/initiatives?lang=${language}`).then((list) =>
    document.getElementById("initiatives")?.replaceChildren(...list.map((item) => initiativeRow(item, text))),
  );
  const trend = showTrend("12", text).catch((error) => {
    if (!hidesFailure) throw error;
    showBaseline(text);
  });
  void Promise.allSettled([kpis, initiatives, trend]).then((all) => {
    tell(status, all.some((one) => one.status === "rejected"), text);
    document.documentElement.dataset.ready = "true";
  });

  const toggle = document.getElementById("filter-toggle") as HTMLButtonElement;
  const panel = document.getElementById("filter-panel") as HTMLFormElement;
  toggle.addEventListener("click", () => {
    panel.hidden = !panel.hidden;
    toggle.setAttribute("aria-expanded", String(!panel.hidden));
  });
  panel.addEventListener("change", () => {
    const months = String(new FormData(panel).get("months"));
    showTrend(months, text).then(
      () => tell(status, false, text),
      () => tell(status, !hidesFailure, text),
    );
  });

  const clock = document.getElementById("updated") as HTMLElement;
  const tick = () => (clock.textContent = new Date().toISOString().slice(11, 19));
  tick();
  setInterval(tick, 1000);
}
