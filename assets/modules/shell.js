// What every tab shares and the page needs first: the theme, navigation between tabs, and buttons that copy.
import { hit } from "./html.js";
import * as navigation from "./navigation.js";
import * as theme from "./theme.js";

/** @param {HTMLElement} button */
const copy = async (button) => {
  const source = document.querySelector(button.dataset.copy ?? "");
  const text = source instanceof HTMLTextAreaElement || source instanceof HTMLInputElement ? source.value : source?.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy"); // pages served over plain http to another machine have no clipboard API
    area.remove();
  }
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1200);
};

document.addEventListener("click", (event) => {
  const button = hit(event, "[data-copy]");
  if (button) copy(button);
  if (hit(event, "#theme-switch")) theme.turn();
});
navigation.watch();
theme.watch();
