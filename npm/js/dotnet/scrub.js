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
