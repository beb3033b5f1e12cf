// Lesson 6: real weights rounded to a grid of few levels, whose step the largest weight decides.
import { all, html, set } from "../html.js";
import { rounding } from "./rounding.js";
import { box, dot, knobs, line, linear, picture, recorded, segments, slider, svg, text } from "./picture.js";

/** @typedef {Parameters<typeof recorded>[0] & {largest: number, deviation: number, rows: Record<"outlier" | "ordinary", {row: number, weights: number[]}>}} Data */

const SHOWN = 96; // weights that are drawn one by one; all of the row count
const PARTS = 41;

/** @param {HTMLElement} root @param {Data} data */
export const mount = (root, data) => {
  const values = { bits: 8, scale: "row", row: "ordinary", clip: 100 };
  set(root, html`<div class="knobs">${slider("bits", "Bits of a weight", { min: 2, max: 8 })}${slider("clip", "Range kept", { min: 1, max: 100 })}</div>
    <div class="knobs">${segments("scale", "One scale for", [["matrix", "the whole matrix"], ["row", "each row"], ["block", "32 weights"]])}
    ${segments("row", "Row shown", [["ordinary", `ordinary row ${data.rows.ordinary.row}`], ["outlier", `row ${data.rows.outlier.row}, with an outlier`]])}</div>
    <p class="caption">Where this row's weights lie, and the levels of the grid</p><div class="sketch"></div>
    <p class="caption">Each weight and what it becomes</p><div class="sketch"></div><p class="says"></p>${recorded(data)}`);
  const [histogram, weights] = all(root, ".sketch", HTMLElement), [says] = all(root, ".says", HTMLElement);
  const row = () => data.rows[/** @type {"outlier" | "ordinary"} */ (values.row)].weights;
  const ranges = () => {
    const whole = values.scale === "matrix" ? [data.largest] : undefined, size = values.scale === "block" ? 32 : row().length;
    return rounding.ranges(row(), size, whole?.[0]).map((range) => (range * values.clip) / 100);
  };
  let now = rounding.rounded(row(), ranges(), values.bits);

  // The ordinary weights fill the picture; a level or a weight beyond it is counted at the edge.
  const spread = 5 * data.deviation;
  const drawHistogram = picture(histogram, (width) => {
    const x = linear(-spread, spread, 10, width - 10), counts = new Array(PARTS).fill(0);
    for (const weight of row()) if (Math.abs(weight) < spread) counts[Math.floor(((weight + spread) / (2 * spread)) * PARTS)] += 1;
    const y = linear(0, Math.max(...counts), 140, 20), step = (width - 20) / PARTS, range = Math.max(...ranges()), beyond = row().filter((weight) => Math.abs(weight) >= spread);
    const levels = rounding.levels(range, values.bits).filter((level) => Math.abs(level) <= spread);
    return svg(width, 202, `${levels.length} of ${2 ** values.bits - 1} levels lie where the weights are`, html`
      ${counts.map((count, i) => box(10 + i * step, y(count), step - 1, 140 - y(count), "compressed faint"))}
      ${levels.map((level) => line(x(level), levels.length > 40 ? 140 : 24, x(level), 150, levels.length > 40 ? "teacher thin" : "teacher"))}${line(10, 140, width - 10, 140, "axis")}
      ${[-4, -2, 0, 2, 4].map((k) => text(x(k * data.deviation), 168, (k * data.deviation).toFixed(2).replace("-", "−"), "middle mute"))}
      ${text(10, 194, `${levels.length} of ${2 ** values.bits - 1} levels lie here`, "strong")}
      ${beyond.length ? text(width - 10, 194, `${beyond.length} beyond, up to ${Math.max(...beyond.map(Math.abs)).toFixed(2)} →`, "end over") : ""}`);
  });
  const drawWeights = picture(weights, (width) => {
    const shown = row().slice(0, SHOWN), x = linear(0, SHOWN - 1, 10, width - 10), y = linear(-4 * data.deviation, 4 * data.deviation, 150, 10);
    const near = (/** @type {number} */ weight) => Math.max(4, Math.min(156, y(weight)));
    return svg(width, 160, `${shown.length} weights and their rounded values`, html`${line(10, y(0), width - 10, y(0), "axis")}
      ${shown.map((weight, i) => html`${line(x(i), near(weight), x(i), near(now[i]), "")}${dot(x(i), near(weight), 2, "control")}${dot(x(i), near(now[i]), 3, now[i] === 0 ? "over" : "teacher")}`)}`);
  });
  const changed = () => {
    now = rounding.rounded(row(), ranges(), values.bits);
    const zeros = now.filter((weight) => weight === 0).length / now.length, ratio = rounding.decibels(row(), now);
    drawHistogram(); drawWeights();
    set(says, html`<b>${(100 * zeros).toFixed(zeros > 0.995 && zeros < 1 ? 1 : 0)} %</b> of this row's ${row().length.toLocaleString("en")} weights become zero (red).
      Signal to rounding noise: <b>${Number.isFinite(ratio) ? `${ratio.toFixed(1)} dB` : "–"}</b>${ratio < 10 ? ": the layer computes something else." : ratio < 20 ? ": expect to lose accuracy." : ": usually harmless."}`);
  };
  return knobs(root, values, changed, { bits: (bits) => `${bits}: ${2 ** bits - 1} levels`, clip: (share) => `${share} % of the largest` });
};
