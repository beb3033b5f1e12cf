// Generated text that grows token by token, in the markup that kdui/ui/answers/text.py writes for one that is whole.

import { translated } from "./language.js";

/** @typedef {import("./stream.js").Text} Text */
/** @typedef {import("./stream.js").Token} Token */

const ENDINGS = { "end token": "Ended by the model.", stop: "Ended at the stop text.", limit: "Ended at the limit of tokens." };

/** @param {number} share */
const percent = (share) => (share >= 0.005 ? `${(share * 100).toFixed(0)} %` : "< 1 %");

/** What a model says is text and never markup. @param {Token} token */
const span = ({ text, probability, reference, agrees }) => {
  const shares = [["probability", probability], ["reference", reference]].filter(([, share]) => share !== undefined);
  const made = document.createElement("span");
  made.className = agrees === false ? "token apart" : "token";
  made.title = translated(shares.map(([name, share]) => `${name} ${percent(Number(share))}`).join(" · ")); // the text around it is left alone
  made.textContent = text;
  return made;
};

/** An empty text inside `element`; `add` appends a piece of it. @param {HTMLElement} element @param {string} role */
export const growing = (element, role) => {
  const text = document.createElement("p");
  text.className = `generated ${role}`;
  text.translate = false; // a token may be a word of the page
  element.replaceChildren(text);
  /** @param {Text} part */
  const add = ({ tokens = [], ended }) => {
    text.append(...tokens.map(span));
    if (!ended) return;
    const why = document.createElement("p");
    why.className = "mute";
    why.textContent = ENDINGS[ended];
    element.append(why);
  };
  return { add };
};
