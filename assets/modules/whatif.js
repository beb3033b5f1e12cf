// What-if: the sensitivity comes once from the server; every turn of a slider is a sum in the browser. One button measures the point.
import { connect } from "./api.js";
import { BITS, FLOAT_BITS, GRID, maths } from "./additive.js";
import { all, hit, html, parts, problem, set } from "./html.js";
import { onTurn } from "./lenses.js";
import { noun, number } from "./numbers.js";
import { chart, layout as themedLayout } from "./plotly.js";
import { colour } from "./theme.js";

/** @typedef {import("./additive.js").Change} Change */
/** @typedef {import("./additive.js").Found} Found */
/** @typedef {import("./additive.js").Guess} Guess */
/** @typedef {import("./additive.js").Band} Band */
/** @typedef {import("./html.js").Markup} Markup */
/** @typedef {{headline: number, bytes: number, change: Change}} Setting a change with what it comes to */
/** @typedef {{digest: string, title: string, role: string, note: string}} Model */
/** @typedef {{task: string, models: Model[]}} Choices */
/** @typedef {{task: string, model: string}} Asked */
/** @typedef {{headline: number, n: number, split: string, seconds: number}} Measured */
/**
 * @typedef {{
 *   whatif_open: (asked: Asked) => Promise<{found: Found | null}>,
 *   whatif_compute: (asked: Asked) => Promise<{done: number, total: number, eta: number, found: Found | null}>,
 *   whatif_prepare: (asked: Asked) => Promise<{}>,
 *   whatif_measure: (asked: Asked & Change) => Promise<Measured>,
 * }} Server
 */

// --- words ------------------------------------------------------------------------------------------------------------
/** @param {number} value */
const short = (value) => Number(value.toPrecision(3)).toString();
/** @param {number} bytes */
const size = (bytes) => number(bytes, "bytes");
/** @param {number} bits */
const bitsText = (bits) => (bits === FLOAT_BITS ? "fp32" : `${bits} bits`);
/** @param {Change} change */
const changeText = ({ sparsity, rank, bits }) => [
  sparsity > 0 && `${Math.round(100 * sparsity)}\u202f% removed`, rank < 1 && `${Math.round(100 * rank)}\u202f% of the rank`, bits < FLOAT_BITS && bitsText(bits),
].filter(Boolean).join(", ") || "nothing changed";
/** @param {number} seconds */
const time = (seconds) => (seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`);

/** @param {number} share */
const percent = (share) => `${Math.round(100 * share)}\u202f%`;
/** The mean error that was measured where predictions are like this one. @param {Found} found @param {Guess} guess @returns {import("./additive.js").Mean & {band: Band | ""}} */
const errorOf = (found, guess) => {
  const { error } = found, band = maths.band(found, guess);
  return error.bands[band].count ? { ...error.bands[band], band } : { ...error, band: "" };
};

/** @type {Record<string, string>} */
const COLOURS = { teacher: "teacher", student: "student", compressed: "compressed" };
/** @type {{feed: (fresh: Choices) => void} | null} */
let panel = null;
/** @type {Choices | null} */
let waiting = null; // Build may tell of models before the panel is there

/** @param {HTMLElement} root @param {Server} server */
export const mount = (root, server) => {
  const api = connect(server), part = parts(root);
  const select = part("whatif-model", HTMLSelectElement), button = part("whatif-measure", HTMLButtonElement);
  const sliders = { sparsity: part("whatif-sparsity", HTMLInputElement), rank: part("whatif-rank", HTMLInputElement), bits: part("whatif-bits", HTMLInputElement) };
  const view = {
    task: "", models: /** @type {Model[]} */ ([]), model: "", prepared: "", turn: 0,
    found: /** @type {Found | null} */ (null), front: /** @type {Setting[]} */ ([]), measured: /** @type {Setting[]} */ ([]),
    draw: /** @type {(() => void) | null} */ (null),
  };

  const chosen = () => view.models.find((each) => each.digest === view.model);
  const change = () => {
    const bits = Number(sliders.bits.value);
    return { sparsity: Number(sliders.sparsity.value) / 100, rank: Number(sliders.rank.value) / 100, bits: bits > 8 ? FLOAT_BITS : bits };
  };
  /** @param {string} [words] */
  const fail = (words) => set(part("whatif-message"), problem(words));
  /** @param {Markup | string} markup */
  const blank = (markup) => {
    part("whatif-shown").hidden = true;
    part("whatif-empty").hidden = false;
    set(part("whatif-empty"), markup);
  };

  // --- figures ---------------------------------------------------------------------------------------------------------
  const figure = () => {
    const { found } = view, now = change();
    if (!found) return { data: [], layout: themedLayout({}), config: {} }; // left, or another model, while it waited to be drawn
    const here = maths.predicted(found, now), metric = maths.metric(found);
    const curve = BITS.map((bits) => ({ ...maths.predicted(found, { ...now, bits }), change: { ...now, bits } }));
    const amber = colour("compressed"), own = colour(COLOURS[chosen()?.role ?? ""] ?? "student");
    /** @param {string} name */
    const told = (name) => `%{customdata}<br>%{y:.3~g} ${found.metric.unit}<extra>${name}</extra>`;
    /** @param {string} name @param {Setting[]} points @param {Trace} more @returns {Trace} */
    const trace = (name, points, more) => ({ type: "scatter", name, x: points.map((each) => each.bytes), y: points.map((each) => each.headline),
      customdata: points.map((each) => `${changeText(each.change)}<br>${size(each.bytes)}`), hovertemplate: told(name), ...more });
    const joint = found.joint.map((row) => ({ ...row.measured, bytes: row.predicted.bytes, change: row.change }));
    const error = errorOf(found, here).drop ?? 0;
    const far = found.metric.unit === "%" ? 25 : Math.abs(found.base.headline);
    const lowest = Math.min(here.headline, ...view.measured.map((each) => each.headline), metric.lowered(found.base.headline, far));
    const highest = Math.max(here.headline, ...view.measured.map((each) => each.headline), metric.lowered(found.base.headline, metric.sign > 0 ? 0 : far));
    const range = found.metric.unit === "%" ? [Math.max(found.bounds[0] - 2, lowest - 3), Math.min(102, highest + 3)] : [Math.min(0, lowest), 1.1 * highest];
    const data = [
      trace("best of all settings ○", view.front, { mode: "lines", line: { color: colour("mute"), width: 1.5, dash: "dot" } }),
      trace("2 to 8 bits, fp32 ○", curve, { mode: "lines+markers", line: { color: amber, width: 2, dash: "dash" }, marker: { symbol: "diamond-open", size: 8, color: amber } }),
      trace("measured with the sensitivity ●", joint, { mode: "markers", marker: { symbol: "diamond", size: 7, color: amber, opacity: 0.55 } }),
      trace("unchanged ●", [{ ...found.base, change: { sparsity: 0, rank: 1, bits: FLOAT_BITS } }], { mode: "markers", marker: { symbol: chosen()?.role === "teacher" ? "star" : "circle", size: 13, color: own } }),
      trace("this point ○", [{ ...here, change: now }], { mode: "markers", marker: { symbol: "diamond-open", size: 16, color: amber, line: { width: 2.5, color: amber } },
        error_y: { type: "constant", value: error, color: amber, thickness: 1.5, width: 5 } }),
      trace("measured here ●", view.measured, { mode: "markers", marker: { symbol: "diamond", size: 14, color: amber, line: { width: 1.5, color: colour("ink") } } }),
    ];
    const narrow = part("whatif-chart").clientWidth < 520;
    const layout = themedLayout({
      height: 400, dragmode: false, hovermode: "closest", showlegend: true, margin: { l: 56, r: 10, t: narrow ? 10 : 44, b: 52 },
      legend: narrow ? { orientation: "h", y: -0.25, yanchor: "top" } : { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 14 } },
      xaxis: { type: "log", title: { text: "packed size, by formula ○", standoff: 8, font: { size: 14 } }, fixedrange: true, ...ticks([...curve, ...view.front, found.base]) },
      yaxis: { title: { text: `validation ${noun(found.metric.title)}, ${found.metric.unit}`, standoff: 6, font: { size: 14 } }, fixedrange: true, range },
    });
    return { data, layout, config: {} };
  };
  /** @param {{bytes: number}[]} points */
  const ticks = (points) => {
    const sizes = points.map((each) => each.bytes), low = Math.min(...sizes), high = Math.max(...sizes), vals = /** @type {number[]} */ ([]);
    for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10) vals.push(...[1, 2, 5].map((each) => each * power));
    const shown = vals.filter((each) => each >= low / 1.3 && each <= high * 1.3);
    return { tickvals: shown, ticktext: shown.map(size), range: [Math.log10(low / 1.3), Math.log10(high * 1.3)] };
  };

  // --- what is said ------------------------------------------------------------------------------------------------------
  /** @param {Found} found */
  const say = (found) => {
    const now = change(), here = maths.predicted(found, now), error = errorOf(found, here), metric = maths.metric(found), value = metric.format;
    const texts = { sparsity: percent(now.sparsity), rank: percent(now.rank), bits: now.bits === FLOAT_BITS ? "32 (fp32)" : String(now.bits) };
    for (const name of /** @type {const} */ (["sparsity", "rank", "bits"])) {
      part(`whatif-out-${name}`).textContent = texts[name];
      sliders[name].setAttribute("aria-valuetext", texts[name]);
    }
    const times = found.base.bytes / here.bytes, none = changeText(now) === "nothing changed";
    part("whatif-title").textContent = none ? `Unchanged: ${value(found.base.headline)} on validation data at ${size(found.base.bytes)}`
      : `${changeText(now)}: ${short(times)} × smaller, about ${value(here.headline)} predicted`;
    const limit = found.error.mild_up_to, lost = Number(error.drop).toFixed(metric.placesOf(Number(error.drop)));
    const scope = { mild: ` where it predicts a drop of up to ${limit}`, steep: ` where it predicts a drop of over ${limit}`, floor: " where it predicts a total loss", "": "" }[error.band];
    part("whatif-subtitle").textContent = `○ Prediction: sum of per-layer losses. Mean error on ${error.count} measured settings: ${lost} ${metric.differenceUnit}${scope}. `
      + `● ${found.n.toLocaleString("en")} validation examples.`;
    const left = now.rank < 1 ? found.layers.filter(({ rows, columns }) => !maths.pays(rows, columns, now.rank)).length : 0;
    const alone = left ? ` In ${left} of ${found.layers.length} layers this rank would not pay: they are left alone.` : "";
    set(part("whatif-says"), none ? "Turn a slider: nothing is trained again, so this is what compression alone costs."
      : html`<b>${value(here.headline)}</b> ○ ± ${lost} at <b>${size(here.bytes)}</b> ○; unchanged ${value(found.base.headline)} ● at ${size(found.base.bytes)} ○.${alone}`);
  };
  const redraw = () => {
    if (!view.found) return;
    say(view.found);
    view.draw ? view.draw() : (view.draw = chart(part("whatif-chart"), figure));
  };

  // --- which model, and its sensitivity ------------------------------------------------------------------------------------
  /** @param {Found} found */
  const show = (found) => {
    view.found = found;
    view.measured = [];
    const points = GRID.sparsity.flatMap((sparsity) => GRID.rank.flatMap((rank) => BITS.map((bits) => {
      const each = { sparsity, rank, bits };
      return { ...maths.predicted(found, each), change: each };
    })));
    view.front = maths.front(points, maths.metric(found).better);
    set(part("whatif-measured"), "");
    part("whatif-empty").hidden = true;
    part("whatif-shown").hidden = false;
    redraw();
  };
  const open = async () => {
    const turn = (view.turn += 1);
    view.found = null;
    fail();
    if (!view.model) {
      blank(html`No finished run has exported these models yet. <b>Queue run</b>: as soon as it has exported them, you can compress them here and see what is lost.`);
      return;
    }
    const answer = await api.ask("whatif_open", { task: view.task, model: view.model });
    if (turn !== view.turn) return; // another model was chosen meanwhile
    if (answer.error) { fail(answer.error); blank("Choose another model."); }
    else if (answer.found) show(answer.found);
    else offer();
  };
  const offer = () => blank(html`<p>Layer sensitivity of <b>${chosen()?.title}</b> is not measured yet.</p>
    <button type="button" class="act" id="whatif-compute">Measure its layers</button>
    <p>Or add a <b>Sensitivity</b> step to the recipe.</p>`);
  const compute = async () => {
    const { turn, model, task } = view;
    blank(html`<p id="whatif-progress" role="status">Opening the model …</p><div class="track thin"><span class="bar-fill compressed" style="width:0"></span></div>`);
    for (;;) {
      const answer = await api.ask("whatif_compute", { task, model });
      if (turn !== view.turn) return; // another model was chosen: what is measured so far stays with the server
      if (answer.error) { fail(answer.error); offer(); return; }
      if (answer.found) { show(answer.found); return; }
      part("whatif-progress").textContent = `${answer.done} of ${answer.total} changes measured, about ${time(answer.eta)} to go`;
      for (const bar of all(part("whatif-empty"), ".bar-fill", HTMLElement)) bar.style.width = `${(100 * answer.done) / answer.total}%`;
    }
  };
  const measure = async () => {
    const { turn, found } = view, now = change();
    if (!found) return;
    button.disabled = true;
    fail();
    const answer = await api.ask("whatif_measure", { task: view.task, model: view.model, ...now });
    button.disabled = false;
    if (turn !== view.turn) return;
    if (answer.error) { fail(answer.error); return; }
    const guess = maths.predicted(found, now), value = maths.metric(found).format;
    view.measured = [...view.measured, { headline: answer.headline, bytes: guess.bytes, change: now }];
    const took = answer.seconds < 0.95 ? `${Math.max(1, Math.round(1000 * answer.seconds))}\u202fms` : `${answer.seconds.toFixed(1)}\u202fs`;
    set(part("whatif-measured"), html`<b>${value(answer.headline)}</b> ● measured, n = ${answer.n.toLocaleString("en")} ${answer.split}, in ${took}; ${value(guess.headline)} ○ was predicted (${changeText(now)}). Weights alone are changed; the arithmetic stays fp32.`);
    redraw();
  };

  // The model is opened when somebody turns to the panel, so that the first point comes as fast as the next.
  const prepare = () => {
    if (!view.found || view.prepared === view.model) return;
    view.prepared = view.model;
    api.ask("whatif_prepare", { task: view.task, model: view.model });
  };
  for (const kind of ["pointerenter", "focusin"]) root.addEventListener(kind, prepare);
  select.addEventListener("change", () => { view.model = select.value; open(); });
  root.addEventListener("input", (event) => { if (hit(event, "[data-turn]")) redraw(); });
  root.addEventListener("click", (event) => { if (hit(event, "#whatif-compute")) compute(); });
  button.addEventListener("click", measure);
  onTurn((name, turned) => {
    if (name === "sparsity") sliders.sparsity.value = String(Math.round(Number(turned)));
    else if (name === "bits") sliders.bits.value = String(Math.min(9, Number(turned)));
    else return;
    redraw();
  });
  panel = {
    feed({ task, models }) {
      const same = task === view.task && JSON.stringify(models) === JSON.stringify(view.models);
      if (same && (view.found || !models.length)) return;
      if (same && root.querySelector("#whatif-progress")) return;
      Object.assign(view, { task, models });
      set(select, html`${models.map(({ digest, title, role, note }) => html`<option value="${digest}">${title} · ${role}${note ? `, ${note}` : ""}</option>`)}`);
      if (!models.some((each) => each.digest === view.model)) view.model = models[0]?.digest ?? "";
      select.value = view.model;
      select.closest(".field")?.toggleAttribute("hidden", models.length < 2);
      open();
    },
  };
  blank("Looking for models that can be changed …");
  if (waiting) panel.feed(waiting);
};
export const whatif = {
  /** The task and the models of the recipe that Build shows by now. @param {Choices} fresh */
  feed(fresh) {
    if (!fresh.task) return;
    waiting = fresh;
    panel?.feed(fresh);
  },
};
