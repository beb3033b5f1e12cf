// State and address: what a view shows stands in the query, so that a reload, a link and the way back lead to it; and undo.

/** @typedef {Record<string, string | number | null | undefined>} Values what is empty leaves the address */

const MOST = 60; // states that can be undone

const params = () => new URLSearchParams(location.search);

/** @param {Values} values @param {"replaceState" | "pushState"} method */
const write = (values, method) => {
  const next = params();
  for (const [key, value] of Object.entries(values)) {
    if (value === null || value === undefined || value === "") next.delete(key);
    else next.set(key, String(value));
  }
  const text = next.toString();
  if (text !== params().toString()) window.history[method](null, "", `${location.pathname}${text ? `?${text}` : ""}`);
};

/** The page's own query: `set` changes it where somebody stands, `push` is one step that the way back undoes. */
export const url = {
  /** @param {string} key */
  get: (key) => params().get(key),
  all: () => Object.fromEntries(params()),
  /** @param {Values} values */
  set: (values) => write(values, "replaceState"),
  /** @param {Values} values */
  push: (values) => write(values, "pushState"),
};

/** Whether this page shows the runs that come with kdui: decided once, as it is loaded, so that no view mixes both. */
export const recorded = params().get("runs") === "recorded";

/** The parameters of the address that a view owns. @param {string[]} keys */
export const addressed = (keys) => {
  let written = /** @type {Record<string, string>} */ ({});
  const read = () => Object.fromEntries(keys.map((key) => [key, url.get(key) ?? ""]));
  return {
    read,
    /** Whether somebody else has changed it since it was written here: a link, the way back. */
    changed: () => keys.some((key) => (url.get(key) ?? "") !== (written[key] ?? "")),
    /** What stands there now has been read and is being followed. */
    taken() { written = read(); },
    /** @param {Record<string, string>} values */
    write(values) {
      written = Object.fromEntries(keys.map((key) => [key, values[key] ?? ""]));
      url.set(written);
    },
  };
};

/** What can be undone; turns of one knob in a row are one thing to undo. @template T */
export const history = () => {
  /** @type {{state: T, key: string}[]} */
  const states = [];
  return {
    get any() { return states.length > 0; },
    /** @param {T} state @param {string} key what is about to change it */
    keep(state, key) {
      if (key && states.at(-1)?.key === key) return;
      states.push({ state, key });
      if (states.length > MOST) states.shift();
    },
    take: () => states.pop()?.state,
  };
};
