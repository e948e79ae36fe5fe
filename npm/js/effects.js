// What functions of JavaScript do beside their answer, as far as their text shows it.

const SKIPPED = /\/\/.*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;
// A literal in which quotes or operators may stand, or letters of a name.
const OBSCURE = /[`\\]|(?:[(=,:;!&|?{}[+<>\n]|\breturn)\s*\/(?![/*=])/;
/** A pattern in which `@` is any letter of a name, where one of several stands. */
const pattern = (text, flags = 'gu') => new RegExp(text.replaceAll('@', () => '$\\p{ID_Continue}\\u200c\\u200d'), flags);
const HEADER = pattern(String.raw`^(?:async\b\s*)?(?:function\b\s*[@]*\s*\(([^()]*)\)|\(([^()]*)\)\s*=>|([@]+)\s*=>|[@.]*\s*\(([^()]*)\)(?=\s*\{))`, 'u');
const NAME = pattern('[@]+');
const DECLARED = pattern(String.raw`(?<![@.])(?:const|let|var)\s+(?:([@]+)|\[([@\s,]*)\]|\{([@\s,]*)\})\s*(?:=(?!=)|;|\bof\b|\bin\b)`);
const ASSIGNED = pattern(String.raw`(?:(\+\+|--)\s*([@.\]]+))|([@)\]}]+|[@)\]][@.[\]]*)\s*(?:\+\+|--|(?:[-+*\/%&|^]|\*\*|<<|>>>?|&&|\|\||\?\?)?=(?![=>]))`);
const CALLED = pattern(String.raw`([@.\])]+)\s*(?:\?\.\s*)?\(`);
const MADE = pattern(String.raw`\bnew\s+([@.]*)`);
const WORDS = /^(?:if|for|while|switch|return|catch|throw|typeof|void|do|else|case|in|of)$/;
const PLACE = String.raw`(?:(?:globalThis|self|window|global)\s*(?:\?\.|\.)\s*)?`;
/** They ask for the time, or calculate. */
const HARMLESS = pattern(String.raw`^(?:${PLACE}(?:Date\.now|performance\.now|process\.hrtime(?:\.bigint)?|Date|Number|BigInt|String|Boolean)|Math\.\w+|[@)\]]*\.(?:getTime|valueOf))$`, 'u');
/** What a function that tells the time may name beside its own: whatever else there is may do something when it is read. */
const KNOWN = new RegExp(
  '^(?:Date|performance|process|Math|Number|BigInt|String|Boolean|undefined|NaN|Infinity|true|false|null' +
    '|new|return|const|let|var|if|else|for|while|do|typeof|void|in|of|switch|case|default|break|continue|try|catch|finally|throw)$',
);
const OF_GLOBAL = pattern(String.raw`(?<![@.])(?:globalThis|self|window|global)\s*(?:\?\.|\.)\s*(?=(?:Date|performance|process|Math)(?![@]))`);
// The memory that it writes into.
const BUFFER = pattern(String.raw`(?<=\(\s*)[@]+(?:\.[@]+)*\.buffer(?![@])`);
// No properties, but what is spread.
const NAMED = pattern(String.raw`(?<!(?<!\.\.)\.\s*)(?<![@])[@]+`);
// Emscripten's `clock_time_get`, whose helpers have names of one letter: errors of WASI, and milliseconds as nanoseconds.
const STATUS = [/\b28\b/, /\b52\b/, /\bMath\.round\(\s*(?:[\w$]+\s*\*\s*(?:1e6|1_?000_?000|1e3\s*\*\s*1e3|1000\s*\*\s*1000)|1e6\s*\*\s*[\w$]+|1e3\s*\*\s*[\w$]+\s*\*\s*1e3)\s*\)/i];
const VIEWS = ['DataView', 'BigInt64Array', 'BigUint64Array'];
const NATIVE = [Date.now, ...Object.values(Object.getOwnPropertyDescriptors(Math)).map(({ value }) => value)];

const HIDDEN = 'its text is not visible';
const OBSCURED = 'its text is not understood';

/** The text of a function without comments and what is in quotes; undefined if it cannot be seen. */
export function codeOf(callee) {
  if (typeof callee !== 'function') return undefined;
  const text = Function.prototype.toString.call(callee);
  return /\{\s*\[native code\]\s*\}$/.test(text) ? undefined : text.replace(SKIPPED, (all) => (all[0] === '/' ? ' ' : '0'));
}

const namesIn = (text) => [...text.matchAll(NAME)].map(([name]) => name);

/** What the text of a function shows; undefined if that is not understood. What it writes into an array where its last argument says may be left out. */
function read(callee, withoutStores = false) {
  const code = codeOf(callee);
  const header = HEADER.exec(code);
  const params = header?.slice(1).find((one) => one !== undefined);
  if (code === undefined || OBSCURE.test(code) || !header || params.includes('=')) return undefined;
  const names = namesIn(params);
  const locals = new Set(names);
  let body = code.slice(header[0].length).replace(DECLARED, (_, ...names) => {
    for (const name of namesIn(names.slice(0, 3).find(Boolean) ?? '')) locals.add(name);
    return ' ';
  });
  if (withoutStores && names.length > 0) body = body.replace(storesAt(names.at(-1)), ' ');
  const assigned = [...body.matchAll(ASSIGNED)].map(([, , before, after]) => before ?? after).filter((name) => !locals.has(name));
  return { body, assigned, locals };
}

/** As in HEAP64[(at + 4) >> 3] = */
function storesAt(name) {
  const some = String.raw`[()\s\d+>]*`;
  return pattern(String.raw`(?:[@]+|\))\[${some}(?<![@])${name.replaceAll('$', String.raw`\$`)}(?![@])${some}>>${some}\]\s*=(?!=)`);
}

/** What a function assigns outside of itself; undefined if its text does not say it. */
export const assignedBy = (callee) => read(callee)?.assigned;

function doubtIn(callee, found, made, isHarmless) {
  if (NATIVE.includes(callee)) return undefined;
  if (codeOf(callee) === undefined) return HIDDEN;
  if (found === undefined) return OBSCURED;
  const { body, assigned } = found;
  if (assigned.length > 0) return `its text assigns to ${assigned[0]}`;
  const called = [...body.matchAll(CALLED)].map(([, name]) => name).find((name) => !WORDS.test(name) && !HARMLESS.test(name) && !made.includes(name) && !isHarmless(name));
  if (called) return `its text calls ${called}`;
  const isMaking = [...body.matchAll(MADE)].some(([, name]) => name !== 'Date' && !made.includes(name));
  return isMaking || /\b(?:delete|await|yield|import)\b/.test(body) ? OBSCURED : undefined;
}

/** Why it is not certain that a function does nothing but answer; undefined if its text says that. `made` are constructors that it may call. */
export const doubtOf = (callee, made = []) => doubtIn(callee, read(callee), made, () => false);

/** The same of one that tells the time: as its answer, or if it takes arguments, behind the last one. */
export function doubtOfClock(callee, { hasArguments }) {
  const found = read(callee, hasArguments);
  if (!hasArguments) return doubtOf(callee) ?? (found && outsideOf(found));
  const isEmscripten = found !== undefined && STATUS.every((one) => one.test(found.body));
  const doubt = doubtIn(callee, found, VIEWS, (name) => /\.setBigU?[Ii]nt64$/.test(name) || (isEmscripten && !/[.\])]/.test(name)));
  return doubt ?? (found && !isEmscripten ? outsideOf(found) : undefined);
}

/** By what it reads, an object of the program may do anything: a getter, an iterator, `valueOf`. */
function outsideOf({ body, locals }) {
  const names = [...body.replace(OF_GLOBAL, '').replace(BUFFER, ' ').matchAll(NAMED)].map(([name]) => name);
  const outside = names.find((name) => !/^\d/.test(name) && !locals.has(name) && !KNOWN.test(name) && !VIEWS.includes(name));
  return outside && `its text reads ${outside}`;
}
