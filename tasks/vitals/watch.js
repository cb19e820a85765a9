// Runs before any script of the page, in the top frame, after the web-vitals library (`webVitals`) in the same function.
// Collects what the metrics are made of; decides nothing and changes nothing the page can notice but two timer functions.
const LAST_TIMER_MS = 5000; // later content cannot make LCP worse than "poor" (4 s) already is
const ARMED_AFTER_LOAD_MS = 500; // a timer armed later than this is a poll or a heartbeat, not the page's start
const FASTEST_INTERACTION_MS = 16; // the least the Event Timing API reports

const arm = window.setTimeout;
const disarm = window.clearTimeout;
const now = performance.now.bind(performance);
const watch = {
  values: {},
  tasks: [],
  loadedAt: null,
  busyAt: 0,
  timers: new Map(),

  // Everything the wait for quiet needs, cheap enough to be asked ten times a second.
  state() {
    const moment = now();
    let pending = false;
    for (const [id, due] of this.timers) {
      if (due <= moment) {
        this.busy(due);
        this.timers.delete(id);
      } else {
        pending = true;
      }
    }
    const navigation = performance.getEntriesByType("navigation")[0];
    if (this.loadedAt === null && navigation && navigation.loadEventEnd > 0) {
      this.loadedAt = navigation.loadEventEnd;
      this.busy(this.loadedAt);
    }
    return {
      document: performance.timeOrigin,
      now: moment,
      loaded: this.loadedAt !== null,
      quiet_for: pending ? 0 : moment - this.busyAt,
    };
  },

  busy(until) {
    this.busyAt = Math.max(this.busyAt, until);
  },

  // INP and the final CLS are told only when the page hides, and no lifecycle command of a headless browser hides it.
  async hide() {
    for (const [name, value] of [["visibilityState", "hidden"], ["hidden", true]]) {
      Object.defineProperty(document, name, { configurable: true, get: () => value });
    }
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
    await new Promise((done) => arm.call(window, done, 0));
  },

  result() {
    return { document: performance.timeOrigin, values: this.values, tasks: this.tasks };
  },
};

window.setTimeout = function setTimeout(handler, delay, ...rest) {
  const id = arm.call(window, handler, delay, ...rest);
  const moment = now();
  const due = moment + Math.max(0, Number(delay) || 0);
  if (due <= LAST_TIMER_MS && (watch.loadedAt === null || moment <= watch.loadedAt + ARMED_AFTER_LOAD_MS)) {
    watch.timers.set(id, due);
  }
  return id;
};
window.clearTimeout = function clearTimeout(id) {
  watch.timers.delete(id);
  return disarm.call(window, id);
};

const observe = (type, take) =>
  new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
observe("longtask", (entry) => {
  watch.tasks.push([entry.startTime, entry.duration]);
  watch.busy(entry.startTime + entry.duration);
});
observe("largest-contentful-paint", () => watch.busy(now()));
observe("layout-shift", () => watch.busy(now()));

for (const [id, listen] of Object.entries({
  ttfb: webVitals.onTTFB,
  fcp: webVitals.onFCP,
  lcp: webVitals.onLCP,
  cls: webVitals.onCLS,
  inp: webVitals.onINP,
})) {
  listen((metric) => (watch.values[id] = metric.value), {
    reportAllChanges: true,
    durationThreshold: FASTEST_INTERACTION_MS,
  });
}
Object.defineProperty(window, "__stageproofVitals", { value: watch });
