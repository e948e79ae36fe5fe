/** FNV-1a over bytes, 32 bits. */
export function hash(bytes, start, end) {
  let value = 0x811c9dc5;
  for (let at = start; at < end; at++) value = Math.imul(value ^ bytes[at], 0x01000193);
  return value >>> 0;
}
