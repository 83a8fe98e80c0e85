// The live page: polls the endpoint every two seconds, shows its data, and reports missing or old data.

import { listen } from "./ask.js";
import { timeRange } from "./charts.js";
import { Fleet, hasKey, keep, NeedsKey } from "./data.js";
import { byId, setText } from "./dom.js";
import { clock, duration } from "./format.js";
import { showPools } from "./pools.js";
import { showRouting } from "./routing.js";
import { showScaling } from "./scaling.js";

const EVERY_MS = 2000;
const LOST_AFTER_MS = 10000;
const STALE_AFTER_S = 10;

const data = new Fleet();
let lastResponse = performance.now();
let lastError = "";
let timer = null;

const span = () => Number(document.querySelector('input[name="span"]:checked').value);

async function poll() {
  clearTimeout(timer);
  const failure = await data.refresh().catch((error) => error);
  askForKey(failure instanceof NeedsKey ? failure : null);
  if (failure instanceof NeedsKey) return;
  if (!document.hidden) timer = setTimeout(poll, EVERY_MS);
  if (failure) {
    lastError = failure.message;
  } else {
    lastResponse = performance.now();
    show();
  }
  showState();
}

function show() {
  byId("data").hidden = false;
  setText(byId("fleet-name"), data.fleet.name);
  const samples = data.within(span()), range = timeRange(samples, data.asOf, span());
  showPools(data, samples, range);
  showRouting(data, samples, range, span());
  showScaling(data);
}

/** With an error, show the form for the key; without one, hide it. */
function askForKey(error) {
  byId("key-form").hidden = error === null;
  if (error === null) return;
  byId("data").hidden = true;
  byId("banner").hidden = true;
  if (hasKey()) setText(byId("key-why"), error.message);
  setState("locked", "API key needed", null);
  byId("key").focus();
}

// -- whether the data is current ----------------------------------------------------------------------------

function showState() {
  const silentMs = performance.now() - lastResponse, newest = data.newest;
  if (document.hidden || !byId("key-form").hidden) return;
  if (!data.fleet) {
    if (silentMs > LOST_AFTER_MS) setState("lost", "No connection", `No data from the endpoint: ${lastError}`);
  } else if (silentMs > LOST_AFTER_MS) {
    const since = `the last data is from ${clock(data.asOf)}, ${duration(Math.round(silentMs / 1000))} ago.`;
    setState("lost", "Connection lost", `No data from the endpoint (${lastError}). Retrying; ${since}`);
  } else if (newest && data.asOf - newest.at_s > STALE_AFTER_S) {
    setState("stale", "Stale", `The last sample of the fleet is from ${clock(newest.at_s)}, although the endpoint responds.`);
  } else if (!data.fleet.board) {
    setState("blind", "Load unknown", "The fleet board is unreachable. Requests are answered, but the load of the pools is unknown.");
  } else {
    setState("live", "Live", null);
  }
  setText(byId("clock"), data.fleet ? clock(data.asOf) : "");
}

function setState(state, text, warning) {
  document.body.dataset.state = state;
  setText(byId("status"), text);
  byId("banner").hidden = warning === null;
  setText(byId("banner"), warning ?? "");
}

// -- start --------------------------------------------------------------------------------------------------

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keep(byId("key").value.trim());
  void poll();
});
byId("span").addEventListener("change", () => data.fleet && show());
// A hidden page sends no requests. It catches up when it becomes visible.
document.addEventListener("visibilitychange", () => {
  lastResponse = performance.now();
  if (!document.hidden) void poll();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => data.fleet && show());
listen(data);
setInterval(showState, 1000);
void poll();
