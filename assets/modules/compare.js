// Compare: one input, several models; a drawing pad, a file, a text or a test example.
import { connect, newest } from "./api.js";
import { disagreements } from "./disagreements.js";
import { drawingPad, sized } from "./drawing_pad.js";
import { all, hit, html, parts, problem, set } from "./html.js";
import { onAddress, open } from "./navigation.js";
import { pinnable } from "./pin.js";
import { later } from "./polling.js";
import { url } from "./state.js";
import { writing } from "./writing.js";

/** @typedef {import("./disagreements.js").Other} Other */
/** @typedef {{text: string} | {picture: string} | {pixels: number[][]}} Input */
/** @typedef {{task: string, tasks: string, empty?: string, modality?: string, pickers?: string[], models?: string[], writes?: boolean, reference?: string, cards?: string, others?: Other[]}} Start */
/**
 * @typedef {{
 *   compare_start: (asked: {task: string, models: string}) => Promise<Start>,
 *   compare_examples: (asked: {task: string, offset: number}) => Promise<{html: string, next?: number}>,
 *   compare_ask: (asked: {task: string, models: string[], truth: string} & Input) => Promise<{agreement: string, cards?: string}>,
 *   compare_parted: (asked: {task: string, first: string, other: string}) => Promise<{html: string}>,
 * }} Server
 */

const ADDRESSED = 400; // letters of an input that stand in the address

/** @param {HTMLElement} root @param {Server} server */
export const mount = (root, server) => {
  const api = connect(server), part = parts(root);
  const task = part("compare-task", HTMLSelectElement), text = part("compare-text", HTMLTextAreaElement), file = part("compare-file", HTMLInputElement);
  const pickers = all(root, "select[data-slot]", HTMLSelectElement);
  const view = { task: "", wished: "", models: /** @type {string[]} */ ([]), modality: "", input: /** @type {Input | null} */ (null), truth: "", offset: 0, writes: false, reference: "" };
  const pad = drawingPad(part("compare-pad", HTMLCanvasElement), () => ask({ picture: pad.picture() }));
  const writers = writing(root);
  const parted = disagreements(root, (first, other) => api.ask("compare_parted", { task: view.task, first, other }));

  // --- which models ------------------------------------------------------------------------------------------------------------
  /** @param {string} wished @param {string} models */
  const start = async (wished, models) => {
    view.wished = `${wished} ${models}`;
    const answer = await api.ask("compare_start", { task: wished, models });
    if (answer.error) { set(part("compare-agreement"), problem(answer.error)); return; }
    view.wished = `${answer.task} ${models}`;
    const newTask = answer.task !== view.task, others = answer.others ?? [];
    writers.stop(); // what they write belongs to the cards that go now
    Object.assign(view, { task: answer.task, models: answer.models ?? [], writes: Boolean(answer.writes), reference: answer.reference ?? "" });
    set(task, answer.tasks);
    task.value = answer.task;
    part("compare-empty").hidden = !answer.empty;
    part("compare-input").hidden = Boolean(answer.empty);
    for (const picker of pickers) picker.closest("label")?.toggleAttribute("hidden", Boolean(answer.empty));
    set(part("compare-agreement"), "");
    set(part("compare-cards"), answer.cards ?? "");
    part("compare-pin").hidden = true; // until there is an answer
    part("compare-parted").hidden = others.length < 2;
    part("compare-sampling").hidden = !view.writes;
    part("compare-go").textContent = view.writes ? "Generate" : "Predict";
    if (answer.empty) { view.modality = ""; set(part("compare-empty"), answer.empty); return; }
    pickers.forEach((picker, slot) => { set(picker, answer.pickers?.[slot] ?? ""); });
    if (newTask) await turnTo(answer.modality ?? "");
    if (view.input && !view.writes) ask(view.input, view.truth);
    parted.show(others);
  };
  /** @param {string} modality */
  const turnTo = async (modality) => {
    Object.assign(view, { modality, input: null, truth: "", offset: 0 });
    for (const box of all(root, "[data-modality]", HTMLElement)) box.hidden = box.dataset.modality !== modality;
    text.value = "";
    pad.clear();
    part("compare-examples").classList.toggle("thumbs", modality === "image");
    const place = modality === "image" ? all(root, ".pick-examples", HTMLElement)[0] : part("compare-input");
    place.append(part("compare-examples"), part("compare-more"));
    await more();
  };
  const more = async () => {
    const list = part("compare-examples");
    if (!list.children.length) set(list, html`<p class="lead" role="status">Fetching test examples…</p>`);
    const answer = await api.ask("compare_examples", { task: view.task, offset: view.offset });
    set(list, answer.error ? problem(answer.error) : answer.html);
    view.offset = answer.next ?? 0;
  };
  const follow = () => {
    const { task: wished = view.task, models = "" } = url.all();
    const shown = wished === view.task && (!models || models === view.models.join(","));
    if (!shown && view.wished !== `${wished} ${models}`) start(wished, models);
  };

  // --- one question --------------------------------------------------------------------------------------------------------------
  const question = newest(() => api.ask("compare_ask", { task: view.task, models: view.models, truth: view.truth, .../** @type {Input} */ (view.input) }));
  /** @param {Input} input @param {string} [truth] */
  const ask = async (input, truth = "") => {
    Object.assign(view, { input, truth });
    if (view.writes && "text" in input) { writers.write({ models: view.models, reference: view.reference, prompt: input.text }); return; }
    part("compare-cards").setAttribute("aria-busy", "true");
    const answer = await question();
    if (!answer) return; // the input changed meanwhile
    part("compare-cards").setAttribute("aria-busy", "false");
    set(part("compare-agreement"), answer.error ? problem(answer.error) : answer.agreement);
    part("compare-pin").hidden = !answer.cards;
    set(part("compare-cards"), answer.cards ?? ""); // old answers would look like those to the new input
  };
  /** @param {string} words @param {string} [truth] */
  const say = (words, truth) => {
    url.set({ say: words.length <= ADDRESSED ? words : "" });
    if (words.trim()) { ask({ text: words }, truth); return; }
    // There is no input any more, so no answer to the one before may stay.
    view.input = null;
    question.forget();
    part("compare-pin").hidden = true;
    part("compare-cards").setAttribute("aria-busy", "false");
    set(part("compare-agreement"), html`<div class="note">Type a text first, or pick one of the examples.</div>`);
    if (!view.writes) set(part("compare-cards"), "");
  };
  /** @param {HTMLElement} button */
  const pick = (button) => {
    const { truth = "", text: words, pixels = "[]" } = button.dataset, picture = button.querySelector("img");
    if (words !== undefined) {
      text.value = words;
      say(words, truth);
    } else if (picture) {
      pad.show(picture, false);
      ask({ pixels: JSON.parse(pixels) }, truth);
    }
    part("compare-agreement").scrollIntoView({ block: "nearest", behavior: "smooth" });
  };
  const upload = async () => {
    const chosen = file.files?.[0];
    file.value = "";
    if (!chosen) return;
    try {
      const bitmap = await createImageBitmap(chosen);
      pad.show(bitmap, true);
      ask({ picture: sized(bitmap) });
    } catch {
      set(part("compare-agreement"), problem("The browser cannot read this file as an image. Choose a PNG, JPEG, WebP or GIF file."));
    }
  };

  // --- what a person does --------------------------------------------------------------------------------------------------------
  root.addEventListener("click", (event) => {
    const example = hit(event, ".example");
    if (example) pick(example);
    else if (hit(event, "#compare-go")) say(text.value);
    else if (hit(event, "#compare-clear")) { pad.clear(); view.input = null; start(view.task, view.models.join(",")); }
    else if (hit(event, "#compare-more")) more();
  });
  task.addEventListener("change", () => open({ tab: "compare", task: task.value, models: "", say: "" }));
  for (const picker of pickers) {
    picker.addEventListener("change", () => {
      const models = new Set(pickers.map((each) => each.value).filter(Boolean));
      open({ tab: "compare", task: view.task, models: [...models].join(",") });
    });
  }
  text.addEventListener("input", later(500, () => { if (!view.writes) say(text.value); })); // to write takes long: it is asked for
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); say(text.value); }
  });
  file.addEventListener("change", upload);
  pinnable(root, (place) => ({ task: view.task, ...(place === "answers" ? { models: view.models, truth: view.truth, ...view.input } : parted.view()) }));

  // --- start ---------------------------------------------------------------------------------------------------------------------
  const { task: wished = "", models = "", say: shared = "" } = url.all();
  const said = text.value || shared; // somebody may have typed before this script was there
  start(wished, models).then(() => {
    if (said && view.modality === "text") { text.value = said; say(said); }
    onAddress(follow);
    follow(); // what was asked for meanwhile
  });
};
