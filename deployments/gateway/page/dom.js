// Creates elements from text. Nothing here accepts HTML, so queries and answers always stay text.

export const byId = (id) => document.getElementById(id);

/** A new element. Children are elements or texts; null and undefined are skipped. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Set a text only if it changes, so that selections and screen readers are not disturbed. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Give an element and its children a pool's colour. */
export function paint(element, pools, pool) {
  const index = Object.keys(pools).indexOf(pool);
  element.style.setProperty("--pool", index < 0 ? "var(--quiet)" : `var(--pool-${index % 8})`);
  return element;
}

/** A pool's name with its colour. */
export function chip(pools, pool, text = pool) {
  return paint(el("span", { class: "chip" }, el("i", { class: "swatch" }), text), pools, pool);
}
