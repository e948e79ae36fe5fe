// Plays Fastly's host for one request: node host.mjs MODULE METHOD URL. Prints the response as JSON.
// Only the calls that a plain response needs do anything; any other one ends the run with its name.
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [file, method, uri] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(file));
const wasi = new WASI({ version: 'preview1', args: ['app'], returnOnExit: true });
const response = { status: 200, headers: [], body: '' };
let memory;

const view = () => new DataView(memory.buffer);
const text = (at, length) => new TextDecoder().decode(new Uint8Array(memory.buffer, at, length));
const put = (at, value) => view().setUint32(at, value, true);

/** Writes text into a buffer of the guest's, and its length. */
function give(value, at, capacity, length) {
  const bytes = new TextEncoder().encode(value);
  if (bytes.length > capacity) throw new Error(`${value}: does not fit into ${capacity} bytes`);
  new Uint8Array(memory.buffer, at).set(bytes);
  put(length, bytes.length);
  return 0;
}

function header(_, name, nameLength, value, valueLength) {
  response.headers.push([text(name, nameLength), text(value, valueLength)]);
  return 0;
}

const calls = {
  'fastly_http_req.body_downstream_get': (request, body) => (put(request, 1), put(body, 2), 0),
  'fastly_http_req.method_get': (_, at, capacity, length) => give(method, at, capacity, length),
  'fastly_http_req.uri_get': (_, at, capacity, length) => give(uri, at, capacity, length),
  'fastly_http_body.new': (body) => (put(body, 3), 0),
  'fastly_http_body.write': (_, at, length, end, written) => {
    response.body += text(at, length);
    put(written, length);
    return 0;
  },
  'fastly_http_body.close': () => 0,
  'fastly_http_resp.new': (handle) => (put(handle, 4), 0),
  'fastly_http_resp.status_set': (_, status) => ((response.status = status), 0),
  'fastly_http_resp.status_get': (_, at) => (view().setUint16(at, response.status, true), 0),
  'fastly_http_resp.header_insert': header,
  'fastly_http_resp.header_append': header,
  'fastly_http_resp.send_downstream': () => ((response.sent = true), 0),
};

const imports = { wasi_snapshot_preview1: wasi.wasiImport };
for (const { module: from, name } of WebAssembly.Module.imports(module)) {
  if (from === 'wasi_snapshot_preview1') continue;
  const call = `${from}.${name}`;
  (imports[from] ??= {})[name] = calls[call] ?? (() => { throw new Error(`${call} is not played`); });
}
const { exports } = new WebAssembly.Instance(module, imports);
memory = exports.memory;
const code = wasi.start({ exports });
response.headers.sort();
console.log(JSON.stringify({ code, ...response }));
