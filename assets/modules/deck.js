// Slides that are turned by keyboard, in the page and in an exported file. Imports nothing: it is also a part of that file.

const TYPES = "input, textarea, select, button, summary, a";

/** @param {EventTarget | null} target */
const typing = (target) => target instanceof Element && Boolean(target.closest("input, textarea, select"));
/** @param {EventTarget | null} target */
const pressing = (target) => target instanceof Element && Boolean(target.closest(TYPES));

/**
 * One slide of `root` at a time. `turned(slide, at)` when another is shown, `keys` are the other keys by their lower-case letter.
 * @param {HTMLElement} root @param {(slide: HTMLElement, at: number) => void} turned @param {Record<string, () => void>} [keys]
 */
export const deck = (root, turned, keys = {}) => {
  const slides = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".slide")]);
  let at = -1;
  /** @param {number} wished */
  const show = (wished) => {
    const next = Math.min(slides.length - 1, Math.max(0, wished));
    if (next === at || !slides.length) return;
    at = next;
    slides.forEach((slide, place) => { slide.hidden = place !== at; });
    slides[at].focus({ preventScroll: true }); // a screen reader reads the slide's name
    slides[at].scrollTop = 0;
    turned(slides[at], at);
  };
  /** @type {Record<string, () => void>} */
  const moves = { arrowright: () => show(at + 1), arrowdown: () => show(at + 1), pagedown: () => show(at + 1), " ": () => show(at + 1),
    arrowleft: () => show(at - 1), arrowup: () => show(at - 1), pageup: () => show(at - 1), home: () => show(0),
    end: () => show(slides.length - 1), f: () => full(root), ...keys };
  /** @param {KeyboardEvent} event */
  const pressed = (event) => {
    const key = event.key.toLowerCase(), work = moves[key];
    if (!work || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || (key === " " && pressing(event.target))) return;
    event.preventDefault();
    work();
  };
  root.addEventListener("keydown", pressed);
  return { show, next: moves.arrowright, back: moves.arrowleft, at: () => at, slides, stop: () => root.removeEventListener("keydown", pressed) };
};

/** Full screen on and off; a browser that refuses leaves the slides as large as its window. @param {HTMLElement} root */
export const full = (root) => {
  const turn = document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen();
  turn.catch(() => {});
};

/** @param {any} part @param {number} factor */
const grow = (part, factor) => {
  if (!part || typeof part !== "object") return;
  for (const [name, value] of Object.entries(part)) {
    if (name.endsWith("font") && typeof value?.size === "number") value.size = Math.round(value.size * factor);
    grow(value, factor);
  }
};

/** A figure as large as its place: text for the last row, and no title, which stands above it. @param {Figure} figure @param {HTMLElement} place */
export const enlarged = (figure, place) => {
  const { clientWidth: width, clientHeight: height } = place, factor = width < 700 ? 1 : Math.min(2.2, Math.max(1.1, width / 1000));
  const { title: _, ...layout } = figure.layout;
  grow(layout, factor);
  grow(figure.data, factor);
  for (const { marker } of figure.data) if (typeof marker?.size === "number") marker.size *= Math.sqrt(factor);
  const { l = 64, r = 16, t = 12, b = 56 } = layout.margin ?? {};
  layout.margin = { l: l * factor, r: r * factor, t: t * factor, b: b * factor };
  return { data: figure.data, layout: { ...layout, width, height, autosize: false } };
};
