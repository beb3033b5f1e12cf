// What the modules find in the window: the page's one entry, and the charting library once it was fetched.

/** A trace, a layout: their attributes are Plotly's own, which has no types here. */
type Trace = Record<string, any>;
type Layout = Record<string, any>;
type Figure = { data: Trace[]; layout: Layout; config?: Record<string, unknown> };
type Point = { customdata?: unknown };

/** An element that Plotly has drawn on, or will. */
interface Chart extends HTMLElement {
  data?: Trace[];
  on?(event: "plotly_click", listener: (hit: { points: Point[] }) => void): void;
  on?(event: "plotly_hover", listener: (hit: { points: Point[] }) => void): void;
  on?(event: "plotly_selected", listener: (drawn?: { range?: { x: number[]; y: number[] } }) => void): void;
  on?(event: "plotly_restyle" | "plotly_unhover", listener: () => void): void;
}

interface Plotly {
  react(element: Chart, data: Trace[], layout: Layout, config: Record<string, unknown>): Promise<void>;
  restyle(element: Chart, values: Trace): Promise<void>;
  update(element: Chart, traces: Trace, layout: Layout): Promise<void>;
  purge(element: Chart): void;
  Fx: { hover(element: Chart, points: { curveNumber: number; pointNumber: number }[]): void; unhover(element: Chart): void };
  downloadImage(figure: Figure, options: Record<string, unknown>): Promise<void>;
  Plots: { resize(element: Chart): void };
}

interface Window {
  Plotly: Plotly;
  kdui: { module(name: string): Promise<any> };
}
