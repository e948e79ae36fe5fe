// What a program of .NET has begun, and what it knows, before and after the capture: node probe.mjs JS INPUTS WORK
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { check as checked, finish, node, preinitDotnet } from './command.mjs';
import { changeBoot, integrity, nodeProgram } from './probe_app.mjs';

const [js, inputs, work] = process.argv.slice(2).map((path) => resolve(path));
const player = fileURLToPath(new URL('./play_probe.mjs', import.meta.url));
mkdirSync(work, { recursive: true });
const from = join(work, 'probe.in');
const original = nodeProgram(inputs, from, 'Probe');
// What a module of the application's is, and what a program for Node finds beside it.
writeFileSync(join(original, 'numbers.mjs'), 'export function double(value) { return 2 * value; }\n');

function played(framework, main, steps, env = {}) {
  const args = [player, framework, JSON.stringify(main), JSON.stringify(steps)];
  return JSON.parse(execFileSync(node, args, { encoding: 'utf8', env: { ...process.env, ...env }, timeout: 60_000 }).trim().split('\n').at(-1));
}

/** Runs the command with arguments of Main. */
function captured(name, main, more = [], application = from) {
  const out = join(work, `probe.${name}`);
  // What a test has changed is not replaced.
  rmSync(out, { recursive: true, force: true });
  const report = join(work, `probe.${name}.json`);
  const hooks = join(work, 'hooks.cjs');
  // The capture's process has the same functions of JavaScript as the program has at a start.
  writeFileSync(hooks, `globalThis.makeObject = (name) => ({ name });
globalThis.never = () => new Promise(() => {});
globalThis.soon = () => new Promise((resolve) => setTimeout(resolve, 50));\n`);
  process.env.NODE_OPTIONS = `--require ${JSON.stringify(hooks)}`;
  const { status, stdout, stderr } = preinitDotnet(js, [
    application, '-o', out, '--host', 'node', '--report', report, ...main.flatMap((one) => ['--main-args', one]), ...more,
  ]);
  delete process.env.NODE_OPTIONS;
  return { framework: join(out, '_framework'), status, text: stdout + stderr, json: () => JSON.parse(readFileSync(report, 'utf8')) };
}
/** What was found is said only if it is wrong. */
const check = (what, holds, detail = '') => checked(what, holds, holds ? '' : detail);
const same = (left, right) => JSON.stringify(left) === JSON.stringify(right);

// What goes on after the restore as it would have without a snapshot.
const plain = captured('plain', []);
check('a snapshot is made', plain.status === 0 && existsSync(plain.framework), plain.text);
for (const [what, steps] of [
  ['delegates', ['delegates:3', 'delegates:-7', 'delegates:12345']],
  ['exceptions thrown, filtered and caught', ['throw:0', 'throw:5', 'throw:6', 'throw:61', 'throw away:with its text', 'words:word15838']],
  ['exceptions of JavaScript\'s', ['words:not there', 'unknown', 'words:word7919']],
  ['garbage collections', ['garbage:100', 'words:word7919', 'garbage:2000', 'words:word15830081', 'garbage:3']],
  ['async methods with timers', [[20, 3], [1, 10], [13, 2], [0, 4], 'words:word7919']],
  ['several of them at once', [[[30, 3], [20, 5], [5, 12], [13, 1]], [[1, 1], [1, 2]]]],
  ['garbage collected while timers wait', [[[40, 2], 'garbage:300', [10, 4], 'garbage:100']]],
  ['promises of JavaScript', ['wait:globalThis.soon', 'answered', 120, 'answered', 'log']],
  ['objects of JavaScript', ['hold:a', 'release', 'hold:b', 'hold:c', 'garbage:200', 'release']],
]) {
  const [before, after] = [played(original, [], steps), played(plain.framework, null, steps)];
  check(`as in the original: ${what}`, same(before.answers, after.answers) && after.said.length === 0, JSON.stringify(after).slice(0, 300));
}

// Random state.
const random = captured('random', ['hash:text']);
const [one, two] = [0, 1].map(() => played(random.framework, null, ['guid', 'guid before', 'hash:text', 'log']).answers);
check('a GUID is another one in each start', one[0] !== two[0] && /^[0-9a-f-]{36}$/.test(one[0]), `${one[0]} ${two[0]}`);
check('one that was made before the capture is the same in each', one[1] === two[1]);
check('hash codes are those of the capture, so that what was sorted by them is found', one[2] === one[3] && two[2] === one[2], `${one[2]} ${one[3]}`);
check('both are reported', random.json().frozen.some((text) => /random bytes.*hash codes/.test(text)), random.json().frozen.join('; '));
const timed = captured('timed', ['now']);
const isTime = (text) => /^the time of the day was asked for \d+ times/.test(text);
check('that the time was asked for is reported, and only then', timed.json().frozen.some(isTime) && !plain.json().frozen.some(isTime), timed.json().frozen.join('; '));
const never = [0, 1].map(() => played(plain.framework, null, ['hash:text']).answers[0]);
check('where no hash code was made yet, they are others in each start', never[0] !== never[1], never.join(' '));

// A timer that is due after the capture.
const late = captured('timer', ['timer:3000']);
const ticks = played(late.framework, null, ['ticks', 2000, 'ticks', 1500, 'ticks', 3000, 'ticks']).answers.filter((_, index) => index % 2 === 0);
check('a timer fires when it is due, counted from the start, and again', same(ticks, ['0', '0', '1', '2']), ticks.join(' '));
const noted = late.json().restored;
check('the report has it', noted.some((text) => /^a timer, due \d+ ms/.test(text)), noted.join('; '));
const busy = captured('busy', ['timer:100'], ['--wait', '3']);
check('refused: a timer that keeps the program busy', busy.status === 1 && /does not come to rest.*timers keep it busy/.test(busy.text), busy.text);

// Calls before the capture.
const slow = captured('slow', [], ['--at', 'start', '--wait', '2', '--warm', 'Probe.Wait(60000, 1)']);
check('refused: an exported method that does not end', slow.status === 1 && /--warm Probe.Wait does not end within 2 s/.test(slow.text), slow.text);
const done = captured('done', [], ['--at', 'start', '--warm', 'Probe.Wait(20, 3)']);
check('one that has ended leaves nothing to be made again', done.status === 0 && done.json().restored.length === 0, done.text);
check('as in the original afterwards', same(played(done.framework, ['words:word7919'], ['log', [5, 2]]).answers, ['1', '5:01']));
for (const [what, more, expected] of [
  ['a method that is not there', ['--at', 'start', '--warm', 'Probe.Nothing()'], /there is no exported method Probe\.Nothing/],
  ['a call that fails', ['--at', 'start', '--warm', 'Probe.Do("throw away:for a reason")'], /the application failed[\s\S]*for a reason/],
  ['a Main that fails', ['--main-args', 'throw away:for a reason'], /Main failed[\s\S]*for a reason/],
]) {
  const { status, text } = captured('failed', [], more);
  check(`refused: ${what}`, status > 0 && expected.test(text), text);
}

// Objects that are gone.
const littered = captured('littered', ['litter']);
const [file] = readdirSync(littered.framework).filter((name) => /^dotnet\.preinit\..*\.wasm$/.test(name));
const left = readFileSync(join(littered.framework, file)).toString('latin1').split('l\0i\0t\0t\0e\0r\0-\0').length - 1;
check('of 20,000 texts that are gone, the snapshot has next to nothing', left < 100, `${left} are left`);

// Modules and objects of JavaScript.
const module = `module:numbers=${pathToFileURL(join(original, 'numbers.mjs'))}`;
for (const [name, more] of [['module', []], ['bound', ['--warm', 'Probe.Do("double:4")', '--allow', 'numbers:double']]]) {
  const { status, text, framework, json } = captured(name, [module], more);
  const doubled = status === 0 && played(framework, null, ['double:21', 'log']).answers;
  check(`an imported module is there again: ${name}`, doubled[0] === '42', `${text} ${doubled}`);
  check('the report has it, too', status === 0 && json().restored.includes('imported modules: numbers'));
}
for (const [name, main, expected] of [
  ['an object that .NET holds', ['hold:a'], /globalThis\.makeObject was called \(1 times, with "a"\)[\s\S]*\.NET holds an object of JavaScript.*an object \(Object\)/],
  ['a promise that does not end', ['wait:globalThis.never'], /does not come to rest.*the answer of globalThis\.never is waited for/],
]) {
  const { status, text } = captured('refused', main, ['--wait', '3']);
  check(`refused: ${name}`, status > 0 && expected.test(text), text.trim());
}
// Values of --env in what is said.
const SECRET = 'S3cr3t "Token" 9#&';
for (const [name, main, expected] of [
  ['an argument', `hold:${SECRET}`, /makeObject was called \(1 times, with "<value of TOKEN>"\)/],
  ['an argument that is cut', `hold:${'x'.repeat(70)}${SECRET}`, /x{70}<value of/],
  ['one in an address', `hold:/?q=${encodeURIComponent(SECRET)}`, /with "\/\?q=<value of TOKEN>"/],
  ['an error', `throw away:for ${SECRET}`, /Main failed[\s\S]*for <value of TOKEN>/],
  ['an error with a long text', `throw away:${'x'.repeat(690)}${SECRET}${'y'.repeat(900)}`, /Main failed/],
]) {
  const { status, text } = captured('secret', [main], ['--wait', '3', '--env', `TOKEN=${SECRET}`]);
  check(`refused without the value: ${name}`, status > 0 && expected.test(text) && !/S3cr3t/.test(text), text.trim());
}
const bare = captured('bare', [], ['--env', `=${SECRET}`]);
check('an option without a name is refused without the value', bare.status > 0 && /should be NAME=VALUE/.test(bare.text) && !/S3cr3t/.test(bare.text), bare.text);

const gone = captured('gone', ['module:gone=./gone.mjs']);
const answers = gone.status === 0 && played(gone.framework, null, ['log', 'words:word7919']).answers;
check('a module that could not be imported is not asked for again', same(answers, ['asked for arrived', '1']) && gone.json().restored.length === 0, `${gone.text} ${answers}`);
const freed = captured('freed', ['hold:a', 'release'], ['--allow', 'globalThis.makeObject']);
check('an object that was given back is no reason', freed.status === 0 && played(freed.framework, null, ['hold:b', 'release']).answers[1] === 'released', freed.text);

const asked = captured('asked', ['wait:globalThis.soon'], ['--allow', 'globalThis.soon']);
check('an answer of JavaScript that was waited for is reported', asked.status === 0 && asked.json().frozen.includes('globalThis.soon was called 1 times'), asked.text);
check('the program has heard it', same(played(asked.framework, null, ['answered', 'log']).answers, ['True', 'waits arrived']));

// Assemblies for other languages.
const languages = join(work, 'probe.languages');
nodeProgram(inputs, languages, 'Probe', (config) => {
  config.loadAllSatelliteResources = true;
  config.resources.satelliteResources = { de: [{ virtualPath: 'Probe.resources.dll', name: 'Probe.resources.dll' }] };
});
mkdirSync(join(languages, '_framework/de'));
// Any assembly will do: nobody asks for its texts.
cpSync(join(languages, '_framework/Probe.dll'), join(languages, '_framework/de/Probe.resources.dll'));
const spoken = captured('spoken', [], ['--env', 'COLOR=blue'], languages);
check('a program with assemblies for languages starts', spoken.status === 0 && same(played(spoken.framework, null, ['words:word7919', [3, 2]]), { code: 0, answers: ['1', '3:01'], said: [] }), spoken.text);
changeBoot(spoken.framework, (config) => (config.resources.satelliteResources.de[0].hash = integrity(readFileSync(join(spoken.framework, 'de/Probe.resources.dll')))));
check('with others it is an ordinary start, and that is said', /other satellite assemblies/.test(played(spoken.framework, [], ['words:word7919']).said.join()));

// Environment, time zone, culture.
const given = captured('variables', ['variable:COLOR'], ['--env', 'COLOR=blue']);
const seen = played(given.framework, null, ['log', 'variable:COLOR']);
check('what the program read of a variable of the capture is in the state; the variable is empty, and not asked for', same(seen.answers, ['blue', '']) && seen.said.length === 0, JSON.stringify(seen));
changeBoot(given.framework, (config) => (config.environmentVariables = { COLOR: 'red' }));
const other = played(given.framework, ['variable:COLOR'], ['log', 'variable:COLOR']);
check('with another one the start is an ordinary one, and it is said', same(other.answers, ['red', 'red']) && /other environment variables/.test(other.said.join()), JSON.stringify(other));
const snapshotIn = (framework) => readFileSync(join(framework, readdirSync(framework).find((name) => /^dotnet\.preinit\..*\.wasm$/.test(name))));
const has = (bytes, text) => bytes.includes(text) || bytes.includes(Buffer.from(text, 'utf16le'));
const secret = ['--env', 'TOKEN=s3cr3tvalue12345', '--env', 'SECOND=p\u00e4ssword-\u{1f511}', '--env', 'TZ=Asia/Tokyo'];
const stays = (json) => json().frozen.filter((text) => /--env/.test(text));
for (const [name, main, more, left] of [
  ['never read', [], ['--at', 'start'], []],
  // What was dropped may stay, in an unused part of a stack for example; then that is said.
  ['read and dropped', [], ['--at', 'start', '--warm', 'Probe.Do("variable:TOKEN")', '--warm', 'Probe.Do("variable:SECOND")']],
  ['kept', ['variable:TOKEN'], [], ['the value of the environment variable TOKEN (--env), which everybody can read in it']],
  ['both kept', ['variable:TOKEN', 'variable:SECOND'], [], ['the value of the environment variable TOKEN (--env), which everybody can read in it', 'the value of the environment variable SECOND (--env), which everybody can read in it']],
]) {
  const { status, text, framework, json } = captured('secret', main, [...secret, ...more]);
  const found = status === 0 && [['TOKEN', 's3cr3tvalue'], ['SECOND', 'p\u00e4ssword']].filter(([, value]) => has(snapshotIn(framework), value)).map(([name]) => `the value of the environment variable ${name} (--env), which everybody can read in it`);
  check(`values of --env that are in the snapshot are reported, others are not in it: ${name}`, same(stays(json), found) && same(found, left ?? found), `${text} ${found}`);
}
const zones = ['Asia/Tokyo', 'America/New_York'];
const offsets = (framework, main) => zones.map((TZ) => played(framework, main, ['local'], { TZ }).answers[0]);
const expected = offsets(original, []);
check('the time zone is that of the visitor', same(offsets(plain.framework, null), expected) && new Set(expected).size === 2, expected.join(' '));
const zoned = captured('zone', ['local']);
const found = offsets(zoned.framework, ['local']);
check('also where the program has looked it up', zoned.status === 0 && same(found, expected), found.join(' '));

// Cultures, as far as they can be had without their data: the smallest file that the runtime takes for it.
const cultured = join(work, 'probe.icu');
const framework = nodeProgram(inputs, cultured, 'Probe', (config) => {
  config.globalizationMode = 'custom';
  config.resources.icu = [{ virtualPath: 'icudt.dat', name: 'icudt.dat' }];
});
const header = [0x20, 0, 0xda, 0x27, 0x14, 0, 0, 0, 0, 0, 2, 0, ...Buffer.from('CmnD'), 1];
writeFileSync(join(framework, 'icudt.dat'), Buffer.concat([Buffer.from(header), Buffer.alloc(64)]));
const language = (name) => ({ LANG: `${name}.UTF-8`, LC_ALL: `${name}.UTF-8` });
Object.assign(process.env, language('de_DE'));
const localized = captured('cultured', [], [], cultured);
const own = played(localized.framework, null, ['words:word7919', 'variable:LANG'], language('de_DE'));
check('with the culture of the capture it starts from the snapshot', same(own, { code: 0, answers: ['1', 'de_DE.UTF-8'], said: [] }), `${localized.text} ${JSON.stringify(own)}`);
const french = played(localized.framework, [], ['words:word7919', 'variable:LANG'], language('fr_FR'));
check('with another culture the start is an ordinary one, and it is said', same(french.answers, ['1', 'fr_FR.UTF-8']) && /other culture/.test(french.said.join()), JSON.stringify(french));
const visited = played(plain.framework, null, ['variable:LANG'], language('fr_FR'));
check('without cultures, the language is that of the visitor', same(visited, { code: 0, answers: ['fr_FR.UTF-8'], said: [] }), JSON.stringify(visited));
finish();
