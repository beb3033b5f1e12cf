// Controls that say what they change: `data-change` holds the change, the control adds its value.

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */
/** @typedef {string | number | boolean | null} Value */

/** @param {EventTarget | null} element @returns {element is Control} */
export const isControl = (element) =>
  element instanceof HTMLInputElement || element instanceof HTMLSelectElement || element instanceof HTMLTextAreaElement;

/** What a control holds; a text that is no number is sent as such, and the server refuses it in words. @param {Control} control @returns {Value} */
export const valueOf = (control) => {
  if (!(control instanceof HTMLInputElement)) return control.value;
  if (control.type === "checkbox") return control.checked;
  if (control.type !== "number") return control.value;
  return control.value === "" ? (control.validity.badInput ? "?" : "") : control.valueAsNumber;
};

/** @param {HTMLElement} element @param {Value} value */
export const show = (element, value) => {
  if (element instanceof HTMLInputElement && element.type === "checkbox") element.checked = Boolean(value);
  else if (isControl(element)) element.value = String(value ?? "");
  else element.textContent = String(value ?? "");
};

/** The slider beside a number. @param {HTMLElement} control */
export const slider = (control) => {
  const found = control.parentElement?.parentElement?.querySelector(`[data-follows="${CSS.escape(control.id)}"]`);
  return found instanceof HTMLInputElement ? found : null;
};

/** A number beside a slider stays within it: more is cut at once, less when it is left. @param {Control} control @param {boolean} left */
export const bound = (control, left) => {
  if (!(control instanceof HTMLInputElement) || control.type !== "number" || !slider(control) || control.value === "") return;
  if (Number(control.value) > Number(control.max)) control.value = control.max;
  if (left && Number(control.value) < Number(control.min)) control.value = control.min;
};

/** An arrow key changes a learning rate by a tenth, not by one. @param {KeyboardEvent} event */
export const arrow = (event) => {
  const control = event.target, up = event.key === "ArrowUp";
  if (!(control instanceof HTMLInputElement) || (!up && event.key !== "ArrowDown")) return;
  const step = Number(control.dataset.arrow);
  if (!step) return;
  event.preventDefault();
  control.value = String(Number((Number(control.value || 0) + (up ? step : -step)).toPrecision(12)));
  control.dispatchEvent(new Event("input", { bubbles: true }));
};
