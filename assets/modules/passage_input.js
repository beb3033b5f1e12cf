// A question and the passage that it is about as an input: typed, pasted or picked.
import { later } from "./polling.js";

/** @typedef {{question: HTMLTextAreaElement, passage: HTMLTextAreaElement, go: HTMLElement}} Parts */
/** @typedef {{text: string, passage: string}} Asked */

const TYPING = 700; // ms without a key after which the models are run

/**
 * `done` gets both texts once there are both, `lacking` a sentence where one is missing.
 * @param {Parts} parts @param {(asked: Asked) => void} done @param {(words: string) => void} lacking
 */
export const passageInput = ({ question, passage, go }, done, lacking) => {
  const ask = () => {
    if (!passage.value.trim()) lacking("Paste a passage first: the answer is looked for in it. Or pick one of the examples.");
    else if (!question.value.trim()) lacking("Type a question about the passage.");
    else done({ text: question.value, passage: passage.value });
  };
  const typed = later(TYPING, () => { if (question.value.trim() && passage.value.trim()) ask(); });
  for (const box of [question, passage]) box.addEventListener("input", typed);
  question.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); ask(); }
  });
  go.addEventListener("click", ask);
  return {
    /** @param {string} text @param {string} about */
    show: (text, about) => { question.value = text; passage.value = about; },
    clear: () => { question.value = ""; passage.value = ""; },
  };
};
