// The answer as it comes in: each event changes one part of the page.

import { codeCard, CodeDraft } from "./code.js";
import { costsCard } from "./costs.js";
import { count, el, fill, seen } from "./dom.js";
import { irCard, irDraft } from "./ir.js";
import { problemCard } from "./problem.js";
import { questionsCard } from "./questions.js";
import { Timeline } from "./timeline.js";
import { evidenceCard, KINDS, verdictCard } from "./verdict.js";

const LEFT = ["problem", "verdict", "questions", "code", "evidence"];
const RIGHT = ["ir", "costs"];

/** `tell(sentence)` is for those who listen; `answer` and `again` for what the user presses. */
export class Answer {
  constructor({ usdPerHour, tell, answer, again }) {
    Object.assign(this, { usdPerHour, tell, answer, again });
    this.timeline = new Timeline();
    this.parts = Object.fromEntries([...LEFT, ...RIGHT].map((name) => [name, el("div", { class: "part" })]));
    const columns = [LEFT, RIGHT].map((names) =>
      el("div", { class: "column" }, names.map((name) => this.parts[name])));
    this.element = el("div", { class: "answer" }, this.timeline.element, el("div", { class: "columns" }, columns));
    this.codes = [];
    this.evidence = new Map();
  }

  /** Show one event of schemas/events.py. */
  take(event) {
    this.handlers[event.event]?.(event);
  }

  handlers = {
    accepted: ({ variations }) => {
      this.most = variations;
      this.timeline.run("ir");
      fill(this.parts.ir, irDraft());
      fill(this.parts.code, el("p", { class: "ghost quiet" }, "The code comes here, and then what speaks for it."));
      this.tell("The request was taken.");
    },
    resumed: () => this.tell("The connection broke, and was taken up again."),
    "ir.delta": ({ text, begins }) => {
      const draft = this.parts.ir.querySelector("pre");
      if (begins) fill(draft);
      draft.append(seen(text));
    },
    "ir.done": ({ ir }) => {
      this.ir = ir;
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
    this.codes.push(code);
    if (!this.verdict) {
      this.drafts ??= new CodeDraft();
      this.drafts.add(code);
      fill(this.parts.code, this.drafts.element);
    }
    this.timeline.run("code", `${this.codes.length} of at most ${this.most}`);
  }

  checked({ clause, passed, evidence }) {
    this.timeline.done("code");
    // A clause comes again with every wave of variations.
    this.evidence.set(clause, evidence ?? bare(clause, passed));
    this.timeline.run("validate", count(this.evidence.size, "clause"));
    fill(this.parts.evidence, evidenceCard([...this.evidence.values()]));
  }

  /** More variations may follow, until there is a whole answer. */
  judged(code, verdict, response = null) {
    this.verdict = verdict;
    this.timeline.done("code");
    this.timeline.done("validate");
    this.timeline.judged(verdict.level);
    fill(this.parts.verdict, verdictCard(verdict, response ? "Verdict" : "Verdict so far"));
    fill(this.parts.code, codeCard(code, this.codes, response?.variations ?? this.codes.length));
    fill(this.parts.evidence, evidenceCard(verdict.evidence, verdict));
  }

  whole(response) {
    const { verdict } = response;
    fill(this.parts.ir, irCard(response.ir));
    this.judged(response.code, verdict, response);
    const answer = (question, words) => this.answer(response, question, words);
    fill(this.parts.questions, questionsCard(response.questions, answer));
    fill(this.parts.costs, costsCard(response.stages, response, this.usdPerHour));
    this.timeline.measured(response.stages, response.seconds);
    this.timeline.end("done");
    this.tell(`Verdict: ${verdict.level}. ${verdict.reason}`);
  }

  failed(problem, retry_after_s) {
    this.end("stopped");
    fill(this.parts.problem, problemCard(problem, retry_after_s, this.again));
  }

  /** What is to come no more is promised no more. */
  end(word) {
    this.timeline.end(word);
    if (!this.ir) fill(this.parts.ir);
    if (!this.codes.length) fill(this.parts.code);
  }

  cancelled() {
    this.end("cancelled");
    this.tell("Cancelled.");
  }
}

/** A clause of which no more is told than whether it holds. */
function bare(clause, passed) {
  const kind = Object.keys(KINDS).find((name) => clause.startsWith(name)) ?? "static";
  return { clause, kind, origin: "rule", outcome: passed ? "passed" : "failed", detail: clause };
}
