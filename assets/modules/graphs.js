// Compare's graphs: the nodes of the first model beside those of another one, asked for when somebody unfolds them.
import { newest } from "./api.js";
import { hit, html, parts, problem, set } from "./html.js";

/** @typedef {import("./disagreements.js").Other} Other */
/** @typedef {(first: string, other: string) => Promise<{title: string, html: string, many: boolean, error?: string}>} Ask */

/** @param {HTMLElement} root @param {Ask} ask */
export const graphs = (root, ask) => {
  const part = parts(root), fold = part("graphs-fold", HTMLDetailsElement), question = newest(ask);
  const differ = part("graphs-differ", HTMLInputElement), weights = part("graphs-weights", HTMLInputElement);
  let models = /** @type {Other[]} */ ([]), chosen = "", shown = "";

  const filter = () => {
    part("graphs-table").classList.toggle("only-differs", differ.checked);
    part("graphs-table").classList.toggle("only-weights", weights.checked);
  };
  const look = async () => {
    const [first, ...rest] = models;
    if (!rest.some((other) => other.digest === chosen)) chosen = rest.at(-1)?.digest ?? "";
    set(part("graphs-pairs"), rest.length < 2 ? "" : html`${rest.map(({ digest, title }) => html`<button type="button" class="act small"
      id="graph-${digest.slice(0, 12)}" data-graph="${digest}" aria-pressed="${String(digest === chosen)}">${title}</button>`)}`);
    if (!fold.open || !first || !chosen || shown === `${first.digest} ${chosen}`) return;
    shown = `${first.digest} ${chosen}`;
    part("graphs-title").textContent = "Reading both files…";
    const answer = await question(first.digest, chosen);
    if (!answer) return;
    part("graphs-title").textContent = answer.error ? "" : answer.title;
    set(part("graphs-table"), answer.error ? problem(answer.error) : answer.html);
    if (answer.error) shown = "";
    weights.checked = Boolean(answer.many);
    filter();
  };
  fold.addEventListener("toggle", look);
  for (const box of [differ, weights]) box.addEventListener("change", filter);
  root.addEventListener("click", (event) => {
    const pair = hit(event, "[data-graph]")?.dataset.graph;
    if (pair) { chosen = pair; look(); }
  });
  return {
    view: () => ({ first: models[0]?.digest ?? "", other: chosen }),
    /** @param {Other[]} fresh the reference first */
    show(fresh) {
      models = fresh;
      part("compare-graphs").hidden = fresh.length < 2;
      return look();
    },
  };
};
