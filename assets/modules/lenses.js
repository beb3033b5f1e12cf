// Pictures beside Build's knobs. Data comes once from the server; every turn of a knob is answered here, without a round trip.
import { maths } from "./mathematics.js";
import { chart, layout as themedLayout } from "./plotly.js";
import { colour } from "./theme.js";

// --- words ---------------------------------------------------------------------------------------------------------
const percent = (share, digits = 0) => {
  if (share > 0 && share < 0.01) return "under 1\u202f%";
  if (share < 1 && share > 0.99) return "over 99\u202f%";
  return `${(share * 100).toFixed(digits)}\u202f%`;
};
const small = (value) => Number(value.toPrecision(3)).toString().replace("e-", " × 10^−");
const says = {
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
const MARKS = { measured: "●", simulated: "◐", estimated: "○", replayed: "⟲" };
const NOTHING = {
  temperature: "No teacher trained yet: run once to see its soft labels.",
  soft_weight: "No teacher trained yet: run once to see how its answer and the label mix.",
  weights: "No weights to show yet: run once to see them.",
};
const values = { temperature: 4, soft_weight: 0.7, sparsity: 50, bits: 8, kind: "magnitude" };
const mounted = new Map();
/** @type {Set<(name: string, value: string | number | boolean) => void>} */
const turns = new Set();
let data = null, example = 0;

const present = (part) => data?.[part] && data[part].origin !== "none";
const source = (part) => `${MARKS[data[part].origin] ?? "○"} ${data[part].note || data[part].origin}`;
const current = () => data.temperature.examples[example % data.temperature.examples.length];
// A token's distribution names its own choices; the last one stands for all others, whose sum depends on the temperature.
const distribution = (T) => {
  const { labels = data.temperature.labels, logits, others } = current();
  return others ? { labels, logits: [...logits.slice(0, -1), others[Math.max(0, Math.min(others.length - 1, Math.round(2 * (T - 1))))]] } : { labels, logits };
};
const hasExamples = () => present("temperature") && data.temperature.examples.length > 0;

// --- figures: each gives {figure, says, from, example} or a reason why there is none ------------------------------------
const bars = (name, x, y, colour, extra = {}) => ({ type: "bar", name, x, y, marker: { color: colour },
  hovertemplate: `%{x}<br>%{y:.1%}<extra>${name}</extra>`, ...extra });
const shareAxis = { tickformat: ".0%", rangemode: "tozero", nticks: 4, fixedrange: true };
const legend = { orientation: "h", x: 1, xanchor: "right", y: 1.08, yanchor: "top", font: { size: 14 }, bgcolor: "rgba(0,0,0,0)", traceorder: "normal" };
const labelAxis = { type: "category", fixedrange: true, automargin: true, gridcolor: "rgba(0,0,0,0)" };

const figures = {
  temperature() {
    if (!hasExamples()) return { empty: data?.temperature?.note || NOTHING.temperature };
    const T = Number(values.temperature), { labels, logits } = distribution(T);
    const plain = maths.softmax(distribution(1).logits, 1), soft = maths.softmax(logits, T);
    const rows = maths.leading(labels, plain, soft), names = rows.map((row) => row[0]);
    return {
      // The answer at T = 1 stays behind as a ghost on an axis that never moves: one sees the bars flatten.
      traces: [bars("T = 1", names, rows.map((row) => row[1]), colour("teacher-pale"), { width: 0.86 }),
        bars("this T", names, rows.map((row) => row[2]), colour("teacher"), { width: 0.5 })],
      layout: { barmode: "overlay", yaxis: { ...shareAxis, range: [0, 1] }, xaxis: labelAxis, showlegend: true, legend },
      says: `${says.temperature(labels, soft, T)} Entropy ${maths.entropy(plain).toFixed(2)} → ${maths.entropy(soft).toFixed(2)} bits.`,
      from: source("temperature"), example: current(),
    };
  },
  soft_weight() {
    const alpha = Number(values.soft_weight);
    if (present("soft_weight") && data.soft_weight.epochs.length) return lossCurves(data.soft_weight, alpha);
    if (!hasExamples()) return { empty: data?.soft_weight?.note || NOTHING.soft_weight };
    const { truth } = current(), { labels, logits } = distribution(Number(values.temperature));
    const soft = maths.softmax(logits, Number(values.temperature));
    const hard = labels.map((label) => Number(label === truth));
    const rows = maths.leading(labels, soft, hard), names = rows.map((row) => row[0]);
    return {
      traces: [bars("teacher", names, rows.map((row) => alpha * row[1]), colour("teacher")),
        bars("label", names, rows.map((row) => (1 - alpha) * row[2]), colour("control"), { marker: { color: colour("control"), pattern: { shape: "/" } } })],
      layout: { barmode: "stack", bargap: 0.35, yaxis: { ...shareAxis, range: [0, 1] }, xaxis: labelAxis, showlegend: true, legend },
      says: `Target of the student: ${percent(alpha)} the teacher's soft labels, ${percent(1 - alpha)} the label “${truth}”.`,
      from: source("temperature"),
    };
  },
  sparsity() {
    if (!present("weights")) return { empty: data?.weights?.note || NOTHING.weights };
    const { edges, counts, sample, total } = data.weights, share = Number(values.sparsity) / 100;
    const sum = counts.reduce((a, b) => a + b, 0), heights = counts.map((count) => count / sum);
    const threshold = maths.quantile(sample, share), magnitude = values.kind === "magnitude";
    const gone = magnitude ? maths.covered(edges, threshold) : edges.slice(0, -1).map(() => (values.kind === "random" ? share : 0));
    const line = (x) => ({ type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: { color: colour("over"), width: 2, dash: "dot" } });
    const sentence = {
      magnitude: `Prunes ${Math.round(total * share).toLocaleString("en")} of ${total.toLocaleString("en")} weights (|w| < ${small(threshold)} × layer RMS).`,
      random: `Prunes ${percent(share)} of ${total.toLocaleString("en")} weights at random, large ones too.`,
      taylor: `Prunes the ${percent(share)} of weights whose absence would change the loss least: gradients decide, not this histogram.`,
      movement: `Prunes the ${percent(share)} of weights that training moves towards zero most: their size does not decide.`,
      wanda: `Prunes ${percent(share)} of each output's weights: the smallest products of weight and input.`,
      "2:4": "Prunes two of every four inputs of each output: half of the weights, whatever this share says.",
    }[values.kind];
    return {
      traces: [histogram("removed", edges, heights.map((h, i) => h * gone[i]), colour("track")),
        histogram("kept", edges, heights.map((h, i) => h * (1 - gone[i])), colour("compressed"))],
      layout: { barmode: "stack", bargap: 0, yaxis: { ...shareAxis, tickformat: ".1~%" }, xaxis: weightAxis(),
        shapes: magnitude && share > 0 ? [line(-threshold), line(threshold)] : [] },
      says: share > 0 ? sentence : "Nothing is removed.", from: source("weights"),
    };
  },
  bits() {
    if (!present("weights")) return { empty: data?.weights?.note || NOTHING.weights };
    const { edges, counts, max_abs: largest } = data.weights, bits = Number(values.bits);
    const sum = counts.reduce((a, b) => a + b, 0), levels = maths.grid(largest, bits);
    const error = maths.roundingError(edges, counts, largest, bits);
    const dense = levels.length > 80;
    const lift = (Math.max(...counts) / sum) * (dense ? 0.04 : 0.08); // the ticks stand on the axis
    const middle = edges.slice(0, -1).map((left, i) => (left + edges[i + 1]) / 2);
    return {
      traces: [{ type: "scatter", mode: "lines", name: "weights", x: middle, y: counts.map((count) => count / sum), fill: "tozeroy",
        line: { color: colour("compressed"), width: 1.5, shape: "hvh" }, hovertemplate: "w = %{x:.3f}<br>%{y:.1%} of weights<extra></extra>" },
      { type: "scatter", mode: "markers", name: "levels", x: levels, y: levels.map(() => lift), hoverinfo: "x",
        marker: { opacity: dense ? 0.35 : 1, symbol: "line-ns", size: dense ? 7 : 14, line: { width: dense ? 0.5 : 1.6, color: colour("ink") } },
        hovertemplate: "level %{x:.4f}<extra></extra>" }],
      layout: { yaxis: { ...shareAxis, tickformat: ".1~%" }, xaxis: weightAxis() },
      says: `${levels.length} levels, one grid for all weights: mean squared error ${small(error)}, ${maths.decibels(maths.power(edges, counts), error).toFixed(1)} dB.`,
      from: source("weights"),
    };
  },
};
const weightAxis = () => ({ fixedrange: true, nticks: 7, title: { text: "weight ÷ root mean square of its layer", standoff: 4, font: { size: 14 } } });
const histogram = (name, edges, y, colour) => ({ type: "bar", name, y, x: edges.slice(0, -1).map((left, i) => (left + edges[i + 1]) / 2),
  width: edges.slice(0, -1).map((left, i) => edges[i + 1] - left), marker: { color: colour, line: { width: 0 } },
  hovertemplate: `w = %{x:.3f}<br>%{y:.2%} of weights<extra>${name}</extra>` });

function lossCurves({ epochs, soft, hard }, alpha) {
  const line = (name, y, colour, dash) => ({ type: "scatter", mode: "lines", name, x: epochs, y, line: { color: colour, width: 2, dash },
    hovertemplate: `epoch %{x}<br>%{y:.3f}<extra>${name}</extra>` });
  const weighted = [soft.map((loss) => alpha * loss), hard.map((loss) => (1 - alpha) * loss)];
  const [last, rest] = weighted.map((series) => series.at(-1));
  return {
    traces: [line("α · soft", weighted[0], colour("teacher")), line("(1 − α) · hard", weighted[1], colour("control"), "dot")],
    layout: { yaxis: { rangemode: "tozero", nticks: 4, fixedrange: true }, xaxis: { fixedrange: true, nticks: 7, title: { text: "epoch", standoff: 4, font: { size: 14 } } },
      showlegend: true, legend },
    says: `At α = ${alpha}, the distillation term is ${percent(last / (last + rest || 1))} of that run's final loss.`,
    from: source("soft_weight"),
  };
}

// --- drawing ---------------------------------------------------------------------------------------------------------------
function draw(name) {
  const lens = mounted.get(name);
  if (!lens?.element.isConnected) return;
  const result = data ? figures[name]() : { empty: "Looking for what earlier runs measured …" };
  const { plot, blank, words, from, shown } = lens;
  blank.hidden = !result.empty;
  plot.hidden = words.hidden = from.hidden = Boolean(result.empty);
  shown.hidden = !result.example;
  blank.textContent = result.empty ?? "";
  if (result.empty) return;
  words.textContent = result.says;
  from.textContent = result.from;
  plot.setAttribute("aria-label", result.says);
  if (result.example) showExample(shown, result.example);
  lens.result = result;
  if (lens.draw && moved(lens)) return;
  lens.draw ? lens.draw() : (lens.draw = chart(plot, () => figure(coloured(name, lens.result))));
}
/** The chart in the theme's colours of now: it may have been made in those of before. */
function coloured(name, result) {
  const again = figures[name]();
  return again.empty ? result : again;
}
/** Moves the points of a chart that stays as it is otherwise, at half of what drawing it anew takes; false where more has changed. */
function moved(lens) {
  const { plot, result, frame } = lens;
  lens.frame = JSON.stringify([result.layout, result.traces.map(({ x, y, ...rest }) => rest)]);
  if (lens.frame !== frame || !plot.data) return false;
  const changes = ["x", "y"].filter((axis) => result.traces.some((trace, i) => String(trace[axis]) !== String(plot.data[i][axis])));
  if (changes.length) window.Plotly.restyle(plot, Object.fromEntries(changes.map((axis) => [axis, result.traces.map((trace) => trace[axis])])));
  return true;
}
function figure({ traces, layout }) {
  const margin = { l: 48, r: 6, t: 8, b: layout.xaxis.title ? 44 : 26, ...layout.margin };
  return { data: traces, layout: themedLayout({ ...layout, margin, height: 150, dragmode: false, hovermode: "closest" }), config: {} };
}

function showExample(shown, { text, image, truth }) {
  const canvas = shown.querySelector("canvas"), quote = shown.querySelector("q");
  canvas.hidden = !image;
  quote.hidden = !text;
  if (text) { quote.textContent = text.length > 110 ? `${text.slice(0, 108)}…` : text; quote.title = text; }
  if (image) paint(canvas, image);
  shown.querySelector("b").textContent = truth;
}
function paint(canvas, rows) {
  canvas.width = rows[0].length; canvas.height = rows.length;
  const context = canvas.getContext("2d"), pixels = context.createImageData(canvas.width, canvas.height);
  rows.flat(1).forEach((value, i) => {
    const [r, g, b] = Array.isArray(value) ? [value[0], value[1] ?? value[0], value[2] ?? value[0]] : [value, value, value];
    pixels.data.set([r, g, b, 255], i * 4);
  });
  context.putImageData(pixels, 0, 0);
}

const TEMPLATE = `<div class="lens-plot" role="img"></div><p class="lens-blank" hidden></p><p class="lens-says"></p>
  <div class="lens-example" hidden><canvas hidden></canvas><q hidden></q><span class="mute">true label <b></b></span>
  <button type="button" class="quiet" id="lens-next">Next example</button></div><p class="lens-from prov"></p>`;

const waiting = new Set();
/** Draws these once what is under the hand has been painted; several turns within a frame are drawn once. */
function soon(names) {
  if (!waiting.size) requestAnimationFrame(() => setTimeout(() => { const due = [...waiting]; waiting.clear(); due.forEach(draw); }));
  names.forEach((name) => waiting.add(name));
}
const after = { temperature: ["temperature", "soft_weight"], soft_weight: ["soft_weight"], sparsity: ["sparsity"], kind: ["sparsity"], bits: ["bits"] };
/** Calls `follow` with every value that a knob with a picture gets under somebody's hand. @param {(name: string, value: string | number | boolean) => void} follow */
export const onTurn = (follow) => { turns.add(follow); };
export const lenses = {
  says, values,
  mount(element) {
    const name = element.dataset.lens, find = (query) => element.querySelector(query), known = mounted.get(name)?.element;
    if (known === element) return;
    if (known) { // its step was closed and is open again: the chart is the one that was drawn before
      element.replaceWith(known);
      draw(name);
      return;
    }
    element.innerHTML = TEMPLATE;
    mounted.set(name, { element, plot: find(".lens-plot"), blank: find(".lens-blank"), words: find(".lens-says"), from: find(".lens-from"), shown: find(".lens-example") });
    find("#lens-next").addEventListener("click", () => { example += 1; draw("temperature"); draw("soft_weight"); });
    if (name !== "temperature") find("#lens-next").remove();
    draw(name);
  },
  /** A knob shows another value; `turned`: under somebody's hand. */
  set(name, value, turned = false) {
    if (value === null || value === undefined || value === "") return;
    if (!turned && String(values[name]) === String(value)) return;
    values[name] = value;
    if (turned) turns.forEach((follow) => follow(name, value));
    const [first, ...others] = after[name] ?? [];
    if (first) draw(first);
    if (others.length) soon(others);
  },
  /** New data from the server. */
  feed(fresh) {
    data = fresh;
    const shown = data?.temperature;
    if (shown?.examples) data = { ...fresh, temperature: { ...shown, examples: maths.telling(shown.labels, shown.examples) } };
    example = 0;
    [...mounted.keys()].forEach(draw);
  },
};
