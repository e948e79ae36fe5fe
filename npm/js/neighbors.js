// Other modules of this process that use a memory, a table or a global of the one that is captured. What such a module has of its own is in no
// snapshot, although it belongs to what is in that memory.
import { hasSection } from './fixups.js';
import { installHooks, isSame } from './hooks.js';

const STATE = [4, 5, 6]; // tables, memories and globals

/** Whether a module has anything of its own that changes. Those that tools make for a function or two have not. */
const hasState = (wasm) => hasSection(wasm, STATE);

// Modules that have nothing of their own.
const stateless = new WeakSet();
// The instances that use a memory, a table or a global.
const users = new WeakMap();
// Memories, tables and globals that were made while somebody watched. Who uses others is not known.
const seen = new WeakSet();

const isObject = (one) => Object(one) === one;

/** What others may use, with its kind. */
function sharable(module, imports, instance) {
  const isState = ({ kind }) => kind !== 'function';
  const taken = WebAssembly.Module.imports(module).filter(isState).map(({ module: from, name, kind }) => ({ kind, one: imports?.[from]?.[name] }));
  const given = WebAssembly.Module.exports(module).filter(isState).map(({ name, kind }) => ({ kind, one: instance.exports[name] }));
  return [taken, given].map((all) => all.filter(({ one }) => isObject(one)));
}

/** Sees what is made by one of the constructors. */
function watchMade(name) {
  const plain = WebAssembly[name];
  const hooked = new Proxy(plain, {
    construct(target, args, newTarget) {
      const made = Reflect.construct(target, args, newTarget === hooked ? target : newTarget);
      seen.add(made);
      return made;
    },
  });
  // Objects have it, too.
  for (const [holder, key] of [[WebAssembly, name], [plain.prototype, 'constructor']]) {
    Object.defineProperty(holder, key, { ...Object.getOwnPropertyDescriptor(holder, key), value: hooked });
  }
}

/** Begins, for the life of the process: another module may be there long before something is captured. */
export function watchNeighbors() {
  for (const name of ['Memory', 'Table', 'Global']) watchMade(name);
  installHooks({
    other: (bytes, module) => void (module && !hasState(bytes) && stateless.add(module)),
    instantiated(module, imports, instance) {
      const [taken, given] = sharable(module, imports, instance);
      for (const { kind, one } of given) {
        // What it was given may be what it exports, as another object.
        if (taken.every((other) => other.kind !== kind || seen.has(other.one))) seen.add(one);
      }
      if (stateless.has(module)) return;
      for (const { one } of [...taken, ...given]) {
        if (!users.has(one)) users.set(one, new Set());
        users.get(one).add(instance);
      }
    },
  });
}

// The modules that instances were captured of.
const originals = new WeakMap();

/** An instance is captured, of a module. */
export function isCaptured(instance, original) {
  originals.set(instance, original);
}

/**
 * Whether another module uses what an instance uses. One that was captured before has left what it left: JavaScript that was loaded then may
 * have kept what it had made for it.
 */
export function isShared(object, instance) {
  const isOwn = (user) => originals.has(user) && isSame(originals.get(user), originals.get(instance));
  return [...(users.get(object) ?? [])].some((user) => !isOwn(user));
}

/** Whether it is not known who uses something that was imported. */
export const isUnseen = (object) => isObject(object) && !seen.has(object);
