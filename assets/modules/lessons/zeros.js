// Lesson 5: a real matrix without single weights or without whole rows, and what that bought, as measured.
import { all, html, set } from "../html.js";
import { box, knobs, line, linear, picture, recorded, segments, slider, svg, text } from "./picture.js";

/** @typedef {{ms: number, speedup: [number, number, number], macs: number, bytes: number, zipped: number}} Measured speed-up over the whole network, with its interval */
/** @typedef {Parameters<typeof recorded>[0] & {shares: number[], measured: Record<"prune" | "prune_structured", Measured[]>, matrix: number[][]}} Data */

/** Which weights are gone: the smallest ones, or the rows whose weights are smallest together, and as many columns (the layer before).
 * @param {number[][]} matrix @param {number} share @param {boolean} whole */
export const removed = (matrix, share, whole) => {
  const flat = matrix.flat().map(Math.abs).sort((a, b) => a - b), threshold = share ? flat[Math.ceil(share * flat.length) - 1] : -1;
  if (!whole) return matrix.map((row) => row.map((weight) => Math.abs(weight) <= threshold));
  const smallest = (/** @type {number[]} */ sums) => new Set(sums.map((_, i) => i).sort((a, b) => sums[a] - sums[b]).slice(0, Math.round(share * sums.length)));
  const rows = smallest(matrix.map((row) => row.reduce((sum, weight) => sum + weight ** 2, 0)));
  const columns = smallest(matrix[0].map((_, column) => matrix.reduce((sum, row) => sum + row[column] ** 2, 0)));
  return matrix.map((row, i) => row.map((_, k) => rows.has(i) || columns.has(k)));
};

/** @param {HTMLElement} root @param {Data} data */
export const mount = (root, data) => {
  const values = { place: 0, kind: "prune" };
  set(root, html`<div class="knobs">${segments("kind", "What is removed", [["prune", "single weights"], ["prune_structured", "whole channels"]])}
    ${slider("place", "Share removed", { min: 0, max: data.shares.length - 1 })}</div>
    <div class="beside wide"><div><p class="caption">A corner of a real weight matrix</p><div class="sketch"></div></div>
    <div><p class="caption">Measured, the whole network = 100 %</p><div class="sketch"></div></div></div><p class="says"></p>${recorded(data)}`);
  const [matrix, bars] = all(root, ".sketch", HTMLElement), [says] = all(root, ".says", HTMLElement);
  const largest = Math.max(...data.matrix.flat().map(Math.abs));
  const now = () => ({ share: data.shares[values.place], whole: values.kind === "prune_structured",
    found: data.measured[/** @type {"prune" | "prune_structured"} */ (values.kind)][values.place], before: data.measured.prune[0] });
  const drawMatrix = picture(matrix, (width) => {
    const { share, whole } = now(), gone = removed(data.matrix, share, whole), side = Math.min(width, 300), cell = side / data.matrix.length;
    const rows = gone.map((row) => !row.every(Boolean)), columns = gone[0].map((_, k) => !gone.every((row) => row[k]));
    // Without whole rows and columns a smaller matrix is left: it is drawn as the processor sees it.
    let y = -cell;
    const cells = data.matrix.map((row, i) => {
      if (whole && !rows[i]) return "";
      y += cell;
      let x = -cell;
      return row.map((weight, k) => {
        if (whole && !columns[k]) return "";
        x += cell;
        const strength = Math.min(1, 0.15 + (Math.abs(weight) / largest) * 1.6);
        return gone[i][k] ? box(x + 0.5, y + 0.5, cell - 1, cell - 1, "track", 1)
          : html`<rect x="${(x + 0.5).toFixed(1)}" y="${(y + 0.5).toFixed(1)}" width="${(cell - 1).toFixed(1)}" height="${(cell - 1).toFixed(1)}" rx="1" class="compressed" fill-opacity="${strength.toFixed(2)}"/>`;
      });
    });
    return svg(width, side + 4, `${Math.round(100 * share)} % of the weights are removed`, html`${box(0, 0, side, side, "paper", 3)}${cells}`);
  });
  const drawBars = picture(bars, (width) => {
    const { share, found, before } = now();
    const x = linear(0, 1, 0, width - 66), [speed, low, high] = found.speedup;
    const rows = /** @type {[string, number, string, [number, number] | null][]} */ ([["weights that are not zero", values.kind === "prune" ? 1 - share : found.bytes / before.bytes, "student", null],
      ["multiplications done", found.macs / before.macs, "control", null], ["processor time of an answer", 1 / speed, "teacher", [1 / high, 1 / low]], ["file as it runs", found.bytes / before.bytes, "control", null], ["file, zipped", found.zipped / before.zipped, "compressed", null]]);
    return svg(width, rows.length * 58, rows.map(([name, part]) => `${name} ${Math.round(100 * part)} %`).join(", "), rows.map(([name, part, kind, span], i) => {
      const y = i * 58, end = x(Math.min(part, 1.08));
      return html`${text(0, y + 16, name)}${box(0, y + 24, x(1), 18, "track", 3)}${box(0, y + 24, end, 18, kind, 3)}${span ? line(x(Math.min(1.08, span[0])), y + 33, x(Math.min(1.08, span[1])), y + 33, "strong") : ""}
        ${text(Math.max(end, x(1)) + 8, y + 38, `${Math.round(100 * part)} %`, "strong")}`;
    }));
  });
  const changed = () => {
    const { share, whole, found } = now(), [speed, low, high] = found.speedup;
    set(says, share === 0 ? html`Nothing is removed: ${found.ms.toFixed(3)} ms an answer.` : html`Without ${Math.round(100 * share)} % of its ${whole ? "channels" : "weights"} the network is
      <b>${speed.toFixed(2)}×</b> as fast (${low.toFixed(2)} to ${high.toFixed(2)})${low <= 1.05 ? ": the same matrix product, now full of zeros." : ": smaller matrices, less work."}`);
    drawMatrix(); drawBars();
  };
  return knobs(root, values, changed, { place: (place) => `${Math.round(100 * data.shares[place])} %` });
};
