// Run time: what JavaScript writes after the last call of the record, when it has waited for something meanwhile, comes after the last state has
// taken its place. What was other than what stood there is known from the record. What stood there already nobody could see being written; now it is
// something else than what `run` has left.

// As many bytes in a row are no value of the program's own.
const MANY = 32;

const valueAt = (table, slot) => (slot < table.length ? table.get(typeof table.length === 'bigint' ? BigInt(slot) : slot) : undefined);

/** The first of some slots that holds something else than `[table, slot, value]` says; without a value, it is an object. */
export const otherSlot = (slots, tables, valueOf) => slots.find(([number, slot, expected]) => {
  const value = valueAt(tables[number], slot);
  return expected === undefined ? Object(value) !== value : !Object.is(value, valueOf(expected));
});

/** What a program puts into slots before the last state takes its place: it stays. */
export class OwnSlots {
  #slots;

  constructor(slots) {
    this.#slots = slots.map(([table, slot]) => ({ table, slot, left: valueAt(table, slot) }));
  }

  /** A function that puts there again what is there now and was not when this was made. */
  kept() {
    const own = this.#slots.map((one) => ({ ...one, value: valueAt(one.table, one.slot) })).filter(({ left, value }) => !Object.is(left, value));
    return () => own.forEach(({ table, slot, value }) => table.set(typeof table.length === 'bigint' ? BigInt(slot) : slot, value));
  }
}

export class LateWrites {
  #slots;
  #given;

  /** All is played. `memories` and `globals` have what they were `left` with, and their `last` state; `slots` are `[table, slot]` that the last state has. */
  constructor({ memories, globals, slots }) {
    Object.assign(this, { memories, globals });
    this.#slots = slots.map(([table, slot]) => ({ table, slot, left: valueAt(table, slot) }));
  }

  /** The last state has taken its place. */
  begin() {
    this.#given = this.#slots.map(({ table, slot }) => valueAt(table, slot));
  }

  /** What was written over, in words; undefined if nothing was. */
  found() {
    const slot = this.#slots.find(({ table, slot, left }, number) => valueAt(table, slot) !== this.#given[number] && valueAt(table, slot) === left);
    if (slot) return `element ${slot.slot} of a table`;
    const isBack = ({ global, last, left }) => !Object.is(global.value, last) && Object.is(global.value, left);
    if (this.globals.some(isBack)) return 'a global';
    for (const { memory, ranges, last, left } of this.memories) {
      for (const [range, [start, end]] of ranges.entries()) {
        const at = backAt(new Uint8Array(memory.buffer, start, end - start), last[range], left[range]);
        if (at !== undefined) return `memory at ${start + at}`;
      }
    }
    return undefined;
  }
}

/**
 * Where bytes that are not the last ones begin, which are what was there before; undefined if nowhere. Those beside what the program has written
 * are many, as some stand in its own values.
 */
function backAt(now, last, left) {
  for (let at = 0; at < now.length; at++) {
    if (now[at] === last[at]) continue;
    const start = at;
    let [isBack, count] = [true, 0];
    for (; at < now.length && now[at] !== last[at]; at++) {
      isBack &&= now[at] === left[at];
      count = now[at] === left[at] ? count + 1 : 0;
      if (count === MANY) return at + 1 - MANY;
    }
    if (isBack) return start;
  }
  return undefined;
}
