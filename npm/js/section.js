// What `run.js` and `replay.js` say of sections that `capture` has not written. They come with modules, which may be of anybody.

export function need(isRight, what) {
  if (!isRight) throw new Error(what);
}

/** Does what a section says. Whatever is wrong with that, it is no section that `capture` has written. */
export function explained(work) {
  try {
    return work();
  } catch ({ message }) {
    // There may be names of the module in it.
    const shown = message.slice(0, 300).replace(/[^ -~]/g, '?');
    throw new Error(`preinit: the section preinit.js of this module is not one that \`capture\` has written: ${shown}`);
  }
}

/** The only section of a name. */
export function sectionOf(module, name) {
  const [one, ...more] = WebAssembly.Module.customSections(module, name);
  need(!more.length, `there are ${more.length + 1} sections ${name}`);
  return one;
}
