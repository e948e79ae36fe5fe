// Whether an import that is given the place of a function in the module's table does call it.
import { at } from './visible.js';

export class Entries {
  #waiting = [];

  /** An import is called; returns what gives the first call that comes out of it, once it has returned. */
  expect() {
    const entry = {};
    this.#waiting.push(entry);
    return () => (this.#waiting.pop(), entry);
  }

  /** JavaScript has called `callee`; nothing if that is an import, which is in the table itself then. */
  entered(args, callee) {
    const entry = this.#waiting.at(-1);
    if (entry && !entry.args) Object.assign(entry, { args: [...args], callee });
  }
}

/** Whether the first call that came out of an import was one of the function that its first argument says, with the others. */
export function isOfTable({ args, callee }, [place, ...rest], { schema, exports, names }) {
  const isSame = (given) => args?.length === given.length && given.every((one, index) => Object.is(one, args[index]));
  // In older versions an export calls it.
  if (isSame([place, ...rest])) return names.some((name) => /^_?dynCall_/.test(name) && exports[name] === callee);
  if (!isSame(rest)) return false;
  return schema.tables.some(({ export: name, type }) => {
    const table = exports[name];
    if (type !== 'func' || !(Number(place) >= 0 && Number(place) < Number(table.length))) return false;
    const found = table.get(at(table, Number(place)));
    return found !== null && (callee === undefined || callee === found);
  });
}
