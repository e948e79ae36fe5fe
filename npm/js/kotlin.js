// What is known of the imports of Kotlin's code (`wasm-js`): functions of its standard library, by their names, which no program can give to its
// own. Everything else that a program imports is in `js_code` too, and may do anything.

import { Adapter } from './adapter.js';

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

export class Kotlin extends Adapter {
  isTransparent({ module, name, args }) {
    if (module === 'wasm:js-string') return true;
    if (module !== 'js_code') return false;
    return PURE.test(name) || (OF_OBJECTS.test(name) && Object(args[0]) !== args[0]);
  }

  makesObject({ module, name }) {
    if (module !== 'js_code') return undefined;
    return CREATES.test(name) ? 'makes' : CHANGES.test(name) ? 'changes' : undefined;
  }

  /** The loader calls one of them at every start. */
  get initializers() {
    return ['_initialize', '_start'];
  }
}
