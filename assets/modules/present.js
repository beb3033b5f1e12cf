// Present: which presentation, the order of its slides, the words of the chosen one, and what is shown or written of it.
import { connect, newest } from "./api.js";
import * as decide from "./decide.js";
import { all, hit, html, parts, problem, set } from "./html.js";
import { language } from "./language.js";
import { onAddress } from "./navigation.js";
import { pinnable, presentation } from "./pin.js";
import { later, poll } from "./polling.js";
import { drawn, openPresenter, present, presenter, print, style } from "./slides.js";
import { history, url } from "./state.js";

/** @typedef {{id: string, title: string, sentence: string, notes: string, live: boolean, heading: string, own: string, kind: string, date: string}} Slide */
/** @typedef {{deck: string, revision: number, slides: Slide[]}} Told */
/**
 * @typedef {{
 *   present_start: (asked: {deck: string}) => Promise<Told & {decks: string, missing: string}>,
 *   present_arrange: (asked: {deck: string, revision: number, slides: Partial<Slide>[]}) => Promise<Told>,
 *   present_name: (asked: {deck: string, to: string, act: string}) => Promise<Told & {decks: string, missing: string}>,
 *   present_slide: (asked: {deck: string, id: string}) => Promise<{html: string, figure: string}>,
 *   present_slides: (asked: {deck: string}) => Promise<import("./slides.js").Deck>,
 *   present_style: (asked: {}) => Promise<{css: string}>,
 * } & decide.Server} Server
 */

const REST_MS = 500;

/** What the server keeps of a slide beside its content. @param {Slide} slide */
const words = ({ id, title, sentence, notes, live }) => ({ id, title, sentence, notes, live });

/** @param {Slide} slide @param {number} at @param {string} chosen */
const row = (slide, at, chosen) => html`<li draggable="true" data-at="${at}" class="${slide.id === chosen ? "chosen" : ""}">
  <button type="button" class="pick" id="pick-${slide.id}" data-id="${slide.id}" aria-current="${slide.id === chosen ? "true" : "false"}">
  <b>${at + 1}</b> ${slide.heading}<span class="sub">${slide.kind} · ${slide.live ? "live" : "frozen"} · ${slide.date}</span></button>
  <span class="moves"><button type="button" class="act icon" id="up-${slide.id}" data-move="-1" data-id="${slide.id}" aria-label="Move up: ${slide.heading}">↑</button>
  <button type="button" class="act icon" id="down-${slide.id}" data-move="1" data-id="${slide.id}" aria-label="Move down: ${slide.heading}">↓</button></span></li>`;

/** @param {HTMLElement} root @param {Server} server */
export const mount = async (root, server) => {
  const api = connect(server), part = parts(root), decks = part("present-deck", HTMLSelectElement), name = part("present-name", HTMLInputElement);
  const fields = all(root, "[data-word]", HTMLElement), live = part("slide-live", HTMLInputElement);
  const view = { deck: "", revision: 0, slides: /** @type {Slide[]} */ ([]), chosen: "", shown: "", edits: 0, saved: 0 };
  const undo = /** @type {ReturnType<typeof history<Partial<Slide>[]>>} */ (history());
  const decision = decide.mount(root, server);

  // --- what the server tells -------------------------------------------------------------------------------------------------
  /** @param {string | undefined} error */
  const tell = (error) => set(part("present-message"), problem(error));
  /** @param {Told} told */
  const take = (told) => {
    Object.assign(view, { deck: told.deck, revision: told.revision, slides: told.slides });
    if (!view.slides.some((slide) => slide.id === view.chosen)) view.chosen = view.slides[0]?.id ?? "";
    list();
    chosen();
  };
  const list = () => {
    const none = !view.slides.length;
    part("present-empty").hidden = !none;
    part("present-shown").hidden = none;
    set(part("present-list"), html`${view.slides.map((slide, at) => row(slide, at, view.chosen))}`);
    for (const act of all(root, "[data-go=slides], [data-go=presenter], [data-go=print]", HTMLButtonElement)) act.disabled = none;
    for (const [id, ending] of [["present-file", "html"], ["present-pptx", "pptx"]]) {
      part(id).hidden = none;
      part(id, HTMLAnchorElement).href = `kdui-decks/${encodeURIComponent(view.deck)}.${ending}?lang=${language}`;
    }
    all(root, "[data-go=undo]", HTMLButtonElement)[0].disabled = !undo.any;
    for (const act of all(root, "[data-name=rename], [data-name=delete]", HTMLButtonElement)) act.disabled = !view.deck;
  };
  const slideOf = () => view.slides.find((slide) => slide.id === view.chosen);
  const chosen = () => {
    const slide = slideOf();
    part("present-chosen").hidden = !slide;
    if (!slide) return;
    for (const field of fields) {
      const word = /** @type {"title" | "sentence" | "notes"} */ (field.dataset.word);
      if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) {
        if (field !== document.activeElement) field.value = slide[word];
        if (word === "title") field.placeholder = slide.own;
      }
    }
    live.checked = slide.live;
    look();
  };
  const looked = newest((/** @type {string} */ id) => api.ask("present_slide", { deck: view.deck, id }));
  const look = async () => {
    const slide = slideOf(), key = JSON.stringify([view.deck, view.slides.length, view.slides.indexOf(/** @type {Slide} */ (slide)), slide]);
    if (!slide || key === view.shown) return;
    view.shown = key;
    const answer = await looked(slide.id), place = part("slide-view");
    if (!answer) return;
    set(place, answer.error ? problem(answer.error) : answer.html);
    if (!answer.error) drawn(place, { [slide.id]: answer.figure });
  };
  /** @param {string} deck */
  const start = async (deck) => {
    const answer = await api.ask("present_start", { deck });
    tell(answer.error || answer.missing);
    if (answer.error) return;
    begun(answer);
  };
  /** @param {Told & {decks: string}} answer */
  const begun = (answer) => {
    set(decks, answer.decks);
    decks.value = answer.deck;
    name.value = answer.deck;
    if (answer.deck) presentation.set(answer.deck);
    view.saved = view.edits;
    take(answer);
  };

  // --- changes -----------------------------------------------------------------------------------------------------------------
  let queue = Promise.resolve();
  /** Sends what stands here, after what is on its way; what is changed meanwhile is not taken back by the answer. */
  const save = () => (queue = queue.then(async () => {
    const { deck, revision, edits } = view, answer = await api.ask("present_arrange", { deck, revision, slides: view.slides.map(words) });
    tell(answer.error);
    if (answer.lost) return;
    if (answer.error) { await start(deck); tell(answer.error); return; }
    view.revision = answer.revision;
    if (edits === view.edits) { view.saved = edits; take(answer); }
  }));
  /** @param {string} key @param {Slide[]} slides */
  const change = (key, slides) => {
    undo.keep(view.slides.map(words), key);
    Object.assign(view, { slides, edits: view.edits + 1 });
    list();
    return save();
  };
  const rested = later(REST_MS, save);
  /** @param {number} from @param {number} to */
  const move = (from, to) => {
    if (to < 0 || to >= view.slides.length || from === to) return;
    const slides = [...view.slides], [slide] = slides.splice(from, 1);
    slides.splice(to, 0, slide);
    change("", slides);
  };
  const back = async () => {
    const before = undo.take();
    if (!before) return;
    view.edits += 1;
    view.slides = /** @type {Slide[]} */ (before.map((slide) => ({ heading: "", own: "", kind: "", date: "", ...view.slides.find((each) => each.id === slide.id), ...slide })));
    await save();
  };
  /** @param {string} act */
  const rename = async (act) => {
    if (act === "delete") {
      const dialog = part("present-dialog", HTMLDialogElement);
      part("present-dialog-text").textContent = `Delete “${view.deck}” with its ${view.slides.length} slides?`;
      dialog.returnValue = "no";
      dialog.showModal();
      await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
      if (dialog.returnValue !== "yes") return;
    }
    const answer = await api.ask("present_name", { deck: view.deck, to: name.value, act });
    tell(answer.error);
    if (!answer.error) { url.set({ deck: answer.deck }); begun(answer); }
  };
  /** @param {string} kind */
  const show = async (kind) => {
    if (view.edits !== view.saved) await save(); // what was typed a moment ago is shown too
    const answer = await api.ask("present_slides", { deck: view.deck });
    tell(answer.error);
    if (answer.error) return;
    const at = Math.max(0, view.slides.findIndex((slide) => slide.id === view.chosen)), opener = document.activeElement;
    if (kind === "print") await print(view.deck, answer);
    else if (kind === "window") presenter(view.deck, answer);
    else present(view.deck, answer, at, () => { if (opener instanceof HTMLElement) opener.focus(); });
  };

  // --- what a person does ------------------------------------------------------------------------------------------------------
  root.addEventListener("click", (event) => {
    const go = hit(event, "[data-go]")?.dataset.go, shift = hit(event, "[data-move]"), act = hit(event, "[data-name]")?.dataset.name;
    const id = hit(event, "[data-id]")?.dataset.id, at = view.slides.findIndex((slide) => slide.id === id);
    if (go === "slides" || go === "print") show(go);
    else if (go === "presenter") openPresenter(view.deck);
    else if (go === "undo") back();
    else if (go === "remove") change("", view.slides.filter((slide) => slide.id !== view.chosen));
    else if (act) rename(act);
    else if (shift) move(at, at + Number(shift.dataset.move));
    else if (id) { view.chosen = id; list(); chosen(); }
  });
  part("present-list").addEventListener("keydown", (event) => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key], at = view.slides.findIndex((slide) => slide.id === hit(event, "[data-id]")?.dataset.id);
    if (!event.altKey || !by || at < 0) return;
    event.preventDefault();
    move(at, at + by);
  });
  let dragged = -1;
  part("present-list").addEventListener("dragstart", (event) => { dragged = Number(hit(event, "[data-at]")?.dataset.at ?? -1); });
  part("present-list").addEventListener("dragover", (event) => { if (dragged >= 0) event.preventDefault(); });
  part("present-list").addEventListener("drop", (event) => {
    event.preventDefault();
    const onto = Number(hit(event, "[data-at]")?.dataset.at ?? -1);
    if (dragged >= 0 && onto >= 0) move(dragged, onto);
    dragged = -1;
  });
  for (const field of fields) {
    field.addEventListener("input", () => {
      const slide = slideOf(), word = field.dataset.word ?? "";
      if (!slide || !(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) return;
      undo.keep(view.slides.map(words), `${word} ${slide.id}`);
      view.edits += 1;
      view.slides = view.slides.map((each) => (each === slide ? { ...each, [word]: field.value } : each));
      rested();
    });
  }
  live.addEventListener("change", () => change("", view.slides.map((slide) => (slide.id === view.chosen ? { ...slide, live: live.checked } : slide))));
  decks.addEventListener("change", () => { url.set({ deck: decks.value }); start(decks.value); });

  // --- start -------------------------------------------------------------------------------------------------------------------
  pinnable(root, () => ({ ...decision.asked() }));
  onAddress(() => { const wished = url.get("deck"); if (wished && wished !== view.deck) start(wished); });
  document.addEventListener("kdui-pinned", () => start(presentation.get())); // also a pin of the decision page below
  style((await api.ask("present_style", {})).css);
  await start(url.get("deck") || presentation.get());
  if (url.get("view") === "presenter") { await show("window"); return; }
  await decision.choose(url.get("run") ?? "");
  poll("present", 5, async () => {
    if (view.edits !== view.saved || root.querySelector("[data-word]:focus, #present-name:focus")) return;
    const answer = await api.fetch("present_start", { deck: view.deck });
    if (!answer.error && (answer.deck !== view.deck || answer.revision !== view.revision)) begun(answer);
  });
};
