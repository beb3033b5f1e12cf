// Answers that come piece by piece: the page's own route, read line by line until it ends or somebody stops it.

import { recorded } from "./state.js";

const ADDRESS = new URL("../../../kdui-streams/text", import.meta.url); // modules lie at kdui-assets/modules/VERSION/
const LOST = "The answer broke off: the server does not answer. Try again in a moment.";

/** @typedef {{text: string, probability?: number, reference?: number, agrees?: boolean}} Token */
/** @typedef {{kind: "text", tokens?: Token[], seconds?: number, ended?: "end token" | "stop" | "limit"}} Text */
/** @typedef {{model: string, part?: Text, error?: string}} Line */
/** @typedef {{temperature?: number, top_p?: number, seed?: number, stop?: string[], limit?: number}} Sampling */

/**
 * Asks models to continue a prompt; `receive` is given each line as it comes.
 * @param {{models?: string[], ballot?: string, prompt: string, sampling?: Sampling, reference?: string, chat?: boolean}} asked
 * @param {(line: Line) => void} receive
 * @returns {{done: Promise<{error?: string, stopped?: boolean}>, stop: () => void}} `stop` ends the models' work as well
 */
export const generate = (asked, receive) => {
  const control = new AbortController();
  const done = read(asked, receive, control.signal).catch((problem) => {
    if (control.signal.aborted) return { stopped: true };
    console.warn("kdui: stream", problem);
    return { error: LOST };
  });
  return { done, stop: () => control.abort() };
};

/** @param {object} asked @param {(line: Line) => void} receive @param {AbortSignal} signal @returns {Promise<{error?: string}>} */
const read = async (asked, receive, signal) => {
  const answer = await fetch(ADDRESS, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...asked, recorded }), signal });
  if (!answer.ok || !answer.body) return { error: await refused(answer) };
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return {};
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) receive(JSON.parse(line));
  }
};

/** @param {Response} answer */
const refused = async (answer) => {
  const words = await answer.text();
  try {
    return JSON.parse(words).error ?? words;
  } catch {
    return words; // the guard's refusals are plain sentences
  }
};
