// Tabs by the pattern of https://www.w3.org/WAI/ARIA/apg/patterns/tabs/: one stop for Tab, arrows between them.

import { el, newId } from "./dom.js";

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

/** `tabs("Variations", [{name: "1", body: element}])`. With `add` of the returned, another page comes at the end. */
export function tabs(label, pages) {
  const list = el("div", { role: "tablist", "aria-label": label });
  const element = el("div", { class: "tabs" }, list);
  const pairs = [];
  let shown = 0;

  function show(chosen) {
    shown = chosen;
    for (const [index, { tab, panel }] of pairs.entries()) {
      tab.setAttribute("aria-selected", String(index === chosen));
      tab.tabIndex = index === chosen ? 0 : -1;
      panel.hidden = index !== chosen;
    }
  }

  function add({ name, body }) {
    const [id, panelId, index] = [newId("tab"), newId("panel"), pairs.length];
    const onclick = () => show(index);
    const tab = el("button", { type: "button", role: "tab", id, "aria-controls": panelId, onclick }, name);
    const panel = el("div", { role: "tabpanel", id: panelId, "aria-labelledby": id }, body);
    pairs.push({ tab, panel });
    list.append(tab);
    element.append(panel);
    show(shown);
  }

  list.addEventListener("keydown", (event) => {
    const beside = (shown + STEPS[event.key] + pairs.length) % pairs.length;
    const next = { Home: 0, End: pairs.length - 1 }[event.key] ?? beside;
    if (Number.isNaN(next)) return;
    event.preventDefault();
    show(next);
    pairs[next].tab.focus();
  });
  pages.forEach(add);
  return Object.assign(element, { add });
}
