// Compare's blind vote: two answers as A and B, a vote by click or key, then the names and what all votes add up to.
import { saveTable } from "./chart_frame.js";
import { all, hit, html, parts, problem, set } from "./html.js";
import { tab } from "./navigation.js";

/** @typedef {{error?: string}} Told */
/**
 * @typedef {{
 *   ballot: (voter: string) => Promise<{ballot: string, cards: string} & Told>,
 *   vote: (asked: {ballot: string, choice: string, voter: string}) => Promise<{told: string, sides: string[], roles: string[], tally: string} & Told>,
 *   tally: () => Promise<{tally: string} & Told>,
 *   table: () => Promise<Partial<import("./chart_frame.js").Table> & Told>,
 *   reset: () => Promise<{told: string, tally: string} & Told>,
 *   turned: (blind: boolean) => void,
 *   next: () => void,
 * }} Ask `turned`: the mode has changed; `next`: the next test example
 */

const KEYS = /** @type {Record<string, string>} */ ({ 1: "a", 2: "b", 0: "tie", 9: "bad" }); // as kdui/ui/compare_vote.py names them
const VOTER = "kdui-voter"; // tells one browser's votes from another's where nobody signs in
const WAITING = "Waiting for an input: your own, or a test example.";

const voter = () => {
  const known = localStorage.getItem(VOTER) ?? [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  localStorage.setItem(VOTER, known);
  return known;
};

/** @param {HTMLElement} root @param {Ask} ask */
export const blindVote = (root, ask) => {
  const part = parts(root), cards = part("compare-cards"), dialog = part("vote-dialog", HTMLDialogElement);
  let blind = false, ballot = "", turn = 0;

  /** Whether somebody may vote now. @param {string} fresh the ballot; empty where there is nothing to vote on */
  const offer = (fresh) => {
    ballot = fresh;
    part("vote-ways").hidden = !fresh;
    if (fresh) part("vote-after").hidden = true;
  };
  /** @param {string} tally */
  const show = (tally) => {
    set(part("vote-tally"), tally);
    part("vote-acts").hidden = !tally;
  };
  const wait = () => {
    turn += 1;
    offer("");
    part("vote-after").hidden = true;
    set(part("vote-told"), "");
    if (blind) set(cards, html`${["A", "B"].map((side) => html`<section class="card control"><h2 class="title">${side}</h2><p class="lead waiting">${WAITING}</p></section>`)}`);
  };
  /** @param {string} choice */
  const vote = async (choice) => {
    const given = ballot, mine = turn;
    if (!given) return;
    offer(""); // a second click does not vote again
    const answer = await ask.vote({ ballot: given, choice, voter: voter() });
    if (mine !== turn) return;
    set(part("vote-told"), answer.error ? problem(answer.error) : answer.told);
    if (answer.error) return;
    all(cards, "[data-side]", HTMLElement).forEach((card, place) => {
      card.className = `card ${answer.roles[place]}`;
      const [head] = all(card, ".side", HTMLElement);
      set(head, answer.sides[place]);
    });
    show(answer.tally);
    part("vote-after").hidden = false;
    part("vote-next").focus();
  };
  const turnTo = (/** @type {boolean} */ on) => {
    blind = on;
    part("vote-card").toggleAttribute("data-blind", on);
    part("vote-blind").setAttribute("aria-pressed", String(on));
    ask.turned(on);
  };
  const reset = async () => {
    dialog.returnValue = "no";
    dialog.showModal();
    await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
    if (dialog.returnValue !== "yes") return;
    const answer = await ask.reset();
    set(part("vote-told"), answer.error ? problem(answer.error) : answer.told);
    if (!answer.error) show(answer.tally);
  };
  const save = async () => {
    const { name, csv, error } = await ask.table();
    if (error) set(part("vote-told"), problem(error));
    else if (name && csv) saveTable({ name, csv });
  };
  root.addEventListener("click", (event) => {
    const way = hit(event, "[data-vote]")?.dataset.vote;
    if (way) vote(way);
    else if (hit(event, "#vote-blind")) turnTo(!blind);
    else if (hit(event, "#vote-next")) ask.next();
    else if (hit(event, "#vote-save")) save();
    else if (hit(event, "#vote-reset")) reset();
  });
  document.addEventListener("keydown", (event) => {
    const choice = KEYS[event.key], writing = hit(event, "input, textarea, select, dialog, [contenteditable]");
    if (!ballot || !choice || writing || event.ctrlKey || event.metaKey || event.altKey || tab() !== "compare") return;
    event.preventDefault();
    vote(choice);
  });

  return {
    get on() { return blind; },
    wait,
    /** Other models, or another task. @param {boolean} many whether there are two to vote on */
    async begin(many) {
      part("vote-card").hidden = !many;
      if (!many && blind) turnTo(false);
      wait();
      if (!many) return;
      const mine = turn, answer = await ask.tally();
      if (mine === turn && !answer.error) show(answer.tally);
    },
    /** Two answers to the input; `write` lets models that stream write into the cards, and says whether they came to an end.
     * @param {((ballot: string) => Promise<boolean>) | null} write */
    async question(write) {
      wait();
      const mine = turn;
      cards.setAttribute("aria-busy", "true");
      const answer = await ask.ballot(voter());
      if (mine !== turn) return;
      cards.setAttribute("aria-busy", "false");
      if (answer.error) { set(part("vote-told"), problem(answer.error)); part("vote-after").hidden = false; return; }
      set(cards, answer.cards);
      const ended = write ? await write(answer.ballot) : true;
      if (mine === turn && ended) offer(answer.ballot);
    },
  };
};
