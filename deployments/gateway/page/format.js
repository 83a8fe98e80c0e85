// Numbers and times as text. Every number on the page is formatted here, so that all look alike and have a unit.

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const CLOCK = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

export const whole = (number) => WHOLE.format(number);
export const short = (number) => SHORT.format(number);
export const percent = (ratio) => `${SHORT.format(ratio * 100)}%`;
export const plural = (number, word) => `${whole(number)} ${word}${number === 1 ? "" : "s"}`;
export const rate = (number) => (number >= 100 ? whole(number) : short(Math.round(number * 10) / 10));

// Costs of small models are far below one unit of the currency, so costs have three significant digits.
export const cost = (amount) => SHORT.format(amount);

export const clock = (unixSeconds) => CLOCK.format(new Date(unixSeconds * 1000));

export function duration(seconds) {
  if (seconds < 1) return `${whole(seconds * 1000)} ms`;
  if (seconds < 90) return `${short(seconds)} s`;
  return seconds < 5400 ? `${whole(seconds / 60)} min` : `${short(seconds / 3600)} h`;
}
