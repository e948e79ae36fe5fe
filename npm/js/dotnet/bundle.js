// The file that takes the place of the loader: what a start needs, in one file, since each file is a wait more.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PARTS = ['../printable.js', 'interop.js', 'address.js', 'start.js'];

function part(name) {
  const text = readFileSync(fileURLToPath(new URL(name, import.meta.url)), 'utf8');
  return text.replace(/^import .* from '\.\.?\/.*';\n/gm, '').replace(/^export (const|class|function|async function)/gm, '$1');
}

/**
 * The text of the file. `original` is the name of the loader beside it; `given` has `snapshot`, its file, `id`, by which it is
 * recognized, `facts` of the boot configuration and `scripts`, which the loader will import.
 */
export function loaderText(original, given) {
  return `// Made by preinit: starts the application from its snapshot, with ${original}.
${PARTS.map(part).join('\n')}
const given = { url: import.meta.url, ...${JSON.stringify(given)} };
const module = begun(given);
const beside = new URL(${JSON.stringify(`./${original}`)} + new URL(given.url).search, given.url);
const loader = await import(/* webpackIgnore: true */ /* @vite-ignore */ beside);
const { dotnet, exit, createDotnetRuntime } = preinitialized(loader, given, module);
export { dotnet, exit };
export default createDotnetRuntime;
`;
}
