// The specification as a person reads it, and as it is.

import { card, el } from "./dom.js";
import { tabs } from "./tabs.js";
import { source } from "./code.js";

export function irCard(ir) {
  const pages = [
    { name: "To read", body: readable(ir) },
    { name: "JSON", body: el("pre", { tabindex: "0", class: "json" }, JSON.stringify(ir, null, 2)) },
  ];
  return card("Specification", { class: "ir" }, tabs("Forms of the specification", pages));
}

/** While it is being written; a model's text so far, where the service tells it, goes into its `pre`. */
export function irDraft() {
  const text = el("pre", { tabindex: "0", class: "draft", "aria-label": "What is written so far", role: "group" });
  return card("Specification", { class: "ir" }, el("p", { class: "quiet" }, "is being written …"), text);
}

function readable(ir) {
  return el("div", { class: "readable" },
    el("p", { class: "summary" }, ir.intent.summary),
    el("p", { class: "quiet" }, ir.intent.rationale),
    source(header(ir.signature), "The signature"),
    clauses("Examples", "code", ir.examples.map(example)),
    clauses("Assertions", "code", ir.assertions.map((a) => [`${a.kind} ${a.expr}`, a.origin])),
    clauses("Effects", "words", effects(ir.effects)),
    clauses("Left open", "words", ir.holes.map((h) => [h.question, `assumed ${h.assumed}`])));
}

const example = ({ arguments: given, expect, value, origin }) =>
  [`(${given}) ${expect === "raises" ? "raises" : "→"} ${value}`, origin === "user" ? "you" : origin];

function effects({ pure, allowed, raises, imports }) {
  const said = [[pure ? "leaves everything but its result alone" : "has effects", null]];
  if (allowed.length) said.push([`may: ${allowed.join(", ").replaceAll("_", " ")}`, null]);
  if (raises.length) said.push([`may raise ${raises.join(", ")}`, null]);
  if (imports.length) said.push([`may import ${imports.join(", ")}`, null]);
  return said;
}

function clauses(title, kind, rows) {
  if (!rows.length) return null;
  const items = rows.map(([text, tag]) =>
    el("li", {}, el("span", { class: kind }, text), tag && el("span", { class: "tag" }, tag)));
  return [el("h3", {}, title), el("ul", { class: "clauses" }, items)];
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
