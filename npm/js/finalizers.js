// Objects that `start` makes and nobody keeps are collected at some time, and their parts in the module are freed. At run time they are made and
// collected again; so those that are collected while a snapshot is made must not be freed in it, or they would be freed twice.

/** Puts off what is to be done for objects that are registered until `started` is called; it is done when `restore` is. */
export function holdFinalizers() {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, 'FinalizationRegistry');
  if (!descriptor) return { started() {}, restore() {} };
  const later = [];
  let isStarting = true;
  let isOn = true;
  class FinalizationRegistry extends descriptor.value {
    constructor(callback) {
      super(({ held, isOfStart }) => (isOn && isOfStart ? void later.push(() => callback(held)) : callback(held)));
    }

    register(target, held, ...token) {
      super.register(target, { held, isOfStart: isOn && isStarting }, ...token);
    }
  }
  Object.defineProperty(globalThis, 'FinalizationRegistry', { ...descriptor, value: FinalizationRegistry });
  return {
    /** What is registered from now on is of `run`, which is not done again. */
    started() {
      isStarting = false;
    },
    restore() {
      isOn = false;
      Object.defineProperty(globalThis, 'FinalizationRegistry', descriptor);
      for (const one of later) Promise.resolve().then(one);
    },
  };
}
