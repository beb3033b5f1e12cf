// A participant's page of a class: join, predict, queue small runs, draw a digit. It asks every two seconds what the class does.
// The part for digits is fetched when it is needed.
import { bare, bars, boardChart, boardWords, inLanguage } from "./class_pictures.js";
import { hit, html, parts, set } from "./html.js";
import { follow } from "./language.js";

/** @typedef {{nickname: string, activity: string, question?: import("./class_pictures.js").Question, board?: import("./class_pictures.js").Board,
 *   drawing?: import("./class_pictures.js").Drawing}} Told */

const EVERY_MS = 2000, KEY = "kdui-class";
const part = parts(document), main = part("join-page");
const code = location.pathname.split("/").pop() ?? "";
/** @type {{students: Record<string, string>, bits: Record<string, string>, runtime: string, entry: string}} */
const facts = JSON.parse(part("join-facts").textContent ?? "{}");
const kept = () => { try { return JSON.parse(localStorage.getItem(KEY) ?? "{}"); } catch { return {}; } };
const view = { token: String(kept().token ?? ""), drawn: "", busy: false, told: /** @type {Told | null} */ (null),
  digits: /** @type {{show: (drawing: import("./class_pictures.js").Drawing) => void} | null} */ (null) };

/** Asks a call; what went wrong is told below the page, and nothing that was typed is lost. @param {string} call @param {Record<string, unknown>} asked */
const ask = async (call, asked) => {
  try {
    const answer = await fetch(`../kdui-class/${call}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked) });
    const told = await answer.json();
    part("join-problem").textContent = told.error ?? "";
    return told.error ? { ...told, status: answer.status } : told;
  } catch {
    part("join-problem").textContent = "The lecturer's computer does not answer. This page tries again by itself.";
    return { error: "lost" };
  }
};

// --- pages ----------------------------------------------------------------------------------------------------------------------
const doorway = () => html`<form id="join-form"><h2>Join the class</h2>
  <label>Code<input id="join-code" value="${code}" autocapitalize="characters" autocomplete="off" maxlength="12" required></label>
  <label>Nickname, which the class sees<input id="join-nickname" value="${kept().nickname ?? ""}" autocomplete="nickname" maxlength="${main.dataset.nicknameLength}" required></label>
  <button type="submit" class="act primary">Join</button></form>`;
/** @param {import("./class_pictures.js").Question} question */
const asked = (question) => html`<h2>${bare(question.ask)}</h2>${question.revealed ? html`${bars(question)}
    <p class="told">${question.own === null ? "" : question.own === question.right ? "✓ As you predicted." : "✕ Not quite: the marked choice is what happens."}</p>`
  : html`<div class="choices" role="group" aria-label="Your prediction">${question.choices.map((choice, i) => html`<button type="button" class="choice" id="choice-${i}" data-choice="${i}" aria-pressed="${String(question.own === i)}"><span class="letter">${"ABCDE"[i]}</span><span>${bare(choice)}</span></button>`)}</div>
    <p class="told">${question.own === null ? "What do you expect?" : "Noted. You may change it until the lecturer reveals the answers."}</p>`}`;
const knobs = () => html`<form id="wish-form"><h2>Queue a run</h2>
  <label>Student<select id="knob-student">${Object.entries(facts.students).map(([value, words]) => html`<option value="${value}"${value === "cnn-small" ? html` selected` : ""}>${words}</option>`)}</select></label>
  <label><span>Temperature T <output id="told-temperature">4</output></span><input type="range" id="knob-temperature" min="1" max="20" step="0.5" value="4"></label>
  <label><span>Soft weight α <output id="told-weight">0.7</output></span><input type="range" id="knob-weight" min="0" max="1" step="0.05" value="0.7"></label>
  <label>Stored in<select id="knob-bits">${Object.entries(facts.bits).reverse().map(([value, words]) => html`<option value="${value}"${value === "8" ? html` selected` : ""}>${words}</option>`)}</select></label>
  <button type="submit" class="act primary">Queue</button></form><div id="board-shown"></div>`;
/** @param {import("./class_pictures.js").Board} board @param {string} own */
const boarded = (board, own) => {
  const mine = board.points.filter(({ nickname }) => nickname === own);
  return html`${board.mine.length || mine.length ? html`<h2>Your runs</h2><ul class="mine">
    ${mine.map(({ words, state, accuracy, mark }) => html`<li><span>${words}</span><b>${accuracy === null ? (state === "queued" ? "next" : state) : `${accuracy.toFixed(1)} % ${mark}`}</b></li>`)}
    ${board.mine.map(({ number, words }) => html`<li><span>${words}</span><button type="button" class="quiet" id="withdraw-${number}" data-withdraw="${number}">waiting, take back</button></li>`)}</ul>` : ""}
    <h2>The class's board</h2>${boardChart(board.points, own, Math.max(280, main.clientWidth))}${boardWords(board)}`;
};
const PAGES = /** @type {Record<string, () => import("./html.js").Markup>} */ ({
  join: doorway, board: knobs, wait: () => html`<h2>You are in.</h2><p>Look at the lecturer's screen: what the class does next appears here.</p>`,
});

/** The model's bytes; null where they were refused, in words. */
const fetchModel = async () => {
  const answer = await fetch("../kdui-class/model", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token: view.token }) });
  if (answer.ok) return answer.arrayBuffer();
  part("join-problem").textContent = (await answer.json()).error;
  return null;
};
const openDigits = async () => {
  const module = await import("./digit_page.js");
  set(main, module.drawPage());
  view.digits = module.mount(main, facts, fetchModel, async (ms, label) => take(await ask("timed", { token: view.token, ms, label })));
  draw();
};

const draw = () => {
  const { told } = view, page = !view.token ? "join" : told?.activity ?? "wait";
  part("who").textContent = told && view.token ? told.nickname : "";
  if (told?.question) { view.drawn = "question"; set(main, asked(inLanguage(told.question))); return; }
  if (view.drawn !== page && PAGES[page]) set(main, PAGES[page]());
  if (view.drawn !== page && page === "drawing") openDigits();
  view.drawn = page;
  if (page !== "drawing") view.digits = null;
  if (told?.drawing) view.digits?.show(told.drawing);
  if (told?.board && page === "board") set(part("board-shown"), boarded(told.board, told.nickname));
};

// --- calls ----------------------------------------------------------------------------------------------------------------------
/** @param {any} told */
const take = (told) => {
  if (!told.error) view.told = told;
  if (told.status === 409 && /not in this class/.test(told.error)) { Object.assign(view, { token: "", told: null }); part("join-problem").textContent = ""; }
  draw();
};
const look = async () => {
  if (!view.token || view.busy || document.hidden) return;
  view.busy = true;
  take(await ask("look", { token: view.token }));
  view.busy = false;
};
const join = async () => {
  const told = await ask("join", { code: part("join-code", HTMLInputElement).value, nickname: part("join-nickname", HTMLInputElement).value, token: kept().token ?? "" });
  if (told.error) return;
  view.token = told.token;
  localStorage.setItem(KEY, JSON.stringify({ token: told.token, nickname: told.nickname }));
  await look();
};
const wish = async () => {
  const value = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (part(id)).value;
  const turned = { student: value("knob-student"), temperature: Number(value("knob-temperature")), soft_weight: Number(value("knob-weight")), bits: Number(value("knob-bits")) };
  take(await ask("wish", { token: view.token, knobs: turned }));
};

document.addEventListener("submit", (event) => {
  event.preventDefault();
  if (hit(event, "#join-form")) join();
  if (hit(event, "#wish-form")) wish();
});
document.addEventListener("click", async (event) => {
  const choice = hit(event, "[data-choice]"), withdrawn = hit(event, "[data-withdraw]");
  if (choice && view.told?.question) take(await ask("answer", { token: view.token, lesson: view.told.question.lesson, choice: Number(choice.dataset.choice) }));
  if (withdrawn) take(await ask("withdraw", { token: view.token, number: Number(withdrawn.dataset.withdraw) }));
});
document.addEventListener("input", ({ target }) => {
  if (target instanceof HTMLInputElement && target.id === "knob-temperature") part("told-temperature").textContent = target.value;
  if (target instanceof HTMLInputElement && target.id === "knob-weight") part("told-weight").textContent = target.value;
});
document.addEventListener("visibilitychange", look);
setInterval(look, EVERY_MS);
follow();
draw();
look();
