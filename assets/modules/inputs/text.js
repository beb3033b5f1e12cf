// A text as an input: typed or picked.
import { hit, parts } from "../html.js";
import { later } from "../polling.js";

/** @param {HTMLElement} root @param {import("../compare.js").Host} host @returns {import("../compare.js").Widget} */
export const mount = (root, host) => {
  const field = parts(root)("compare-text", HTMLTextAreaElement);
  let early = field.value; // somebody may have typed before this script was there
  field.addEventListener("input", later(500, () => { if (!host.writes()) host.say(field.value); })); // to write takes long: it is asked for
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); host.say(field.value); }
  });
  root.addEventListener("click", (event) => { if (hit(event, "#compare-go")) host.say(field.value); });
  return {
    clear: () => { field.value = ""; },
    pick: ({ text = "", truth }) => {
      field.value = text;
      host.say(text, truth);
    },
    begin: (shared) => {
      const words = early || shared;
      early = "";
      if (!words) return;
      field.value = words;
      host.say(words);
    },
  };
};
