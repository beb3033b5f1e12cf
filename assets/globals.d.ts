// What the scripts of the page share: kdui's own parts, which load one another on demand, and the charting library.
// The page holds HTML alone, so an element that was found is an HTML element, and one that was listened to is one too.

declare const Plotly: any;
declare var kdui: any;

interface Window {
  kdui: any;
  Plotly: any;
}

interface Element {
  value: string;
  data: any;
  dataset: DOMStringMap;
  offsetWidth: number;
  click(): void;
  focus(options?: FocusOptions): void;
}

interface EventTarget {
  closest(selector: string): HTMLElement | null;
  dataset: DOMStringMap;
  data: any;
  offsetWidth: number;
}

interface Event {
  detail: any;
}
