// What only the user can say: one press asks again, with the answer.

import { card, el, newId } from "./dom.js";

/** `answer(question, words)` is called with what the user chose or wrote. */
export function questionsCard(questions, answer) {
  if (!questions.length) return null;
  return card(questions.length === 1 ? "A question is open" : "Questions are open", { class: "questions" },
    questions.map((one) => question(one, answer)));
}

function question({ question: text, options, assumed }, answer) {
  const [id, field] = [newId("question"), newId("words")];
  const words = el("input", { id: field, autocomplete: "off", maxlength: 2000 });
  const own = el("form", { class: "row", onsubmit: (event) => {
    event.preventDefault();
    if (words.value.trim()) answer(text, words.value.trim());
  } }, el("label", { for: field }, "Or in other words"), words, el("button", { type: "submit" }, "Answer"));
  const tag = (option) => option === assumed && el("span", { class: "tag" }, "assumed");
  const buttons = options.map((option) =>
    el("button", { type: "button", onclick: () => answer(text, option) }, option, tag(option)));
  return el("div", { class: "question" }, el("h3", { id }, text),
    el("div", { class: "options", role: "group", "aria-labelledby": id }, buttons), own);
}
