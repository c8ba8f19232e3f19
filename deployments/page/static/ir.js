// The specification as a person reads it, and as it is.

import { card, el } from "./dom.js";
import { tabs } from "./tabs.js";
import { source } from "./code.js";

const ORIGINS = { user: "you", inferred: "inferred", stated: "stated", implied: "implied", guess: "guess" };

export function irCard(ir) {
  const pages = [
    { name: "To read", body: readable(ir) },
    { name: "JSON", body: el("pre", { tabindex: "0", class: "json" }, JSON.stringify(ir, null, 2)) },
  ];
  return card("Specification", { class: "ir" }, tabs("Forms of the specification", pages));
}

/** While it is being written: a model's text so far. */
export function irDraft(text) {
  return card("Specification", { class: "ir" }, el("p", { class: "quiet" }, "being written …"), el("pre", { tabindex: "0", class: "draft" }, text));
}

function readable(ir) {
  return el("div", { class: "readable" },
    el("p", { class: "summary" }, ir.intent.summary),
    el("p", { class: "quiet" }, ir.intent.rationale),
    source(header(ir.signature), "The signature"),
    clauses("Examples", ir.examples.map((e) => [`(${e.arguments}) ${e.expect === "raises" ? "raises" : "→"} ${e.value}`, ORIGINS[e.origin]])),
    clauses("Assertions", ir.assertions.map((a) => [`${a.kind} ${a.expr}`, ORIGINS[a.origin]])),
    clauses("Effects", effects(ir.effects)),
    clauses("Left open", ir.holes.map((h) => [h.question, `assumed ${h.assumed}`]), "words"));
}

function effects({ pure, allowed, raises, imports }) {
  const said = [[pure ? "leaves everything but its result alone" : "has effects", null]];
  if (allowed.length) said.push([`may: ${allowed.join(", ").replaceAll("_", " ")}`, null]);
  if (raises.length) said.push([`may raise ${raises.join(", ")}`, null]);
  if (imports.length) said.push([`may import ${imports.join(", ")}`, null]);
  return said;
}

function clauses(title, rows, kind = "") {
  if (!rows.length) return null;
  const words = kind || (title === "Effects" ? "words" : "code");
  return [el("h3", {}, title), el("ul", { class: "clauses" }, rows.map(([text, tag]) =>
    el("li", {}, el("span", { class: words }, text), tag && el("span", { class: "tag" }, tag))))];
}

const STARS = { var_positional: "*", var_keyword: "**" };

/** The function's first line in Python, as lift_sys/signatures.py writes it. */
function header(signature) {
  const parts = [];
  for (const { name, type, kind, default: usual } of signature.parameters) {
    if (kind === "keyword_only" && !parts.some((part) => part.startsWith("*"))) parts.push("*");
    parts.push(`${STARS[kind] ?? ""}${name}: ${type}${usual === null ? "" : ` = ${usual}`}`);
  }
  return `${signature.is_async ? "async def" : "def"} ${signature.name}(${parts.join(", ")}) -> ${signature.returns}:`;
}
