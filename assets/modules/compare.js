// Compare: one input, several models. What takes the input is a module of inputs/, fetched when its kind is asked for.
import { alignment } from "./alignment.js";
import { connect, newest, ofShownRuns } from "./api.js";
import { disagreements } from "./disagreements.js";
import { reasons } from "./explain.js";
import { graphs } from "./graphs.js";
import { pointedWords } from "./answer_span.js";
import { all, hit, html, parts, problem, set } from "./html.js";
import { onAddress, open } from "./navigation.js";
import { pinnable } from "./pin.js";
import { url } from "./state.js";
import { blindVote } from "./vote.js";
import { writing } from "./writing.js";

/** @typedef {import("./disagreements.js").Other} Other */
/** @typedef {{text: string} | {text: string, passage: string} | {picture: string} | {pixels: number[][]} | {sound: string} | {items: string[], then?: string[]}} Input */
/** @typedef {{task: string, tasks: string, empty?: string, modality?: string, input?: {name: string, pictures: boolean}, writing?: {go: string, sampling: Record<string, number>} | null, pickers?: string[], models?: string[], writes?: boolean, aligns?: boolean, chats?: boolean, labelled?: boolean, reference?: string, cards?: string, others?: Other[]}} Start */
/**
 * @typedef {{
 *   compare_start: (asked: {task: string, models: string}) => Promise<Start>,
 *   compare_examples: (asked: {task: string, offset: number}) => Promise<{html: string, next?: number}>,
 *   compare_items: (asked: {task: string, words: string}) => Promise<import("./inputs/history.js").Found>,
 *   compare_ask: (asked: {task: string, models: string[], truth: string} & Input) => Promise<{agreement: string, cards?: string}>,
 *   compare_explain: (asked: {task: string, models: string[], truth: string} & Input) => Promise<{html: string, title: string}>,
 *   compare_race: (asked: {task: string, models: string[], start: number, most: number}) => Promise<{laps: import("./explain.js").Lap[]}>,
 *   compare_align: (asked: {task: string} & import("./alignment.js").Wrote) => Promise<{html: string}>,
 *   compare_graphs: (asked: {task: string, first: string, other: string}) => Promise<{title: string, html: string, many: boolean}>,
 *   compare_ballot: (asked: {task: string, models: string[], truth: string, voter: string} & Input) => Promise<{ballot: string, cards: string}>,
 *   compare_vote: (asked: {ballot: string, choice: string, voter: string}) => Promise<{told: string, sides: string[], roles: string[], tally: string}>,
 *   compare_tally: (asked: {task: string}) => Promise<{tally: string}>,
 *   compare_votes_csv: (asked: {task: string}) => Promise<import("./chart_frame.js").Table>,
 *   compare_votes_reset: (asked: {task: string}) => Promise<{told: string, tally: string}>,
 *   compare_parted: (asked: {task: string, first: string, other: string}) => Promise<{html: string}>,
 * }} Server
 */

/**
 * What a module of inputs/ does with its frame: `clear` empties it, `pick` takes the data of a test example, `begin` what stands in
 * the address when the page is opened.
 * @typedef {{clear: () => void, pick: (example: DOMStringMap, picture: HTMLImageElement | null) => void, begin?: (shared: string) => void}} Widget
 */
/**
 * What it asks of Compare: `ask` and `say` run the models (`say` also puts the text into the address), `forget` and `wait` say that
 * there is no input any more, `note` and `fail` show a sentence; `call` is one of the calls that come with the widget.
 * @typedef {{
 *   ask: (input: Input, truth?: string) => void, say: (words: string, truth?: string) => void,
 *   forget: (advice: string) => void, wait: () => void, note: (words: string) => void, fail: (words: string) => void,
 *   call: (name: string, asked: object) => Promise<unknown>, modality: () => string, writes: () => boolean,
 * }} Host
 */

const ADDRESSED = 400; // letters of an input that stand in the address

/** @param {HTMLElement} root @param {Server} given */
export const mount = (root, given) => {
  const server = ofShownRuns(given);
  const api = connect(server), part = parts(root);
  const task = part("compare-task", HTMLSelectElement);
  let picked = /** @type {any} */ (null); // the example
  let widget = /** @type {Widget | null} */ (null); // takes the input
  let starting = 0; // choices of models whose answer is on its way
  const widgets = /** @type {Record<string, Promise<Widget>>} */ ({}); // by name, as far as they were fetched
  const pickers = all(root, "select[data-slot]", HTMLSelectElement);
  const view = { task: "", wished: "", models: /** @type {string[]} */ ([]), modality: "", input: /** @type {Input | null} */ (null), truth: "", offset: 0, writes: false, aligns: false, labelled: true, reference: "" };
  const asked = () => ({ task: view.task, models: view.models, truth: view.truth, .../** @type {Input} */ (view.input) });
  pointedWords(part("compare-cards"));
  const writers = writing(root);
  const looked = alignment(root, (wrote) => api.ask("compare_align", { task: view.task, ...wrote }));
  const parted = disagreements(root, (first, other) => api.ask("compare_parted", { task: view.task, first, other }));
  const why = reasons(root, {
    explain: () => api.ask("compare_explain", asked()),
    race: (given) => api.ask("compare_race", { task: view.task, ...given }),
  });
  const votes = blindVote(root, {
    ballot: (voter) => api.ask("compare_ballot", { ...asked(), voter }),
    vote: (given) => api.ask("compare_vote", given),
    tally: () => api.ask("compare_tally", { task: view.task }),
    table: () => api.ask("compare_votes_csv", { task: view.task }),
    reset: () => api.ask("compare_votes_reset", { task: view.task }),
    // Whoever has seen an answer with its model's name does not vote on it.
    turned: (blind) => { question.forget(); if (blind) view.input = null; start(view.task, view.models.join(",")); },
    next: () => following(),
  });
  const layers = graphs(root, (first, other) => api.ask("compare_graphs", { task: view.task, first, other }));

  // --- which models ------------------------------------------------------------------------------------------------------------
  /** @param {string} wished @param {string} models */
  const start = async (wished, models) => {
    starting += 1;
    const shown = await begin(wished, models).finally(() => { starting -= 1; });
    if (shown && !starting && view.input && !view.writes) ask(view.input, view.truth);
  };
  /** Whether its models are shown now. @param {string} wished @param {string} models */
  const begin = async (wished, models) => {
    const mine = view.wished = `${wished} ${models}`;
    const answer = await api.ask("compare_start", { task: wished, models });
    if (view.wished !== mine) return false; // somebody chose anew meanwhile
    if (answer.error) { set(part("compare-agreement"), problem(answer.error)); return false; }
    view.wished = `${answer.task} ${models}`;
    const newTask = answer.task !== view.task, others = answer.others ?? [];
    writers.stop(); // what they write belongs to the cards that go now
    Object.assign(view, { task: answer.task, models: answer.models ?? [], writes: Boolean(answer.writes), aligns: Boolean(answer.aligns), labelled: Boolean(answer.labelled), reference: answer.reference ?? "" });
    set(task, answer.tasks);
    task.value = answer.task;
    part("compare-empty").hidden = !answer.empty;
    part("compare-input").hidden = Boolean(answer.empty);
    for (const picker of pickers) picker.closest("label")?.toggleAttribute("hidden", Boolean(answer.empty));
    set(part("compare-agreement"), "");
    set(part("compare-cards"), answer.cards ?? "");
    part("compare-pin").hidden = true; // until there is an answer
    looked.of(null);
    for (const button of all(part("compare-pin"), "[data-pin]", HTMLElement)) button.hidden = (button.dataset.pin === "written") !== view.writes;
    // Only of labels is it counted on which examples two models disagree, and looked for what a prediction hangs on.
    part("compare-parted").hidden = others.length < 2 || !view.labelled;
    layers.show(others);
    why.show(others, view.labelled);
    votes.begin(others.length > 1 && !answer.empty);
    part("compare-sampling").hidden = !view.writes;
    part("compare-chat-field").hidden = !answer.chats;
    part("compare-go").textContent = answer.writing?.go ?? "Predict";
    if (newTask && answer.writing) writers.begin(answer.writing.sampling);
    if (answer.empty) { view.modality = ""; set(part("compare-empty"), answer.empty); return false; }
    pickers.forEach((picker, slot) => {
      set(picker, answer.pickers?.[slot] ?? "");
      const [option] = picker.selectedOptions, whole = picker.nextElementSibling; // a closed list cuts a long name
      if (whole) whole.textContent = option?.value ? option.text : "";
    });
    if (newTask && answer.input) await turnTo(answer.modality ?? "", answer.input);
    parted.show(view.labelled ? others : []);
    return true;
  };
  /** @param {string} modality @param {{name: string, pictures: boolean}} kind */
  const turnTo = async (modality, { name, pictures }) => {
    Object.assign(view, { modality, input: null, truth: "", offset: 0 });
    // The boxes first, so that the page does not move once more when the widget's module has come.
    for (const box of all(root, "[data-input]", HTMLElement)) box.hidden = box.dataset.input !== name;
    for (const box of all(root, "[data-modality]", HTMLElement)) box.hidden = box.dataset.modality !== modality;
    part("compare-examples").classList.toggle("thumbs", pictures);
    const place = root.querySelector(`[data-input="${name}"] .pick-examples`) ?? part("compare-input");
    place.append(part("compare-examples"), part("compare-more"));
    widgets[name] ??= import(`./inputs/${name}.js`).then(({ mount: mounted }) => mounted(root, host));
    widget = await widgets[name];
    if (view.modality !== modality) return; // somebody chose another task meanwhile
    widget.clear();
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
  const question = newest(() => api.ask("compare_ask", asked()));
  /** @param {Input} input @param {string} [truth] */
  const ask = async (input, truth = "") => {
    Object.assign(view, { input, truth });
    if (starting && !view.writes) return; // it is asked once the models are there: a vote on an earlier ballot would be lost
    if (votes.on) {
      const write = view.writes && "text" in input ? (/** @type {string} */ ballot) => writers.write({ models: ["A", "B"], reference: "", prompt: input.text, truth, ballot }) : null;
      votes.question(write);
      return;
    }
    if (view.writes && "text" in input) {
      part("compare-pin").hidden = true;
      looked.of(null);
      await writers.write({ models: view.models, reference: view.reference, prompt: input.text, truth });
      const last = writers.last();
      part("compare-pin").hidden = !last;
      looked.of(last && view.aligns ? { text: last.asked.text, written: last.written } : null);
      return;
    }
    part("compare-cards").setAttribute("aria-busy", "true");
    const answer = await question();
    if (!answer) return; // the input changed meanwhile
    part("compare-cards").setAttribute("aria-busy", "false");
    set(part("compare-agreement"), answer.error ? problem(answer.error) : answer.agreement);
    part("compare-pin").hidden = !answer.cards || !answer.agreement; // what cannot be told in a sentence is no slide
    why.answered(Boolean(answer.cards) && view.labelled);
    set(part("compare-cards"), answer.cards ?? ""); // old answers would look like those to the new input
  };
  /** @param {string} words @param {string} [truth] */
  const say = (words, truth) => {
    url.set({ say: words.length <= ADDRESSED ? words : "" });
    if (words.trim()) { ask({ text: words }, truth); return; }
    forget("Type a text first, or pick one of the examples.");
  };
  /** There is no input any more, so no answer to the one before may stay. @param {string} advice */
  const forget = (advice) => {
    view.input = null;
    question.forget();
    why.answered(false);
    part("compare-pin").hidden = true;
    part("compare-cards").setAttribute("aria-busy", "false");
    set(part("compare-agreement"), html`<div class="note">${advice}</div>`);
    if (votes.on) votes.wait();
    else if (!view.writes) set(part("compare-cards"), "");
  };
  /** @param {HTMLElement} button */
  const pick = (button) => {
    picked = button;
    widget?.pick(button.dataset, button.querySelector("img"));
    part("compare-agreement").scrollIntoView({ block: "nearest", behavior: "smooth" });
  };
  /** The test example after the one picked last. */
  const following = async () => {
    const shown = () => all(part("compare-examples"), ".example", HTMLElement);
    const place = shown().indexOf(picked) + 1;
    if (place >= shown().length) await more();
    const next = shown()[place] ?? shown()[0];
    if (next) pick(next);
  };
  /** @type {Host} */
  const host = {
    ask,
    say,
    forget,
    wait: () => { view.input = null; start(view.task, view.models.join(",")); },
    note: (words) => set(part("compare-agreement"), html`<div class="note">${words}</div>`),
    fail: (words) => set(part("compare-agreement"), problem(words)),
    call: (name, wanted) => api.ask(/** @type {keyof Server} */ (name), /** @type {any} */ ({ task: view.task, ...wanted })),
    modality: () => view.modality,
    writes: () => view.writes,
  };

  // --- what a person does --------------------------------------------------------------------------------------------------------
  root.addEventListener("click", (event) => {
    const example = hit(event, ".example");
    if (example) pick(example);
    else if (hit(event, "#compare-more")) more();
  });
  task.addEventListener("change", () => open({ tab: "compare", task: task.value, models: "", say: "" }));
  for (const picker of pickers) {
    picker.addEventListener("change", () => {
      const models = new Set(pickers.map((each) => each.value).filter(Boolean));
      open({ tab: "compare", task: view.task, models: [...models].join(",") });
    });
  }
  const input = () => ({ models: view.models, truth: view.truth, ...view.input });
  /** @type {Record<string, () => object>} */
  const pins = { answers: input, explain: input, written: () => ({ models: view.models, ...writers.last()?.asked }), graphs: layers.view, votes: () => ({}), disagreements: parted.view };
  pinnable(root, (place) => ({ task: view.task, ...pins[place]?.() }));

  // --- start ---------------------------------------------------------------------------------------------------------------------
  const { task: wished = "", models = "", say: shared = "" } = url.all();
  start(wished, models).then(() => {
    widget?.begin?.(shared);
    onAddress(follow);
    follow(); // what was asked for meanwhile
  });
};
