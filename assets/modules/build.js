// Build: the recipe is the state; what a person changes goes to the server, and the changed state comes back with all that is shown.
import { connect } from "./api.js";
import { arrow, bound, show, slider, valueOf } from "./controls.js";
import { onPulse } from "./header.js";
import { html, problem as failed, set } from "./html.js";
import { lenses } from "./lenses.js";
import { onAddress, tab } from "./navigation.js";
import { addressed, history, url } from "./state.js";
import { saveDialog, sweepDialog } from "./sweep.js";
import { whatif } from "./whatif.js";

const OTHER = "…"; // in a list of models: another one, whose name is written beside it
const TYPED = ["knob", "training", "option", "seed"]; // turns of one control in a row are one thing to send and to undo

/** @param {HTMLElement} root @param {Record<string, any>} server */
export const mount = (root, server) => {
  const api = connect(server), address = addressed(["from", "recipe", "step"]), past = history();
  /** @type {(id: string) => any} */
  const part = (id) => root.querySelector(`#${CSS.escape(id)}`);
  const seen = /** @type {Record<string, string>} */ ({});
  /** @type {any} */
  let state = null, problem = null;
  /** @type {any[]} */
  let waiting = [];
  /** @type {Promise<void> | null} */
  let going = null;
  let shownYaml = "", focusNext = "", again = false;

  // --- asking: one request at a time, with all that was changed meanwhile --------------------------------------------------
  const keyOf = (change) => (TYPED.includes(change.role) ? JSON.stringify({ ...change, value: 0 }) : "");
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
  const apply = (view, changes) => {
    const before = state, edited = before && JSON.stringify(before.recipe) !== JSON.stringify(view.state.recipe);
    if (edited) past.keep(before, changes.length === 1 ? keyOf(changes[0]) : "");
    state = { ...view.state, device: state?.device ?? view.state.device };
    if (changes.length) told("");
    for (const [id, markup] of Object.entries(view.html)) set(part(id), markup);
    set(part("build-edited"), view.edited ?? "");
    part("build-step").querySelectorAll(".lens").forEach((each) => lenses.mount(each));
    for (const [id, value] of Object.entries(view.values)) showValue(part(id), value);
    for (const role of ["teacher", "student"]) {
      const name = part(`build-${role}-name`);
      if (document.activeElement !== name) name.hidden = part(`build-${role}`).value !== OTHER;
    }
    if (view.yaml !== undefined && view.yaml !== shownYaml) part("build-yaml").value = shownYaml = view.yaml;
    if (view.command !== undefined) part("build-command").textContent = view.command;
    if (view.link) {
      address.write({ ...view.link, step: view.state.open });
      if ((url.get("tab") ?? "build") === "build") url.set({ task: "" }); // the recipe names it
    }
    for (const [name, { key, data }] of Object.entries(view.data ?? {})) {
      seen[name] = key;
      ({ lenses: (fresh) => lenses.feed(fresh), whatif: (fresh) => whatif.feed(fresh) })[name]?.(data);
    }
    showProblem(view.problem);
    if (changes.length || view.told.length) notice(view.told);
    if (view.refused) told(failed(view.refused));
    part("build-undo").disabled = !past.any;
    if (focusNext && part(focusNext)) { go(focusNext); focusNext = ""; }
  };
  const showValue = (control, value) => {
    if (!control) return;
    const typing = control === document.activeElement && control.matches("input:not([type=checkbox])");
    if (!typing) show(control, value);
    const beside = slider(control);
    if (beside && beside !== document.activeElement) beside.value = control.value;
    if (control.dataset.lensValue) lenses.set(control.dataset.lensValue, control.type === "checkbox" ? control.checked : control.value);
  };
  const told = (markup) => set(part("build-status"), markup);
  const notice = (sentences) => set(part("build-notice"), sentences.length ? html`<div class="info" role="status"><span>${sentences.join(" ")}</span>
    <button type="button" class="undo" data-undo>Undo</button></div>` : "");

  // --- what is wrong stands at its field, and the bar leads there --------------------------------------------------------------
  const showProblem = (fresh) => {
    root.querySelectorAll(".wrong-field").forEach((each) => each.classList.remove("wrong-field"));
    root.querySelectorAll("[aria-invalid]").forEach((each) => { each.removeAttribute("aria-invalid"); each.removeAttribute("aria-errormessage"); });
    root.querySelector("#build-problem")?.remove();
    problem = fresh;
    part("queue-run").disabled = Boolean(problem);
    if (!problem) return;
    const field = problem.field ? part(problem.field) : null;
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
    place.insertAdjacentHTML("beforeend", String(words));
  };
  const go = (id) => {
    const field = part(id);
    field.closest("details:not([open])")?.setAttribute("open", "");
    const written = field.value === OTHER ? part(`${id}-name`) : field;
    written.scrollIntoView({ block: "center" });
    written.focus({ preventScroll: true });
  };
  const goToProblem = () => {
    if (problem.field && part(problem.field)) go(problem.field);
    else if (problem.open) { focusNext = problem.field || "build-step"; send({ role: "open", value: problem.open }); }
  };

  // --- undo ------------------------------------------------------------------------------------------------------------------
  let undone = false;
  const undo = () => {
    const before = past.take();
    if (!before) return;
    waiting = [];
    undone = Boolean(going);
    state = { ...before, device: state.device };
    run();
    notice([]);
  };

  // --- what a person does ------------------------------------------------------------------------------------------------------
  const changeOf = (control) => ({ ...JSON.parse(control.dataset.change), ...(control.matches("button") ? {} : { value: valueOf(control) }) });
  const choosesOther = (control) => {
    if (control.value !== OTHER) return false;
    const name = part(`${control.id}-name`);
    name.hidden = false;
    name.focus();
    return true;
  };
  root.addEventListener("input", (event) => {
    let control = /** @type {any} */ (event.target);
    if (control.dataset.follows) {
      const range = control;
      control = part(range.dataset.follows);
      control.value = range.value;
    }
    if (!control.dataset.change || control.type === "text") return;
    bound(control, false);
    if (control.type === "number" && slider(control) && (control.value === "" || Number(control.value) < Number(control.min))) return;
    const beside = slider(control);
    if (beside) beside.value = control.value;
    if (control.dataset.lensValue) lenses.set(control.dataset.lensValue, control.value, true);
    if (!choosesOther(control)) send(changeOf(control));
  });
  root.addEventListener("change", (event) => {
    const control = /** @type {any} */ (event.target);
    if (control.id === "build-device") state.device = control.value;
    if (!control.dataset.change) return;
    if (control.type === "text") send(changeOf(control));
    const before = control.value;
    bound(control, true);
    if (control.value !== before) control.dispatchEvent(new Event("input", { bubbles: true }));
  });
  root.addEventListener("keydown", arrow);
  root.addEventListener("click", (event) => {
    const target = /** @type {any} */ (event.target);
    const button = target.closest("button[data-change]");
    if (button) { button.closest("details.menu")?.removeAttribute("open"); send(changeOf(button)); }
    if (target.closest("[data-undo], #build-undo")) undo();
    if (target.closest("[data-go]")) { event.preventDefault(); goToProblem(); }
    if (target.closest("#load-yaml")) send({ role: "yaml", value: part("build-yaml").value });
  });
  document.addEventListener("keydown", (event) => {
    const field = /** @type {any} */ (event.target);
    if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey || tab() !== "build") return;
    if (field.matches?.("textarea, input:not([type=range], [type=checkbox])")) return; // the field's own undo
    event.preventDefault();
    undo();
  });
  part("queue-run").addEventListener("click", async () => {
    const answer = await api.ask("build_queue", { state: await settled() });
    told(answer.error ? failed(answer.error) : answer.said);
  });
  const build = { part, ask: api.ask, settled, told, saved: ({ start, name }) => {
    state = { ...state, start, recipe: { ...state.recipe, name } };
    run();
  } };
  sweepDialog(build);
  saveDialog(build);

  // --- the address: where it begins, and what a link or the way back asks for ---------------------------------------------------
  const asked = () => {
    const { from, recipe, step } = address.read(), task = url.get("task");
    if (recipe) return { role: "recipe", value: recipe, open: step };
    if (from) return { role: "from", value: from, open: step };
    const here = (url.get("tab") ?? "build") === "build"; // Explore and Compare have their task in the address, too
    return here && task && task !== state?.recipe.task ? { role: "task", value: task, address: true } : null;
  };
  const follow = () => {
    if (!address.changed() && !url.get("task")) return;
    const change = asked();
    if (change && (change.role === "task" || address.changed())) send(change);
  };
  onAddress(follow);
  onPulse(run);
  const first = asked();
  if (first) send(first); else run();
};
