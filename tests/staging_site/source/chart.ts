import { language, shape } from "./page";

export interface Point {
  month: string;
  value: number;
  target: number;
}

const LEFT = 44;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 30;

const monthName = new Intl.DateTimeFormat(language, { month: "short", timeZone: "UTC" });
const number = new Intl.NumberFormat(language);

function path(values: number[], x: (i: number) => number, y: (v: number) => number): string {
  return values.map((value, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join("");
}

/** The monthly figures as a line over its area, the target dashed. */
export function trendChart(points: Point[], label: string, width: number, height: number): SVGElement {
  const chart = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
  const first = points[0];
  const last = points[points.length - 1];
  chart.setAttribute("aria-label", `${label}: ${first.month} ${number.format(first.value)} t, ${last.month} ${number.format(last.value)} t`);
  const top = Math.ceil(Math.max(...points.map((p) => Math.max(p.value, p.target))) / 500) * 500;
  const x = (i: number) => LEFT + (i * (width - LEFT - RIGHT)) / Math.max(1, points.length - 1);
  const y = (value: number) => TOP + (1 - value / top) * (height - TOP - BOTTOM);

  for (let tick = 0; tick <= top; tick += 500) {
    chart.append(shape("line", { x1: LEFT, x2: width - RIGHT, y1: y(tick), y2: y(tick), stroke: "#e6ebf4" }));
    chart.append(shape("text", { x: LEFT - 8, y: y(tick) + 4, "text-anchor": "end" }, number.format(tick)));
  }
  const line = path(points.map((p) => p.value), x, y);
  const floor = `L${x(points.length - 1).toFixed(1)} ${y(0)}L${x(0).toFixed(1)} ${y(0)}Z`;
  chart.append(shape("path", { d: line + floor, fill: "#2563eb", "fill-opacity": 0.1 }));
  chart.append(shape("path", {
    d: path(points.map((p) => p.target), x, y), fill: "none", stroke: "#7a88a3", "stroke-width": 2, "stroke-dasharray": "5 4",
  }));
  chart.append(shape("path", { d: line, fill: "none", stroke: "#2563eb", "stroke-width": 3, "stroke-linejoin": "round", "stroke-linecap": "round" }));
  chart.append(shape("circle", { cx: x(points.length - 1), cy: y(last.value), r: 5, fill: "#2563eb", stroke: "#fff", "stroke-width": 2 }));
  const step = points.length > 6 ? 2 : 1;
  points.forEach((point, i) => {
    // Counted from the right, so that the newest month always has its name.
    if ((points.length - 1 - i) % step) return;
    const anchor = i === points.length - 1 ? "end" : i === 0 ? "start" : "middle";
    chart.append(shape("text", { x: x(i), y: height - 8, "text-anchor": anchor }, monthName.format(new Date(`${point.month}-01T00:00:00Z`))));
  });
  return chart;
}

/** A small line without axes. */
export function sparkline(values: number[], colour: string): SVGElement {
  const spark = shape("svg", { viewBox: "0 0 200 34", class: "spark", preserveAspectRatio: "none", "aria-hidden": "true" });
  const low = Math.min(...values);
  const high = Math.max(...values);
  const d = path(values, (i) => 2 + (i * 196) / (values.length - 1), (v) => 30 - ((v - low) / (high - low || 1)) * 26);
  spark.append(shape("path", { d, fill: "none", stroke: colour, "stroke-width": 2, "vector-effect": "non-scaling-stroke", "stroke-linejoin": "round" }));
  return spark;
}
