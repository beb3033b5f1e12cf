// Explore's question about layers: a heat map of what each one costs when it is changed by itself. Asked apart from the rest.
import { connect, newest } from "./api.js";
import { savable, titled } from "./chart_frame.js";
import { parts, problem, set } from "./html.js";
import { tab } from "./navigation.js";
import { poll } from "./polling.js";

/** @typedef {import("./chart_frame.js").Told} Told */
/** @typedef {import("./chart_frame.js").Table} Table */
/** @typedef {{task: string, model: string, method: string, quantity: string}} Wish */
/** @typedef {{layers: Told, models: string, model: string, methods?: string, method?: string}} Answer */
/** @typedef {{explore_layers: (asked: Wish) => Promise<Answer>, explore_layers_csv: (asked: Wish) => Promise<Table>}} Server */

const NARROW = 560; // px of the chart

/** @param {Figure} figure @param {number} width */
const fit = (figure, width) => {
  if (width >= NARROW) return;
  delete figure.layout.yaxis.title;
  figure.layout.xaxis.title.text = figure.layout.xaxis.title.text.replace(/ \(.*\)$/, "");
  for (const trace of figure.data) trace.showscale = false;
};

/** @param {HTMLElement} root @param {Server} server */
export const mount = (root, server) => {
  const api = connect(server), part = parts(root);
  const [model, method, quantity] = ["model", "method", "quantity"].map((name) => part(`layers-${name}`, HTMLSelectElement));
  let task = "";
  const wish = () => ({ task, model: model.value, method: method.value, quantity: quantity.value });

  const question = newest(() => api.fetch("explore_layers", wish()));
  const ask = async () => {
    const answer = await question();
    if (!answer) return;
    set(part("layers-message"), problem(answer.error));
    if (answer.error) return;
    set(model, answer.models);
    model.value = answer.model;
    set(method, answer.methods ?? "");
    method.value = answer.method ?? "";
    for (const select of [model, method, quantity]) select.closest(".field")?.toggleAttribute("hidden", !answer.layers.figure);
    titled(root, "layers", answer.layers, fit);
  };

  for (const select of [model, method, quantity]) select.addEventListener("change", ask);
  savable(root, ["layers"], () => `kdui-${task}-layers`, () => api.ask("explore_layers_csv", wish()));
  poll("explore", 30, () => task && ask());
  return {
    view: wish,
    /** @param {string} chosen */
    choose(chosen) {
      if (chosen === task) return;
      task = chosen;
      model.value = "";
      if (tab() === "explore") ask();
    },
  };
};
