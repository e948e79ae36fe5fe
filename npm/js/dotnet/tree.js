// Files of folders: what links point to is copied and never written, and what is removed is what an earlier run has written.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { Unfit } from './application.js';

/** In the folder of the framework: the files that preinit has written, with what is in them. */
const LIST = 'dotnet.preinit.files.json';

const digestOf = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');
/** Whether a path is that of a folder, or below it. */
export const isInside = (path, folder) => path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);

/** Where a file is in truth. Throws `Unfit` for links that lead out of `base`, or nowhere. */
function placeOf(path, base) {
  let place;
  try {
    place = realpathSync(path);
  } catch (error) {
    throw new Unfit(`${path}: this is a link that leads to no file (${error.code})`);
  }
  if (!isInside(place, base)) throw new Unfit(`${path}: this is a link to ${place}, which is outside of ${base}; put the file itself there`);
  return place;
}

/**
 * All files below `folder`, as `[path from there, file to read]`, and folders, as `[path]`. Links are followed, inside of the folder only.
 * `skipped` are folders that are passed over.
 */
export function treeOf(folder, skipped = []) {
  const base = realpathSync(folder);
  const without = skipped.filter((path) => existsSync(path)).map((path) => realpathSync(path));
  const found = [];
  const walk = (place, path, above) => {
    for (const name of readdirSync(place)) {
      const [full, own] = [join(place, name), join(path, name)];
      const real = lstatSync(full).isSymbolicLink() ? placeOf(full, base) : full;
      if (without.includes(real)) continue;
      const status = statSync(real);
      if (status.isDirectory()) {
        if (above.includes(real)) throw new Unfit(`${full}: this is a link to a folder that it is in`);
        found.push([own]);
        walk(real, own, [...above, real]);
      } else if (status.isFile()) found.push([own, real]);
      else throw new Unfit(`${full}: this is neither a file nor a folder`);
    }
  };
  walk(base, '', [base]);
  return found;
}

/** Copies a folder into one that is empty: files and folders only, no links. */
export function copyTree(from, to, skipped) {
  for (const [path, file] of treeOf(from, skipped)) {
    if (file === undefined) mkdirSync(join(to, path));
    else copyFileSync(file, join(to, path));
  }
}

/** Writes down which files a folder has, and what is in them. */
export function writeList(folder, framework) {
  const files = treeOf(folder).filter(([, file]) => file !== undefined).map(([path, file]) => [path.replaceAll(sep, '/'), digestOf(file)]);
  writeFileSync(join(framework, LIST), `${JSON.stringify(Object.fromEntries(files), null, 1)}\n`);
}

/** What of a folder preinit has not written as it is there now; undefined if nothing, null if it has written nothing of it. */
export function foreignIn(folder, framework) {
  const list = join(framework, LIST);
  const isThere = lstatSync(list, { throwIfNoEntry: false })?.isFile() && isInside(realpathSync(list), realpathSync(folder));
  if (!isThere) return null;
  let known;
  try {
    known = new Map(Object.entries(JSON.parse(readFileSync(list, 'utf8'))));
  } catch {
    return null;
  }
  known.delete(relative(folder, list).replaceAll(sep, '/'));
  const foreign = (path) => {
    const full = join(folder, path);
    const status = lstatSync(full);
    if (status.isDirectory()) return readdirSync(full).map((name) => foreign(join(path, name))).find((one) => one !== undefined);
    const isOurs = status.isFile() && (resolve(full) === resolve(list) || known.get(path.replaceAll(sep, '/')) === digestOf(full));
    return isOurs ? undefined : path;
  };
  return foreign('');
}
