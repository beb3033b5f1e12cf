// The decision page's form: a run, its model, aims and inputs; each change is one question, whose answer is also what a pin shows.
import { connect, newest } from "./api.js";
import { all, hit, parts, problem, set } from "./html.js";
import { language } from "./language.js";
import { later } from "./polling.js";

/** @typedef {{run: string, model: string, retain: number | null, faster: number | null, smaller: number | null, inputs: Record<string, unknown>}} Asked */
/**
 * @typedef {{
 *   present_runs: (asked: {run: string}) => Promise<{runs: string, run: string, models: string}>,
 *   present_decision: (asked: Asked) => Promise<{html: string}>,
 *   present_card: (asked: Asked & {language: string}) => Promise<{name: string, text: string}>,
 * }} Server
 */

const AIMS = /** @type {const} */ (["retain", "faster", "smaller"]);
const REST_MS = 250;

/** @param {HTMLElement} root @param {Server} server */
export const mount = (root, server) => {
  const api = connect(server), part = parts(root), run = part("decision-run", HTMLSelectElement), model = part("decision-model", HTMLSelectElement);
  const fields = all(root, "[data-decide]", HTMLInputElement);

  /** @returns {Asked} */
  const asked = () => {
    const values = Object.fromEntries(fields.map((field) => [field.dataset.decide ?? "",
      field.type === "number" ? (field.value === "" ? null : field.valueAsNumber) : field.value]));
    const [retain, faster, smaller] = AIMS.map((name) => /** @type {number | null} */ (values[name]));
    const given = Object.entries(values).filter(([name, value]) => !AIMS.some((aim) => aim === name) && value !== null);
    return { run: run.value, model: model.value, retain, faster, smaller, inputs: Object.fromEntries(given) };
  };
  const question = newest(() => api.ask("present_decision", asked()));
  const ask = async () => {
    const answer = run.value ? await question() : { html: "", error: "" };
    if (answer) set(part("decision-view"), answer.error ? problem(answer.error) : answer.html);
  };
  /** @param {string} wished */
  const choose = async (wished) => {
    const answer = await api.ask("present_runs", { run: wished });
    part("decision").hidden = !answer.error && !answer.runs;
    if (answer.error) { set(part("decision-view"), problem(answer.error)); return; }
    set(run, answer.runs);
    run.value = answer.run;
    set(model, answer.models);
    await ask();
  };

  run.addEventListener("change", () => choose(run.value));
  model.addEventListener("change", ask);
  const rested = later(REST_MS, ask);
  for (const field of fields) field.addEventListener("input", rested);
  root.addEventListener("click", async (event) => {
    if (hit(event, "[data-go]")?.dataset.go !== "card") return;
    const answer = await api.ask("present_card", { ...asked(), language });
    if (answer.error) { set(part("decision-view"), problem(answer.error)); return; }
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob([answer.text], { type: "text/markdown" })), download: answer.name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  return { choose, asked };
};
