// Build's fields of a student's options: drawn from the component's value, which holds what a person typed.
(() => {
  "use strict";
  if (window.kdui.options) return;
  const make = (tag, facts = {}, ...inside) => {
    const element = Object.assign(document.createElement(tag), facts);
    element.append(...inside);
    return element;
  };
  const number = (value) => value.toLocaleString("en");

  /** What is wrong with a typed number; nothing where it may stand. */
  const refusal = ({ kind, whole, low, high }, input) => {
    if (!["integer", "decimal", "slider"].includes(kind)) return "";
    const value = input.valueAsNumber;
    if (input.value === "" && !input.validity.badInput) return ""; // empty: the model's own
    if (!Number.isNaN(value) && (low === null || value >= low) && (high === null || value <= high)
      && (!whole || Number.isInteger(value))) return "";
    return `Write a ${whole ? "whole " : ""}number from ${number(low)} to ${number(high)}.`;
  };

  const control = (field, id) => {
    if (field.kind === "choice") {
      const list = make("select", { id }, ...field.choices.map((choice) => make("option", { value: choice, textContent: choice })));
      list.value = field.value;
      return list;
    }
    if (field.kind === "switch") return make("input", { id, type: "checkbox", checked: field.value });
    if (field.kind === "text") return make("input", { id, type: "text", value: field.value });
    const input = make("input", { id, type: "number", step: field.whole ? 1 : "any", value: field.value });
    if (field.low !== null) input.min = field.low;
    if (field.high !== null) input.max = field.high;
    return input;
  };
  const typed = (field, input) => {
    if (field.kind === "switch") return input.checked;
    if (input.type !== "number") return input.value;
    // What is no number is sent as it is not: the server refuses it, too.
    return input.value === "" ? (input.validity.badInput ? "?" : "") : input.valueAsNumber;
  };

  const row = (field, send) => {
    const id = `option-${field.name}`;
    const input = control(field, id);
    const wrong = make("p", { id: `${id}-wrong`, className: "wrong", hidden: true });
    wrong.setAttribute("role", "alert");
    input.setAttribute("aria-describedby", `${id}-help ${id}-wrong`);
    const check = () => {
      wrong.textContent = refusal(field, input);
      wrong.hidden = !wrong.textContent;
      input.setAttribute("aria-invalid", String(!wrong.hidden));
    };
    input.addEventListener("input", () => { check(); send(field.name, typed(field, input)); });
    check();
    return make("div", { className: "option" },
      make("label", { htmlFor: id, textContent: field.title }), input,
      make("p", { id: `${id}-help`, className: "help", textContent: field.help }), wrong);
  };

  const differs = (field) => field.value !== "" && field.value !== field.own;
  const summary = (fields) => {
    const turned = fields.filter(differs).map((field) => `${field.title.toLowerCase()} ${field.value}`);
    return turned.length ? `Options: ${turned.join(", ")}` : "Options";
  };

  window.kdui.options = {
    mount(element, props, trigger, watch) {
      const place = element.querySelector(".model-options");
      let shown = "";
      const send = (name, value) => {
        const fields = props.value.fields.map((field) => (field.name === name ? { ...field, value } : field));
        const fresh = { ...props.value, fields };
        shown = JSON.stringify(fresh); // what a person types in is not drawn anew under their hands
        place.querySelector("summary").textContent = summary(fields);
        props.value = fresh;
        trigger("input");
      };
      const draw = () => {
        const value = props.value ?? {};
        if (JSON.stringify(value) === shown) return;
        const open = place.querySelector("details")?.open;
        shown = JSON.stringify(value);
        const fields = value.fields ?? [];
        place.replaceChildren();
        if (!fields.length) return;
        const fold = make("details", { open: open || fields.some(differs) }, make("summary", { textContent: summary(fields) }));
        fold.append(...fields.map((field) => row(field, send)));
        place.append(fold);
      };
      watch("value", draw);
      draw();
    },
  };
})();
