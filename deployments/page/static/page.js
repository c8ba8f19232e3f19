// The form, the request under way, and what was asked before in this tab.

import { Answer } from "./answer.js";
import { el, fill } from "./dom.js";
import { Kept } from "./kept.js";
import { lift } from "./lift.js";

const STARTERS = [
  ["the median of a list of numbers", "median([3, 1, 2]) == 2"],
  ["is a text a palindrome, whatever its case and punctuation", ""],
  ["turn seconds into words, such as 1 h 2 min", "spelt(3720) == '1 h 2 min'"],
];
const FIELDS = ["prompt", "examples", "n"];

const at = (id) => document.getElementById(id);
const form = at("ask");
const kept = new Kept();
let running = null;
let usdPerHour = 0;

async function send(request) {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  const answer = shown(request);
  begin(answer);
  let last = null;
  try {
    for await (const event of lift(request, { key: kept.key, signal: mine.signal })) {
      if (mine.signal.aborted) break;
      answer.take(event);
      last = event;
    }
  } catch (error) {
    if (mine.signal.aborted) answer.cancelled();
    else answer.failed({ title: "The answer could not be read", status: 0, detail: String(error) });
  } finally {
    if (running === mine) end(request, last, answer);
  }
}

/** An empty answer to a request. What it leaves open, and asking again, lead to another request. */
function shown(request) {
  return new Answer({
    usdPerHour,
    tell,
    answer: (response, question, words) => sendFrom(answered(request, response, question, words)),
    again: () => sendFrom(request),
  });
}

/** What was pressed goes away with the answer it stood in, and leaves the focus to the next one. */
function sendFrom(request) {
  send(request);
  at("results").focus();
}

/** The request again, with one more answer; what does not depend on it is not written anew. */
function answered(request, response, question, answer) {
  return { ...request, ir: response.ir, answers: [...(request.answers ?? []), { question, answer }] };
}

function begin(answer) {
  for (const name of FIELDS) mark(name, "");
  at("key").hidden = true;
  at("cancel").hidden = false;
  at("starters").hidden = true;
  fill(at("results"), answer.element);
}

function end(request, last, answer) {
  running = null;
  at("cancel").hidden = true;
  if (last?.event === "answer") remember(request, last.response, answer.codes);
  if (last?.event === "problem") refused(last.problem, request);
}

function refused(problem, request) {
  if (problem.status === 401) {
    askForKey(problem, request);
    return;
  }
  const wrong = (problem.errors ?? []).map(placed).filter(({ name }) => FIELDS.includes(name));
  wrong.forEach(({ name, message }) => mark(name, message));
  if (wrong.length) at(wrong[0].name).focus();
}

function askForKey({ detail }, request) {
  fill(at("results"));
  fill(at("key-detail"), detail);
  at("key").hidden = false;
  at("key").onsubmit = (event) => {
    event.preventDefault();
    kept.key = at("key-value").value;
    at("key-value").value = "";
    send(request);
  };
  at("key-value").focus();
}

/** Which field of the form a field of the request is, and what to say there: `examples.2` is the third line. */
function placed({ field, message }) {
  const [name, line] = field.split(".");
  return { name, message: line === undefined ? message : `line ${Number(line) + 1}: ${message}` };
}

function mark(name, message) {
  fill(at(`${name}-wrong`), message);
  if (message) at(name).setAttribute("aria-invalid", "true");
  else at(name).removeAttribute("aria-invalid");
}

const tell = (sentence) => fill(at("said"), sentence);

function written() {
  const lines = at("examples").value.split("\n").map((line) => line.trim()).filter(Boolean);
  const n = at("n").value.trim();
  return { prompt: at("prompt").value, examples: lines, ...(n ? { n: Number(n) } : {}) };
}

function remember(request, response, codes) {
  kept.add({ request, response, codes });
  showHistory();
}

function showHistory() {
  at("history").hidden = kept.entries.length === 0;
  fill(at("history").querySelector("ol"), kept.entries.map((entry) => {
    const { request, response } = entry;
    const words = [request.prompt, ...(request.answers ?? []).map(({ answer }) => answer)].join(" · ");
    const { level } = response.verdict;
    return el("li", {}, el("button", { type: "button", onclick: () => reopen(entry) },
      el("span", { class: "asked" }, words), el("span", { class: `tag ${level}` }, level)));
  }));
}

function reopen({ request, response, codes }) {
  running?.abort();
  const answer = shown(request);
  fill(at("results"), answer.element);
  write(request);
  answer.codes = codes;
  answer.take({ event: "answer", response });
  at("results").focus();
}

function write({ prompt, examples, n }) {
  at("prompt").value = prompt;
  at("examples").value = (examples ?? []).join("\n");
  at("n").value = n ?? "";
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send(written());
});
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
at("cancel").addEventListener("click", () => running?.abort());
fill(at("starters"), STARTERS.map(([prompt, example]) => {
  const start = () => { write({ prompt, examples: [example] }); at("prompt").focus(); };
  return el("li", {}, el("button", { type: "button", onclick: start }, prompt));
}));
showHistory();
fetch("assets/price.json").then((answer) => answer.json()).then(({ usd_per_hour }) => { usdPerHour = usd_per_hour; });
