// Emscripten's file system in memory, which is JavaScript's.

const SKIPPED = ['/proc'];
const STANDARD = 3;

/** What stands at all paths: its `mode`, the `bytes` of a file, and where a `link` leads. */
function entriesOf(fs) {
  const found = new Map();
  const visit = (directory) => {
    found.set(directory, { mode: fs.lstat(directory).mode });
    for (const name of fs.readdir(directory)) {
      const path = directory === '/' ? `/${name}` : `${directory}/${name}`;
      if (name === '.' || name === '..' || SKIPPED.includes(path)) continue;
      const { mode } = fs.lstat(path);
      if (fs.isLink(mode)) found.set(path, { mode, link: fs.readlink(path) });
      else if (fs.isDir(mode)) visit(path);
      // Devices are made by the runtime.
      else if (fs.isFile(mode)) found.set(path, { mode, bytes: fs.readFile(path) });
    }
  };
  visit('/');
  return found;
}

/** All that is in the file system, the current directory, and what the standard streams are. */
export function filesOf(fs) {
  const { ignorePermissions } = fs;
  // A program may keep files from itself.
  fs.ignorePermissions = true;
  try {
    const standard = Array.from({ length: STANDARD }, (_, number) => describe(fs.streams[number]));
    return { entries: entriesOf(fs), directory: fs.cwd(), standard };
  } finally {
    fs.ignorePermissions = ignorePermissions;
  }
}

const describe = (stream) => (stream ? `${stream.path ?? 'without a name'} ${stream.flags}` : 'closed');

/** Why files cannot be as they are: some were removed, or are open. */
export function reasonsOf(fs, before, after) {
  const removed = [...before.entries.keys()].filter((path) => !after.entries.has(path));
  const open = [...fs.streams].slice(STANDARD).filter(Boolean).map((stream) => stream.path ?? 'without a name');
  const others = after.standard.flatMap((now, number) => (now === before.standard[number] ? [] : [`the standard stream ${number} was closed or is another one, and would be as before`]));
  return [
    ...removed.map((path) => `the file ${path} was removed, and would be there again`),
    ...open.map((path) => `the file ${path} is open, and would not be`),
    ...others,
  ];
}

function isSame(left, right) {
  if (left?.mode !== right.mode || left.link !== right.link || left.bytes?.length !== right.bytes?.length) return false;
  return right.bytes === undefined || right.bytes.every((byte, at) => byte === left.bytes[at]);
}

/** What has to be made again: `{ path, mode, bytes, link }`, directories before what is in them; and the current directory, null if that is as before. */
export function changesOf(before, after) {
  const changed = [...after.entries].filter(([path, entry]) => !isSame(before.entries.get(path), entry));
  return { files: changed.map(([path, entry]) => ({ path, ...entry })), directory: after.directory === before.directory ? null : after.directory };
}
