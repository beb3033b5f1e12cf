// Explore's look at one run: six charts asked for together, apart from the rest, so that a budget slider never waits for them.
(() => {
  "use strict";
  const { kdui } = window;
  const { draw, set, poll, escape, save, picture } = kdui.live;
  const CHARTS = ["harm", "flips", "reliability", "robustness", "sweep", "kernels"];
  // select's id -> [what is asked for, the answer's list of choices]
  const SELECTS = { "evidence-run": ["run", "runs"], "evidence-model": ["model", "models"],
    "evidence-corruption": ["corruption", "corruptions"], "evidence-by": ["by", "sweeps"] };

  const mount = (root, server) => {
    const part = (id) => root.querySelector(`#${id}`);
    const selects = Object.entries(SELECTS).map(([id, names]) => [part(id), ...names]);
    const view = { task: "", turn: 0, figures: {}, asked: {} };

    const wish = () => ({ task: view.task, ...view.asked });
    const ask = async () => {
      const turn = (view.turn += 1);
      const answer = await server.explore_evidence(wish());
      if (turn !== view.turn) return; // a newer question is on its way
      set(part("evidence-message"), answer.error ? `<div class="fail" role="alert">${escape(answer.error)}</div>` : "");
      if (answer.error) return;
      for (const [select, name, choices] of selects) {
        set(select, answer[choices]);
        select.value = answer[name];
        select.closest(".field").hidden = !answer[choices];
      }
      for (const name of CHARTS) show(name, answer[name]);
      for (const name of ["flips", "kernels"]) set(part(`${name}-text`), answer[name].text ?? "");
    };
    const show = (name, { figure = "", title, subtitle, height, note = "" }) => {
      const chart = part(`${name}-chart`);
      part(`${name}-title`).textContent = title;
      part(`${name}-subtitle`).textContent = subtitle ?? "";
      set(part(`${name}-note`), note);
      for (const each of root.querySelectorAll(`#${name} [data-save]`)) each.hidden = !figure;
      part(`${name}-note`).hidden = !note;
      chart.hidden = !figure;
      if (!figure || figure === view.figures[name]) { view.figures[name] = figure; return; }
      view.figures[name] = figure;
      chart.style.height = `${height}px`;
      const narrow = chart.clientWidth < 480;
      draw(chart, figure, (drawn) => {
        delete drawn.layout.title; // stands above the chart as text
        drawn.layout.margin = { ...drawn.layout.margin, l: narrow ? 40 : 64, r: 8 };
        if (narrow) drawn.layout.legend = { ...drawn.layout.legend, orientation: "v" };
        return drawn;
      });
    };

    for (const [select, name] of selects) {
      select.addEventListener("change", () => {
        view.asked = name === "run" ? { run: select.value } : { ...view.asked, [name]: select.value };
        ask();
      });
    }
    root.addEventListener("click", async (event) => {
      const button = event.target.closest("[data-save][data-of]");
      if (!button || !CHARTS.includes(button.dataset.of)) return;
      const { save: kind, of: name } = button.dataset;
      if (kind !== "csv") return picture(view.figures[name], kind, `kdui-${view.task}-${name}`);
      const answer = await server.explore_evidence_csv({ ...wish(), of: name });
      if (answer.csv) save(answer.name, "text/csv", answer.csv);
    });
    poll("explore", 20, () => view.task && ask());
    return {
      choose(task) {
        if (task === view.task) return;
        view.task = task;
        view.asked = {};
        if (kdui.tab() === "explore") ask();
      },
    };
  };
  kdui.evidence = { mount };
})();
