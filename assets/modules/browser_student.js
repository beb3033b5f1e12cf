// A student on the visitor's own processor: ONNX Runtime's WebAssembly, one thread, served by the lecturer's machine.
import { maths } from "./mathematics.js";

/** @typedef {{ms: number, probabilities: number[]}} Prediction median time of one prediction */
/** @typedef {(levels: number[]) => Promise<Prediction>} Student */

const SIDE = 8, BLOCKS = 9, BLOCK_MS = 12; // browsers read the clock in steps of up to a millisecond: a block is longer

/**
 * The runtime and the model, ready to predict.
 * @param {string} runtime folder of the runtime @param {string} entry its module @param {ArrayBuffer} model
 * @returns {Promise<Student>}
 */
export const openStudent = async (runtime, entry, model) => {
  const base = new URL(runtime, location.href).href, ort = await import(base + entry);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = base;
  const session = await ort.InferenceSession.create(new Uint8Array(model), { executionProviders: ["wasm"] });
  const [name] = session.inputNames, [output] = session.outputNames;
  return async (levels) => {
    const feeds = { [name]: new ort.Tensor("float32", Float32Array.from(levels, (level) => level / 255), [1, 1, SIDE, SIDE]) };
    const run = () => session.run(feeds);
    const answer = await run(), times = /** @type {number[]} */ ([]);
    let many = 1;
    for (let started = performance.now(); ; many *= 2, started = performance.now()) { // warm-up, until a block is long enough
      for (let i = 0; i < many; i += 1) await run();
      if (performance.now() - started >= BLOCK_MS) break;
    }
    for (let block = 0; block < BLOCKS; block += 1) {
      const started = performance.now();
      for (let i = 0; i < many; i += 1) await run();
      times.push((performance.now() - started) / many);
    }
    times.sort((a, b) => a - b);
    return { ms: times[Math.floor(BLOCKS / 2)], probabilities: maths.softmax([...answer[output].data], 1) };
  };
};
