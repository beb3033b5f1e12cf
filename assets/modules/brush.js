// Explore's Pareto chart as a brush: a rectangle dragged over it keeps what lies inside in every linked view. And a model that is pointed
// at in the chart is marked in the table, and the other way round.
import { all, hit } from "./html.js";

/** @typedef {[number, number]} Range */

/** A rectangle's side, which Plotly tells in the axis' own values, whichever way it was dragged. @param {number[]} ends @returns {Range} */
const ordered = ([one, other]) => (one < other ? [one, other] : [other, one]);

/**
 * @param {HTMLElement} root @param {Chart} chart @param {HTMLElement} button turns the brush on and off
 * @param {(x: Range, y: Range) => void} kept
 */
export const brush = (root, chart, button, kept) => {
  let on = false, listening = false;
  const mode = () => (on ? "select" : "zoom");

  /** The row of the table and the point of the chart for one model; a run has several. @param {unknown} run @param {unknown} label */
  const rowOf = (run, label) => all(root, "tr[data-run]", HTMLElement).find((row) => row.dataset.run === run && row.querySelector("a.name")?.textContent === label);
  const pointOf = (/** @type {HTMLElement} */ row) => {
    const label = row.querySelector("a.name")?.textContent;
    for (const [curveNumber, trace] of (chart.data ?? []).entries()) {
      const pointNumber = Array.isArray(trace.customdata) ? trace.customdata.findIndex((/** @type {unknown[]} */ each) => each?.[0] === row.dataset.run && each?.[1] === label) : -1;
      if (pointNumber >= 0) return { curveNumber, pointNumber };
    }
    return null;
  };
  const mark = (/** @type {HTMLElement | undefined} */ row) => {
    for (const each of all(root, "tr.pointed", HTMLElement)) each.classList.toggle("pointed", each === row);
    row?.classList.add("pointed");
  };
  const listen = () => {
    if (listening) return;
    listening = true;
    chart.on?.("plotly_selected", (event) => {
      if (!on || !event?.range) return;
      kept(ordered(event.range.x), ordered(event.range.y));
      window.Plotly.update(chart, { selectedpoints: null }, { selections: [] }); // what is kept is drawn anew, and nothing of it dimmed
    });
    chart.on?.("plotly_hover", ({ points }) => {
      const [run, label] = [points[0]?.customdata].flat();
      mark(rowOf(run, label));
    });
    chart.on?.("plotly_unhover", () => mark(undefined));
  };
  const pointed = (/** @type {Event} */ event) => {
    const row = hit(event, "tr[data-run]"), point = row && pointOf(row);
    if (point) window.Plotly.Fx.hover(chart, [point]);
  };
  root.addEventListener("pointerover", pointed);
  root.addEventListener("focusin", pointed);
  for (const away of ["pointerout", "focusout"]) root.addEventListener(away, (event) => { if (listening && hit(event, "tr[data-run]")) window.Plotly.Fx.unhover(chart); });
  button.addEventListener("click", () => {
    on = !on;
    button.setAttribute("aria-pressed", String(on));
    if (chart.data) window.Plotly.update(chart, {}, { dragmode: mode() });
  });
  return { listen, mode };
};
