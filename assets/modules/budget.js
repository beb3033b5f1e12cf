// Explore's budget: sliders on log scales from the data, whose open end sets no limit.
import { all, parts } from "./html.js";
import { number } from "./numbers.js";

/** @typedef {Record<string, number | null | undefined>} Limits by the name of what is limited; nothing: no limit */
/** @typedef {Record<string, [number, number]>} Ranges from the smallest to the largest that was measured */

/** @type {Record<string, string>} */
const UNITS = { latency_ms: "ms", download_mb: "MB", retained: "%" };
const STEPS = 100;
const LEAST = "retained"; // at least so much; of the others, at most

/** @param {number} value */
const digits = (value) => Number(value.toPrecision(value >= 100 ? 3 : 2));

/** @param {Ranges} ranges @param {string} name @param {number} position */
const valueAt = (ranges, name, position) => {
  const [low, high] = ranges[name] ?? [1, 1];
  if (name === LEAST) return position <= 0 ? null : Math.round((low + ((high - low) * position) / STEPS) * 10) / 10;
  return position >= STEPS || high <= low ? null : digits(low * (high / low) ** (position / STEPS));
};
/** @param {Ranges} ranges @param {string} name @param {number | null | undefined} value */
const positionOf = (ranges, name, value) => {
  const [low, high] = ranges[name] ?? [1, 1];
  if (value === null || value === undefined) return name === LEAST ? 0 : STEPS;
  const share = name === LEAST ? (value - low) / (high - low || 1) : Math.log(value / low) / (Math.log(high / low) || 1);
  return Math.min(STEPS, Math.max(0, Math.round(share * STEPS)));
};

/** The sliders of a panel; `chosen(name, value)` when one was let go. @param {HTMLElement} root @param {(name: string, value: number | null) => void} chosen */
export const sliders = (root, chosen) => {
  const part = parts(root), inputs = all(root, "[data-limit]", HTMLInputElement);
  let ranges = /** @type {Ranges} */ ({});
  /** @param {HTMLInputElement} input */
  const nameOf = (input) => input.dataset.limit ?? "";
  /** @param {HTMLInputElement} input @param {number | null | undefined} value */
  const tell = (input, value) => {
    const name = nameOf(input), text = value === null || value === undefined ? "no limit" : number(value, UNITS[name]);
    part(`out-${name}`).textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  for (const input of inputs) {
    const value = () => valueAt(ranges, nameOf(input), Number(input.value));
    input.addEventListener("input", () => tell(input, value()));
    input.addEventListener("change", () => chosen(nameOf(input), value()));
  }
  return {
    /** @param {Ranges} found @param {Limits} limits */
    place(found, limits) {
      ranges = found;
      for (const input of inputs) {
        const name = nameOf(input);
        input.disabled = !ranges[name];
        input.value = String(positionOf(ranges, name, limits[name]));
        tell(input, limits[name]);
      }
    },
  };
};
