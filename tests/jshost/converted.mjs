// Modules from text: what preinit makes of them, without its mark, so that they are no snapshots.
import { execFileSync } from 'node:child_process';

export function converted(preinit, file, ...options) {
  const wasm = new Uint8Array(execFileSync(preinit, ['-q', file, ...options]));
  const kept = [wasm.subarray(0, 8)];
  for (let at = 8; at < wasm.length; ) {
    const start = at;
    const id = wasm[at++];
    const size = number();
    const end = at + size;
    const length = id === 0 ? number() : 0;
    const name = new TextDecoder().decode(wasm.subarray(at, at + length));
    if (id !== 0 || name !== 'producers') kept.push(wasm.subarray(start, end));
    at = end;

    function number() {
      let value = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = wasm[at++];
        value += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) return value;
      }
    }
  }
  return new Uint8Array(Buffer.concat(kept));
}
