// Slides over the whole window, beside a presenter's window that is kept in step through a channel of this browser.
import { enlarged, full, deck } from "./deck.js";
import { recoloured } from "./figure_colours.js";
import { html, served, set } from "./html.js";
import { plotly } from "./plotly.js";
import { colour, onTheme } from "./theme.js";

/** @typedef {{slides: string[], figures: Record<string, string>, notes: string[], titles: string[]}} Deck */
/** @typedef {{at: number} | {hello: true}} Step which slide is shown, or a window that asks for it */

const CHANNEL = "kdui-presentation";
const CLOCK_MS = 1000;
let styled = false;

/** The stylesheet of slides, once. @param {string} css */
export const style = (css) => {
  if (styled) return;
  styled = true;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets.push(sheet);
};

/** Draws the chart of a slide, if it has one. @param {HTMLElement} slide @param {Record<string, string>} figures */
export const drawn = async (slide, figures) => {
  const chart = /** @type {Chart | null} */ (slide.querySelector("[data-figure]"));
  const json = figures[chart?.dataset.figure ?? ""];
  if (!chart || !json) return;
  const library = await plotly();
  if (!chart.clientWidth) return; // turned away meanwhile
  const { data, layout } = enlarged(recoloured(json, colour), chart);
  await library.react(chart, data, layout, { displayModeBar: false });
};

/** What covers the page: outside of Gradio's own elements, so that it can be full screen and printed alone. @param {string} label */
const cover = (label) => {
  const place = document.createElement("main");
  Object.assign(place, { id: "kdui-slides", className: "deck", tabIndex: -1 });
  place.setAttribute("aria-label", label);
  document.body.append(place);
  document.body.classList.add("showing-slides");
  return place;
};
/** @param {HTMLElement} place */
const uncover = (place) => {
  if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
  place.remove();
  document.body.classList.remove("showing-slides");
};

/** Opens the presenter's window of this presentation. @param {string} name */
export const openPresenter = (name) => {
  const address = new URLSearchParams({ tab: "present", deck: name, view: "presenter" });
  window.open(`${location.pathname}?${address}`, "kdui-presenter", "popup,width=1120,height=760");
};

/** Shows the slides until somebody ends them. @param {string} name @param {Deck} given @param {number} at @param {() => void} ended */
export const present = (name, given, at, ended) => {
  const place = cover(name), channel = new BroadcastChannel(`${CHANNEL} ${name}`), stop = new AbortController();
  set(place, html`${given.slides.map(served)}${controls()}`);
  const close = () => {
    stop.abort();
    channel.close();
    uncover(place);
    ended();
  };
  const turn = deck(place, (slide, now) => {
    drawn(slide, given.figures);
    channel.postMessage({ at: now });
  }, { escape: close, n: () => openPresenter(name) });
  const again = () => { if (place.isConnected && turn.at() >= 0) drawn(turn.slides[turn.at()], given.figures); };
  channel.onmessage = ({ data }) => {
    if ("hello" in data) channel.postMessage({ at: turn.at() });
    else turn.show(data.at);
  };
  /** @type {Record<string, () => void>} */
  const works = { back: turn.back, next: turn.next, full: () => full(place), notes: () => openPresenter(name), close };
  place.addEventListener("click", ({ target }) => {
    const button = target instanceof Element ? target.closest("[data-do]") : null;
    if (button instanceof HTMLElement) works[button.dataset.do ?? ""]?.();
  });
  window.addEventListener("resize", again, { signal: stop.signal });
  onTheme(again);
  place.focus();
  turn.show(at);
};

const controls = () => html`<nav class="deck-controls" aria-label="Slides"><button type="button" data-do="back">‹ Back</button>
  <button type="button" data-do="next">Next ›</button><button type="button" data-do="full">Full screen</button>
  <button type="button" data-do="notes">Presenter’s window</button><button type="button" data-do="close">End</button></nav>`;

/** Every slide on a page of its own, in light colours; the browser's dialog prints it or saves a PDF. @param {string} name @param {Deck} given */
export const print = async (name, given) => {
  const place = cover(name), dark = document.body.classList.contains("dark");
  place.classList.add("printing");
  set(place, html`${given.slides.map(served)}`);
  document.body.classList.remove("dark");
  for (const slide of place.querySelectorAll(".slide")) await drawn(/** @type {HTMLElement} */ (slide), given.figures);
  window.print();
  document.body.classList.toggle("dark", dark);
  uncover(place);
};

// --- the presenter's window ---------------------------------------------------------------------------------------------------

/** @param {number} ms */
const elapsed = (ms) => {
  const seconds = Math.floor(ms / 1000), two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
};

/** Clock, notes, this slide and the next, in step with the slides of another window. @param {string} name @param {Deck} given */
export const presenter = (name, given) => {
  const place = cover(`Presenter: ${name}`), channel = new BroadcastChannel(`${CHANNEL} ${name}`), begun = Date.now();
  place.classList.add("presenter");
  set(place, html`<header><output id="presenter-clock"></output><output id="presenter-number"></output></header>
    <div class="now">${given.slides.map(served)}</div>
    <section class="next" aria-label="Next slide"><h3>Next</h3><p id="presenter-next"></p></section>
    <section class="notes" aria-label="Speaker notes" tabindex="0"><h3>Notes</h3><p id="presenter-notes"></p></section>`);
  /** @param {string} id @param {string} text */
  const tell = (id, text) => { const part = place.querySelector(`#presenter-${id}`); if (part) part.textContent = text; };
  const tick = () => tell("clock", `${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })} · ${elapsed(Date.now() - begun)}`);
  let following = false; // a step that came from the other window is not sent back
  const turn = deck(place, (slide, at) => {
    drawn(slide, given.figures);
    tell("number", `${at + 1} / ${given.slides.length}`);
    tell("next", given.titles[at + 1] ?? "The end");
    tell("notes", given.notes[at] || "No notes.");
    if (!following) channel.postMessage({ at });
  }, { escape: () => window.close() });
  channel.onmessage = ({ data }) => {
    if (!("at" in data) || data.at < 0) return;
    following = true;
    turn.show(data.at);
    following = false;
  };
  tick();
  setInterval(tick, CLOCK_MS);
  following = true;
  turn.show(0);
  following = false;
  place.focus();
  channel.postMessage({ hello: true });
};
