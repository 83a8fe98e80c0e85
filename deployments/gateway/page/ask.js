// The box to try a query: where it goes and why, and the answer if requested.

import { post } from "./data.js";
import { byId, chip, el, paint } from "./dom.js";
import { cost, duration, percent, plural, short, whole } from "./format.js";

const MAX_FEATURES = 4;
let running = null;

export function listen(data) {
  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    void start(data, event.submitter?.value ?? "route");
  });
  byId("query").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("ask").requestSubmit();
  });
}

async function start(data, action) {
  running?.abort();
  const stop = (running = new AbortController());
  const query = byId("query").value, model = byId("preference").value;
  byId("answer").hidden = true;
  try {
    const decision = await (await post("v1/route", { model, input: query }, stop.signal)).json();
    byId("decision").replaceChildren(...explain(data.pools, decision));
    if (action === "ask") await answer(data.pools, query, model, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) byId("decision").replaceChildren(el("p", { class: "error" }, error.message));
  }
}

// -- where it goes and why ----------------------------------------------------------------------------------

function explain(pools, decision) {
  const size = `complexity ${short(decision.score)} of 1, about ${plural(decision.prompt_tokens, "prompt token")}`;
  const verdict = el("p", { class: "verdict", "data-pool": decision.pool },
    "Goes to ", chip(pools, decision.pool), el("small", {}, size));
  const reasons = el("div", {}, "Because:", el("ul", { class: "reasons" }, decision.reasons.map((each) => el("li", {}, each))));
  return [verdict, meter(decision.score), reasons, table(pools, decision), features(decision)].filter(Boolean);
}

function meter(score) {
  const bar = el("i");
  bar.style.width = percent(score);
  return el("div", { class: "meter", role: "img", "aria-label": `complexity ${short(score)} of 1` }, bar);
}

function table(pools, decision) {
  const head = ["Pool", "Quality", "Cost", "Wait", "Utility"].map((name) => el("th", { scope: "col" }, name));
  const rows = Object.entries(decision.pools).map(([pool, one]) => el("tr", pool === decision.pool ? { class: "chosen" } : {},
    el("td", {}, chip(pools, pool)), el("td", {}, percent(one.quality)), el("td", {}, cost(one.cost)),
    el("td", {}, one.wait_s === null ? "unknown" : duration(one.wait_s)),
    el("td", {}, one.utility === null ? "none" : short(one.utility))));
  const skipped = Object.entries(decision.skipped).map(([pool, why]) => el("tr", {},
    el("td", {}, chip(pools, pool)), el("td", { colspan: 4 }, `skipped: ${why}`)));
  return rows.length + skipped.length ? el("table", {}, el("tr", {}, head), rows, skipped) : null;
}

function features(decision) {
  const prediction = decision.prediction;
  if (!prediction) return null;
  if (prediction.fallback) return el("p", { class: "quiet" }, `Fallback to rules: ${prediction.fallback}`);
  const named = prediction.features.slice(0, MAX_FEATURES).map(({ name, gain }) => `${name} (${gain > 0 ? "+" : ""}${short(gain)})`);
  return named.length ? el("p", { class: "quiet" }, `Most important features: ${named.join(", ")}`) : null;
}

// -- the answer ---------------------------------------------------------------------------------------------

async function answer(pools, query, model, signal) {
  const box = byId("answer"), head = el("div", {}, "Waiting for the answer"), text = el("pre", { tabindex: "0", "aria-label": "Answer" });
  box.replaceChildren(head, text);
  box.hidden = false;
  box.setAttribute("aria-busy", "true");
  const startedMs = performance.now();
  try {
    const body = { model, messages: [{ role: "user", content: query }], stream: true, stream_options: { include_usage: true } };
    const response = await post("v1/chat/completions", body, signal);
    const pool = response.headers.get("x-signalbox-pool");
    paint(box, pools, pool);
    head.replaceChildren(chip(pools, pool), " answers: ", response.headers.get("x-signalbox-reason") ?? "");
    const usage = await stream(response, text);
    const tokens = usage ? `, ${plural(usage.completion_tokens, "token")}, cost ${cost(price(pools[pool], usage))}` : "";
    box.append(el("p", { class: "quiet" }, `Done in ${duration((performance.now() - startedMs) / 1000)}${tokens}.`));
  } catch (error) {
    if (!signal.aborted) box.append(el("p", { class: "error" }, error.message));
  } finally {
    box.removeAttribute("aria-busy");
  }
}

/** Append the text of server-sent events as it arrives, including reasoning. Returns the usage from the last events. */
async function stream(response, text) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", usage = null;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + part.value).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) {
      const data = line.startsWith("data:") ? line.slice(5).trim() : "";
      if (data === "" || data === "[DONE]") continue;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new Error(chunk.error.message);
      const delta = chunk.choices?.[0]?.delta ?? {};
      text.append(delta.reasoning ?? delta.reasoning_content ?? "", delta.content ?? "");
      usage = chunk.usage ?? usage;
    }
  }
  return usage;
}

function price(pool, usage) {
  const { input_per_mtok, output_per_mtok } = pool.prices;
  return (usage.prompt_tokens * input_per_mtok + usage.completion_tokens * output_per_mtok) / 1e6;
}
