// What is known of the imports of TeaVM's code (Java), by their names.

import { Adapter } from './adapter.js';

// They only answer what their arguments say, or make an object of JavaScript that only the module has.
const PURE = /^(isUndefined|emptyArray|(un)?wrap(Boolean|Byte|Short|Char|Int|Long|Float|Double)|stringBuiltinsSupported|unwrapJavaObject|isPrimitive|instanceOf(OrNull)?|sameRef|concatArray|getJavaException|javaObjectToJS)$/;
// Functions and classes of JavaScript for those of Java.
const CREATES = /^(createClass|exportClass|defineFunction|createFunction\d+)$/;
const CHANGES = /^define(Method|StaticMethod|Property|StaticProperty)$/;

export class TeaVM extends Adapter {
  isTransparent({ module, name }) {
    if (module === 'wasm:js-string' || module === 'teavmMath') return true;
    if (module === 'teavm') return name === 'takeStackTrace' || name === 'decorateException';
    return module === 'teavmJso' && PURE.test(name);
  }

  makesObject({ module, name }) {
    if (module !== 'teavmJso') return undefined;
    return CREATES.test(name) ? 'makes' : CHANGES.test(name) ? 'changes' : undefined;
  }
}
