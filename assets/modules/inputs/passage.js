// A question and the passage that it is about as an input: typed, pasted or picked.
import { hit, parts } from "../html.js";
import { later } from "../polling.js";

const TYPING = 700; // ms without a key after which the models are run

/** @param {HTMLElement} root @param {import("../compare.js").Host} host @returns {import("../compare.js").Widget} */
export const mount = (root, host) => {
  const part = parts(root), question = part("compare-question", HTMLTextAreaElement), passage = part("compare-passage", HTMLTextAreaElement);
  const ask = () => {
    if (!passage.value.trim()) host.note("Paste a passage first: the answer is looked for in it. Or pick one of the examples.");
    else if (!question.value.trim()) host.note("Type a question about the passage.");
    else host.ask({ text: question.value, passage: passage.value });
  };
  const typed = later(TYPING, () => { if (question.value.trim() && passage.value.trim()) ask(); });
  for (const box of [question, passage]) box.addEventListener("input", typed);
  question.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); ask(); }
  });
  root.addEventListener("click", (event) => { if (hit(event, "#compare-find")) ask(); });
  return {
    clear: () => { question.value = ""; passage.value = ""; },
    pick: ({ text = "", passage: about = "", truth }) => {
      question.value = text;
      passage.value = about;
      host.ask({ text, passage: about }, truth);
    },
  };
};
