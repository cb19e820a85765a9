interface Shift extends PerformanceEntry {
  value: number;
  hadRecentInput: boolean;
}

interface Interaction extends PerformanceEntry {
  interactionId: number;
}

/** Measure this page for its visitor and send one beacon when the page is hidden. */
export function startVitals(page: string): void {
  const metrics: Record<string, number> = { cls: 0 };
  const watch = (type: string, take: (entry: PerformanceEntry) => void): void => {
    if (!PerformanceObserver.supportedEntryTypes.includes(type)) return;
    const options: PerformanceObserverInit & { durationThreshold?: number } = { type, buffered: true };
    if (type === "event") options.durationThreshold = 16;
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe(options);
  };
  watch("largest-contentful-paint", (entry) => (metrics.lcp = Math.round(entry.startTime)));
  watch("layout-shift", (entry) => {
    const shift = entry as Shift;
    if (!shift.hadRecentInput) metrics.cls = Math.round((metrics.cls + shift.value) * 10000) / 10000;
  });
  watch("event", (entry) => {
    if ((entry as Interaction).interactionId) metrics.inp = Math.max(metrics.inp ?? 0, Math.round(entry.duration));
  });
  const navigation = performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming | undefined;
  if (navigation) metrics.ttfb = Math.round(navigation.responseStart);

  let sent = false;
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "hidden" || sent) return;
    sent = true;
    const release = document.querySelector<HTMLMetaElement>('meta[name="release"]')?.content ?? "";
    const body = JSON.stringify({ page, path: location.pathname, release, metrics });
    navigator.sendBeacon("/rum", new Blob([body], { type: "application/json" }));
  });
}
