// Emscripten's file system in memory, which is JavaScript's.

const SKIPPED = ['/dev', '/proc'];
const STANDARD = 3;

/** All paths: the bytes of files, null for directories. */
export function filesOf(fs) {
  const found = new Map();
  const visit = (directory) => {
    for (const name of fs.readdir(directory)) {
      const path = directory === '/' ? `/${name}` : `${directory}/${name}`;
      if (name === '.' || name === '..' || SKIPPED.includes(path)) continue;
      const { mode } = fs.stat(path);
      if (fs.isDir(mode)) {
        found.set(path, null);
        visit(path);
      } else {
        found.set(path, fs.readFile(path));
      }
    }
  };
  visit('/');
  return found;
}

/** The paths of files that are open, the standard streams aside. */
export function openFiles(fs) {
  return [...fs.streams].slice(STANDARD).filter(Boolean).map((stream) => stream.path ?? 'without a name');
}
