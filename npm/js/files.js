// Code that is made for pages loads its module by `fetch`, relative to itself; in Node that is a file, which `fetch` does not know.

const TYPES = { wasm: 'application/wasm', json: 'application/json', js: 'text/javascript', mjs: 'text/javascript' };

/** Lets `fetch` load files; returns a function that ends it. */
export function fetchFiles() {
  const plain = globalThis.fetch;
  if (typeof plain !== 'function' || typeof process === 'undefined') return () => {};
  globalThis.fetch = async (resource, ...rest) => {
    const url = String(resource?.url ?? resource);
    if (!url.startsWith('file:')) return plain(resource, ...rest);
    const { readFile } = await import('node:fs/promises');
    const type = TYPES[new URL(url).pathname.split('.').at(-1)] ?? 'application/octet-stream';
    try {
      return new Response(await readFile(new URL(url)), { headers: { 'content-type': type } });
    } catch (error) {
      // As for a page that a server does not have.
      throw new TypeError('fetch failed', { cause: error });
    }
  };
  const ours = globalThis.fetch;
  return () => {
    if (globalThis.fetch === ours) globalThis.fetch = plain;
  };
}
