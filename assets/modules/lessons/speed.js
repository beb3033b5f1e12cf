// Lesson 11: raw latencies of one file that poses as two; how they are taken and summed up decides which of both is "faster".
import { all, html, set } from "../html.js";
import { maths } from "../mathematics.js";
import { dot, knobs, line, linear, logarithmic, picture, recorded, segments, slider, svg, text } from "./picture.js";

/** @typedef {{a: number[], b: number[]}} Pair ms of each answer, in the order in which they were taken */
/** @typedef {Parameters<typeof recorded>[0] & {after: Pair, turns: Pair}} Data */

const DRAWS = 200;

/** @type {Record<string, (values: number[]) => number>} */
const SUMMARIES = {
  mean: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  p50: (values) => maths.quantile([...values].sort((a, b) => a - b), 0.5),
  least: (values) => Math.min(...values),
  p95: (values) => maths.quantile([...values].sort((a, b) => a - b), 0.95),
};
const WORDS = { mean: "mean", p50: "median (p50)", least: "minimum", p95: "p95" };

/** The ratio a : b with a 95 % bootstrap interval, whose draws are the same each time. @param {number[]} a @param {number[]} b @param {string} how */
export const ratio = (a, b, how) => {
  let seed = 1;
  const next = (/** @type {number} */ most) => { seed = (seed * 48271) % 2147483647; return seed % most; }; // Park and Miller's generator
  const sum = SUMMARIES[how];
  const draws = Array.from({ length: DRAWS }, () => {
    const places = a.map(() => next(a.length));
    return sum(places.map((i) => a[i])) / sum(places.map((i) => b[i]));
  }).sort((x, y) => x - y);
  return { found: sum(a) / sum(b), low: maths.quantile(draws, 0.025), high: maths.quantile(draws, 0.975) };
};

/** @param {HTMLElement} root @param {Data} data */
export const mount = (root, data) => {
  const values = { order: "after", warm: 0, n: 50, how: "mean" };
  set(root, html`<div class="knobs">${segments("order", "Order", [["after", "all of A, then all of B"], ["turns", "A and B in turn"]])}
    ${segments("how", "Summed up by", Object.entries(WORDS))}</div>
    <div class="knobs">${slider("warm", "Warm-up left out", { min: 0, max: 40, step: 5 })}${slider("n", "Answers timed", { min: 10, max: 160, step: 10 })}</div>
    <p class="caption">Milliseconds of each answer</p><div class="sketch"></div><p class="says headline"></p><p class="says"></p>${recorded(data)}`);
  const [sketch] = all(root, ".sketch", HTMLElement), [headline, hint] = all(root, ".says", HTMLElement);
  const chosen = () => {
    const { a, b } = data[/** @type {"after" | "turns"} */ (values.order)], end = values.warm + values.n;
    return { a: a.slice(values.warm, end), b: b.slice(values.warm, end) };
  };
  const every = [...data.after.a, ...data.after.b, ...data.turns.a, ...data.turns.b], low = Math.min(...every) * 0.9, high = Math.max(...every) * 1.1;
  const draw = picture(sketch, (width) => {
    const { a, b } = chosen(), y = logarithmic(low, high, 220, 12), after = values.order === "after", half = (width - 70) / 2;
    const place = after ? [linear(0, a.length, 48, 48 + half), linear(0, b.length, 60 + half, width - 10)] : [linear(0, a.length, 48, width - 10), linear(0, b.length, 50, width - 8)];
    const middles = [a, b].map((each) => SUMMARIES[values.how](each)), kinds = ["teacher", "compressed"], names = ["A", "B"];
    const ticks = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000].filter((tick) => tick > low && tick < high);
    return svg(width, 262, `A ${middles[0].toFixed(3)} ms, B ${middles[1].toFixed(3)} ms by ${values.how}`, html`
      ${ticks.map((tick) => html`${line(48, y(tick), width - 8, y(tick), "")}${text(42, y(tick) + 5, String(tick), "end mute")}`)}
      ${[a, b].map((each, k) => html`${each.map((ms, i) => dot(place[k](i), y(ms), 2.5, `${kinds[k]} faint`))}
        ${line(place[k](0), y(middles[k]), place[k](each.length), y(middles[k]), kinds[k])}`)}
      ${names.map((name, k) => text(after ? place[k](0) + 4 : 52 + k * 150, 250, `${name}: ${middles[k].toPrecision(3)} ms`, "strong"))}`);
  });
  const changed = () => {
    const { a, b } = chosen(), { found, low: from, high: to } = ratio(a, b, values.how), sees = from > 1 || to < 1;
    const verdict = Math.abs(found - 1) < 0.005 ? "B is as fast as A" : found > 1 ? `B is ${found.toFixed(2)}× as fast as A` : `B takes ${(1 / found).toFixed(2)}× as long as A`;
    set(headline, html`<b>${verdict}</b> (95 % interval of the ratio ${from.toFixed(2)} to ${to.toFixed(2)}).`);
    set(hint, sees ? html`The truth is 1: A and B are the same file. <b>This measurement would have published a difference that is not there.</b>`
      : html`The truth is 1, and it lies in the interval: <b>no difference shown</b>, as it should be.`);
    draw();
  };
  return knobs(root, values, changed, { warm: (count) => `${count} answers`, n: (count) => `${count} each` });
};
