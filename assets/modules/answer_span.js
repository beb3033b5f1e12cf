// The word of a passage that is pointed at: its probabilities in every model's card, in the markup of kdui/ui/answers/span.py.
import { all } from "./html.js";

/** @param {HTMLElement} cards */
export const pointedWords = (cards) => {
  const hint = "Point at a word to see its probabilities in every model.";
  /** @param {string | undefined} place */
  const show = (place) => {
    for (const card of all(cards, ".card", HTMLElement)) {
      for (const word of all(card, ".word.pointed", HTMLElement)) word.classList.remove("pointed");
      const readout = card.querySelector(".span-word");
      if (!readout) continue;
      const word = place === undefined ? null : card.querySelector(`.word[data-word="${place}"]`);
      word?.classList.add("pointed");
      readout.textContent = word instanceof HTMLElement ? `“${word.textContent}”: first ${word.dataset.start}, last ${word.dataset.end}` : hint;
    }
  };
  for (const kind of ["pointerover", "click"]) {
    cards.addEventListener(kind, (event) => {
      const word = event.target instanceof Element ? event.target.closest(".word") : null;
      if (word instanceof HTMLElement) show(word.dataset.word);
    });
  }
  cards.addEventListener("pointerleave", () => show(undefined));
};
