// Build's list of ways to learn from a teacher: what is said of a method stands in its option, so a choice is shown at once.
(() => {
  "use strict";
  if (window.kdui.chooser) return;
  const UNFIT = " · not as it stands";
  let root = null, state = null;
  const list = () => root.querySelector("select");

  const say = () => {
    const { picture, flow, ...words } = list().selectedOptions[0].dataset;
    for (const [key, text] of Object.entries(words)) {
      const place = root.querySelector(`[data-say="${key}"]`);
      if (!place) continue;
      place.textContent = text;
      place.hidden = !text;
    }
    for (const drawing of root.querySelectorAll("svg.diagram")) {
      drawing.toggleAttribute("hidden", drawing.dataset.picture !== picture);
      drawing.querySelector(".flow").textContent = flow;
      drawing.querySelector("title").textContent = `What is passed on: ${flow}`;
    }
  };
  const pick = () => {
    say();
    kdui.load("build.js").then(() => kdui.build.choose("method", list().value));
  };

  window.kdui.chooser = {
    mount(element) {
      root = element.querySelector(".chooser");
      list().addEventListener("change", pick);
      if (state) this.show(state);
    },
    /** What the form shows by now: its method, and why others do not suit these models. */
    show(fresh) {
      if (!fresh?.method) return;
      state = fresh;
      if (!root) return;
      for (const option of list().options) {
        option.dataset.reason = fresh.unfit?.[option.value] ?? "";
        option.textContent = option.dataset.title + (option.dataset.reason ? UNFIT : "");
      }
      list().value = fresh.method;
      say();
    },
  };
})();
