// Build: the recipe is the state; what a person changes goes to the server, and the changed state comes back with all that is shown.
import { connect } from "./api.js";
import { arrow, bound, isControl, show, slider, valueOf } from "./controls.js";
import { onPulse } from "./header.js";
import { add, all, hit, html, parts, problem as failed, set } from "./html.js";
import { lenses } from "./lenses.js";
import { named, onAddress, tab } from "./navigation.js";
import { ownDataDialog } from "./own_data.js";
import { addressed, history, url } from "./state.js";
import { saveDialog, searchDialog, sweepDialog } from "./sweep.js";
import { whatif } from "./whatif.js";

const OTHER = "…"; // in a list of models: another one, whose name is written beside it
const TYPED = ["knob", "training", "option", "seed"]; // turns of one control in a row are one thing to send and to undo

/** @typedef {import("./controls.js").Control} Control */
/** @typedef {import("./controls.js").Value} Value */
/** @typedef {import("./html.js").Markup} Markup */
/** @typedef {{recipe: {task: string, name: string}, start: string | null, open: string, device: string}} State the recipe holds more, as plain data */
/** A control's own words on what it changes, with its value. @typedef {{role: string, value?: Value, open?: string, address?: boolean}} Change */
/** @typedef {{text: string, field: string, title: string, open: string}} Problem its field, and the step to open for it; each empty where there is none */
/** @typedef {{lenses: import("./lenses.js").Data, whatif: import("./whatif.js").Choices}} Data of the pictures */
/**
 * @typedef {{
 *   state: State, html: Record<string, string>, values: Record<string, Value>, pending: boolean, problem: Problem | null, told: string[], refused: string,
 *   edited?: string, yaml?: string, command?: string, link?: Record<string, string>, data?: {[K in keyof Data]?: {key: string, data: Data[K]}},
 * }} View
 */
/**
 * @typedef {{
 *   build_plan: (asked: {state: State | null, changes: Change[], seen: Record<string, string>, patient: boolean}) => Promise<View>,
 *   build_queue: (asked: {state: State | null}) => Promise<{said: string}>,
 *   build_sweep: (asked: import("./sweep.js").Wishes["build_sweep"]) => Promise<import("./sweep.js").Swept>,
 *   build_search: (asked: import("./sweep.js").Wishes["build_search"]) => Promise<import("./sweep.js").Searched>,
 *   build_save: (asked: import("./sweep.js").Wishes["build_save"]) => Promise<import("./sweep.js").Saved>,
 *   own_look: import("./own_data.js").Build["look"], own_keep: import("./own_data.js").Build["keep"], own_upload: import("./own_data.js").Build["upload"],
 * }} Server
 */

/** @param {HTMLElement} root @param {Server} server */
export const mount = (root, server) => {
  const api = connect(server), address = addressed(["from", "recipe", "step"]), past = /** @type {ReturnType<typeof history<State>>} */ (history());
  const part = parts(root);
  /** What may be there: a field of the open step, or one that a problem is about. @param {string} id */
  const find = (id) => /** @type {HTMLElement | null} */ (root.querySelector(`#${CSS.escape(id)}`));
  const seen = /** @type {Record<string, string>} */ ({});
  /** @type {State | null} */
  let state = null;
  /** @type {Problem | null} */
  let problem = null;
  /** @type {Change[]} */
  let waiting = [];
  /** @type {Promise<void> | null} */
  let going = null;
  let shownYaml = "", focusNext = "", again = false;

  // --- asking: one request at a time, with all that was changed meanwhile --------------------------------------------------
  /** @param {Change} change */
  const keyOf = (change) => (TYPED.includes(change.role) ? JSON.stringify({ ...change, value: 0 }) : "");
  /** @param {Change} change */
  const send = (change) => {
    const key = keyOf(change), at = key ? waiting.findIndex((each) => keyOf(each) === key) : -1;
    if (at >= 0) waiting[at] = change; else waiting.push(change);
    return run();
  };
  const run = () => { again = true; return (going ??= work().finally(() => { going = null; if (again) run(); })); };
  const work = async () => {
    let patient = false;
    while (again || patient) {
      again = false;
      const changes = waiting;
      waiting = [];
      /** @type {View & import("./api.js").Problem} */
      const view = await api.ask("build_plan", { state, changes, seen, patient });
      if (view.error) {
        if (view.lost) waiting = [...changes, ...waiting];
        told(failed(view.error));
        return;
      }
      if (undone) { undone = false; again = true; continue; } // an answer about what was taken back meanwhile
      apply(view, changes);
      patient = view.pending && !again;
    }
  };
  /** The state once nothing is on its way. */
  const settled = async () => { while (going) await going; return state; };

  // --- showing ---------------------------------------------------------------------------------------------------------------
  /** @param {View} view @param {Change[]} changes */
  const apply = (view, changes) => {
    const before = state, edited = JSON.stringify(before?.recipe) !== JSON.stringify(view.state.recipe);
    if (before && edited) past.keep(before, changes.length === 1 ? keyOf(changes[0]) : "");
    state = { ...view.state, device: state?.device ?? view.state.device };
    if (changes.length) told("");
    for (const [id, markup] of Object.entries(view.html)) set(part(id), markup);
    set(part("build-edited"), view.edited ?? "");
    all(part("build-step"), ".lens", HTMLElement).forEach(lenses.mount);
    for (const [id, value] of Object.entries(view.values)) showValue(find(id), value);
    for (const role of ["teacher", "student"]) {
      const name = part(`build-${role}-name`);
      if (document.activeElement !== name) name.hidden = part(`build-${role}`, HTMLSelectElement).value !== OTHER;
    }
    if (view.yaml !== undefined && view.yaml !== shownYaml) part("build-yaml", HTMLTextAreaElement).value = shownYaml = view.yaml;
    if (view.command !== undefined) part("build-command").textContent = view.command;
    if (view.link && !address.changed()) { // else a link was followed meanwhile: its own answer comes
      address.write({ ...view.link, step: view.state.open });
      if (named() === "build") url.set({ task: "" }); // the recipe names it
    }
    const { lenses: measured, whatif: models } = view.data ?? {};
    if (measured) { seen.lenses = measured.key; lenses.feed(measured.data); }
    if (models) { seen.whatif = models.key; whatif.feed(models.data); }
    showProblem(view.problem);
    if (changes.length || view.told.length) notice(view.told);
    if (view.refused) told(failed(view.refused));
    part("build-undo", HTMLButtonElement).disabled = !past.any;
    if (focusNext && find(focusNext)) { go(focusNext); focusNext = ""; }
  };
  /** @param {HTMLElement | null} element @param {Value} value */
  const showValue = (element, value) => {
    if (!element) return;
    const typing = element === document.activeElement && element.matches("input:not([type=checkbox])");
    if (!typing) show(element, value);
    if (!isControl(element)) return;
    const beside = slider(element);
    if (beside && beside !== document.activeElement) beside.value = element.value;
    if (element.dataset.lensValue) lenses.set(element.dataset.lensValue, element.type === "checkbox" ? valueOf(element) : element.value);
  };
  /** @param {Markup | string} markup */
  const told = (markup) => set(part("build-status"), markup);
  /** @param {string[]} sentences */
  const notice = (sentences) => set(part("build-notice"), sentences.length ? html`<div class="info" role="status"><span>${sentences.join(" ")}</span>
    <button type="button" class="undo" data-undo>Undo</button></div>` : "");

  // --- what is wrong stands at its field, and the bar leads there --------------------------------------------------------------
  /** @param {Problem | null} fresh */
  const showProblem = (fresh) => {
    root.querySelectorAll(".wrong-field").forEach((each) => each.classList.remove("wrong-field"));
    root.querySelectorAll("[aria-invalid]").forEach((each) => { each.removeAttribute("aria-invalid"); each.removeAttribute("aria-errormessage"); });
    root.querySelector("#build-problem")?.remove();
    problem = fresh;
    part("queue-run", HTMLButtonElement).disabled = Boolean(problem);
    if (!problem) return;
    const field = problem.field ? find(problem.field) : null;
    const way = problem.title && !field ? html` <a href="#build-step" data-go>Go to ${problem.title}</a>` : "";
    const words = html`<div class="fail" id="build-problem" role="alert">${problem.text}${way}</div>`;
    const led = problem.title ? html`<p class="sum"><a href="#build-step" data-go>Go to ${problem.title}</a> to mend what is wrong.</p>` : "";
    set(part("build-sum"), led);
    if (!field) { set(part("build-cost"), words); return; }
    set(part("build-cost"), html`<p class="lead">No cost until the field that is marked can be used.</p>`);
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-errormessage", "build-problem");
    field.closest("details:not([open])")?.setAttribute("open", "");
    const place = field.closest(".turn, .pick, .field") ?? field;
    place.classList.add("wrong-field");
    add(place, words);
  };
  /** @param {string} id */
  const go = (id) => {
    const field = part(id);
    field.closest("details:not([open])")?.setAttribute("open", "");
    const written = isControl(field) && field.value === OTHER ? part(`${id}-name`) : field;
    written.scrollIntoView({ block: "center" });
    written.focus({ preventScroll: true });
  };
  const goToProblem = () => {
    if (!problem) return;
    if (problem.field && find(problem.field)) go(problem.field);
    else if (problem.open) { focusNext = problem.field || "build-step"; send({ role: "open", value: problem.open }); }
  };

  // --- undo ------------------------------------------------------------------------------------------------------------------
  let undone = false;
  const undo = () => {
    const before = past.take();
    if (!before) return;
    waiting = [];
    undone = Boolean(going);
    state = { ...before, device: state?.device ?? before.device };
    run();
    notice([]);
  };

  // --- what a person does ------------------------------------------------------------------------------------------------------
  /** @param {HTMLElement} element @returns {Change} */
  const changeOf = (element) => ({ ...JSON.parse(element.dataset.change ?? "{}"), ...(isControl(element) ? { value: valueOf(element) } : {}) });
  /** @param {Control} control */
  const choosesOther = (control) => {
    if (control.value !== OTHER) return false;
    if (control.id === "build-task") { control.value = state?.recipe.task ?? ""; ownData.open(); return true; }
    const name = part(`${control.id}-name`);
    name.hidden = false;
    name.focus();
    return true;
  };
  root.addEventListener("input", (event) => {
    const moved = event.target;
    if (!isControl(moved)) return;
    const control = moved.dataset.follows ? part(moved.dataset.follows, HTMLInputElement) : moved;
    if (control !== moved) control.value = moved.value;
    if (!control.dataset.change || control.type === "text") return;
    bound(control, false);
    const beside = slider(control);
    if (control instanceof HTMLInputElement && control.type === "number" && beside && (control.value === "" || Number(control.value) < Number(control.min))) return;
    if (beside) beside.value = control.value;
    if (control.dataset.lensValue) lenses.set(control.dataset.lensValue, control.value, true);
    if (!choosesOther(control)) send(changeOf(control));
  });
  root.addEventListener("change", (event) => {
    const control = event.target;
    if (!isControl(control)) return;
    if (control.id === "build-device" && state) state.device = control.value;
    if (!control.dataset.change) return;
    if (control.type === "text") send(changeOf(control));
    const before = control.value;
    bound(control, true);
    if (control.value !== before) control.dispatchEvent(new Event("input", { bubbles: true }));
  });
  root.addEventListener("keydown", arrow);
  root.addEventListener("click", (event) => {
    const button = hit(event, "button[data-change]");
    if (button) { button.closest("details.menu")?.removeAttribute("open"); send(changeOf(button)); }
    if (hit(event, "[data-undo], #build-undo")) undo();
    if (hit(event, "[data-go]")) { event.preventDefault(); goToProblem(); }
    if (hit(event, "#load-yaml")) send({ role: "yaml", value: part("build-yaml", HTMLTextAreaElement).value });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey || tab() !== "build") return;
    if (hit(event, "textarea, input:not([type=range], [type=checkbox])")) return; // the field's own undo
    event.preventDefault();
    undo();
  });
  part("queue-run").addEventListener("click", async () => {
    const answer = await api.ask("build_queue", { state: await settled() });
    told(answer.error ? failed(answer.error) : answer.said);
  });
  /** @type {import("./sweep.js").Build} */
  const build = { root, settled, told, sweep: (wish) => api.ask("build_sweep", wish), search: (wish) => api.ask("build_search", wish), save: (wish) => api.ask("build_save", wish), saved: (start, name) => {
    if (state) state = { ...state, start, recipe: { ...state.recipe, name } };
    run();
  } };
  const ownData = ownDataDialog({
    root, use: (task) => send({ role: "task", value: task }),
    look: (asked) => api.ask("own_look", asked), keep: (asked) => api.ask("own_keep", asked), upload: (asked) => api.ask("own_upload", asked),
  });
  sweepDialog(build);
  searchDialog(build);
  saveDialog(build);

  // --- the address: where it begins, and what a link or the way back asks for ---------------------------------------------------
  /** @returns {Change | null} */
  const asked = () => {
    const { from, recipe, step } = address.read(), task = url.get("task");
    if (recipe) return { role: "recipe", value: recipe, open: step };
    if (from) return { role: "from", value: from, open: step };
    const here = named() === "build"; // Explore and Compare have their task in the address, too
    return here && task && task !== state?.recipe.task ? { role: "task", value: task, address: true } : null;
  };
  const follow = () => {
    if (!address.changed() && !url.get("task")) return;
    const change = asked();
    const linked = address.changed();
    address.taken();
    if (change && (change.role === "task" || linked)) send(change);
  };
  onAddress(follow);
  onPulse(run);
  const first = asked();
  address.taken();
  if (first) send(first); else run();
};
