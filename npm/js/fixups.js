// What a snapshot cannot hold but JavaScript can make again: a custom section of the snapshot says what.

import { SECTIONS } from './own_snapshots.js';
import { printable } from './printable.js';

/** The name of the section. `run.js` has it too. */
export const SECTION = 'preinit.js';

const kinds = ['undefined', 'boolean', 'number', 'string', 'bigint'];

/** A value as JSON; undefined if it cannot be made again. Null needs not to be: it is what a table holds anyway. */
export function written(value) {
  if (value === globalThis) return ['global'];
  const kind = typeof value;
  if (!kinds.includes(kind)) return undefined;
  if (kind === 'undefined') return [kind];
  if (kind === 'bigint') return [kind, String(value)];
  if (kind === 'number') return [kind, Object.is(value, -0) ? '-0' : String(value)];
  return [kind, value];
}

/** `[first slot, number of slots, value]` for neighbors that hold the same. */
export function runs(slots) {
  const found = [];
  for (const [slot, value] of slots) {
    const last = found.at(-1);
    if (last && last[0] + last[1] === slot && JSON.stringify(last[2]) === JSON.stringify(value)) last[1] += 1;
    else found.push([slot, 1, value]);
  }
  return found;
}

function leb(number) {
  const bytes = [];
  do {
    const low = number & 0x7f;
    number >>>= 7;
    bytes.push(number ? low | 0x80 : low);
  } while (number);
  return bytes;
}

/** The module with a custom section at its end. */
export function withSection(wasm, section, payload) {
  const name = new TextEncoder().encode(section);
  const body = [...leb(name.length), ...name];
  const head = [0, ...leb(body.length + payload.length), ...body];
  const out = new Uint8Array(wasm.length + head.length + payload.length);
  out.set(wasm);
  out.set(head, wasm.length);
  out.set(payload, wasm.length + head.length);
  return out;
}

/** Why a module with such a section is no original; undefined if it has none. */
export function whyNoOriginal(wasm) {
  const [found] = sectionsIn(wasm).find(([name]) => SECTIONS.includes(name)) ?? [];
  if (found === undefined) return undefined;
  return `the module has a section ${found}: it is a snapshot with state in JavaScript, which another one would lose; take the module that it was made of`;
}

/** What the section of a module holds; undefined if there is none. */
export function sectionOf(wasm) {
  const found = sectionsIn(wasm).filter(([name]) => name === SECTION);
  if (found.length > 1) throw new Error(`there are ${found.length} sections ${SECTION}, and it is not known which one is meant`);
  if (found.length === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(found[0][1]));
  } catch (error) {
    throw new Error(`the section ${SECTION} is no JSON: ${printable(error.message)}`);
  }
}

/** The sections of a module in order: what kind each is, and where its contents are. */
function* sections(wasm) {
  let at = 8;
  while (at < wasm.length) {
    const id = wasm[at++];
    const [length, first] = numberAt(wasm, at);
    at = first + length;
    yield { id, first, end: at };
  }
}

/** A number of a module, and where it ends. */
function numberAt(wasm, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = wasm[at++];
    value += (byte & 0x7f) * 2 ** shift;
    // Also where the bytes end too early.
    if (!(byte >= 0x80)) return [value, at];
  }
}

/** Whether a module has a section of one of these kinds. */
export function hasSection(wasm, ids) {
  for (const { id } of sections(wasm)) if (ids.includes(id)) return true;
  return false;
}

/** The custom sections of a module, with their names. */
export function sectionsIn(wasm) {
  const utf8 = new TextDecoder();
  const found = [];
  for (const { id, first, end } of sections(wasm)) {
    if (id !== 0) continue;
    const [length, at] = numberAt(wasm, first);
    // The engine says what is wrong with a name that is longer than its section.
    if (at + length <= end) found.push([utf8.decode(wasm.subarray(at, at + length)), wasm.subarray(at + length, end)]);
  }
  return found;
}
