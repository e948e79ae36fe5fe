// What functions of JavaScript do beside their answer, as far as their text shows it.

const SKIPPED = /\/\/.*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;
// A literal in which quotes or operators may stand.
const OBSCURE = /`|(?:[(=,:;!&|?{}[+<>\n]|\breturn)\s*\/(?![/*=])/;
const HEADER = /^(?:async\b\s*)?(?:function\b\s*[\w$]*\s*\(([^()]*)\)|\(([^()]*)\)\s*=>|([\w$]+)\s*=>|[\w$.]*\s*\(([^()]*)\)(?=\s*\{))/;
const DECLARED = /\b(?:const|let|var)\s+(?:([\w$]+)|\[([\w$\s,]*)\]|\{([\w$\s,]*)\})\s*(?:=(?!=)|;|\bof\b|\bin\b)/g;
const ASSIGNED = /(?:(\+\+|--)\s*([\w$.\]]+))|([\w$)\]}]+|[\w$)\]][\w$.[\]]*)\s*(?:\+\+|--|(?:[-+*/%&|^]|\*\*|<<|>>>?|&&|\|\||\?\?)?=(?![=>]))/g;
const CALLED = /([\w$.\])]+)\s*(?:\?\.\s*)?\(/g;
const WORDS = /^(?:if|for|while|switch|return|catch|throw|typeof|void|do|else|case|in|of)$/;
const PLACE = '(?:(?:globalThis|self|window|global)\\.)?';
/** They ask for the time, or calculate. */
const HARMLESS = new RegExp(`^(?:${PLACE}(?:Date\\.now|performance\\.now|process\\.hrtime(?:\\.bigint)?|Date|Number|BigInt|String|Boolean)|Math\\.\\w+|[\\w$)\\]]*\\.(?:getTime|valueOf))$`);
const NATIVE = [Date.now, ...Object.values(Object.getOwnPropertyDescriptors(Math)).map(({ value }) => value)];

const HIDDEN = 'its text is not visible';
const OBSCURED = 'its text is not understood';

/** The text of a function without comments and what is in quotes; undefined if it cannot be seen. */
export function codeOf(callee) {
  if (typeof callee !== 'function') return undefined;
  const text = Function.prototype.toString.call(callee);
  return /\{\s*\[native code\]\s*\}$/.test(text) ? undefined : text.replace(SKIPPED, (all) => (all[0] === '/' ? ' ' : '0'));
}

/** What the text of a function shows; undefined if that is not understood. */
function read(callee) {
  const code = codeOf(callee);
  const header = HEADER.exec(code);
  const params = header?.slice(1).find((one) => one !== undefined);
  if (code === undefined || OBSCURE.test(code) || !header || params.includes('=')) return undefined;
  const locals = new Set([...params.matchAll(/[\w$]+/g)].map(([name]) => name));
  const body = code.slice(header[0].length).replace(DECLARED, (_, ...names) => {
    for (const [name] of (names.slice(0, 3).find(Boolean) ?? '').matchAll(/[\w$]+/g)) locals.add(name);
    return ' ';
  });
  const assigned = [...body.matchAll(ASSIGNED)].map(([, , before, after]) => before ?? after).filter((name) => !locals.has(name));
  return { body, assigned };
}

/** What a function assigns outside of itself; undefined if its text does not say it. */
export const assignedBy = (callee) => read(callee)?.assigned;

/** Why it is not certain that a function does nothing but answer; undefined if its text says that. `made` are constructors that it may call. */
export function doubtOf(callee, made = []) {
  if (NATIVE.includes(callee)) return undefined;
  if (codeOf(callee) === undefined) return HIDDEN;
  const { body, assigned } = read(callee) ?? {};
  if (body === undefined) return OBSCURED;
  if (assigned.length > 0) return `its text assigns to ${assigned[0]}`;
  const called = [...body.matchAll(CALLED)].map(([, name]) => name).find((name) => !WORDS.test(name) && !HARMLESS.test(name) && !made.includes(name));
  if (called) return `its text calls ${called}`;
  const isMaking = [...body.matchAll(/\bnew\s+([\w$.]*)/g)].some(([, name]) => name !== 'Date' && !made.includes(name));
  return isMaking || /\b(?:delete|await|yield|import)\b/.test(body) ? OBSCURED : undefined;
}
