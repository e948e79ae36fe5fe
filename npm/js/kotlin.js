// What is known of the imports of Kotlin's code (`wasm-js`): functions of its standard library, by their names and by their texts. Everything
// else that a program imports is in `js_code` too, and may do anything.

import { Adapter } from './adapter.js';
import { codeOf, doubtOf } from './effects.js';

const names = (text) => new RegExp(`^kotlin\\.(${text})(_\\$external_fun)?$`);

// They only answer what their arguments say.
const PURE = names(
  'wasm\\.internal\\.(getJsEmptyString|externrefToString|externrefEquals|externrefTo\\w+OrNull|isNullish|isUndefined|jsThrow|[a-z]to[aj]\\d*' +
    '|(int|long|double|float|boolean|short|byte)ToExternref|kotlin(UByte|UShort|UInt|ULong)ToJs\\w+|getJsTrue|getJsFalse|getJsClassName|getConstructor)' +
    '|js\\.(stackPlaceHolder_js_code|JsError_\\$external_class_instanceof|(message|kotlinException)_\\$external_prop_getter)',
);
// They remember something of an object of JavaScript, and of nothing else.
const OF_OBJECTS = names('wasm\\.internal\\.(externrefHashCode|getCachedJsObject)');
// Each exception has an object of JavaScript.
const CREATES = names('createJsError');
const CHANGES = names('js\\.(name|kotlinException)_\\$external_prop_setter');

// Their texts: the numbers for true and false, what passes its arguments on, and what sets a property.
const HASH = /\b1231\b[^]*\b1237\b/;
const PASSES = /^\(([\w$]+),\s*([\w$]+)\)\s*=>\s*[\w$]+\(\1,\s*\2\)$/;
const SETS = /^\(([\w$]+),\s*([\w$]+)\)\s*=>\s*(\{\s*)?\1\.[\w$]+\s*=\s*\2;?\s*\}?$/;

export class Kotlin extends Adapter {
  isTransparent({ module, name, args, callee }) {
    if (module === 'wasm:js-string') return true;
    if (module !== 'js_code') return false;
    if (PURE.test(name)) return doubtOf(callee) === undefined;
    return OF_OBJECTS.test(name) && Object(args[0]) !== args[0] && (HASH.test(codeOf(callee)) || PASSES.test(codeOf(callee)));
  }

  makesObject({ module, name, callee }) {
    if (module !== 'js_code') return undefined;
    if (CREATES.test(name)) return doubtOf(callee, ['Error']) === undefined ? 'makes' : undefined;
    return CHANGES.test(name) && (SETS.test(codeOf(callee)) || doubtOf(callee) === undefined) ? 'changes' : undefined;
  }

  /** The loader calls one of them at every start. */
  get initializers() {
    return ['_initialize', '_start'];
  }
}
