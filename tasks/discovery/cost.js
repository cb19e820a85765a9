// Runs before the page's own scripts: notes what the load costs. Read by `__stageproofCost()`.
(() => {
  if (window.top !== window) return;
  const now = performance.now.bind(performance);
  const entries = performance.getEntriesByType.bind(performance);
  const cost = { lcp: null, cls: 0, tasks: [] };
  const observe = (type, take) => {
    try {
      new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
    } catch {
      // A browser without this kind of entry measures the others.
    }
  };
  observe("largest-contentful-paint", (entry) => (cost.lcp = entry.startTime));
  observe("layout-shift", (entry) => { if (!entry.hadRecentInput) cost.cls += entry.value; });
  observe("longtask", (entry) => cost.tasks.push([entry.startTime, entry.duration]));
  Object.defineProperty(window, "__stageproofCost", {
    value: () => {
      const navigation = entries("navigation")[0];
      const painted = entries("paint").find((entry) => entry.name === "first-contentful-paint");
      const fcp = painted ? painted.startTime : null;
      const blocked = cost.tasks.filter(([start]) => fcp !== null && start + 50 > fcp && start < now());
      return {
        ttfb: navigation ? navigation.responseStart : null,
        fcp,
        lcp: cost.lcp,
        cls: cost.cls,
        tbt: fcp === null ? null : blocked.reduce((sum, [, duration]) => sum + Math.max(0, duration - 50), 0),
      };
    },
  });
})();
