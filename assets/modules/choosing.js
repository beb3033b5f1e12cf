// Which runs and models are ticked for the comparer: one choice for the lists of Runs and Explore, told in a bar that opens it.
import { all, hit, html, set } from "./html.js";
import { open } from "./navigation.js";

const MOST = 5;
/** @type {string[]} */
let ids = [];
/** @type {Set<() => void>} */
const shown = new Set();

/** @param {string[]} fresh */
const choose = (fresh) => {
  ids = fresh.slice(0, MOST);
  shown.forEach((show) => show());
};

/** The checkboxes `data-compare=ID` below `root`, and the bar that counts them in `bar`. @param {HTMLElement} root @param {HTMLElement} bar */
export const choosing = (root, bar) => {
  const show = () => {
    for (const box of all(root, "input[data-compare]", HTMLInputElement)) {
      box.checked = ids.includes(box.dataset.compare ?? "");
      box.disabled = !box.checked && ids.length >= MOST;
    }
    set(bar, ids.length ? html`<div class="info chosen-bar"><span>${ids.length} chosen${ids.length < 2 ? ": tick another one to compare" : ids.length >= MOST ? ", the most that compare" : ""}</span>
      <span class="buttons"><button type="button" class="act small" data-open-comparer ${ids.length < 2 ? html`disabled` : ""}>Compare settings</button>
      <button type="button" class="act small" data-choose-none>Clear</button></span></div>` : html``);
  };
  shown.add(show);
  root.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLInputElement) || !target.dataset.compare) return;
    const { compare } = target.dataset;
    choose(target.checked ? [...ids, compare] : ids.filter((id) => id !== compare));
  });
  root.addEventListener("click", (event) => {
    if (hit(event, "[data-open-comparer]")) open({ tab: "runs", compare: ids.join(",") });
    else if (hit(event, "[data-choose-none]")) choose([]);
  });
  return { show, choose };
};
