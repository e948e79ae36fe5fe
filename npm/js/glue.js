// What is known of the JavaScript around modules: by the names that tools give to imports, where something else says that it is that tool's.

import { Emscripten } from './emscripten.js';
import { Go } from './go.js';
import { Kotlin } from './kotlin.js';
import { signaturesOf } from './signatures.js';
import { TeaVM } from './teavm.js';
import { WasmBindgen } from './wasm_bindgen.js';

/** Whether a module is one of wasm-bindgen's, by what it exports or by the tools that have made it. */
function isOfWasmBindgen(module, exports) {
  if (exports.some((name) => /^__wbindgen_|^__externref_(table|drop)_/.test(name))) return true;
  return WebAssembly.Module.customSections(module, 'producers').some((section) => new TextDecoder().decode(section).includes('wasm-bindgen'));
}

/** What is known of a module, which has these bytes. */
export function glueOf(module, bytes) {
  const imports = WebAssembly.Module.imports(module);
  const exports = WebAssembly.Module.exports(module).map(({ name }) => name);
  const isLikeBindings = imports.some(({ name }) => name.startsWith('__wbindgen_') || name.startsWith('__wbg_'));
  if (isLikeBindings) return new WasmBindgen(imports, isOfWasmBindgen(module, exports));
  if (imports.some(({ module }) => module === 'js_code')) return new Kotlin();
  if (imports.some(({ module }) => module === 'teavmJso' || module === 'teavm')) return new TeaVM(exports);
  if (imports.some(({ name }) => name.startsWith('syscall/js.'))) return new Go();
  return new Emscripten(imports, { exports, signatures: signaturesOf(bytes) });
}
