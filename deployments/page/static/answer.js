// The answer as it comes in: each event changes one part of the page.

import { codeCard, CodeDraft } from "./code.js";
import { costsCard } from "./costs.js";
import { count, el, fill } from "./dom.js";
import { irCard, irDraft } from "./ir.js";
import { problemCard } from "./problem.js";
import { questionsCard } from "./questions.js";
import { Timeline } from "./timeline.js";
import { evidenceCard, verdictCard } from "./verdict.js";

const PARTS = ["problem", "verdict", "questions", "code", "evidence", "ir", "costs"];
const LEFT = PARTS.slice(0, 5);

/** `tell(sentence)` is for those who listen; `answer` and `again` for what the user presses. */
export class Answer {
  constructor({ usdPerHour, tell, answer, again }) {
    Object.assign(this, { usdPerHour, tell, answer, again });
    this.timeline = new Timeline();
    this.parts = Object.fromEntries(PARTS.map((name) => [name, el("div", { class: `part ${name}-part` })]));
    const [left, right] = [LEFT, PARTS.slice(5)].map((names) => el("div", { class: "column" }, names.map((name) => this.parts[name])));
    this.element = el("div", { class: "answer" }, this.timeline.element, el("div", { class: "columns" }, left, right));
    this.draft = "";
    this.codes = [];
    this.evidence = [];
  }

  /** Show one event of schemas/events.py. */
  take(event) {
    this.handlers[event.event]?.(event);
  }

  handlers = {
    accepted: ({ variations }) => {
      this.most = variations;
      this.timeline.run("ir");
      this.tell("The request was taken.");
    },
    resumed: () => this.tell("The connection broke, and was taken up again."),
    "ir.delta": ({ text }) => {
      this.draft += text;
      this.timeline.run("ir");
      if (!this.parts.ir.firstChild) fill(this.parts.ir, irDraft(""));
      this.parts.ir.querySelector("pre").append(text);
    },
    "ir.done": ({ ir }) => {
      fill(this.parts.ir, irCard(ir));
      this.timeline.done("ir");
      this.timeline.run("code");
      this.tell("The specification is written.");
    },
    "candidate.done": ({ code }) => this.candidate(code),
    "clause.checked": (event) => this.checked(event),
    verdict: ({ code, verdict }) => this.judged(code, verdict),
    usage: ({ stages }) => fill(this.parts.costs, costsCard(stages, null, this.usdPerHour)),
    answer: ({ response }) => this.whole(response),
    problem: ({ problem, retry_after_s }) => this.failed(problem, retry_after_s),
  };

  candidate(code) {
    if (!this.codes.length) {
      this.drafts = new CodeDraft();
      fill(this.parts.code, this.drafts.element);
    }
    this.codes.push(code);
    this.drafts.add(code);
    this.timeline.run("code", this.most ? `${this.codes.length} of at most ${this.most}` : count(this.codes.length, "variation"));
  }

  checked({ clause, passed, evidence }) {
    this.timeline.done("code");
    this.evidence.push(evidence ?? bare(clause, passed));
    this.timeline.run("validate", count(this.evidence.length, "clause"));
    fill(this.parts.evidence, evidenceCard(this.evidence));
  }

  judged(code, verdict) {
    this.timeline.done("code");
    this.timeline.done("validate");
    this.timeline.judged(verdict.level);
    fill(this.parts.verdict, verdictCard(verdict));
    fill(this.parts.code, codeCard(code, this.codes, this.codes.length));
    fill(this.parts.evidence, evidenceCard(verdict.evidence, verdict));
  }

  whole(response) {
    const { verdict } = response;
    fill(this.parts.ir, irCard(response.ir));
    this.judged(response.code, verdict);
    fill(this.parts.code, codeCard(response.code, this.codes, response.variations));
    fill(this.parts.questions, questionsCard(response.questions, (question, words) => this.answer(response, question, words)));
    fill(this.parts.costs, costsCard(response.stages, response, this.usdPerHour));
    this.timeline.measured(response.stages, response.seconds);
    this.timeline.end("done");
    this.tell(`Verdict: ${verdict.level}. ${verdict.reason}`);
  }

  failed(problem, retry_after_s) {
    this.timeline.end("stopped");
    fill(this.parts.problem, problemCard(problem, retry_after_s, this.again));
  }

  cancelled() {
    this.timeline.end("cancelled");
    this.tell("Cancelled.");
  }
}

/** A clause of which no more is told than whether it holds. */
function bare(clause, passed) {
  const kind = clause.startsWith("examples") ? "example" : clause.startsWith("assertions") ? "assertion" : "static";
  return { clause, kind, origin: "rule", outcome: passed ? "passed" : "failed", detail: clause, inputs_tried: 0, counterexample: null };
}
