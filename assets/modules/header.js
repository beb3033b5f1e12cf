// The header strip: Gradio puts a new one in its place whenever a run starts or ends, which also changes what Build knows.
import { faced } from "./language.js";
import { apply } from "./theme.js";

/** @type {Set<() => void>} */
const followers = new Set();

/** Calls `follow` whenever a run has started or ended. @param {() => void} follow */
export const onPulse = (follow) => { followers.add(follow); };

/** What the role of who is signed in does not allow is not shown (assets/roles.css): the server would refuse it. */
const takeRole = () => {
  const chip = document.getElementById("chip-person");
  if (chip?.dataset.role) document.documentElement.dataset.role = chip.dataset.role;
};

/** A header has taken the place of another one. */
const changed = () => {
  takeRole();
  faced();
  apply();
  followers.forEach((follow) => follow());
};

/** Follows the header from now on. @param {(name: "value", changed: () => void) => void} watch Gradio's own */
export const mount = (watch) => {
  takeRole();
  faced();
  apply();
  watch("value", changed);
};
