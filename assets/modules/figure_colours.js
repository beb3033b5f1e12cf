// The colours of Python's figures, which the theme's own replace, so that one figure serves light and dark. Imports nothing: it is also
// a part of exported presentations.

/** @type {Record<string, string>} */
const NAMES = { "#4F46E5": "teacher", "#0D9488": "student", "#D97706": "compressed", "#64748B": "control", "#E11D48": "over",
  "#6B7286": "mute", "#7A8196": "mute", "#1C1F2A": "ink", "rgba(120,128,150,0.20)": "line" };

/** The figure in the theme's colours. @param {string} json @param {(name: string) => string} colour @returns {Figure} */
export const recoloured = (json, colour) => {
  let text = json;
  for (const [fixed, name] of Object.entries(NAMES)) text = text.replaceAll(fixed, colour(name) || fixed);
  const figure = /** @type {Figure} */ (JSON.parse(text));
  figure.layout.hoverlabel = { ...figure.layout.hoverlabel, bgcolor: colour("card"), bordercolor: colour("line"),
    font: { ...figure.layout.hoverlabel?.font, color: colour("ink") } };
  return figure;
};
