// Runs: the table with its filters, and the chosen run followed while the tab is looked at.
import { alerts } from "./alerts.js";
import { connect, ofShownRuns } from "./api.js";
import { choosing } from "./choosing.js";
import { comparer } from "./comparer.js";
import { family as familyView } from "./family.js";
import { append, clear, draw, themed } from "./figures.js";
import { all, hit, html, parts, problem, set } from "./html.js";
import { lineage } from "./lineage.js";
import { onAddress, open } from "./navigation.js";
import { pinnable } from "./pin.js";
import { later, poll } from "./polling.js";
import { replay } from "./replay.js";
import { runMarks } from "./run_marks.js";
import { savedViews } from "./saved_views.js";
import { url } from "./state.js";

const FINAL = new Set(["succeeded", "failed", "cancelled", "interrupted"]);
const SHOWN = /** @type {const} */ (["head", "actions", "strip", "results", "recipe"]);
const KINDS = /** @type {const} */ (["loss", "metric"]);

/** @typedef {Partial<Record<typeof KINDS[number], string>>} Curves figures as JSON */
/** @typedef {Record<"head" | "actions" | "strip" | "results" | "recipe" | "log", string>} Shown */
/** @typedef {Shown & {state: string, cursor: number, curves: Curves}} Detail */
/** @typedef {{act: string, run: string, places?: number}} Act */
/**
 * @typedef {{
 *   run_table: (asked: {page: number, chosen: string, state: string, task: string, text: string}) => Promise<{html: string, first?: string, tasks?: string}>,
 *   run_detail: (asked: {run: string, cursor: number, known: boolean, replay?: number}) => Promise<Detail & {at?: number, total?: number}>,
 *   run_act: (asked: Act) => Promise<{}>,
 *   run_marks: import("./run_marks.js").Ask,
 *   run_lineage: import("./lineage.js").Ask,
 *   run_compare: import("./comparer.js").Ask,
 *   run_alerts: import("./alerts.js").Ask,
 *   saved_views: import("./saved_views.js").Ask,
 *   run_family: (asked: {family: string}) => Promise<import("./family.js").Shown>,
 *   run_family_act: (asked: import("./family.js").Act) => Promise<{done?: string}>,
 *   run_family_csv: (asked: {family: string}) => Promise<import("./chart_frame.js").Table>,
 * }} Server
 */

// Steps by their colour, named values by the dash of their line.
/** @type {Record<string, string>} */
const STROKES = { solid: "", dot: "2 4", dash: "8 4", dashdot: "8 4 2 4" };
/** @param {string} colour @param {string} dash @param {string} text */
const stroke = (colour, dash, text) => html`<span><svg width="26" height="8" aria-hidden="true"><line x1="0" x2="26" y1="4" y2="4" stroke="${colour}"
  stroke-width="2.5" stroke-dasharray="${STROKES[dash] ?? ""}"/></svg>${text}</span>`;
/** @param {Curves} curves */
const legend = (curves) => {
  const [steps, names] = [new Map(), new Map()];
  for (const json of Object.values(curves)) {
    for (const { name, line } of themed(json).data) {
      const [step, value] = [name.slice(0, name.lastIndexOf(": ")), name.slice(name.lastIndexOf(": ") + 2)];
      steps.set(step, line.color);
      if (json === curves.loss) names.set(value, line.dash);
    }
  }
  return html`${[...steps].map(([step, colour]) => stroke(colour, "solid", step))}${[...names].map(([name, dash]) => stroke("currentColor", dash, name))}`;
};

/** @param {HTMLElement} root @param {Server} given */
export const mount = (root, given) => {
  const server = ofShownRuns(given);
  const api = connect(server), part = parts(root);
  const fields = { state: part("runs-state", HTMLSelectElement), task: part("runs-task", HTMLSelectElement), text: part("runs-text", HTMLInputElement) };
  const view = { run: "", cursor: 0, page: 1, state: "", curves: /** @type {Curves} */ ({}), ticks: 0 };

  const ticks = choosing(root, part("runs-chosen"));
  const compared = comparer(root, (asked) => api.ask("run_compare", asked), ticks.choose);
  const marks = runMarks(root, (asked) => api.ask("run_marks", asked), () => table());
  const origins = lineage(root, (asked) => api.ask("run_lineage", asked));
  const family = familyView(root, {
    look: (key) => api.fetch("run_family", { family: key }), act: (asked) => api.ask("run_family_act", asked),
    table: (key) => api.ask("run_family_csv", { family: key }),
  }, () => table());
  alerts(root, (asked) => api.ask("run_alerts", asked));
  savedViews(root, "runs", (asked) => api.ask("saved_views", asked));

  /** A run in the address comes before a family: links to runs need not say that they mean no family. */
  const chosenFamily = () => (url.get("run") ? "" : url.get("family") ?? "");

  // --- the table -------------------------------------------------------------------------------------------------------------
  const table = async () => {
    const [state, task, text] = [fields.state, fields.task, fields.text].map((field) => field.value.trim());
    const answer = await api.fetch("run_table", { page: view.page, chosen: chosenFamily() || view.run, state, task, text });
    set(part("runs-table"), answer.error ? problem(answer.error) : answer.html);
    ticks.show();
    if (answer.tasks) { const chosen = fields.task.value; set(fields.task, answer.tasks); fields.task.value = chosen; }
    if (!view.run && answer.first && !url.get("run") && !chosenFamily()) choose(answer.first);
  };
  /** @param {number} page */
  const filter = (page) => {
    view.page = page;
    url.set({ state: fields.state.value, only: fields.task.value, find: fields.text.value.trim(), page: page > 1 ? page : "" });
    return table();
  };

  // --- the chosen run --------------------------------------------------------------------------------------------------------
  /** @param {string | null} run */
  const choose = (run) => {
    if (!run || run === view.run) return;
    family.choose("");
    replaying.stop();
    Object.assign(view, { run, cursor: 0, state: "", curves: {} });
    set(part("run-message"), "");
    for (const kind of KINDS) clear(part(`run-${kind}`));
    part("run-curves").hidden = true;
    for (const row of all(root, "tr[data-run]", HTMLTableRowElement)) {
      row.classList.toggle("chosen", row.dataset.run === run);
      row.toggleAttribute("aria-current", row.dataset.run === run);
    }
    marks.choose(run);
    origins.choose(run);
    detail();
  };
  const detail = async () => {
    const { run, cursor } = view;
    if (!run || replaying.on || family.shown) return;
    const answer = await api.fetch("run_detail", { run, cursor, known: view.state !== "" });
    if (run !== view.run || cursor !== view.cursor || replaying.on || family.shown) return; // another run was chosen, or another answer came first
    part("run-empty").hidden = !answer.error;
    part("run-shown").hidden = Boolean(answer.error);
    if (answer.error) {
      part("run-empty").textContent = answer.error;
      view.state = "gone";
      return;
    }
    if (answer.state !== view.state && view.state) origins.look();
    view.state = answer.state;
    view.cursor = answer.cursor;
    for (const name of SHOWN) set(part(`run-${name}`), answer[name]);
    log(answer.log);
    await curves(answer.curves, cursor === 0);
    const speed = url.get("replay"); // a link to a replay: at this speed, or so that it takes some twenty seconds
    if (speed && FINAL.has(answer.state)) { url.set({ replay: "" }); replaying.start(Number(speed) || 0); }
  };
  /** @param {string} text */
  const log = (text) => {
    const pane = part("run-log");
    if (pane.textContent === text) return;
    const atEnd = pane.scrollTop + pane.clientHeight >= pane.scrollHeight - 30;
    pane.textContent = text || "Nothing logged yet.";
    if (atEnd) pane.scrollTop = pane.scrollHeight;
  };
  /** @param {Curves} fresh @param {boolean} anew */
  const curves = async (fresh, anew) => {
    const { run } = view;
    if (anew) part("run-curves").hidden = !Object.keys(fresh).length;
    for (const kind of KINDS) {
      const [json, known] = [fresh[kind], view.curves[kind]];
      if (!json) continue;
      part("run-curves").hidden = false;
      part(`run-${kind}`).closest("figure")?.removeAttribute("hidden"); // a chart takes its width from where it is drawn
      const whole = view.curves[kind] = known ? append(known, json) : json;
      await draw(part(`run-${kind}`), whole, (figure) => {
        figure.layout.uirevision = run; // zoom survives updates, not another run
        figure.layout.showlegend = false; // both charts share the one below them
        return figure;
      });
      if (run !== view.run) return; // another run was chosen meanwhile: what is left of this answer is not its own
    }
    for (const kind of KINDS) part(`run-${kind}`).closest("figure")?.toggleAttribute("hidden", !view.curves[kind]);
    set(part("run-legend"), legend(view.curves));
  };

  // --- replay -------------------------------------------------------------------------------------------------------------------
  const replaying = replay(part, async (at) => {
    const { run } = view, answer = await api.fetch("run_detail", { run, cursor: 0, known: true, replay: Math.round(at * 1000) });
    if (run !== view.run || answer.error) return null;
    for (const name of SHOWN) set(part(`run-${name}`), answer[name]);
    log(answer.log);
    view.curves = {};
    await curves(answer.curves, true);
    return { at: answer.at ?? 0, total: answer.total ?? 0 };
  }, () => { Object.assign(view, { cursor: 0, state: "", curves: {} }); detail(); });

  // --- what a person does ------------------------------------------------------------------------------------------------------
  /** @param {Act} asked */
  const act = async (asked) => {
    const answer = await api.ask("run_act", asked);
    set(part("run-message"), problem(answer.error));
    if (!answer.error && asked.act === "delete" && asked.run === view.run) {
      Object.assign(view, { run: "", state: "" });
      url.set({ run: "" });
    }
    await table();
    await detail();
  };
  /** @param {string} run */
  const remove = (run) => {
    const name = part("run-head").querySelector("h2")?.textContent ?? run, dialog = part("run-dialog", HTMLDialogElement);
    part("run-dialog-text").textContent = `Delete “${name}”? This permanently deletes its log, curves and results.`;
    dialog.onclose = () => { if (dialog.returnValue === "yes") act({ act: "delete", run }); };
    dialog.returnValue = "no";
    dialog.showModal();
  };
  root.addEventListener("click", (event) => {
    const page = hit(event, "[data-page]"), move = hit(event, "[data-move]"), button = hit(event, "[data-act]");
    const run = hit(event, "[data-run]")?.dataset.run ?? "", action = button?.dataset.act;
    const find = hit(event, "[data-find]")?.dataset.find;
    if (hit(event, "#run-replay-start")) replaying.start(0);
    else if (page) filter(Number(page.dataset.page));
    else if (find) { fields.text.value = find; filter(1); }
    else if (hit(event, "[data-clear]")) { for (const field of Object.values(fields)) field.value = ""; filter(1); }
    else if (move) act({ act: "move", run, places: Number(move.dataset.move) });
    else if (action === "delete") remove(run);
    else if (action) act({ act: action, run });
    else if (hit(event, "tr[data-run]") && !hit(event, "button, input")) {
      if (!hit(event, "a")) open({ tab: "runs", run });
      if (root.clientWidth < 1100) part("run-view").scrollIntoView({ behavior: "smooth" }); // it stands below the table there
    }
  });
  fields.state.addEventListener("change", () => filter(1));
  fields.task.addEventListener("change", () => filter(1));
  fields.text.addEventListener("input", later(200, () => filter(1)));

  pinnable(root, (place) => (place === "comparer" ? compared.view() : { run: view.run }));

  // --- start -------------------------------------------------------------------------------------------------------------------
  // What somebody typed or chose before this script was there stays and counts; the rest comes from the address.
  const early = Object.values(fields).some((field) => field.value);
  fields.state.value ||= url.get("state") ?? "";
  fields.task.value ||= url.get("only") ?? "";
  fields.text.value ||= url.get("find") ?? "";
  view.page = Math.max(1, Number(url.get("page")) || 1);
  const follow = () => {
    const key = chosenFamily();
    if (key) { view.run = ""; for (const id of ["run-empty", "run-shown"]) part(id).hidden = true; }
    family.choose(key);
    choose(url.get("run"));
    compared.follow();
  };
  onAddress(follow);
  follow();
  if (early) filter(1);
  else table();
  poll("runs", 1, async () => {
    view.ticks += 1;
    const settled = FINAL.has(view.state) || view.state === "gone";
    if (family.shown) { if (view.ticks % (family.settled ? 10 : 2) === 0) await family.look(); } else if (!settled || view.ticks % 5 === 0) await detail();
    if (view.ticks % 2 === 0) await table();
  });
};
