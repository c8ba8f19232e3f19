// An error as RFC 9457 tells it, with what to do about it.

import { card, el } from "./dom.js";

const REMEDIES = {
  0: "See whether the service runs, then ask again.",
  403: "Use a key that may do this.",
  413: "Shorten the request.",
  422: "Change what is marked, and ask again.",
  429: "Wait a little, and ask again.",
  502: "Ask again, or say it in other words.",
  503: "Wait until it is back, and ask again.",
  504: "Ask again with fewer variations or a smaller request.",
};

/** Only an address of the service's own is a link. */
function page(type) {
  if (!/^\/problems\/[\w-]+$/.test(type ?? "")) return null;
  return [" · ", el("a", { href: type.slice(1) }, "more about this")];
}

/** `again` is called when the user wants the same request sent once more. */
export function problemCard(problem, retry_after_s, again) {
  const remedy = retry_after_s ? `Ask again in ${retry_after_s} seconds.` : REMEDIES[problem.status] ?? "Ask again.";
  const fields = (problem.errors ?? []).map(({ field, message }) => el("li", {}, el("code", {}, field), ` ${message}`));
  return card(problem.title, { class: "problem", role: "alert" },
    el("p", {}, problem.detail),
    fields.length > 0 && el("ul", {}, fields),
    el("p", { class: "remedy" }, remedy),
    el("div", { class: "buttons" }, el("button", { type: "button", onclick: again }, "Ask again")),
    el("p", { class: "quiet small" }, problem.status ? `status ${problem.status}` : null,
      page(problem.type)));
}
