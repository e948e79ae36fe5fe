import * as rregex from 'rregex';

// In a page, the package loads its module when it is told to; in Node it has done so.
const loaded = rregex.default?.();

// What nobody should write here, of any case.
const WORDS = Array.from({ length: 3000 }, (_, n) => `word${(n * 7919) % 10007}`);

/** The filter. `made` is the one that a snapshot has, by its place in memory. */
export async function loadFilter(made) {
  await loaded;
  if (made !== undefined) return Object.assign(Object.create(rregex.RRegex.prototype), { __wbg_ptr: made });
  return new rregex.RRegex(`(?i)\\b(${WORDS.join('|')})\\b`);
}
