// What JavaScript can see of a module: its exports, and what it imports.

// Types whose values JavaScript has.
const HAVE_VALUES = ['i32', 'i64', 'f32', 'f64', 'func', 'extern', 'any'];

/** Whether what a global holds can be recorded. */
export const hasNumbers = ({ type }) => ['i32', 'i64', 'f32', 'f64'].includes(type);

/** The memories, tables or globals that JavaScript can see and read, and where. `names` are the module's own exports. */
export function visible(kind, { schema, names, exports }) {
  const probes = { memory: schema.memories.map((name) => ({ export: name })), table: schema.tables, global: schema.globals }[kind];
  return probes.flatMap(({ export: probe, type }, index) => {
    if (type !== undefined && !HAVE_VALUES.includes(type)) return [];
    const where = whereIs(kind, index, { schema, names });
    return where ? [{ index, type, object: exports[probe], where }] : [];
  });
}

/** Where JavaScript finds a memory, table or global; undefined if nowhere. Not by identity: for one global, there are several objects. */
export function whereIs(kind, index, { schema, names }) {
  const own = schema.exported.find((one) => one.kind === kind && one.index === index && names.includes(one.name));
  if (own !== undefined) return { export: own.name };
  const from = schema.imports.find((one) => one.kind === kind && one.index === index);
  return from && { import: [from.module, from.name] };
}

export const slotsOf = (table) => Array.from({ length: Number(table.length) }, (_, slot) => table.get(at(table, slot)));
export const at = (table, slot) => (typeof table.length === 'bigint' ? BigInt(slot) : slot);

/** Whether the elements of a table may be null. */
export function takesNull(table) {
  try {
    table.grow(at(table, 0), null);
    return true;
  } catch {
    return false;
  }
}

/** Whether a global can be set, or may be. */
export function isMutable(global) {
  const { value } = global;
  // JavaScript does not keep its bits. Where it is a constant, it never changes.
  if (Number.isNaN(value)) return true;
  try {
    // An immutable one does not take even its own value.
    global.value = value;
    return true;
  } catch {
    return false;
  }
}

/** The index of an exported function that the module imports itself; undefined of any other. */
export function importedAs({ exported, imports }, name) {
  const { index } = exported.find((one) => one.kind === 'function' && one.name === name) ?? {};
  return imports.find((one) => one.kind === 'function' && one.index === index)?.index;
}
