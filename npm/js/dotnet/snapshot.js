// The runtime's module in the state that was captured, with a record of what JavaScript must do besides.
import { createHash } from 'node:crypto';
import { encode } from '../core.js';
import { withSection } from '../fixups.js';
import { Refusal } from './session.js';

const SECTION = 'preinit.dotnet';
/** By these the loader starts the runtime; in a snapshot it is started. */
const DONE = ['__wasm_call_ctors', 'mono_wasm_load_runtime', 'mono_wasm_parse_runtime_options', 'mono_jiterp_initialize_table'];

const base64 = (bytes) => Buffer.from(bytes).toString('base64');

/** The bytes of the snapshot, and what it is recognized by. */
export async function snapshotOf(original, { state, files, record }) {
  const exports = new Set(WebAssembly.Module.exports(new WebAssembly.Module(original)).map(({ name }) => name));
  let encoded;
  try {
    encoded = await encode(original, state, files, { noop_exports: DONE.filter((name) => exports.has(name)), fresh_imports: false });
  } catch (error) {
    throw new Refusal([error.message]);
  }
  const id = createHash('sha256').update(encoded.wasm).digest('hex').slice(0, 16);
  const written = {
    ...record,
    id,
    exports: record.exports.map((one) => ({ ...one, signature: base64(one.signature) })),
    imports: record.imports.map((one) => ({ ...one, signature: base64(one.signature) })),
    files: record.files.map(({ bytes, ...file }) => ({ ...file, data: bytes && base64(bytes) })),
  };
  const payload = new TextEncoder().encode(JSON.stringify(written));
  return { wasm: withSection(encoded.wasm, SECTION, payload), id, warnings: encoded.warnings };
}
