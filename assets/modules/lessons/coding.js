// Deep Compression's mathematics on a handful of weights: the same as the codebook's k-means, kdz's Huffman codes and entropy in Python,
// held to the same vectors (tests/data/coding.json).

/** @typedef {{symbol: number, count: number, code: string}} Coded a symbol and its code, the most frequent first */
/** @typedef {{count: number, symbols: number[], parts?: [Node, Node]}} Node of the code's tree */

export const coding = {
  /** The weights, those of the smallest magnitudes replaced by zero. @param {number[]} weights @param {number} count how many of them */
  prune(weights, count) {
    const smallest = new Set(weights.map((_, i) => i).sort((a, b) => Math.abs(weights[a]) - Math.abs(weights[b])).slice(0, count));
    return weights.map((weight, i) => (smallest.has(i) ? 0 : weight));
  },
  /** The centroids of at most k groups whose squared distances add up to the least, in order; exact, by dynamic programming over the
   * sorted values. @param {number[]} values @param {number} k @returns {number[]} */
  centroids(values, k) {
    const sorted = [...values].sort((a, b) => a - b), n = sorted.length, groups = Math.min(k, new Set(sorted).size);
    /** Mean, and squared distances to it, of sorted[from … to). @param {number} from @param {number} to */
    const group = (from, to) => {
      const part = sorted.slice(from, to), mean = part.reduce((sum, value) => sum + value, 0) / part.length;
      return { mean, cost: part.reduce((sum, value) => sum + (value - mean) ** 2, 0) };
    };
    let best = Array.from({ length: n + 1 }, (_, to) => ({ cost: to ? Infinity : 0, means: /** @type {number[]} */ ([]) }));
    for (let used = 1; used <= groups; used += 1) {
      best = best.map((_, to) => {
        let least = { cost: Infinity, means: /** @type {number[]} */ ([]) };
        for (let from = used - 1; from < to; from += 1) {
          const { mean, cost } = group(from, to), sum = best[from].cost + cost;
          if (sum < least.cost) least = { cost: sum, means: [...best[from].means, mean] };
        }
        return least;
      });
    }
    return best[n].means;
  },
  /** The centroid nearest to each value, by its place. @param {number[]} values @param {number[]} centroids */
  nearest: (values, centroids) => values.map((value) => centroids.reduce((best, each, i) => (Math.abs(each - value) < Math.abs(centroids[best] - value) ? i : best), 0)),
  /** Huffman codes of symbols that occur so often: no code begins another one. @param {Map<number, number>} counts @returns {Coded[]} */
  huffman(counts) {
    /** @type {Node[]} */
    let nodes = [...counts].map(([symbol, count]) => ({ count, symbols: [symbol] }));
    const codes = new Map([...counts.keys()].map((symbol) => [symbol, counts.size === 1 ? "0" : ""]));
    while (nodes.length > 1) {
      nodes.sort((a, b) => a.count - b.count || b.symbols.length - a.symbols.length);
      const [rare, next, ...others] = nodes;
      for (const [bit, node] of /** @type {[string, Node][]} */ ([["1", rare], ["0", next]])) {
        for (const symbol of node.symbols) codes.set(symbol, bit + codes.get(symbol));
      }
      nodes = [...others, { count: rare.count + next.count, symbols: [...rare.symbols, ...next.symbols] }];
    }
    return [...counts].map(([symbol, count]) => ({ symbol, count, code: codes.get(symbol) ?? "" }))
      .sort((a, b) => a.code.length - b.code.length || b.count - a.count || a.symbol - b.symbol);
  },
  /** What no code that knows how often each symbol occurs can go below, bits. @param {number[]} counts */
  entropyBits(counts) {
    const total = counts.reduce((sum, count) => sum + count, 0);
    return counts.reduce((sum, count) => (count ? sum - count * Math.log2(count / total) : sum), 0);
  },
};
