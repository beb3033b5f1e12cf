// A drawing as the digits' models want it, as kdui/modalities/image/prepare.py makes it: cut to the ink, scaled, centred by its mass.

const INK_SHARE = 0.2; // of the strongest contrast; below it is the soft edge of a stroke

/** Rounds halves to even, as Python does. @param {number} value */
const rounded = (value) => { const floor = Math.floor(value); return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value); };

/** Averages of whole cells along one axis, the cells whose middle lies in the interval. @param {number[][]} rows @param {number} count */
const averaged = (rows, count) => {
  const scale = rows.length / count;
  return Array.from({ length: count }, (_, at) => {
    const middle = (at + 0.5) * scale, from = Math.max(0, Math.floor(middle - scale / 2 + 0.5)), to = Math.min(rows.length, Math.floor(middle + scale / 2 + 0.5));
    const part = rows.slice(from, Math.max(to, from + 1));
    return part[0].map((_, column) => part.reduce((sum, row) => sum + row[column], 0) / part.length);
  });
};
/** @param {number[][]} rows */
const turned = (rows) => rows[0].map((_, column) => rows.map((row) => row[column]));
/** Where masses start in a line of cells so that their centre is the middle, kept inside. @param {number[]} mass @param {number} room */
const offset = (mass, room) => {
  const whole = mass.reduce((sum, each) => sum + each, 0), centre = mass.reduce((sum, each, i) => sum + each * i, 0) / Math.max(whole, 1e-9);
  return Math.min(Math.max(0, rounded((room - 1) / 2 - centre)), room - mass.length);
};

export const digitImage = {
  /**
   * Levels 0 to 255, bright on dark [height × width], of dark ink on a white pad; nothing where the pad is blank.
   * @param {number[][]} grey @param {number} height @param {number} width @returns {number[] | null}
   */
  prepared(grey, height, width) {
    const ink = grey.map((row) => row.map((level) => 255 - level)), most = Math.max(...ink.map((row) => Math.max(...row)));
    if (most < 24) return null;
    const bright = ink.map((row) => row.map((level) => (level * 255) / most));
    const rows = bright.map((row, i) => (row.some((level) => level > INK_SHARE * 255) ? i : -1)).filter((i) => i >= 0);
    const columns = turned(bright).map((column, i) => (column.some((level) => level > INK_SHARE * 255) ? i : -1)).filter((i) => i >= 0);
    const cut = bright.slice(rows[0], rows[rows.length - 1] + 1).map((row) => row.slice(columns[0], columns[columns.length - 1] + 1));
    const scale = Math.min(height / cut.length, width / cut[0].length);
    const high = Math.max(1, rounded(cut.length * scale)), wide = Math.max(1, rounded(cut[0].length * scale));
    const small = averaged(turned(averaged(turned(cut), wide)), high), strongest = Math.max(...small.map((row) => Math.max(...row)), 1);
    const stretched = small.map((row) => row.map((level) => (level * 255) / strongest));
    const top = offset(stretched.map((row) => row.reduce((sum, level) => sum + level, 0)), height);
    const left = offset(turned(stretched).map((column) => column.reduce((sum, level) => sum + level, 0)), width);
    const box = new Array(height * width).fill(0);
    stretched.forEach((row, i) => row.forEach((level, k) => { box[(top + i) * width + left + k] = rounded(Math.min(255, Math.max(0, level))); }));
    return box;
  },
};
