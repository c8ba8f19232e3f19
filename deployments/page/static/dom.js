// Elements made from values. What others wrote becomes text nodes only: nothing is ever parsed as markup.

/** Controls, formats (such as those that turn the writing direction), halves of characters, odd line ends. */
const UNSEEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** `el("p", {class: "quiet", onclick: f}, "text", element)`. Null and false children are left out. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  return fill(element, ...children);
}

/** Replace an element's children. */
export function fill(element, ...children) {
  const kept = children.flat(Infinity).filter((child) => child != null && child !== false);
  element.replaceChildren(...kept.map((child) => (child instanceof Node ? child : seen(String(child)))));
  return element;
}

/** A text with every invisible character spelt out and marked. */
export function seen(text) {
  const fragment = document.createDocumentFragment();
  let at = 0;
  for (const { 0: character, index } of text.matchAll(UNSEEN)) {
    fragment.append(text.slice(at, index), mark(character));
    at = index + character.length;
  }
  fragment.append(text.slice(at));
  return fragment;
}

function mark(character) {
  const element = document.createElement("span");
  element.className = "invisible";
  element.title = "an invisible character";
  element.textContent = spelt(character.codePointAt(0));
  return element;
}

function spelt(point) {
  if (point < 0x100) return `\\x${point.toString(16).padStart(2, "0")}`;
  if (point < 0x10000) return `\\u${point.toString(16).padStart(4, "0")}`;
  return `\\U${point.toString(16).padStart(8, "0")}`;
}

let made = 0;

/** An id that no other element of the page has. */
export const newId = (name) => `${name}-${(made += 1)}`;

/** A part of the answer under a heading. */
export function card(title, attributes, ...children) {
  const id = newId("card");
  return el("section", { "aria-labelledby": id, ...attributes, class: `card ${attributes.class ?? ""}` },
    el("h2", { id }, title), ...children);
}

export const seconds = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;

export const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
