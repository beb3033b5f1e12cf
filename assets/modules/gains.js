// Explore's second question: the gain from distillation, by method and over a grid. Asked apart, so that a budget slider never waits for it.
import { connect, newest } from "./api.js";
import { clicked, savable, titled } from "./chart_frame.js";
import { parts, problem, set } from "./html.js";
import { open, tab } from "./navigation.js";
import { poll } from "./polling.js";

/** @typedef {import("./chart_frame.js").Told} Told */
/** @typedef {import("./chart_frame.js").Table} Table */
/**
 * @typedef {{
 *   explore_gains: (asked: {task: string, pair: string, quantity: string}) => Promise<{pairs: string, pair: string, gains: Told, grid: Told}>,
 *   explore_gains_csv: (asked: {task: string, pair: string, of: string}) => Promise<Table>,
 * }} Server
 */

const NARROW = 480; // px of a chart
const CHARTS = /** @type {const} */ (["gains", "grid"]);

/** @param {Figure} figure @param {number} width */
const fit = (figure, width) => {
  figure.layout.margin = { ...figure.layout.margin, l: width < NARROW ? 40 : 64, r: 8 };
  if (width >= NARROW) return;
  delete figure.layout.yaxis.title;
  for (const trace of figure.data) if (trace.type === "heatmap") trace.showscale = false;
  figure.layout.legend = { ...figure.layout.legend, orientation: "v" };
};

/** @param {HTMLElement} root @param {Server} server */
export const mount = (root, server) => {
  const api = connect(server), part = parts(root);
  const pair = part("gains-pair", HTMLSelectElement), quantity = part("grid-quantity", HTMLSelectElement);
  const view = { task: "", linked: new Set() };

  const question = newest(() => api.fetch("explore_gains", { task: view.task, pair: pair.value, quantity: quantity.value }));
  const ask = async () => {
    const answer = await question();
    if (!answer) return;
    set(part("gains-message"), problem(answer.error));
    if (answer.error) return;
    set(pair, answer.pairs);
    pair.value = answer.pair;
    pair.closest(".field")?.toggleAttribute("hidden", !answer.pairs);
    for (const name of CHARTS) show(name, answer[name]);
  };
  /** @param {string} name @param {Told} told */
  const show = async (name, told) => {
    if (name === "grid") quantity.closest(".field")?.toggleAttribute("hidden", !told.figure);
    await titled(root, name, told, fit);
    if (view.linked.has(name) || !told.figure) return;
    view.linked.add(name);
    clicked(part(`${name}-chart`), (run) => open({ tab: "runs", run }));
  };

  for (const select of [pair, quantity]) select.addEventListener("change", ask);
  savable(root, [...CHARTS], (name) => `kdui-${view.task}-${name}`, (of) => api.ask("explore_gains_csv", { task: view.task, pair: pair.value, of }));
  poll("explore", 15, () => view.task && ask());
  return {
    view: () => ({ task: view.task, pair: pair.value, quantity: quantity.value }),
    /** @param {string} task */
    choose(task) {
      if (task === view.task) return;
      view.task = task;
      pair.value = "";
      if (tab() === "explore") ask();
    },
  };
};
