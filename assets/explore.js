// Explore: the Pareto chart, the budget sliders and the table of models; all of it is one question to the server on release.
(() => {
  "use strict";
  const { kdui } = window;
  const { draw, set, poll, escape, save, picture } = kdui.live;
  const UNITS = { latency_ms: "ms", download_mb: "MB", retained: "%" };
  const KEYS = { latency_ms: "latency", download_mb: "download", retained: "keep" }; // names in the URL

  const COSTS = ["latency_ms", "download_mb", "parameters", "macs"];
  const withUnit = (name, value) => kdui.numbers.number(value, UNITS[name]);
  const digits = (value) => Number(value.toPrecision(value >= 100 ? 3 : 2));

  const mount = async (root, server) => {
    const part = (id) => root.querySelector(`#${id}`);
    const axis = part("explore-x");
    await Promise.all(["gains.js", "layers.js", "evidence.js"].map(kdui.load));
    const [gains, layers] = [kdui.gains.mount(root, server), kdui.layers.mount(root, server)];
    const evidence = kdui.evidence.mount(root, server);
    const view = { task: "", limits: {}, ranges: {}, sort: "headline", down: true, page: 1, asked: 0, figure: "", key: "" };

    // --- sliders: log scales from the data; the open end sets no limit ----------------------------------------------
    const sliders = [...root.querySelectorAll("[data-limit]")];
    const STEPS = 100;
    const valueAt = (name, position) => {
      const [low, high] = view.ranges[name] ?? [1, 1];
      if (name === "retained") return position <= 0 ? null : Math.round((low + ((high - low) * position) / STEPS) * 10) / 10;
      return position >= STEPS || high <= low ? null : digits(low * (high / low) ** (position / STEPS));
    };
    const positionOf = (name, value) => {
      const [low, high] = view.ranges[name] ?? [1, 1];
      if (value === null || value === undefined) return name === "retained" ? 0 : STEPS;
      const share = name === "retained" ? (value - low) / (high - low || 1) : Math.log(value / low) / (Math.log(high / low) || 1);
      return Math.min(STEPS, Math.max(0, Math.round(share * STEPS)));
    };
    const show = (slider, value) => {
      const text = value === null || value === undefined ? "no limit" : withUnit(slider.dataset.limit, value);
      part(`out-${slider.dataset.limit}`).textContent = text;
      slider.setAttribute("aria-valuetext", text);
    };
    const place = () => {
      for (const slider of sliders) {
        const name = slider.dataset.limit;
        slider.disabled = !view.ranges[name];
        slider.value = positionOf(name, view.limits[name]);
        show(slider, view.limits[name]);
      }
    };

    // --- one question, one answer -------------------------------------------------------------------------------------
    const ask = async () => {
      const turn = (view.asked += 1);
      const budget = Object.fromEntries(Object.entries(view.limits).filter(([, value]) => value !== null && value !== undefined));
      const answer = await server.explore_view({ task: view.task, x: axis.value, budget, sort: view.sort, down: view.down, page: view.page });
      if (turn !== view.asked) return; // a newer question is on its way
      set(part("explore-message"), answer.error ? `<div class="fail" role="alert">${escape(answer.error)}</div>` : "");
      part("explore-shown").hidden = Boolean(answer.error || answer.empty);
      part("explore-empty").hidden = !answer.empty;
      if (answer.error) return;
      if (answer.empty) {
        set(part("explore-empty").querySelector(".empty"), answer.empty);
        return;
      }
      axis.value = answer.x;
      view.ranges = answer.ranges;
      place();
      part("explore-title").textContent = answer.title;
      part("explore-subtitle").textContent = answer.subtitle;
      part("explore-missing").textContent = answer.missing;
      for (const name of ["winner", "gain", "table"]) set(part(`explore-${name}`), answer[name]);
      if (answer.figure === view.figure) return;
      view.figure = answer.figure;
      await chart();
    };
    const narrow = () => part("explore-chart").clientWidth < 560;
    const chart = () => draw(part("explore-chart"), view.figure, (figure) => {
      delete figure.layout.title; // stands above the chart as text
      figure.layout.uirevision = `${view.task} ${axis.value}`;
      if (narrow()) {
        figure.layout.margin = { ...figure.layout.margin, l: 52, r: 6 };
        figure.layout.xaxis.tickvals = figure.layout.xaxis.tickvals?.filter((_, at) => at % 2 === 0);
        figure.layout.xaxis.ticktext = figure.layout.xaxis.ticktext?.filter((_, at) => at % 2 === 0);
      }
      return figure;
    });
    const remember = () => {
      const kept = { task: view.task, x: axis.value === "latency_ms" ? "" : axis.value, sort: view.sort === "headline" && view.down ? "" : `${view.down ? "-" : ""}${view.sort}` };
      for (const [name, key] of Object.entries(KEYS)) kept[key] = view.limits[name] ?? "";
      kdui.url.set(kept);
    };
    const change = (values) => {
      Object.assign(view, { page: 1 }, values);
      remember();
      return ask();
    };

    // --- what a person does ---------------------------------------------------------------------------------------------
    for (const slider of sliders) {
      const name = slider.dataset.limit;
      slider.addEventListener("input", () => show(slider, valueAt(name, Number(slider.value))));
      slider.addEventListener("change", () => change({ limits: { ...view.limits, [name]: valueAt(name, Number(slider.value)) } }));
    }
    axis.addEventListener("change", () => change({}));
    const choose = (task) => {
      if (!task || task === view.task || ![...part("explore-task").options].some((option) => option.value === task)) return;
      for (const select of root.querySelectorAll("[data-task]")) select.value = task;
      view.task = task;
      gains.choose(task);
      layers.choose(task);
      evidence.choose(task);
      if (kdui.tab() === "explore") change({ limits: {} });
      else view.stale = true;
    };
    for (const select of root.querySelectorAll("[data-task]")) {
      select.addEventListener("change", () => kdui.open({ tab: "explore", task: select.value }));
    }
    root.addEventListener("click", (event) => {
      const at = (selector) => event.target.closest(selector);
      const [sort, page, kind, row] = [at("[data-sort]")?.dataset.sort, at("[data-page]"), at("[data-save]:not([data-of])"), at("tr[data-run]")];
      // A first click shows the best: the cheapest of what costs, the highest of what is gained.
      if (sort) change({ sort, down: sort === view.sort ? !view.down : !["label", ...COSTS].includes(sort) });
      else if (page) { view.page = Number(page.dataset.page); ask(); }
      else if (kind) download(kind.dataset.save);
      else if (row && !at("a")) kdui.open({ tab: "runs", run: row.dataset.run });
    });
    const download = async (kind) => {
      if (kind === "csv") {
        const answer = await server.explore_csv({ task: view.task });
        if (answer.csv) save(answer.name, "text/csv", answer.csv);
        return;
      }
      await picture(view.figure, kind, `kdui-${view.task}`);
    };

    // --- start ---------------------------------------------------------------------------------------------------------
    kdui.explore.choose = choose;
    const from = kdui.url.all();
    const start = from.task || (await server.explore_start({})).task;
    if ([...axis.options].some((option) => option.value === from.x)) axis.value = from.x;
    for (const [name, key] of Object.entries(KEYS)) {
      const value = Number(from[key]);
      if (from[key] && Number.isFinite(value) && value > 0) view.limits[name] = value;
    }
    if (from.sort && kdui.tab() === "explore") [view.down, view.sort] = [from.sort.startsWith("-"), from.sort.replace(/^-/, "")];
    view.task = start;
    for (const select of root.querySelectorAll("[data-task]")) select.value = start;
    await ask();
    gains.choose(start);
    layers.choose(start);
    evidence.choose(start);
    const chartElement = part("explore-chart");
    chartElement.on?.("plotly_click", ({ points }) => {
      const [run] = [points[0]?.customdata].flat();
      if (run) kdui.open({ tab: "runs", run });
    });
    poll("explore", 5, ask);
  };
  kdui.explore = { mount, choose: () => {} };
})();
