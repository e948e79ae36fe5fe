// Files in memory of Emscripten's library. They are JavaScript's: what a program does to them by the library's own functions (`FS.writeFile`) crosses
// no boundary. So they are compared where the program's `start` shows them, as `FS`.
import { hash } from './hash.js';

const KIND = 0o170000;
const DIRECTORY = 0o040000;
const LONGEST = 4096;
const SHOWN = 5;

const nameOf = (path) => path.slice(path.lastIndexOf('/') + 1);
const list = (names) => names.slice(0, SHOWN).join(', ') + (names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '');

/** The values of what an object has itself; nothing is called. */
const valuesOf = (object) => (Object(object) === object ? Object.values(Object.getOwnPropertyDescriptors(object)).map(({ value }) => value) : []);

/** The library's files, if it is shown here. */
function systemIn(started) {
  const isSystem = (one) => typeof one?.lookupPath === 'function' && Object(one.root?.contents) === one.root?.contents;
  const values = valuesOf(started);
  const candidates = [started, ...values].map((one) => Object(one) === one && Object.getOwnPropertyDescriptor(one, 'FS')?.value);
  return [started, ...values, ...candidates].find((one) => Object(one) === one && Object.hasOwn(one, 'root') && isSystem(one));
}

/** What a file has in it; what is made when it is asked for is no file of the library's own. */
function contentsOf({ contents, usedBytes, link }) {
  if (typeof link === 'string') return `link ${link}`;
  if (!ArrayBuffer.isView(contents) && !Array.isArray(contents)) return '';
  const length = usedBytes ?? contents.length;
  return `${length} ${hash(contents, 0, length)}`;
}

/** Everything in the file system that is not the module's, by path: what it is. */
function filesOf({ root, streams, currentPath }) {
  const all = new Map([[`${currentPath} (the current directory)`, currentPath]]);
  const waiting = [['', root]];
  for (let next; (next = waiting.pop()); ) {
    const [path, { mode, ...found }] = next;
    const isDirectory = (mode & KIND) === DIRECTORY;
    all.set(path || '/', `${mode} ${isDirectory ? '' : contentsOf(found)}`);
    if (!isDirectory) continue;
    const { contents } = found.mounted?.root ?? found;
    for (const name of Object(contents) === contents ? Object.keys(contents) : []) waiting.push([`${path}/${name}`, contents[name]]);
  }
  for (const stream of streams ?? []) if (stream) all.set(`${stream.path ?? stream.node?.name} (open)`, `${stream.fd} ${stream.flags}`);
  return all;
}

export class EmscriptenFiles {
  #system;
  #before;
  #hasBegun = false;
  // Names of what the module itself has worked on, and of files that it has opened to read.
  #own = new Set();
  #read = new Set();

  /** `start` has returned this, or there is none and what is called first has been recorded. */
  begin(started) {
    this.#hasBegun = true;
    this.#system = systemIn(started);
    this.#before = this.#system && filesOf(this.#system);
  }

  /** The module has called a function that works on files; `isReading` says that it has opened one to read. */
  note({ args, memory }, isReading) {
    if (!this.#hasBegun) return;
    const open = this.#system?.streams?.[args[0]];
    if (open) this.#own.add(nameOf(open.path ?? open.node?.name ?? ''));
    for (const path of memory ? args.map((at) => textAt(memory, at)) : []) {
      if (!path) continue;
      if (isReading) this.#read.add(path);
      else this.#own.add(nameOf(path));
    }
  }

  /** What JavaScript has done to files. */
  #changed() {
    if (!this.#system) return [];
    const now = filesOf(this.#system);
    const paths = [...new Set([...this.#before.keys(), ...now.keys()])].filter((path) => this.#before.get(path) !== now.get(path));
    return paths.filter((path) => !this.#own.has(nameOf(path.replace(/ \(.*\)$/, ''))));
  }

  reasons() {
    const changed = this.#changed();
    if (changed.length === 0) return [];
    return [
      `JavaScript changed files in memory in \`run\` (${list(changed.sort())}), which would be missing: let \`start\` do it, or use allow: ['files'] if ` +
        'nothing of it is needed',
    ];
  }

  warnings() {
    if (this.#system || this.#read.size === 0) return [];
    return [
      `the module read files in \`run\` (${list([...this.#read])}): a program finds there what it has itself, and whether JavaScript had written them in \`run\` ` +
        "was not seen; let `start` write them and return the library with its `FS`, or use allow: ['files'] if they are the same at every start",
    ];
  }
}

/** The text at an address, if there is one that may be a path. */
function textAt({ buffer }, at) {
  if (!(Number(at) > 0 && Number(at) < buffer.byteLength)) return undefined;
  const bytes = new Uint8Array(buffer, Number(at), Math.min(LONGEST, buffer.byteLength - Number(at)));
  const text = new TextDecoder().decode(bytes.slice(0, Math.max(0, bytes.indexOf(0))));
  return /^[^\p{Cc}]+$/u.test(text) ? text : undefined;
}
