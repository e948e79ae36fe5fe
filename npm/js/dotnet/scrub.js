// Free memory zeroed by the program's own allocator: while there is no more memory, it gives away all that is free, block by block.

/** Zeroes what is free; `deny` is called with whether memory may not grow. Gives the number of bytes. */
export function scrub(runtime, deny) {
  const LARGEST = 1 << 24;
  const SMALLEST = 16;
  const { malloc, free } = runtime.exports;
  const blocks = [];
  let total = 0;
  deny(true);
  try {
    for (let size = LARGEST; size >= SMALLEST;) {
      const at = malloc(size) >>> 0;
      if (at === 0) {
        size >>= 1;
        continue;
      }
      runtime.bytes(at, size).fill(0);
      blocks.push(at);
      total += size;
    }
  } finally {
    for (const at of blocks) free(at);
    deny(false);
  }
  return total;
}

/**
 * Fills the part of the heap where objects are made with strings of zeros, which the next collection drops: what was there before
 * has gone already, and only its bytes are left. The address of a new string falls when that part is begun anew.
 */
export function clearYoung(runtime) {
  // Larger ones are put elsewhere.
  const CHARACTERS = 3900;
  const MOST = 4096;
  const ROUNDS = 2;
  const { mono_wasm_string_from_utf16_ref: make } = runtime.exports;
  return runtime.lend(new Uint8Array(2 * CHARACTERS + 16), (at) => {
    const reference = at + 2 * CHARACTERS + 8;
    let made = 0;
    for (let last = 0, rounds = 0; rounds < ROUNDS && made < MOST; made++) {
      make(at, CHARACTERS, reference);
      const address = runtime.view.getUint32(reference, true);
      if (address < last) rounds += 1;
      last = address;
    }
    runtime.view.setUint32(reference, 0, true);
    return made;
  });
}
