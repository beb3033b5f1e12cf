// State and address: what a view shows stands in the query, so that a reload, a link and the way back lead to it; and undo.

const { kdui } = window;
const MOST = 60; // states that can be undone

/** The parameters of the address that a view owns. @param {string[]} keys */
export const addressed = (keys) => {
  let written = /** @type {Record<string, string>} */ ({});
  const read = () => Object.fromEntries(keys.map((key) => [key, kdui.url.get(key) ?? ""]));
  return {
    read,
    /** Whether somebody else has changed it since it was written here: a link, the way back. */
    changed: () => keys.some((key) => (kdui.url.get(key) ?? "") !== (written[key] ?? "")),
    /** @param {Record<string, string>} values */
    write(values) {
      written = Object.fromEntries(keys.map((key) => [key, values[key] ?? ""]));
      kdui.url.set(written);
    },
  };
};

/** What can be undone; turns of one knob in a row are one thing to undo. */
export const history = () => {
  /** @type {{state: any, key: string}[]} */
  const states = [];
  return {
    get any() { return states.length > 0; },
    /** @param {any} state @param {string} key what is about to change it */
    keep(state, key) {
      if (key && states.at(-1)?.key === key) return;
      states.push({ state, key });
      if (states.length > MOST) states.shift();
    },
    take: () => states.pop()?.state,
  };
};
