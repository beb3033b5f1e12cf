// The server's functions of one panel: every answer is an object, and every problem a sentence in its `error`.

const LOST = "The server does not answer. What you have set is kept here: try again in a moment.";

/** @param {Record<string, (asked: object) => Promise<any>>} server */
export const connect = (server) => ({
  /** Asks `call`; a connection that fails is a problem like any other. @param {string} call @param {object} asked @returns {Promise<any>} */
  async ask(call, asked) {
    try {
      return (await server[call](asked)) ?? {};
    } catch (problem) {
      console.warn(`kdui: ${call}`, problem);
      return { error: LOST, lost: true };
    }
  },
});
