// Objects that `start` makes and nobody keeps are collected at some time, and their parts in the module are freed. At run time they are made and
// collected again; so those that are collected while a snapshot is made must not be freed in it, or they would be freed twice. Nor may the module
// be called for them at run time while the calls of `start` are answered. Registries may be older than this, so it is done where all of them take
// objects.

// Before anything is hooked. Not every engine has it.
const { prototype } = globalThis.FinalizationRegistry ?? {};

// Who puts off what, and objects that were to be registered meanwhile.
const holders = new Set();
const pending = new Set();
// Those of each token.
let byToken = new WeakMap();
let restored = () => {};

/** Whether the engine takes something as a token. It says so itself of what it does not take. */
function isToken(one) {
  try {
    return one === undefined || Boolean(new WeakRef(one));
  } catch {
    return false;
  }
}

/** Registers an object later, and nothing that is not there any more. */
function putOff(plain, registry, target, held, token) {
  // It says what it does not take.
  const probe = {};
  plain.register.call(registry, target, held, probe);
  plain.unregister.call(registry, probe);
  const one = { registry, held, target: new WeakRef(target), token: token === undefined ? undefined : new WeakRef(token) };
  pending.add(one);
  if (token === undefined) return;
  if (!byToken.has(token)) byToken.set(token, []);
  byToken.get(token).push(one);
}

/** Takes away what was put off. */
function drop(registry, token) {
  const dropped = (byToken.get(token) ?? []).filter((one) => one.registry === registry && pending.delete(one));
  return dropped.length > 0;
}

function hook() {
  const plain = { register: prototype.register, unregister: prototype.unregister };
  const hooked = {
    register(target, held, token) {
      const isHeld = [...holders].some((one) => one.isHolding);
      if (!isHeld || !isToken(token)) return plain.register.call(this, target, held, token);
      return putOff(plain, this, target, held, token);
    },
    unregister(token) {
      const isDropped = drop(this, token);
      return plain.unregister.call(this, token) || isDropped;
    },
  };
  const names = Object.keys(hooked);
  const replace = (name, value) => Reflect.defineProperty(prototype, name, { ...Object.getOwnPropertyDescriptor(prototype, name), value });
  for (const name of names) replace(name, hooked[name]);
  restored = () => {
    // Others may have replaced these since.
    for (const name of names) if (prototype[name] === hooked[name]) replace(name, plain[name]);
    for (const { registry, held, target, token } of pending) {
      // In the place of one that is gone, another that will be.
      plain.register.call(registry, target.deref() ?? {}, held, token?.deref());
    }
    pending.clear();
    byToken = new WeakMap();
  };
}

/** Puts off what is to be done for objects that are registered until `started` is called; it may be done when `restore` was. */
export function holdFinalizers() {
  const holder = { isHolding: true };
  if (prototype) {
    if (holders.size === 0) hook();
    holders.add(holder);
  }
  return {
    /** What is registered from now on is of `run`, which is not done again. */
    started() {
      holder.isHolding = false;
    },
    restore() {
      if (holders.delete(holder) && holders.size === 0) restored();
    },
  };
}
