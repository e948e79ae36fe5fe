// The examples of docs/javascript: what a page says a build does works as it stands there.
//
//     node tests/jshost/pages.mjs JS LIBRARY GO JAVA PACKAGES
//
// JS is the folder that npm/js/assemble.mjs has filled, LIBRARY the one of test-programs/wasm-bindgen/build.sh, GO that of go.mjs, JAVA that of
// java.mjs, and PACKAGES that of packages.mjs. Those of the last four that are not there are left out.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const [js, library, go, java, packages] = process.argv.slice(2).map((path) => resolve(path));
const root = fileURLToPath(new URL('../..', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'preinit-pages-'));
const copies = (from, ...names) => (folder) => names.forEach((name) => cpSync(join(from, name), join(folder, name)));

const pages = {
  'wasm-bindgen': { needs: library, place: (folder) => cpSync(join(library, 'web'), join(folder, 'pkg'), { recursive: true }) },
  emscripten: { needs: root, place: copies(join(root, 'test-programs/emscripten'), 'library.cjs', 'library.wasm') },
  go: { needs: go, place: copies(go, 'words.wasm', 'wasm_exec.cjs') },
  kotlin: {
    needs: root,
    place: copies(join(root, 'test-programs/kotlin-js'), 'words.wasm', 'words.mjs', 'words.import-object.mjs', 'words.js-builtins.mjs'),
  },
  java: { needs: java, place: copies(java, 'words.wasm', 'words.mjs') },
  micropython: {
    needs: packages,
    place(folder) {
      const scope = '@micropython';
      symlinkSync(join(packages, 'node_modules', scope), join(folder, 'node_modules', scope));
    },
  },
};

/** The blocks of a page that begin with a file's name. */
function files(page) {
  const blocks = readFileSync(join(root, 'docs/javascript', `${page}.md`), 'utf8').matchAll(/^```js\n\/\/ ([\w-]+\.m?js)(.*)\n([^]*?)^```/gm);
  return new Map([...blocks].map(([, name, , text]) => [name, text]));
}

for (const [page, { needs, place }] of Object.entries(pages)) {
  if (!existsSync(needs)) {
    console.log(`NOT CHECKED: ${page}.md: there is no ${needs}`);
    continue;
  }
  const folder = join(work, page);
  const own = join(folder, 'node_modules/preinit');
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, 'package.json'), JSON.stringify({ name: 'preinit', type: 'module', exports: { './js': './js/index.js' } }));
  symlinkSync(js, join(own, 'js'));
  place(folder);
  for (const [name, text] of files(page)) if (name !== 'main.js') writeFileSync(join(folder, name), text);
  const said = execFileSync(process.execPath, ['build.mjs'], { cwd: folder, encoding: 'utf8' });
  assert.match(said, /times faster|nothing to gain/, page);
  console.log(`${page}.md: ${said.trim().split('\n').at(-1)}`);
}
rmSync(work, { recursive: true });
