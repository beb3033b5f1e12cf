// The run comparer: what the address names under `compare`, the first of them the one that the others are held against.
import { newest } from "./api.js";
import { hit, parts, problem, set } from "./html.js";
import { open } from "./navigation.js";
import { url } from "./state.js";

/** @typedef {(asked: {compare: string}) => Promise<{title: string, html: string, error?: string}>} Ask */

/** @param {HTMLElement} root @param {Ask} ask @param {(ids: string[]) => void} chosen told of what is compared */
export const comparer = (root, ask, chosen) => {
  const part = parts(root), card = part("run-comparer"), question = newest(ask);
  let compared = "";

  const follow = async () => {
    const wanted = url.get("compare") ?? "";
    if (wanted === compared) return;
    compared = wanted;
    question.forget();
    card.hidden = !wanted;
    if (!wanted) return;
    chosen(wanted.split(","));
    part("comparer-title").textContent = "Comparing…";
    const answer = await question({ compare: wanted });
    if (!answer) return;
    part("comparer-title").textContent = answer.error ? "These cannot be compared" : answer.title;
    set(part("comparer-message"), problem(answer.error));
    set(part("comparer-table"), answer.html ?? "");
    part("comparer-title").focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
  };
  /** @param {string[]} ids */
  const turn = (ids) => {
    chosen(ids);
    open({ tab: "runs", compare: ids.length > 1 ? ids.join(",") : "" });
  };
  root.addEventListener("click", (event) => {
    const ids = compared.split(","), first = hit(event, "[data-first]")?.dataset.first, leave = hit(event, "[data-leave]")?.dataset.leave;
    if (first) turn([first, ...ids.filter((id) => id !== first)]);
    else if (leave) turn(ids.filter((id) => id !== leave));
    else if (hit(event, "#comparer-close")) open({ tab: "runs", compare: "" });
  });
  return { follow, view: () => ({ compare: compared }) };
};
