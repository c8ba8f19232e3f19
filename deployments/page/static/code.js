// The code that was chosen, and the other variations.

import { card, el } from "./dom.js";
import { tokens } from "./python.js";
import { tabs } from "./tabs.js";

const COPIED_MS = 2000;

/** Source in colours. */
export function source(text, label) {
  const lines = Array.from(tokens(text), ([kind, part]) => el("span", { class: `t-${kind}` }, part));
  return el("pre", { tabindex: "0", class: "source", role: "group", "aria-label": label }, el("code", {}, lines));
}

/** While the variations come in, in the order in which they end. */
export class CodeDraft {
  constructor() {
    this.codes = [];
    this.tabs = tabs("Variations so far", []);
    this.element = card("Code", { class: "code-card" }, this.tabs);
  }

  add(code) {
    this.codes.push(code);
    this.tabs.add({ name: String(this.codes.length), body: source(code.source, `Variation ${this.codes.length}`) });
  }
}

/** The chosen code first; the others once each, named by their numbers. */
export function codeCard(chosen, codes, variations) {
  const pages = [{ name: named("Chosen", numbers(codes, chosen.source)), body: block(chosen.source, "Chosen code") }];
  for (const text of new Set(codes.map((code) => code.source))) {
    const name = numbers(codes, text).join(", ");
    if (text !== chosen.source) pages.push({ name, body: block(text, `Variation ${name}`) });
  }
  const from = variations > 1 ? `Code, chosen from ${variations} variations` : "Code";
  return card(from, { class: "code-card" }, pages.length > 1 ? tabs("Variations", pages) : pages[0].body);
}

const numbers = (codes, text) => codes.flatMap((code, index) => (code.source === text ? [index + 1] : []));

const named = (name, found) => (found.length ? `${name}: ${found.join(", ")}` : name);

function block(text, label) {
  const copy = el("button", { type: "button", class: "copy", onclick: () => copied(copy, text) }, "Copy");
  return el("div", { class: "block" }, source(text, label), copy);
}

async function copied(button, text) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "The browser refused";
  }
  setTimeout(() => { button.textContent = "Copy"; }, COPIED_MS);
}
