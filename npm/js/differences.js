// Where two states of a memory differ.

const BLOCK = 1 << 14;
const GAP = 16;
/** Where many runs cost more than long ones. */
export const WIDE = 256;

const compares = typeof Buffer !== 'undefined';
const asBuffer = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A function that says whether two arrays of the same length are the same from `start` to `end`. */
function comparison(left, right) {
  if (compares) {
    const [a, b] = [asBuffer(left), asBuffer(right)];
    return (start, end) => a.compare(b, start, end, start, end) === 0;
  }
  return (start, end) => {
    for (let at = start; at < end; at++) if (left[at] !== right[at]) return false;
    return true;
  };
}

/**
 * `[start, end]` of the places where bytes differ, in order, up to the end of the shorter one. Fewer equal bytes than `gap` between two
 * differences do not end a run.
 */
export function differences(left, right, gap = GAP) {
  const size = Math.min(left.length, right.length);
  const isSame = comparison(left, right);
  const runs = [];
  const differs = (at) => {
    const last = runs.at(-1);
    if (last && at - last[1] < gap) last[1] = at + 1;
    else runs.push([at, at + 1]);
  };
  const search = (start, end) => {
    if (isSame(start, end)) return;
    if (end - start > BLOCK) {
      // Halves on whole blocks: most of a memory is the same.
      const middle = start + (((end - start) >> 1) & -BLOCK || BLOCK);
      search(start, middle);
      search(middle, end);
      return;
    }
    for (let at = start; at < end; at++) if (left[at] !== right[at]) differs(at);
  };
  // Comparing large pieces first reads everything twice.
  for (let start = 0; start < size; start += BLOCK * 4) search(start, Math.min(size, start + BLOCK * 4));
  return runs;
}

/** Sorted ranges `[start, end]` that do not overlap, of any ranges. */
export function union(ranges) {
  const merged = [];
  for (const [start, end] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && start - last[1] < WIDE) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

/** The end of what is not zero. */
export function topOf(bytes) {
  let top = bytes.length;
  while (top > 0 && bytes[top - 1] === 0) top -= 1;
  return top;
}
