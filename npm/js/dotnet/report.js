// What was made, in the words of the command.
import { printable } from '../printable.js';

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** What of the capture is in every start, and would not be the same without a snapshot. */
function frozen({ answers: calls, record, said }) {
  const found = said.variables.map((name) => `the value of the environment variable ${name} (--env), which everybody can read in it`);
  if (record.main.arguments.length > 0) found.push(`the arguments that Main had (--main-args): ${record.main.arguments.length}`);
  if (said.random > 0) {
    found.push(
      `${said.random} random bytes were asked for: what was seeded by them (System.Random, hash codes of strings) is the same in every start`,
    );
  }
  if (said.times > 0) found.push(`the time of the day was asked for ${said.times} times, collections of garbage among them: what was kept of it is that of the capture`);
  if (said.cultures > 0) found.push(`names of cultures were asked for ${said.cultures} times: they are in the language of the capture`);
  for (const { name, count, answers } of calls) {
    const shown = answers.length > 0 ? `: ${[...new Set(answers)].slice(0, 3).map((answer) => JSON.stringify(answer.slice(0, 80))).join(', ')}` : '';
    found.push(`${name} was called ${count} times${shown}`);
  }
  return found;
}

function restored({ record }, hidden) {
  const found = [];
  const files = record.files.filter(({ bytes, link }) => bytes ?? link);
  if (files.length > 0) found.push(`${files.length} files in the virtual file system: ${files.slice(0, 5).map(({ path }) => hidden(path)).join(', ')}`);
  if (record.directory !== null) found.push(`the current directory, ${hidden(record.directory)}`);
  if (record.timer !== null) found.push(`a timer, due ${record.timer} ms after the start`);
  const modules = Object.keys(record.modules).map(hidden);
  if (modules.length > 0) found.push(`imported modules: ${modules.join(', ')}`);
  return found;
}

const states = {
  'not begun': 'before Main',
  waiting: 'while Main waited at its capture point',
  ended: 'after Main had returned',
};

/** The text for the terminal, and the same as data. `hidden` takes secrets out of a text. */
export function messages({ host, captured, snapshot, written }, out, hidden = (text) => text) {
  const { said, record } = captured;
  const { before, after } = written.sizes;
  const lines = [
    `made ${out}: the state was taken in ${host === 'node' ? 'Node' : 'Chromium'} ${states[record.main.state]}`,
    `  ${record.exports.length} exported and ${record.imports.length} imported methods are bound again at each start`,
    `  memory ${megabytes(said.memory)}, of which ${megabytes(said.zeroed)} were free and are zero now` +
      (said.collected ? '' : '; the garbage was not collected, because the linker has removed GC.Collect(): call it in Main'),
    `  files of a start: ${megabytes(before.raw)} -> ${megabytes(after.raw)}, with brotli ${megabytes(before.brotli)} -> ${megabytes(after.brotli)}`,
    ...restored(captured, hidden).map((what) => `  made again at each start: ${what}`),
    ...frozen(captured).map((what) => `  part of the snapshot: ${what}`),
    ...snapshot.warnings.map((warning) => `  warning: ${warning}`),
  ];
  const json = {
    host, place: record.main.state, snapshot: written.files.snapshot, sizes: written.sizes, memory: said,
    restored: restored(captured, hidden), frozen: frozen(captured), warnings: snapshot.warnings,
    exports: record.exports.length, imports: record.imports.length,
  };
  return { text: lines.map((line) => `${printable(line)}\n`).join(''), json };
}
