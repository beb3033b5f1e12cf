// Lesson 7: one network at few bits; the reader's guesses against what was recorded.
import { all, html, set } from "../html.js";
import { dot, knobs, line, linear, picture, recorded, slider, svg, text, toggle } from "./picture.js";
import { halfWidth, mean } from "./statistics.js";

/** @typedef {{name: string, title: string, kind: "compressed" | "student", guess: boolean, seeds: number[]}} Point accuracy of each seed, % */
/** @typedef {Parameters<typeof recorded>[0] & {whole: number, chance: number, points: Point[]}} Data */

/** @param {HTMLElement} root @param {Data} data */
export const mount = (root, data) => {
  const guessed = data.points.filter(({ guess }) => guess), values = /** @type {Record<string, number | boolean>} */ ({ measured: false });
  for (const { name } of guessed) values[name] = 80;
  set(root, html`<p class="caption">Your guesses: accuracy in %</p><div class="knobs">${guessed.map(({ name, title }) => slider(name, title, { min: 10, max: 95 }))}</div>
    ${toggle("measured", "Show what was measured")}<div class="sketch"></div><p class="says"></p>${recorded(data)}`);
  const [sketch] = all(root, ".sketch", HTMLElement), [says] = all(root, ".says", HTMLElement);
  const draw = picture(sketch, (width) => {
    const narrow = width < 480, left = narrow ? 8 : 190, x = linear(0, 100, left, width - 64), tall = narrow ? 52 : 40, bottom = data.points.length * tall + 16;
    return svg(width, bottom + 64, "Accuracy by bits and method", html`
      ${[0, 25, 50, 75, 100].map((tick) => html`${line(x(tick), 8, x(tick), bottom, "")}${text(x(tick), bottom + 20, `${tick}`, "middle mute")}`)}
      ${line(x(data.whole), 8, x(data.whole), bottom, "teacher")}${text(x(data.whole) - 6, bottom + 40, `32 bits: ${data.whole} %`, "end mute")}${line(x(data.chance), 8, x(data.chance), bottom, "over")}${text(x(data.chance) + 4, bottom + (narrow ? 58 : 40), "guessing: 10 %", "mute")}
      ${data.points.map(({ name, title, kind, guess, seeds }, i) => {
        const y = 8 + (i + (narrow ? 0.68 : 0.5)) * tall, middle = mean(seeds), half = halfWidth(seeds), told = values.measured || !guess;
        return html`${text(narrow ? 8 : left - 10, narrow ? y - 16 : y + 5, title, narrow ? "halo" : "end")}${guess ? dot(x(Number(values[name])), y, 7, "hollow") : ""}
          ${told ? html`${half ? line(x(middle - half), y, x(Math.min(100, middle + half)), y, kind) : ""}${dot(x(middle), y, 7, kind)}${text(width - 4, y + 5, `${middle.toFixed(1)} %`, "end strong")}` : text(x(50), y + 5, "?", "middle large")}`;
      })}`);
  });
  const changed = () => {
    const errors = guessed.map(({ name, seeds }) => Math.abs(Number(values[name]) - mean(seeds)));
    set(says, values.measured ? html`Your guesses (○) are off by <b>${errors.map((error) => error.toFixed(0)).join(", ")}</b> points. Fine-tuning under rounding brings back nearly all that rounding alone destroys.`
      : html`Set your guesses (○), then show what was measured. The whole network has ${data.whole} %, and ten classes make 10 % by chance.`);
    draw();
  };
  return knobs(root, values, changed, Object.fromEntries(guessed.map(({ name }) => [name, (guess) => `${guess} %`])));
};
