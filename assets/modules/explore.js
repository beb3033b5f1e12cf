// Explore: the Pareto chart, the budget sliders and the table of models; all of it is one question to the server on release.
import { connect, newest, ofShownRuns } from "./api.js";
import { brush } from "./brush.js";
import { sliders } from "./budget.js";
import { choosing } from "./choosing.js";
import { clicked, savePicture, saveTable } from "./chart_frame.js";
import * as evidence from "./evidence.js";
import { draw } from "./figures.js";
import * as gains from "./gains.js";
import { all, hit, parts, problem, set } from "./html.js";
import * as layers from "./layers.js";
import * as linked from "./linked.js";
import { named, onAddress, open, tab } from "./navigation.js";
import { pinnable } from "./pin.js";
import { poll } from "./polling.js";
import { savedViews } from "./saved_views.js";
import { url } from "./state.js";

/** @typedef {import("./budget.js").Limits} Limits */
/** @typedef {{task: string, x: string, budget: Limits, narrow: linked.Narrow, sort: string, down: boolean, page: number}} Wish */
/** @typedef {Record<"figure" | "title" | "subtitle" | "x" | "missing" | "narrowed" | "winner" | "gain" | "front" | "table", string>} Texts */
/**
 * @typedef {{
 *   explore_start: (asked: {}) => Promise<{task: string, tasks: string}>,
 *   explore_view: (asked: Wish) => Promise<Texts & {ranges: import("./budget.js").Ranges, empty?: string, axes: string[]}>,
 *   saved_views: import("./saved_views.js").Ask,
 *   explore_csv: (asked: {task: string}) => Promise<import("./chart_frame.js").Table>,
 * } & gains.Server & layers.Server & evidence.Server & linked.Server} Server
 */

const KEYS = { latency_ms: "latency", download_mb: "download", retained: "keep" }; // names in the URL
const COSTS = ["latency_ms", "token_ms", "download_mb", "parameters", "macs"];
const NARROW = 560; // px of the chart

/** The limits that stand in the address. */
const addressedLimits = () => {
  const limits = /** @type {Limits} */ ({});
  for (const [name, key] of Object.entries(KEYS)) {
    const text = url.get(key), value = Number(text);
    if (text && Number.isFinite(value) && value > 0) limits[name] = value;
  }
  return limits;
};

/** What the views are narrowed to by the address. @returns {linked.Narrow} */
const addressedNarrow = () => {
  const best = Number(url.get("best")), text = url.get("only");
  const narrow = /** @type {linked.Narrow} */ ({});
  if (best > 0 && best < 100) narrow.best = best;
  try { if (text) narrow.only = JSON.parse(text); } catch { /* somebody cut the link: nothing is narrowed */ }
  return narrow;
};
/** Percent that a position of the slider keeps: fine at its good end. @param {number} position */
const percentAt = (position) => (position >= 100 ? 100 : Number((100 ** (position / 100)).toPrecision(2)));

/** @param {HTMLElement} root @param {Server} given */
export const mount = async (root, given) => {
  const server = ofShownRuns(given);
  const api = connect(server), part = parts(root);
  const axis = part("explore-x", HTMLSelectElement), tasks = all(root, "select[data-task]", HTMLSelectElement);
  const sections = { gains: gains.mount(root, server), layers: layers.mount(root, server), evidence: evidence.mount(root, server) };
  const below = Object.values(sections);
  const view = { task: "", limits: addressedLimits(), narrow: addressedNarrow(), sort: "headline", down: true, page: 1, figure: "", x: "" };
  const beside = linked.mount(root, server, () => ({ task: view.task, x: view.x, narrow: view.narrow }), (narrow) => change({ narrow }));
  const best = part("explore-best", HTMLInputElement);
  /** @param {number} percent */
  const tellBest = (percent) => {
    const text = percent >= 100 ? "all models" : `best ${percent} %`;
    part("out-best").textContent = text;
    best.setAttribute("aria-valuetext", text);
    if (document.activeElement !== best) best.value = String(percent >= 100 ? 100 : Math.round(50 * Math.log10(percent)));
  };
  best.addEventListener("input", () => tellBest(percentAt(Number(best.value))));
  best.addEventListener("change", () => {
    const percent = percentAt(Number(best.value)), { best: _, ...rest } = view.narrow;
    change({ narrow: percent >= 100 ? rest : { ...rest, best: percent } });
  });
  const budget = sliders(root, (name, value) => change({ limits: { ...view.limits, [name]: value } }));

  const ticks = choosing(root, part("explore-chosen"));
  savedViews(root, "explore", (asked) => api.ask("saved_views", asked));

  // --- one question, one answer ------------------------------------------------------------------------------------------------
  const wish = () => {
    const { task, limits, narrow, sort, down, page } = view;
    const set = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== null && value !== undefined));
    return { task, x: view.x, budget: set, narrow, sort, down, page };
  };
  const question = newest(() => api.fetch("explore_view", wish()));
  const ask = async () => {
    const answer = await question();
    if (!answer) return;
    set(part("explore-message"), problem(answer.error));
    part("explore-shown").hidden = Boolean(answer.error || answer.empty);
    part("explore-empty").hidden = !answer.empty;
    if (answer.error) return;
    if (answer.empty) {
      set(all(part("explore-empty"), ".empty", HTMLElement)[0], answer.empty);
      return;
    }
    for (const option of axis.options) option.hidden = !answer.axes.includes(option.value);
    axis.value = answer.x;
    budget.place(answer.ranges, view.limits);
    tellBest(view.narrow.best ?? 100);
    beside.ask();
    for (const name of /** @type {const} */ (["title", "subtitle", "missing"])) part(`explore-${name}`).textContent = answer[name];
    for (const name of /** @type {const} */ (["narrowed", "winner", "gain", "front", "table"])) set(part(`explore-${name}`), answer[name]);
    ticks.show();
    part("explore-front").hidden = !narrow();
    if (answer.figure === view.figure) return;
    view.figure = answer.figure;
    await chart();
  };
  let followed = false;
  const place = part("explore-chart"), narrow = () => place.clientWidth < NARROW;
  const brushing = brush(root, place, part("explore-brush"), (x, headline) => change({ narrow: { ...view.narrow, only: { ...view.narrow.only, [axis.value]: x, headline } } }));
  const chart = async () => {
    await draw(place, view.figure, (figure) => {
      delete figure.layout.title; // stands above the chart as text
      figure.layout.uirevision = `${view.task} ${axis.value}`;
      figure.layout.dragmode = brushing.mode();
      if (narrow()) {
        const { xaxis } = figure.layout;
        figure.layout.margin = { ...figure.layout.margin, l: 52, r: 6 };
        // Names would cross points and each other: they stand below the chart.
        for (const trace of figure.data) if (trace.name === "Pareto front") Object.assign(trace, { mode: "lines", text: undefined });
        for (const ticks of ["tickvals", "ticktext"]) xaxis[ticks] = xaxis[ticks]?.filter((/** @type {unknown} */ _, /** @type {number} */ at) => at % 2 === 0);
      }
      return figure;
    });
    brushing.listen();
    if (followed) return;
    followed = true;
    clicked(place, (run) => open({ tab: "runs", run }));
  };
  const remember = () => {
    const sort = view.sort === "headline" && view.down ? "" : `${view.down ? "-" : ""}${view.sort}`;
    const limits = Object.fromEntries(Object.entries(KEYS).map(([name, key]) => [key, view.limits[name]]));
    const { best = "", only = {} } = view.narrow;
    url.set({ task: view.task, x: view.x, sort, best, only: Object.keys(only).length ? JSON.stringify(only) : "", ...limits });
  };
  /** @param {Partial<typeof view>} values */
  const change = (values) => {
    Object.assign(view, { page: 1 }, values);
    remember();
    return ask();
  };

  // --- what a person does ------------------------------------------------------------------------------------------------------
  axis.addEventListener("change", () => change({ x: axis.value }));
  /** The lists of tasks as they are now; gives the task to begin with. */
  const listed = async () => {
    const start = await api.fetch("explore_start", {});
    for (const select of tasks) set(select, start.tasks);
    return start.task;
  };
  /** @param {string} task */
  const known = (task) => tasks.some((select) => [...select.options].some((option) => option.value === task));
  /** @param {string | null} task */
  const choose = async (task) => {
    if (!task || task === view.task) return;
    if (!known(task)) await listed(); // a text of somebody's own may have become one
    for (const select of tasks) select.value = known(task) ? task : view.task;
    if (!known(task)) return;
    Object.assign(view, { task, limits: {}, narrow: {}, page: 1 });
    for (const each of below) each.choose(task);
    if (tab() === "explore") change({}); // else it is asked as soon as somebody turns to it
  };
  for (const select of tasks) select.addEventListener("change", () => open({ tab: "explore", task: select.value }));
  root.addEventListener("click", (event) => {
    const sort = hit(event, "[data-sort]")?.dataset.sort, page = hit(event, "[data-page]")?.dataset.page;
    const kind = hit(event, "[data-save]:not([data-of])")?.dataset.save, row = hit(event, "tr[data-run]");
    // A first click shows the best: the cheapest of what costs, the highest of what is gained.
    const widen = hit(event, "[data-widen]")?.dataset.widen;
    if (widen) {
      const { best: kept, only = {} } = view.narrow, { [widen]: _, ...rest } = only;
      change({ narrow: { ...(widen === "best" || kept === undefined ? {} : { best: kept }), only: rest } });
    } else if (sort) change({ sort, down: sort === view.sort ? !view.down : !["label", ...COSTS].includes(sort) });
    else if (page) { view.page = Number(page); ask(); }
    else if (kind) save(kind);
    else if (row && !hit(event, "a, input")) open({ tab: "runs", run: row.dataset.run });
  });
  /** @param {string} kind */
  const save = async (kind) => {
    if (kind !== "csv") { savePicture(view.figure, kind, `kdui-${view.task}`); return; }
    const answer = await api.ask("explore_csv", { task: view.task });
    if (answer.csv) saveTable(answer);
  };

  pinnable(root, (place) => {
    if (["pareto", "best", "models"].includes(place)) return wish();
    if (["parallel", "all-tasks"].includes(place)) return beside.view();
    return place === "layers" ? sections.layers.view() : ["gains", "grid"].includes(place) ? sections.gains.view() : sections.evidence.view();
  });

  // --- start -------------------------------------------------------------------------------------------------------------------
  const x = url.get("x"), sort = url.get("sort");
  if ([...axis.options].some((option) => option.value === x)) view.x = x ?? "";
  if (sort && named() === "explore") Object.assign(view, { down: sort.startsWith("-"), sort: sort.replace(/^-/, "") });
  const first = await listed();
  view.task = url.get("task") || first;
  for (const select of tasks) select.value = view.task;
  onAddress(() => choose(url.get("task")));
  await ask();
  for (const each of below) each.choose(view.task);
  poll("explore", 5, ask);
};
