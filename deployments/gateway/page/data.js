// What the endpoint says: requests with the key that the user gave, and the samples of the last minutes.

const KEY = "signalbox-key";
const PATIENCE_MS = 8000;

/** The endpoint wants a key, or another one. */
export class NeedsKey extends Error {}

export const keep = (key) => sessionStorage.setItem(KEY, key);
export const hasKey = () => sessionStorage.getItem(KEY) !== null;

/** A request's response; errors carry the endpoint's own message. */
export async function request(path, options = {}) {
  const key = sessionStorage.getItem(KEY);
  const headers = key === null ? {} : { authorization: `Bearer ${key}` };
  const response = await fetch(path, { ...options, headers, cache: "no-store" });
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  const message = said.error?.message ?? `${path} answered with status ${response.status}.`;
  throw response.status === 401 ? new NeedsKey(message) : new Error(message);
}

const getJson = async (path) => (await request(path, { signal: AbortSignal.timeout(PATIENCE_MS) })).json();

export const post = (path, body, signal) => request(path, { method: "POST", body: JSON.stringify(body), signal });

/** Everything the page shows, newest last. */
export class Fleet {
  samples = [];
  fleet = null;
  scaling = null;
  asOf = 0; // the server's clock, Unix seconds: a browser's clock may be wrong
  everyS = 2;
  costs = {};

  get pools() {
    return this.fleet?.pools ?? {};
  }

  get newest() {
    return this.samples.at(-1);
  }

  async refresh() {
    const newest = () => this.newest?.at_s ?? 0;
    const [history, fleet, scaling] = await Promise.all([
      getJson(`v1/history?since=${newest()}`),
      getJson("v1/fleet"),
      getJson("v1/scaling?newest=50"),
    ]);
    // Gateway replicas take turns in answering, each with samples of its own: only newer ones are added.
    this.samples.push(...history.samples.filter((sample) => sample.at_s > newest()));
    while (this.samples.length && this.samples[0].at_s < history.as_of_s - history.span_s) this.samples.shift();
    Object.assign(this, { fleet, scaling, asOf: history.as_of_s, everyS: history.every_s });
    this.costs = { assumed: history.prices_assumed, hasLarge: history.always_large };
  }

  /** Samples of the last seconds. */
  within(seconds) {
    return this.samples.filter((sample) => sample.at_s >= this.asOf - seconds);
  }
}

/** How much a count that only grows grew before each sample; a fleet board that began anew counts from less. */
export function growth(samples, read) {
  return samples.map((sample, i) => (i === 0 ? 0 : Math.max(0, read(sample) - read(samples[i - 1]))));
}

export const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
