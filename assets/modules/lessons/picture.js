// What the lessons' pictures share: drawings as SVG at the page's own width, scales, and controls whose values are one object.
import { all, html, set } from "../html.js";

/** @typedef {import("../html.js").Markup} Markup */
/** @typedef {Record<string, number | boolean | string>} Values where each control stands, by its name */
/** @typedef {(value: number) => number} Scale from a quantity to pixels */

const LEAST_WIDTH = 260;

/**
 * Draws in `place` now, whenever its width changes, and whenever the returned function is called.
 * @param {HTMLElement} place @param {(width: number) => Markup} draw
 */
export const picture = (place, draw) => {
  let width = 0;
  const again = () => { if (width) set(place, draw(width)); };
  new ResizeObserver(([entry]) => {
    const wide = Math.max(LEAST_WIDTH, Math.floor(entry.contentRect.width));
    if (wide === width) return;
    width = wide;
    again();
  }).observe(place);
  return again;
};

/** An SVG of that many pixels; `words` is what it shows, for those who cannot see it. @param {number} width @param {number} height @param {string} words @param {unknown} inside */
export const svg = (width, height, words, inside) =>
  html`<svg width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${words}">${inside}</svg>`;

/** @param {number} low @param {number} high @param {number} from @param {number} to @returns {Scale} */
export const linear = (low, high, from, to) => (value) => from + ((value - low) / (high - low)) * (to - from);
/** @param {number} low @param {number} high @param {number} from @param {number} to @returns {Scale} */
export const logarithmic = (low, high, from, to) => {
  const inner = linear(Math.log(low), Math.log(high), from, to);
  return (value) => inner(Math.log(Math.max(value, Number.MIN_VALUE)));
};

/** To a tenth of a pixel. @param {number} value */
export const px = (value) => Math.round(value * 10) / 10;

/** @param {number} x @param {number} y @param {string} words @param {string} [kind] classes: start, middle, end, mute, strong */
export const text = (x, y, words, kind = "") => html`<text x="${px(x)}" y="${px(y)}" class="${kind}">${words}</text>`;
/** @param {number} x @param {number} y @param {number} width @param {number} height @param {string} kind */
export const box = (x, y, width, height, kind, round = 2) =>
  html`<rect x="${px(x)}" y="${px(y)}" width="${px(Math.max(0, width))}" height="${px(Math.max(0, height))}" rx="${round}" class="${kind}"/>`;
/** @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 @param {string} kind */
export const line = (x1, y1, x2, y2, kind) => html`<line x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}" class="${kind}"/>`;
/** @param {number} x @param {number} y @param {number} radius @param {string} kind @param {unknown} [inside] */
export const dot = (x, y, radius, kind, inside) => html`<circle cx="${px(x)}" cy="${px(y)}" r="${radius}" class="${kind}">${inside}</circle>`;
/** A line through points. @param {[number, number][]} points @param {string} kind */
export const path = (points, kind) => html`<path d="M${points.map(([x, y]) => `${px(x)} ${px(y)}`).join("L")}" class="${kind}"/>`;

// --- controls ---------------------------------------------------------------------------------------------------------------------

/** @param {string} name @param {string} label @param {{min: number, max: number, step?: number}} range */
export const slider = (name, label, { min, max, step = 1 }) => html`<label class="slide"><span>${label}<output data-of="${name}"></output></span>
  <input type="range" data-knob="${name}" min="${min}" max="${max}" step="${step}"></label>`;
/** One of a few. @param {string} name @param {string} label @param {[string, string][]} choices value and words */
export const segments = (name, label, choices) => html`<fieldset class="segments"><legend>${label}</legend>${choices.map(([value, words]) =>
  html`<label><input type="radio" name="lesson-${name}" data-knob="${name}" value="${value}"><span>${words}</span></label>`)}</fieldset>`;
/** On or off. @param {string} name @param {string} label */
export const toggle = (name, label) => html`<label class="toggle"><input type="checkbox" data-knob="${name}"><span>${label}</span></label>`;

/**
 * The controls below `root`, at `values` to begin with; `changed` draws anew, `words` says a slider's value.
 * @template {Values} V
 * @param {HTMLElement} root @param {V} values @param {() => void} changed @param {Partial<Record<keyof V & string, (value: number) => string>>} [words]
 */
export const knobs = (root, values, changed, words = {}) => {
  const inputs = () => all(root, "input[data-knob]", HTMLInputElement);
  /** @param {string} name */
  const say = (name) => {
    const [output] = all(root, `output[data-of="${name}"]`, HTMLElement), told = words[name]?.(Number(values[name])) ?? String(values[name]);
    if (output) output.textContent = told;
    for (const input of inputs()) if (input.type === "range" && input.dataset.knob === name) input.setAttribute("aria-valuetext", told);
  };
  /** @param {Values} given */
  const turn = (given) => {
    Object.assign(values, given);
    for (const input of inputs()) {
      const value = values[input.dataset.knob ?? ""];
      if (input.type === "checkbox") input.checked = Boolean(value);
      else if (input.type === "radio") input.checked = input.value === String(value);
      else input.value = String(value);
    }
    Object.keys(values).forEach(say);
    changed();
  };
  root.addEventListener("input", ({ target }) => {
    if (!(target instanceof HTMLInputElement) || !target.dataset.knob) return;
    const { knob } = target.dataset;
    Object.assign(values, { [knob]: target.type === "checkbox" ? target.checked : target.type === "radio" ? target.value : Number(target.value) });
    say(knob);
    changed();
  });
  turn({});
  return { set: turn };
};

/** Where a picture's numbers come from: recorded data with the command that records them anew. @param {{command: string, recorded: string, machine: {cpu: string}, title?: string}} data */
export const recorded = ({ command, recorded: day, machine, title }) =>
  html`<p class="origin prov">● ${title ? `${title}. ` : ""}Recorded ${day} on ${machine.cpu}; again: <code>${command}</code></p>`;
/** @param {string} words */
export const computed = (words) => html`<p class="origin prov">○ Computed in your browser: ${words}</p>`;
