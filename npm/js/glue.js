// What is known of the JavaScript around modules, by the names that tools give to imports and exports.

import { Emscripten } from './emscripten.js';
import { Go } from './go.js';
import { Kotlin } from './kotlin.js';
import { TeaVM } from './teavm.js';
import { WasmBindgen } from './wasm_bindgen.js';

/** What is known of a module. */
export function glueOf(module) {
  const imports = WebAssembly.Module.imports(module);
  const isOfWasmBindgen = imports.some(({ name }) => name.startsWith('__wbindgen_') || name.startsWith('__wbg_'));
  if (isOfWasmBindgen) return new WasmBindgen(imports);
  if (imports.some(({ module }) => module === 'js_code')) return new Kotlin();
  if (imports.some(({ module }) => module === 'teavmJso' || module === 'teavm')) return new TeaVM();
  return imports.some(({ name }) => name.startsWith('syscall/js.')) ? new Go() : new Emscripten(imports);
}
