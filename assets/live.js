// What the panels share: figures made in Python and drawn in theme colours, markup that changes without losing focus, polling while looked at.
(() => {
  "use strict";
  const kdui = window.kdui;
  const drawn = new Map(); // chart element -> the figure's JSON as Python gave it

  // Python's figures use these colours; the theme's own take their place, so one figure serves light and dark.
  const NAMES = { "#4F46E5": "teacher", "#0D9488": "student", "#D97706": "compressed", "#64748B": "control", "#E11D48": "over",
    "#6B7286": "mute", "#7A8196": "mute", "#1C1F2A": "ink", "rgba(120,128,150,0.20)": "line" };
  const themed = (json) => {
    let text = json;
    for (const [fixed, name] of Object.entries(NAMES)) text = text.replaceAll(fixed, kdui.colour(name) || fixed);
    const figure = JSON.parse(text);
    figure.layout.hoverlabel = { ...figure.layout.hoverlabel, bgcolor: kdui.colour("card"), bordercolor: kdui.colour("line"),
      font: { ...figure.layout.hoverlabel?.font, color: kdui.colour("ink") } };
    return figure;
  };
  const webgl = (() => {
    try { return Boolean(document.createElement("canvas").getContext("webgl")); } catch { return false; }
  })();
  const sized = new ResizeObserver((entries) => {
    for (const { target } of entries) if (target.data && target.offsetWidth) window.Plotly.Plots.resize(target);
  });

  // Draws on one persistent element; `change(figure)` may adjust it for the page. A later draw keeps the zoom.
  const draw = async (element, json, change = (figure) => figure) => {
    const first = !drawn.has(element);
    drawn.set(element, { json, change });
    const Plotly = await kdui.plotly();
    if (drawn.get(element)?.json !== json) return; // cleared, or a newer figure came while Plotly was on its way
    const figure = change(themed(json));
    if (!webgl) for (const trace of figure.data) if (trace.type === "scattergl") trace.type = "scatter";
    await Plotly.react(element, figure.data, figure.layout, { ...kdui.config });
    if (first) sized.observe(element);
  };
  // Forgets the chart on this element: what another run drew must not shine through when that one lacks a series or a chart.
  const clear = (element) => {
    drawn.delete(element);
    sized.unobserve(element);
    if (element.data) window.Plotly.purge(element);
  };
  window.addEventListener("kdui:theme", () => { for (const [element, { json, change }] of drawn) draw(element, json, change); });

  // Appends the points of `more` to the figure `json`: series meet by their uid; a resumed run overwrites what it repeats.
  const append = (json, more) => {
    const figure = JSON.parse(json);
    for (const added of JSON.parse(more).data) {
      const trace = figure.data.find((each) => each.uid === added.uid);
      if (!trace) { figure.data.push(added); continue; }
      const [x, y, newX] = [plain(trace.x), plain(trace.y), plain(added.x)];
      const kept = x.findIndex((value) => value >= newX[0]);
      const end = kept < 0 ? x.length : kept;
      trace.x = [...x.slice(0, end), ...newX];
      trace.y = [...y.slice(0, end), ...plain(added.y)];
    }
    return JSON.stringify(figure);
  };
  // Plotly's JSON carries arrays as base64 typed arrays.
  const TYPES = { f8: Float64Array, f4: Float32Array, i4: Int32Array, i2: Int16Array, i1: Int8Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };
  const plain = (values) => {
    if (!values?.bdata) return Array.from(values ?? []);
    const bytes = Uint8Array.from(atob(values.bdata), (letter) => letter.charCodeAt(0));
    return Array.from(new TYPES[values.dtype](bytes.buffer));
  };

  // Sets markup only where it changed; unfolded details and the focused control stay as they were.
  const set = (element, html) => {
    if (element.kept === html) return;
    element.kept = html;
    const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
    const open = [...element.querySelectorAll("details[open][id]")].map((each) => each.id);
    element.innerHTML = html;
    for (const id of open) element.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
    if (focused) element.querySelector(`#${CSS.escape(focused)}`)?.focus();
  };

  // Calls `tick` every `seconds` while the tab `name` is looked at, never two at once; a failed call is tried again later.
  const poll = (name, seconds, tick) => {
    let busy = false, fresh = new Date();
    const run = async () => {
      if (busy || document.hidden || kdui.tab() !== name) return;
      busy = true;
      const panel = document.querySelector(`#${name}-panel`);
      try {
        await tick();
        fresh = new Date();
        delete panel?.dataset.stale;
      } catch (problem) {
        console.warn(`kdui: ${name} could not be refreshed`, problem);
        if (panel) panel.dataset.stale = `as of ${fresh.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`;
      } finally { busy = false; }
    };
    setInterval(run, seconds * 1000);
    document.addEventListener("visibilitychange", run);
    document.addEventListener("click", (event) => { if (event.target.closest?.("button[data-tab-id]")) setTimeout(run, 50); });
    return run;
  };

  const escape = (text) => String(text).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
  const save = (name, type, text) => {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob([text], { type })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  // A picture must speak for itself: with its title, on the card's own colour.
  const picture = (json, kind, name) => {
    const { data, layout } = themed(json);
    const size = { width: 1200, height: 700 };
    layout.title = { ...layout.title, x: 0.02, xanchor: "left", y: 0.97, yanchor: "top", font: { size: 20, color: kdui.colour("ink") },
      subtitle: { ...layout.title.subtitle, font: { size: 14, color: kdui.colour("mute") } } };
    layout.margin = { ...layout.margin, t: 124 };
    layout.paper_bgcolor = kdui.colour("card");
    return window.Plotly.downloadImage({ data, layout: { ...layout, ...size }, config: {} },
      { format: kind, ...size, scale: kind === "png" ? 2 : 1, filename: name });
  };
  // A chart under a title of its own: #ID-title, -subtitle, -note and -chart, and the buttons in #ID. A figure that is shown already is
  // not drawn again; `adjust(figure, width)` fits a new one to the page. Resolves once it is drawn.
  const titled = async (root, id, { figure = "", title, subtitle, height, note = "" }, adjust = (_figure, _width) => {}) => {
    const part = (name) => root.querySelector(`#${id}-${name}`);
    const chart = part("chart");
    part("title").textContent = title;
    part("subtitle").textContent = subtitle ?? "";
    set(part("note"), note);
    part("note").hidden = !note;
    for (const each of root.querySelectorAll(`#${id} .menu`)) each.hidden = !figure;
    chart.hidden = !figure;
    if (figure && chart.closest("details:not([open])")) return; // Plotly needs a size: whoever unfolds it asks again
    const known = chart.figure === figure;
    chart.figure = figure;
    if (!figure || known) return;
    chart.style.height = `${height}px`;
    const width = chart.clientWidth;
    await draw(chart, figure, (drawn) => {
      delete drawn.layout.title; // stands above the chart as text
      adjust(drawn, width);
      return drawn;
    });
  };
  // Their menus close once something was picked, on Escape, and when somebody turns to something else.
  const shut = (menu) => {
    const focused = menu.contains(document.activeElement);
    menu.open = false;
    if (focused) menu.querySelector("summary").focus();
  };
  document.addEventListener("click", ({ target }) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (target.closest("details.menu") !== menu || target.closest("[data-save]")) shut(menu);
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") for (const menu of document.querySelectorAll("details.menu[open]")) shut(menu);
  });
  // The buttons of such charts: a picture of what is shown, or the table that `table(id)` asks the server for.
  const savable = (root, ids, name, table) => root.addEventListener("click", async (event) => {
    const { save: kind, of: id } = event.target.closest("[data-save][data-of]")?.dataset ?? {};
    if (!ids.includes(id)) return;
    if (kind !== "csv") return picture(root.querySelector(`#${id}-chart`).figure, kind, name(id));
    const answer = await table(id);
    if (answer.csv) save(answer.name, "text/csv", answer.csv);
  });
  const later = (wait, work) => {
    let timer;
    return (...given) => { clearTimeout(timer); timer = setTimeout(() => work(...given), wait); };
  };
  kdui.live = { draw, clear, append, themed, set, poll, escape, save, picture, titled, savable, later };
})();
