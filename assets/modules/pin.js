// Pin buttons: any view of a tab says what it shows, and the server makes a slide of it. One small panel, there on every tab, tells the outcome.
import { connect, ofShownRuns } from "./api.js";
import { hit, html, problem, set } from "./html.js";

/** @typedef {Record<string, unknown>} View what the server is asked to show the same */
/** @typedef {{deck: string, id: string, slide: number, title: string}} Pinned */
/**
 * @typedef {{
 *   pin: (asked: {deck: string, place: string, view: View}) => Promise<Pinned>,
 *   unpin: (asked: {deck: string, id: string}) => Promise<{}>,
 * }} Server
 */

const KEY = "kdui-presentation"; // the presentation that pins go to
const SHOWN_MS = 12_000;
/** @type {Map<HTMLElement, (place: string) => View>} */
const views = new Map();

export const presentation = {
  get: () => localStorage.getItem(KEY) ?? "",
  /** @param {string} name */
  set: (name) => localStorage.setItem(KEY, name),
};

/** The buttons `data-pin=PLACE` in `root` pin what `view(PLACE)` says that it shows. @param {HTMLElement} root @param {(place: string) => View} view */
export const pinnable = (root, view) => { views.set(root, view); };

/** @param {HTMLElement} root @param {Server} given */
export const mount = (root, given) => {
  const server = ofShownRuns(given);
  const api = connect(server), told = /** @type {HTMLElement} */ (root.querySelector("#pin-told"));
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let hiding;
  /** @param {import("./html.js").Markup} markup */
  const tell = (markup) => {
    set(told, markup);
    clearTimeout(hiding);
    hiding = setTimeout(() => { if (!told.matches(":hover, :focus-within")) set(told, ""); }, SHOWN_MS);
  };
  document.addEventListener("click", async (event) => {
    const button = hit(event, "[data-pin]"), undo = hit(event, "[data-unpin]");
    if (undo) {
      const { unpin: id = "", deck = "" } = undo.dataset, answer = await api.ask("unpin", { deck, id });
      tell(answer.error ? problem(answer.error) : html`<p class="info">Taken out of “${deck}” again.</p>`);
    }
    const owner = button && [...views.keys()].find((each) => each.contains(button));
    if (!button) return;
    if (!owner) { tell(html`<p class="info">This view is still loading. Press Pin again in a moment.</p>`); return; }
    const place = button.dataset.pin ?? "", view = views.get(owner)?.(place) ?? {};
    button.setAttribute("aria-busy", "true");
    const answer = await api.ask("pin", { deck: presentation.get(), place, view });
    button.removeAttribute("aria-busy");
    if (answer.error) { tell(problem(answer.error)); return; }
    presentation.set(answer.deck);
    tell(html`<p class="info">Pinned to “${answer.deck}” as slide ${answer.slide}: ${answer.title}
      <a href="?tab=present&deck=${encodeURIComponent(answer.deck)}">Open</a>
      <button type="button" class="undo" data-unpin="${answer.id}" data-deck="${answer.deck}">Undo</button></p>`);
    document.dispatchEvent(new CustomEvent("kdui-pinned", { detail: answer }));
  });
};
