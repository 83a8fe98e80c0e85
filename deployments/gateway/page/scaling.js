// Scaling decisions, newest first.

import { byId, chip, el } from "./dom.js";
import { clock, whole } from "./format.js";

let shown = "";

export function showScaling(data) {
  const log = data.scaling.log;
  const state = log.map((one) => `${one.pool}${one.at_s}`).join();
  const list = byId("scaling");
  if (state === shown && list.childElementCount) return;
  shown = state;
  list.replaceChildren(...(log.length ? log.map((one) => entry(data.pools, one)) : [nothing(data)]));
}

function entry(pools, one) {
  const change = one.problem ? "problem" : `${whole(one.target)} → ${whole(one.desired)} replicas`;
  const arrow = one.problem ? "!" : one.desired > one.target ? "▲" : "▼";
  const title = el("div", {}, chip(pools, one.pool), el("b", {}, `${arrow} ${change}`));
  const time = el("time", { datetime: new Date(one.at_s * 1000).toISOString() }, clock(one.at_s));
  return el("li", {}, time, el("div", {}, title, el("p", {}, one.reason)));
}

function nothing(data) {
  const text = data.scaling.board
    ? "No changes so far. The pools above show the reasons for their current sizes."
    : "The fleet board, which stores the decisions, is unreachable.";
  return el("li", {}, el("time", {}, ""), el("p", {}, text));
}
