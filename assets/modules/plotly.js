// Plotly, fetched when the first chart is drawn, and the look that all charts share.
import { worded } from "./figure_words.js";
import { colour, onTheme } from "./theme.js";

/** @type {Promise<Plotly> | undefined} */
let loading;

/** The library: a script of its own, beside the modules under the same version. */
export const plotly = () => (loading ??= new Promise((resolve, reject) => {
  const [, version] = import.meta.url.split("/").reverse();
  const script = Object.assign(document.createElement("script"), { src: new URL(`../../plotly.min.js?v=${version}`, import.meta.url).href });
  script.onload = () => {
    // Under Gradio's <base href="./">, which changes no path here, Plotly writes the page's whole address into each chart's references
    // to its own patterns and clip paths: they would come to nothing, and patterned bars vanish, as soon as the address changes.
    document.querySelector("base")?.removeAttribute("href");
    resolve(window.Plotly);
  };
  script.onerror = () => {
    loading = undefined; // the next chart tries again
    reject(new Error("plotly.min.js could not be loaded"));
  };
  document.head.append(script);
}));

/** @type {boolean | undefined} */
let byWebgl;
/** Whether charts can be drawn by WebGL. Looked at when the first one wants it: a context costs a second where no GPU is. */
export const webgl = () => {
  try {
    return (byWebgl ??= Boolean(document.createElement("canvas").getContext("webgl")));
  } catch {
    return (byWebgl = false);
  }
};

export const CONFIG = { displayModeBar: false, responsive: true };

/** A layout in the theme's colours. @param {Layout} extra @returns {Layout} */
export const layout = ({ xaxis = {}, yaxis = {}, ...rest } = {}) => {
  const line = colour("line"), grid = { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: false };
  return {
    margin: { l: 44, r: 10, t: 8, b: 30 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
    font: { family: getComputedStyle(document.body).fontFamily, size: 14, color: colour("mute") },
    hoverlabel: { bgcolor: colour("card"), bordercolor: line, font: { color: colour("ink"), size: 14 } },
    ...rest, xaxis: { ...grid, ...xaxis }, yaxis: { ...grid, ...yaxis },
  };
};

// Shown again after its tab or step was hidden, or its column changed width.
const sized = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const chart = /** @type {Chart} */ (target);
    if (chart.data && chart.offsetWidth) window.Plotly.Plots.resize(chart);
  }
});
/** Keeps a chart as wide as its place. @param {Element} element */
export const follow = (element) => sized.observe(element);
/** @param {Element} element */
export const leave = (element) => sized.unobserve(element);

/** One persistent chart: draws what `figure` gives, now, when it is called and whenever the theme changes. @param {Chart} element @param {() => Figure} figure */
export const chart = (element, figure) => {
  const draw = async () => {
    const library = await plotly();
    if (!element.isConnected) return;
    const { data, layout: shown, config } = worded(figure());
    await library.react(element, data, shown, { ...CONFIG, ...config });
  };
  onTheme(draw);
  follow(element);
  draw();
  return draw;
};
