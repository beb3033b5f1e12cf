// What-if: the sensitivity comes once from the server; every turn of a slider is a sum in the browser. One button measures the point.
import { BITS, FLOAT_BITS, GRID, maths } from "./additive.js";
import { html, problem, set } from "./html.js";
import { onTurn } from "./lenses.js";
import { number } from "./numbers.js";
import { chart, layout as themedLayout } from "./plotly.js";
import { colour } from "./theme.js";

// --- words ------------------------------------------------------------------------------------------------------------
const short = (value) => Number(value.toPrecision(3)).toString();
const size = (bytes) => number(bytes, "bytes");
const bitsText = (bits) => (bits === FLOAT_BITS ? "fp32" : `${bits} bits`);
const changeText = ({ sparsity, rank, bits }) => [
  sparsity > 0 && `${Math.round(100 * sparsity)}\u202f% removed`, rank < 1 && `${Math.round(100 * rank)}\u202f% of the rank`, bits < FLOAT_BITS && bitsText(bits),
].filter(Boolean).join(", ") || "nothing changed";
const time = (seconds) => (seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`);

const COLOURS = { teacher: "teacher", student: "student", compressed: "compressed" };
let panel = null, waiting = null; // Build may tell of models before the panel is there

const mount = (root, server) => {
  const part = (id) => root.querySelector(`#${id}`);
  const select = part("whatif-model"), button = part("whatif-measure");
  const view = { task: "", models: [], model: "", prepared: "", found: null, front: [], measured: [], turn: 0, draw: null };

  const chosen = () => view.models.find((each) => each.digest === view.model);
  const change = () => {
    const bits = Number(part("whatif-bits").value);
    return { sparsity: Number(part("whatif-sparsity").value) / 100, rank: Number(part("whatif-rank").value) / 100, bits: bits > 8 ? FLOAT_BITS : bits };
  };
  const metric = () => maths.metric(view.found);
  const value = (headline) => metric().format(headline);
  const lost = (drop) => Number(drop).toFixed(metric().placesOf(drop));
  const fail = (words) => set(part("whatif-message"), problem(words));
  const blank = (markup) => {
    part("whatif-shown").hidden = true;
    part("whatif-empty").hidden = false;
    set(part("whatif-empty"), markup);
  };

  // --- figures ---------------------------------------------------------------------------------------------------------
  /** The mean error that was measured where predictions are like this one. */
  const errorOf = (guess) => {
    const { error } = view.found, band = maths.band(view.found, guess);
    return error.bands[band].count ? { ...error.bands[band], band } : { ...error, band: "" };
  };
  const figure = () => {
    if (!view.found) return { data: [], layout: themedLayout({}), config: {} }; // left, or another model, while it waited to be drawn
    const { found } = view, now = change(), here = maths.predicted(found, now);
    const curve = BITS.map((bits) => ({ ...maths.predicted(found, { ...now, bits }), change: { ...now, bits } }));
    const amber = colour("compressed"), own = colour(COLOURS[chosen()?.role] ?? "student");
    const told = (name) => `%{customdata}<br>%{y:.3~g} ${found.metric.unit}<extra>${name}</extra>`;
    const trace = (name, points, more) => ({ type: "scatter", name, x: points.map((each) => each.bytes), y: points.map((each) => each.headline),
      customdata: points.map((each) => `${changeText(each.change)}<br>${size(each.bytes)}`), hovertemplate: told(name), ...more });
    const joint = found.joint.map((row) => ({ ...row.measured, bytes: row.predicted.bytes, change: row.change }));
    const error = errorOf(here).drop ?? 0;
    const far = found.metric.unit === "%" ? 25 : Math.abs(found.base.headline);
    const lowest = Math.min(here.headline, ...view.measured.map((each) => each.headline), metric().lowered(found.base.headline, far));
    const highest = Math.max(here.headline, ...view.measured.map((each) => each.headline), metric().lowered(found.base.headline, metric().sign > 0 ? 0 : far));
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
      yaxis: { title: { text: `validation ${found.metric.title.toLowerCase()}, ${found.metric.unit}`, standoff: 6, font: { size: 14 } }, fixedrange: true, range },
    });
    return { data, layout, config: {} };
  };
  const ticks = (points) => {
    const sizes = points.map((each) => each.bytes), low = Math.min(...sizes), high = Math.max(...sizes), vals = [];
    for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10) vals.push(...[1, 2, 5].map((each) => each * power));
    const shown = vals.filter((each) => each >= low / 1.3 && each <= high * 1.3);
    return { tickvals: shown, ticktext: shown.map(size), range: [Math.log10(low / 1.3), Math.log10(high * 1.3)] };
  };

  // --- what is said ------------------------------------------------------------------------------------------------------
  const say = () => {
    const { found } = view, now = change(), here = maths.predicted(found, now), error = errorOf(here);
    const texts = { sparsity: `${Math.round(100 * now.sparsity)}\u202f%`, rank: `${Math.round(100 * now.rank)}\u202f%`, bits: now.bits === FLOAT_BITS ? "32 (fp32)" : String(now.bits) };
    for (const [name, text] of Object.entries(texts)) {
      part(`whatif-out-${name}`).textContent = text;
      part(`whatif-${name}`).setAttribute("aria-valuetext", text);
    }
    const times = found.base.bytes / here.bytes, none = changeText(now) === "nothing changed";
    part("whatif-title").textContent = none ? `Unchanged: ${value(found.base.headline)} on validation data at ${size(found.base.bytes)}`
      : `${changeText(now)}: ${short(times)} × smaller, about ${value(here.headline)} predicted`;
    const limit = found.error.mild_up_to;
    const scope = { mild: ` where it predicts a drop of up to ${limit}`, steep: ` where it predicts a drop of over ${limit}`, floor: " where it predicts a total loss", "": "" }[error.band];
    part("whatif-subtitle").textContent = `○ Prediction: sum of per-layer losses. Mean error on ${error.count} measured settings: ${lost(error.drop)} ${metric().differenceUnit}${scope}. `
      + `● ${found.n.toLocaleString("en")} validation examples.`;
    const left = now.rank < 1 ? found.layers.filter(({ rows, columns }) => !maths.pays(rows, columns, now.rank)).length : 0;
    set(part("whatif-says"), none ? "Turn a slider: nothing is trained again, so this is what compression alone costs."
      : `<b>${value(here.headline)}</b> ○ ± ${lost(error.drop)} at <b>${size(here.bytes)}</b> ○; unchanged ${value(found.base.headline)} ● at ${size(found.base.bytes)} ○.`
        + (left ? ` In ${left} of ${found.layers.length} layers this rank would not pay: they are left alone.` : ""));
  };
  const redraw = () => {
    if (!view.found) return;
    say();
    view.draw ? view.draw() : (view.draw = chart(part("whatif-chart"), figure));
  };

  // --- which model, and its sensitivity ------------------------------------------------------------------------------------
  const show = (found) => {
    view.found = found;
    view.measured = [];
    const points = GRID.sparsity.flatMap((sparsity) => GRID.rank.flatMap((rank) => BITS.map((bits) => {
      const each = { sparsity, rank, bits };
      return { ...maths.predicted(found, each), change: each };
    })));
    view.front = maths.front(points, metric().better);
    set(part("whatif-measured"), "");
    part("whatif-empty").hidden = true;
    part("whatif-shown").hidden = false;
    redraw();
  };
  const open = async () => {
    const turn = (view.turn += 1);
    view.found = null;
    fail("");
    if (!view.model) {
      blank("No finished run has exported these models yet. <b>Queue run</b>: as soon as it has exported them, you can compress them here and see what is lost.");
      return;
    }
    const answer = await server.whatif_open({ task: view.task, model: view.model });
    if (turn !== view.turn) return; // another model was chosen meanwhile
    if (answer.error) { fail(answer.error); blank("Choose another model."); }
    else if (answer.found) show(answer.found);
    else offer();
  };
  const offer = () => blank(`${html`<p>Layer sensitivity of <b>${chosen().title}</b> is not measured yet.</p>
    <button type="button" class="act" id="whatif-compute">Measure its layers now</button>
    <p>Or add a step <b>Sensitivity</b> to the recipe: it is kept like any other step.</p>`}`);
  const compute = async () => {
    const { turn, model, task } = view;
    blank('<p id="whatif-progress" role="status">Opening the model …</p><div class="track thin"><span class="bar-fill compressed" style="width:0"></span></div>');
    for (;;) {
      const answer = await server.whatif_compute({ task, model });
      if (turn !== view.turn) return; // another model was chosen: what is measured so far stays with the server
      if (answer.error) { fail(answer.error); offer(); return; }
      if (answer.found) { show(answer.found); return; }
      part("whatif-progress").textContent = `${answer.done} of ${answer.total} changes measured, about ${time(answer.eta)} to go`;
      part("whatif-empty").querySelector(".bar-fill").style.width = `${(100 * answer.done) / answer.total}%`;
    }
  };
  const measure = async () => {
    const { turn, found } = view, now = change();
    button.disabled = true;
    fail("");
    try {
      const answer = await server.whatif_measure({ task: view.task, model: view.model, ...now });
      if (turn !== view.turn) return;
      if (answer.error) { fail(answer.error); return; }
      const guess = maths.predicted(found, now);
      view.measured = [...view.measured, { ...answer, bytes: guess.bytes, change: now }];
      set(part("whatif-measured"), `<b>${value(answer.headline)}</b> ● measured, n = ${answer.n.toLocaleString("en")} ${html`${answer.split}`}, in ${answer.seconds < 0.95 ? `${Math.max(1, Math.round(1000 * answer.seconds))}\u202fms` : `${answer.seconds.toFixed(1)}\u202fs`}; `
        + `${value(guess.headline)} ○ was predicted (${changeText(now)}). Weights alone are changed; the arithmetic stays fp32.`);
      redraw();
    } finally { button.disabled = false; }
  };

  // The model is opened when somebody turns to the panel, so that the first point comes as fast as the next.
  const prepare = () => {
    if (!view.found || view.prepared === view.model) return;
    view.prepared = view.model;
    server.whatif_prepare({ task: view.task, model: view.model });
  };
  for (const kind of ["pointerenter", "focusin"]) root.addEventListener(kind, prepare);
  select.addEventListener("change", () => { view.model = select.value; open(); });
  root.addEventListener("input", (event) => { if (event.target.matches?.("[data-turn]")) redraw(); });
  root.addEventListener("click", (event) => { if (event.target.id === "whatif-compute") compute(); });
  button.addEventListener("click", measure);
  onTurn((name, turned) => {
    if (name === "sparsity") part("whatif-sparsity").value = Math.round(Number(turned));
    else if (name === "bits") part("whatif-bits").value = Math.min(9, Number(turned));
    else return;
    redraw();
  });
  panel = {
    feed({ task, models }) {
      const same = task === view.task && JSON.stringify(models) === JSON.stringify(view.models);
      if (same && (view.found || !models.length)) return;
      if (same && part("whatif-progress")) return;
      Object.assign(view, { task, models });
      set(select, `${html`${models.map(({ digest, title, role, note }) => html`<option value="${digest}">${title} · ${role}${note ? `, ${note}` : ""}</option>`)}`}`);
      if (!models.some((each) => each.digest === view.model)) view.model = models[0]?.digest ?? "";
      select.value = view.model;
      select.closest(".field").hidden = models.length < 2;
      open();
    },
  };
  blank("Looking for models that can be changed …");
  if (waiting) panel.feed(waiting);
};
export { mount };
export const whatif = {
  /** The task and the models of the recipe that Build shows by now. */
  feed(fresh) {
    if (!fresh?.task) return;
    waiting = fresh;
    panel?.feed(fresh);
  },
};
