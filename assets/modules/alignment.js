// Compare's attention: which words of an input each model looked at, a matrix for each layer of its decoder.
import { all, hit, parts, problem, set } from "./html.js";

/** @typedef {{text: string, written: Record<string, string>}} Wrote */

/** @param {HTMLElement} root @param {(wrote: Wrote) => Promise<{html: string, error?: string}>} ask */
export const alignment = (root, ask) => {
  const part = parts(root);
  let wrote = /** @type {Wrote | null} */ (null);

  const show = async () => {
    const mine = wrote;
    if (!mine) return;
    const answer = await ask(mine);
    if (mine !== wrote) return; // something else was written meanwhile
    set(part("align-shown"), answer.error ? problem(answer.error) : answer.html);
    part("align-card").hidden = false;
    part("align-card").scrollIntoView({ block: "nearest" });
  };
  root.addEventListener("click", (event) => { if (hit(event, "#compare-align")) show(); });
  root.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLSelectElement) || !target.matches("[data-layers]")) return;
    for (const each of all(target.closest("section") ?? root, "[data-layer]", HTMLElement)) each.hidden = each.dataset.layer !== target.value;
  });
  return {
    /** What was written to its end, or nothing. @param {Wrote | null} fresh */
    of(fresh) {
      wrote = fresh;
      part("compare-align-tools").hidden = !fresh;
      part("align-card").hidden = true;
    },
  };
};
