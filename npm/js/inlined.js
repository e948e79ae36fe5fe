// Modules that a program has in its JavaScript: as base64, as text, packed. They are found where they are compiled.
import { fetchFiles } from './files.js';
import { installHooks, isSame } from './hooks.js';
import { oneByOne } from './one_by_one.js';

/** The modules that are compiled while `run` runs. See index.d.ts. */
export function modulesOf(run) {
  return oneByOne(async ({ within }) => {
    const found = [];
    const endFiles = fetchFiles();
    const uninstall = installHooks({
      other(bytes, module) {
        // What is no module yet may never be one.
        if (module !== undefined && !found.some((one) => isSame(one, bytes))) found.push(bytes.slice());
      },
    });
    try {
      await within('run', run);
    } finally {
      uninstall();
      endFiles();
    }
    return found.sort((left, right) => right.length - left.length);
  });
}
