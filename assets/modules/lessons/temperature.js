// Lesson 1: a teacher's logits on real images, and what a temperature makes of them.
import { all, html, set } from "../html.js";
import { maths } from "../mathematics.js";
import { box, knobs, linear, picture, recorded, slider, svg, text } from "./picture.js";

/** @typedef {{truth: string, logits: number[], image: string}} Example its image: bytes of grey levels, in base64 */
/** @typedef {Parameters<typeof recorded>[0] & {labels: string[], height: number, width: number, examples: Example[]}} Data */

const ROW = 30, LABEL = 104, SHARE = 62;

/** @param {number} share */
const percent = (share) => (share < 0.0005 ? "<0.1 %" : `${(100 * share).toFixed(1)} %`);

/** Paints grey levels on a canvas of as many pixels. @param {HTMLCanvasElement} canvas @param {string} image @param {number} width @param {number} height */
export const paint = (canvas, image, width, height) => {
  Object.assign(canvas, { width, height });
  const levels = Uint8Array.from(atob(image), (letter) => letter.charCodeAt(0)), pixels = new ImageData(width, height);
  levels.forEach((level, i) => pixels.data.set([level, level, level, 255], i * 4));
  canvas.getContext("2d")?.putImageData(pixels, 0, 0);
};

/** @param {HTMLElement} root @param {Data} data */
export const mount = (root, data) => {
  const { labels, examples } = data, values = { T: 1, example: 0 };
  set(root, html`<div class="thumbs" role="group" aria-label="Test image">${examples.map(({ truth }, i) =>
    html`<button type="button" class="thumb" data-example="${i}" aria-label="${truth}, image ${i + 1}"><canvas></canvas></button>`)}</div>
    ${slider("T", "Temperature T", { min: 1, max: 20, step: 0.5 })}
    <div class="beside"><div class="specimen"><canvas></canvas><p>true label<br><b></b></p></div><div class="sketch"></div></div>
    <p class="says"></p>${recorded(data)}`);
  const [drawing] = all(root, ".sketch", HTMLElement), [says] = all(root, ".says", HTMLElement), thumbs = all(root, ".thumb", HTMLButtonElement);
  const [large, ...small] = [...all(root, ".specimen canvas", HTMLCanvasElement), ...all(root, ".thumb canvas", HTMLCanvasElement)];
  small.forEach((canvas, i) => paint(canvas, examples[i].image, data.width, data.height));

  const again = picture(drawing, (width) => {
    const { truth, logits } = examples[values.example], T = values.T;
    const plain = maths.softmax(logits, 1), soft = maths.softmax(logits, T);
    const order = labels.map((_, i) => i).sort((a, b) => logits[b] - logits[a]);
    const x = linear(0, 1, LABEL, width - SHARE);
    const rows = order.map((label, row) => {
      const y = row * ROW + 6;
      return html`${text(LABEL - 8, y + 15, labels[label], labels[label] === truth ? "end strong" : "end")}
        ${box(LABEL, y, x(1) - LABEL, 20, "track")}${box(LABEL, y, x(plain[label]) - LABEL, 20, "ghost")}
        ${box(LABEL, y + 4, x(soft[label]) - LABEL, 12, "teacher")}${text(width - SHARE + 8, y + 15, percent(soft[label]), "mute")}`;
    });
    const words = `${labels[order[0]]} ${percent(soft[order[0]])}, ${labels[order[1]]} ${percent(soft[order[1]])}`;
    return svg(width, labels.length * ROW + 8, `Probabilities at T = ${T}: ${words}`, rows);
  });
  const changed = () => {
    const { truth, logits, image } = examples[values.example], soft = maths.softmax(logits, values.T);
    const [first, second, third] = labels.map((_, i) => i).sort((a, b) => logits[b] - logits[a]);
    paint(large, image, data.width, data.height);
    all(root, ".specimen b", HTMLElement)[0].textContent = truth;
    thumbs.forEach((thumb, i) => thumb.setAttribute("aria-pressed", String(i === values.example)));
    const entropy = maths.entropy(soft), most = Math.log2(labels.length);
    set(says, html`At <b>T = ${values.T}</b> the targets say: ${labels[first]} <b>${percent(soft[first])}</b>, then ${labels[second]}
      <b>${percent(soft[second])}</b> and ${labels[third]} <b>${percent(soft[third])}</b>. Entropy ${entropy.toFixed(2)} of ${most.toFixed(2)} bits${
  entropy > 0.93 * most ? ": almost uniform, hardly anything is left to learn from." : "."}`);
    again();
  };
  root.addEventListener("click", ({ target }) => {
    const thumb = target instanceof Element ? target.closest("[data-example]") : null;
    if (thumb instanceof HTMLElement) shown.set({ example: Number(thumb.dataset.example) });
  });
  const shown = knobs(root, values, changed, { T: (T) => String(T) });
  return shown;
};
