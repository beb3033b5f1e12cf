// Markup from a template in which everything that is put in is escaped, but for other markup made here; and where it is shown.

export class Markup {
  /** @param {string} text */
  constructor(text) { this.text = text; }
  toString() { return this.text; }
}

/** @param {unknown} value @returns {string} */
const written = (value) => {
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(written).join("");
  if (value === null || value === undefined || value === false) return "";
  return String(value).replace(/[&<>"'`]/g, (letter) => `&#${letter.charCodeAt(0)};`);
};

/** @param {TemplateStringsArray} parts @param {unknown[]} values */
export const html = (parts, ...values) => new Markup(parts.reduce((text, part, i) => text + written(values[i - 1]) + part));

/** What the server has made, which escapes what it puts in, for use inside of a template. @param {string} text */
export const served = (text) => new Markup(text);

/** A problem in words; nothing where there is none. @param {string | undefined} words */
export const problem = (words) => (words ? html`<div class="fail" role="alert">${words}</div>` : html``);

/** What each element was given last. @type {WeakMap<Element, string>} */
const kept = new WeakMap();

/**
 * Sets markup, made here or by the server, only where it changed; unfolded details and the focused control stay as they were.
 * @param {Element} element @param {Markup | string} markup
 */
export const set = (element, markup) => {
  const text = String(markup), active = document.activeElement;
  if (kept.get(element) === text) return;
  kept.set(element, text);
  const focused = active && element.contains(active) ? active.id : "";
  const open = [...element.querySelectorAll("details[open][id]")].map((each) => each.id);
  element.innerHTML = text;
  for (const id of open) element.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  if (!focused) return;
  const again = element.querySelector(`#${CSS.escape(focused)}`);
  if (again instanceof HTMLElement) again.focus();
};

/** Puts markup at the end of an element. @param {Element} element @param {Markup} markup */
export const add = (element, { text }) => element.insertAdjacentHTML("beforeend", text);

/** The elements of a panel by their ids; one that is missing, or of another kind, is a fault of its frame. @param {ParentNode} root */
export const parts = (root) => {
  /**
   * @template {HTMLElement} [T=HTMLElement]
   * @param {string} id @param {new () => T} [kind]
   * @returns {T}
   */
  const part = (id, kind) => {
    const found = root.querySelector(`#${CSS.escape(id)}`);
    if (!(found instanceof (kind ?? HTMLElement))) throw new Error(`The panel has no ${(kind ?? HTMLElement).name} #${id}`);
    return /** @type {T} */ (found);
  };
  return part;
};

/** What a click or a key hit, or what stands around it. @param {Event} event @param {string} selector */
export const hit = ({ target }, selector) => {
  const found = target instanceof Element ? target.closest(selector) : null;
  return found instanceof HTMLElement ? found : null;
};

/** All of one kind below `root`. @template {HTMLElement} T @param {ParentNode} root @param {string} selector @param {new () => T} kind */
export const all = (root, selector, kind) =>
  /** @type {T[]} */ ([...root.querySelectorAll(selector)].filter((each) => each instanceof kind));
