import { loadMicroPython } from '@micropython/micropython-webassembly-pyscript/micropython.mjs';

const CATALOG = `
words = {str(i * 7919 % 10007): i * i for i in range(20000)}
def query(n):
  return words.get(str(n), -1)`;

/** Python with the catalog; in a snapshot, it is there already. */
export async function loadCatalog(url) {
  const python = await loadMicroPython({ heapsize: 8 << 20, ...(url && { url }) });
  if (!python.globals.get('query')) python.runPython(CATALOG);
  return python.globals.get('query');
}
