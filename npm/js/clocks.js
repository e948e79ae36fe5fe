// Clocks whose names say nothing, as in optimized Emscripten code: they are known by what they answer.

const ROUNDED = 0.001;

/** A function that says whether what an import answers since now is the time. */
export function clockSince() {
  const [date, now] = [Date.now(), performance.now()];
  return (args, result, buffer) => {
    const ends = [Date.now(), performance.now()];
    // Both clocks in milliseconds, which may be rounded, and whole seconds.
    const isIn = (time, from, to) => time >= from - ROUNDED && time <= to + ROUNDED;
    const isTime = (time) => isIn(time, date, ends[0]) || isIn(time, now, ends[1]);
    const isSecond = result === Math.floor(date / 1000) || result === Math.floor(ends[0] / 1000);
    if (args.length === 0) return typeof result === 'number' && (isTime(result) || isSecond);
    // WASI's: nanoseconds behind a pointer.
    const at = args.at(-1);
    const isPlace = result === 0 && args.length >= 3 && args.length <= 4 && Number.isInteger(at) && at > 0 && buffer && at + 8 <= buffer.byteLength;
    return Boolean(isPlace) && isTime(Number(new DataView(buffer).getBigUint64(at, true)) / 1e6);
  };
}
