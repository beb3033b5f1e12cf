// Compare: one input, several models; a drawing pad, a file, a text or a test example.
(() => {
  "use strict";
  const { kdui } = window;
  const { set, escape, later } = kdui.live;

  // A white pad with black ink; `done` is called after each stroke.
  const drawingPad = (canvas, done) => {
    const pen = canvas.getContext("2d");
    let from = null;
    const clear = () => {
      pen.fillStyle = "#fff";
      pen.fillRect(0, 0, canvas.width, canvas.height);
    };
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height];
    };
    const line = (to) => {
      Object.assign(pen, { lineWidth: 17, lineCap: "round", lineJoin: "round", strokeStyle: "#000" });
      pen.beginPath();
      pen.moveTo(...from);
      pen.lineTo(to[0] + 0.01, to[1]);
      pen.stroke();
      from = to;
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      from = at(event);
      line(from);
    });
    canvas.addEventListener("pointermove", (event) => { if (from) line(at(event)); });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { if (from) { from = null; done(); } });
    clear();
    return {
      clear,
      show: (source, smooth) => {
        clear();
        const [wide, high] = [source.naturalWidth ?? source.width, source.naturalHeight ?? source.height];
        const scale = Math.min(canvas.width / wide, canvas.height / high);
        const [width, height] = [wide * scale, high * scale];
        pen.imageSmoothingEnabled = smooth;
        pen.drawImage(source, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
      },
    };
  };

  const mount = (root, server) => {
    const part = (id) => root.querySelector(`#${id}`);
    const [task, text, canvas, file] = ["compare-task", "compare-text", "compare-pad", "compare-file"].map(part);
    const pickers = [...root.querySelectorAll("[data-slot]")];
    const view = { task: "", models: [], modality: "", input: null, truth: "", offset: 0, asked: 0, parted: 0, other: "" };
    const fail = (words) => `<div class="fail" role="alert">${escape(words)}</div>`;

    // --- which models -------------------------------------------------------------------------------------------------
    const start = async (wish) => {
      const answer = await server.compare_start(wish);
      if (answer.error) { set(part("compare-agreement"), fail(answer.error)); return; }
      const newTask = answer.task !== view.task;
      Object.assign(view, { task: answer.task, models: answer.models ?? [], others: answer.others ?? [] });
      task.value = answer.task;
      part("compare-empty").hidden = !answer.empty;
      part("compare-input").hidden = Boolean(answer.empty);
      for (const picker of pickers) picker.closest("label").hidden = Boolean(answer.empty);
      set(part("compare-agreement"), "");
      set(part("compare-cards"), answer.cards ?? "");
      part("compare-parted").hidden = view.models.length < 2;
      if (answer.empty) { view.modality = ""; set(part("compare-empty"), answer.empty); return; }
      pickers.forEach((picker, slot) => { set(picker, answer.pickers[slot]); });
      if (newTask) await turnTo(answer.modality);
      if (view.input) ask();
      pairs();
    };
    const turnTo = async (modality) => {
      Object.assign(view, { modality, input: null, truth: "", offset: 0 });
      for (const box of root.querySelectorAll("[data-modality]")) box.hidden = box.dataset.modality !== modality;
      text.value = "";
      pad.clear();
      part("compare-examples").classList.toggle("thumbs", modality === "image");
      (modality === "image" ? root.querySelector(".pick-examples") : part("compare-input")).append(part("compare-examples"), part("compare-more"));
      await more();
    };
    const more = async () => {
      if (!part("compare-examples").children.length) set(part("compare-examples"), '<p class="lead" role="status">Fetching test examples…</p>');
      const answer = await server.compare_examples({ task: view.task, offset: view.offset });
      set(part("compare-examples"), answer.error ? fail(answer.error) : answer.html);
      view.offset = answer.next ?? 0;
    };
    const choose = (models) => { if (models && models !== view.models.join(",")) start({ task: view.task, models }); };
    const turn = (name) => { if (name && name !== view.task) start({ task: name, models: kdui.url.get("models") }); };

    // --- one question ---------------------------------------------------------------------------------------------------
    const ask = async () => {
      if (!view.input) return;
      const turnNumber = (view.asked += 1);
      part("compare-cards").setAttribute("aria-busy", "true");
      const answer = await server.compare_ask({ task: view.task, models: view.models, truth: view.truth, ...view.input })
        .catch((problem) => ({ error: `No answer came back (${problem.message}). Try again.` }));
      if (turnNumber !== view.asked) return; // the input changed meanwhile
      part("compare-cards").setAttribute("aria-busy", "false");
      set(part("compare-agreement"), answer.error ? fail(answer.error) : answer.agreement);
      set(part("compare-cards"), answer.cards ?? ""); // old answers would look like those to the new input
    };
    const say = (words, truth = "") => {
      Object.assign(view, { input: words.trim() ? { text: words } : null, truth });
      kdui.url.set({ say: words.length <= 400 ? words : "" });
      if (!view.input) { nothing("Type a text first, or pick one of the examples."); return undefined; }
      return ask();
    };
    // There is no input any more, so no answer to the one before may stay.
    const nothing = (words) => {
      view.asked += 1;
      set(part("compare-agreement"), `<div class="note">${escape(words)}</div>`);
      set(part("compare-cards"), "");
    };
    const drawn = () => {
      Object.assign(view, { input: { picture: canvas.toDataURL("image/png") }, truth: "" });
      return ask();
    };
    const pick = (button) => {
      const truth = button.dataset.truth ?? "";
      if (button.dataset.text !== undefined) {
        text.value = button.dataset.text;
        say(text.value, truth);
      } else {
        const picture = button.querySelector("img");
        pad.show(picture, false);
        Object.assign(view, { input: { pixels: JSON.parse(button.dataset.pixels) }, truth });
        ask();
      }
      part("compare-agreement").scrollIntoView({ block: "nearest", behavior: "smooth" });
    };
    const upload = async () => {
      const chosen = file.files[0];
      file.value = "";
      if (!chosen) return;
      try {
        const bitmap = await createImageBitmap(chosen);
        pad.show(bitmap, true);
        const scale = Math.min(1, 1024 / Math.max(bitmap.width, bitmap.height)); // more pixels would only take longer to send
        const sized = Object.assign(document.createElement("canvas"), { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) });
        sized.getContext("2d").drawImage(bitmap, 0, 0, sized.width, sized.height);
        Object.assign(view, { input: { picture: sized.toDataURL("image/png") }, truth: "" });
        ask();
      } catch {
        set(part("compare-agreement"), fail("The browser cannot read this file as an image. Choose a PNG, JPEG, WebP or GIF file."));
      }
    };
    const pad = drawingPad(canvas, drawn);

    // --- where they part ---------------------------------------------------------------------------------------------------
    const pairs = () => {
      const [first, ...rest] = view.others;
      if (!rest.some((other) => other.digest === view.other)) view.other = rest[0]?.digest ?? "";
      set(part("compare-pairs"), rest.length < 2 ? "" : rest.map((other) => `<button type="button" class="act small" id="pair-${escape(other.digest.slice(0, 12))}"
        data-other="${escape(other.digest)}" aria-pressed="${other.digest === view.other}">${escape(other.title)}</button>`).join(""));
      if (first && view.other) parted(first.digest, view.other);
    };
    const parted = async (first, other) => {
      const turnNumber = (view.parted += 1);
      set(part("compare-table"), '<p class="lead" role="status">Looking through the test data…</p>');
      const answer = await server.compare_parted({ task: view.task, first, other })
        .catch((problem) => ({ error: `No answer came back (${problem.message}). Try again.` }));
      if (turnNumber === view.parted) set(part("compare-table"), answer.error ? fail(answer.error) : answer.html);
    };

    // --- what a person does ----------------------------------------------------------------------------------------------
    root.addEventListener("click", (event) => {
      const at = (selector) => event.target.closest(selector);
      const [example, pair] = [at(".example"), at("[data-other]")];
      if (example) pick(example);
      else if (pair) { view.other = pair.dataset.other; pairs(); }
      else if (at("#compare-go")) say(text.value);
      else if (at("#compare-clear")) { pad.clear(); view.input = null; start({ task: view.task, models: view.models.join(",") }); }
      else if (at("#compare-more")) more();
    });
    task.addEventListener("change", () => kdui.open({ tab: "compare", task: task.value, models: "", say: "" }));
    for (const picker of pickers) {
      picker.addEventListener("change", () => {
        const models = [...new Set(pickers.map((each) => each.value).filter(Boolean))].join(",");
        kdui.open({ tab: "compare", task: view.task, models });
        choose(models);
      });
    }
    text.addEventListener("input", later(500, () => say(text.value)));
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); say(text.value); }
    });
    file.addEventListener("change", upload);

    // --- start -------------------------------------------------------------------------------------------------------------
    Object.assign(kdui.compare, { choose, turn });
    const { task: wished, models, say: shared } = kdui.url.all();
    const said = text.value || shared; // somebody may have typed before this script was there
    start({ task: wished ?? "", models: models ?? "" }).then(() => {
      if (said && view.modality === "text") { text.value = said; say(said); }
    });
  };
  kdui.compare = { mount, choose: () => {}, turn: () => {} };
})();
