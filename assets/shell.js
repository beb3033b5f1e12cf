// What every tab shares in the browser: scripts on demand, view state in the URL, navigation between tabs, the theme switch.
(() => {
  "use strict";
  /** @type {any} What the other scripts add to, each its own part. */
  const kdui = (window.kdui = window.kdui || {});
  const ASSETS = "kdui-assets/";

  // --- scripts: fetched once, when first asked for ---------------------------------------------------------------
  const scripts = new Map();
  kdui.load = (name) => {
    if (!scripts.has(name)) {
      scripts.set(name, new Promise((resolve, reject) => {
        const tag = document.createElement("script");
        tag.src = ASSETS + name + (kdui.version ? `?v=${kdui.version}` : "");
        tag.onload = resolve;
        tag.onerror = () => reject(new Error(`${name} could not be loaded`));
        document.head.appendChild(tag);
      }));
    }
    return scripts.get(name);
  };
  /** A module of assets/modules/: its version stands in its address, and so in those of what it imports. */
  kdui.module = (name) => import(new URL(`${ASSETS}modules/${kdui.version || "-"}/${name}`, document.baseURI).href);
  kdui.plotly = () => kdui.load("plotly.min.js").then(() => {
    // Under Gradio's <base href="./">, which changes no path here, Plotly writes the page's whole address into each chart's references
    // to its own patterns and clip paths: they would come to nothing, and patterned bars vanish, as soon as the address changes.
    document.querySelector("base")?.removeAttribute("href");
    return window.Plotly;
  });

  // --- colours: read from the stylesheet, so that charts follow the theme ------------------------------------------
  kdui.colour = (name) => getComputedStyle(document.body).getPropertyValue(`--k-${name}`).trim();
  kdui.layout = (extra = {}) => {
    const grid = { gridcolor: kdui.colour("line"), zerolinecolor: kdui.colour("line"), linecolor: kdui.colour("line"), automargin: false };
    const base = {
      margin: { l: 44, r: 10, t: 8, b: 30 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
      font: { family: getComputedStyle(document.body).fontFamily, size: 14, color: kdui.colour("mute") },
      hoverlabel: { bgcolor: kdui.colour("card"), bordercolor: kdui.colour("line"), font: { color: kdui.colour("ink"), size: 14 } },
    };
    const { xaxis = {}, yaxis = {}, ...rest } = extra;
    return { ...base, ...rest, xaxis: { ...grid, ...xaxis }, yaxis: { ...grid, ...yaxis } };
  };
  kdui.config = { displayModeBar: false, responsive: true };

  // --- view state in our own query parameters ----------------------------------------------------------------------
  const params = () => new URLSearchParams(location.search);
  const write = (values, method) => {
    const next = params();
    for (const [key, value] of Object.entries(values)) {
      if (value === null || value === undefined || value === "") next.delete(key);
      else next.set(key, String(value));
    }
    const text = next.toString();
    if (text !== params().toString()) history[method](null, "", `${location.pathname}${text ? `?${text}` : ""}`);
  };
  kdui.url = {
    get: (key) => params().get(key),
    all: () => Object.fromEntries(params()),
    set: (values) => write(values, "replaceState"),
    push: (values) => write(values, "pushState"),
  };

  // --- navigation: a link such as ?tab=runs&run=ID opens that view without a reload -----------------------------------
  const tabButton = (id) => document.querySelector(`#kdui-tabs > .tab-wrapper button[data-tab-id="${CSS.escape(id)}"]`);
  kdui.tab = () => document.querySelector("#kdui-tabs > .tab-wrapper button.selected")?.dataset.tabId ?? "build";
  kdui.setField = (key, value) => {
    const field = document.querySelector(`#nav-${key} textarea, #nav-${key} input`);
    if (!field || field.value === value) return;
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const show = (values) => {
    for (const [key, value] of Object.entries(values)) if (key !== "tab") kdui.setField(key, value ?? "");
    if (values.tab && values.tab !== kdui.tab()) tabButton(values.tab)?.click();
    window.dispatchEvent(new Event("kdui:address"));
  };
  kdui.open = (values) => {
    const next = "from" in values ? { recipe: "", step: "", ...values } : values; // what somebody asks for takes the place of what they edited
    kdui.url.push(next);
    show(next);
  };
  kdui.start = () => { started = true; show(kdui.url.all()); };
  let started = false;

  document.addEventListener("click", (event) => {
    const tab = event.target.closest?.("#kdui-tabs > .tab-wrapper button[data-tab-id]");
    if (tab && started) kdui.url.push({ tab: tab.dataset.tabId });
    const link = event.target.closest?.('a[href^="?"]');
    if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
      event.preventDefault();
      kdui.open(Object.fromEntries(new URLSearchParams(link.getAttribute("href"))));
    }
    const copy = event.target.closest?.("[data-copy]");
    if (copy) copyText(copy);
    if (event.target.closest?.("#theme-switch")) kdui.theme.next();
  });
  window.addEventListener("popstate", () => show({ tab: "build", ...kdui.url.all() }));

  const copyText = async (button) => {
    const source = document.querySelector(button.dataset.copy);
    const text = source?.value ?? source?.textContent ?? "";
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = Object.assign(document.createElement("textarea"), { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy"); // pages served over plain http to another machine have no clipboard API
      area.remove();
    }
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1200);
  };

  // --- theme: auto follows the system, the choice is remembered --------------------------------------------------------
  const system = matchMedia("(prefers-color-scheme: dark)");
  const NEXT = { auto: "light", light: "dark", dark: "auto" };
  const FACE = { auto: ["◐", "Auto"], light: ["☀", "Light"], dark: ["☾", "Dark"] };
  const dark = () => kdui.theme.mode === "dark" || (kdui.theme.mode === "auto" && system.matches);
  kdui.theme = {
    mode: localStorage.getItem("kdui-theme") || "auto",
    next() {
      this.mode = NEXT[this.mode] ?? "auto";
      localStorage.setItem("kdui-theme", this.mode);
      this.apply();
    },
    apply() {
      if (!document.body) return;
      const changed = document.body.classList.contains("dark") !== dark();
      if (changed) document.body.classList.toggle("dark", dark());
      const button = document.querySelector("#theme-switch");
      if (button && button.dataset.mode !== this.mode) {
        button.dataset.mode = this.mode;
        button.querySelectorAll("span").forEach((span, i) => { span.textContent = FACE[this.mode][i]; });
        button.setAttribute("aria-label", `Theme: ${this.mode}. Switch to ${NEXT[this.mode]}.`);
      }
      if (changed) window.dispatchEvent(new Event("kdui:theme"));
    },
  };
  system.addEventListener("change", () => kdui.theme.apply());
  // Gradio sets the class by the system's preference when it mounts; the person's choice wins.
  new MutationObserver(() => kdui.theme.apply()).observe(document.documentElement, { subtree: true, attributes: true, attributeFilter: ["class"] });
  kdui.theme.apply();

  // --- one persistent chart: draws with Plotly.react now and whenever the theme changes --------------------------------
  kdui.chart = (element, figure) => {
    const draw = async () => {
      const Plotly = await kdui.plotly();
      if (!element.isConnected) return;
      const { data, layout, config } = figure();
      await Plotly.react(element, data, layout, { ...kdui.config, ...config });
    };
    window.addEventListener("kdui:theme", draw);
    // Shown again after its tab or step was hidden, or its column changed width.
    new ResizeObserver(() => { if (element.offsetWidth && element.data) window.Plotly?.Plots.resize(element); }).observe(element);
    draw();
    return draw;
  };
})();
