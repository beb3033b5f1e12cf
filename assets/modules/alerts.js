// Alerts in this browser: a notification and a sound when a run ends, stalls or has learned nothing. Both are off until somebody ticks them.
import { parts } from "./html.js";
import { open } from "./navigation.js";

/** @typedef {{id: string, name: string, state: string, words: string}} Watched */
/** @typedef {(asked: {watched: string[]}) => Promise<{runs: Watched[], error?: string}>} Ask */

const KEYS = { notify: "kdui-alert-notify", sound: "kdui-alert-sound" };
const SECONDS = 5;
/** @type {Record<string, string>} */
const TITLES = { succeeded: "finished", failed: "failed", interrupted: "was interrupted", stalled: "has stalled", waiting: "waits for you", anomalous: "finished, but learned nothing" };
const ACTIVE = new Set(["running", "queued"]);

/** What is new between two looks: a run that was active or well and now stands otherwise. @param {Map<string, string>} before @param {Watched[]} now */
export const changed = (before, now) => now.filter(({ id, state }) => before.has(id) && before.get(id) !== state && state in TITLES);

/** Two short tones. */
const beep = () => {
  const context = new AudioContext(), tone = context.createOscillator(), volume = context.createGain();
  volume.gain.value = 0.08;
  tone.connect(volume).connect(context.destination);
  tone.frequency.setValueAtTime(660, 0);
  tone.frequency.setValueAtTime(880, context.currentTime + 0.15);
  tone.start();
  tone.stop(context.currentTime + 0.3);
  tone.onended = () => context.close();
};

/** @param {HTMLElement} root @param {Ask} ask */
export const alerts = (root, ask) => {
  const part = parts(root), notify = part("alert-notify", HTMLInputElement), sound = part("alert-sound", HTMLInputElement), told = part("alerts-told");
  const allowed = () => "Notification" in window && Notification.permission === "granted";
  let before = /** @type {Map<string, string>} */ (new Map()), busy = false;

  /** @param {Watched} run */
  const tell = ({ id, name, state, words }) => {
    const text = `${name} ${TITLES[state]}`;
    told.textContent = `${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}: ${text}. ${words}`;
    if (sound.checked) beep();
    if (!notify.checked || !allowed()) return;
    const shown = new Notification(text, { body: words, tag: `kdui-${id}-${state}` });
    shown.onclick = () => { window.focus(); open({ tab: "runs", run: id }); shown.close(); };
  };
  const look = async () => {
    if (busy || !(notify.checked || sound.checked)) return;
    busy = true;
    const watched = [...before].filter(([, state]) => ACTIVE.has(state)).map(([id]) => id);
    const { runs, error } = await ask({ watched });
    busy = false;
    if (error) return; // the server is away: the next look compares with what was known before
    changed(before, runs).forEach(tell);
    before = new Map(runs.map(({ id, state }) => [id, state]));
  };
  notify.checked = localStorage.getItem(KEYS.notify) === "yes" && allowed();
  sound.checked = localStorage.getItem(KEYS.sound) === "yes";
  notify.addEventListener("change", async () => {
    if (notify.checked && !allowed()) {
      const answer = "Notification" in window ? await Notification.requestPermission() : "denied";
      if (answer !== "granted") {
        notify.checked = false;
        told.textContent = "This browser does not allow notifications of this page. Allow them in its settings of this site, then tick again.";
      }
    }
    localStorage.setItem(KEYS.notify, notify.checked ? "yes" : "");
    look();
  });
  sound.addEventListener("change", () => {
    localStorage.setItem(KEYS.sound, sound.checked ? "yes" : "");
    if (sound.checked) beep();
    look();
  });
  setInterval(look, SECONDS * 1000);
  look();
};
