// What `run` returns: data, all of which JSON has.
import { printable } from './printable.js';

/** Whether JSON has a value that is no object. */
function isSimple(value) {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  return value === null || typeof value === 'string' || typeof value === 'boolean';
}

/** Why JSON has not all of an object itself; undefined if it has. */
function whyNoObject(object) {
  const isList = Array.isArray(object);
  const plain = isList ? [Array.prototype] : [Object.prototype, null];
  if (!plain.includes(Object.getPrototypeOf(object))) return 'is an object of a class';
  if (typeof object.toJSON === 'function') return 'has a method toJSON';
  let index = 0;
  for (const key of Reflect.ownKeys(object)) {
    if (typeof key === 'symbol') return 'has a property whose key is a symbol';
    if (isList && key === 'length') continue;
    if (isList && key !== String(index++)) return 'is an array with holes or further properties';
    const property = Object.getOwnPropertyDescriptor(object, key);
    if (!property.enumerable) return 'has a property that is not enumerable';
    if (!Object.hasOwn(property, 'value')) return 'has a property with a getter or setter';
  }
  return isList && index < object.length ? 'is an array with holes or further properties' : undefined;
}

/** Why a value is no data, without what is in it; `seen` are the objects before it. */
function whyNoData(value, seen) {
  if (typeof value === 'number') return `is ${Object.is(value, -0) ? '-0' : value}`;
  if (typeof value !== 'object') return `is of type ${typeof value}`;
  return seen.has(value) ? 'is an object that is in it twice, or in itself' : whyNoObject(value);
}

/** The first part of a value that JSON has not all of, as its path and why; undefined if there is none. */
function missing(value) {
  const seen = new Set();
  const waiting = [['it', value]];
  for (let next; (next = waiting.pop()); ) {
    const [path, one] = next;
    if (isSimple(one)) continue;
    const why = whyNoData(one, seen);
    if (why) return [path, why];
    seen.add(one);
    for (const key of Object.keys(one).reverse()) waiting.push([Array.isArray(one) ? `${path}[${key}]` : `${path}.${key}`, one[key]]);
  }
  return undefined;
}

/** A copy of what `run` returned, as programs will have it. */
export function copied(value) {
  if (value === undefined) return undefined;
  const [path, why] = missing(value) ?? [];
  if (why) throw new TypeError(`what \`run\` returns must be data that JSON has: it becomes part of the snapshot; ${printable(path, 200)} ${why}`);
  return JSON.parse(JSON.stringify(value));
}
