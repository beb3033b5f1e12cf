// A finished run once more, at one to a hundred times its speed: where it stands is asked of the server moment by moment.
const FRAME_MS = 250; // between two moments that are asked for
const WHOLE_S = 20; // what a replay takes before somebody chooses its speed

/** @typedef {{at: number, total: number}} Moment seconds of the run */

/**
 * @param {<T extends HTMLElement = HTMLElement>(id: string, kind?: new () => T) => T} part
 * @param {(at: number) => Promise<Moment | null>} show shows the run as it stood then; null where it cannot
 * @param {() => void} ended shows it as it is
 */
export const replay = (part, show, ended) => {
  const bar = part("run-replay"), range = part("replay-at", HTMLInputElement), speed = part("replay-speed", HTMLSelectElement), turn = part("replay-turn");
  let on = false, plays = false, busy = false, chosen = false, at = 0, total = Infinity, before = 0, wished = /** @type {number | null} */ (null);
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;
  const face = () => { turn.textContent = plays ? "Pause" : at >= total ? "Again" : "Play"; };
  /** @param {Moment} moment */
  const stand = (moment) => {
    ({ at, total } = moment);
    range.disabled = false;
    if (!chosen) { chosen = true; speed.value = [...speed.options].map(({ value }) => value).find((value) => total / Number(value) <= WHOLE_S) ?? "100"; }
    range.value = String(total ? (1000 * at) / total : 1000);
    range.setAttribute("aria-valuetext", `${at.toFixed(0)} of ${total.toFixed(0)} seconds`);
    if (at >= total) plays = false;
    face();
  };
  /** Shows that moment, or the one that is wished for meanwhile. @param {number} moment */
  const go = async (moment) => {
    wished = moment;
    if (busy) return;
    busy = true;
    try {
      while (on && wished !== null) {
        const asked = wished;
        wished = null;
        const shown = await show(asked);
        if (shown && on && wished === null) stand(shown);
      }
    } catch (problem) {
      console.warn("kdui: replay", problem); // the next moment is asked for again
    } finally { busy = false; }
  };
  const frame = () => {
    const now = performance.now(), passed = (now - before) / 1000;
    if (!plays || busy || document.hidden) return;
    before = now;
    go(Math.min(total, at + passed * Number(speed.value)));
  };
  const stop = () => {
    clearInterval(timer);
    on = plays = false;
    bar.hidden = true;
  };
  /** @param {number} times its speed; 0: so that it takes some twenty seconds */
  const start = (times) => {
    stop();
    Object.assign(speed, times ? { value: String(times) } : {});
    [on, plays, chosen, at, total, before] = [true, true, Boolean(times), 0, Infinity, performance.now()];
    bar.hidden = false;
    range.disabled = true; // until its end is known
    face();
    go(0);
    timer = setInterval(frame, FRAME_MS);
  };
  turn.addEventListener("click", () => {
    if (!plays && at >= total) at = 0;
    [plays, before] = [!plays, performance.now()];
    face();
  });
  range.addEventListener("input", () => { plays = false; face(); go((Number(range.value) / 1000) * total); });
  part("replay-end").addEventListener("click", () => { stop(); ended(); });
  return { start, stop, get on() { return on; } };
};
