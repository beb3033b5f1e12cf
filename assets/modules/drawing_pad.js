// A white pad with black ink, that mouse, pen and finger draw on; it also shows a picture.

/** @typedef {HTMLImageElement | ImageBitmap} Picture */

/** The pad on a canvas; `done` is called after each stroke. @param {HTMLCanvasElement} canvas @param {() => void} done */
export const drawingPad = (canvas, done) => {
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  /** @type {[number, number] | null} */
  let from = null;
  const clear = () => {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
  };
  /** @param {PointerEvent} event @returns {[number, number]} */
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height];
  };
  /** @param {[number, number]} start @param {[number, number]} to */
  const line = (start, to) => {
    Object.assign(pen, { lineWidth: 17, lineCap: "round", lineJoin: "round", strokeStyle: "#000" });
    pen.beginPath();
    pen.moveTo(...start);
    pen.lineTo(to[0] + 0.01, to[1]);
    pen.stroke();
    from = to;
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    line(at(event), at(event));
  });
  canvas.addEventListener("pointermove", (event) => { if (from) line(from, at(event)); });
  const lift = () => { if (from) { from = null; done(); } };
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) canvas.addEventListener(name, lift);
  clear();
  return {
    clear,
    /** The ink as a PNG in a data URL. */
    picture: () => canvas.toDataURL("image/png"),
    /** As large as it fits. @param {Picture} source @param {boolean} smooth */
    show(source, smooth) {
      clear();
      const [wide, high] = source instanceof HTMLImageElement ? [source.naturalWidth, source.naturalHeight] : [source.width, source.height];
      const scale = Math.min(canvas.width / wide, canvas.height / high);
      const [width, height] = [wide * scale, high * scale];
      pen.imageSmoothingEnabled = smooth;
      pen.drawImage(source, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
    },
  };
};

/** A picture as a PNG in a data URL, its longer side `most` px at the most: more would only take longer to send. @param {ImageBitmap} bitmap */
export const sized = (bitmap, most = 1024) => {
  const scale = Math.min(1, most / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [Math.round(bitmap.width * scale), Math.round(bitmap.height * scale)];
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, width, height);
  return canvas.toDataURL("image/png");
};
