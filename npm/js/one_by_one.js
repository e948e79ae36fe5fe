// Captures replace parts of JavaScript while they run, so there is one at a time; and what each runs is told from what it had begun before.

let storage;
let last = Promise.resolve();

async function load() {
  try {
    const { AsyncLocalStorage } = await import('node:async_hooks');
    return new AsyncLocalStorage();
  } catch {
    // Not in Node.
    return undefined;
  }
}

/**
 * Calls `make` when all that came before have ended. It is given `within(phase, body)`, which runs a body, and `isIn(phase)`, which says
 * whether what runs now was begun by that body; `isIn` is undefined where the engine does not know.
 */
export async function oneByOne(make) {
  const contexts = await (storage ??= load());
  // It would wait for itself.
  if (contexts?.getStore()?.capture.isOver === false) throw new Error('`capture` was called by what another `capture` runs');
  const capture = { isOver: false };
  const isIn = (phase) => {
    const context = contexts.getStore();
    return context?.capture === capture && context.phase === phase;
  };
  const within = (phase, body) => (contexts ? contexts.run({ capture, phase }, body) : body());
  const made = last.then(() => make({ within, isIn: contexts && isIn })).finally(() => (capture.isOver = true));
  last = made.catch(() => {});
  return made;
}
