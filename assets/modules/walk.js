// The guided walk: one note that leads through the tabs, marks what it is about, and keeps its place over a reload.
import { connect } from "./api.js";
import { hit, html, problem, set } from "./html.js";
import { open } from "./navigation.js";

/** @typedef {{open: Record<string, string>, mark: string, title: string, text: string}} Stop */
/** @typedef {{walk_stops: (asked: {}) => Promise<{stops: Stop[]}>}} Server */

const SEEN = "kdui-walk"; // in the browser: that it was taken or left once
const AT = "kdui-walk-at"; // in this window: the stop where somebody is
const MARKED = "walk-mark", LOOK_MS = 200, LOOKS = 100;

/** Whether nobody has taken or left the walk in this browser yet. */
export const isNew = () => !localStorage.getItem(SEEN);

/** @param {HTMLElement} root @param {Server} server */
export const mount = (root, server) => {
  const api = connect(server), note = /** @type {HTMLElement} */ (root.querySelector("#walk"));
  let stops = /** @type {Stop[]} */ ([]), at = -1;

  const unmark = () => { for (const each of document.querySelectorAll(`.${MARKED}`)) each.classList.remove(MARKED); };
  /** Marks it once it is there: a tab that is opened for the first time takes a moment. @param {string} selector @param {number} left */
  const mark = (selector, left = LOOKS) => {
    if (stops[at]?.mark !== selector) return; // somebody has gone on
    const place = document.querySelector(selector);
    if (place?.checkVisibility()) {
      place.classList.add(MARKED);
      if (place.getBoundingClientRect().bottom > innerHeight / 2) place.scrollIntoView({ block: "center" }); // above the note
    } else if (left) setTimeout(() => mark(selector, left - 1), LOOK_MS);
  };
  const show = () => {
    const stop = stops[at], last = at === stops.length - 1;
    unmark();
    set(note, html`<p class="caps">Guided walk · ${at + 1} of ${stops.length}</p><h2 class="title">${stop.title}</h2><p>${stop.text}</p>
      <div class="buttons"><button type="button" class="act small" id="walk-back" data-walk="back"${at ? "" : html` disabled`}>Back</button>
      <button type="button" class="act small primary" id="walk-on" data-walk="${last ? "end" : "on"}">${last ? "Done" : "Next"}</button>
      <button type="button" class="quiet" id="walk-leave" data-walk="end">Leave the walk</button></div>`);
    note.hidden = false;
    sessionStorage.setItem(AT, String(at));
    mark(stop.mark);
  };
  const end = () => {
    at = -1;
    unmark();
    note.hidden = true;
    sessionStorage.removeItem(AT);
    localStorage.setItem(SEEN, "1");
    document.dispatchEvent(new CustomEvent("kdui-walked"));
  };
  /** @param {number} place @param {boolean} going whether its tab is opened too */
  const go = async (place, going) => {
    if (!stops.length) {
      const answer = await api.ask("walk_stops", {});
      if (answer.error) { set(note, problem(answer.error)); note.hidden = false; return; }
      stops = answer.stops;
    }
    if (!stops[place]) return;
    at = place;
    if (going) open(stops[at].open);
    show();
    if (going) note.focus({ preventScroll: true });
  };
  document.addEventListener("click", (event) => {
    const step = hit(event, "[data-walk]")?.dataset.walk;
    if (step === "start") go(0, true);
    if (step === "on") go(at + 1, true);
    if (step === "back") go(at - 1, true);
    if (step === "end") end();
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && at >= 0 && note.contains(document.activeElement)) end(); });
  const before = sessionStorage.getItem(AT);
  if (before !== null) go(Number(before), false);
};
