// The lineage of the chosen run: the server makes the boxes, here come the lines between them, wherever a window puts them.
import { all, hit, html, parts, problem, set } from "./html.js";

/** @typedef {(asked: {run: string, step: string}) => Promise<{title: string, html: string, box: string, error?: string}>} Ask */

const GUTTER = 28, STEP = 7; // px at the left that lines between lanes run through, and between two of them

/** @param {HTMLElement} root @param {Ask} ask */
export const lineage = (root, ask) => {
  const part = parts(root), fold = part("run-lineage-fold", HTMLDetailsElement), picture = part("lineage-picture");
  let run = "", step = "";

  const lines = () => {
    const svg = picture.querySelector("svg"), frame = picture.querySelector(".lineage")?.getBoundingClientRect();
    if (!svg || !frame?.width) return;
    const boxes = new Map(all(picture, ".box", HTMLElement).map((box) => [box.dataset.step ?? "", box]));
    /** @param {HTMLElement} box */
    const at = (box) => {
      const { left, top, width, height } = box.getBoundingClientRect();
      return { x: left - frame.left, y: top - frame.top, width, height };
    };
    const paths = [];
    let track = 0;
    for (const [name, box] of boxes) {
      for (const source of JSON.parse(box.dataset.sources ?? "[]")) {
        const other = boxes.get(source);
        if (!other) continue;
        const [from, to] = [at(other), at(box)], lit = name === step || source === step ? " lit" : "";
        const sameLane = other.parentElement === box.parentElement, level = Math.abs(from.y - to.y) < 4;
        if (sameLane && level && to.x > from.x) { // beside one another
          const y = from.y + from.height / 2;
          paths.push(html`<path class="line${lit}" d="M${from.x + from.width} ${y}H${to.x - 2}"/>`);
        } else { // out to the left, down the gutter, and in again
          const x = 4 + (track++ % 4) * STEP, start = from.y + from.height - 10, end = to.y + 12;
          const out = from.x > GUTTER + 40 ? `M${from.x + 14} ${from.y + from.height}V${from.y + from.height + 7}H${x}` : `M${from.x} ${start}H${x}`;
          paths.push(html`<path class="line${lit}" d="${out}V${end}H${to.x - 2}"/>`);
        }
      }
    }
    svg.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
    set(svg, html`<defs><marker id="lineage-head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>${paths}`);
  };
  const look = async () => {
    if (!fold.open || !run) return;
    const asked = run, answer = await ask({ run, step });
    if (asked !== run) return;
    part("lineage-title").textContent = answer.error ? "" : answer.title;
    set(picture, answer.error ? problem(answer.error) : answer.html);
    set(part("lineage-box"), answer.box ?? "");
    lines();
  };
  fold.addEventListener("toggle", look);
  new ResizeObserver(lines).observe(picture);
  fold.addEventListener("click", async (event) => {
    const wanted = hit(event, "[data-step]")?.dataset.step;
    if (wanted === undefined) return;
    step = wanted === step ? "" : wanted;
    await look();
    if (step) part("lineage-box").scrollIntoView({ block: "nearest" });
  });
  return {
    look,
    /** @param {string} chosen */
    choose(chosen) { [run, step] = [chosen, ""]; return look(); },
  };
};
