// Pictures beside Build's knobs. Data comes once from the server; every turn of a knob is answered here, without a round trip.
import { all, html, set } from "./html.js";
import { maths } from "./mathematics.js";
import { chart, layout as themedLayout } from "./plotly.js";
import { later } from "./polling.js";
import { colour } from "./theme.js";

/** @typedef {(number | number[])[][]} Pixels rows of grey levels, or of channels */
/** A token's distribution has labels and `others` of its own. @typedef {import("./mathematics.js").Example & {text: string | null, image: Pixels | null,
 *   labels?: string[], others?: number[]}} Example */
/** @typedef {{origin: string, note: string}} Source where it comes from: "none" where there is nothing */
/** @typedef {Source & {labels: string[], examples: Example[]}} Answers of the teacher, as logits */
/** @typedef {Source & {epochs: number[], soft: number[], hard: number[]}} Losses */
/** @typedef {Source & {edges: number[], counts: number[], sample: number[], total: number, max_abs: number}} Weights a histogram, and quantiles of |w| */
/** @typedef {{temperature?: Answers, soft_weight?: Losses, weights?: Weights}} Data */
/** @typedef {{traces: Trace[], layout: Layout, says: string, from: string, example?: Example}} Picture */
/** @typedef {Picture | {empty: string}} Result a picture, or why there is none */
/** @typedef {{element: HTMLElement, plot: Chart, blank: HTMLElement, words: HTMLElement, from: HTMLElement, shown: HTMLElement, draw?: () => void,
 *   result?: Picture, frame?: string}} Lens */
/** @typedef {string | number | boolean} Value */

// --- words ---------------------------------------------------------------------------------------------------------
/** @param {number} share */
const percent = (share, digits = 0) => {
  if (share > 0 && share < 0.01) return "under 1\u202f%";
  if (share < 1 && share > 0.99) return "over 99\u202f%";
  return `${(share * 100).toFixed(digits)}\u202f%`;
};
/** @param {number} value */
const small = (value) => Number(value.toPrecision(3)).toString().replace("e-", " × 10^−");
const says = {
  /** @param {string[]} labels @param {number[]} soft @param {number} temperature */
  temperature(labels, soft, temperature) {
    const [first, second] = soft.map((_, i) => i).sort((a, b) => soft[b] - soft[a]);
    const flat = maths.entropy(soft) / Math.log2(labels.length);
    if (temperature <= 1) return `Teacher's prediction at T = 1: “${labels[first]}” with ${percent(soft[first])}.`;
    if (flat > 0.93) return `Almost uniform at T = ${temperature}: the classes can hardly be told apart.`;
    if (soft[second] < 0.02) return `Still sharp at T = ${temperature}: “${labels[first]}” keeps ${percent(soft[first])}.`;
    return `At T = ${temperature} the teacher gives this “${labels[first]}” a ${percent(soft[second])} chance of being “${labels[second]}”.`;
  },
};

// --- state: what the server sent, and where the knobs stand -----------------------------------------------------------
/** @type {Record<string, string>} */
const MARKS = { measured: "●", simulated: "◐", estimated: "○", replayed: "⟲" };
const NOTHING = {
  temperature: "No teacher trained yet: run once to see its soft labels.",
  soft_weight: "No teacher trained yet: run once to see how its answer and the label mix.",
  weights: "No weights to show yet: run once to see them.",
};
/** @type {Record<string, Value>} */
const values = { temperature: 4, soft_weight: 0.7, sparsity: 50, bits: 8, kind: "magnitude" };
/** @type {Map<string, Lens>} */
const mounted = new Map();
/** @type {Set<(name: string, value: Value) => void>} */
const turns = new Set();
/** @type {Data | null} */
let data = null;
let example = 0;

/** What there is to show. @template {Source} P @param {P | undefined} part @returns {P | null} */
const found = (part) => (part && part.origin !== "none" ? part : null);
/** The teacher's answers, where there are any. */
const answered = () => {
  const answers = found(data?.temperature);
  return answers?.examples.length ? answers : null;
};
/** @param {Source} part */
const source = ({ origin, note }) => `${MARKS[origin] ?? "○"} ${note || origin}`;
/** @param {Answers} answers */
const current = ({ examples }) => examples[example % examples.length];
/** A token's distribution names its own choices; the last one stands for all others, whose sum depends on T. @param {Answers} answers @param {number} T */
const distribution = (answers, T) => {
  const { labels = answers.labels, logits, others } = current(answers);
  if (!others) return { labels, logits };
  return { labels, logits: [...logits.slice(0, -1), others[Math.max(0, Math.min(others.length - 1, Math.round(2 * (T - 1))))]] };
};
/** @param {number[]} edges */
const middles = (edges) => edges.slice(0, -1).map((left, i) => (left + edges[i + 1]) / 2);

// --- figures: each gives {figure, says, from, example} or a reason why there is none ------------------------------------
/** @param {string} name @param {string[]} x @param {number[]} y @param {string} colour @param {Trace} [extra] @returns {Trace} */
const bars = (name, x, y, colour, extra = {}) => ({ type: "bar", name, x, y, marker: { color: colour },
  hovertemplate: `%{x}<br>%{y:.1%}<extra>${name}</extra>`, ...extra });
const shareAxis = { tickformat: ".0%", rangemode: "tozero", nticks: 4, fixedrange: true };
const legend = { orientation: "h", x: 1, xanchor: "right", y: 1.08, yanchor: "top", font: { size: 14 }, bgcolor: "rgba(0,0,0,0)", traceorder: "normal" };
const labelAxis = { type: "category", fixedrange: true, automargin: true, gridcolor: "rgba(0,0,0,0)" };

/** @type {Record<string, () => Result>} */
const figures = {
  temperature() {
    const answers = answered(), T = Number(values.temperature);
    if (!answers) return { empty: data?.temperature?.note || NOTHING.temperature };
    const { labels, logits } = distribution(answers, T);
    const plain = maths.softmax(distribution(answers, 1).logits, 1), soft = maths.softmax(logits, T);
    const rows = maths.leading(labels, plain, soft), names = rows.map((row) => row[0]);
    return {
      // The answer at T = 1 stays behind as a ghost on an axis that never moves: one sees the bars flatten.
      traces: [bars("T = 1", names, rows.map((row) => row[1]), colour("teacher-pale"), { width: 0.86 }),
        bars("this T", names, rows.map((row) => row[2]), colour("teacher"), { width: 0.5 })],
      layout: { barmode: "overlay", yaxis: { ...shareAxis, range: [0, 1] }, xaxis: labelAxis, showlegend: true, legend },
      says: `${says.temperature(labels, soft, T)} Entropy ${maths.entropy(plain).toFixed(2)} → ${maths.entropy(soft).toFixed(2)} bits.`,
      from: source(answers), example: current(answers),
    };
  },
  soft_weight() {
    const alpha = Number(values.soft_weight), T = Number(values.temperature), losses = found(data?.soft_weight), answers = answered();
    if (losses?.epochs.length) return lossCurves(losses, alpha);
    if (!answers) return { empty: data?.soft_weight?.note || NOTHING.soft_weight };
    const { truth } = current(answers), { labels, logits } = distribution(answers, T);
    const soft = maths.softmax(logits, T);
    const hard = labels.map((label) => Number(label === truth));
    const rows = maths.leading(labels, soft, hard), names = rows.map((row) => row[0]);
    return {
      traces: [bars("teacher", names, rows.map((row) => alpha * row[1]), colour("teacher")),
        bars("label", names, rows.map((row) => (1 - alpha) * row[2]), colour("control"), { marker: { color: colour("control"), pattern: { shape: "/" } } })],
      layout: { barmode: "stack", bargap: 0.35, yaxis: { ...shareAxis, range: [0, 1] }, xaxis: labelAxis, showlegend: true, legend },
      says: `Target of the student: ${percent(alpha)} the teacher's soft labels, ${percent(1 - alpha)} the label “${truth}”.`,
      from: source(answers),
    };
  },
  sparsity() {
    const weights = found(data?.weights);
    if (!weights) return { empty: data?.weights?.note || NOTHING.weights };
    const { edges, counts, sample, total } = weights, share = Number(values.sparsity) / 100;
    const sum = counts.reduce((a, b) => a + b, 0), heights = counts.map((count) => count / sum);
    const threshold = maths.quantile(sample, share), magnitude = values.kind === "magnitude";
    const gone = magnitude ? maths.covered(edges, threshold) : edges.slice(0, -1).map(() => (values.kind === "random" ? share : 0));
    /** @param {number} x */
    const line = (x) => ({ type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: { color: colour("over"), width: 2, dash: "dot" } });
    /** @type {Record<string, string>} */
    const sentences = {
      magnitude: `Prunes ${Math.round(total * share).toLocaleString("en")} of ${total.toLocaleString("en")} weights (|w| < ${small(threshold)} × layer RMS).`,
      random: `Prunes ${percent(share)} of ${total.toLocaleString("en")} weights at random, large ones too.`,
      taylor: `Prunes the ${percent(share)} of weights whose absence would change the loss least: gradients decide, not this histogram.`,
      movement: `Prunes the ${percent(share)} of weights that training moves towards zero most: their size does not decide.`,
      wanda: `Prunes ${percent(share)} of each output's weights: the smallest products of weight and input.`,
      sparsegpt: `Prunes ${percent(share)} of each block of inputs: what the weights that stay can best make up for.`,
      "sparsegpt-2:4": "Prunes two of every four inputs of each output, those that the others can best make up for: half of the weights.",
      "2:4": "Prunes two of every four inputs of each output: half of the weights, whatever this share says.",
      "wanda-2:4": "Prunes two of every four inputs of each output, by products of weight and input: half of the weights.",
    };
    return {
      traces: [histogram("removed", edges, heights.map((h, i) => h * gone[i]), colour("track")),
        histogram("kept", edges, heights.map((h, i) => h * (1 - gone[i])), colour("compressed"))],
      layout: { barmode: "stack", bargap: 0, yaxis: { ...shareAxis, tickformat: ".1~%" }, xaxis: weightAxis(),
        shapes: magnitude && share > 0 ? [line(-threshold), line(threshold)] : [] },
      says: share > 0 ? sentences[String(values.kind)] : "Nothing is removed.", from: source(weights),
    };
  },
  bits() {
    const weights = found(data?.weights);
    if (!weights) return { empty: data?.weights?.note || NOTHING.weights };
    const { edges, counts, max_abs: largest } = weights, bits = Number(values.bits);
    const sum = counts.reduce((a, b) => a + b, 0), levels = maths.grid(largest, bits);
    const error = maths.roundingError(edges, counts, largest, bits);
    const dense = levels.length > 80;
    const lift = (Math.max(...counts) / sum) * (dense ? 0.04 : 0.08); // the ticks stand on the axis
    return {
      traces: [{ type: "scatter", mode: "lines", name: "weights", x: middles(edges), y: counts.map((count) => count / sum), fill: "tozeroy",
        line: { color: colour("compressed"), width: 1.5, shape: "hvh" }, hovertemplate: "w = %{x:.3f}<br>%{y:.1%} of weights<extra></extra>" },
      { type: "scatter", mode: "markers", name: "levels", x: levels, y: levels.map(() => lift), hoverinfo: "x",
        marker: { opacity: dense ? 0.35 : 1, symbol: "line-ns", size: dense ? 7 : 14, line: { width: dense ? 0.5 : 1.6, color: colour("ink") } },
        hovertemplate: "level %{x:.4f}<extra></extra>" }],
      layout: { yaxis: { ...shareAxis, tickformat: ".1~%" }, xaxis: weightAxis() },
      says: `${levels.length} levels, one grid for all weights: mean squared error ${small(error)}, ${maths.decibels(maths.power(edges, counts), error).toFixed(1)} dB.`,
      from: source(weights),
    };
  },
};
const weightAxis = () => ({ fixedrange: true, nticks: 7, title: { text: "weight ÷ root mean square of its layer", standoff: 4, font: { size: 14 } } });
/** @param {string} name @param {number[]} edges @param {number[]} y @param {string} colour @returns {Trace} */
const histogram = (name, edges, y, colour) => ({ type: "bar", name, y, x: middles(edges),
  width: edges.slice(0, -1).map((left, i) => edges[i + 1] - left), marker: { color: colour, line: { width: 0 } },
  hovertemplate: `w = %{x:.3f}<br>%{y:.2%} of weights<extra>${name}</extra>` });

/** @param {Losses} losses @param {number} alpha @returns {Picture} */
function lossCurves(losses, alpha) {
  const { epochs, soft, hard } = losses;
  /** @param {string} name @param {number[]} y @param {string} colour @param {string} [dash] */
  const line = (name, y, colour, dash) => ({ type: "scatter", mode: "lines", name, x: epochs, y, line: { color: colour, width: 2, dash },
    hovertemplate: `epoch %{x}<br>%{y:.3f}<extra>${name}</extra>` });
  const weighted = [soft.map((loss) => alpha * loss), hard.map((loss) => (1 - alpha) * loss)];
  const [last, rest] = weighted.map((series) => series[series.length - 1]);
  return {
    traces: [line("α · soft", weighted[0], colour("teacher")), line("(1 − α) · hard", weighted[1], colour("control"), "dot")],
    layout: { yaxis: { rangemode: "tozero", nticks: 4, fixedrange: true }, xaxis: { fixedrange: true, nticks: 7, title: { text: "epoch", standoff: 4, font: { size: 14 } } },
      showlegend: true, legend },
    says: `At α = ${alpha}, the distillation term is ${percent(last / (last + rest || 1))} of that run's final loss.`,
    from: source(losses),
  };
}

// --- drawing ---------------------------------------------------------------------------------------------------------------
/** @param {string} name */
function draw(name) {
  const lens = mounted.get(name);
  if (!lens?.element.isConnected) return;
  const result = data ? figures[name]() : { empty: "Looking for what earlier runs measured …" };
  const { plot, blank, words, from, shown } = lens, empty = "empty" in result;
  blank.hidden = !empty;
  plot.hidden = words.hidden = from.hidden = empty;
  shown.hidden = empty || !result.example;
  blank.textContent = empty ? result.empty : "";
  if (empty) return;
  words.textContent = result.says;
  from.textContent = result.from;
  plot.setAttribute("aria-label", result.says);
  if (result.example) showExample(shown, result.example);
  lens.result = result;
  if (lens.draw && moved(lens, result)) return;
  lens.draw ? lens.draw() : (lens.draw = chart(plot, () => figure(coloured(name, lens.result ?? result))));
}
/** The chart in the theme's colours of now: it may have been made in those of before. @param {string} name @param {Picture} result */
function coloured(name, result) {
  const again = figures[name]();
  return "empty" in again ? result : again;
}
/** Moves the points of a chart that stays as it is otherwise, at half of what drawing it anew takes; false where more has changed.
 * @param {Lens} lens @param {Picture} result */
function moved(lens, result) {
  const { plot, frame } = lens, { data: drawn } = plot;
  lens.frame = JSON.stringify([result.layout, result.traces.map(({ x, y, ...rest }) => rest)]);
  if (lens.frame !== frame || !drawn) return false;
  const changes = ["x", "y"].filter((axis) => result.traces.some((trace, i) => String(trace[axis]) !== String(drawn[i][axis])));
  if (changes.length) window.Plotly.restyle(plot, Object.fromEntries(changes.map((axis) => [axis, result.traces.map((trace) => trace[axis])])));
  return true;
}
/** @param {Picture} picture @returns {Figure} */
function figure({ traces, layout }) {
  const margin = { l: 48, r: 6, t: 8, b: layout.xaxis.title ? 44 : 26, ...layout.margin };
  return { data: traces, layout: themedLayout({ ...layout, margin, height: 150, dragmode: false, hovermode: "closest" }), config: {} };
}

/** @param {HTMLElement} shown @param {Example} example */
function showExample(shown, { text, image, truth }) {
  const [canvas] = all(shown, "canvas", HTMLCanvasElement), [quote] = all(shown, "q", HTMLElement), [label] = all(shown, "b", HTMLElement);
  canvas.hidden = !image;
  quote.hidden = !text;
  if (text) { quote.textContent = text.length > 110 ? `${text.slice(0, 108)}…` : text; quote.title = text; }
  if (image) paint(canvas, image);
  label.textContent = truth;
}
/** @param {HTMLCanvasElement} canvas @param {Pixels} rows */
function paint(canvas, rows) {
  canvas.width = rows[0].length; canvas.height = rows.length;
  const pixels = new ImageData(canvas.width, canvas.height);
  rows.flat(1).forEach((value, i) => {
    const [r, g = r, b = r] = Array.isArray(value) ? value : [value];
    pixels.data.set([r, g, b, 255], i * 4);
  });
  canvas.getContext("2d")?.putImageData(pixels, 0, 0);
}

const TEMPLATE = html`<div class="lens-plot" role="img"></div><p class="lens-blank" hidden></p><p class="lens-says"></p>
  <div class="lens-example" hidden><canvas hidden></canvas><q hidden></q><span class="mute">true label <b></b></span>
  <button type="button" class="quiet" id="lens-next">Next example</button></div><p class="lens-from prov"></p>`;

const REST_MS = 120;
/** @type {Set<string>} */
const waiting = new Set();
/** Pictures beside the one under the hand, once it rests and the server's answer has usually come: drawn before, they would hold it up. */
const atRest = later(REST_MS, () => { const due = [...waiting]; waiting.clear(); due.forEach(draw); });
/** @type {Record<string, string[]>} */
const after = { temperature: ["temperature", "soft_weight"], soft_weight: ["soft_weight"], sparsity: ["sparsity"], kind: ["sparsity"], bits: ["bits"] };
/** Calls `follow` with every value that a knob with a picture gets under somebody's hand. @param {(name: string, value: Value) => void} follow */
export const onTurn = (follow) => { turns.add(follow); };
export const lenses = {
  says, values,
  /** @param {HTMLElement} element */
  mount(element) {
    const { lens: name = "" } = element.dataset, known = mounted.get(name)?.element;
    if (known === element) return;
    if (known) { // its step was closed and is open again: the chart is the one that was drawn before
      element.replaceWith(known);
      draw(name);
      return;
    }
    set(element, TEMPLATE);
    const [plot, blank, words, shown, from] = all(element, ":scope > *", HTMLElement), [next] = all(shown, "button", HTMLElement);
    mounted.set(name, { element, plot, blank, words, shown, from });
    if (name === "temperature") next.addEventListener("click", () => { example += 1; draw("temperature"); draw("soft_weight"); });
    else next.remove();
    draw(name);
  },
  /** A knob shows another value; `turned`: under somebody's hand. @param {string} name @param {Value | null} value */
  set(name, value, turned = false) {
    if (value === null || value === "") return;
    if (!turned && String(values[name]) === String(value)) return;
    values[name] = value;
    if (turned) turns.forEach((follow) => follow(name, value));
    const [first, ...others] = after[name] ?? [];
    if (first) draw(first);
    others.forEach((other) => waiting.add(other));
    if (others.length) atRest();
  },
  /** New data from the server. @param {Data} fresh */
  feed(fresh) {
    const shown = fresh.temperature;
    data = fresh;
    if (shown?.examples) data = { ...fresh, temperature: { ...shown, examples: maths.telling(shown.labels, shown.examples) } };
    example = 0;
    [...mounted.keys()].forEach(draw);
  },
};
