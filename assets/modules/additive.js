// What-if's prediction: the same sums as kdui/methods/compress/sensitivity/additive.py, held to the same vectors (tests/data).
import { metric } from "./numbers.js";

export const FLOAT_BITS = 32;
export const BITS = [2, 3, 4, 5, 6, 7, 8, FLOAT_BITS];
export const GRID = { sparsity: [0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9], rank: [1, 0.75, 0.5, 0.35, 0.25, 0.1] };
const IDENTITY = { prune: 0, quantize: FLOAT_BITS, low_rank: 1 };
const STRENGTH = { prune: "sparsity", quantize: "bits", low_rank: "rank" };

export const maths = {
  keptRank: (rows, columns, share) => Math.max(1, maths.even(share * Math.min(rows, columns))),
  /** Rounds half to even, as Python does. */
  even(value) {
    const down = Math.floor(value), rest = value - down;
    return rest === 0.5 ? down + (down % 2) : Math.round(value);
  },
  pays: (rows, columns, share) => share < 1 && maths.keptRank(rows, columns, share) * (rows + columns) < rows * columns,
  layerBytes(rows, columns, { sparsity, rank, bits }) {
    const kept = maths.keptRank(rows, columns, rank);
    const shapes = maths.pays(rows, columns, rank) ? [[rows, kept], [kept, columns]] : [[rows, columns]];
    return shapes.reduce((total, [height, width]) => {
      const count = height * width, share = maths.even(sparsity * count) / count;
      const entropy = [share, 1 - share].reduce((sum, part) => (part > 0 ? sum - part * Math.log2(part) : sum), 0);
      return total + (count * ((1 - share) * bits + entropy)) / 8 + (bits < FLOAT_BITS ? 2 * height : 0);
    }, 0);
  },
  /** Linear between measured strengths and the identity, where nothing is lost; constant beyond the strongest. */
  interpolated(strengths, values, strength, identity) {
    const points = [...strengths.map((at, i) => [at, values[i]]), [identity, 0]].sort((a, b) => a[0] - b[0]);
    if (strength <= points[0][0]) return points[0][1];
    for (let i = 1; i < points.length; i += 1) {
      const [low, below] = points[i - 1], [high, above] = points[i];
      if (strength <= high) return below + ((above - below) * (strength - low)) / (high - low);
    }
    return points.at(-1)[1];
  },
  metric: (found) => metric(found.metric),
  predicted(found, change) {
    const sums = { drop: 0, kl: 0 };
    for (const [method, measured] of Object.entries(found.methods)) {
      const strength = change[STRENGTH[method]];
      if (strength === IDENTITY[method]) continue;
      found.layers.forEach(({ rows, columns }, place) => {
        if (method === "low_rank" && !maths.pays(rows, columns, change.rank)) return;
        for (const quantity of ["drop", "kl"]) {
          sums[quantity] += maths.interpolated(measured.strengths, measured[quantity][place], strength, IDENTITY[method]);
        }
      });
    }
    const metric = maths.metric(found), [low, high] = found.bounds;
    const headline = Math.min(Math.max(metric.lowered(found.base.headline, sums.drop), low), high);
    const bytes = found.layers.reduce((sum, { rows, columns }) => sum + maths.layerBytes(rows, columns, change), found.rest_bytes);
    return { drop: metric.gain(found.base.headline, headline), kl: sums.kl, headline, bytes };
  },
  /** How far a prediction may be trusted, by what it says is lost. */
  band(found, { headline, drop }) {
    const { bounds, error } = found;
    if (headline === bounds[maths.metric(found).sign > 0 ? 0 : 1]) return "floor";
    return drop <= error.mild_up_to ? "mild" : "steep";
  },
  /** From the smallest size up, what no smaller one beats. */
  front(points, better) {
    let best = null;
    return [...points].sort((a, b) => a.bytes - b.bytes || (better(a.headline, b.headline) ? -1 : 1))
      .filter((point) => (best === null || better(point.headline, best) ? ((best = point.headline), true) : false));
  },
};
