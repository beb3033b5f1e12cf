// Explore's question about layers: a heat map of what each one costs when it is changed by itself. Asked apart from the rest.
(() => {
  "use strict";
  const { kdui } = window;
  const { set, poll, escape, titled, savable } = kdui.live;
  const NARROW = 560; // px of the chart

  const mount = (root, server) => {
    const part = (id) => root.querySelector(`#layers-${id}`);
    const selects = Object.fromEntries(["model", "method", "quantity"].map((name) => [name, part(name)]));
    const view = { task: "", turn: 0 };
    const wish = () => ({ task: view.task, ...Object.fromEntries(Object.entries(selects).map(([name, select]) => [name, select.value])) });

    const ask = async () => {
      const turn = (view.turn += 1);
      const answer = await server.explore_layers(wish());
      if (turn !== view.turn) return; // a newer question is on its way
      set(part("message"), answer.error ? `<div class="fail" role="alert">${escape(answer.error)}</div>` : "");
      if (answer.error) return;
      for (const name of ["model", "method"]) {
        set(selects[name], answer[`${name}s`] ?? "");
        selects[name].value = answer[name] ?? "";
      }
      for (const select of Object.values(selects)) select.closest(".field").hidden = !answer.layers.figure;
      titled(root, "layers", answer.layers, fit);
    };
    const fit = (figure, width) => {
      if (width >= NARROW) return;
      delete figure.layout.yaxis.title;
      figure.layout.xaxis.title.text = figure.layout.xaxis.title.text.replace(/ \(.*\)$/, "");
      for (const trace of figure.data) trace.showscale = false;
    };

    for (const select of Object.values(selects)) select.addEventListener("change", ask);
    savable(root, ["layers"], () => `kdui-${view.task}-layers`, () => server.explore_layers_csv(wish()));
    poll("explore", 30, () => view.task && ask());
    return {
      choose(task) {
        if (task === view.task) return;
        view.task = task;
        selects.model.value = "";
        if (kdui.tab() === "explore") ask();
      },
    };
  };
  kdui.layers = { mount };
})();
