// Controls that say what they change: `data-change` holds the change, the control adds its value.

/** What a control holds; a text that is no number is sent as such, and the server refuses it in words. @param {any} control */
export const valueOf = (control) => {
  if (control.type === "checkbox") return control.checked;
  if (control.type !== "number") return control.value;
  return control.value === "" ? (control.validity.badInput ? "?" : "") : control.valueAsNumber;
};

/** @param {any} control @param {any} value */
export const show = (control, value) => {
  if (!control.matches("input, select, textarea")) control.textContent = value ?? "";
  else if (control.type === "checkbox") control.checked = Boolean(value);
  else control.value = value ?? "";
};

/** The slider beside a number. @param {any} control */
export const slider = (control) => control.parentElement?.parentElement?.querySelector(`[data-follows="${CSS.escape(control.id)}"]`);

/** A number beside a slider stays within it: more is cut at once, less when it is left. @param {any} control @param {boolean} left */
export const bound = (control, left) => {
  if (control.type !== "number" || !slider(control) || control.value === "") return;
  if (Number(control.value) > Number(control.max)) control.value = control.max;
  if (left && Number(control.value) < Number(control.min)) control.value = control.min;
};

/** An arrow key changes a learning rate by a tenth, not by one. @param {KeyboardEvent} event */
export const arrow = (event) => {
  const control = /** @type {any} */ (event.target), step = Number(control.dataset?.arrow);
  const turn = { ArrowUp: step, ArrowDown: -step }[event.key];
  if (!step || !turn) return;
  event.preventDefault();
  control.value = Number((Number(control.value || 0) + turn).toPrecision(12));
  control.dispatchEvent(new Event("input", { bubbles: true }));
};
