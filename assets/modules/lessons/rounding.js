// Rounding to a symmetric grid with one scale for a group of weights, as kdui/methods/compress/quantize/rounding.py does it, but for its
// scales of 16 bits; held to the same vectors (tests/data/mathematics.json).

export const rounding = {
  /** The largest magnitude of each group of so many weights, in order; `whole` stands for every group. @param {number[]} weights @param {number} size @param {number} [whole] */
  ranges: (weights, size, whole) => Array.from({ length: Math.ceil(weights.length / size) }, (_, group) =>
    whole ?? Math.max(...weights.slice(group * size, (group + 1) * size).map(Math.abs))),
  /** @param {number} range @param {number} bits */
  levels(range, bits) {
    const most = 2 ** (bits - 1) - 1;
    return Array.from({ length: 2 * most + 1 }, (_, i) => ((i - most) * range) / most);
  },
  /** Each weight on the nearest level of its group's grid; beyond the range, on the last one. @param {number[]} weights @param {number[]} ranges one a group @param {number} bits */
  rounded(weights, ranges, bits) {
    const size = Math.ceil(weights.length / ranges.length), most = 2 ** (bits - 1) - 1;
    return weights.map((weight, i) => {
      const step = ranges[Math.floor(i / size)] / most;
      return step ? Math.max(-most, Math.min(most, Math.round(weight / step))) * step : 0;
    });
  },
  /** Power of the weights against that of their changes, dB. @param {number[]} weights @param {number[]} rounded */
  decibels(weights, rounded) {
    const signal = weights.reduce((sum, weight) => sum + weight ** 2, 0);
    return 10 * Math.log10(signal / weights.reduce((sum, weight, i) => sum + (weight - rounded[i]) ** 2, 0));
  },
};
