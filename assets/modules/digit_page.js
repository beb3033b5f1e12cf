// The part of a participant's page that draws a digit, predicts it on this device, and tells the class how long that took.
import { openStudent } from "./browser_student.js";
import { latencyChart, milliseconds } from "./class_pictures.js";
import { digitImage } from "./digit_image.js";
import { drawingPad } from "./drawing_pad.js";
import { html, parts, set } from "./html.js";

/** @typedef {import("./class_pictures.js").Drawing} Drawing */

const SIDE = 8, SHOWN = 3;

export const drawPage = () => html`<h2>Draw a digit</h2><p>It is predicted here, by your own processor. The drawing does not leave this device.</p>
  <canvas id="pad" width="280" height="280" aria-label="Pad to draw a digit on"></canvas><div class="row"><button type="button" id="pad-clear">Clear</button></div>
  <div id="digit-told" role="status"></div><div id="digit-class"></div>`;

/**
 * @param {HTMLElement} root @param {{runtime: string, entry: string}} facts
 * @param {() => Promise<ArrayBuffer | null>} fetchModel @param {(ms: number, label: string) => void} tell
 */
export const mount = (root, facts, fetchModel, tell) => {
  const part = parts(root), canvas = part("pad", HTMLCanvasElement);
  const view = { model: "", classes: /** @type {string[]} */ ([]), student: /** @type {Promise<import("./browser_student.js").Student | null> | null} */ (null), turn: 0 };
  const told = (/** @type {import("./html.js").Markup} */ words) => set(part("digit-told"), words);
  const open = async () => {
    const model = await fetchModel();
    return model && openStudent(facts.runtime, facts.entry, model);
  };
  const predict = async () => {
    const turn = (view.turn += 1), levels = digitImage.prepared(levelsOf(canvas), SIDE, SIDE);
    if (!levels) return;
    told(html`<p class="told">${view.student ? "Predicting …" : "Fetching the model and its runtime, 4 MB, once …"}</p>`);
    view.student ??= open();
    try {
      const student = await view.student;
      if (!student) { view.student = null; return; }
      const { ms, probabilities } = await student(levels);
      if (turn !== view.turn) return;
      const order = probabilities.map((_, i) => i).sort((a, b) => probabilities[b] - probabilities[a]), label = view.classes[order[0]];
      told(html`<p class="digit"><b>${label}</b><span>${order.slice(0, SHOWN).map((i) => html`<span>${view.classes[i]}: ${(100 * probabilities[i]).toFixed(1)} %</span>`)}</span></p>
        <p class="told">One prediction takes <b>${milliseconds(ms)}</b> on this device.</p>`);
      tell(ms, label);
    } catch (problem) {
      console.warn("kdui: the student did not run", problem);
      view.student = null;
      told(html`<p class="told">This browser could not run the model: it needs WebAssembly with SIMD, which browsers have since 2023.</p>`);
    }
  };
  const pad = drawingPad(canvas, predict);
  part("pad-clear").addEventListener("click", () => { pad.clear(); told(html``); });
  return {
    /** @param {Drawing} drawing */
    show(drawing) {
      if (drawing.student !== view.model) Object.assign(view, { model: drawing.student, student: null });
      view.classes = drawing.classes;
      const missing = !drawing.runtime ? "The lecturer's computer has no ONNX Runtime for browsers yet." : !drawing.student ? "There is no model yet: a student has to be trained on digits first." : "";
      if (missing) told(html`<p class="told">${missing}</p>`);
      canvas.classList.toggle("off", Boolean(missing));
      set(part("digit-class"), html`<h2>The class's processors</h2>${latencyChart(drawing, Math.max(280, root.clientWidth))}`);
    },
  };
};

/** Grey levels [height][width] of a pad. @param {HTMLCanvasElement} canvas */
const levelsOf = (canvas) => {
  const { width, height } = canvas, pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")), { data } = pen.getImageData(0, 0, width, height);
  return Array.from({ length: height }, (_, row) => Array.from({ length: width }, (_, column) => data[(row * width + column) * 4]));
};
