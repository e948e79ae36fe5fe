// Tables that JavaScript can see, while calls are recorded and in the snapshot.
import { runs, written } from './fixups.js';
import { at } from './visible.js';

/**
 * What changed in tables since the last time: what the module did, and what JavaScript `put` there. `show` is a value of the module as the
 * record has it.
 */
export function tableChanges(tables, isByModule, show) {
  const [changes, put] = [[], []];
  for (const { index, object, shadow, given } of tables) {
    const length = Number(object.length);
    if (length > shadow.length && isByModule) changes.push({ table: index, length });
    for (let slot = 0; slot < length; slot++) {
      const value = object.get(at(object, slot));
      const isNew = slot >= shadow.length;
      if (!isNew && Object.is(value, shadow[slot])) continue;
      shadow[slot] = value;
      if (isByModule) {
        if (isNew && value === null) continue;
        given.delete(slot);
        changes.push({ table: index, slot, value: show(value, index) });
      } else {
        given.set(slot, value);
        put.push({ table: index, slot, isNew, value });
      }
    }
  }
  return { tables: changes, put };
}

/** The slots of tables of JavaScript's values that arguments may name: null may have been put there, which nobody sees. */
export function namedBy(args, tables) {
  const slots = args.filter((one) => Number.isInteger(one) && one >= 0);
  const isNamed = ({ type, shadow }, slot) => type === 'extern' && slot < shadow.length;
  return tables.flatMap((table) => slots.filter((slot) => isNamed(table, slot)).map((slot) => ({ table: table.index, slot, value: table.shadow[slot] })));
}

/** What happened to the slots of a table, as far as the run time or the program does it again. */
class Slots {
  constructor({ events, tail }, { index, initial, given, ended }) {
    const isOf = ({ table }) => table === index;
    const late = (tail?.put ?? []).filter(isOf);
    Object.assign(this, { initial, given, ended });
    this.played = new Set(events.flatMap(({ tables }) => tables.filter(isOf).map(({ slot }) => slot)));
    /** Those that JavaScript sets after its last call, which may be after all has been put there. */
    this.late = new Set(late.map(({ slot }) => slot));
    /** How long the table is then. */
    this.length = ended.length - late.filter(({ isNew }) => isNew).length;
    this.hasGrown = ended.length > initial.length;
  }

  /** Whether a slot is added by whoever makes the table larger. */
  isAdded(slot) {
    return this.hasGrown && slot >= this.initial.length;
  }

  /** Whether there was nothing else in a slot at any time before `run`. */
  isSame(slot, value) {
    const { initial, given, ended, played } = this;
    return !given.has(slot) && !played.has(slot) && Object.is(initial[slot], value) && Object.is(ended[slot], value);
  }
}

/**
 * What becomes of a table. Gives the slots that the snapshot has otherwise than the last state, with their values; what the run time puts
 * into slots at last; values that are lost; slots that are `held`: the run time takes away what the snapshot has in them, puts there what
 * was in them at first, and puts it back at last; and whether something is `late`: it comes after JavaScript has done something else.
 * `isOwn` says of a function whether it is the module's.
 */
export function tableOf(recorder, table, slots, isOwn) {
  const { initial, given, ended, type } = table;
  const seen = new Slots(recorder, table);
  const { hasGrown, length } = seen;
  const [reasons, again, held, before] = [[], [], [], new Map()];
  let isLate = ended.length > length && slots.length > ended.length;
  const isFunction = (value) => type === 'func' && value !== null && isOwn(value);
  slots.forEach(({ value }, slot) => {
    const isAdded = seen.isAdded(slot);
    const isPut = given.has(slot);
    // JavaScript does it again.
    const isAgain = isPut && Object.is(given.get(slot), value);
    if (seen.late.has(slot) && !isAgain) isLate = true;
    // Where JavaScript puts it there again, the snapshot has it only so that it is found.
    const isFound = isAgain && initial[slot] === null && !seen.late.has(slot);
    if (isFunction(value) && !isAdded && (!isAgain || isFound)) {
      if (slot < initial.length && !seen.isSame(slot, value)) held.push([slot, initial[slot]]);
      return;
    }
    const was = isAdded ? null : initial[slot];
    if (type === 'any') {
      // Objects of the module cannot be put there later.
      if (!isAdded && seen.isSame(slot, value)) return;
      if (Object(was) === was) {
        reasons.push([slot, was]);
        return;
      }
    }
    before.set(slot, isPut || type === 'any' || isFunction(was) ? was : null);
    if (isAgain) return;
    const last = slot < ended.length ? ended[slot] : null;
    // What `run` lets JavaScript put there once more has to go again.
    if (value === null && last === null && !isPut && !seen.played.has(slot)) return;
    const number = recorder.numberOf(value);
    const shown = value === null ? ['null'] : number === undefined ? written(value) : ['object', number];
    if (shown === undefined) reasons.push([slot, value]);
    else again.push([slot, shown]);
  });
  const kept = hasGrown ? initial.length : slots.length;
  // Where functions of the module are in the snapshot.
  table.functions = type === 'func' ? slots.slice(0, kept).map(({ value }, slot) => (before.has(slot) ? before.get(slot) : value)) : [];
  table.held = held;
  return { runs: runs(again), reasons, before, isLate, length: hasGrown ? (ended.length > length ? length : slots.length) : undefined, kept };
}

/** Of a table of which nothing was recorded: what can be put there again, and what cannot. */
export function plain(type, slots, isNullable) {
  const [again, reasons, before] = [[], [], new Map()];
  // Functions and objects of the module are planned with it.
  if (type !== 'extern') return { runs: again, reasons, before };
  slots.forEach(({ value }, slot) => {
    // There is always something in it, and the module can make strings.
    if (value === null || (!isNullable && typeof value === 'string')) return;
    before.set(slot, null);
    const shown = written(value);
    if (shown === undefined) reasons.push([slot, value]);
    else again.push([slot, shown]);
  });
  return { runs: runs(again), reasons, before };
}

/** Where JavaScript finds a function in the snapshot: the name of an export, or a table and a slot; undefined if nowhere. */
export function placeOf({ exports, names, tables }, object) {
  const name = names.find((name) => exports[name] === object);
  if (name !== undefined) return [name];
  const table = tables.findIndex(({ functions }) => functions?.includes(object));
  return table < 0 ? undefined : [table, tables[table].functions.indexOf(object)];
}

/** What the run time takes away and puts back, as `[table, slot, what was there at first]`. */
export function heldOf(recorder) {
  return recorder.tables.flatMap(({ index, held = [] }, table) => held.map(([slot, was]) => {
    const first = was === null ? null : placeOf(recorder, was);
    if (first === undefined) recorder.problems.add(`\`run\` put another function into table ${index}, element ${slot}, and the one that \`start\` finds there is no export and in no table any more`);
    return [table, slot, first];
  }));
}
