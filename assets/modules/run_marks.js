// Tags, note and pin of the chosen run: kept at once, never overwritten while somebody types.
import { hit, html, parts, set } from "./html.js";
import { later } from "./polling.js";

/** @typedef {{tags: string[], note: string, pinned: boolean}} Marks */
/** @typedef {(asked: {run: string, marks?: Marks}) => Promise<Marks & {known: string, error?: string}>} Ask */

/** @param {HTMLElement} root @param {Ask} ask @param {() => void} changed */
export const runMarks = (root, ask, changed) => {
  const part = parts(root), pinned = part("run-pinned"), tag = part("run-tag", HTMLInputElement), note = part("run-note", HTMLTextAreaElement);
  let run = "", marks = /** @type {Marks} */ ({ tags: [], note: "", pinned: false });

  const show = () => {
    pinned.textContent = marks.pinned ? "★ On top" : "☆ Keep on top";
    pinned.setAttribute("aria-pressed", String(marks.pinned));
    set(part("run-tags"), html`${marks.tags.map((each) => html`<span class="tag">${each}<button type="button" data-untag="${each}" aria-label="Remove the tag ${each}">✕</button></span>`)}`);
    if (document.activeElement !== note) note.value = marks.note;
    note.rows = Math.min(8, Math.max(1, note.value.split("\n").length));
  };
  /** @param {Partial<Marks>} values */
  const keep = async (values) => {
    const wanted = { ...marks, ...values }, of = run;
    const answer = await ask({ run: of, marks: wanted });
    if (of !== run) return;
    part("run-marks-told").textContent = answer.error ?? "";
    if (answer.error) return;
    marks = { tags: answer.tags, note: answer.note, pinned: answer.pinned };
    set(part("run-known-tags"), answer.known);
    show();
    changed();
  };
  const add = () => {
    const text = tag.value.trim();
    if (!text || !run) return;
    tag.value = "";
    keep({ tags: [...marks.tags, text] });
  };
  pinned.addEventListener("click", () => keep({ pinned: !marks.pinned }));
  tag.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === ",") { event.preventDefault(); add(); } });
  tag.addEventListener("change", add);
  note.addEventListener("input", later(600, () => keep({ note: note.value })));
  root.addEventListener("click", (event) => {
    const gone = hit(event, "[data-untag]")?.dataset.untag;
    if (gone !== undefined) keep({ tags: marks.tags.filter((each) => each !== gone) });
  });
  return {
    /** @param {string} chosen */
    async choose(chosen) {
      run = chosen;
      part("run-marks-told").textContent = "";
      const answer = await ask({ run });
      if (run !== chosen || answer.error) return;
      marks = { tags: answer.tags, note: answer.note, pinned: answer.pinned };
      set(part("run-known-tags"), answer.known);
      note.value = marks.note;
      show();
    },
  };
};
