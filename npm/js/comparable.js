// What `calls` returns: data, all of which arrives where it is compared. Of anything else, only a part would be, or nothing.
import { types } from 'node:util';
import { printable } from './printable.js';

const ERRORS = ['Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'];
const KNOWN = ['isBoxedPrimitive', 'isDate', 'isRegExp', 'isMap', 'isSet', 'isAnyArrayBuffer', 'isDataView'];

/** How many objects something inherits from. */
function depthOf(object) {
  let depth = 0;
  for (let one = object; (one = Object.getPrototypeOf(one)); ) depth += 1;
  return depth;
}

/** Whether an object is a plain one, also of another context. */
function isPlain(object) {
  const prototype = Object.getPrototypeOf(object);
  return prototype === null || (depthOf(object) === 1 && Object.hasOwn(prototype, 'hasOwnProperty'));
}

/** Why not all of an object arrives, without what is in it. */
function whyNoObject(object) {
  if (types.isProxy(object)) return 'is a proxy';
  // Of these there is nothing else, and too much to look at.
  if (ArrayBuffer.isView(object) && !types.isDataView(object)) return undefined;
  const keys = Reflect.ownKeys(object);
  if (types.isNativeError(object)) {
    const prototype = Object.getPrototypeOf(object);
    if (!Object.hasOwn(prototype, 'name') || !ERRORS.includes(prototype.name)) return 'is an error of a class';
    const more = keys.find((key) => key !== 'stack' && key !== 'message');
    return more === undefined ? undefined : `is an error with a property ${String(more)}`;
  }
  const isKnown = Array.isArray(object) || KNOWN.some((is) => types[is](object));
  if (isKnown ? depthOf(object) > 2 : !isPlain(object)) return 'is an object of a class';
  const isHidden = (key) => !Object.getOwnPropertyDescriptor(object, key).enumerable;
  const ofKind = Array.isArray(object) ? ['length'] : types.isRegExp(object) ? ['lastIndex'] : types.isStringObject(object) ? keys : [];
  const own = keys.filter((key) => !ofKind.includes(key));
  if (own.some((key) => typeof key === 'symbol')) return 'has a property whose key is a symbol';
  if (own.some(isHidden)) return 'has a property that is not enumerable';
  return isKnown && !Array.isArray(object) && own.length > 0 ? 'has properties besides what it holds' : undefined;
}

/** The parts of an object, as `[name, value]`. */
function partsOf(object) {
  if (types.isMap(object)) return [...object].flatMap(([key, value]) => [['(a key)', key], ['(a value)', value]]);
  if (types.isSet(object)) return [...object].map((one) => ['(a member)', one]);
  if (Array.isArray(object)) return Object.keys(object).map((key) => [`[${key}]`, object[key]]);
  return isPlain(object) ? Object.keys(object).map((key) => [`.${key}`, object[key]]) : [];
}

/** The first part found of what `calls` returned that would not be compared, and why, in words; undefined if there is none. */
export function whyNotCompared(answers) {
  const seen = new Set();
  const waiting = [['it', answers]];
  for (let next; (next = waiting.pop()); ) {
    const [path, one] = next;
    if (typeof one === 'function' || typeof one === 'symbol') return `${printable(path, 200)} is of type ${typeof one}`;
    if (Object(one) !== one || seen.has(one)) continue;
    seen.add(one);
    const why = whyNoObject(one);
    if (why) return `${printable(path, 200)} ${why}`;
    for (const [name, value] of partsOf(one).reverse()) waiting.push([path + name, value]);
  }
  return undefined;
}
