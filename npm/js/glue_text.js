// What functions of wasm-bindgen's JavaScript do, by their text. Their names are not enough: a program's own functions get the same ones.

const START = String.raw`(?<![.\w$])`;
const VALUE = String.raw`(?:getObject\(arg0\)|takeObject\(arg0\)|arg0)`;
const CONTAINER = 'Object|Array|Map|Set|Date|(?:Type|Range)?Error|ArrayBuffer|DataView|(?:Big)?(?:Uint|Int)\\d+(?:Clamped)?Array|Float\\d+Array';
const PLACE = '(?:globalThis|self|window|global)';

const textOf = (callee) => Function.prototype.toString.call(callee);
const has = (callee, pattern) => new RegExp(START + pattern).test(textOf(callee));

/** Whether it converts a value. */
export const isCast = (callee) => /\/\/ Cast intrinsic for /.test(textOf(callee));

/** Whether values of JavaScript have numbers in it. */
export const hasNumbers = (callee) => /\b(?:addHeapObject|getObject|takeObject)\(/.test(textOf(callee));

/** Whether it makes a value of one of JavaScript's own kinds. */
export const isMaking = (callee) => has(callee, `(?:new (?:${CONTAINER})\\(|(?:${CONTAINER})\\.(?:from|of)\\()`);

/** Whether it is `action` of its first argument, or one of JavaScript's own functions for it. */
export function isOfFirst(callee, action) {
  return has(callee, `(?:${VALUE}(?:\\.${action}\\b|\\[)|(?:Reflect|Object|Array)\\.(?:get|has|keys|values|entries|set)\\(${VALUE}[,)])`);
}

export const isPrototypeSet = (callee) => has(callee, String.raw`\w+\.prototype\.set\.call\(getArray`);

// Functions of JavaScript's own whose names others use, too.
const OWN = { parse: String.raw`JSON\.parse\(`, stringify: String.raw`JSON\.stringify\(`, String: String.raw`String\(`, Error: String.raw`Error\(` };

/** Whether a name is one of a function of JavaScript's own that makes a value; if it is, whether the text says so, too. */
export const isOwn = (callee, action) => (Object.hasOwn(OWN, action) ? has(callee, OWN[action]) : undefined);

// What of the machine they read.
const CALLED = {
  now: String.raw`(?:${PLACE}\.)?(?:Date|performance|${VALUE})\.now\(\)`,
  getTime: String.raw`${VALUE}\.getTime\(\)`,
  getTimezoneOffset: String.raw`${VALUE}\.getTimezoneOffset\(\)`,
  getRandomValues: String.raw`(?:${PLACE}\.)?(?:crypto|${VALUE})\.getRandomValues\(`,
  randomFillSync: String.raw`${VALUE}\.randomFillSync\(`,
  require: String.raw`(?:${VALUE}|module)\.require\b`,
  iterator: String.raw`Symbol\.iterator\b`,
  isArray: String.raw`Array\.isArray\(`,
  isSafeInteger: String.raw`Number\.isSafeInteger\(`,
};
const READ = /^(crypto|msCrypto|process|versions|node|performance|global|globalThis|self|window)$/;
const STATIC = /\b(?:const|var) ret = (?:typeof [\w$.]+ === 'undefined' \? (?:undefined|null) : )?[\w$.]+;/;

/** Whether it only asks the machine for something. */
export function isAmbient(callee, action) {
  if (Object.hasOwn(CALLED, action)) return has(callee, CALLED[action]);
  if (READ.test(action)) return has(callee, String.raw`(?:${VALUE}|${PLACE}|module)\.${action}\b(?!\s*\()`);
  if (/^static_accessor_[A-Za-z_]+$/.test(action)) return STATIC.test(textOf(callee));
  return /^instanceof_[A-Za-z0-9]+$/.test(action) && / instanceof [\w$.]+;/.test(textOf(callee));
}
