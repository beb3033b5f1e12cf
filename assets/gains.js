// Explore's second question: what the teacher bought, by method and over a grid. Asked apart, so that a budget slider never waits for it.
(() => {
  "use strict";
  const { kdui } = window;
  const { draw, set, poll, escape, save, picture } = kdui.live;
  const CHARTS = ["gains", "grid"];

  const mount = (root, server) => {
    const part = (id) => root.querySelector(`#${id}`);
    const [pair, quantity] = [part("gains-pair"), part("grid-quantity")];
    const view = { task: "", turn: 0, figures: {} };

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
    const show = (name, { figure = "", title, subtitle, height, note = "" }) => {
      const chart = part(`${name}-chart`);
      part(`${name}-title`).textContent = title;
      part(`${name}-subtitle`).textContent = subtitle ?? "";
      set(part(`${name}-note`), note);
      for (const each of root.querySelectorAll(`#${name} [data-save]`)) each.hidden = !figure;
      part(`${name}-note`).hidden = !note;
      chart.hidden = !figure;
      if (name === "grid") quantity.closest(".field").hidden = !figure;
      if (!figure || figure === view.figures[name]) { view.figures[name] = figure; return; }
      view.figures[name] = figure;
      chart.style.height = `${height}px`;
      const narrow = chart.clientWidth < 480;
      draw(chart, figure, (drawn) => {
        delete drawn.layout.title; // stands above the chart as text
        drawn.layout.margin = { ...drawn.layout.margin, l: narrow ? 40 : 64, r: 8 };
        if (narrow) {
          delete drawn.layout.yaxis.title;
          for (const trace of drawn.data) if (trace.type === "heatmap") trace.showscale = false;
          drawn.layout.legend = { ...drawn.layout.legend, orientation: "v" };
        }
        return drawn;
      }).then(() => {
        if (chart.clicks) return;
        chart.clicks = true;
        chart.on("plotly_click", ({ points }) => {
          const [run] = [points[0]?.customdata].flat();
          if (run) kdui.open({ tab: "runs", run });
        });
      });
    };

    for (const select of [pair, quantity]) select.addEventListener("change", ask);
    root.addEventListener("click", async (event) => {
      const button = event.target.closest("[data-save][data-of]");
      if (!button || !CHARTS.includes(button.dataset.of)) return;
      const { save: kind, of: name } = button.dataset;
      if (kind !== "csv") return picture(view.figures[name], kind, `kdui-${view.task}-${name}`);
      const answer = await server.explore_gains_csv({ task: view.task, pair: pair.value, of: name });
      if (answer.csv) save(answer.name, "text/csv", answer.csv);
    });
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
