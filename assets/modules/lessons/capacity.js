// Lesson 4: students of several sizes under one teacher, and which test images the chosen size gets wrong.
import { all, html, set } from "../html.js";
import { dot, knobs, line, linear, logarithmic, path, picture, recorded, slider, svg, text, toggle } from "./picture.js";
import { halfWidth, mean } from "./statistics.js";
import { paint } from "./temperature.js";

/** @typedef {{truth: number, teacher: number, right: number[], image: string}} Example seeds that are right, by size; the teacher's probability of the truth */
/** @typedef {Parameters<typeof recorded>[0] & {n: number, seeds: number, parameters: number[], teacher: {parameters: number, accuracy: number},
 *   student: number[][], control: number[][], lost: number[], examples: Example[]}} Data accuracy in % by size and seed; images lost by size */

const TOP = 22, BOTTOM = 206, SIDE = 8, SCALE = 5;
const TICKS = [100, 1000, 10_000];

/** @param {number} count */
const plain = (count) => count.toLocaleString("en-US");
/** @param {number} value */
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;

/** @param {HTMLElement} root @param {Data} data */
export const mount = (root, data) => {
  const { parameters, student, control, teacher, examples, seeds } = data, values = { size: 3, control: false };
  set(root, html`<div class="knobs">${slider("size", "Student", { min: 0, max: parameters.length - 1 })}</div>${toggle("control", "Show the control")}
    <p class="caption">Accuracy, % of ${data.n} test images, by number of parameters</p><div class="sketch"></div>
    <p class="caption">${examples.length} images that at least one student got wrong, hardest first; framed: the chosen size gets them wrong</p>
    <div class="held" role="img">${examples.map(() => html`<canvas></canvas>`)}</div><p class="says"></p>${recorded(data)}`);
  const [sketch] = all(root, ".sketch", HTMLElement), [says] = all(root, ".says", HTMLElement), [held] = all(root, ".held", HTMLElement);
  const canvases = all(held, "canvas", HTMLCanvasElement);
  canvases.forEach((canvas, i) => { paint(canvas, examples[i].image, SIDE, SIDE); Object.assign(canvas.style, { width: `${SIDE * SCALE}px`, height: `${SIDE * SCALE}px` }); });
  const low = Math.floor(Math.min(...student.flat(), ...control.flat()) / 10) * 10;
  const draw = picture(sketch, (width) => {
    const x = logarithmic(parameters[0] * 0.8, teacher.parameters * 1.4, 50, width - 12), y = linear(low, 100, BOTTOM, TOP);
    const wide = (/** @type {number[]} */ each) => { const half = halfWidth(each), middle = mean(each); return [Math.max(low, middle - half), Math.min(100, middle + half)]; };
    const series = (/** @type {number[][]} */ sizes, /** @type {string} */ kind, /** @type {number} */ aside) => html`
      ${path(sizes.map((each, i) => /** @type {[number, number]} */ ([x(parameters[i]) + aside, y(mean(each))])), kind)}
      ${sizes.map((each, i) => { const [bottom, top] = wide(each), at = x(parameters[i]) + aside;
    return html`${line(at, y(bottom), at, y(top), kind)}${dot(at, y(mean(each)), i === values.size ? 8 : 4.5, kind)}`; })}`;
    const ticks = Array.from({ length: Math.round((100 - low) / 10) + 1 }, (_, i) => low + 10 * i).filter((_, i) => i % 2 === 0);
    return svg(width, 258, `Student of ${plain(parameters[values.size])} parameters: ${mean(student[values.size]).toFixed(1)} %, teacher ${teacher.accuracy.toFixed(1)} %`, html`
      ${ticks.map((tick) => html`${line(46, y(tick), width - 8, y(tick), "")}${text(40, y(tick) + 5, String(tick), "end mute")}`)}
      ${TICKS.filter((tick) => tick > parameters[0] * 0.8 && tick < teacher.parameters * 1.4).map((tick) => text(x(tick), BOTTOM + 22, plain(tick), "middle mute"))}
      ${line(46, y(teacher.accuracy), width - 8, y(teacher.accuracy), "teacher dashed")}
      ${dot(x(teacher.parameters), y(teacher.accuracy), 8, "teacher")}${text(x(teacher.parameters) + 6, y(teacher.accuracy) + 26, "teacher", "end legend-teacher")}
      ${values.control ? series(control, "control", 5) : ""}${series(student, "student", 0)}
      ${text(46 + (width - 58) / 2, BOTTOM + 44, "parameters", "middle mute")}`);
  });
  const changed = () => {
    const at = values.size, gains = student[at].map((each, i) => each - control[at][i]), gain = mean(gains), half = halfWidth(gains);
    const wrong = examples.map(({ right }) => 2 * right[at] < seeds);
    canvases.forEach((canvas, i) => canvas.classList.toggle("lost", wrong[i]));
    const count = wrong.filter(Boolean).length;
    held.setAttribute("aria-label", `${count} of ${examples.length} shown images are wrong in most seeds`);
    const against = gain - half > 0 ? "the teacher helps." : gain + half < 0 ? "the teacher hurts." : "no gain is shown.";
    set(says, html`With <b>${plain(parameters[at])} parameters</b>, ${Math.round(teacher.parameters / parameters[at])} times fewer than the teacher, the student reaches
      <b>${mean(student[at]).toFixed(1)} %</b> and gets ${data.lost[at]} of ${data.n} images wrong in most seeds.${
  values.control ? html` Against its control: <b>${signed(gain)} ± ${half.toFixed(1)}</b> points: ${against}` : ""}`);
    draw();
  };
  return knobs(root, values, changed, { size: (place) => `${plain(parameters[place])} parameters` });
};
