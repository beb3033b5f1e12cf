// Lesson 13: runs that went wrong, seed by seed; their pattern comes first, the cause when it is asked for.
import { all, html, set } from "../html.js";
import { dot, knobs, line, linear, picture, recorded, slider, svg, text, toggle } from "./picture.js";

/** @typedef {{name: string, title: string, failed: number[], control: number[], frequent: number}} Case accuracy of each seed, and the share of the most frequent class, % */
/** @typedef {Parameters<typeof recorded>[0] & {cases: Case[]}} Data */

/** @type {Record<string, {sign: string, cause: string, cure: string}>} */
const TOLD = {
  weight: { sign: "Seeds far apart, one of them exactly at the share of the most frequent class.", cause: "Most likely the weight of the relational term is so large that labels hardly count.", cure: "Lower the weight until both losses fall; look at the loss curves of each term." },
  adapters: { sign: "One seed exactly at the share of the most frequent class, the others fine.", cause: "It predicts one topic for every text; most likely it never got away from its start.", cure: "More seeds show that it is luck; a lower learning rate or more steps make it rare." },
  threshold: { sign: "All seeds worse by about the same, far from collapse.", cause: "Labels above 0.9 are nearly always right, but rare topics never get any: a bias, not noise.", cure: "Drop the threshold. More seeds would only confirm the loss." },
  bits: { sign: "Close to guessing, without any training.", cause: "Three levels a channel: the errors of one layer are the inputs of the next.", cure: "Fine-tune under rounding (lesson 7), or keep 4 bits." },
  transfer: { sign: "All seeds worse by about the same.", cause: "Most likely because the student saw mixed images in place of real ones, in the same number of steps.", cure: "Add made inputs to the real ones instead of replacing them, and train longer." },
  generations: { sign: "All seeds worse, and worse with each generation.", cause: "Most likely each student learns the errors of the one before, in a short training.", cure: "One generation, or a longer training of each." },
};

/** @param {HTMLElement} root @param {Data} data */
export const mount = (root, data) => {
  const values = { place: 0, cause: false };
  set(root, html`${slider("place", "Case", { min: 0, max: data.cases.length - 1 })}<p class="caption"></p><div class="sketch"></div>${toggle("cause", "Show the cause")}<p class="says"></p>${recorded(data)}`);
  const [caption] = all(root, ".caption", HTMLElement), [sketch] = all(root, ".sketch", HTMLElement), [says] = all(root, ".says", HTMLElement);
  const draw = picture(sketch, (width) => {
    const { failed, control, frequent, title } = data.cases[values.place], y = linear(0, 100, 270, 14), third = (width - 60) / 2;
    const column = (/** @type {number[]} */ seeds, /** @type {number} */ middle, /** @type {string} */ kind) => seeds.map((seed, i) => {
      const x = middle + (i - (seeds.length - 1) / 2) * Math.min(70, third / 3.4);
      return html`${line(x, y(0), x, y(seed), kind)}${dot(x, y(seed), 7, kind)}${text(x, y(seed) - 14, seed.toFixed(1), "middle halo")}`;
    });
    return svg(width, 326, `${title}: ${failed.join(", ")} % against ${control.join(", ")} %`, html`
      ${[0, 25, 50, 75, 100].map((tick) => html`${line(44, y(tick), width - 8, y(tick), "")}${text(38, y(tick) + 5, String(tick), "end mute")}`)}
      ${line(44, y(frequent), width - 8, y(frequent), "over")}${column(failed, 52 + third / 2, "over-solid")}${column(control, 52 + third * 1.5, "control")}
      ${text(52 + third / 2, 292, failed.length > 1 ? "three seeds" : "one model", "middle strong")}${text(52 + third * 1.5, 292, control.length > 1 ? "their control" : "before", "middle strong")}
      ${text(44, 318, `- - share of the most frequent class: ${frequent.toFixed(2)} %`, "over")}`);
  });
  const changed = () => {
    const { name, title } = data.cases[values.place], { sign, cause, cure } = TOLD[name];
    caption.textContent = `${title}: accuracy, %`;
    set(says, values.cause ? html`<b>${cause}</b> ${cure}` : html`${sign} What went wrong?`);
    draw();
  };
  return knobs(root, values, changed, { place: (place) => `${place + 1} of ${data.cases.length}` });
};
