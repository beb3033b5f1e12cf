// Home: what runs or comes next, and from three answers a recipe with its reasons.
import { connect, newest } from "./api.js";
import { all, hit, html, parts, problem, set } from "./html.js";
import { onPulse } from "./header.js";
import { tab } from "./navigation.js";
import { later, poll } from "./polling.js";
import { isNew } from "./walk.js";

/** @typedef {{goal: string, task: string, teacher: string}} Wish */
/** @typedef {{tasks: string, teachers: string, own: boolean, html: string, refused: string}} Suggested */
/**
 * @typedef {{
 *   home_now: (asked: {}) => Promise<{html: string, busy: boolean}>,
 *   home_goal: (asked: Wish) => Promise<Suggested>,
 * }} Server
 */

const REST_MS = 400;

/** @param {HTMLElement} root @param {Server} server */
export const mount = (root, server) => {
  const api = connect(server), part = parts(root);
  const task = part("home-task", HTMLSelectElement), teacher = part("home-teacher", HTMLSelectElement), model = part("home-model", HTMLInputElement);
  const view = { busy: true, fresh: true };

  const now = async () => {
    const answer = await api.fetch("home_now", {});
    set(part("home-now"), answer.error ? problem(answer.error) : answer.html);
    Object.assign(view, { busy: answer.busy, fresh: false });
  };
  const chosen = () => all(root, "[name=home-goal]", HTMLInputElement).find(({ checked }) => checked)?.value ?? "";
  const asked = newest((/** @type {Wish} */ wish) => api.ask("home_goal", wish));
  const suggest = async () => {
    const own = !part("home-model-field").hidden;
    const answer = await asked({ goal: chosen(), task: task.value, teacher: own ? model.value.trim() : teacher.value });
    if (!answer) return; // another answer was given meanwhile
    if (answer.error) { set(part("home-goal"), problem(answer.error)); return; }
    set(task, answer.tasks);
    set(teacher, answer.teachers);
    const turned = own !== answer.own;
    part("home-model-field").hidden = !answer.own;
    part("home-teacher-field").hidden = answer.own;
    set(part("home-goal"), answer.refused ? html`<p class="note">${answer.refused}</p>` : answer.html);
    if (turned && !answer.own) suggest();
  };
  const typed = later(REST_MS, suggest);

  root.addEventListener("change", (event) => { if (hit(event, "[name=home-goal], select")) suggest(); });
  model.addEventListener("input", typed);
  const offer = () => part("home-walk").classList.toggle("fresh", isNew());
  document.addEventListener("kdui-walked", offer);
  offer();
  onPulse(() => { view.fresh = true; });
  let asking = false;
  poll("home", 1, async () => {
    if (!asking) { asking = true; suggest(); }
    if (view.busy || view.fresh) await now();
  });
  if (tab() === "home") { asking = true; now().catch(() => { view.fresh = true; }); suggest(); }
};
