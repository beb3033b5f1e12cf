// Learn: the list of lessons and the open one, whose figure is a module of its own, fetched when the lesson is opened.
import { connect, newest } from "./api.js";
import { glossaryTips } from "./glossary.js";
import { all, hit, html, parts, problem, served, set } from "./html.js";
import { language } from "./language.js";
import { onAddress, open, tab } from "./navigation.js";
import { url } from "./state.js";

/** @typedef {{name: string, number: number, title: string, idea: string, minutes: number}} Line */
/** @typedef {import("./lessons/picture.js").Values} Values */
/** @typedef {{set: (values: Values) => void}} Shown a figure, whose controls can be set */
/** @typedef {Record<string, {name: string, words: string}>} Terms by their English name */
/** @typedef {{name: string, figure: string, data: any, html: string, right: number, show: Values}} Lesson */
/**
 * @typedef {{
 *   learn_list: (asked: {language: string}) => Promise<{lessons: Line[], glossary: Terms}>,
 *   learn_lesson: (asked: {lesson: string, language: string}) => Promise<Lesson>,
 *   learn_trial: (asked: {lesson: string, task: string}) => Promise<{recipe: string}>,
 * }} Server
 */

const DONE = "kdui-lessons"; // in the browser: names of lessons whose question was answered
const GLOSSARY = "glossary";
const VERDICT = { right: "✓ As you predicted.", wrong: "✕ Not quite: the marked choice is what happens." };

const doneOnes = () => new Set((localStorage.getItem(DONE) ?? "").split(",").filter(Boolean));

/** @param {HTMLElement} root @param {Server} server */
export const mount = (root, server) => {
  const api = connect(server), part = parts(root);
  const view = { lines: /** @type {Line[]} */ ([]), terms: /** @type {Terms} */ ({}), wished: "",
    lesson: /** @type {Lesson | null} */ (null), figure: /** @type {Shown | null} */ (null) };
  glossaryTips(root, part("learn-tip"), (term) => view.terms[term]?.words);

  // --- the list -----------------------------------------------------------------------------------------------------------------
  const list = () => {
    const done = doneOnes(), count = view.lines.filter(({ name }) => done.has(name)).length;
    const current = (/** @type {string} */ name) => (name === view.wished ? html` aria-current="page"` : "");
    const lines = view.lines.map(({ name, number, title, idea, minutes }) => html`<li><a href="?tab=learn&amp;lesson=${name}"${current(name)}>
      <span class="number${done.has(name) ? " done" : ""}">${done.has(name) ? "✓" : number}</span>
      <span><b>${title}</b><span class="sub">${idea}</span></span><span class="minutes">${minutes}\u202fmin${done.has(name) ? html`<span class="sr-only">, done</span>` : ""}</span></a></li>`);
    set(part("learn-list"), html`<details id="learn-fold" open><summary><h2 class="label">Lessons <span class="prov">${count} of ${view.lines.length} done</span></h2></summary>
      <ol>${lines}</ol><p><a class="to-glossary" href="?tab=learn&amp;lesson=${GLOSSARY}"${current(GLOSSARY)}>Glossary</a></p><p><button type="button" class="to-class" data-classroom="board">Classroom: one board for all</button></p>
      <p class="keys">Keys ← and → turn to the next lesson.</p></details>`);
    if (matchMedia("(max-width: 1000px)").matches) part("learn-fold").removeAttribute("open");
  };

  // --- the open lesson ------------------------------------------------------------------------------------------------------------
  const steps = () => {
    const at = view.lines.findIndex(({ name }) => name === view.wished), before = view.lines[at - 1], after = view.lines[at + 1];
    const link = (/** @type {Line | undefined} */ line, /** @type {string} */ id, /** @type {string} */ word) =>
      (line ? html`<a id="${id}" class="btn act" href="?tab=learn&amp;lesson=${line.name}">${word} <b>${line.title}</b></a>` : html`<span></span>`);
    return html`<nav class="steps" aria-label="Other lessons">${link(before, "lesson-before", "←")}
      <button type="button" class="quiet" id="lesson-print">Print handout (PDF)</button>${link(after, "lesson-after", "→")}</nav>`;
  };
  const fetchLesson = newest((/** @type {string} */ lesson) => api.ask("learn_lesson", { lesson, language }));
  /** @param {string} name @param {boolean} byHand */
  const show = async (name, byHand) => {
    view.wished = name;
    list();
    if (name === GLOSSARY) { showGlossary(); return; }
    const article = part("learn-lesson"), lesson = await fetchLesson(name);
    if (!lesson) return; // another one was opened meanwhile
    view.figure = view.lesson = null;
    if (lesson.error) { set(article, problem(lesson.error)); return; }
    const module = await import(`./lessons/${lesson.figure}.js`);
    set(article, html`${served(lesson.html)}${steps()}`);
    view.lesson = lesson;
    view.figure = module.mount(part("lesson-figure"), lesson.data);
    if (!byHand) return;
    part("lesson-title").focus({ preventScroll: true });
    window.scrollTo({ top: 0 });
  };
  const showGlossary = () => {
    fetchLesson.forget();
    view.lesson = view.figure = null;
    const terms = Object.values(view.terms).map(({ name, words }) => html`<dt>${name}</dt><dd>${words}</dd>`);
    set(part("learn-lesson"), html`<header class="lesson-head"><h2 class="lesson-title" id="lesson-title" tabindex="-1">Glossary</h2>
      <p class="lead">On the other tabs a dotted line marks a term where it first stands: point at it, or press ? at a control beside it.</p></header><dl class="glossary">${terms}</dl>`);
  };
  /** @param {HTMLElement} chosen */
  const answer = (chosen) => {
    const { lesson } = view;
    if (!lesson) return;
    const right = Number(chosen.dataset.choice) === lesson.right;
    for (const choice of all(root, ".choice", HTMLElement)) {
      choice.setAttribute("aria-pressed", String(choice === chosen));
      choice.classList.toggle("right", Number(choice.dataset.choice) === lesson.right);
      choice.classList.toggle("wrong", choice === chosen && !right);
    }
    part("lesson-verdict").textContent = right ? VERDICT.right : VERDICT.wrong;
    part("lesson-answer").hidden = false;
    if (Object.keys(lesson.show).length) view.figure?.set(lesson.show);
    localStorage.setItem(DONE, [...doneOnes().add(lesson.name)].join(","));
    list();
  };
  const fillBuild = async () => {
    if (!view.lesson) return;
    const task = part("lesson-task", HTMLSelectElement).value;
    const answer = await api.ask("learn_trial", { lesson: view.lesson.name, task });
    if (answer.error) { set(part("lesson-problem"), problem(answer.error)); return; }
    open({ tab: "build", from: "", task: "", step: "", lesson: "", recipe: answer.recipe });
  };

  // --- where somebody stands ---------------------------------------------------------------------------------------------------------
  const follow = async () => {
    if (tab() !== "learn") return;
    if (!view.lines.length) {
      const answer = await api.ask("learn_list", { language });
      if (answer.error) { set(part("learn-list"), problem(answer.error)); return; }
      Object.assign(view, { lines: answer.lessons, terms: answer.glossary });
    }
    const done = doneOnes(), next = view.lines.find(({ name }) => !done.has(name)) ?? view.lines[0];
    const wished = url.get("lesson") ?? (view.wished || next.name);
    if (wished !== view.wished) show(wished, Boolean(view.wished));
  };
  /** @param {KeyboardEvent} event */
  const turn = (event) => {
    const step = { ArrowLeft: "#lesson-before", ArrowRight: "#lesson-after" }[event.key];
    if (!step || tab() !== "learn" || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (hit(event, "input, select, textarea, [contenteditable]")) return;
    const [link] = all(root, step, HTMLElement);
    if (link) { event.preventDefault(); link.click(); }
  };
  root.addEventListener("click", (event) => {
    const choice = hit(event, ".choice");
    if (choice) answer(choice);
    if (hit(event, "#lesson-try")) fillBuild();
    if (hit(event, "#lesson-print")) window.print();
  });
  document.addEventListener("keydown", turn);
  document.addEventListener("click", (event) => { if (hit(event, 'button[data-tab-id="learn"]')) setTimeout(follow, 20); });
  onAddress(follow);
  follow();
};
