// Instances of a snapshot that nobody else sees, in which its allocator is called.

// Before anything is hooked.
const { instantiate, Memory, Table, Global, LinkError } = WebAssembly;

/** Why free memory is left as it is. */
export class NotScrubbed extends Error {}

/** What the snapshot imports, and does not get: functions that end what calls them. */
export function importsFor(schema, { imports, state, calls, maximum: ofMemories = (pages) => pages }) {
  const found = Object.create(null);
  const put = (module, name, value) => ((found[module] ??= Object.create(null))[name] = value);
  for (const [module, names] of Object.entries(imports)) {
    for (const [name, value] of Object.entries(names)) put(module, name, value);
  }
  const refuse = () => {
    calls.count += 1;
    throw new NotScrubbed('JavaScript was called');
  };
  for (const { module, name, kind, index } of schema.imports) {
    if (kind === 'function') put(module, name, refuse);
    if (kind === 'table') {
      const element = schema.tables[index].type === 'func' ? 'anyfunc' : 'externref';
      put(module, name, new Table({ initial: state.tables[index].slots.length, element }));
    }
    if (kind === 'global') {
      const { type } = schema.globals[index];
      put(module, name, new Global({ value: type, mutable: true }, imports[module][name].value));
    }
    if (kind === 'memory') {
      const pages = imports[module][name].buffer.byteLength / 65536;
      put(module, name, new Memory({ initial: pages, maximum: ofMemories(pages) }));
    }
  }
  return found;
}

/** An instance whose imported memories may grow as far as the module lets them: its own limit is not known here. */
export async function growing(wasm, schema, given) {
  const maxima = [() => undefined, ...Array.from({ length: 17 }, (_, index) => (pages) => Math.max(pages, 65536 >> index))];
  for (const maximum of maxima) {
    try {
      return (await instantiate(wasm, importsFor(schema, { ...given, maximum }))).instance.exports;
    } catch (error) {
      if (!(error instanceof LinkError) || maximum === maxima.at(-1)) throw error;
    }
  }
}
