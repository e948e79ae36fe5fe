// What is known of the imports of TeaVM's code (Java), by their names, where the module has TeaVM's exports.

import { Adapter } from './adapter.js';

// They only answer what their arguments say, or make an object of JavaScript that only the module has.
const PURE = /^(isUndefined|emptyArray|(un)?wrap(Boolean|Byte|Short|Char|Int|Long|Float|Double)|stringBuiltinsSupported|unwrapJavaObject|isPrimitive|instanceOf(OrNull)?|sameRef|concatArray|getJavaException|javaObjectToJS)$/;
// Functions and classes of JavaScript for those of Java.
const CREATES = /^(createClass|exportClass|defineFunction|createFunction\d+)$/;
const CHANGES = /^define(Method|StaticMethod|Property|StaticProperty)$/;

export class TeaVM extends Adapter {
  // Functions that return what they are given, which is how Java gets a string out of JavaScript.
  #same = new WeakSet();

  constructor(exports) {
    super();
    this.isGenuine = exports.some((name) => name.startsWith('teavm.'));
  }

  isTransparent({ module, name, args }) {
    if (!this.isGenuine) return false;
    if (module === 'wasm:js-string') return true;
    if (module === 'teavmMath') return name !== 'random';
    // What they make is the exception's; where that is kept, it is found there.
    if (module === 'teavm') return name === 'takeStackTrace' || name === 'decorateException';
    return module === 'teavmJso' && (PURE.test(name) || (name === 'callFunction1' && this.#same.has(args[0])));
  }

  makesObject({ module, name, args, result }) {
    if (!this.isGenuine || module !== 'teavmJso') return undefined;
    if (name === 'createFunction1' && args[1] === `return ${args[0]};` && result) this.#same.add(result);
    return CREATES.test(name) ? 'makes' : CHANGES.test(name) ? 'changes' : undefined;
  }
}
