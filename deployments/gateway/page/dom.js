// Elements from text. Nothing here takes HTML: a query or an answer stays text whatever it holds.

export const byId = (id) => document.getElementById(id);

/** A new element; children are elements or texts, absent ones are left out. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** Set a text only where it changes, so that selections and screen readers are left in peace. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Paint an element and what is in it in a pool's colour. */
export function paint(element, pools, pool) {
  const index = Object.keys(pools).indexOf(pool);
  element.style.setProperty("--pool", index < 0 ? "var(--quiet)" : `var(--pool-${index % 8})`);
  return element;
}

/** A pool's name beside its colour. */
export function chip(pools, pool, text = pool) {
  return paint(el("span", { class: "chip" }, el("i", { class: "swatch" }), text), pools, pool);
}
