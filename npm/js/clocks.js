// Clocks whose names say nothing, as in optimized Emscripten code: they are known by what they answer.

const ROUNDED = 0.001;
// Where the time is behind a pointer, and stood there before.
const SAME = 'same';

/** A function that says whether what an import answers since now is the time, or may be. */
export function clockSince(args, buffer) {
  const [date, now] = [Date.now(), performance.now()];
  const placed = placeOf(args, buffer);
  const before = placed && new DataView(buffer).getBigUint64(placed, true);
  return (result, buffer) => {
    const ends = [Date.now(), performance.now()];
    // Both clocks in milliseconds, which may be rounded, and whole seconds. The engine's own has fractions; a whole number is anything.
    const isIn = (time, from, to) => time >= from - ROUNDED && time <= to + ROUNDED;
    const isTime = (time) => isIn(time, date, ends[0]) || !Number.isInteger(time) && isIn(time, now, ends[1]);
    const isSecond = result === Math.floor(date / 1000) || result === Math.floor(ends[0] / 1000);
    if (args.length === 0) return typeof result === 'number' && (isTime(result) || isSecond);
    // WASI's: nanoseconds behind a pointer.
    if (result !== 0 || placed === undefined || placed + 8 > buffer.byteLength) return false;
    const after = new DataView(buffer).getBigUint64(placed, true);
    return isTime(Number(after) / 1e6) && (after === before ? SAME : true);
  };
}

function placeOf(args, buffer) {
  const at = args.at(-1);
  const isPlace = args.length >= 3 && args.length <= 4 && Number.isInteger(at) && at > 0 && buffer && at + 8 <= buffer.byteLength;
  return isPlace ? at : undefined;
}

/** The imports that are clocks: all that each has answered was the time, and it was that import that had written it. */
export class Clocks {
  #proved = new Set();
  #others = new Set();

  add(key, answer) {
    if (!answer) this.#others.add(key);
    else if (answer !== SAME) this.#proved.add(key);
  }

  has(key) {
    return this.#proved.has(key) && !this.#others.has(key);
  }
}
