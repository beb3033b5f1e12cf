// The menu of saved views: names for addresses, kept by the server, so that every browser finds them.
import { all, hit, parts, set } from "./html.js";

/** @typedef {(asked: {save?: string, query?: string, remove?: string}) => Promise<{html: string, error?: string}>} Ask */

/** @param {HTMLElement} root @param {string} tab @param {Ask} ask */
export const savedViews = (root, tab, ask) => {
  const part = parts(root), menu = part(`views-${tab}`, HTMLDetailsElement), name = part(`view-name-${tab}`, HTMLInputElement);
  const [list] = all(menu, ".views-list", HTMLElement), [told] = all(menu, ".views-told", HTMLElement);
  /** @param {string} words */
  const tell = (words) => { told.textContent = words; };
  /** @param {Parameters<Ask>[0]} asked @param {string} words */
  const change = async (asked, words) => {
    const answer = await ask(asked);
    tell(answer.error ?? words);
    if (!answer.error) set(list, answer.html);
    return !answer.error;
  };
  const save = async () => {
    const query = new URLSearchParams(location.search);
    query.set("tab", tab);
    const ordered = new URLSearchParams([["tab", tab], ...[...query].filter(([key]) => key !== "tab")]);
    if (!name.value.trim()) { tell("Give the view a name first."); name.focus(); return; }
    if (await change({ save: name.value, query: ordered.toString() }, `Saved “${name.value.trim()}”.`)) name.value = "";
  };
  menu.addEventListener("toggle", () => { if (menu.open) change({}, ""); });
  menu.addEventListener("click", (event) => {
    const gone = hit(event, "[data-remove-view]")?.dataset.removeView;
    if (gone !== undefined) change({ remove: gone }, `Deleted “${gone}”.`);
    else if (hit(event, "[data-save-view]")) save();
    else if (hit(event, "[data-copy-address]")) navigator.clipboard?.writeText(location.href).then(() => tell("The link is copied."), () => tell(location.href));
    else if (hit(event, "a")) menu.open = false;
  });
  name.addEventListener("keydown", ({ key }) => { if (key === "Enter") save(); });
};
