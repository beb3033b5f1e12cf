// Explore's linked views: ranges dragged on the parallel coordinates narrow every view of the task; and all tasks on one chart.
import { connect, newest } from "./api.js";
import { clicked, savable, titled } from "./chart_frame.js";
import { parts } from "./html.js";
import { open } from "./navigation.js";
import { webgl } from "./plotly.js";
import { later } from "./polling.js";

/** @typedef {import("./chart_frame.js").Told} Told */
/** @typedef {{best?: number, only?: Record<string, (number | string)[]>}} Narrow what is kept: the best so many percent, ranges or words by setting */
/** @typedef {{key: string, log: boolean, values: string[] | null}} Axis */
/**
 * @typedef {{
 *   explore_parallel: (asked: {task: string, x: string, narrow: Narrow}) => Promise<Told>,
 *   explore_tasks: (asked: {by: string}) => Promise<Told>,
 *   explore_linked_csv: (asked: {task: string}) => Promise<import("./chart_frame.js").Table>,
 * }} Server
 */

const NARROW = 640, FEW = 3; // px of the chart, and the axes that fit into it below that

/** What a range on an axis keeps. @param {Axis} axis @param {number[]} range @returns {(number | string)[]} */
const kept = ({ log, values }, range) => {
  const [low, high] = range;
  if (values) return values.filter((_, place) => place >= low && place <= high);
  return log ? [10 ** low, 10 ** high] : [low, high];
};

/**
 * @param {HTMLElement} root @param {Server} server
 * @param {() => {task: string, x: string, narrow: Narrow}} wish @param {(narrow: Narrow) => void} narrowed
 */
export const mount = (root, server, wish, narrowed) => {
  const api = connect(server), part = parts(root), card = part("parallel-card"), chart = /** @type {Chart} */ (part("parallel-chart"));
  const by = part("all-tasks-by", HTMLSelectElement), fold = part("all-tasks-fold", HTMLDetailsElement);
  let axes = /** @type {Axis[]} */ ([]), listening = false, linked = false, asked = "";

  const question = newest(() => api.fetch("explore_parallel", wish()));
  const ask = async () => {
    const key = JSON.stringify(wish());
    if (!wish().task || key === asked) return;
    const answer = await question();
    if (!answer || answer.error) return;
    asked = key;
    card.hidden = !answer.figure || !webgl(); // parallel coordinates know no other way
    if (answer.figure && card.hidden) return;
    await titled(root, "parallel", answer, (figure, width) => {
      const [trace] = figure.data;
      let places = trace.dimensions.map((/** @type {unknown} */ _, /** @type {number} */ at) => at);
      if (width < NARROW) places = places.filter((/** @type {number} */ at) => at < FEW - 1 || at === trace.dimensions.length - 1);
      axes = places.map((/** @type {number} */ at) => figure.layout.meta.axes[at]);
      trace.dimensions = places.map((/** @type {number} */ at) => trace.dimensions[at]);
      if (width < NARROW) figure.layout.margin = { ...figure.layout.margin, l: 44, r: 44 };
    });
    if (listening || !answer.figure) return;
    listening = true;
    chart.on?.("plotly_restyle", brushed);
  };
  const brushed = later(200, () => {
    /** @type {Record<string, (number | string)[]>} */
    const only = {};
    const dimensions = chart.data?.[0]?.dimensions ?? [];
    axes.forEach((axis, place) => {
      const range = dimensions[place]?.constraintrange;
      if (!range) return;
      const ends = Array.isArray(range[0]) ? [range[0][0], range.at(-1)[1]] : range;
      const values = kept(axis, ends);
      if (values.length) only[axis.key] = values;
    });
    narrowed({ ...wish().narrow, only });
  });
  const tasks = async () => {
    if (!fold.open) return;
    const answer = await api.ask("explore_tasks", { by: by.value });
    if (answer.error) { part("all-tasks-title").textContent = answer.error; return; }
    await titled(root, "all-tasks", answer, (figure, width) => {
      if (width < NARROW) { figure.layout.margin = { ...figure.layout.margin, l: 48, r: 8 }; figure.layout.legend = { ...figure.layout.legend, orientation: "v", y: -0.3, yanchor: "top" }; }
    });
    if (linked || !answer.figure) return;
    linked = true;
    clicked(part("all-tasks-chart"), (run) => open({ tab: "runs", run }));
  };
  fold.addEventListener("toggle", tasks);
  by.addEventListener("change", tasks);
  savable(root, ["parallel", "all-tasks"], (name) => `kdui-${wish().task}-${name}`, () => api.ask("explore_linked_csv", { task: wish().task }));
  return { ask, view: () => ({ ...wish(), by: by.value }) };
};
