// Means over seeds with their 95 % intervals: the same as kdui/core/statistics, held to the same vectors (tests/data/coding.json).

/** Student's t, 97.5 %, for 1, 2, … degrees of freedom. */
const T = [12.7062, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.306, 2.26216];

/** @param {number[]} values */
export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Half the width of the mean's 95 % interval, over two to ten values; 0 where there is one. @param {number[]} values */
export const halfWidth = (values) => {
  const n = values.length, middle = mean(values);
  if (n < 2) return 0;
  return T[n - 2] * Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (n - 1) / n);
};
