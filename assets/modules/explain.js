// Compare's reasons: what each prediction hangs on and what makes it flip; and a race of the models over test inputs.
import { hit, html, parts, problem, set } from "./html.js";
import { duration, number } from "./numbers.js";

/** @typedef {{digest: string, done: number, seconds: number}} Lap */
/** @typedef {{digest: string, title: string}} Model */
/**
 * @typedef {{
 *   explain: () => Promise<{html: string, title: string, error?: string}>,
 *   race: (asked: {models: string[], start: number, most: number}) => Promise<{laps: Lap[], error?: string}>,
 * }} Ask
 */

const RACED = 2000; // inputs that the race is over

/** @param {HTMLElement} root @param {Ask} ask */
export const reasons = (root, ask) => {
  const part = parts(root);
  let models = /** @type {Model[]} */ ([]), turn = 0;

  const explain = async () => {
    const mine = (turn += 1);
    part("explain-card").hidden = false;
    part("explain-title").textContent = "Leaving out one part after the other…";
    set(part("explain-shown"), "");
    part("explain-card").scrollIntoView({ block: "nearest" });
    const answer = await ask.explain();
    if (mine !== turn) return;
    part("explain-title").textContent = answer.error ? "This cannot be explained" : answer.title;
    set(part("explain-shown"), answer.error ? problem(answer.error) : answer.html);
  };
  let racing = 0;
  /** @param {Map<string, Lap>} sums */
  const bars = (sums) => {
    const fastest = Math.min(...[...sums.values()].filter((lap) => lap.done).map((lap) => lap.seconds / lap.done));
    set(part("race-bars"), html`${models.map(({ digest, title }) => {
      const { done = 0, seconds = 0 } = sums.get(digest) ?? {}, each = done ? seconds / done : 0;
      return html`<div class="lane-race"><b>${title}</b><span class="track"><i class="bar-fill control" style="width:${(100 * Math.min(1, done / RACED)).toFixed(1)}%"></i></span>
        <span>${done} of ${RACED} in ${duration(seconds)}${each ? `, ${number(1000 * each, "ms")} each${each > fastest ? `, ${number(each / fastest, "×")} the fastest's time` : ""}` : ""}</span></div>`;
    })}`);
  };
  const race = async () => {
    const mine = (racing += 1), sums = new Map(models.map(({ digest }) => [digest, { digest, done: 0, seconds: 0 }]));
    part("race-card").hidden = false;
    part("race-title").textContent = "Racing…";
    bars(sums);
    part("race-card").scrollIntoView({ block: "nearest" });
    while (mine === racing) {
      const running = [...sums.values()].filter((lap) => lap.done < RACED);
      if (!running.length) break;
      const start = Math.min(...running.map((lap) => lap.done));
      const { laps, error } = await ask.race({ models: running.map((lap) => lap.digest), start, most: RACED - start });
      if (mine !== racing) return;
      if (error) { set(part("race-bars"), problem(error)); part("race-title").textContent = "The race stopped"; return; }
      for (const lap of laps) {
        const sum = sums.get(lap.digest);
        if (!sum) continue;
        const counted = Math.min(lap.done, RACED - sum.done);
        sum.seconds += lap.done ? (lap.seconds * counted) / lap.done : 0;
        sum.done += counted;
      }
      bars(sums);
    }
    if (mine !== racing) return;
    const [first] = [...sums.values()].sort((one, other) => one.seconds - other.seconds);
    part("race-title").textContent = `${models.find((model) => model.digest === first.digest)?.title} was first: ${RACED} inputs in ${duration(first.seconds)} ●`;
  };
  root.addEventListener("click", (event) => {
    if (hit(event, "#compare-explain")) explain();
    else if (hit(event, "#compare-race")) race();
    else if (hit(event, "#race-stop")) { racing += 1; part("race-title").textContent = "Stopped"; }
  });
  return {
    /** Other models: what was told of the ones before goes. @param {Model[]} fresh @param {boolean} labelled */
    show(fresh, labelled) {
      models = fresh;
      turn += 1;
      racing += 1;
      part("explain-card").hidden = part("race-card").hidden = part("compare-explain").hidden = true;
      part("compare-race").hidden = fresh.length < 2 || !labelled;
    },
    /** An answer is there, or none. @param {boolean} there */
    answered(there) {
      turn += 1;
      part("compare-explain").hidden = !there;
      part("explain-card").hidden = true;
    },
  };
};
