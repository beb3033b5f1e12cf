// Lesson 3: every recorded gain of a teacher with its interval, against the smallest gain that somebody would pay for.
import { all, html, set } from "../html.js";
import { dot, knobs, line, linear, picture, recorded, segments, slider, svg, text } from "./picture.js";

/** @typedef {{title: string, few: boolean, gain: number, half: number, verdict: string}} Row points gained, and half the width of their interval */
/** @typedef {Parameters<typeof recorded>[0] & {rows: Row[]}} Data */

const LOW = -10, HIGH = 8, STEP = 8;

/** Whether a gain of at least `least` points is shown, excluded, or neither. @param {Row} row @param {number} least */
const known = ({ gain, half }, least) => (gain - half >= least ? "shown" : gain + half < least ? "excluded" : "open");
/** @type {Record<string, string>} */
const KINDS = { shown: "student", excluded: "over", open: "control" };
/** @param {number} value */
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;

/** @param {HTMLElement} root @param {Data} data */
export const mount = (root, data) => {
  const values = { least: 0, labels: "few", row: 0 };
  set(root, html`<div class="knobs">${segments("labels", "Training data", [["every", "all settings"], ["full", "every example has a label"], ["few", "few labels"]])}</div>
    <div class="knobs">${slider("least", "Worth paying for", { min: 0, max: 4, step: 0.25 })}${slider("row", "Point out", { min: 0, max: data.rows.length - 1 })}</div>
    <p class="caption">Points of accuracy gained over the same student without a teacher</p><div class="sketch"></div><p class="says"></p>${recorded(data)}`);
  const [sketch] = all(root, ".sketch", HTMLElement), [says] = all(root, ".says", HTMLElement);
  const shown = () => data.rows.filter(({ few }) => values.labels === "every" || few === (values.labels === "few")).sort((a, b) => b.gain - a.gain);
  const draw = picture(sketch, (width) => {
    const rows = shown(), x = linear(LOW, HIGH, 8, width - 8), height = Math.max(150, rows.length * STEP + 20), gap = (height - 20) / rows.length;
    const inside = (/** @type {number} */ value) => Math.max(8, Math.min(width - 8, x(value))), pointed = rows[Math.min(values.row, rows.length - 1)];
    return svg(width, height + 50, `${rows.length} gains, from ${signed(rows[0].gain)} to ${signed(rows[rows.length - 1].gain)} points`, html`
      ${[-10, -5, 0, 5].map((tick) => html`${line(x(tick), 6, x(tick), height, tick ? "" : "axis")}${text(x(tick), height + 20, tick ? signed(tick).replace(".0", "") : "0", "middle mute")}`)}
      ${values.least ? line(x(values.least), 6, x(values.least), height, "over") : ""}
      ${rows.map((row, i) => {
        const y = 12 + (i + 0.5) * gap, kind = KINDS[known(row, values.least)], near = row === pointed;
        return html`${line(inside(row.gain - row.half), y, inside(row.gain + row.half), y, kind)}${dot(inside(row.gain), y, near ? 8 : 4, kind, html`<title>${row.title}</title>`)}`;
      })}${text(8, height + 44, "mean over three seeds, 95 % interval", "mute")}`);
  });
  const changed = () => {
    const rows = shown(), count = (/** @type {string} */ what) => rows.filter((row) => known(row, values.least) === what).length, pointed = rows[Math.min(values.row, rows.length - 1)];
    const goal = values.least ? `a gain of ${values.least} points or more` : "any gain at all";
    set(says, html`Of ${rows.length} students, <b>${count("shown")}</b> show ${goal}, <b>${count("excluded")}</b> exclude it, and <b>${count("open")}</b> leave it open.
      Large dot: ${pointed.title}, <b>${signed(pointed.gain)} ± ${pointed.half.toFixed(1)}</b>.`);
    draw();
  };
  return knobs(root, values, changed, { least: (points) => (points ? `${points} points` : "any gain"), row: (place) => `line ${place + 1}` });
};
