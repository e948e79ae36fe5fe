// The form that `recordOf` gives to a record. It comes with a module, which may be of anybody: so all of it is looked at before any of it is played.
import { need } from './section.js';

/** The range that has `at` in it. */
export function rangeOf(ranges, at) {
  let [low, high] = [0, ranges.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (ranges[middle][0] <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}

export const isCount = (number) => Number.isSafeInteger(number) && number >= 0;
export const isList = (list, length) => Array.isArray(list) && (length === undefined || list.length === length);
export const isText = (text) => typeof text === 'string';

/** Whether something is a value as a record has it. It has objects, by number, and null. */
function isValue(shown) {
  if (!isList(shown)) return false;
  const [kind, content] = shown;
  if (['global', 'undefined', 'null'].includes(kind)) return shown.length === 1;
  if (shown.length !== 2) return false;
  if (kind === 'object') return isCount(content);
  if (kind === 'boolean' || kind === 'string') return typeof content === kind;
  if (!isText(content)) return false;
  if (kind === 'bigint') return /^-?\d+$/.test(content);
  return kind === 'number' && (content === 'NaN' || (content.trim() !== '' && !Number.isNaN(Number(content))));
}

// How many parts a step has without the globals that were set, which are its last part where there are such.
const LENGTHS = { call: 4, import: 5, answer: 3, return: 4, threw: 4, passed: 4 };

/** Ends with an error if a record has not the form that `recordOf` gives it. `sizes` are those of the memories, `kinds` those of what globals hold. */
export function checkRecord({ record, listening, bytes, tables }, { sizes, kinds }) {
  const every = (list, is) => isList(list) && list.every(is);
  const isWithin = (memory, at, length) => isCount(memory) && memory < sizes.length && isCount(at) && isCount(length) && at + length <= sizes[memory];
  let taken = 0;
  const isInRange = (ranges, at, end) => ranges.length > 0 && ranges[rangeOf(ranges, at)][0] <= at && end <= ranges[rangeOf(ranges, at)][1];
  const isPatch = ([memory, at, length, from, ...more]) => {
    if (from === undefined) taken += length;
    return isWithin(memory, at, length) && [undefined, 0, 1].includes(from) && more.length === 0
      && (from !== 1 || isInRange(record.memories[memory].ranges, at, at + length));
  };
  const isCheck = ([memory, at, length, expected, ...more]) => isWithin(memory, at, length) && isCount(expected) && more.length === 0;
  const isSlot = (slot) => isList(slot) && slot[0] < record.tables.length && isCount(slot[0]) && isCount(slot[1])
    && (slot.length === 2 || (slot.length === 3 && isValue(slot[2])));
  const areGlobals = (list) => every(list, (one) => isList(one, 2) && isCount(one[0]) && one[0] < kinds.length && isValue(one[1]) && one[1][0] === kinds[one[0]]);
  const lists = (is) => (list) => every(list, (one) => isList(one) && is(one));
  const [patches, checks, slots] = [lists(isPatch), lists(isCheck), lists(isSlot)];
  const values = (list) => every(list, isValue);
  const isKey = (key) => isList(key, 3) && isText(key[0]) && isText(key[1]) && (key[2] === 1 || key[2] === 2);
  const isInTable = (number, slot) => isCount(number) && number < record.tables.length && isCount(slot);
  const isPlace = (one) => isList(one) && (isList(one, 1) ? isText(one[0]) : isList(one, 2) && isInTable(...one));
  const isFunction = (one) => isList(one, 2) && isCount(one[0]) && isPlace(one[1]);
  const isHeld = (one) => isList(one, 3) && isInTable(one[0], one[1]) && (one[2] === null || isPlace(one[2]));
  need(every(record.functions, isFunction), 'a function is an export, or in a table');
  need(every(record.held ?? [], isHeld), 'what is held is `[table, slot, function]`');
  const known = new Set(record.functions.map(([index]) => index));
  need(patches(record.first), 'what stood in memory at first is not in it');
  need(patches(record.inputs ?? []), 'what is in memory at last, before others, is not in it');
  const isKnown = (shown) => isValue(shown) || (isList(shown, 2) && shown[0] === 'function' && known.has(shown[1]));
  const isPut = (one) => isList(one) && isInTable(one[0], one[1]) && (one.length === 2 || (one.length === 3 && isKnown(one[2])));
  const open = [];
  // Exceptions of imports so far.
  let thrown = 0;
  const closes = (kind) => open.pop() === kind;
  const isStep = (step, at) => {
    if (!isList(step)) return false;
    const [kind, what, second, third, fourth] = step;
    const globals = step[LENGTHS[kind]] ?? [];
    if (!areGlobals(globals) || !every(step[LENGTHS[kind] + 1] ?? [], isPut)) return false;
    if (kind === 'call') return open.push(kind) > 0 && known.has(what) && values(second) && checks(third);
    if (kind === 'import') return open.push(kind) > 0 && isKey(what) && values(second) && patches(third) && slots(fourth);
    if (kind === 'answer') {
      if (what === null) thrown += 1;
      return closes('import') && (what === null || values(what)) && checks(second);
    }
    const isEnd = (kind === 'passed' && (at < record.firsts || open.length > 0)) || ((kind === 'return' || kind === 'threw') && closes('call'));
    const isResult = kind === 'threw' ? isCount(what) && what < thrown : values(what);
    return isEnd && isResult && patches(second) && slots(third);
  };
  need(record.turns === undefined || isCount(record.turns), 'how long it goes on is no number');
  need(isList(record.steps) && isCount(record.firsts) && record.firsts <= record.steps.length, 'there is no list of steps');
  record.steps.forEach((step, at) => {
    need(at !== record.firsts || open.length === 0, 'its first calls do not end');
    need(isStep(step, at), `step ${at} is none`);
  });
  need(open.length === 0, 'its calls do not end');
  need(checks(record.tail), 'what is in memory at last is not in it');
  need(areGlobals(record.tailGlobals), 'what globals hold at last is no list');
  need(every(tables, ([, runs]) => every(runs, (run) => isList(run, 3) && isValue(run[2]))), 'what a table holds is `[first, count, value]`');
  need(taken === bytes.length, `it has ${bytes.length} bytes for ${taken}`);
  need(isCount(listening.slots) && isText(listening.global) && isText(listening.table), 'nothing listens');
}
