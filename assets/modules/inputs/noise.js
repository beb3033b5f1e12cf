// Noise as an input: a seed and a step along each of two directions, as one text such as "7, 1.5, -2".
import { hit, parts } from "../html.js";
import { later } from "../polling.js";

/** @param {HTMLElement} root @param {import("../compare.js").Host} host @returns {import("../compare.js").Widget} */
export const mount = (root, host) => {
  const part = parts(root), seed = part("noise-seed", HTMLInputElement);
  const sliders = ["first", "second"].map((name) => ({ slider: part(`noise-${name}`, HTMLInputElement), value: part(`noise-${name}-value`) }));
  const words = () => {
    const steps = sliders.map(({ slider }) => Number(slider.value));
    return [seed.value, ...(steps.some(Boolean) ? steps : [])].join(", ");
  };
  const draw = () => { for (const { slider, value } of sliders) value.textContent = slider.value; };
  const soon = later(120, () => host.say(words()));

  for (const { slider } of sliders) slider.addEventListener("input", () => { draw(); soon(); });
  seed.addEventListener("change", () => host.say(words()));
  root.addEventListener("click", (event) => {
    if (hit(event, "#noise-next")) seed.value = String(Math.max(0, Math.trunc(Number(seed.value) || 0)) + 1);
    else if (!hit(event, "#noise-go")) return;
    host.say(words());
  });
  /** Another noise, without an answer to it. @param {string} text */
  const show = (text) => {
    const [first = "0", ...steps] = text.split(",").map((each) => each.trim());
    seed.value = first;
    sliders.forEach(({ slider }, place) => { slider.value = steps[place] ?? "0"; });
    draw();
  };
  return {
    clear: () => show("0"),
    pick: ({ text = "0", truth }) => {
      show(text);
      host.say(text, truth);
    },
    begin: (shared) => {
      if (!shared) return;
      show(shared);
      host.say(shared);
    },
  };
};
