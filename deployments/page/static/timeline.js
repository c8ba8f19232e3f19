// The stages of a request, with how long each has taken so far.

import { el, fill, seconds } from "./dom.js";

const STAGES = { ir: "Specification", code: "Code", validate: "Checks", verdict: "Verdict" };
const TICK_MS = 100;

export class Timeline {
  constructor() {
    this.stages = Object.fromEntries(Object.entries(STAGES).map(([name, title]) => [name, stage(title)]));
    const list = el("ol", { class: "stages" }, Object.values(this.stages).map(({ element }) => element));
    this.total = el("p", { class: "quiet total" });
    this.element = el("section", { class: "timeline", "aria-label": "Stages" }, list, this.total);
    this.begun = performance.now();
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.tick();
  }

  /** A stage is at work. One that was done may go on, as the code does in waves. */
  run(name, note) {
    this.stages[name].since ??= performance.now();
    this.set(name, "running", note);
  }

  done(name, note) {
    const one = this.stages[name];
    if (one.state === "running") one.seconds = (performance.now() - one.since) / 1000;
    this.set(name, "done", note);
  }

  /** The last stage is a word, and takes no time of its own. */
  judged(level) {
    this.stages.verdict.word = level;
    this.set("verdict", "done");
  }

  /** What the service itself measured stands in place of what was seen from here. */
  measured(reports, total) {
    this.seconds = total;
    for (const { stage: name, seconds: measured, attempts } of reports) {
      this.stages[name].seconds = measured;
      this.set(name, "done", attempts > 1 && name === "ir" ? `${attempts} attempts` : undefined);
    }
  }

  /** No more will come. What was at work is left as `word` says. */
  end(word) {
    clearInterval(this.timer);
    this.tick();
    const stages = Object.entries(this.stages);
    this.element.hidden = stages.every(([, { state }]) => state === "waiting");
    for (const [name, { state }] of stages) if (state === "running") this.set(name, word);
  }

  set(name, state, note) {
    const one = this.stages[name];
    one.state = state;
    one.element.className = state;
    if (note !== undefined) fill(one.note, note);
    this.clock(one);
  }

  tick() {
    Object.values(this.stages).forEach((one) => this.clock(one));
    fill(this.total, `${seconds(this.seconds ?? (performance.now() - this.begun) / 1000)} in all`);
  }

  clock(one) {
    const value = one.state === "running" ? (performance.now() - one.since) / 1000 : one.seconds;
    fill(one.clock, value === undefined ? one.word ?? one.state : seconds(value));
  }
}

function stage(title) {
  const [clock, note] = [el("span", { class: "clock" }), el("span", { class: "note" })];
  const element = el("li", { class: "waiting" }, el("span", { class: "name" }, title), clock, note);
  return { element, clock, note, state: "waiting" };
}
