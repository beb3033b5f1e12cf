// Build's dialog for a person's own data: a path or a file that is sent, a preview with columns to choose, and the task made of it.
import { newest } from "./api.js";
import { all, html, parts, problem, set } from "./html.js";

/** @typedef {import("./api.js").Problem} Problem */
/** @typedef {{path: string, kind: string, chosen: Record<string, string>}} Look */
/** @typedef {{upload: string, file: string, at: number, data: string}} Piece */
/**
 * What the dialog needs of Build.
 * @typedef {{
 *   root: HTMLElement, use: (task: string) => void, look: (asked: Look) => Promise<{html?: string, name?: string} & Problem>,
 *   keep: (asked: {name: string}) => Promise<{task?: string} & Problem>, upload: (asked: Piece) => Promise<{upload?: string, path?: string} & Problem>,
 * }} Build
 */

/** @param {Build} build */
export const ownDataDialog = ({ root, use, look, keep, upload }) => {
  const part = parts(root), dialog = part("own-panel", HTMLDialogElement);
  const path = part("own-path", HTMLInputElement), file = part("own-file", HTMLInputElement), keeps = part("own-keep", HTMLButtonElement);
  const kind = part("own-kind", HTMLSelectElement);
  let name = "";
  /** @param {unknown} markup */
  const said = (markup) => set(part("own-said"), html`${markup}`);
  /** @param {string} text */
  const busy = (text) => said(html`<p class="lead">${text}</p>`);
  /** @param {string} shown @param {string} usable */
  const show = (shown, usable) => {
    name = usable;
    set(part("own-preview"), shown);
    keeps.hidden = !name;
  };
  const latest = newest(look);
  /** @param {boolean} fresh */
  const preview = async (fresh) => {
    const fields = fresh ? [] : [...all(dialog, "[data-own]", HTMLSelectElement), ...all(dialog, "[data-own]", HTMLInputElement)];
    const chosen = Object.fromEntries(fields.map((field) => [field.dataset.own ?? "", field.value]));
    keeps.hidden = true;
    busy("Reading …");
    const answer = await latest({ path: path.value, kind: kind.value, chosen });
    if (!answer) return; // something else was chosen meanwhile
    said(problem(answer.error));
    if (answer.error && !fresh) { keeps.hidden = !name; return; } // what was shown is still true
    show(answer.html ?? "", answer.name ?? "");
  };
  /** @param {Blob} piece @returns {Promise<string>} */
  const coded = (piece) => new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(",")[1] ?? "");
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(piece);
  });
  /** @param {File | undefined} chosen */
  const send = async (chosen) => {
    if (!chosen) return;
    const length = Number(file.dataset.piece);
    let id = "", place = "";
    latest.forget();
    show("", "");
    try {
      for (let at = 0; at === 0 || at < chosen.size; at += length) {
        busy(`Sending ${chosen.name}: ${Math.floor((100 * at) / Math.max(1, chosen.size))} %`);
        const answer = await upload({ upload: id, file: chosen.name, at, data: await coded(chosen.slice(at, at + length)) });
        if (answer.error) { said(problem(answer.error)); return; }
        id = answer.upload ?? "";
        place = answer.path ?? "";
      }
    } catch {
      said(problem("The browser cannot read this file. A folder cannot be sent: pack it as a zip."));
      return;
    }
    path.value = place;
    preview(true);
  };
  const done = async () => {
    keeps.disabled = true;
    busy("Keeping …");
    const answer = await keep({ name });
    keeps.disabled = false;
    said(problem(answer.error));
    if (!answer.task) return;
    dialog.close();
    path.value = kind.value = "";
    show("", "");
    use(answer.task);
  };
  part("own-look").addEventListener("click", () => preview(true));
  path.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); preview(true); } });
  path.addEventListener("input", () => show("", ""));
  kind.addEventListener("change", () => { if (path.value) preview(true); });
  file.addEventListener("change", () => { const chosen = file.files?.[0]; send(chosen).finally(() => { file.value = ""; }); });
  part("own-preview").addEventListener("change", () => preview(false));
  dialog.addEventListener("dragover", (event) => event.preventDefault());
  dialog.addEventListener("drop", (event) => { event.preventDefault(); send(event.dataTransfer?.files[0]); });
  keeps.addEventListener("click", done);
  return { open: () => { said(""); dialog.showModal(); path.focus(); } };
};
