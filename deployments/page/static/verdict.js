// What the validator says, and its evidence clause by clause.

import { card, count, el } from "./dom.js";

const LEVELS = ["rejected", "unverified", "likely", "verified"];
const MEANINGS = {
  verified: "Every example of yours holds, nothing speaks against it, and most other variations do the same.",
  likely: "No example of yours fails, and something speaks for it: an example, or other variations that do the same.",
  unverified: "Nothing speaks against it, and too little for it.",
  rejected: "It fails an example of yours, has another signature, or reaches for what it may not.",
};
const MARKS = { passed: "✓", failed: "✗", skipped: "–" };
const ORIGINS = { rule: "a rule", user: "from you", guess: "a guess" };
/** Each is how its clauses' names begin too. */
export const KINDS = { static: "Rules", example: "Examples", assertion: "Assertions", agreement: "Agreement" };

export function verdictCard(verdict, title) {
  const { level } = verdict;
  const scale = el("ol", { class: "scale", "aria-hidden": "true" },
    LEVELS.map((name) => el("li", { class: name === level ? "here" : "" }, name)));
  return card(title, { class: `verdict ${level}` },
    el("p", { class: "level" }, level),
    el("p", { class: "reason" }, capital(verdict.reason)),
    scale,
    el("p", { class: "quiet meaning" }, MEANINGS[level]));
}

export function evidenceCard(evidence, verdict = null) {
  const groups = Object.entries(KINDS).map(([kind, title]) => [title, evidence.filter((one) => one.kind === kind)]);
  const shown = groups.filter(([, found]) => found.length)
    .map(([title, found]) => [el("h3", {}, title), el("ul", { class: "evidence" }, found.map(row))]);
  return card("Evidence", { class: "evidence-card" }, tally(evidence), shown,
    verdict?.rival && rival(verdict.rival), verdict && footing(verdict));
}

function tally(evidence) {
  const counts = Object.keys(MARKS).map((name) => [evidence.filter(({ outcome }) => outcome === name).length, name]);
  const said = counts.filter(([number]) => number).map(([number, name]) => `${number} ${name}`);
  return el("p", { class: "quiet" }, said.join(", "));
}

function row({ clause, origin, outcome, detail, inputs_tried, counterexample }) {
  return el("li", { class: outcome },
    el("span", { class: "outcome" }, el("span", { "aria-hidden": "true" }, MARKS[outcome]), ` ${outcome}`),
    el("div", {},
      el("p", { class: "detail" }, detail),
      counterexample && el("p", { class: "counter" }, el("b", {}, "Counterexample "), el("code", {}, counterexample))),
    el("p", { class: "quiet small basis" }, el("span", {}, clause), el("span", {}, ORIGINS[origin] ?? origin),
      inputs_tried > 0 && el("span", {}, `${count(inputs_tried, "input")} tried`)));
}

function rival({ call, chosen, chosen_by, other, other_by }) {
  return el("div", { class: "rival" },
    el("h3", {}, "Where the variations differ"),
    el("p", {}, el("code", {}, call), " gives ", el("code", {}, chosen),
      ` with this code and ${chosen_by - 1} like it, `, el("code", {}, other), ` with ${count(other_by, "other")}.`));
}

function footing({ agreement, spec_strength, sandbox }) {
  const said = [
    known(agreement) && `${percent(agreement)} of the other variations do the same`,
    known(spec_strength) && `the assertions reject ${percent(spec_strength)} of wrong results`,
    sandbox ? `sandbox: ${sandbox}` : "the code was never run",
  ];
  return el("p", { class: "quiet small" }, said.filter(Boolean).join(" · "));
}

const known = (share) => share !== null && share !== undefined;

const percent = (share) => `${Math.round(100 * share)} %`;

const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);
