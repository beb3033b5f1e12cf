// The lecturer's screen of a class: how to join, what the class answers, and what is shown next. It is asked for only while it is open.
import { connect } from "./api.js";
import { bare, bars, boardChart, boardWords, counted, inLanguage, latencyChart, milliseconds } from "./class_pictures.js";
import { all, hit, html, parts, problem, served, set } from "./html.js";
import { url } from "./state.js";

/** @typedef {import("./class_pictures.js").Question} Question */
/** @typedef {import("./class_pictures.js").Drawing} Drawing */
/** @typedef {{open: boolean, code: string, link: string, qr: string, port: number, people: string[], activity: string, question?: Question,
 *   board?: import("./class_pictures.js").Board, drawing?: import("./class_pictures.js").Drawing, error?: string}} Class */
/** @typedef {{class_look: (asked: {origin: string}) => Promise<Class>, class_act: (asked: Record<string, string>) => Promise<Class>}} Server */

const EVERY_MS = 1500, SHOWN_NAMES = 40;

/** @param {HTMLElement} root @param {Server} server */
export const mount = (root, server) => {
  const api = connect(server), part = parts(root), screen = part("class-screen", HTMLDialogElement), { origin } = location;
  const view = { lesson: "", told: /** @type {Class | null} */ (null), width: 0, busy: false };

  // --- what is drawn ------------------------------------------------------------------------------------------------------------
  /** @param {Class} told */
  const joining = ({ link, qr, code, people, port }) => {
    const names = people.slice(-SHOWN_NAMES), more = people.length - names.length;
    const where = link ? link.replace(/^https?:\/\//, "") : `${location.host}/join/${code}`, [host, page] = where.split("/join/");
    const address = html`<p class="link">${host}<wbr>/join/${page}</p>`;
    const how = link ? html`${served(qr)}${address}` : html`${address}<div class="note"><p>This server listens on this machine only, so the link opens on no other device.
        To open it to the room, stop it and start it so:</p><pre>KDUI_AUTH=lecturer:PASSWORD \\
python app.py --host 0.0.0.0 --port ${port}</pre><p>Participants need no password: the code is enough. They reach this class and nothing else.</p></div>`;
    return html`<p class="caps">Join with a phone</p>${how}<p class="code" aria-label="Code ${code}">${code}</p>
      <p class="count">${counted(people.length, "participant")}</p><p class="names">${more > 0 ? `${more} more, ` : ""}${names.join(" · ")}</p>`;
  };
  /** @param {Question} question */
  const asked = (question) => html`<h3>${bare(question.ask)}</h3>${bars(question)}<p class="told">${counted(question.total, "prediction")}</p>
    <div class="buttons">${question.revealed ? "" : html`<button type="button" class="act primary" data-act="reveal">Reveal</button>`}
    <button type="button" class="act" data-act="clear">Ask again</button></div>`;
  /** What is missing, else which model is run. @param {Drawing} drawing */
  const lacking = ({ runtime, student, models }) => {
    if (!runtime) return html`<div class="note"><p>Participants' browsers need ONNX Runtime Web, which is not on this machine yet. It is fetched once, by npm: 33 MB, of which 14 are kept.</p>
      <p><button type="button" class="act primary" data-act="install">Fetch it now</button></p></div>`;
    if (!models.length) return html`<div class="note"><p>There is no model to run yet. Train a student on digits first, for example with the recipe <a href="?tab=build&amp;from=quickstart">quickstart</a>.</p></div>`;
    return html`<label class="field class-model"><span>Model that runs in every browser</span><select id="class-model">${models.map(({ digest, title, bytes }) =>
      html`<option value="${digest}"${digest === student ? html` selected` : ""}>${title}, ${(bytes / 1000).toFixed(0)} kB</option>`)}</select></label>`;
  };
  /** @param {Class} told */
  const shown = ({ activity, question, board, drawing }) => {
    if (question) return asked(inLanguage(question));
    if (board) return html`<h3>Everybody's runs on one board</h3>${boardChart(board.points, "", view.width)}${boardWords(board)}
      <p class="mute">● Measured on the digits' test images; ◐ below 8 bits simulated. Turns go round: whoever waited longest is next. <a href="?tab=runs">All runs</a></p>
      <div class="buttons"><button type="button" class="act" data-act="${board.frozen ? "thaw" : "freeze"}">${board.frozen ? "Go on" : "Freeze"}</button>
      <button type="button" class="act" data-act="clear">Clear the board</button></div>`;
    if (drawing) return html`<h3>One digit, every processor in the room</h3>${lacking(drawing)}${latencyChart(drawing, view.width)}
      <p class="told">${drawing.ms.length ? html`Median <b>${milliseconds(drawing.ms[Math.floor((drawing.ms.length - 1) / 2)])}</b>, fastest ${milliseconds(drawing.ms[0])}, slowest ${milliseconds(drawing.ms[drawing.ms.length - 1])}.
        Predicted: ${Object.entries(drawing.labels).map(([label, count]) => `${label} × ${count}`).join(", ")}.` : ""}</p>
      <p class="mute">● Measured in each participant's browser, on its own processor, one thread.</p><div class="buttons"><button type="button" class="act" data-act="clear">Measure again</button></div>`;
    return html`<p class="empty">The class is open. Choose above what it sees.</p>`;
  };
  const draw = () => {
    const { told } = view;
    if (!told || !told.open) return;
    view.width = Math.max(280, part("class-shown").clientWidth - 2);
    set(part("class-join"), joining(told));
    set(part("class-shown"), shown(told));
    for (const button of all(root, "[data-show]", HTMLButtonElement)) {
      button.setAttribute("aria-pressed", String(button.dataset.show === told.activity));
      if (button.dataset.show === "question") button.disabled = !view.lesson && !told.question;
    }
  };

  // --- what is asked --------------------------------------------------------------------------------------------------------------
  /** @param {Class} told */
  const take = (told) => {
    set(part("class-problem"), problem(told.error));
    if (told.error) return;
    view.told = told;
    if (told.question) view.lesson = told.question.lesson;
    if (!told.open) screen.close();
    draw();
  };
  /** @param {string} act @param {Record<string, string>} [more] */
  const change = async (act, more = {}) => {
    if (act === "install") set(part("class-problem"), html`<div class="info" role="status">npm fetches ONNX Runtime Web …</div>`);
    take(await api.ask("class_act", { act, origin, ...more }));
  };
  const look = async () => {
    if (view.busy || !screen.open || document.hidden) return;
    view.busy = true;
    take(await api.ask("class_look", { origin }));
    view.busy = false;
  };
  /** @param {string} activity */
  const show = (activity) => change("show", { activity, lesson: activity === "question" ? view.lesson : "" });
  /** @param {HTMLElement} button */
  const open = async (button) => {
    const activity = button.dataset.classroom ?? "board";
    view.lesson = button.dataset.lesson || view.lesson || url.get("lesson") || "";
    if (!screen.open) screen.showModal();
    await show(activity);
  };
  root.addEventListener("click", (event) => {
    const act = hit(event, "[data-act]"), activity = hit(event, "[data-show]");
    if (act) change(act.dataset.act ?? "");
    if (activity) show(activity.dataset.show ?? "");
    if (hit(event, "#class-hide")) screen.close();
    if (hit(event, "#class-end")) change("close");
    if (hit(event, 'a[href^="?tab"]')) screen.close();
  });
  root.addEventListener("change", ({ target }) => { if (target instanceof HTMLSelectElement && target.id === "class-model") change("choose", { model: target.value }); });
  document.addEventListener("click", (event) => {
    const button = hit(event, "[data-classroom]");
    if (button) open(button);
  });
  new ResizeObserver(draw).observe(screen);
  setInterval(look, EVERY_MS);
};
