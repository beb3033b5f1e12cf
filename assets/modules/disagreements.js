// Compare's last question: the test examples on which two of the chosen models disagree.
import { newest } from "./api.js";
import { all, hit, html, parts, problem, set } from "./html.js";

/** @typedef {{digest: string, title: string}} Other one of the chosen models */
/** @typedef {(first: string, other: string) => Promise<{html: string, error?: string}>} Parted */

/** @param {HTMLElement} root @param {Parted} ask */
export const disagreements = (root, ask) => {
  const part = parts(root), question = newest(ask);
  /** @type {Other[]} */
  let models = [];
  let chosen = ""; // the one that stands beside the first of the models

  const look = async () => {
    const [first, ...rest] = models;
    if (!rest.some((other) => other.digest === chosen)) chosen = rest[0]?.digest ?? "";
    set(part("compare-pairs"), rest.length < 2 ? "" : html`${rest.map(({ digest, title }) => html`<button type="button" class="act small"
      id="pair-${digest.slice(0, 12)}" data-other="${digest}" aria-pressed="${String(digest === chosen)}">${title}</button>`)}`);
    if (!first || !chosen) return;
    set(part("compare-table"), html`<p class="lead" role="status">Looking through the test data…</p>`);
    const answer = await question(first.digest, chosen);
    if (!answer) return;
    set(part("compare-table"), answer.error ? problem(answer.error) : answer.html);
    filter();
  };
  // What is shown of them: those of a label, and those of which the first model is confident.
  const label = part("parted-label", HTMLInputElement), sure = part("parted-sure", HTMLSelectElement);
  const filter = () => {
    const wanted = label.value.trim().toLowerCase();
    for (const pair of all(root, "details.parted", HTMLDetailsElement)) {
      const named = all(pair, "summary b", HTMLElement).some((each) => each.textContent?.toLowerCase().includes(wanted));
      const examples = all(pair, ".parted-one", HTMLElement);
      for (const each of examples) each.hidden = Number(each.dataset.sure) < Number(sure.value);
      pair.hidden = !named || examples.every((each) => each.hidden);
      if (wanted && !pair.hidden) pair.open = true; // who looks for a label wants to see its examples
    }
  };
  label.addEventListener("input", filter);
  sure.addEventListener("change", filter);
  part("compare-table").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key], now = hit(event, ".example");
    if (!step || !now) return;
    event.preventDefault();
    const shown = all(part("compare-table"), ".example", HTMLElement).filter((each) => each.checkVisibility());
    shown[shown.indexOf(now) + step]?.focus(); // Enter runs all models on it, as a click does
  });
  root.addEventListener("click", (event) => {
    const pair = hit(event, "[data-other]");
    if (!pair) return;
    chosen = pair.dataset.other ?? "";
    look();
  });
  return {
    view: () => ({ first: models[0]?.digest ?? "", other: chosen }),
    /** @param {Other[]} fresh the reference first */
    show(fresh) {
      models = fresh;
      return look();
    },
  };
};
