// One column per pool: its model, its replicas, the reason for their number, and four charts with common scales.

import { color, draw, faint, line, poolColor, roundUp } from "./charts.js";
import { byId, el, paint, setText } from "./dom.js";
import { percent, plural, rate, whole } from "./format.js";

const MAX_SLOTS = 16;

/** The charts of a pool: title, current value as text, axis, and how to read a sample. */
const GAUGES = [
  {
    title: "Replicas", top: (values) => Math.max(1, ...values), format: whole,
    read: (pool) => pool.ready, text: (pool) => `${pool.ready} ready`, steps: true,
  },
  {
    title: "Queue depth", top: (values) => roundUp(Math.max(...values), 4), format: whole,
    read: (pool) => pool.waiting + pool.held, text: (pool) => `${plural(pool.waiting + pool.held, "request")} waiting`,
  },
  {
    title: "KV cache usage", top: (values) => Math.min(1, roundUp(Math.max(...values), 0.1)), format: percent,
    read: (pool) => pool.kv_usage_ratio, text: (pool) => percent(pool.kv_usage_ratio),
  },
  {
    title: "Throughput", top: (values) => roundUp(Math.max(...values), 10), format: (top) => `${whole(top)}/s`,
    read: (pool) => pool.tokens_per_s, text: (pool) => `${rate(pool.tokens_per_s)} tokens/s`,
  },
];

const cards = new Map();

export function showPools(data, samples, range) {
  const pools = data.pools;
  if ([...cards.keys()].join() !== Object.keys(pools).join()) build(pools);
  const tops = GAUGES.map((gauge) => topOf(gauge, pools, samples));
  for (const [name, card] of cards) {
    describe(card, pools[name], data.newest?.pools[name], data.scaling.pools[name]);
    GAUGES.forEach((gauge, i) => chart(card.gauges[i], gauge, { data, samples, range, name, top: tops[i] }));
  }
}

/** One scale for all pools, so that neighbouring charts are comparable. */
function topOf(gauge, pools, samples) {
  const values = samples.flatMap((sample) => Object.values(sample.pools).map(gauge.read));
  const desired = gauge.steps ? samples.flatMap((s) => Object.values(s.pools).map((p) => p.desired ?? 0)) : [];
  const bounds = gauge.steps ? Object.values(pools).map((pool) => Math.min(pool.max, 4)) : [];
  return gauge.top([0, ...values, ...desired, ...bounds]);
}

function build(pools) {
  cards.clear();
  byId("pools").replaceChildren();
  for (const name of Object.keys(pools)) {
    const root = byId("pool-card").content.firstElementChild.cloneNode(true);
    root.dataset.pool = name;
    paint(root, pools, name);
    const parts = Object.fromEntries(
      ["name", "state", "model", "slots", "count", "why", "charts"].map((key) => [key, root.querySelector(`[data-${key}]`)]),
    );
    setText(parts.name, name);
    cards.set(name, { ...parts, gauges: GAUGES.map((gauge, i) => buildGauge(parts.charts, gauge, i)) });
    byId("pools").append(root);
  }
}

function buildGauge(parent, gauge, index) {
  const value = el("b"), div = el("div", { class: index === GAUGES.length - 1 ? "chart last" : "chart", role: "img" });
  parent.append(el("div", { class: "gauge" }, el("p", {}, gauge.title, value), div));
  return { value, div, last: index === GAUGES.length - 1 };
}

function describe(card, pool, now, decided) {
  setText(card.model, `${pool.tier === card.name.textContent ? "" : `tier ${pool.tier}, `}${pool.model} on ${pool.engine}`);
  const starting = now?.starting ?? 0, desired = now?.desired;
  const stale = pool.replicas.filter((replica) => !replica.fresh).length;
  const [state, tone] = condition(pool, starting, stale);
  setText(card.state, state);
  card.state.className = `badge ${tone}`;
  showSlots(card.slots, pool, starting);
  const desiredText = desired === null || desired === undefined ? "" : `, ${whole(desired)} desired`;
  const bounds = pool.min === pool.max ? `always ${whole(pool.max)}` : `${whole(pool.min)} to ${whole(pool.max)}`;
  setText(card.count, `${whole(pool.ready)} ready, ${whole(starting)} starting${desiredText} (${bounds})`);
  const why = reason(pool, decided);
  setText(card.why, why);
  card.why.title = why;
}

function reason(pool, decided) {
  if (decided) return `${decided.problem ? "Problem: " : ""}${decided.reason}`;
  return pool.min === pool.max ? "fixed size: min equals max in the spec" : "scaled by Ray Serve's policy, which gives no reasons";
}

function condition(pool, starting, stale) {
  if (stale) return [`${plural(stale, "report")} older than 3 s`, "warn"];
  if (starting > 0) return ["starting", "warn"];
  if (pool.ready === 0) return pool.min === 0 ? ["at zero", ""] : ["down", "bad"];
  return pool.waiting > 0 ? ["queueing", "warn"] : ["ready", "good"];
}

function showSlots(slots, pool, starting) {
  const total = Math.min(Math.max(pool.max, pool.ready + starting), MAX_SLOTS);
  const kinds = Array.from({ length: total }, (_, i) => (i < pool.ready ? "ready" : i < pool.ready + starting ? "starting" : ""));
  if (slots.dataset.kinds === kinds.join()) return;
  slots.dataset.kinds = kinds.join();
  slots.replaceChildren(...kinds.map((kind) => el("i", { class: kind, title: kind || "not requested" })));
}

function chart(parts, gauge, { data, samples, range, name, top }) {
  const now = data.newest?.pools[name];
  const text = now && data.newest.board ? gauge.text(now) : "unknown";
  setText(parts.value, text);
  parts.div.setAttribute("aria-label", `${gauge.title} of ${name} over time, now ${text}`);
  const hue = poolColor(data.pools, name);
  const shape = gauge.steps ? "hv" : "linear";
  const traces = [{
    ...line(samples, data.everyS, (sample) => gauge.read(sample.pools[name])),
    name: gauge.steps ? "ready" : gauge.title, mode: "lines", line: { color: hue, width: 2, shape },
    fill: "tozeroy", fillcolor: faint(hue), hovertemplate: hover(gauge),
  }];
  if (gauge.steps) traces.push({
    ...line(samples, data.everyS, (sample) => sample.pools[name].desired),
    name: "desired", mode: "lines", line: { color: color("quiet"), width: 1.5, dash: "dot", shape }, hovertemplate: "%{y}",
  });
  draw(parts.div, traces, { range, top, format: gauge.format, withTimes: parts.last });
}

const hover = (gauge) => (gauge.format === percent ? "%{y:.1%}" : gauge.steps ? "%{y}" : "%{y:,.4~g}");
