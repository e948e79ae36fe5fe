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

function* sharable(module, imports, instance) {
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) if (kind !== 'function') yield imports?.[from]?.[name];
  for (const { name, kind } of WebAssembly.Module.exports(module)) if (kind !== 'function') yield instance.exports[name];
}

/** Begins, for the life of the process: another module may be there long before something is captured. */
export function watchNeighbors() {
  installHooks({
    other: (bytes, module) => void (module && !hasState(bytes) && stateless.add(module)),
    instantiated(module, imports, instance) {
      if (stateless.has(module)) return;
      for (const one of sharable(module, imports, instance)) {
        if (Object(one) !== one) continue;
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
