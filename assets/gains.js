// Explore's second question: the gain from distillation, by method and over a grid. Asked apart, so that a budget slider never waits for it.
(() => {
  "use strict";
  const { kdui } = window;
  const { set, poll, escape, titled, savable } = kdui.live;
  const NARROW = 480; // px of a chart
  const CHARTS = ["gains", "grid"];

  const mount = (root, server) => {
    const part = (id) => root.querySelector(`#${id}`);
    const [pair, quantity] = [part("gains-pair"), part("grid-quantity")];
    const view = { task: "", turn: 0 };

    const ask = async () => {
      const turn = (view.turn += 1);
      const answer = await server.explore_gains({ task: view.task, pair: pair.value, quantity: quantity.value });
      if (turn !== view.turn) return; // a newer question is on its way
      set(part("gains-message"), answer.error ? `<div class="fail" role="alert">${escape(answer.error)}</div>` : "");
      if (answer.error) return;
      set(pair, answer.pairs);
      pair.value = answer.pair;
      pair.closest(".field").hidden = !answer.pairs;
      for (const name of CHARTS) show(name, answer[name]);
    };
    const fit = (figure, width) => {
      figure.layout.margin = { ...figure.layout.margin, l: width < NARROW ? 40 : 64, r: 8 };
      if (width >= NARROW) return;
      delete figure.layout.yaxis.title;
      for (const trace of figure.data) if (trace.type === "heatmap") trace.showscale = false;
      figure.layout.legend = { ...figure.layout.legend, orientation: "v" };
    };
    const show = async (name, answer) => {
      const chart = part(`${name}-chart`);
      if (name === "grid") quantity.closest(".field").hidden = !answer.figure;
      await titled(root, name, answer, fit);
      if (chart.clicks || !answer.figure) return;
      chart.clicks = true;
      chart.on("plotly_click", ({ points }) => {
        const [run] = [points[0]?.customdata].flat();
        if (run) kdui.open({ tab: "runs", run });
      });
    };

    for (const select of [pair, quantity]) select.addEventListener("change", ask);
    savable(root, CHARTS, (name) => `kdui-${view.task}-${name}`,
      (name) => server.explore_gains_csv({ task: view.task, pair: pair.value, of: name }));
    poll("explore", 15, () => view.task && ask());
    return {
      choose(task) {
        if (task === view.task) return;
        view.task = task;
        pair.value = "";
        if (kdui.tab() === "explore") ask();
      },
    };
  };
  kdui.gains = { mount };
})();
