// Lesson 2: students at several soft weights against their control, one seed more at a time.
import { all, html, set } from "../html.js";
import { dot, knobs, line, linear, picture, recorded, slider, svg, text, toggle } from "./picture.js";
import { halfWidth, mean } from "./statistics.js";

/** @typedef {Parameters<typeof recorded>[0] & {weights: number[], seeds: number, n: number, examples: number, teacher: number, control: number[], student: number[][]}} Data
 *   accuracy in % of each seed; students by soft weight */

const TOP = 18, BOTTOM = 250;

/** @param {number} value */
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

/** @param {HTMLElement} root @param {Data} data */
export const mount = (root, data) => {
  const values = { weight: 0, seeds: 1, control: false }, { control, student } = data;
  set(root, html`<div class="knobs">${slider("weight", "Soft weight α", { min: 0, max: data.weights.length - 1 })}${slider("seeds", "Seeds", { min: 1, max: data.seeds })}</div>
    ${toggle("control", "Show the control")}
    <p class="formula"></p><p class="caption">Accuracy of the same student, % of ${data.n} test images, after ${data.examples} training images</p><div class="sketch"></div><p class="says"></p>${recorded(data)}`);
  const [sketch] = all(root, ".sketch", HTMLElement), [formula] = all(root, ".formula", HTMLElement), [says] = all(root, ".says", HTMLElement);
  const draw = picture(sketch, (width) => {
    const every = [...control, ...student.flat()], low = Math.floor(Math.min(...every)), high = Math.ceil(Math.max(...every));
    const y = linear(low, high, BOTTOM, TOP), columns = [control, ...student], wide = (width - 60) / columns.length;
    /** @param {number[]} seeds @param {number} place @param {string} kind */
    const column = (seeds, place, kind) => {
      const shown = seeds.slice(0, values.seeds), x = 48 + (place + 0.5) * wide, middle = mean(shown), half = halfWidth(shown);
      return html`${shown.map((seed, i) => dot(x - 14 + (i % 3) * 4, y(seed), 4, `${kind} faint`))}
        ${half ? line(x + 8, Math.min(BOTTOM, y(middle - half)), x + 8, Math.max(TOP, y(middle + half)), kind) : ""}${dot(x + 8, y(middle), 7, kind)}`;
    };
    const step = Math.max(1, Math.round((high - low) / 5)), ticks = Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, i) => low + i * step);
    return svg(width, 296, `Mean accuracy: control ${mean(control.slice(0, values.seeds)).toFixed(1)} %, student ${mean(student[values.weight].slice(0, values.seeds)).toFixed(1)} %`, html`
      ${ticks.map((tick) => html`${line(44, y(tick), width - 8, y(tick), "")}${text(38, y(tick) + 5, String(tick), "end mute")}`)}
      <rect x="${(48 + (values.weight + 1) * wide).toFixed(1)}" y="${TOP - 8}" width="${wide.toFixed(1)}" height="${BOTTOM - TOP + 46}" rx="8" class="chosen"/>
      ${values.control ? column(control, 0, "control") : text(48 + wide / 2, BOTTOM - 20, "?", "middle large")}
      ${student.map((seeds, i) => column(seeds, i + 1, i === values.weight ? "student" : "student dim"))}
      ${["control", ...data.weights.map(String)].map((name, i) => text(48 + (i + 0.5) * wide, BOTTOM + 22, name, i === values.weight + 1 ? "middle strong" : "middle"))}
      ${text(48 + width / 2, BOTTOM + 42, "soft weight α", "middle mute")}`);
  });
  const changed = () => {
    const alpha = data.weights[values.weight], { seeds } = values;
    const shown = student[values.weight].slice(0, seeds), gains = shown.map((each, i) => each - control[i]), gain = mean(gains), half = halfWidth(gains);
    set(formula, html`loss = <b>${alpha}</b> · T² · KL(teacher, student) + <b>${Number((1 - alpha).toFixed(2))}</b> · cross-entropy(label)`);
    const base = html`At α = ${alpha} the student reaches <b>${mean(shown).toFixed(2)} %</b>`;
    const many = `over ${seeds} seeds`;
    if (!values.control) set(says, html`${base}${seeds > 1 ? ` ${many}` : " with one seed"}. Is that much? Without the control nobody can say.`);
    else if (seeds < 2) set(says, html`${base}, ${signed(gain)} points against its control. <b>One seed: no interval, no statement.</b>`);
    else set(says, html`${base}, <b>${signed(gain)} ± ${half.toFixed(2)}</b> points against its control ${many}: ${gain - half > 0 ? "the teacher helped." : gain + half < 0 ? "the teacher hurt." : "no difference shown."}`);
    draw();
  };
  return knobs(root, values, changed, { weight: (place) => String(data.weights[place]), seeds: (count) => String(count) });
};
