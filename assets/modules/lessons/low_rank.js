// Lesson 8: a picture and real weight matrices of a lower rank, and how much of their energy is kept.
import { all, html, set } from "../html.js";
import { dot, knobs, line, linear, path, picture, recorded, slider, svg, text } from "./picture.js";
import { paint } from "./temperature.js";

/** @typedef {{rows: number, columns: number, ranks: number[], energy: number[]}} Matrix share of the squared singular values up to each rank */
/** @typedef {Parameters<typeof recorded>[0] & {image: string, left: number[][], values: number[], right: number[][], matrices: Record<string, Matrix>}} Data */

const SIDE = 28, NAMES = /** @type {Record<string, string>} */ ({ query: "query", "feed-forward": "feed-forward", embeddings: "word embeddings" });
const KINDS = ["compressed", "student", "control"];

/** The best matrix of that rank, by the singular values (Eckart and Young). @param {Data} data @param {number} rank */
export const approximated = ({ left, values, right }, rank) => left.map((row) => right[0].map((_, column) =>
  values.slice(0, rank).reduce((sum, value, k) => sum + row[k] * value * right[k][column], 0)));
/** Size of two factors against the whole matrix. @param {number} rows @param {number} columns @param {number} rank */
export const size = (rows, columns, rank) => (rank * (rows + columns)) / (rows * columns);
/** @param {Matrix} matrix @param {number} share of the full rank */
const energyAt = ({ ranks, energy }, share) => energy[Math.round(share * (ranks.length - 1))];

/** @param {HTMLElement} root @param {Data} data */
export const mount = (root, data) => {
  const values = { share: 100 }, squares = data.values.map((value) => value ** 2), total = squares.reduce((sum, square) => sum + square, 0);
  set(root, html`${slider("share", "Rank kept", { min: 2, max: 100, step: 1 })}<div class="beside"><div class="specimen"><canvas></canvas><p>as it is</p><canvas></canvas><p class="rank"></p></div>
    <div><p class="caption">Energy kept, %</p><div class="sketch"></div></div></div><div class="scroll-x"><table class="table factors"></table></div><p class="says"></p>${recorded(data)}`);
  const [whole, low] = all(root, "canvas", HTMLCanvasElement), [sketch] = all(root, ".sketch", HTMLElement), [rank] = all(root, ".rank", HTMLElement);
  const [table] = all(root, ".factors", HTMLTableElement), [says] = all(root, ".says", HTMLElement), matrices = Object.entries(data.matrices);
  paint(whole, data.image, SIDE, SIDE);
  const ofPicture = (/** @type {number} */ share) => squares.slice(0, Math.max(1, Math.round(share * SIDE))).reduce((sum, square) => sum + square, 0) / total;
  const draw = picture(sketch, (width) => {
    const x = linear(0, 1, 40, width - 12), y = linear(0, 1, 232, 12), at = values.share / 100;
    const curve = matrices.map(([name, matrix], i) => html`${path(matrix.energy.map((share, k) => [x(k / (matrix.energy.length - 1)), y(share)]), KINDS[i])}${dot(x(at), y(energyAt(matrix, at)), 6, KINDS[i])}
      ${text(x(0.62), 192 - i * 20, `— ${NAMES[name]}`, `end halo legend-${KINDS[i]}`)}`);
    const image = /** @type {[number, number][]} */ ([[x(0), y(0)], ...squares.map((_, k) => [x((k + 1) / SIDE), y(ofPicture((k + 1) / SIDE))])]);
    return svg(width, 280, `Energy kept at ${values.share} % of the rank`, html`${[0, 0.25, 0.5, 0.75, 1].map((tick) => html`${line(40, y(tick), width - 12, y(tick), "")}${text(34, y(tick) + 5, `${100 * tick}`, "end mute")}${text(x(tick), 254, `${100 * tick} %`, "middle mute")}`)}
      ${line(x(at), 12, x(at), 232, "over")}${path(image, "teacher")}${dot(x(at), y(ofPicture(at)), 6, "teacher")}${curve}${text(x(0.62), 212, "— the picture", "end halo legend-teacher")}${text((40 + width) / 2, 276, "share of the full rank", "middle mute")}`);
  });
  const changed = () => {
    const at = values.share / 100, kept = Math.max(1, Math.round(at * SIDE)), levels = approximated(data, kept).flat().map((level) => Math.max(0, Math.min(255, Math.round(level))));
    paint(low, btoa(String.fromCharCode(...levels)), SIDE, SIDE);
    rank.textContent = `rank ${kept} of ${SIDE}`;
    const lines = [["the picture", SIDE, SIDE, ofPicture(at), kept], ...matrices.map(([name, matrix]) => {
      const full = Math.min(matrix.rows, matrix.columns);
      return [NAMES[name], matrix.rows, matrix.columns, energyAt(matrix, at), Math.max(1, Math.round(at * full))];
    })];
    const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(share > 0.995 && share < 1 ? 1 : 0)} %`;
    set(table, html`<thead><tr><th>matrix</th><th>rank</th><th>energy</th><th>size</th></tr></thead><tbody>${lines.map(([name, rows, columns, energy, r]) => {
      const part = size(Number(rows), Number(columns), Number(r));
      return html`<tr><td>${name}, ${Number(rows).toLocaleString("en")} × ${columns}</td><td>${r}</td><td>${percent(Number(energy))}</td><td class="${part >= 1 ? "bad" : "good"}">${percent(part)}</td></tr>`;
    })}</tbody>`);
    const query = lines[1], part = size(Number(query[1]), Number(query[2]), Number(query[4]));
    set(says, part >= 1 ? html`The two factors of the query matrix take <b>${percent(part)}</b> of what the matrix itself takes: nothing is saved.`
      : html`The query matrix shrinks to <b>${percent(part)}</b> and loses <b>${percent(1 - Number(query[3]))}</b> of its energy; the picture loses ${percent(1 - ofPicture(at))}.`);
    draw();
  };
  return knobs(root, values, changed, { share: (share) => `${share} % of the full rank` });
};
