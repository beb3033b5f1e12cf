// How numbers are written: the same as kdui/core/numbers.py and kdui/core/metric.py, held to the same vectors (tests/data/numbers.json).

/** @typedef {{unit: string, higher_is_better?: boolean, name: string, title: string}} Facts */

const THIN = "\u202f", MINUS = "−";
/** @type {Record<string, number>} */
const DIGITS = { "bits per byte": 4 };
/** @type {Record<string, number>} */
const BYTES = { bytes: 1, B: 1, kB: 1e3, MB: 1e6, GB: 1e9 };

/** Rounds half to even, as Python does, where a decimal is exactly half; else to the nearest. @param {number} value @param {number} places */
const fixed = (value, places) => {
  const exact = Math.abs(value).toFixed(Math.min(100, places + 25)); // enough digits to see a true half
  const cut = exact.length - 25, half = /^50*$/.test(exact.slice(cut));
  if (!half) return Math.abs(value).toFixed(places);
  const down = exact.slice(0, cut).replace(/\.$/, ""), last = Number(down.at(-1));
  return last % 2 === 0 ? down : (Number(down) + 10 ** -places).toFixed(places);
};
/** @param {string} text */
const grouped = (text) => {
  const [whole, rest] = text.split(".");
  const thousands = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return rest === undefined ? thousands : `${thousands}.${rest}`;
};
/** @param {number} value @param {string} text */
const minus = (value, text) => (value < 0 ? MINUS + text : text);

/** So many significant digits at the most and no exponent, trailing zeros dropped. @param {number} value */
export const significant = (value, digits = 3) => {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const places = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value))));
  const text = grouped(fixed(value, places));
  return minus(value, text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text);
};
/** @param {number} value @param {[string, number][]} steps @param {string} unit */
const scaled = (value, steps, unit) => {
  for (const [suffix, size] of steps) {
    if (Math.abs(value) >= size) return `${significant(value / (suffix === "K" ? 1e3 : size))}${THIN}${suffix}`;
  }
  if (unit) return `${significant(value)}${THIN}${unit}`;
  return Math.abs(value) >= 100 || Number.isInteger(value) ? minus(value, grouped(fixed(value, 0))) : significant(value);
};
/** @param {number | null | undefined} seconds */
export const duration = (seconds) => {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 10) return seconds >= 0.05 ? `${significant(seconds)}${THIN}s` : `0${THIN}s`;
  if (seconds < 90) return `${fixed(seconds, 0)}${THIN}s`;
  if (seconds < 5400) return `${fixed(seconds / 60, 0)}${THIN}min`;
  const minutes = Number(fixed(seconds / 60, 0)), rest = minutes % 60;
  return `${Math.floor(minutes / 60)}${THIN}h${rest ? ` ${rest}${THIN}min` : ""}`;
};
/** A ratio, cut from one up, so that no speed-up reads larger than it was measured. @param {number | null | undefined} factor */
export const times = (factor) => {
  if (factor === null || factor === undefined || !Number.isFinite(factor)) return "–";
  if (factor < 1) return `${significant(factor, 2)}×`;
  if (factor >= 10) return `${grouped(String(Math.floor(factor + 1e-9)))}×`;
  return `${(Math.floor(factor * 10 + 1e-9) / 10).toFixed(1).replace(/\.0$/, "")}×`;
};
/** A value with its unit; an en dash where there is none. @param {number | null | undefined} value @param {string} [unit] @returns {string} */
export const number = (value, unit = "") => {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (unit in BYTES) return scaled(value * BYTES[unit], [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]], "B");
  if (unit === "ms" && Math.abs(value) > 0 && Math.abs(value) < 0.1) return number(value * 1e3, "µs");
  if (["", "count", "MAC"].includes(unit)) return scaled(value, [["G", 1e9], ["M", 1e6], ["K", 1e4]], "");
  if (unit === "s") return duration(value);
  if (unit === "%") return `${minus(value, fixed(value, 1))}${THIN}%`;
  if (unit === "×") return times(value);
  return `${significant(value, DIGITS[unit] ?? 3)}${THIN}${unit === "1/s" ? "/s" : unit}`;
};
/** A difference with its sign and a true minus. @param {number} value */
export const signed = (value, places = 1) => {
  const text = fixed(value, places);
  return Number(text) === 0 ? text : (value > 0 ? "+" : MINUS) + text;
};

/** The title of a metric within a sentence: accuracy, mean IoU; what is no plain word keeps its capitals. @param {string} title */
export const noun = (title) =>
  title.split(" ").map((word) => (/^.[a-z]+$/.test(word) ? word.toLowerCase() : word)).join(" ");

/** A metric with its behaviour, from the plain one that Python sends: {name, title, unit, higher_is_better}. @param {Facts} facts */
export const metric = ({ unit, higher_is_better: higher }) => {
  const sign = higher === false ? -1 : 1, differenceUnit = unit === "%" ? "points" : unit;
  /** @param {number} gain @param {number | null} [width] */
  const placesOf = (gain, width) => {
    if (unit === "%") return 1;
    const largest = Math.max(Math.abs(gain), width ?? 0);
    return largest && Number.isFinite(largest) ? Math.max(0, 1 - Math.floor(Math.log10(largest))) : 1;
  };
  return {
    sign, differenceUnit, placesOf,
    /** @param {number} one @param {number} other */
    better: (one, other) => sign * one > sign * other,
    /** @param {number} now @param {number} old */
    gain: (now, old) => sign * (now - old),
    /** @param {number} value @param {number} loss */
    lowered: (value, loss) => value - sign * loss,
    /** @param {number} now @param {number} of */
    retained: (now, of) => (now > 0 && of > 0 && Number.isFinite(now) && Number.isFinite(of) ? 100 * (sign > 0 ? now / of : of / now) : null),
    /** @param {number} value */
    format: (value) => number(value, unit),
    /** @param {number} gain @param {number | null} [width] */
    formatGain(gain, width = null) {
      const places = placesOf(gain, width), around = width === null ? "" : ` ± ${fixed(width, places)}`;
      if (sign > 0) return `${signed(gain, places)}${around} ${differenceUnit}`.trim();
      const text = fixed(gain, places);
      return `${text}${around} ${differenceUnit}`.trim() + (Number(text) === 0 ? "" : gain > 0 ? " lower" : " higher");
    },
  };
};
