// Emscripten's `invoke_…`: they call a function of the module's table and catch what that throws. The letters of the name are the type of the
// function in the table, the result first.

const NAME = /^invoke_([vijfdpe])([ijfdpe]*)$/;
// What the declared type has for each letter. Where integers of 64 bits may not cross the boundary, they are two of 32 bits; a pointer has either size.
const PARAMS = { i: 'i', j: '(?:j|ii)', f: '[fd]', d: 'd', p: '[ij]', e: 'e' };
const RESULTS = { ...PARAMS, v: '', j: '[ij]' };

// As Emscripten writes them, with other names where they were made shorter.
const RESTORES = String.raw`(?:[\w$]+\([\w$]+\)\s*;\s*if\s*\((?<one>[\w$]+)\s*!==\s*\k<one>\s*\+\s*0\)|if\s*\([\w$]+\([\w$]+\)\s*,\s*(?<two>[\w$]+)\s*!==\s*\k<two>\s*\+\s*0\)|[\w$]+\([\w$]+\)\s*;\s*if\s*\(!\([\w$]+ instanceof EmscriptenEH\)\))`;
const TEXT = new RegExp(
  String.raw`^function\s*[\w$]*\s*\(([\w$]+)[\w$,\s]*\)\s*\{\s*(?:var|let|const) [\w$]+\s*=\s*[\w$]+\(\)\s*;\s*try\s*\{\s*(?:return )?\s*` +
    String.raw`(?:(?:[\w$]+|[\w$]+\.get)\(\1\)\([\w$,\s]*\)|dynCall_\w+\(\1[\w$,\s]*\))\s*;?\s*\}\s*catch\s*\([\w$]+\)\s*\{\s*` +
    String.raw`${RESTORES}\s*throw [\w$]+\s*;\s*[\w$]+\(1,\s*0\)\s*;?\s*(?:return 0n\s*;?\s*)?\}\s*\}$`,
);

/** Whether the declared type is the one that is in the name. */
export function isInvoke(name, { params, results } = {}) {
  const [, result, letters] = NAME.exec(name) ?? [];
  if (result === undefined || params === undefined) return false;
  const expected = Array.from(letters, (letter) => PARAMS[letter]).join('');
  return new RegExp(`^[ij]${expected}$`).test(params) && new RegExp(`^${RESULTS[result]}$`).test(results);
}

const known = new WeakMap();

/** Whether a function is Emscripten's, by its text. */
export function isInvokeByText(callee) {
  if (typeof callee !== 'function') return false;
  if (!known.has(callee)) known.set(callee, TEXT.test(Function.prototype.toString.call(callee)));
  return known.get(callee);
}
