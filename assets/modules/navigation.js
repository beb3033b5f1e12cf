// Navigation: which tab is looked at, and links such as ?tab=runs&run=ID, which open that view without a reload.
import { hit } from "./html.js";
import { url } from "./state.js";

/** @typedef {import("./state.js").Values} Values */

const TABS = "#kdui-tabs > .tab-wrapper button";
/** @type {Set<() => void>} */
const followers = new Set();
let started = false;

/** @param {string} selector */
const button = (selector) => /** @type {HTMLElement | null} */ (document.querySelector(`${TABS}${selector}`));

/** The tab that is looked at. */
export const tab = () => button(".selected")?.dataset.tabId ?? "build";

/** Calls `follow` whenever a link or the way back has changed the address, once the tab it names is shown. @param {() => void} follow */
export const onAddress = (follow) => { followers.add(follow); };

/** @param {unknown} wished */
const show = (wished) => {
  if (wished && wished !== tab()) button(`[data-tab-id="${CSS.escape(String(wished))}"]`)?.click();
  setTimeout(() => followers.forEach((follow) => follow())); // Gradio marks the tab a moment after the click
};

/** Opens the view that these parameters describe, as a link to it does. @param {Values} values */
export const open = (values) => {
  url.push("from" in values ? { recipe: "", step: "", ...values } : values); // what somebody asks for takes the place of what they edited
  show(values.tab);
};

/** The page is there: it shows what its address says. */
export const start = () => {
  started = true;
  show(url.get("tab"));
};

export const watch = () => {
  document.addEventListener("click", (event) => {
    const turned = hit(event, `${TABS}[data-tab-id]`), link = hit(event, 'a[href^="?"]');
    if (turned && started) url.push({ tab: turned.dataset.tabId });
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    open(Object.fromEntries(new URLSearchParams(link.getAttribute("href") ?? "")));
  });
  window.addEventListener("popstate", () => show(url.get("tab") ?? "build"));
};
