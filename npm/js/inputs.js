// What JavaScript writes into memory in `run`, before calls of the module: a buffer for its input, mostly. A program that has done what `start` does
// may write there at once, while memory is yet what the last call has left; so there it is what it will be at last.
import { differences } from './differences.js';

// What comparing may take, in milliseconds.
const PATIENCE = 2_000;
const WORD = 8;

export class Inputs {
  #memories;
  #spent = 0;
  #ranges = [];

  /** `start` has ended. */
  begin(memories) {
    this.#memories = memories.map(({ index, object }) => ({ index, object, seen: new Uint8Array(object.buffer).slice() }));
  }

  /** A call that is not recorded. */
  during(call) {
    this.#look(true);
    try {
      return call();
    } finally {
      this.#look(false);
    }
  }

  #look(isByJavaScript) {
    if (!this.#memories || this.#spent > PATIENCE) return;
    const began = performance.now();
    for (const memory of this.#memories) {
      const bytes = new Uint8Array(memory.object.buffer);
      for (const [start, end] of differences(memory.seen, bytes)) {
        memory.seen.set(bytes.subarray(start, end), start);
        if (isByJavaScript) this.#ranges.push([memory.index, start, end]);
      }
      if (bytes.length > memory.seen.length) memory.seen = bytes.slice();
    }
    this.#spent += performance.now() - began;
  }

  /** Where it has written in a memory, as far as the module has not written there in `start`, where the program may look for it. `ranges` are sorted. */
  within(index, ranges, events) {
    this.#look(true);
    const isByModule = ({ kind }) => kind !== 'call' && kind !== 'answer';
    // Parts of a number that are as before are not seen.
    const whole = ({ at, bytes }) => [at - (at % WORD), Math.ceil((at + bytes.length) / WORD) * WORD];
    const results = events.filter(isByModule).flatMap(({ memories }) => memories.filter(({ memory }) => memory === index).map(whole));
    const written = this.#ranges.filter(([memory]) => memory === index).map(([, start, end]) => [start, end]);
    return without(common(merged(written), ranges), merged(results));
  }
}

/** Sorted ranges that do not touch, of any ranges. */
function merged(ranges) {
  const found = [];
  for (const [start, end] of ranges.toSorted((left, right) => left[0] - right[0])) {
    const last = found.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else found.push([start, end]);
  }
  return found;
}

/** What is in both of two lists of sorted ranges. */
function common(left, right) {
  const found = [];
  for (let [a, b] = [0, 0]; a < left.length && b < right.length; ) {
    const [start, end] = [Math.max(left[a][0], right[b][0]), Math.min(left[a][1], right[b][1])];
    if (start < end) found.push([start, end]);
    if (left[a][1] < right[b][1]) a += 1;
    else b += 1;
  }
  return found;
}

/** Sorted ranges without what is in others. */
function without(ranges, others) {
  const gaps = [];
  let from = 0;
  for (const [start, end] of others) {
    gaps.push([from, start]);
    from = end;
  }
  return common(ranges, [...gaps, [from, Infinity]]);
}
