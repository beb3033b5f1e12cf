// The server's functions of one panel: every answer is an object, and every problem a sentence in its `error`.

import { recorded } from "./state.js";

const LOST = "The server does not answer. What you have set is kept here: try again in a moment.";

/** @typedef {{error?: string, lost?: boolean}} Problem `lost`: the server was not reached at all */

/**
 * The same functions, asked about the recorded runs where the page shows those.
 * @template {Record<string, (asked: any) => Promise<any>>} S
 * @param {S} server
 * @returns {S}
 */
export const ofShownRuns = (server) => (recorded
  ? /** @type {S} */ (new Proxy(server, { get: (all, call) => (/** @type {{}} */ asked) => all[String(call)]({ ...asked, recorded: true }) }))
  : server);

/**
 * @template {Record<string, (asked: any) => Promise<any>>} S
 * @param {S} server
 */
export const connect = (server) => {
  /**
   * Asks `call`; a connection that fails is thrown, for a poll that tells how old its last answer is.
   * @template {keyof S & string} K
   * @param {K} call @param {Parameters<S[K]>[0]} asked
   * @returns {Promise<Awaited<ReturnType<S[K]>> & Problem>}
   */
  const fetch = async (call, asked) => (await server[call](asked)) ?? {};
  /**
   * Asks `call`; a connection that fails is a problem like any other.
   * @template {keyof S & string} K
   * @param {K} call @param {Parameters<S[K]>[0]} asked
   * @returns {Promise<Awaited<ReturnType<S[K]>> & Problem>}
   */
  const ask = async (call, asked) => {
    try {
      return await fetch(call, asked);
    } catch (problem) {
      console.warn(`kdui: ${call}`, problem);
      return /** @type {any} */ ({ error: LOST, lost: true });
    }
  };
  return { ask, fetch };
};

/**
 * Of questions that overtake one another only the newest one's answer counts: the others come to nothing.
 * @template {any[]} A
 * @template T
 * @param {(...asked: A) => Promise<T>} ask
 */
export const newest = (ask) => {
  let turn = 0;
  /** @param {A} asked @returns {Promise<T | undefined>} */
  const question = async (...asked) => {
    const mine = (turn += 1), answer = await ask(...asked);
    return mine === turn ? answer : undefined;
  };
  /** No answer that is on its way counts any more. */
  const forget = () => { turn += 1; };
  return Object.assign(question, { forget });
};
