// Explore's question about layers: a heat map of what each one costs when it is changed by itself. Asked apart from the rest.
(() => {
  "use strict";
  const { kdui } = window;
  const { draw, set, poll, escape, save, picture } = kdui.live;

  const mount = (root, server) => {
    const part = (id) => root.querySelector(`#layers-${id}`);
    const selects = Object.fromEntries(["model", "method", "quantity"].map((name) => [name, part(name)]));
    const view = { task: "", turn: 0, figure: "" };
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
      show(answer.layers);
    };
    const show = ({ figure = "", title, subtitle, height, note = "" }) => {
      const chart = part("chart");
      part("title").textContent = title;
      part("subtitle").textContent = subtitle ?? "";
      set(part("note"), note);
      part("note").hidden = !note;
      for (const each of [...Object.values(selects).map((select) => select.closest(".field")), ...root.querySelectorAll("#layers [data-save]")]) each.hidden = !figure;
      chart.hidden = !figure;
      if (!figure || figure === view.figure) { view.figure = figure; return; }
      view.figure = figure;
      chart.style.height = `${height}px`;
      const narrow = chart.clientWidth < 560;
      draw(chart, figure, (drawn) => {
        delete drawn.layout.title; // stands above the chart as text
        if (narrow) {
          delete drawn.layout.yaxis.title;
          for (const trace of drawn.data) trace.showscale = false;
        }
        return drawn;
      });
    };

    for (const select of Object.values(selects)) select.addEventListener("change", ask);
    root.addEventListener("click", async (event) => {
      const kind = event.target.closest("[data-save][data-of=layers]")?.dataset.save;
      if (!kind) return;
      if (kind !== "csv") { picture(view.figure, kind, `kdui-${view.task}-layers`); return; }
      const answer = await server.explore_layers_csv(wish());
      if (answer.csv) save(answer.name, "text/csv", answer.csv);
    });
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
