// The lenses' mathematics: pure functions of numbers and arrays. What Python reckons too is held to the same vectors (tests/data).

/** @param {string} label */
const twoLines = (label) => (label.length > 7 ? label.replace(" ", "<br>") : label);

/** @typedef {{logits: number[], truth: string}} Example */

export const maths = {
  /** Probabilities of logits at a temperature; shifted by the largest logit so that nothing overflows. @param {number[]} logits @param {number} temperature */
  softmax(logits, temperature) {
    const top = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp((logit - top) / temperature));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  },
  /** Shannon entropy in bits. @param {number[]} probabilities */
  entropy: (probabilities) => probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log2(p) : sum), 0),
  /** Value below which a share of the sorted sample lies; the sample holds quantiles from 0 to 1. @param {number[]} sorted @param {number} share */
  quantile(sorted, share) {
    const place = Math.min(Math.max(share, 0), 1) * (sorted.length - 1);
    const low = Math.floor(place), high = Math.min(low + 1, sorted.length - 1);
    return sorted[low] + (sorted[high] - sorted[low]) * (place - low);
  },
  /** For each histogram bin, the share of it that lies within [-threshold, threshold]. @param {number[]} edges @param {number} threshold */
  covered: (edges, threshold) => edges.slice(0, -1).map((left, i) => {
    const right = edges[i + 1], inside = Math.min(right, threshold) - Math.max(left, -threshold);
    return right > left ? Math.min(Math.max(inside / (right - left), 0), 1) : Number(Math.abs(left) <= threshold);
  }),
  /** Levels of the symmetric grid of b bits: 2^b - 1 of them, zero among them. @param {number} largest @param {number} bits */
  grid(largest, bits) {
    const steps = 2 ** (bits - 1) - 1;
    return Array.from({ length: 2 * steps + 1 }, (_, i) => ((i - steps) * largest) / steps);
  },
  /** Mean squared rounding error on that grid, exact for weights spread evenly inside each bin. @param {number[]} edges @param {number[]} counts @param {number} largest @param {number} bits */
  roundingError(edges, counts, largest, bits) {
    const step = largest / (2 ** (bits - 1) - 1);
    /** Of (x - nearest level)^2 from 0 to x. @param {number} x */
    const integral = (x) => {
      const level = Math.round(x / step), rest = x - level * step;
      return (level * step ** 3) / 12 + rest ** 3 / 3;
    };
    let sum = 0, total = 0;
    counts.forEach((count, i) => {
      const left = edges[i], right = edges[i + 1];
      if (count && right > left) sum += (count * (integral(right) - integral(left))) / (right - left);
      total += count;
    });
    return total ? sum / total : 0;
  },
  /** Mean square of the weights of a histogram, for the signal-to-noise ratio. @param {number[]} edges @param {number[]} counts */
  power(edges, counts) {
    const total = counts.reduce((a, b) => a + b, 0);
    /** @param {number} l @param {number} r */
    const square = (l, r) => (l * l + l * r + r * r) / 3;
    return total ? counts.reduce((sum, count, i) => sum + count * square(edges[i], edges[i + 1]), 0) / total : 0;
  },
  /** @param {number} signal @param {number} noise */
  decibels: (signal, noise) => 10 * Math.log10(signal / noise),
  /** Examples by how well they show what a temperature does: those first that the model is sure of and right about, and of these the one
      whose second label comes out most at T = 4. @template {Example} E @param {string[]} labels @param {E[]} examples @returns {E[]} */
  telling(labels, examples) {
    /** @param {E} example */
    const worth = ({ logits, truth }) => {
      const order = logits.map((_, i) => i).sort((a, b) => logits[b] - logits[a]);
      const sure = maths.softmax(logits, 1)[order[0]], right = labels[order[0]] === truth;
      return right && sure >= 0.9 ? 1 + maths.softmax(logits, 4)[order[1]] : sure / 4 + (right ? 0.5 : 0);
    };
    return [...examples].sort((a, b) => worth(b) - worth(a));
  },
  /** The labels by logit, [[label, p(1), p(T)], ...]: all of up to 20, else the most likely ones and the rest added up as one.
   * @param {string[]} labels @param {number[]} plain @param {number[]} soft @returns {[string, number, number][]} */
  leading(labels, plain, soft, shown = 20) {
    const order = labels.map((_, i) => i).sort((a, b) => plain[b] - plain[a]);
    const keep = labels.length <= shown + 1 ? order : order.slice(0, shown);
    const rest = order.slice(keep.length);
    const rows = keep.map((i) => /** @type {[string, number, number]} */ ([twoLines(labels[i]), plain[i], soft[i]]));
    /** @param {number[]} shares */
    const others = (shares) => rest.reduce((sum, i) => sum + shares[i], 0);
    return rest.length ? [...rows, [`${rest.length} others`, others(plain), others(soft)]] : rows;
  },
};
