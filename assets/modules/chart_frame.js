// The frame of a chart, as kdui/ui/chart_frame.py makes it: its title, what it says, and a menu that saves it.
import { draw, shownFigure } from "./figures.js";
import { hit, parts, set } from "./html.js";
import { colour } from "./theme.js";

/** @typedef {{figure?: string, title: string, subtitle?: string, height?: number, note?: string, text?: string}} Told a chart as the server sends it */
/** @typedef {{name: string, csv: string}} Table */

/** The figure that each chart shows. @type {WeakMap<Element, string>} */
const shown = new WeakMap();

/**
 * Shows `told` in the frame #ID of `root`. A figure that is shown already is not drawn again; `adjust(figure, width)` fits a new one to the
 * page. Resolves once it is drawn.
 * @param {ParentNode} root @param {string} id @param {Told} told @param {(figure: Figure, width: number) => void} [adjust]
 */
export const titled = async (root, id, { figure = "", title, subtitle, height, note = "" }, adjust = () => {}) => {
  const part = parts(root), chart = /** @type {Chart} */ (part(`${id}-chart`));
  part(`${id}-title`).textContent = title;
  part(`${id}-subtitle`).textContent = subtitle ?? "";
  set(part(`${id}-note`), note);
  part(`${id}-note`).hidden = !note;
  root.querySelectorAll(`#${id} .menu, [data-pin="${id}"]`).forEach((menu) => menu.toggleAttribute("hidden", !figure));
  chart.hidden = !figure;
  if (figure && chart.closest("details:not([open])")) return; // Plotly needs a size: whoever unfolds it asks again
  const known = shown.get(chart) === figure;
  shown.set(chart, figure);
  if (!figure || known) return;
  chart.style.height = `${height}px`;
  const width = chart.clientWidth;
  await draw(chart, figure, (drawn) => {
    delete drawn.layout.title; // stands above the chart as text
    adjust(drawn, width);
    return drawn;
  });
};

/** A point that was clicked opens the run it stands for. @param {Chart} chart @param {(run: string) => void} open */
export const clicked = (chart, open) => chart.on?.("plotly_click", ({ points }) => {
  const [run] = [points[0]?.customdata].flat();
  if (typeof run === "string" && run) open(run);
});

// --- saving ------------------------------------------------------------------------------------------------------------------

/** @param {Table} table */
export const saveTable = ({ name, csv }) => {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob([csv], { type: "text/csv" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

/** A picture must speak for itself: with its title, on the card's own colour. @param {string} json @param {string} kind @param {string} name */
export const savePicture = (json, kind, name) => {
  const { data, layout } = shownFigure(json), size = { width: 1200, height: 700 };
  layout.title = { ...layout.title, x: 0.02, xanchor: "left", y: 0.97, yanchor: "top", font: { size: 20, color: colour("ink") },
    subtitle: { ...layout.title.subtitle, font: { size: 14, color: colour("mute") } } };
  layout.margin = { ...layout.margin, t: 124 };
  layout.paper_bgcolor = colour("card");
  return window.Plotly.downloadImage({ data, layout: { ...layout, ...size }, config: {} },
    { format: kind, ...size, scale: kind === "png" ? 2 : 1, filename: name });
};

/**
 * The buttons of the frames `ids`: a picture of what is shown, or the table that `table(id)` asks the server for.
 * @param {HTMLElement} root @param {string[]} ids @param {(id: string) => string} name
 * @param {(id: string) => Promise<Partial<Table>>} table
 */
export const savable = (root, ids, name, table) => root.addEventListener("click", async (event) => {
  const { save: kind, of: id } = hit(event, "[data-save][data-of]")?.dataset ?? {};
  if (!kind || !id || !ids.includes(id)) return;
  if (kind !== "csv") { savePicture(shown.get(parts(root)(`${id}-chart`)) ?? "", kind, name(id)); return; }
  const { name: file, csv } = await table(id);
  if (file && csv) saveTable({ name: file, csv });
});

// Menus close once something was picked, on Escape, and when somebody turns to something else.
/** @param {HTMLDetailsElement} menu */
const shut = (menu) => {
  const focused = menu.contains(document.activeElement);
  menu.open = false;
  if (focused) menu.querySelector("summary")?.focus();
};
const open = () => /** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("details.menu[open]"));
document.addEventListener("click", (event) => {
  for (const menu of open()) if (hit(event, "details.menu") !== menu || hit(event, "[data-save]")) shut(menu);
});
document.addEventListener("keydown", ({ key }) => { if (key === "Escape") for (const menu of open()) shut(menu); });
