// The live page: ask the endpoint every other second, show what it says, and say so when it says nothing.

import { listen } from "./ask.js";
import { timeRange } from "./charts.js";
import { Fleet, hasKey, keep, NeedsKey } from "./data.js";
import { byId, say } from "./dom.js";
import { clock, duration } from "./format.js";
import { showPools } from "./pools.js";
import { showRouting } from "./routing.js";
import { showScaling } from "./scaling.js";

const EVERY_MS = 2000;
const LOST_AFTER_MS = 10000;
const STALE_AFTER_S = 10;

const data = new Fleet();
let lastAnswer = performance.now();
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
    lastAnswer = performance.now();
    show();
  }
  showState();
}

function show() {
  byId("data").hidden = false;
  say(byId("fleet-name"), data.fleet.name);
  const samples = data.within(span()), range = timeRange(samples, data.asOf, span());
  showPools(data, samples, range);
  showRouting(data, samples, range, span());
  showScaling(data);
}

/** With an error, ask for a key; without one, stop asking. */
function askForKey(error) {
  byId("key-form").hidden = error === null;
  if (error === null) return;
  byId("data").hidden = true;
  byId("banner").hidden = true;
  if (hasKey()) say(byId("key-why"), error.message);
  setState("locked", "API key needed", null);
  byId("key").focus();
}

// -- whether what is shown is true now ----------------------------------------------------------------------

function showState() {
  const silent = performance.now() - lastAnswer, newest = data.newest;
  if (document.hidden || !byId("key-form").hidden) return;
  if (!data.fleet) {
    if (silent > LOST_AFTER_MS) setState("lost", "No connection", `No data from the endpoint: ${lastError}`);
  } else if (silent > LOST_AFTER_MS) {
    const since = `nothing below is newer than ${clock(data.asOf)}, ${duration(Math.round(silent / 1000))} ago.`;
    setState("lost", "Connection lost", `No data from the endpoint (${lastError}). Trying again; ${since}`);
  } else if (newest && data.asOf - newest.at_s > STALE_AFTER_S) {
    setState("stale", "Stale", `The newest sample of the fleet is from ${clock(newest.at_s)}, although the endpoint answers.`);
  } else if (!data.fleet.board) {
    setState("blind", "Load unknown", "The fleet board is not in sight: requests are answered, but nobody knows the load of the pools.");
  } else {
    setState("live", "Live", null);
  }
  say(byId("clock"), data.fleet ? clock(data.asOf) : "");
}

function setState(state, text, warning) {
  document.body.dataset.state = state;
  say(byId("status"), text);
  byId("banner").hidden = warning === null;
  say(byId("banner"), warning ?? "");
}

// -- start --------------------------------------------------------------------------------------------------

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keep(byId("key").value.trim());
  void poll();
});
byId("span").addEventListener("change", () => data.fleet && show());
// A page that nobody sees asks nothing; it catches up when it is seen again.
document.addEventListener("visibilitychange", () => {
  lastAnswer = performance.now();
  if (!document.hidden) void poll();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => data.fleet && show());
listen(data);
setInterval(showState, 1000);
void poll();
