// Lesson 12: what a teacher, its student and the control predict at each token of a text that none of them has seen.
import { all, html, set } from "../html.js";
import { box, knobs, line, linear, picture, recorded, segments, slider, svg, text } from "./picture.js";
import { mean } from "./statistics.js";

/** @typedef {"student" | "control"} Learner */
/** @typedef {{next: string[], teacher: number[], student: number[], control: number[], kept: number[], bits: Record<Learner | "teacher", number>, divergence: Record<Learner, number>}} Place
 *   the teacher's likeliest next tokens with each model's probability of them; `kept`: the teacher's largest probabilities;
 *   `bits`: of the token that follows; `divergence`: nats from the teacher */
/** @typedef {Parameters<typeof recorded>[0] & {vocabulary: number, words: string[], places: Place[]}} Data */

const ROW = 30, LABEL = 104, SHARE = 62, HIGH = 92;

/** @param {number} share */
const percent = (share) => (share < 0.0005 ? "<0.1 %" : `${(100 * share).toFixed(1)} %`);
/** A token as a reader sees it: its space is part of it. @param {string} token */
const seen = (token) => (token.trim() === "" ? (token.includes("\n") ? "↵" : "␣") : token.replace(/^ /, "␣").replace(/\n/g, "↵"));
/** @param {number[]} shares @param {number} count */
const kept = (shares, count) => shares.slice(0, count).reduce((sum, share) => sum + share, 0);

/** @param {HTMLElement} root @param {Data} data */
export const mount = (root, data) => {
  const { places, words } = data, values = { place: 11, learner: "student", kept: 8 };
  set(root, html`<p class="passage"></p>
    <div class="knobs">${slider("place", "After the token", { min: 0, max: places.length - 1 })}${segments("learner", "Beside the teacher",
  [["student", "Student"], ["control", "Control, no teacher"]])}</div>
    <p class="caption">KL divergence from the teacher at each token, nats</p><div class="sketch"></div>
    <p class="caption">The teacher's eight likeliest next tokens</p><div class="sketch"></div>
    ${slider("kept", "Teacher's probabilities kept in the cache", { min: 1, max: places[0].kept.length })}<p class="says"></p>${recorded(data)}`);
  const [passage] = all(root, ".passage", HTMLElement), [along, below] = all(root, ".sketch", HTMLElement), [says] = all(root, ".says", HTMLElement);
  const learner = () => /** @type {Learner} */ (values.learner);

  const drawAlong = picture(along, (width) => {
    const most = Math.max(...places.flatMap(({ divergence }) => [divergence.student, divergence.control]));
    const x = linear(0, places.length, 30, width - 4), y = linear(0, most, HIGH, 8), wide = Math.max(2, x(1) - x(0) - 2);
    const bars = places.map(({ divergence }, i) => html`${i === values.place ? box(x(i) - 2, 0, wide + 4, HIGH + 4, "chosen") : ""}
      ${box(x(i), y(divergence[learner()]), wide, HIGH - y(divergence[learner()]), learner())}`);
    const average = mean(places.map(({ divergence }) => divergence[learner()]));
    return svg(width, HIGH + 8, `Divergence at ${places.length} tokens, ${average.toFixed(2)} nats on average`, html`${bars}
      ${line(30, HIGH, width - 4, HIGH, "axis")}${text(24, 18, most.toFixed(1), "end mute")}${text(24, HIGH, "0", "end mute")}`);
  });
  const drawBelow = picture(below, (width) => {
    const { next, teacher, [learner()]: other } = places[values.place], x = linear(0, 1, LABEL, width - SHARE);
    const rows = next.map((token, row) => {
      const y = row * ROW + 6, real = token === words[values.place + 1];
      return html`${text(LABEL - 8, y + 15, seen(token), real ? "end strong" : "end")}${box(LABEL, y, x(1) - LABEL, 20, "track")}
        ${box(LABEL, y + 1, x(teacher[row]) - LABEL, 9, row < values.kept ? "teacher" : "ghost")}${box(LABEL, y + 10, x(other[row]) - LABEL, 9, learner())}
        ${text(width - SHARE + 8, y + 15, percent(teacher[row]), "mute")}`;
    });
    return svg(width, next.length * ROW + 8, `Most likely: ${seen(next[0])} ${percent(teacher[0])}, ${seen(next[1])} ${percent(teacher[1])}`, rows);
  });
  const changed = () => {
    const place = places[values.place], name = learner();
    set(passage, html`${words.slice(0, values.place + 1).join("")}<mark>${words[values.place + 1]}</mark>${words.slice(values.place + 2).join("")}`);
    const [student, control] = ["student", "control"].map((each) => mean(places.map(({ divergence }) => divergence[/** @type {Learner} */ (each)])));
    set(says, html`Here the ${name} is <b>${place.divergence[name].toFixed(2)} nats</b> from its teacher; over this passage the student ${student.toFixed(2)}, the
      control ${control.toFixed(2)}. Of ${data.vocabulary.toLocaleString("en")} probabilities the ${values.kept} largest hold
      <b>${percent(kept(place.kept, values.kept))}</b> at this token and ${percent(mean(places.map((each) => kept(each.kept, values.kept))))} on average.`);
    drawAlong(); drawBelow();
  };
  return knobs(root, values, changed, { place: (place) => seen(words[place]), kept: (count) => `${count} of ${data.vocabulary.toLocaleString("en")}` });
};
