// Figures made in Python, drawn in the theme's colours on elements that keep their zoom.
import { recoloured } from "./figure_colours.js";
import { worded } from "./figure_words.js";
import { CONFIG, follow, leave, plotly, webgl } from "./plotly.js";
import { colour, onTheme } from "./theme.js";

/** @typedef {(figure: Figure) => Figure} Change fits a figure to the page */
/** The chart's element -> the figure's JSON as Python gave it. @type {Map<Chart, {json: string, change: Change}>} */
const drawn = new Map();

/** @param {string} json @returns {Figure} */
export const themed = (json) => recoloured(json, colour);

/** A figure as it is drawn: in the theme's colours and the page's language. @param {string} json */
export const shownFigure = (json) => worded(themed(json));

/** Draws on one persistent element. A later draw keeps the zoom. @param {Chart} element @param {string} json @param {Change} [change] */
export const draw = async (element, json, change = (figure) => figure) => {
  const first = !drawn.has(element);
  drawn.set(element, { json, change });
  const library = await plotly();
  if (drawn.get(element)?.json !== json) return; // cleared, or a newer figure came while Plotly was on its way
  const figure = worded(change(themed(json)));
  for (const trace of figure.data) if (trace.type === "scattergl" && !webgl()) trace.type = "scatter";
  await library.react(element, figure.data, figure.layout, { ...CONFIG });
  if (first) follow(element);
};

/** Forgets the chart on this element: what another run drew must not shine through when that one lacks a series or a chart. @param {Chart} element */
export const clear = (element) => {
  drawn.delete(element);
  leave(element);
  if (element.data) window.Plotly.purge(element);
};
onTheme(() => { for (const [element, { json, change }] of drawn) draw(element, json, change); });

// Plotly's JSON carries arrays as base64 typed arrays.
const TYPES = { f8: Float64Array, f4: Float32Array, i4: Int32Array, i2: Int16Array, i1: Int8Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };
/** @typedef {{bdata: string, dtype: keyof typeof TYPES}} Packed */
/** @param {Packed | ArrayLike<number> | undefined} values @returns {number[]} */
const plain = (values) => {
  if (!values) return [];
  if (!("bdata" in values)) return Array.from(/** @type {ArrayLike<number>} */ (values));
  const bytes = Uint8Array.from(atob(values.bdata), (letter) => letter.charCodeAt(0));
  return Array.from(new TYPES[values.dtype](bytes.buffer));
};

/** Appends the points of `more` to the figure `json`: series meet by their uid; a resumed run overwrites what it repeats. @param {string} json @param {string} more */
export const append = (json, more) => {
  const figure = /** @type {Figure} */ (JSON.parse(json)), added = /** @type {Figure} */ (JSON.parse(more));
  for (const fresh of added.data) {
    const trace = figure.data.find((each) => each.uid === fresh.uid);
    if (!trace) { figure.data.push(fresh); continue; }
    const [x, y, newX] = [plain(trace.x), plain(trace.y), plain(fresh.x)];
    const kept = x.findIndex((value) => value >= newX[0]);
    const end = kept < 0 ? x.length : kept;
    trace.x = [...x.slice(0, end), ...newX];
    trace.y = [...y.slice(0, end), ...plain(fresh.y)];
  }
  return JSON.stringify(figure);
};
