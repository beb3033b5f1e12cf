// Explore's look at one run: charts under questions that unfold, asked for together, apart from the rest, so that a budget slider never waits for them.
(() => {
  "use strict";
  const { kdui } = window;
  const { set, poll, escape, titled, savable } = kdui.live;
  const NARROW = 480; // px of a chart
  const wrapped = (label) => String(label).replace("<br>", " ").replace(/(.{10,14}?) /g, "$1<br>");

  const mount = (root, server) => {
    const part = (id) => root.querySelector(`#${id}`);
    const words = JSON.parse(part("evidence").dataset.words); // chart -> what it is called where it was not measured
    const charts = Object.keys(words);
    const selects = [...part("evidence").querySelectorAll("select[data-choice]")];
    const groups = [...root.querySelectorAll(".group")];
    const view = { task: "", turn: 0, asked: {}, answer: null, fresh: true };

    const wish = () => ({ task: view.task, ...view.asked });
    const ask = async () => {
      const turn = (view.turn += 1);
      if (turn === 1) set(part("evidence-message"), '<p class="lead" role="status">Comparing predictions on the test data…</p>');
      const answer = await server.explore_evidence(wish());
      if (turn !== view.turn) return; // a newer question is on its way
      set(part("evidence-message"), answer.error ? `<div class="fail" role="alert">${escape(answer.error)}</div>` : "");
      if (answer.error) return;
      for (const select of selects) {
        const { choice } = select.dataset;
        set(select, answer[`${choice}-options`]);
        select.value = answer[choice];
        select.closest(".field").hidden = !answer[`${choice}-options`];
      }
      view.answer = answer;
      for (const name of charts) titled(root, name, answer[name], fit);
      missing(charts.map((name) => [name, answer[name]]).filter(([, chart]) => chart.note));
      for (const name of charts) if ("text" in answer[name]) set(part(`${name}-text`), answer[name].text);
    };
    // What this run did not measure takes one line, which unfolds to what to do about it.
    const missing = (empty) => {
      for (const name of charts) part(name).hidden = empty.some(([other]) => other === name);
      for (const group of groups) group.hidden = !group.querySelector(".evidence-charts > div:not([hidden])");
      const shown = groups.filter((group) => !group.hidden);
      if (view.fresh && shown.length && !shown.some((group) => group.open)) shown[0].open = true;
      view.fresh = false;
      const fold = part("evidence-none");
      fold.hidden = !empty.length;
      fold.querySelector("summary").textContent = `Not measured in this run: ${empty.map(([name]) => words[name]).join(", ")}`;
      set(fold.querySelector("div"), empty.map(([, chart]) => `<p class="empty"><b>${escape(chart.title)}.</b> ${chart.note}</p>`).join(""));
    };
    const fit = (figure, width) => {
      figure.layout.margin = { ...figure.layout.margin, l: width < NARROW ? 40 : 64, r: 8 };
      if (width >= NARROW) return;
      figure.layout.legend = { ...figure.layout.legend, orientation: "v" };
      // Names of models beside their bars leave the bars room.
      for (const trace of figure.data) if (trace.orientation === "h") trace.y = trace.y.map(wrapped);
    };

    for (const select of selects) {
      const name = select.dataset.choice;
      select.addEventListener("change", () => {
        view.asked = name === "run" ? { run: select.value } : { ...view.asked, [name]: select.value };
        ask();
      });
    }
    // What was folded away when the answer came is drawn now that it has a size.
    for (const group of groups) {
      group.addEventListener("toggle", () => {
        if (!group.open || !view.answer) return;
        for (const name of charts) if (group.contains(part(name))) titled(root, name, view.answer[name], fit);
      });
    }
    savable(root, charts, (name) => `kdui-${view.task}-${name}`, (name) => server.explore_evidence_csv({ ...wish(), of: name }));
    poll("explore", 20, () => view.task && ask());
    return {
      choose(task) {
        if (task === view.task) return;
        view.task = task;
        Object.assign(view, { asked: {}, fresh: true });
        if (kdui.tab() === "explore") ask();
      },
    };
  };
  kdui.evidence = { mount };
})();
