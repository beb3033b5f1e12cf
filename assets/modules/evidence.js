// Explore's look at one run: charts under questions that unfold, asked for together, apart from the rest, so that a budget slider never
// waits for them.
import { connect, newest } from "./api.js";
import { savable, titled } from "./chart_frame.js";
import { all, html, parts, problem, served, set } from "./html.js";
import { tab } from "./navigation.js";
import { later, poll } from "./polling.js";

/** @typedef {import("./chart_frame.js").Told} Told */
/** @typedef {import("./chart_frame.js").Table} Table */
/** @typedef {Record<string, string>} Wish the task, the run, and what each chart's list says */
/** A chart by its name; of each list of choices CHOICE and CHOICE-options. @typedef {Record<string, Told & string>} Answer */
/** @typedef {{explore_evidence: (asked: Wish) => Promise<Answer>, explore_evidence_csv: (asked: Wish) => Promise<Table>}} Server */

const NARROW = 480; // px of a chart
/** @param {unknown} label */
const wrapped = (label) => String(label).replace("<br>", " ").replace(/(.{10,14}?) /g, "$1<br>");

/** @param {Figure} figure @param {number} width */
const fit = (figure, width) => {
  figure.layout.margin = { ...figure.layout.margin, l: width < NARROW ? 40 : 64, r: 8 };
  if (width >= NARROW) return;
  figure.layout.legend = { ...figure.layout.legend, orientation: "v" };
  // Names of models beside their bars leave the bars room.
  for (const trace of figure.data) if (trace.orientation === "h") trace.y = trace.y.map(wrapped);
};

/** @param {HTMLElement} root @param {Server} server */
export const mount = (root, server) => {
  const api = connect(server), part = parts(root);
  /** Chart -> what it is called where it was not measured. @type {Record<string, string>} */
  const words = JSON.parse(part("evidence").dataset.words ?? "{}");
  const charts = Object.keys(words);
  const selects = all(part("evidence"), "select[data-choice]", HTMLSelectElement), groups = all(root, "details.group", HTMLDetailsElement);
  const ranges = all(part("evidence"), 'input[type="range"][data-choice]', HTMLInputElement);
  const view = { task: "", asked: /** @type {Wish} */ ({}), answer: /** @type {Answer | null} */ (null), fresh: true };
  const wish = () => ({ task: view.task, ...view.asked });

  const question = newest(() => api.fetch("explore_evidence", wish()));
  const ask = async () => {
    if (!view.answer) set(part("evidence-message"), html`<p class="lead" role="status">Comparing predictions on the test data…</p>`);
    const answer = await question();
    if (!answer) return;
    set(part("evidence-message"), problem(answer.error));
    if (answer.error) return;
    for (const select of selects) {
      const { choice = "" } = select.dataset, options = answer[`${choice}-options`];
      set(select, options);
      select.value = answer[choice];
      select.closest(".field")?.toggleAttribute("hidden", !options);
    }
    for (const range of ranges) if (document.activeElement !== range) { range.value = String(answer[range.dataset.choice ?? ""]); tell(range); }
    view.answer = answer;
    for (const name of charts) titled(root, name, answer[name], fit);
    missing(charts.filter((name) => answer[name].note), answer);
    for (const name of charts) if ("text" in answer[name]) set(part(`${name}-text`), answer[name].text ?? "");
  };
  /** Its number beside a slider. @param {HTMLInputElement} range */
  const tell = (range) => {
    const text = `${range.value} ${range.dataset.unit}`;
    part(`out-${range.id}`).textContent = text;
    range.setAttribute("aria-valuetext", text);
  };
  // What this run did not measure takes one line, which unfolds to what to do about it.
  /** @param {string[]} names @param {Answer} answer */
  const missing = (names, answer) => {
    for (const name of charts) part(name).hidden = names.includes(name);
    for (const group of groups) group.hidden = !group.querySelector(".evidence-charts > div:not([hidden])");
    const shown = groups.filter((group) => !group.hidden);
    if (view.fresh && shown.length && !shown.some((group) => group.open)) shown[0].open = true;
    view.fresh = false;
    const fold = part("evidence-none"), [summary, list] = fold.children;
    fold.hidden = !names.length;
    summary.textContent = names.length ? `Not measured in this run: ${names.map((name) => words[name]).join(", ")}` : "";
    set(list, html`${names.map((name) => html`<p class="empty"><b>${answer[name].title}.</b> ${served(answer[name].note ?? "")}</p>`)}`);
  };

  for (const select of selects) {
    const { choice = "" } = select.dataset;
    select.addEventListener("change", () => {
      view.asked = choice === "run" ? { run: select.value } : { ...view.asked, [choice]: select.value };
      ask();
    });
  }
  const moved = later(200, ask);
  for (const range of ranges) {
    range.addEventListener("input", () => {
      tell(range);
      view.asked = { ...view.asked, [range.dataset.choice ?? ""]: range.value };
      moved();
    });
  }
  // What was folded away when the answer came is drawn now that it has a size.
  for (const group of groups) {
    group.addEventListener("toggle", () => {
      const { answer } = view;
      if (!group.open || !answer) return;
      for (const name of charts) if (group.contains(part(name))) titled(root, name, answer[name], fit);
    });
  }
  savable(root, charts, (name) => `kdui-${view.task}-${name}`, (of) => api.ask("explore_evidence_csv", { ...wish(), of }));
  poll("explore", 20, () => view.task && ask());
  return {
    view: () => ({ ...wish(), run: view.answer?.run ?? "" }),
    /** @param {string} task */
    choose(task) {
      if (task === view.task) return;
      Object.assign(view, { task, asked: {}, fresh: true });
      if (tab() === "explore") ask();
    },
  };
};
