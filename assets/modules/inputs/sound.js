// A sound as an input: recorded, uploaded or picked; decoded by the browser, drawn as a waveform, sent as a WAV file.
import { parts } from "../html.js";
import { wavAddress } from "../wav.js";

const RATE = 16000; // of what is sent: the server takes from it what its models need
const SECONDS = 30; // at the most
const BYTES = 8_000_000;
const UNREADABLE = "The browser cannot decode this file as sound. Choose a WAV, FLAC, OGG or MP3 file.";

/** @param {HTMLElement} root @param {import("../compare.js").Host} host @returns {import("../compare.js").Widget} */
export const mount = (root, host) => {
  const part = parts(root), canvas = part("compare-wave", HTMLCanvasElement), listen = part("compare-listen", HTMLAudioElement);
  const record = part("compare-record"), file = part("compare-sound", HTMLInputElement);
  /** @type {MediaRecorder | null} */
  let recorder = null;
  const clear = () => {
    canvas.getContext("2d")?.clearRect(0, 0, canvas.width, canvas.height);
    canvas.setAttribute("aria-label", "Waveform of the input: none yet");
    listen.removeAttribute("src");
    listen.hidden = true;
  };
  /** @param {Blob} blob @returns {Promise<AudioBuffer>} */
  const decoded = async (blob) => new OfflineAudioContext(1, 1, RATE).decodeAudioData(await blob.arrayBuffer());
  /** @param {string} sound */
  const show = async (sound) => {
    listen.src = sound;
    listen.hidden = false;
    draw(canvas, mono(await decoded(await (await fetch(sound)).blob())));
  };
  /** @param {Blob} blob */
  const take = async (blob) => {
    if (blob.size > BYTES) { host.fail(`This file has ${Math.ceil(blob.size / 1e6)} MB; at most ${BYTES / 1e6} are taken. Cut it to the part that matters first.`); return; }
    let buffer;
    try { buffer = await decoded(blob); } catch { host.fail(UNREADABLE); return; }
    if (buffer.duration > SECONDS) { host.fail(`This recording lasts ${Math.ceil(buffer.duration)} s; at most ${SECONDS} are taken. Cut it to the part that matters first.`); return; }
    const sound = wavAddress(mono(buffer), RATE);
    await show(sound);
    host.ask({ sound });
  };
  const start = async () => {
    if (!navigator.mediaDevices) { host.fail("The browser lends the microphone only to pages at https or on this computer. Upload a file instead."); return; }
    let stream;
    try { stream = await navigator.mediaDevices.getUserMedia({ audio: true }); } catch { host.fail("The browser gave no microphone. Allow it for this page, or upload a file."); return; }
    /** @type {Blob[]} */
    const pieces = [];
    const mine = new MediaRecorder(stream);
    recorder = mine;
    mine.addEventListener("dataavailable", (event) => pieces.push(event.data));
    mine.addEventListener("stop", () => {
      for (const track of stream.getTracks()) track.stop();
      turn(null);
      take(new Blob(pieces, { type: mine.mimeType }));
    });
    mine.start();
    turn(mine);
    setTimeout(() => { if (mine.state === "recording") mine.stop(); }, 1000 * (host.modality() === "recording" ? 10 : 3));
  };
  /** @param {MediaRecorder | null} now */
  const turn = (now) => {
    recorder = now;
    record.setAttribute("aria-pressed", String(Boolean(now)));
    record.textContent = now ? "Stop" : "Record";
  };
  record.addEventListener("click", () => { if (recorder) recorder.stop(); else start(); });
  file.addEventListener("change", () => {
    const chosen = file.files?.[0];
    file.value = "";
    if (chosen) take(chosen);
  });
  return {
    clear,
    pick: ({ sound, truth }) => {
      const address = `data:audio/wav;base64,${sound}`;
      show(address);
      host.ask({ sound: address }, truth);
    },
  };
};

/** The mean of its channels. @param {AudioBuffer} buffer */
const mono = (buffer) => {
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, at) => buffer.getChannelData(at));
  return Float32Array.from(channels[0], (_, at) => channels.reduce((sum, channel) => sum + channel[at], 0) / channels.length);
};

/** Lowest and highest sample of each column. @param {HTMLCanvasElement} canvas @param {Float32Array} wave */
const draw = (canvas, wave) => {
  const pen = canvas.getContext("2d");
  if (!pen) return;
  const { width, height } = canvas, top = wave.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-4);
  pen.clearRect(0, 0, width, height);
  pen.fillStyle = getComputedStyle(canvas).color;
  for (let column = 0; column < width; column += 1) {
    const part = wave.subarray(Math.floor((column * wave.length) / width), Math.max(1, Math.ceil(((column + 1) * wave.length) / width)));
    const low = part.reduce((least, value) => Math.min(least, value), 0), high = part.reduce((most, value) => Math.max(most, value), 0);
    pen.fillRect(column, (height / 2) * (1 - high / top), 1, Math.max(1, ((high - low) / top) * (height / 2)));
  }
  canvas.setAttribute("aria-label", `Waveform of the input, ${(wave.length / RATE).toFixed(1)} seconds`);
};
