// The chosen family of runs, in the place of the chosen run: its progress, what it found, and what is done with all of it.
import { savable, titled } from "./chart_frame.js";
import { hit, parts, problem, set } from "./html.js";
import { url } from "./state.js";

/** @typedef {import("./chart_frame.js").Told} Told */
/** @typedef {{head: string, found: string, actions: string, extend: string, table: string, map: Told, lines: Told, settled: boolean, error?: string}} Shown */
/** @typedef {{family: string, act: string, setting?: string, values?: string, count?: number}} Act */
/**
 * What it asks of the server.
 * @typedef {{
 *   look: (family: string) => Promise<Shown>, act: (asked: Act) => Promise<{done?: string, error?: string}>,
 *   table: (family: string) => Promise<Partial<import("./chart_frame.js").Table>>,
 * }} Asks
 */

const NARROW = 480; // px of a chart
const CHARTS = ["family-map", "family-lines"];

/** @param {Figure} figure @param {number} width */
const fit = (figure, width) => {
  if (width >= NARROW) return;
  figure.layout.margin = { ...figure.layout.margin, l: 44, r: 12 };
  for (const trace of figure.data) {
    if (trace.type === "heatmap") trace.showscale = false;
    if (trace.type === "parcoords") trace.dimensions = [...trace.dimensions.slice(0, 2), trace.dimensions.at(-1)];
  }
};

/** @param {HTMLElement} root @param {Asks} asks @param {(act: string) => void} changed what follows once something was done */
export const family = (root, asks, changed) => {
  const part = parts(root), setting = part("family-setting", HTMLSelectElement);
  const values = part("family-values", HTMLInputElement), count = part("family-count", HTMLInputElement);
  const view = { family: "", settled: false };

  const look = async () => {
    const key = view.family;
    if (!key) return;
    const answer = await asks.look(key);
    if (key !== view.family) return;
    part("family-message").toggleAttribute("hidden", false);
    if (answer.error) {
      set(part("family-head"), problem(answer.error));
      for (const name of ["actions", "table"]) set(part(`family-${name}`), "");
      return;
    }
    view.settled = answer.settled;
    set(part("family-head"), answer.head);
    set(part("family-found"), answer.found);
    set(part("family-actions"), answer.actions);
    set(part("family-table"), answer.table);
    const chosen = setting.value;
    set(setting, answer.extend);
    if (chosen) setting.value = chosen;
    for (const name of ["setting", "values"]) part(`family-${name}-field`).hidden = !answer.extend;
    part("family-count-field").hidden = Boolean(answer.extend);
    part("family-extend-fold").hidden = !answer.actions;
    await titled(root, "family-map", answer.map, fit);
    await titled(root, "family-lines", answer.lines, fit);
  };
  /** Shows this family, or none. @param {string} key */
  const choose = (key) => {
    if (key === view.family) return;
    view.family = key;
    view.settled = false;
    set(part("family-message"), "");
    part("family-shown").hidden = !key;
    look();
  };
  /** @param {string} act */
  const act = async (act) => {
    const answer = await asks.act({ family: view.family, act, setting: setting.value, values: values.value, count: Number(count.value) || 0 });
    set(part("family-message"), problem(answer.error));
    if (!answer.error && act === "delete") { url.set({ family: "" }); choose(""); }
    changed(act);
    await look();
  };
  const sure = part("family-dialog", HTMLDialogElement);
  sure.addEventListener("close", () => { if (sure.returnValue === "yes") act("delete"); });
  root.addEventListener("click", (event) => {
    const wanted = hit(event, "[data-family-act]")?.dataset.familyAct;
    if (wanted === "delete") { sure.returnValue = "no"; sure.showModal(); } else if (wanted) act(wanted);
  });
  savable(root, CHARTS, (id) => `kdui-${view.family}-${id}`, () => asks.table(view.family));
  return { choose, look, get shown() { return Boolean(view.family); }, get settled() { return view.settled; } };
};
