// One start of test-programs/dotnet/Probe.cs: node play_files.mjs FRAMEWORK MAIN. MAIN are arguments of Main, or null if it ran before the capture.
// Prints all that is in its file system, as JSON.
import { pathToFileURL } from 'node:url';

const [framework, main] = process.argv.slice(2);
const said = [];
console.warn = (...all) => said.push(all.join(' '));
const { dotnet } = await import(pathToFileURL(`${framework}/dotnet.js`));
const api = await dotnet.create();
await api.runMain('Probe', JSON.parse(main) ?? undefined);
const { FS } = api.Module;
const { ignorePermissions } = FS;
FS.ignorePermissions = true;
const found = [['cwd', FS.cwd()], ['ignores permissions', ignorePermissions], ['streams', FS.streams.filter(Boolean).map(({ path }) => path)], ['said', said]];
const visit = (directory) => {
  for (const name of FS.readdir(directory).sort()) {
    if (name === '.' || name === '..') continue;
    const path = `${directory === '/' ? '' : directory}/${name}`;
    if (path === '/proc') continue;
    const { mode } = FS.lstat(path);
    const contents = FS.isLink(mode) ? FS.readlink(path) : FS.isFile(mode) ? Buffer.from(FS.readFile(path)).toString('base64') : '';
    found.push([path, mode.toString(8), contents]);
    if (FS.isDir(mode)) visit(path);
  }
};
visit('/');
process.stdout.write(`${JSON.stringify(found)}\n`, () => process.exit(0));
