// The page's data: requests to the endpoint with the user's key, and the samples of the last minutes.

const KEY = "signalbox-key";
const TIMEOUT_MS = 8000;

/** The endpoint requires a key, or rejects the current one. */
export class NeedsKey extends Error {}

export const keep = (key) => sessionStorage.setItem(KEY, key);
export const hasKey = () => sessionStorage.getItem(KEY) !== null;

/** The response to a request. Errors contain the endpoint's message. */
export async function request(path, options = {}) {
  const key = sessionStorage.getItem(KEY);
  const headers = key === null ? {} : { authorization: `Bearer ${key}` };
  const response = await fetch(path, { ...options, headers, cache: "no-store" });
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  const message = body.error?.message ?? `${path} returned status ${response.status}.`;
  throw response.status === 401 ? new NeedsKey(message) : new Error(message);
}

const getJson = async (path) => (await request(path, { signal: AbortSignal.timeout(TIMEOUT_MS) })).json();

export const post = (path, body, signal) => request(path, { method: "POST", body: JSON.stringify(body), signal });

/** All data of the page. Samples are sorted, newest last. */
export class Fleet {
  samples = [];
  fleet = null;
  scaling = null;
  asOf = 0; // the server's clock in Unix seconds, because the browser's clock may be wrong
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
    // Responses come from different gateway replicas with different samples, so only newer ones are added.
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

/** Increase of a counter before each sample. A restarted fleet board counts from a lower value, which gives 0. */
export function growth(samples, read) {
  return samples.map((sample, i) => (i === 0 ? 0 : Math.max(0, read(sample) - read(samples[i - 1]))));
}

export const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
