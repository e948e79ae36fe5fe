// Writes the folder that starts from the snapshot: the application's files, the snapshot, and a loader that uses it.
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { COVERED, namesOf } from './application.js';
import { loaderText } from './bundle.js';
import { rewritePages } from './pages.js';
import { copyTree, foreignIn, writeList } from './tree.js';

const LARGE = 4 << 20;
const compressors = {
  // The best quality takes a minute for a snapshot.
  '.br': (bytes) => brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: bytes.length > LARGE ? 6 : 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  }),
  '.gz': (bytes) => gzipSync(bytes, { level: 9 }),
};

const sha256 = (bytes) => createHash('sha256').update(bytes).digest();
/** As boot configurations, pages and manifests have it. */
export const integrityOf = (bytes) => `sha256-${sha256(bytes).toString('base64')}`;

/** A fingerprint as .NET's build has them: ten letters and digits. */
const fingerprintOf = (bytes) => BigInt(`0x${sha256(bytes).toString('hex')}`).toString(36).slice(0, 10);

/** Writes a file, and the compressed forms that `like` has beside it. Gives the names of all. */
export function writeWithSiblings(path, bytes, like) {
  writeFileSync(path, bytes);
  for (const [ending, compress] of Object.entries(compressors)) {
    if (existsSync(like + ending)) writeFileSync(path + ending, compress(Buffer.from(bytes)));
    else rmSync(path + ending, { force: true });
  }
}

/** The size of files, and about what a server that knows brotli sends of them. */
function sizes(files) {
  const brotli = (file) => {
    if (existsSync(`${file}.br`)) return statSync(`${file}.br`).size;
    return brotliCompressSync(readFileSync(file), { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }).length;
  };
  const sum = (of) => files.reduce((total, file) => total + of(file), 0);
  return { raw: sum((file) => statSync(file).size), brotli: sum(brotli) };
}

/** Refuses to replace a folder that has anything else in it than what an earlier run has written: it is removed. */
export function checkReplaced({ path }, out) {
  const found = lstatSync(out, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (found.isSymbolicLink()) throw new Error(`${out} is a link; give the folder itself with -o`);
  if (!found.isDirectory()) throw new Error(`${out} is not a folder`);
  if (readdirSync(out).length === 0) return;
  const foreign = foreignIn(out, join(out, path));
  if (foreign === null) {
    throw new Error(`${out} is not empty, and has no list of files that preinit has written, which would be replaced; give another folder with -o`);
  }
  if (foreign !== undefined) {
    throw new Error(`${join(out, foreign)} is not as preinit has written it, and would be removed with ${out}; move it, or give another folder with -o`);
  }
}

/** Fills `out`. `snapshot` is what snapshotOf gives, `facts` are of the session's configuration. */
export function writeOutput(application, out, { snapshot, facts }) {
  const { root, path, loader, boot, config, native } = application;
  // A folder that is there is replaced when the new one is whole.
  mkdirSync(dirname(resolve(out)), { recursive: true });
  const fresh = mkdtempSync(`${out}.preinit-`);
  try {
    copyTree(root, fresh, [out, fresh]);
    const framework = join(fresh, path);
    const like = join(application.framework, native);
    const file = `dotnet.preinit.${fingerprintOf(snapshot.wasm)}.wasm`;
    writeWithSiblings(join(framework, file), snapshot.wasm, like);
    const scripts = ['jsModuleRuntime', 'jsModuleNative'].map((kind) => namesOf(config.resources[kind])[0]).filter(Boolean);
    const isFingerprinted = loader !== 'dotnet.js';
    const original = isFingerprinted ? loader : 'dotnet.original.js';
    if (!isFingerprinted) {
      for (const ending of ['', ...Object.keys(compressors)]) {
        if (existsSync(join(framework, loader + ending))) renameSync(join(framework, loader + ending), join(framework, original + ending));
      }
    }
    const text = Buffer.from(loaderText(original, { snapshot: file, id: snapshot.id, facts, scripts }));
    const wrapper = isFingerprinted ? `dotnet.${fingerprintOf(text)}.js` : loader;
    writeWithSiblings(join(framework, wrapper), text, join(application.framework, loader));
    const covered = [...new Set(COVERED.flatMap((kind) => namesOf(config.resources[kind])))];
    const files = { loader, wrapper, original, boot, snapshot: file, scripts, covered };
    rewritePages(fresh, path, files);
    // A file has many names.
    const before = sizes([...new Set([...covered, loader].map((name) => join(application.framework, name)))]);
    const after = sizes([file, wrapper, original].map((name) => join(framework, name)));
    writeList(fresh, framework);
    // A temporary folder is for its owner only.
    chmodSync(fresh, 0o777 & ~process.umask());
    checkReplaced(application, out);
    rmSync(out, { recursive: true, force: true });
    renameSync(fresh, out);
    return { files, sizes: { before, after } };
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}
