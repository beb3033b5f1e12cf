// An image as an input: drawn, uploaded or picked.
import { drawingPad, sized } from "../drawing_pad.js";
import { hit, parts } from "../html.js";

/** @param {HTMLElement} root @param {import("../compare.js").Host} host @returns {import("../compare.js").Widget} */
export const mount = (root, host) => {
  const part = parts(root), file = part("compare-file", HTMLInputElement);
  const pad = drawingPad(part("compare-pad", HTMLCanvasElement), () => host.ask({ picture: pad.picture() }));
  const upload = async () => {
    const chosen = file.files?.[0];
    file.value = "";
    if (!chosen) return;
    try {
      const bitmap = await createImageBitmap(chosen);
      pad.show(bitmap, true);
      host.ask({ picture: sized(bitmap) });
    } catch {
      host.fail("The browser cannot read this file as an image. Choose a PNG, JPEG, WebP or GIF file.");
    }
  };
  file.addEventListener("change", upload);
  root.addEventListener("click", (event) => { if (hit(event, "#compare-clear")) { pad.clear(); host.wait(); } });
  return {
    clear: pad.clear,
    pick: ({ pixels, truth }, picture) => {
      if (!picture) return;
      pad.show(picture, false);
      host.ask(pixels ? { pixels: JSON.parse(pixels) } : { picture: picture.src }, truth);
    },
  };
};
