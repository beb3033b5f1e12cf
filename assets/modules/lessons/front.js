// Lesson 10: a Pareto front over recorded models, and the ways to make one's own look better than it is.
import { all, html, set } from "../html.js";
import { dot, knobs, line, linear, logarithmic, path, picture, recorded, segments, svg, text, toggle } from "./picture.js";
import { halfWidth, mean } from "./statistics.js";

/** @typedef {{title: string, study: string, role: string, seeds: number[], file: number, packed: number}} Model accuracy of each seed in %, MB */
/** @typedef {Parameters<typeof recorded>[0] & {models: Model[]}} Data */

const OURS = "CNN 93 K, Huffman-coded"; // what the headline boasts of

/** Of points, those that no other one beats in both: nothing smaller is as accurate. @template {{size: number, accuracy: number}} P @param {P[]} points @returns {P[]} */
export const front = (points) => [...points].sort((a, b) => a.size - b.size || b.accuracy - a.accuracy)
  .filter(({ accuracy }, i, sorted) => sorted.slice(0, i).every((smaller) => smaller.accuracy < accuracy));

/** @param {number} factor */
const ratio = (factor) => (factor < 1 ? `${(1 / factor).toFixed(1)}× larger` : factor < 10 ? `${factor.toFixed(1)}× smaller` : `${Math.floor(factor).toLocaleString("en")}× smaller`);
/** @param {number} megabytes */
const size = (megabytes) => (megabytes < 1 ? `${Math.round(megabytes * 1000)} kB` : `${Number(megabytes.toPrecision(3))} MB`);

/** @param {HTMLElement} root @param {Data} data */
export const mount = (root, data) => {
  const values = { axis: "cut", bytes: "packed", best: true, whiskers: false, control: false, teacher: "largest" };
  set(root, html`<p class="says headline"></p><div class="sketch"></div>
    <div class="knobs">${segments("axis", "Accuracy axis", [["cut", "93.5 to 95.5 %"], ["good", "80 to 100 %"], ["whole", "0 to 100 %"]])}
    ${segments("bytes", "Size", [["packed", "packed download"], ["file", "file that runs"]])}
    ${segments("teacher", "Compared with", [["largest", "the largest model"], ["alike", "a model of its size"]])}</div>
    <div class="knobs">${toggle("best", "Best seed instead of the mean")}${toggle("whiskers", "Intervals over seeds")}${toggle("control", "The same student without a teacher")}</div>
    <p class="says"></p>${recorded(data)}`);
  const [drawing] = all(root, ".sketch", HTMLElement), [headline, hidden] = all(root, ".says", HTMLElement);
  const points = () => data.models.filter(({ role }) => values.control || role !== "control").map((model) => ({
    ...model, size: values.bytes === "packed" ? model.packed : model.file, accuracy: values.best ? Math.max(...model.seeds) : mean(model.seeds),
    half: values.whiskers ? halfWidth(model.seeds) : 0 }));
  const bounds = () => ({ cut: [93.5, 95.5], good: [80, 100], whole: [0, 100] }[values.axis] ?? [0, 100]);

  const draw = picture(drawing, (width) => {
    const [low, high] = bounds(), x = logarithmic(0.015, 70, 46, width - 16), y = linear(low, high, 300, 14), shown = points(), best = front(shown);
    const ticks = Array.from({ length: 5 }, (_, i) => low + ((high - low) * i) / 4), inside = shown.filter(({ accuracy }) => accuracy >= low && accuracy <= high);
    const steps = best.filter(({ accuracy }) => accuracy >= low).flatMap(({ size: at, accuracy }, i, all) => /** @type {[number, number][]} */ ([
      ...(i ? [[x(at), y(all[i - 1].accuracy)]] : []), [x(at), y(accuracy)]]));
    const radius = (/** @type {string} */ title) => (title === OURS ? 8 : 5);
    return svg(width, 346, `${best.length} models are on the front`, html`
      ${ticks.map((tick) => html`${line(46, y(tick), width - 16, y(tick), "")}${text(40, y(tick) + 5, tick.toFixed(high - low < 5 ? 1 : 0), "end mute")}`)}
      ${[0.02, 0.1, 1, 10].map((tick) => text(x(tick), 320, size(tick), "middle mute"))}${text((46 + width) / 2, 342, `${values.bytes === "packed" ? "Packed download" : "File that runs"}, logarithmic · accuracy in %`, "middle mute")}
      ${steps.length > 1 ? path(steps, "") : ""}
      ${inside.map(({ title, role, size: at, accuracy, half }) => html`${half ? line(x(at), Math.min(300, y(accuracy - half)), x(at), Math.max(14, y(accuracy + half)), "strong") : ""}
        ${dot(x(at), y(accuracy), radius(title), role, html`<title>${title}: ${accuracy.toFixed(2)} %, ${size(at)}</title>`)}`)}
      ${named(inside.filter(({ title, role }) => title === OURS || role === "control" || best.some((each) => each.title === title)), x, y, width)}`);
  });
  const changed = () => {
    const shown = points(), ours = shown.find(({ title }) => title === OURS) ?? shown[0];
    const others = shown.filter(({ role, title }) => role === "teacher" && title !== OURS);
    const largest = others.reduce((a, b) => (a.file > b.file ? a : b)), alike = others.reduce((a, b) => (Math.abs(a.file - ours.file) < Math.abs(b.file - ours.file) ? a : b));
    const base = values.teacher === "largest" ? largest : alike, compared = values.bytes === "packed" ? base.file / ours.size : base.file / ours.file;
    set(headline, html`On the slide: <b>${ratio(compared)}</b> than ${base.title}, ${(100 * ours.accuracy / base.accuracy).toFixed(1)} % of its accuracy.`);
    const lies = [values.axis === "cut" && `models below 93.5 % (${shown.filter(({ accuracy }) => accuracy < 93.5).length} of ${shown.length}) are off the picture, and half a point looks like a cliff`,
      values.bytes === "packed" && "a packed file must be decoded before it runs: what is loaded is ten times larger", values.best && "the best of three seeds is luck that the next training will not repeat",
      !values.whiskers && "how far seeds differ is left out", !values.control && "the control is missing, so nobody sees what the teacher added", values.teacher === "largest" && "the largest model was never the alternative"].filter(Boolean);
    set(hidden, lies.length ? html`<b>${lies.length} of 6 ways to flatter:</b> ${lies.join("; ")}.` : html`<b>Nothing flatters now.</b> Is the student that was taught clearly above the one that was not? Compare their intervals.`);
    draw();
  };
  return knobs(root, values, changed);
};

/** Names beside the points that matter, one below another where they would meet.
 * @param {{title: string, size: number, accuracy: number}[]} points @param {(v: number) => number} x @param {(v: number) => number} y @param {number} width */
const named = (points, x, y, width) => {
  /** @type {{x: number, y: number}[]} */
  const taken = [];
  return [...points].sort((a, b) => y(a.accuracy) - y(b.accuracy)).map(({ title, size: at, accuracy }) => {
    const right = x(at) > width - 190, place = { x: x(at), y: y(accuracy) + 5 };
    while (taken.some((other) => Math.abs(other.y - place.y) < 16 && Math.abs(other.x - place.x) < 190)) place.y += 16;
    taken.push(place);
    return text(place.x + (right ? -12 : 12), place.y, title, right ? "end halo" : "halo");
  });
};
