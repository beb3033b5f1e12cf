// A history as an input: items are searched by name, chosen one after the other, and taken away again.
import { hit, html, parts, problem, set } from "../html.js";
import { later } from "../polling.js";

/** @typedef {{items?: string[], more?: number, error?: string}} Found */

const SHOWN = 60; // chosen items that are drawn: somebody's whole history may have hundreds

/** @param {HTMLElement} root @param {import("../compare.js").Host} host @returns {import("../compare.js").Widget} */
export const mount = (root, host) => {
  const part = parts(root), field = part("history-search", HTMLInputElement);
  let chosen = /** @type {string[]} */ ([]), turn = 0;

  const draw = () => {
    part("history-count").textContent = chosen.length ? `${chosen.length} chosen, the latest first. Click one to remove it.` : "Nothing chosen yet.";
    set(part("history-chosen"), html`${chosen.slice(0, SHOWN).map((item) => html`<button type="button" class="chip on" data-item="${item}" title="Remove">${item}</button>`)}
      ${chosen.length > SHOWN ? html`<span class="mute">and ${chosen.length - SHOWN} more</span>` : ""}`);
    part("history-clear").hidden = !chosen.length;
  };
  const find = async () => {
    const mine = (turn += 1), answer = /** @type {Found} */ (await host.call("compare_items", { words: field.value }));
    if (mine !== turn) return;
    if (answer.error) { set(part("history-found"), problem(answer.error)); return; }
    const { items = [], more = 0 } = answer;
    set(part("history-found"), items.length ? html`${items.map((item) => html`<button type="button" class="chip" data-item="${item}" title="Add">${item}</button>`)}
      ${more ? html`<span class="mute">and ${more} more: search for a name</span>` : ""}` : html`<span class="mute">No item has these letters in its name.</span>`);
  };
  /** @param {string[]} items */
  const turnTo = (items) => { chosen = items; draw(); };
  field.addEventListener("input", later(250, find));
  field.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); find(); } });
  root.addEventListener("click", (event) => {
    const item = hit(event, ".chip")?.dataset.item;
    if (item !== undefined && hit(event, "#history-found")) turnTo([item, ...chosen.filter((each) => each !== item)]);
    else if (item !== undefined && hit(event, "#history-chosen")) turnTo(chosen.filter((each) => each !== item));
    else if (hit(event, "#history-clear")) turnTo([]);
    else return;
    if (chosen.length) host.ask({ items: chosen });
    else host.forget("Choose an item first, or one of the people of the test data.");
  });
  return {
    clear: () => { field.value = ""; turnTo([]); find(); },
    pick: ({ items = "[]", then = "[]", truth }) => {
      turnTo(JSON.parse(items));
      host.ask({ items: chosen, then: JSON.parse(then) }, truth);
    },
  };
};
