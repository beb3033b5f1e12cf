// What-if's prediction: the same sums as kdui/methods/compress/sensitivity/additive.py, held to the same vectors (tests/data/additive.json).
import { metric } from "./numbers.js";

/** @typedef {"sparsity" | "rank" | "bits"} Strength */
/** @typedef {Record<Strength, number>} Change share of weights zeroed, share of the rank kept, bits of a weight */
/** @typedef {{rows: number, columns: number, title?: string}} Layer */
/** @typedef {{strengths: number[], drop: number[][], kl: number[][]}} Curve quantities by layer and strength */
/** @typedef {{drop: number, kl: number, headline: number, bytes: number}} Guess drop in the headline's unit, KL in nats */
/** @typedef {{count: number, drop: number | null, kl: number | null}} Mean mean absolute error over so many measured changes */
/** @typedef {"mild" | "steep" | "floor"} Band */
/**
 * @typedef {{
 *   metric: import("./numbers.js").Facts, bounds: [number, number], base: {headline: number, bytes: number}, rest_bytes: number,
 *   layers: Layer[], methods: Record<string, Curve>, error: Mean & {mild_up_to: number, bands: Record<Band, Mean>},
 *   joint: {measured: Omit<Guess, "bytes">, predicted: Guess, change: Change}[], n: number,
 * }} Found the content of sensitivity.json
 */

export const FLOAT_BITS = 32;
export const BITS = [2, 3, 4, 5, 6, 7, 8, FLOAT_BITS];
export const GRID = { sparsity: [0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9], rank: [1, 0.75, 0.5, 0.35, 0.25, 0.1] };
/** Method -> what it is set by, and where that changes nothing. @type {Record<string, {by: Strength, identity: number}>} */
const METHODS = { prune: { by: "sparsity", identity: 0 }, quantize: { by: "bits", identity: FLOAT_BITS }, low_rank: { by: "rank", identity: 1 } };

/** Rounds half to even, as Python does. @param {number} value */
const even = (value) => {
  const down = Math.floor(value), rest = value - down;
  return rest === 0.5 ? down + (down % 2) : Math.round(value);
};
/** @param {number} rows @param {number} columns @param {number} share */
const keptRank = (rows, columns, share) => Math.max(1, even(share * Math.min(rows, columns)));
/** Whether two factors of that rank are smaller than the matrix. @param {number} rows @param {number} columns @param {number} share */
const pays = (rows, columns, share) => share < 1 && keptRank(rows, columns, share) * (rows + columns) < rows * columns;

/** Bytes of a layer in its packed form, by formula. @param {number} rows @param {number} columns @param {Change} change */
const layerBytes = (rows, columns, { sparsity, rank, bits }) => {
  const kept = keptRank(rows, columns, rank);
  const shapes = pays(rows, columns, rank) ? [[rows, kept], [kept, columns]] : [[rows, columns]];
  return shapes.reduce((total, [height, width]) => {
    const count = height * width, share = even(sparsity * count) / count;
    const entropy = [share, 1 - share].reduce((sum, part) => (part > 0 ? sum - part * Math.log2(part) : sum), 0);
    return total + (count * ((1 - share) * bits + entropy)) / 8 + (bits < FLOAT_BITS ? 2 * height : 0);
  }, 0);
};

/**
 * Linear between measured strengths and the identity, where nothing is lost; constant beyond the strongest.
 * @param {number[]} strengths @param {number[]} values @param {number} strength @param {number} identity
 */
const interpolated = (strengths, values, strength, identity) => {
  const points = [...new Map([...strengths.map((at, i) => /** @type {const} */ ([at, values[i]])), [identity, 0]])].sort((a, b) => a[0] - b[0]);
  if (strength <= points[0][0]) return points[0][1];
  for (let i = 1; i < points.length; i += 1) {
    const [low, below] = points[i - 1], [high, above] = points[i];
    if (strength <= high) return below + ((above - below) * (strength - low)) / (high - low);
  }
  return points[points.length - 1][1];
};

/** What a change of all layers costs: the sum of what it costs layer by layer. @param {Found} found @param {Change} change @returns {Guess} */
const predicted = (found, change) => {
  const sums = { drop: 0, kl: 0 };
  for (const [method, measured] of Object.entries(found.methods)) {
    const { by, identity } = METHODS[method], strength = change[by];
    if (strength === identity) continue;
    found.layers.forEach(({ rows, columns }, place) => {
      if (method === "low_rank" && !pays(rows, columns, change.rank)) return;
      sums.drop += interpolated(measured.strengths, measured.drop[place], strength, identity);
      sums.kl += interpolated(measured.strengths, measured.kl[place], strength, identity);
    });
  }
  const judge = metric(found.metric), [low, high] = found.bounds;
  const headline = Math.min(Math.max(judge.lowered(found.base.headline, sums.drop), low), high);
  const bytes = found.layers.reduce((sum, { rows, columns }) => sum + layerBytes(rows, columns, change), found.rest_bytes);
  return { drop: judge.gain(found.base.headline, headline), kl: sums.kl, headline, bytes };
};

/** How far a prediction may be trusted, by what it says is lost. @param {Found} found @param {Guess} guess @returns {Band} */
const band = (found, { headline, drop }) => {
  if (headline === found.bounds[metric(found.metric).sign > 0 ? 0 : 1]) return "floor";
  return drop <= found.error.mild_up_to ? "mild" : "steep";
};

/**
 * From the smallest size up, what no smaller one beats.
 * @template {{bytes: number, headline: number}} P
 * @param {P[]} points @param {(one: number, other: number) => boolean} better
 */
const front = (points, better) => {
  /** @type {P[]} */
  const kept = [];
  for (const point of [...points].sort((a, b) => a.bytes - b.bytes || (better(a.headline, b.headline) ? -1 : 1))) {
    const best = kept.at(-1);
    if (!best || better(point.headline, best.headline)) kept.push(point);
  }
  return kept;
};

export const maths = { even, pays, layerBytes, interpolated, predicted, band, front, metric: (/** @type {Found} */ found) => metric(found.metric) };
