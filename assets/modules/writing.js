// Compare for models that generate text: all write at once, each into its card, until they end or somebody stops them.
import { growing } from "./answer_text.js";
import { add, all, html, parts, problem, set } from "./html.js";
import { duration, number } from "./numbers.js";
import { generate } from "./stream.js";

/** @typedef {import("./stream.js").Line} Line */
/** @typedef {{models: string[], reference: string, prompt: string, truth: string, ballot?: string}} Asked `ballot`: of a blind vote, whose models are called A and B */

const UNDERLINED = "Underlined tokens are not the teacher's first choice; point at one for both probabilities.";
const SHOWN = 40; // letters of what all wrote before they part

/** Where texts part, in words; nothing for a single one. @param {string[]} texts */
export const parting = (texts) => {
  if (texts.length < 2) return "";
  const [first, ...others] = texts.map((text) => [...text]);
  const length = first.findIndex((letter, at) => others.some((other) => other[at] !== letter));
  const common = (length < 0 ? first : first.slice(0, length)).join("");
  if (length < 0 && others.every((other) => other.length === first.length)) return "All wrote the same.";
  if (!common.trim()) return "They part at the first word.";
  return `They write the same up to “${common.length > SHOWN ? "…" : ""}${common.slice(-SHOWN).trim()}” and part there.`;
};

/** What the tokens so far took, measured by the serving process; the first one is made with the whole prompt. */
const pace = () => {
  let count = 0, first = 0, rest = 0;
  /** @param {number | undefined} seconds */
  const add = (seconds) => {
    if (seconds === undefined) return;
    if (count === 0) first = seconds; else rest += seconds;
    count += 1;
  };
  /** @param {number} beside */
  const words = (beside) => {
    if (!count) return "";
    const speed = count > 1 && rest > 0 ? ` · then ${number((count - 1) / rest, "tokens/s")}` : "";
    const others = beside > 1 ? `, ${beside} models at a time` : "";
    return `just now: first token ${first < 1 ? number(1000 * first, "ms") : duration(first)}${speed} (${count} tokens, measured, one thread each${others})`;
  };
  return { add, words };
};

/** A card that one model writes into. @param {HTMLElement} card @param {number} beside */
const writer = (card, beside) => {
  const [live, box] = [".live", ".written"].map((selector) => all(card, selector, HTMLElement)[0]);
  const text = growing(box, card.dataset.role ?? ""), took = pace();
  let written = "";
  live.textContent = "";
  /** @param {Line} line */
  const take = ({ part, error }) => {
    if (error) { add(box, problem(error)); return; }
    if (!part) return;
    text.add(part);
    took.add(part.seconds);
    written += (part.tokens ?? []).map((token) => token.text).join("");
    live.textContent = took.words(beside);
  };
  return { take, written: () => written };
};

/**
 * Lets the lines of several models through one each at a time, so that nobody sees which of them is faster.
 * @param {string[]} models @param {(line: Line) => void} take
 */
export const inStep = (models, take) => {
  const waiting = new Map(models.map((model) => [model, /** @type {Line[]} */ ([])])), ended = new Set();
  return (/** @type {Line} */ line) => {
    waiting.get(line.model)?.push(line);
    if (line.error || line.part?.ended) ended.add(line.model);
    const ready = () => [...waiting].every(([model, lines]) => lines.length || ended.has(model)) && [...waiting.values()].some((lines) => lines.length);
    while (ready()) for (const lines of waiting.values()) { const next = lines.shift(); if (next) take(next); }
  };
};

/** @param {HTMLElement} root the panel of Compare */
export const writing = (root) => {
  const part = parts(root), halt = part("compare-stop", HTMLButtonElement), stopText = part("compare-stop-text", HTMLInputElement);
  const chatField = part("compare-chat-field"), chat = part("compare-chat", HTMLInputElement);
  /** @type {ReturnType<typeof generate> | null} */
  let running = null;
  /** What was written to its end last, as a pin is asked to write it again. @type {{asked: {text: string, truth: string, sampling: object, chat: boolean}, written: Record<string, string>} | null} */
  let last = null;

  const sampling = () => {
    const fields = all(root, "[data-sampling]", HTMLInputElement).filter((field) => field.value !== "");
    const values = Object.fromEntries(fields.map((field) => [field.dataset.sampling, Number(field.value)]));
    return { ...values, ...(stopText.value ? { stop: [stopText.value] } : {}) };
  };
  const stop = () => running?.stop();
  /** Whoever begins anew stops what was written before. True where it was written to an end. @param {Asked} asked @returns {Promise<boolean>} */
  const write = async ({ models, reference, prompt, truth, ballot }) => {
    stop();
    last = null;
    const cards = all(part("compare-cards"), "[data-model]", HTMLElement);
    const writers = Object.fromEntries(cards.map((card) => [card.dataset.model, writer(card, models.length)]));
    set(part("compare-agreement"), "");
    halt.disabled = false;
    const take = (/** @type {Line} */ line) => writers[line.model]?.take(line);
    const whose = ballot ? { ballot } : { models, ...(reference ? { reference } : {}) };
    const chosen = { sampling: sampling(), chat: chat.checked && !chatField.hidden };
    const mine = running = generate({ ...whose, prompt, ...chosen }, ballot ? inStep(models, take) : take);
    const end = await mine.done;
    if (running !== mine) return false; // another one was begun meanwhile
    running = null;
    halt.disabled = true;
    if (!end.error && !end.stopped && !ballot) {
      const written = Object.fromEntries(models.map((model) => [model, writers[model]?.written() ?? ""]));
      last = { asked: { text: prompt, truth, ...chosen }, written };
    }
    const found = parting(Object.values(writers).map((each) => each.written()).filter(Boolean));
    const words = [end.stopped && "Stopped.", truth && `Reference: “${truth}”.`, found, reference && found && UNDERLINED].filter(Boolean).join(" ");
    set(part("compare-agreement"), end.error ? problem(end.error) : html`${words && html`<div class="note agreement">${words}</div>`}`);
    return !end.error;
  };
  /** Where the fields begin for a task. @param {Record<string, number>} values */
  const begin = (values) => {
    for (const field of all(root, "[data-sampling]", HTMLInputElement)) field.value = String(values[field.dataset.sampling ?? ""] ?? field.value);
  };
  halt.addEventListener("click", stop);
  return { write, stop, begin, last: () => last };
};
