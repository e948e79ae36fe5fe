// A page of Blazor with a timer and calls of JavaScript in both directions, in headless Chromium: node clock.mjs JS INPUTS WORK
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chromium, openPage, serve } from './browser.mjs';
import { check, finish, made, preinitDotnet } from './command.mjs';
import { page, scriptedPage } from './probe_app.mjs';

const [js, inputs, work] = process.argv.slice(2).map((path) => resolve(path));
mkdirSync(work, { recursive: true });
const input = page(inputs, join(work, 'clock.in'), 'Clock');
writeFileSync(join(input, 'clock.js'), 'export const join = (...all) => all.join("+");\n');
const index = join(input, 'index.html');
writeFileSync(index, readFileSync(index, 'utf8').replace('</head>', `    <script>
      globalThis.clock = {
        greet: (name) => \`hello \${name}\`,
        keep: async (object) => (globalThis.kept = object, \`kept, \${await object.invokeMethodAsync('Call', 2)}\`),
        fail: () => { throw new Error('on purpose'); },
      };
    </script>
</head>`));
const browser = await chromium(work);

/** What a page shows, after it has been open for a while. */
async function watched(address, begin = async () => {}) {
  const { page, said } = await openPage(browser);
  await page.goto(address);
  await begin(page);
  await page.waitForFunction(() => document.querySelectorAll('li').length === 4);
  const times = async () => Number(await page.textContent('#ticks'));
  const early = await times();
  await page.waitForFunction((last) => Number(document.querySelector('#ticks').textContent) >= last + 5, early);
  const answer = await page.evaluate(() => globalThis.kept.invokeMethodAsync('Call', 40));
  await page.waitForFunction(() => document.querySelector('#called').textContent === '42');
  const shown = (await page.locator('li').allTextContents()).sort();
  return { page, said, shown, answer, early, address: page.url().replace(address, '') };
}

const original = await serve(input);
const expected = await watched(original.address);
check('the original does what it should', JSON.stringify(expected.shown) === JSON.stringify(['a+b', 'error on purpose', 'hello you', 'kept, called 2']) && expected.answer === 'called 42', JSON.stringify([expected.shown, expected.answer, expected.said]));
for (const [name, options, place] of [['point', [], 'while Main waited'], ['start', ['--at', 'start'], 'before Main']]) {
  const out = join(work, `clock.${name}`);
  const report = made(js, [input, '-o', out, ...options]);
  check(`${name}: the state is taken ${place}`, report.includes(place));
  const site = await serve(out);
  const found = await watched(site.address);
  check(`${name}: calls in both directions, a module, a kept object, an exception`, JSON.stringify(found.shown) === JSON.stringify(expected.shown) && found.answer === expected.answer, found.shown.join(', '));
  check(`${name}: the timer goes on, and had not begun before the capture`, found.early < 50, `${found.early} ticks when all was shown`);
  check(`${name}: the console says what it says without a snapshot`, JSON.stringify(found.said) === JSON.stringify(expected.said), found.said.join(' '));
  await found.page.reload();
  await found.page.waitForFunction(() => document.querySelectorAll('li').length === 4);
  check(`${name}: again after it was loaded anew`, (await found.page.locator('li').allTextContents()).length === 4 && Number(await found.page.textContent('#called')) === 2);
  const [left, right] = await Promise.all([watched(site.address), watched(site.address)]);
  check(`${name}: two pages do not know of each other`, left.answer === 'called 42' && right.answer === 'called 42' && left.said.length === expected.said.length);
  await Promise.all([left, right, found].map(({ page: one }) => one.close()));
  site.close();
}
for (const [what, name] of [['call', 'clock.greet'], ['module', 'import'], ['reference', 'clock.keep']]) {
  const { status, stderr } = preinitDotnet(js, [input, '-o', join(work, 'clock.early'), '--env', `EARLY=${what}`]);
  const lines = stderr.split('\n').filter((line) => line.includes('invokeJSJson was called (1 times, with') && line.includes(name));
  check(`refused: IJSRuntime before the capture, ${what}`, status === 1 && lines.length === 1, stderr.trim());
}

// A page without Blazor, whose own script starts the program and gives it functions.
const scripted = scriptedPage(inputs, join(work, 'scripted.in'));
const run = async (folder, query = '') => {
  const site = await serve(folder);
  const { page, said } = await openPage(browser);
  await page.goto(site.address + query);
  await page.waitForFunction(() => document.querySelector('#out').textContent !== '');
  const found = { text: await page.textContent('#out'), given: await page.evaluate(() => globalThis.said), said, asked: site.asked.filter((path) => /\.(wasm|dll)$/.test(path)) };
  await page.close();
  site.close();
  return found;
};
const plain = await run(scripted);
check('a page with a script of its own does what it should', plain.text === '42 8 5:012' && plain.given.join() === '4,21', JSON.stringify(plain));
const refused = preinitDotnet(js, [scripted, '-o', join(work, 'scripted.refused'), '--at', 'main']);
check('refused: it called a function that the script gave', refused.status === 1 && /numbers:double was called \(1 times\)/.test(refused.stderr), refused.stderr.trim());
for (const [name, options, given] of [['main', ['--at', 'main', '--allow', 'numbers:double'], '21'], ['start', ['--at', 'start'], '4,21']]) {
  const out = join(work, `scripted.${name}`);
  made(js, [scripted, '-o', out, ...options]);
  const found = await run(out);
  check(`the same from a snapshot: ${name}`, found.text === plain.text && found.given.join() === given && found.said.length === 0 && found.asked.length === 1, JSON.stringify(found));
}
const main = join(scripted, 'main.js');
const text = readFileSync(main, 'utf8');
writeFileSync(main, text.replace('await runMain();', "(await getAssemblyExports('Probe.dll')).Probe.Wait(20000, 1);\nawait runMain();"));
const pending = preinitDotnet(js, [scripted, '-o', join(work, 'scripted.refused'), '--at', 'main', '--allow', 'numbers:double']);
check('refused: the script waits for an exported method', pending.status === 1 && /an exported async method has not ended/.test(pending.stderr), pending.stderr.trim());
writeFileSync(main, text);
const other = await run(join(work, 'scripted.main'), '?arg=double:5');
check('with other arguments the start is an ordinary one, and it is said', other.text === '42 10 5:012' && other.given.join() === '5,21' && /other arguments of Main/.test(other.said.join()), JSON.stringify(other));
await browser.close();
original.close();
finish();
