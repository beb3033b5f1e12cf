// The header strip: Gradio puts a new one in its place whenever a run starts or ends, which also changes what Build knows.
import { apply } from "./theme.js";

/** @type {Set<() => void>} */
const followers = new Set();

/** Calls `follow` whenever a run has started or ended. @param {() => void} follow */
export const onPulse = (follow) => { followers.add(follow); };

/** A header has taken the place of another one. */
const changed = () => {
  apply();
  followers.forEach((follow) => follow());
};

/** Follows the header from now on. @param {(name: "value", changed: () => void) => void} watch Gradio's own */
export const mount = (watch) => {
  apply();
  watch("value", changed);
};
