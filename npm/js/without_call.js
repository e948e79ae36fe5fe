// A `start` that calls nothing of the module has no record: no call is there at run time to notice what JavaScript wrote then, or to end what it read.
import { differences } from './differences.js';
import { slotsOf } from './visible.js';

const areOther = (left, right) => left.length !== right.length || left.some((value, slot) => !Object.is(value, right[slot]));

/** What JavaScript takes of the module while `isOn` says that `start` runs. */
export class Taken {
  #objects;
  #taken = new Set();
  #isOn;

  constructor({ exported, imports }, isOn) {
    const known = exported.filter(({ kind }) => kind !== 'function');
    this.#objects = new Map(known.map(({ name, kind, index }) => [name, `${kind} ${index}`]));
    this.#isOn = isOn;
    // JavaScript has these from the beginning.
    for (const { kind, index } of imports) if (kind !== 'function') this.#taken.add(`${kind} ${index}`);
  }

  /** The property by which the program sees a memory, table or global; undefined if the export is something else. */
  property(name, value) {
    const object = this.#objects.get(name);
    if (object === undefined || !this.#isOn()) return undefined;
    const get = () => {
      if (this.#isOn()) this.#taken.add(object);
      return value;
    };
    return { get };
  }

  /** Calls an initializer that is an import. Without a record it does nothing at run time, so that tables are then as it leaves them. Gives whether calls are recorded. */
  aside(recorder, call) {
    const isOn = this.#isOn;
    const { tables, events } = recorder;
    const isFirst = events.length === 0 && tables.every(({ initial, settled, object }) => !areOther(settled ?? initial, slotsOf(object)));
    this.#isOn = () => false;
    try {
      call();
    } finally {
      this.#isOn = isOn;
    }
    if (isFirst && recorder.isOn) for (const table of tables) table.settled = slotsOf(table.object);
    return recorder.isOn;
  }

  /** Why there is no snapshot of what a `start` without calls left to `run`. */
  reasons({ events, firsts, tail, memories, tables, globals }) {
    const isWritten = firsts === 0 && tail && (tail.memories.length > 0 || tail.globals.length > 0 || tables.some(({ initial, settled, ended }) => areOther(events.length === 0 && settled || initial, ended)));
    if (isWritten) return ['JavaScript wrote into memory, set a global or changed a table in `start`, which called nothing of the module: let it call something then, or do it in `run`'];
    if (events.length > 0) return [];
    // A memory that has grown is as large as it became in any case.
    const others = [
      ...memories.filter(({ initial, object }) => differences(initial, new Uint8Array(object.buffer)).length > 0).map(({ index }) => `memory ${index}`),
      ...tables.filter(({ initial, settled, object }) => areOther(settled ?? initial, slotsOf(object))).map(({ index }) => `table ${index}`),
      ...globals.filter(({ initial, object }) => !Object.is(initial, object.value)).map(({ index }) => `global ${index}`),
    ];
    return others.filter((name) => this.#taken.has(name)).map(
      (name) => `JavaScript could read ${name} in \`start\`, which called nothing of the module, and would find there what \`run\` has left: let it call something in \`start\`, or do all in \`run\``,
    );
  }
}
