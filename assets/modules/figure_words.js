// A figure's words in the page's language.
import { language, translatedLabel } from "./language.js";

// What a person reads in a figure: names, labels and texts on hover, their own words among them, but not the ids beside these.
// Categories on an axis are not read: points are found by them.
const READ = new Set(["hovertemplate", "label", "name", "text", "ticktext", "title"]);
/** @param {string} key @param {string} value */
const isRead = (key, value) => READ.has(key) || (key === "customdata" && value.includes(" "));

/** @param {unknown} value @param {string} [key] @returns {unknown} */
const translated = (value, key = "") => {
  if (typeof value === "string") return isRead(key, value) ? translatedLabel(value) : value;
  if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map((each) => translated(each, key));
  if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, translated(each, name)]));
};

/** The figure with the texts in it in the page's language. @template T @param {T} figure @returns {T} */
export const worded = (figure) => (language === "en" ? figure : /** @type {T} */ (translated(figure)));
