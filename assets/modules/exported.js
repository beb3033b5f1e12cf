// The exported file's own script: turns its slides, draws its charts when they are seen, changes its theme and prints.
import { deck, enlarged, full } from "./deck.js";
import { recoloured } from "./figure_colours.js";

const place = /** @type {HTMLElement} */ (document.querySelector("#deck"));
/** Slide -> its figure as JSON. @type {Record<string, string>} */
const figures = JSON.parse(document.querySelector("#figures")?.textContent ?? "{}");
/** @param {string} name */
const own = (name) => getComputedStyle(document.body).getPropertyValue(`--k-${name}`).trim();

/** @param {HTMLElement} slide */
const drawn = async (slide) => {
  const chart = /** @type {Chart | null} */ (slide.querySelector("[data-figure]"));
  if (!chart) return;
  const { data, layout } = enlarged(recoloured(figures[chart.dataset.figure ?? ""], own), chart);
  for (const trace of data) if (trace.type === "scattergl") trace.type = "scatter"; // WebGL would need scripts that are made on the way
  await window.Plotly.react(chart, data, layout, { displayModeBar: false });
};

const turn = deck(place, drawn, { t: () => theme(), p: () => print() });
const again = () => { if (turn.at() >= 0) drawn(turn.slides[turn.at()]); };
/** @param {boolean} [dark] */
const theme = (dark = !document.body.classList.contains("dark")) => {
  document.body.classList.toggle("dark", dark);
  again();
};
let dark = false; // before it was printed
/** Every slide on a page of its own, in light colours, also where the browser's own menu prints. */
const onPaper = async () => {
  if (place.classList.contains("printing")) return;
  dark = document.body.classList.contains("dark");
  document.body.classList.remove("dark");
  place.classList.add("printing");
  await Promise.all(turn.slides.map(drawn));
};
const print = async () => {
  await onPaper();
  window.print();
};
window.addEventListener("beforeprint", onPaper);
window.addEventListener("afterprint", () => {
  place.classList.remove("printing");
  theme(dark);
});

/** @type {Record<string, () => void>} */
const works = { back: turn.back, next: turn.next, full: () => full(place), theme: () => theme(), print };
place.addEventListener("click", ({ target }) => {
  const button = target instanceof Element ? target.closest("[data-do]") : null;
  if (button instanceof HTMLElement) works[button.dataset.do ?? ""]?.();
});
window.addEventListener("resize", again);
theme(matchMedia("(prefers-color-scheme: dark)").matches);
turn.show(0);
place.focus();
