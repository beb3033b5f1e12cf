// A term's definition beside it: on hover, on focus, on a tap; it stays under the pointer and goes with Escape (WCAG 1.4.13).
import { hit } from "./html.js";

const GAP = 8, EDGE = 12, HEADER = 100; // px

/** @param {HTMLElement} root @param {HTMLElement} tip @param {(term: string) => string | undefined} definition */
export const glossaryTips = (root, tip, definition) => {
  let shown = /** @type {HTMLElement | null} */ (null);
  const hide = () => {
    shown?.setAttribute("aria-expanded", "false");
    shown?.removeAttribute("aria-describedby");
    shown = null;
    tip.hidden = true;
  };
  const beside = () => {
    if (!shown) return;
    const place = shown.getBoundingClientRect(), { width, height } = tip.getBoundingClientRect();
    const above = place.top - height - GAP;
    tip.style.left = `${Math.min(Math.max(EDGE, place.left), window.innerWidth - width - EDGE)}px`;
    tip.style.top = `${above > HEADER ? above : place.bottom + GAP}px`;
  };
  /** @param {HTMLElement} term */
  const show = (term) => {
    const words = definition(term.dataset.term ?? "");
    if (!words || term === shown) return;
    hide();
    shown = term;
    tip.textContent = words;
    tip.hidden = false;
    term.setAttribute("aria-expanded", "true");
    term.setAttribute("aria-describedby", tip.id);
    beside();
  };
  root.addEventListener("pointerover", (event) => {
    const term = hit(event, ".term");
    if (term) show(term);
    else if (!hit(event, ".tip") && document.activeElement !== shown) hide();
  });
  root.addEventListener("focusin", (event) => { const term = hit(event, ".term"); if (term) show(term); else hide(); });
  root.addEventListener("click", (event) => { const term = hit(event, ".term"); if (term) show(term); else hide(); });
  document.addEventListener("keydown", ({ key }) => { if (key === "Escape") hide(); });
  document.addEventListener("scroll", beside, { passive: true });
};
