// What a class sees of itself: predictions as bars, runs as points, latencies as a histogram. The lecturer's page and phones share it.
import { html } from "./html.js";
import { language } from "./language.js";
import { box, dot, line, linear, logarithmic, path, svg, text } from "./lessons/picture.js";

/** @typedef {import("./html.js").Markup} Markup */
/** @typedef {{ask: string, choices: string[]}} Texts */
/** @typedef {Texts & {lesson: string, texts: Record<string, Texts>, total: number, revealed: boolean, counts: number[] | null, right?: number, own?: number | null}} Question */
/** @typedef {{nickname: string, words: string, state: string, accuracy: number | null, mark: string, kilobytes: number | null, run: string}} Point */
/** @typedef {{frozen: boolean, points: Point[], waiting: number, mine: {number: number, words: string}[]}} Board */
/** @typedef {{ms: number[], labels: Record<string, number>, own: number | null, runtime: boolean, student: string, classes: string[],
 *   models: {digest: string, title: string, bytes: number}[]}} Drawing */

/** @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;
/** The question in the page's language. @param {Question} question @returns {Question} */
export const inLanguage = (question) => ({ ...question, ...question.texts[language] });
/** Without the marks that a lesson's text has: strong words, code and terms. @param {string} words */
export const bare = (words) => words.replace(/\*\*|`/g, "").replace(/\[\[([^\]|]+)(?:\|[^\]]+)?\]\]/g, "$1");
/** @param {number} ms */
export const milliseconds = (ms) => `${ms < 1 ? ms.toFixed(2) : ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
/** @param {number} kilobytes */
const size = (kilobytes) => `${kilobytes < 10 ? kilobytes.toFixed(1) : Math.round(kilobytes)} kB`;

/** Bars of the predictions; before they are revealed only how many there are. @param {Question} question */
export const bars = ({ choices, total, counts, right }) => html`<ol class="bars">${choices.map((choice, i) => {
  const count = counts ? counts[i] : 0, share = total ? count / total : 0;
  return html`<li class="${counts && i === right ? "right" : ""}"><span class="letter">${"ABCDE"[i]}</span><span class="words">${bare(choice)}</span>
    <span class="track"><span class="fill" style="width:${counts ? (100 * share).toFixed(1) : "0"}%"></span></span>
    <span class="count">${counts ? `${count} · ${Math.round(100 * share)} %${i === right ? " ✓" : ""}` : ""}</span></li>`;
})}</ol>`;

/** Runs that have ended as points: what would be downloaded against accuracy. @param {Point[]} points @param {string} own a nickname @param {number} width */
export const boardChart = (points, own, width) => {
  const shown = points.filter(/** @returns {point is Point & {accuracy: number, kilobytes: number}} */ (point) => point.accuracy !== null && point.kilobytes !== null);
  if (!shown.length) return html`<p class="empty">The first point appears when the first run has ended.</p>`;
  const sizes = shown.map(({ kilobytes }) => kilobytes), accuracies = shown.map(({ accuracy }) => accuracy);
  const left = Math.min(...sizes) * 0.8, right = Math.max(...sizes) * 1.25, low = Math.max(0, Math.floor((Math.min(...accuracies) - 2) / 5) * 5);
  const high = Math.min(100, Math.ceil(Math.max(...accuracies) + 1)), height = Math.max(260, Math.min(460, width * 0.55)), bottom = height - 52;
  const x = logarithmic(left, right, 52, width - 16), y = linear(low, high, bottom, 38), step = high - low > 30 ? 10 : high - low > 12 ? 5 : 2;
  const ticks = Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, i) => low + i * step);
  const front = shown.filter((point) => !shown.some((other) => other !== point && other.accuracy >= point.accuracy && other.kilobytes <= point.kilobytes
    && (other.accuracy > point.accuracy || other.kilobytes < point.kilobytes))).sort((a, b) => a.kilobytes - b.kilobytes);
  const steps = /** @type {[number, number][]} */ (front.flatMap((point, i) => [...(i ? [[x(point.kilobytes), y(front[i - 1].accuracy)]] : []), [x(point.kilobytes), y(point.accuracy)]]));
  const marks = [1, 1.5, 2, 3, 5, 7, 10, 20, 50, 100, 200, 500].filter((tick) => tick > left && tick < right);
  return svg(width, height, `${counted(shown.length, "run")}; best ${Math.max(...accuracies).toFixed(1)} %`, html`
    ${ticks.map((tick) => html`${line(48, y(tick), width - 8, y(tick), "")}${text(42, y(tick) + 5, String(tick), "end mute")}`)}
    ${marks.map((tick) => text(x(tick), bottom + 22, String(tick), "middle mute"))}
    ${steps.length > 1 ? path(steps, "dashed") : ""}
    ${shown.map((point) => dot(x(point.kilobytes), y(point.accuracy), point.nickname === own ? 9 : 6, `${/32 bits/.test(point.words) ? "student" : "compressed"}${point.nickname === own ? " own" : ""}`,
    html`<title>${point.nickname}: ${point.accuracy.toFixed(1)} % ${point.mark}, ${size(point.kilobytes)}; ${point.words}</title>`))}
    ${text(8, 16, "accuracy, %", "mute")}${text(52 + (width - 68) / 2, bottom + 44, "size of the download, kB", "middle mute")}`);
};

/** The run that most would call the best in words, and how many are on their way. @param {Board} board */
export const boardWords = ({ points, waiting, frozen }) => {
  const ended = points.filter(({ accuracy }) => accuracy !== null), under = points.filter(({ state }) => state === "queued" || state === "running").length;
  const failed = points.filter(({ state }) => state === "failed" || state === "cancelled").length;
  const [best] = [...ended].sort((a, b) => Number(b.accuracy) - Number(a.accuracy) || Number(a.kilobytes) - Number(b.kilobytes));
  return html`<p class="told">${best ? html`Most accurate so far: <b>${best.nickname}</b> with <b>${Number(best.accuracy).toFixed(1)}\u00a0% ${best.mark}</b>${best.kilobytes ? ` in ${size(best.kilobytes)}` : ""}. ` : ""}
    ${counted(ended.length, "run")} ended${failed ? `, ${failed} failed` : ""}, ${under} in work, ${waiting} waiting${frozen ? ". The board is frozen" : ""}.</p>`;
};

/** Latencies on a logarithmic axis. @param {Drawing} drawing @param {number} width */
export const latencyChart = ({ ms, own }, width) => {
  if (!ms.length) return html`<p class="empty">No latency yet. It appears when the first participant has drawn a digit.</p>`;
  const low = 10 ** Math.floor(Math.log10(ms[0])), high = 10 ** Math.max(Math.ceil(Math.log10(ms[ms.length - 1] * 1.001)), Math.log10(low) + 1);
  const x = logarithmic(low, high, 16, width - 16), bins = Math.max(8, Math.round(Math.log10(high / low) * 10)), height = 260, bottom = height - 52;
  const place = (/** @type {number} */ value) => Math.min(bins - 1, Math.floor((Math.log(value / low) / Math.log(high / low)) * bins));
  const counts = Array.from({ length: bins }, (_, bin) => ms.filter((value) => place(value) === bin).length), most = Math.max(...counts);
  const y = linear(0, most, bottom, 26), wide = (width - 32) / bins, mine = own === null ? -1 : place(own);
  const ticks = Array.from({ length: Math.round(Math.log10(high / low)) + 1 }, (_, i) => low * 10 ** i);
  return svg(width, height, `${counted(ms.length, "latency", "latencies")} from ${milliseconds(ms[0])} to ${milliseconds(ms[ms.length - 1])}`, html`
    ${counts.map((count, i) => (count ? html`${box(16 + i * wide + 1, y(count), wide - 2, bottom - y(count), i === mine ? "student own" : "student")}${text(16 + (i + 0.5) * wide, y(count) - 6, String(count), "middle")}` : ""))}
    ${line(16, bottom, width - 16, bottom, "axis")}
    ${ticks.map((tick, i) => text(x(tick), bottom + 22, String(Number(tick.toPrecision(3))), i === 0 ? "mute" : i === ticks.length - 1 ? "end mute" : "middle mute"))}
    ${text(width / 2, bottom + 44, "ms for one prediction", "middle mute")}`);
};
