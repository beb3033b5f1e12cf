// Build's dialogs: a sweep over one or two settings, a search under a budget, and the name under which a recipe is kept.
import { valueOf } from "./controls.js";
import { all, parts, problem, set } from "./html.js";
import { later } from "./polling.js";

/** @typedef {import("./html.js").Markup} Markup */
/** @typedef {import("./build.js").State} State */
/** @typedef {import("./api.js").Problem} Problem */
/** @typedef {Record<string, import("./controls.js").Value>} Sweep the settings and their values, by the names of the dialog's fields */
/** @typedef {{said?: string, knobs?: string, seconds?: string, count?: string, needed?: string}} Swept */
/** @typedef {{said?: string, start?: string, name?: string, taken?: string}} Saved */
/** @typedef {{said?: string, axes?: string, devices?: string}} Searched */
/** @typedef {{build_search: {state: State | null, search?: Sweep, queue?: boolean, profile?: string}, build_sweep: {state: State | null, sweep?: Sweep, queue?: boolean}, build_save: {state: State | null, name: string, replace: boolean}}} Wishes */
/**
 * What a dialog needs of Build.
 * @typedef {{
 *   root: HTMLElement, settled: () => Promise<State | null>, told: (markup: Markup | string) => void, saved: (start: string, name: string) => void,
 *   sweep: (wish: Wishes["build_sweep"]) => Promise<Swept & Problem>, save: (wish: Wishes["build_save"]) => Promise<Saved & Problem>,
 *   search: (wish: Wishes["build_search"]) => Promise<Searched & Problem>,
 * }} Build
 */

/** @param {Build} build */
export const sweepDialog = ({ root, sweep, settled, told }) => {
  const part = parts(root), dialog = part("sweep-panel", HTMLDialogElement);
  const [knob, second] = ["sweep-knob", "sweep-second"].map((id) => part(id, HTMLSelectElement));
  const fields = [...all(dialog, "[data-sweep]", HTMLInputElement), ...all(dialog, "[data-sweep]", HTMLSelectElement)];
  /** @returns {Sweep} */
  const wish = () => Object.fromEntries(fields
    .filter((field) => field.type !== "number" || field.value !== "")
    .map((field) => [field.dataset.sweep ?? "", valueOf(field)]));
  /** @param {string} [words] */
  const fail = (words) => set(part("sweep-said"), problem(words));
  let turn = 0;
  const count = async () => {
    const mine = (turn += 1);
    const answer = await sweep({ state: await settled(), sweep: wish() });
    if (mine !== turn) return;
    fail(answer.error);
    set(part("sweep-count"), answer.count ?? "");
    set(part("sweep-needed"), answer.needed ?? "");
  };
  part("open-sweep").addEventListener("click", async () => {
    const answer = await sweep({ state: await settled() });
    if (answer.error) { told(problem(answer.error)); return; }
    const kept = [knob.value, second.value];
    set(knob, answer.knobs ?? "");
    set(second, answer.seconds ?? "");
    [knob, second].forEach((list, i) => { list.value = kept[i]; if (list.selectedIndex < 0) list.selectedIndex = 0; });
    dialog.showModal();
    count();
  });
  dialog.addEventListener("input", later(150, count));
  part("queue-sweep").addEventListener("click", async () => {
    const answer = await sweep({ state: await settled(), sweep: wish(), queue: true });
    if (answer.error) { fail(answer.error); return; }
    dialog.close();
    told(answer.said ?? "");
  });
};

/** @param {Build} build */
export const searchDialog = ({ root, search, settled, told }) => {
  const part = parts(root), dialog = part("search-panel", HTMLDialogElement), axes = part("search-axes", HTMLTextAreaElement);
  const fields = [axes, ...all(dialog, "input[data-search]", HTMLInputElement), ...all(dialog, "select[data-search]", HTMLSelectElement)];
  const device = part("search-device", HTMLSelectElement), file = part("search-profile", HTMLInputElement);
  /** @param {string} [listed] @param {string} [chosen] */
  const offer = (listed = "", chosen = device.value) => {
    set(device, listed);
    device.value = chosen;
    if (device.selectedIndex < 0) device.selectedIndex = 0;
  };
  file.addEventListener("change", async () => {
    const chosen = file.files?.[0], before = [...device.options].map((option) => option.value);
    if (!chosen) return;
    const answer = await search({ state: await settled(), profile: await chosen.text() });
    file.value = "";
    set(part("search-said"), problem(answer.error));
    if (answer.error) return;
    offer(answer.devices);
    device.value = [...device.options].find((option) => !before.includes(option.value))?.value ?? device.value;
  });
  part("open-search").addEventListener("click", async () => {
    const answer = await search({ state: await settled() });
    if (answer.error) { told(problem(answer.error)); return; }
    axes.value ||= answer.axes ?? "";
    offer(answer.devices);
    set(part("search-said"), "");
    dialog.showModal();
  });
  part("start-search").addEventListener("click", async () => {
    const wish = Object.fromEntries(fields.map((field) => [field.dataset.search ?? "", field.value]));
    const answer = await search({ state: await settled(), search: wish, queue: true });
    set(part("search-said"), problem(answer.error));
    if (answer.error) return;
    dialog.close();
    told(answer.said ?? "");
  });
};

/** @param {Build} build */
export const saveDialog = ({ root, save, settled, told, saved }) => {
  const part = parts(root), dialog = part("save-panel", HTMLDialogElement), field = part("save-name", HTMLInputElement), replace = part("replace-recipe");
  /** @param {string} [words] */
  const fail = (words) => set(part("save-said"), problem(words));
  /** @param {boolean} replacing */
  const keep = async (replacing) => {
    const { said, start = "", name = "", taken, error } = await save({ state: await settled(), name: field.value, replace: replacing });
    replace.hidden = !taken;
    fail(error ?? taken);
    if (!said) return;
    dialog.close();
    saved(start, name);
    told(said);
  };
  part("open-save").addEventListener("click", () => { fail(); replace.hidden = true; dialog.showModal(); });
  field.addEventListener("input", () => { replace.hidden = true; fail(); });
  field.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); keep(false); } });
  part("save-recipe").addEventListener("click", () => keep(false));
  replace.addEventListener("click", () => keep(true));
};
