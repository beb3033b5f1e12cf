// WAV files in the browser: 16-bit PCM, mono.

/** The file as a data URL. @param {Float32Array} wave samples in −1..1 @param {number} rate samples a second */
export const wavAddress = (wave, rate) => {
  const view = new DataView(new ArrayBuffer(44 + 2 * wave.length));
  /** @param {number} at @param {string} text */
  const word = (at, text) => { for (const [place, letter] of [...text].entries()) view.setUint8(at + place, letter.charCodeAt(0)); };
  word(0, "RIFF"); word(8, "WAVE"); word(12, "fmt "); word(36, "data");
  for (const [at, value] of [[4, 36 + 2 * wave.length], [16, 16], [24, rate], [28, 2 * rate], [40, 2 * wave.length]]) view.setUint32(at, value, true);
  for (const [at, value] of [[20, 1], [22, 1], [32, 2], [34, 16]]) view.setUint16(at, value, true);
  wave.forEach((value, at) => view.setInt16(44 + 2 * at, Math.max(-32768, Math.min(32767, Math.round(value * 32768))), true));
  let binary = "";
  const bytes = new Uint8Array(view.buffer);
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return `data:audio/wav;base64,${btoa(binary)}`;
};
