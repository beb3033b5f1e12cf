// Lesson 9: prune, share values and code twelve weights by hand, each step with its bits.
import { all, html, set } from "../html.js";
import { coding } from "./coding.js";
import { box, computed, dot, knobs, line, linear, picture, segments, slider, svg, text } from "./picture.js";

const WEIGHTS = [0.91, -0.08, 0.13, -0.85, 0.02, 0.48, -0.44, 0.05, 0.97, -0.11, 0.52, -0.79];
const FLOAT_BITS = 32;
const CELL = 58;

/** @typedef {{title: string, bits: number, note: string}} Step */

/** @param {number} weight */
const short = (weight) => (weight === 0 ? "0" : weight.toFixed(2).replace("-", "−"));
/** @param {number} count */
const places = (count) => Math.max(1, Math.ceil(Math.log2(count)));

/** What the twelve weights become: values, symbols (0: pruned, else the centroid's place + 1), codes and bits of every step.
 * @param {number} pruned @param {number} shared */
export const compressed = (pruned, shared) => {
  const kept = coding.prune(WEIGHTS, pruned), left = kept.filter((weight) => weight !== 0);
  const centroids = coding.centroids(left, shared), groups = coding.nearest(left, centroids);
  let next = 0;
  const symbols = kept.map((weight) => (weight === 0 ? 0 : groups[next++] + 1));
  const values = symbols.map((symbol) => (symbol ? centroids[symbol - 1] : 0));
  const counts = new Map();
  for (const symbol of symbols) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
  const codes = coding.huffman(counts), book = centroids.length * FLOAT_BITS;
  const coded = codes.reduce((sum, { count, code }) => sum + count * code.length, 0);
  /** @type {Step[]} */
  const steps = [
    { title: "as they are", bits: WEIGHTS.length * FLOAT_BITS, note: `12 × ${FLOAT_BITS}` },
    { title: "pruned", bits: WEIGHTS.length + left.length * FLOAT_BITS, note: `12 flags + ${left.length} × ${FLOAT_BITS}` },
    { title: "shared", bits: WEIGHTS.length * places(counts.size) + book, note: `12 × ${places(counts.size)} + table ${book}` },
    { title: "Huffman", bits: coded + book, note: `${coded} + table ${book}` },
  ];
  return { kept, values, symbols, centroids, codes, coded, steps, floor: coding.entropyBits([...counts.values()]) };
};

/** @param {HTMLElement} root */
export const mount = (root) => {
  const values = { pruned: 0, shared: 12, view: "weights" };
  set(root, html`<div class="knobs">${slider("pruned", "Weights pruned", { min: 0, max: 9 })}${slider("shared", "Shared values", { min: 1, max: 12 })}</div>
    <p class="caption">Twelve weights</p><div class="sketch" data-part="cells"></div>
    ${segments("view", "Below", [["weights", "Where the values lie"], ["codes", "The code of each value"]])}
    <div class="sketch" data-part="view"></div><p class="caption">Bits after each step</p><div class="sketch" data-part="bits"></div><p class="says"></p>
    ${computed("twelve made-up weights; k-means, Huffman codes and entropy as in the program's own container.")}`);
  const [cells, view, bits] = all(root, ".sketch", HTMLElement), [says] = all(root, ".says", HTMLElement);
  let now = compressed(values.pruned, values.shared);

  const drawCells = picture(cells, (width) => {
    const across = width >= 12 * 44 ? 12 : width >= 6 * 44 ? 6 : 4, wide = Math.min(74, width / across), codeOf = new Map(now.codes.map(({ symbol, code }) => [symbol, code]));
    const inside = WEIGHTS.map((weight, i) => {
      const x = (i % across) * wide, y = Math.floor(i / across) * (CELL + 6), gone = now.symbols[i] === 0;
      return html`${box(x + 2, y + 1, wide - 4, CELL - 2, "paper", 8)}${text(x + wide / 2, y + 19, short(weight), gone ? "middle mute" : "middle")}
        ${text(x + wide / 2, y + 36, short(now.values[i]), gone ? "middle mute" : "middle strong")}${text(x + wide / 2, y + 52, codeOf.get(now.symbols[i]) ?? "", "middle mute")}`;
    });
    return svg(width, (12 / across) * (CELL + 6), `${now.symbols.filter((symbol) => symbol).length} weights are left, with ${now.centroids.length} values`, inside);
  });
  const drawView = picture(view, (width) => (values.view === "weights" ? lineOf(width) : tableOf(width)));
  /** @param {number} width */
  const lineOf = (width) => {
    const x = linear(-1.1, 1.1, 14, width - 14);
    let row = 0;
    const marks = now.centroids.map((value, i, all) => {
      row = i && x(value) - x(all[i - 1]) < 44 ? (row + 1) % 3 : 0; // labels that would meet stand one below another
      return html`${line(x(value), 12, x(value), 74 + 16 * row, "compressed")}${text(x(value), 90 + 16 * row, short(value), "middle mute halo")}`;
    });
    const dots = WEIGHTS.map((weight, i) => html`${now.symbols[i] ? line(x(weight), 40, x(now.values[i]), 40, "compressed") : ""}${dot(x(weight), 40, 6, now.symbols[i] ? "student" : "hollow")}`);
    return svg(width, 156, "Weights on a line, and the values that stand for them", html`${line(14, 40, width - 14, 40, "")}${marks}${dots}
      ${text(14, 150, "● kept  ○ pruned to zero  | shared value", "mute")}`);
  };
  /** @param {number} width */
  const tableOf = (width) => {
    const rows = now.codes.map(({ symbol, count, code }, row) => {
      const y = row * 22 + 16, value = symbol ? short(now.centroids[symbol - 1]) : "0 (pruned)";
      return html`${text(80, y, value, "end strong")}${text(100, y, code)}${box(Math.min(190, width * 0.45), y - 12, count * ((width - 240) / 12), 14, symbol ? "compressed" : "control")}${text(Math.min(190, width * 0.45) + count * ((width - 240) / 12) + 8, y, `${count} × ${code.length} bit`, "mute")}`;
    });
    return svg(width, Math.max(156, now.codes.length * 22 + 6), "Value, Huffman code, how often it occurs", rows);
  };
  const drawBits = picture(bits, (width) => {
    const x = linear(0, WEIGHTS.length * FLOAT_BITS, 0, width - 190);
    const rows = now.steps.map(({ title, bits: size, note }, row) => html`${text(82, row * 28 + 17, title, "end")}${box(92, row * 28 + 3, x(size), 20, row === 3 ? "compressed" : "control", 3)}
      ${x(size) > 140 ? text(100, row * 28 + 18, note, row === 3 ? "on-amber" : "on") : ""}${text(92 + x(size) + 8, row * 28 + 18, `${size} bit`, "strong")}`);
    return svg(width, 4 * 28, now.steps.map(({ title, bits: size }) => `${title} ${size} bit`).join(", "), rows);
  });
  const changed = () => {
    now = compressed(values.pruned, values.shared);
    const [whole, , , last] = now.steps, error = Math.max(...WEIGHTS.map((weight, i) => Math.abs(weight - now.values[i])));
    drawCells(); drawView(); drawBits();
    const factor = whole.bits / last.bits;
    set(says, html`<b>${Math.max(factor, 1 / factor).toFixed(1)}×</b> ${factor < 1 ? "larger" : "smaller"} than twelve floats; the largest change of a weight is ${error.toFixed(2)}.
      The codes take ${now.coded} bit, entropy allows no fewer than ${now.floor.toFixed(1)}.`);
  };
  return knobs(root, values, changed, { pruned: (count) => `${count} of 12`, shared: (count) => `at most ${count}` });
};
