// Objects of JavaScript that the snapshot makes again by calls. What was done to them since, without the module, would be missing: so the calls
// are made once more, and what they give is compared.

/** The head of a stack: below it are the places, which are others each time. */
const head = (stack) => stack.split('\n    at ')[0];

/** Whether two objects are the same in all that they have themselves. `pairs` are objects and what was made in their place. */
function areAlike(first, second, pairs) {
  const waiting = [[first, second]];
  for (let next; (next = waiting.pop()); ) {
    const [one, other, key] = next;
    if (Object.is(one, other) || (pairs.has(one) && pairs.get(one) === other)) continue;
    if (Object(one) !== one || Object(other) !== other || pairs.has(one)) {
      if (key === 'stack' && typeof one === 'string' && typeof other === 'string' && head(one) === head(other)) continue;
      return false;
    }
    pairs.set(one, other);
    if (typeof one !== typeof other || Object.isExtensible(one) !== Object.isExtensible(other)) return false;
    if (typeof one === 'function' && Function.prototype.toString.call(one) !== Function.prototype.toString.call(other)) return false;
    waiting.push([Object.getPrototypeOf(one), Object.getPrototypeOf(other)]);
    const keys = Reflect.ownKeys(one);
    const others = Reflect.ownKeys(other);
    if (keys.length !== others.length) return false;
    for (const [at, key] of keys.entries()) {
      if (others[at] !== key) return false;
      const [left, right] = [one, other].map((object) => Object.getOwnPropertyDescriptor(object, key));
      if (['writable', 'enumerable', 'configurable'].some((flag) => left[flag] !== right[flag])) return false;
      waiting.push([left.value, right.value, key], [left.get, right.get], [left.set, right.set]);
    }
  }
  return true;
}

/**
 * Why objects cannot be made again. `calls` are those that the snapshot makes, in order: `{ module, name, callee, args, result }`. Of
 * what they give, only what is kept counts.
 */
export function whyNotMadeAgain(calls, isKept) {
  const pairs = new Map();
  const made = [];
  const name = (call) => `the import ${call.module}.${call.name}`;
  for (const call of calls) {
    let again;
    try {
      again = call.callee(...call.args.map((value) => pairs.get(value) ?? value));
    } catch (error) {
      return [`${name(call)}, which makes an object that is kept, threw when it was called again: ${error?.message ?? error}`];
    }
    if (call.result === undefined) continue;
    if (pairs.has(call.result) ? pairs.get(call.result) !== again : Object(again) !== again || again === call.result) {
      return [`${name(call)} made an object that is kept, and gave none of its own when it was called again`];
    }
    pairs.set(call.result, again);
    if (isKept(call.result)) made.push([call, again]);
  }
  const reasons = made.filter(([{ result }, again]) => {
    // Of the others it is known what was made in their place.
    pairs.delete(result);
    const isSame = areAlike(result, again, pairs);
    pairs.set(result, again);
    return !isSame;
  });
  return [...new Set(reasons.map(([call]) => `an object that ${name(call)} made is kept and was changed by JavaScript since, which would be missing`))];
}
