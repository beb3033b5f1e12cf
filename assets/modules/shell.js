// What every tab shares and the page needs first: language and theme, navigation between tabs, and buttons that copy.
import { hit } from "./html.js";
import * as language from "./language.js";
import * as navigation from "./navigation.js";
import { recorded } from "./state.js";
import * as terms from "./terms.js";
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
  if (hit(event, "#language-switch")) language.turn();
});
document.addEventListener("keydown", (event) => {
  const now = hit(event, ".switches button"), step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!now || !step) return;
  const buttons = [...(now.parentElement?.querySelectorAll("button") ?? [])];
  const next = buttons[(buttons.findIndex((each) => each === now) + step + buttons.length) % buttons.length];
  for (const each of buttons) each.tabIndex = each === next ? 0 : -1;
  next.focus();
  event.preventDefault();
});
document.documentElement.classList.toggle("recorded", recorded);
navigation.watch();
theme.watch();
language.follow();
terms.watch();
