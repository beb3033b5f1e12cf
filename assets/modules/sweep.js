// Build's two dialogs: a sweep over one or two settings, and the name under which a recipe is kept.
import { problem, set } from "./html.js";
import { later } from "./polling.js";

/** @typedef {{part: (id: string) => any, ask: (call: string, asked: object) => Promise<any>, settled: () => Promise<any>,
 *   told: (markup: import("./html.js").Markup | string) => void, saved: (answer: any) => void}} Build */

/** @param {Build} build */
export const sweepDialog = ({ part, ask, settled, told }) => {
  const dialog = part("sweep-panel");
  const wish = () => Object.fromEntries([...dialog.querySelectorAll("[data-sweep]")].map((control) =>
    [control.dataset.sweep, control.type === "number" ? (control.value === "" ? null : control.valueAsNumber) : control.value])
    .filter(([, value]) => value !== null));
  const fail = (words) => set(part("sweep-said"), problem(words));
  let turn = 0;
  const count = async () => {
    const mine = (turn += 1);
    const answer = await ask("build_sweep", { state: await settled(), sweep: wish() });
    if (mine !== turn) return;
    fail(answer.error);
    for (const name of ["count", "needed"]) set(part(`sweep-${name}`), answer[name] ?? "");
    return answer;
  };
  part("open-sweep").addEventListener("click", async () => {
    const [knob, second] = [part("sweep-knob"), part("sweep-second")], kept = [knob.value, second.value];
    const answer = await ask("build_sweep", { state: await settled() });
    if (answer.error) { told(problem(answer.error)); return; }
    set(knob, answer.knobs);
    set(second, answer.seconds);
    [knob, second].forEach((list, i) => { list.value = kept[i]; if (list.selectedIndex < 0) list.selectedIndex = 0; });
    dialog.showModal();
    count();
  });
  dialog.addEventListener("input", later(150, count));
  part("queue-sweep").addEventListener("click", async () => {
    const answer = await ask("build_sweep", { state: await settled(), sweep: wish(), queue: true });
    if (answer.error) { fail(answer.error); return; }
    dialog.close();
    told(answer.said);
  });
};

/** @param {Build} build */
export const saveDialog = ({ part, ask, settled, told, saved }) => {
  const dialog = part("save-panel"), name = part("save-name"), replace = part("replace-recipe");
  const fail = (words) => set(part("save-said"), problem(words));
  const save = async (replacing) => {
    const answer = await ask("build_save", { state: await settled(), name: name.value, replace: replacing });
    replace.hidden = !answer.taken;
    fail(answer.error ?? answer.taken);
    if (!answer.said) return;
    dialog.close();
    saved(answer);
    told(answer.said);
  };
  part("open-save").addEventListener("click", () => { fail(""); replace.hidden = true; dialog.showModal(); });
  name.addEventListener("input", () => { replace.hidden = true; fail(""); });
  name.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); save(false); } });
  part("save-recipe").addEventListener("click", () => save(false));
  replace.addEventListener("click", () => save(true));
};
