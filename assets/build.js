// Build's choices, its address, and the way from a problem to the field that it is about.
(() => {
  "use strict";
  const { kdui } = window;
  if (kdui.build) return;
  const handled = {}; // role -> what was chosen there last, and beside what; a model that is refused is not asked for again
  let link = "";
  let clicked = false; // an option of Start from: the recipe that stands there, chosen again, is the way back to it

  const changed = (role, value, shown) => {
    if (role === "yaml") return true;
    if (role === "recipe") return Boolean(value) && `recipe=${value}` !== link;
    if (role === "from") return Boolean(value) && `from=${value}` !== link && !kdui.url.get("recipe");
    if (role === "task-address") {
      const elsewhere = (kdui.url.get("tab") ?? "build") !== "build"; // Explore and Compare have their task in the address, too
      return Boolean(value) && !elsewhere && !kdui.url.get("recipe") && !kdui.url.get("from") && value !== shown.task;
    }
    return (value ?? "") !== (shown[role] ?? "");
  };

  kdui.build = {
    /** What a picker holds is a choice where it differs from what is shown: lists send their value whenever they are left. */
    pick(role, value, at) {
      const again = handled[role]?.value === value && handled[role].at === at;
      const back = role === "start" && clicked && Boolean(value);
      if (role === "start") clicked = false;
      if (!back && (!changed(role, value, JSON.parse(at)) || (again && role !== "yaml"))) return;
      handled[role] = { value, at };
      this.choose(role, value);
    },
    choose(role, value) {
      const field = document.querySelector("#build-choice :is(textarea, input)");
      if (!field) return;
      field.value = JSON.stringify({ role, value: value ?? "", at: performance.now() }); // the time makes the same choice a new one
      field.dispatchEvent(new Event("input", { bubbles: true }));
    },
    /** The recipe goes into the address: `from=NAME`, or `recipe=…` once it is edited. */
    address(fresh) {
      if (!fresh) return;
      link = fresh;
      const at = fresh.indexOf("=");
      const tab = kdui.url.get("tab") ?? "build";
      kdui.url.set({ from: "", recipe: "", ...(tab === "build" ? { task: "" } : {}), [fresh.slice(0, at)]: fresh.slice(at + 1) });
      if (!fresh.startsWith("from=")) kdui.setField("from", "");
    },
  };

  document.addEventListener("mousedown", (event) => {
    clicked = Boolean(event.target.closest?.("#build-start [role=option], #build-start li"));
  }, true);
  document.addEventListener("click", (event) => {
    const undo = event.target.closest?.("[data-undo]");
    if (undo) kdui.build.choose("recipe", undo.dataset.undo);
    const way = event.target.closest?.("[data-field]");
    if (!way) return;
    event.preventDefault();
    const field = document.getElementById(way.dataset.field);
    const fold = field?.closest(".more")?.querySelector(":scope > .label-wrap:not(.open)");
    fold?.click();
    field?.scrollIntoView({ block: "center", behavior: "smooth" });
    field?.querySelector("input, textarea, select")?.focus({ preventScroll: true });
  });
  // The field that the shown problem is about carries its mark; one mark at the most.
  const mark = () => {
    const place = document.querySelector("#build-cost [data-field]")?.dataset.field;
    for (const field of document.querySelectorAll(".wrong-field")) if (field.id !== place) {
      field.classList.remove("wrong-field");
      field.querySelector("input, textarea, select")?.removeAttribute("aria-invalid");
    }
    const field = place && document.getElementById(place);
    field?.classList.add("wrong-field");
    field?.querySelector("input, textarea, select")?.setAttribute("aria-invalid", "true");
  };
  const watch = () => {
    const cost = document.querySelector("#build-cost");
    if (!cost) return false;
    new MutationObserver(mark).observe(cost, { subtree: true, childList: true });
    mark();
    return true;
  };
  if (!watch()) requestAnimationFrame(function again() { if (!watch()) requestAnimationFrame(again); });
})();
