// What an answer took: seconds, tokens and, where the service knows its price, dollars.

import { card, el, seconds } from "./dom.js";

const TITLES = { ir: "Specification", code: "Code", validate: "Checks" };
const HOUR_S = 3600;

export function costsCard(stages, answer, usdPerHour) {
  const head = ["Stage", "Seconds", "Read", "of it cached", "Written"];
  const rows = stages.map((one) =>
    [title(one), one.seconds.toFixed(2), one.prompt_tokens, one.cached_tokens, one.completion_tokens]);
  const table = el("table", {},
    el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, rows.map(([name, ...cells]) =>
      el("tr", {}, el("th", { scope: "row" }, name), cells.map((cell) => el("td", {}, cell))))));
  return card("Time and tokens", { class: "costs" },
    el("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Time and tokens by stage" }, table),
    usdPerHour > 0 && el("p", { class: "price" }, price(stages, usdPerHour)),
    answer && el("p", { class: "quiet small" },
      `${seconds(answer.seconds)} in all, with ${answer.model}, request `, el("code", {}, answer.request_id)));
}

const title = ({ stage, attempts }) => (attempts > 1 ? `${TITLES[stage]}, ${attempts} attempts` : TITLES[stage]);

/** An engine works for many requests at once, so that its price bounds what one of them costs. */
function price(stages, usdPerHour) {
  const busy = stages.filter((one) => one.stage !== "validate").reduce((sum, one) => sum + one.seconds, 0);
  const usd = (busy * usdPerHour) / HOUR_S;
  const rate = usdPerHour.toFixed(2);
  return `At most $${usd.toPrecision(2)}: ${seconds(busy)} of an engine at $${rate} an hour, shared with nobody.`;
}
