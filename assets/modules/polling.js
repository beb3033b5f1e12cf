// Asking again while somebody looks, and waiting until a hand rests.
import { hit } from "./html.js";
import { tab } from "./navigation.js";

/**
 * Calls `tick` every `seconds` while the tab `name` is looked at, never two at once; a failed call is tried again later.
 * @param {string} name @param {number} seconds @param {() => unknown} tick
 */
export const poll = (name, seconds, tick) => {
  let busy = false, fresh = new Date();
  const run = async () => {
    if (busy || document.hidden || tab() !== name) return;
    busy = true;
    const panel = document.getElementById(`${name}-panel`);
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
  document.addEventListener("click", (event) => { if (hit(event, "button[data-tab-id]")) setTimeout(run, 50); });
};

/** Calls `work` once nothing has asked for it for `wait` ms. @param {number} wait @param {() => void} work */
export const later = (wait, work) => {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return () => { clearTimeout(timer); timer = setTimeout(work, wait); };
};
