// The glossary outside of lessons: each term is marked where it first stands on a tab, by the browser's highlights, so the page's
// elements stay as they are and Tab has no more stops. What it means shows under a resting pointer, on a tap, and at a control by the key ?.
import { language } from "./language.js";
import { later } from "./polling.js";

/** @typedef {{name: string, words: string}} Term */
/** @typedef {{term: Term, range: Range}} Mark */

// Looking through the whole page takes 20 ms: it waits until nothing has changed for a while.
const HIGHLIGHT = "kdui-terms", STILL_MS = 600, REST_MS = 150, GAP = 8, EDGE = 12, HEADER = 100; // px
const SILENT = "a, button, code, pre, script, style, textarea, select, svg, .js-plotly-plot, [translate=no], [contenteditable], #tab-learn, #kdui-header, .term-tip";
const TYPED = "input:is(:not([type]), [type=text], [type=search], [type=url], [type=email], [type=password]), textarea, [contenteditable]";

/** Runs when nothing else is to be done; not every browser can tell. @param {() => void} run */
const whenIdle = (run) => ("requestIdleCallback" in window ? requestIdleCallback(run, { timeout: 2000 }) : setTimeout(run, 200));

/** The terms and the pattern that finds any of them, the longer ones first. @param {Term[]} terms */
const finder = (terms) => {
  const byName = new Map(terms.map((term) => [term.name.toLowerCase(), term]));
  const names = [...byName.keys()].sort((a, b) => b.length - a.length).map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return { byName, pattern: new RegExp(`(?<![\\p{Script=Latin}\\p{N}_-])(${names.join("|")})(?![\\p{Script=Latin}\\p{N}_-])`, "giu") };
};

/** @param {ReturnType<typeof finder>} found @returns {Mark[]} */
const firstOnes = ({ byName, pattern }) => {
  const marks = new Map(/** @type {[string, Mark][]} */ ([]));
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) => {
    if (node instanceof Text) return NodeFilter.FILTER_ACCEPT;
    const skipped = node instanceof HTMLElement && (node.matches(SILENT) || node.hidden || getComputedStyle(node).display === "none");
    return skipped ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_SKIP;
  });
  for (let node = walker.nextNode(); node && marks.size < byName.size; node = walker.nextNode()) {
    for (const match of /** @type {Text} */ (node).data.matchAll(pattern)) {
      const name = match[0].toLowerCase(), term = byName.get(name);
      if (!term || marks.has(name) || !node.parentElement?.checkVisibility()) continue;
      const range = document.createRange();
      range.setStart(node, match.index);
      range.setEnd(node, match.index + match[0].length);
      marks.set(name, { term, range });
    }
  }
  return [...marks.values()];
};

/** Marks the terms from now on, whatever the page shows. */
export const watch = async () => {
  if (!("highlights" in CSS)) return; // of an older browser: the glossary stands in Learn all the same
  await new Promise((told) => whenIdle(() => told(undefined)));
  const answer = await fetch(new URL(`glossaries/${language}.json`, import.meta.url));
  if (!answer.ok) return;
  const found = finder(/** @type {Term[]} */ (await answer.json()));
  const tip = Object.assign(document.createElement("div"), { id: "term-tip", className: "term-tip", role: "tooltip", hidden: true });
  document.body.append(tip);
  let marks = /** @type {Mark[]} */ ([]), described = /** @type {Element | null} */ (null), rest = 0;

  const hide = () => {
    described?.removeAttribute("aria-describedby");
    described = null;
    tip.hidden = true;
  };
  /** @param {Mark[]} shown @param {DOMRect} place */
  const show = (shown, place) => {
    tip.replaceChildren(...shown.map(({ term }) => {
      const line = document.createElement("p"), name = document.createElement("b");
      name.textContent = term.name;
      line.append(name, ` ${term.words}`);
      return line;
    }));
    tip.hidden = false;
    beside(place);
  };
  /** @param {DOMRect} place */
  const beside = (place) => {
    const { width, height } = tip.getBoundingClientRect(), above = place.top - height - GAP;
    tip.style.left = `${Math.min(Math.max(EDGE, place.left), window.innerWidth - width - EDGE)}px`;
    tip.style.top = `${above > HEADER ? above : place.bottom + GAP}px`;
  };
  const mark = () => {
    marks = firstOnes(found);
    CSS.highlights.set(HIGHLIGHT, new Highlight(...marks.map(({ range }) => range)));
  };
  const again = later(STILL_MS, () => whenIdle(mark));
  /** The mark at a point of the window. @param {number} x @param {number} y */
  const at = (x, y) => marks.find(({ range }) => [...range.getClientRects()].some((box) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom));
  /** @param {PointerEvent | MouseEvent} event */
  const pointed = ({ clientX, clientY, target }) => {
    if (target instanceof Node && tip.contains(target)) return; // a pointer may rest on it
    const under = at(clientX, clientY);
    if (under) show([under], under.range.getBoundingClientRect());
    else if (!described) hide();
  };
  /** Terms of the nearest part of the page around a control. @param {Element} control */
  const around = (control) => {
    for (let part = /** @type {Element | null} */ (control); part && part !== document.body; part = part.parentElement) {
      const inside = marks.filter(({ range }) => part?.contains(range.startContainer));
      if (inside.length) return inside;
    }
    return [];
  };

  document.addEventListener("pointermove", (event) => { clearTimeout(rest); rest = window.setTimeout(pointed, REST_MS, event); });
  document.addEventListener("click", pointed);
  document.addEventListener("focusin", hide);
  document.addEventListener("scroll", () => {
    if (described) beside(described.getBoundingClientRect());
    else hide();
  }, { passive: true, capture: true });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    const control = document.activeElement;
    if (event.key !== "?" || !control || control.matches(TYPED)) return;
    mark(); // what the page shows may be newer than the marks
    const shown = around(control);
    if (!shown.length) return;
    event.preventDefault();
    described = control;
    control.setAttribute("aria-describedby", tip.id);
    show(shown, control.getBoundingClientRect());
  });
  new MutationObserver((changes) => {
    if (changes.some(({ target }) => !tip.contains(target))) again();
  }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["hidden", "open", "class"] });
  again();
};
