// The theme: auto follows the system, the choice is remembered. Colours are read from the stylesheet, so that charts follow it.

const system = matchMedia("(prefers-color-scheme: dark)");
const MODES = {
  auto: { next: "light", face: ["◐", "Auto"] },
  light: { next: "dark", face: ["☀", "Light"] },
  dark: { next: "auto", face: ["☾", "Dark"] },
};

/** @typedef {keyof typeof MODES} Mode */
/** @param {string | null} name */
const known = (name) => /** @type {Mode} */ (name !== null && name in MODES ? name : "auto");
let mode = known(localStorage.getItem("kdui-theme"));

/** @type {Set<() => void>} */
const followers = new Set();

/** Calls `follow` whenever light becomes dark or dark light. @param {() => void} follow */
export const onTheme = (follow) => { followers.add(follow); };

/** A colour of the stylesheet by its name, as it is in this theme. @param {string} name */
export const colour = (name) => getComputedStyle(document.body).getPropertyValue(`--k-${name}`).trim();

/** Shows the chosen theme, and on its button which one that is. */
export const apply = () => {
  const dark = mode === "dark" || (mode === "auto" && system.matches), changed = document.body.classList.contains("dark") !== dark;
  if (changed) document.body.classList.toggle("dark", dark);
  const button = document.querySelector("#theme-switch");
  if (button instanceof HTMLElement && button.dataset.mode !== mode) {
    const { next, face } = MODES[mode];
    button.dataset.mode = mode;
    button.querySelectorAll("span").forEach((span, i) => { span.textContent = face[i]; });
    button.setAttribute("aria-label", `Theme: ${mode}. Switch to ${next}.`);
  }
  if (changed) followers.forEach((follow) => follow());
};

export const turn = () => {
  mode = known(MODES[mode].next);
  localStorage.setItem("kdui-theme", mode);
  apply();
};

export const watch = () => {
  system.addEventListener("change", apply);
  // Gradio sets the class by the system's preference when it mounts; the person's choice wins.
  new MutationObserver(apply).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  apply();
};
