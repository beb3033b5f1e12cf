// Markup from a template in which everything that is put in is escaped, but for other markup made here.

class Markup {
  /** @param {string} text */
  constructor(text) { this.text = text; }
  toString() { return this.text; }
}

/** @param {any} value @returns {string} */
const written = (value) => {
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(written).join("");
  if (value === null || value === undefined || value === false) return "";
  return String(value).replace(/[&<>"'`]/g, (letter) => `&#${letter.charCodeAt(0)};`);
};

/** @param {TemplateStringsArray} parts @param {any[]} values */
export const html = (parts, ...values) => new Markup(parts.reduce((text, part, i) => text + written(values[i - 1]) + part));
