// Runs: the table with its filters, and the chosen run followed while the tab is looked at.
(() => {
  "use strict";
  const { kdui } = window;
  const { draw, clear, append, set, poll, later } = kdui.live;
  const FINAL = new Set(["succeeded", "failed", "cancelled", "interrupted"]);
  const KINDS = ["loss", "metric"];

  const mount = (root, server) => {
    const part = (id) => root.querySelector(`#${id}`);
    const fields = { state: part("runs-state"), task: part("runs-task"), text: part("runs-text") };
    const view = { run: "", cursor: 0, page: 1, state: "", curves: {}, ticks: 0 };

    // --- the table ---------------------------------------------------------------------------------------------
    const table = async () => {
      const asked = { page: view.page, chosen: view.run };
      for (const [key, field] of Object.entries(fields)) asked[key] = field.value.trim();
      const answer = await server.run_table(asked);
      set(part("runs-table"), answer.error ? message(answer.error) : answer.html);
      if (!view.run && answer.first && !kdui.url.get("run")) choose(answer.first);
    };
    const filter = (page) => {
      view.page = page;
      kdui.url.set({ state: fields.state.value, only: fields.task.value, find: fields.text.value.trim(), page: page > 1 ? page : "" });
      return table();
    };
    const message = (text, kind = "fail") => (text ? `<div class="${kind}" role="alert">${kdui.live.escape(text)}</div>` : "");

    // --- the chosen run ----------------------------------------------------------------------------------------
    const choose = (run) => {
      if (!run || run === view.run) return;
      Object.assign(view, { run, cursor: 0, state: "", curves: {} });
      set(part("run-message"), "");
      for (const kind of KINDS) clear(part(`run-${kind}`));
      part("run-curves").hidden = true;
      for (const row of root.querySelectorAll("tr[data-run]")) {
        row.classList.toggle("chosen", row.dataset.run === run);
        row.toggleAttribute("aria-current", row.dataset.run === run);
      }
      detail();
    };
    const detail = async () => {
      const { run, cursor } = view;
      if (!run) return;
      const answer = await server.run_detail({ run, cursor, known: view.state !== "" });
      if (run !== view.run || cursor !== view.cursor) return; // another run was chosen, or another answer came first
      part("run-empty").hidden = !answer.error;
      part("run-shown").hidden = Boolean(answer.error);
      if (answer.error) {
        part("run-empty").textContent = answer.error;
        view.state = "gone";
        return;
      }
      view.state = answer.state;
      view.cursor = answer.cursor;
      for (const name of ["head", "actions", "strip", "results", "recipe"]) set(part(`run-${name}`), answer[name]);
      log(answer.log);
      await curves(answer.curves, cursor === 0);
    };
    const log = (text) => {
      const pane = part("run-log");
      if (pane.textContent === text) return;
      const atEnd = pane.scrollTop + pane.clientHeight >= pane.scrollHeight - 30;
      pane.textContent = text || "Nothing logged yet.";
      if (atEnd) pane.scrollTop = pane.scrollHeight;
    };
    const curves = async (fresh, anew) => {
      const { run } = view;
      if (anew) part("run-curves").hidden = !Object.keys(fresh).length;
      for (const [kind, json] of Object.entries(fresh)) {
        part("run-curves").hidden = false;
        view.curves[kind] = view.curves[kind] ? append(view.curves[kind], json) : json;
        await draw(part(`run-${kind}`), view.curves[kind], (figure) => {
          figure.layout.uirevision = run; // zoom survives updates, not another run
          figure.layout.showlegend = false; // both charts share the one below them
          return figure;
        });
        if (run !== view.run) return; // another run was chosen meanwhile: what is left of this answer is not its own
      }
      for (const kind of KINDS) part(`run-${kind}`).closest("figure").hidden = !view.curves[kind];
      set(part("run-legend"), legend());
    };
    // Steps by their colour, named values by the dash of their line.
    const STROKES = { solid: "", dot: "2 4", dash: "8 4", dashdot: "8 4 2 4" };
    const legend = () => {
      const [steps, names] = [new Map(), new Map()];
      for (const json of Object.values(view.curves)) {
        for (const { name, line } of kdui.live.themed(json).data) {
          const [step, value] = [name.slice(0, name.lastIndexOf(": ")), name.slice(name.lastIndexOf(": ") + 2)];
          steps.set(step, line.color);
          if (json === view.curves.loss) names.set(value, line.dash);
        }
      }
      const stroke = (colour, dash, text) => `<span><svg width="26" height="8" aria-hidden="true"><line x1="0" x2="26" y1="4" y2="4" stroke="${colour}"
        stroke-width="2.5" stroke-dasharray="${STROKES[dash] ?? ""}"/></svg>${kdui.live.escape(text)}</span>`;
      return [...[...steps].map(([step, colour]) => stroke(colour, "solid", step)),
        ...[...names].map(([name, dash]) => stroke("currentColor", dash, name))].join("");
    };

    // --- what a person does --------------------------------------------------------------------------------------
    const act = async (asked) => {
      const answer = await server.run_act(asked);
      set(part("run-message"), message(answer.error));
      if (!answer.error && asked.act === "delete" && asked.run === view.run) {
        Object.assign(view, { run: "", state: "" });
        kdui.url.set({ run: "" });
      }
      await table();
      await detail();
    };
    const remove = (run) => {
      const name = part("run-head").querySelector("h2")?.textContent ?? run;
      part("run-dialog-text").textContent = `Delete “${name}”? This permanently deletes its log, curves and results.`;
      const dialog = part("run-dialog");
      dialog.onclose = () => { if (dialog.returnValue === "yes") act({ act: "delete", run }); };
      dialog.returnValue = "no";
      dialog.showModal();
    };
    root.addEventListener("click", (event) => {
      const at = (selector) => event.target.closest(selector);
      const [page, move, action, row] = [at("[data-page]"), at("[data-move]"), at("[data-act]"), at("tr[data-run]")];
      if (page) filter(Number(page.dataset.page));
      else if (at("[data-clear]")) { for (const field of Object.values(fields)) field.value = ""; filter(1); }
      else if (move) act({ act: "move", run: move.dataset.run, places: Number(move.dataset.move) });
      else if (action?.dataset.act === "delete") remove(action.dataset.run);
      else if (action) act({ act: action.dataset.act, run: action.dataset.run });
      else if (row && !at("button")) {
        if (!at("a")) kdui.open({ tab: "runs", run: row.dataset.run });
        if (root.clientWidth < 1100) part("run-view").scrollIntoView({ behavior: "smooth" }); // it stands below the table there
      }
    });
    fields.state.addEventListener("change", () => filter(1));
    fields.task.addEventListener("change", () => filter(1));
    fields.text.addEventListener("input", later(200, () => filter(1)));

    // --- start -------------------------------------------------------------------------------------------------
    // What somebody typed or chose before this script was there stays and counts; the rest comes from the address.
    const early = Object.values(fields).some((field) => field.value);
    for (const [name, key] of [["state", "state"], ["task", "only"], ["text", "find"]]) fields[name].value ||= kdui.url.get(key) ?? "";
    view.page = Math.max(1, Number(kdui.url.get("page")) || 1);
    kdui.runs.choose = choose;
    choose(kdui.url.get("run"));
    if (early) filter(1);
    else table();
    poll("runs", 1, async () => {
      view.ticks += 1;
      const settled = FINAL.has(view.state) || view.state === "gone";
      if (!settled || view.ticks % 5 === 0) await detail();
      if (view.ticks % 2 === 0) await table();
    });
  };
  kdui.runs = { mount, choose: () => {} };
})();
