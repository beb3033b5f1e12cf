// Navigation: which tab is looked at, and links such as ?tab=runs&run=ID, which open that view without a reload.
import { hit } from "./html.js";
import { recorded, url } from "./state.js";

/** @typedef {import("./state.js").Values} Values */

const HOME = "home", BUILDS = ["from", "recipe", "step", "task"];
const TABS = "#kdui-tabs > .tab-wrapper button";
/** @type {Set<() => void>} */
const followers = new Set();
let started = false;

/** @param {string} selector */
const button = (selector) => /** @type {HTMLElement | null} */ (document.querySelector(`${TABS}${selector}`));

/** The tab that is looked at. */
export const tab = () => button(".selected")?.dataset.tabId ?? HOME;

/** The tab that the address names: a recipe without one is Build's, as in links of before there was a home. */
export const named = () => url.get("tab") ?? (BUILDS.some((key) => url.get(key)) ? "build" : HOME);

/** Calls `follow` whenever a link or the way back has changed the address, once the tab it names is shown. @param {() => void} follow */
export const onAddress = (follow) => { followers.add(follow); };

/** @param {unknown} wished */
const show = (wished) => {
  if (wished && wished !== tab()) button(`[data-tab-id="${CSS.escape(String(wished))}"]`)?.click();
  setTimeout(() => followers.forEach((follow) => follow())); // Gradio marks the tab a moment after the click
};

/** Home and Build are about the person's own runs: from the recorded ones, which no view mixes with them, the page is loaded anew. */
const leaves = (/** @type {unknown} */ wished) => recorded && (wished === HOME || wished === "build");
/** @param {Values} values */
const leave = (values) => {
  const query = new URLSearchParams(Object.entries(values).map(([key, value]) => [key, String(value ?? "")]).filter(([, value]) => value));
  location.assign(`${location.pathname}?${query}`);
};

/** Opens the view that these parameters describe, as a link to it does. @param {Values} values */
export const open = (values) => {
  if (leaves(values.tab)) { leave(values); return; }
  url.push("from" in values ? { recipe: "", step: "", ...values } : values); // what somebody asks for takes the place of what they edited
  show(values.tab);
};

/** The page is there: it shows what its address says. */
export const start = () => {
  started = true;
  show(named());
};

export const watch = () => {
  document.addEventListener("click", (event) => {
    const turned = hit(event, `${TABS}[data-tab-id]`), link = hit(event, 'a[href^="?"]');
    if (turned && started && leaves(turned.dataset.tabId)) { leave({ tab: turned.dataset.tabId }); return; }
    if (turned && started) url.push({ tab: turned.dataset.tabId });
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    open(Object.fromEntries(new URLSearchParams(link.getAttribute("href") ?? "")));
  });
  window.addEventListener("popstate", () => show(named()));
};
