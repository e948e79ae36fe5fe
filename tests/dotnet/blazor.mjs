// A Blazor application in headless Chromium, original and snapshot: node blazor.mjs JS INPUTS WORK
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chromium, openPage, serve } from './browser.mjs';
import { check, figures, finish, inTurn, made, median } from './command.mjs';

const [js, inputs, work] = process.argv.slice(2).map((path) => resolve(path));
const input = join(inputs, 'blazor/wwwroot');
mkdirSync(work, { recursive: true });
const out = join(work, 'blazor');
const report = made(js, [input, '-o', out, '--report', join(work, 'blazor.json')]);
process.stdout.write(report);
check('the report says where the state was taken', report.includes('in Chromium while Main waited at its capture point'));
const browser = await chromium(work);

/** What a visitor does, and what the page shows then. */
async function visit(page, address) {
  const shown = [];
  const look = async (what) => shown.push([what, page.url().replace(address, ''), await page.title(), (await page.innerHTML('#app')).replace(/<!--.*?-->/g, '')]);
  await page.goto(address);
  await page.waitForSelector('#part');
  await look('start');
  // What FocusOnNavigate calls of JavaScript has happened.
  shown.push(['focused', await page.evaluate(() => document.activeElement.tagName)]);
  await page.fill('#part', 'abc');
  await page.waitForFunction(() => document.querySelectorAll('#found li').length === 6);
  await look('abc');
  await page.fill('#part', '');
  for (const letter of 'xyzt') {
    await page.type('#part', letter);
    await page.waitForTimeout(150);
    await look(`typed ${letter}`);
  }
  await page.evaluate(() => Blazor.navigateTo('nowhere/at/all'));
  await page.waitForSelector('text=Not Found');
  await look('not found');
  await page.evaluate(() => Blazor.navigateTo(''));
  await page.waitForSelector('#part');
  await look('home');
  await page.goBack();
  await page.waitForSelector('text=Not Found');
  await look('back');
  await page.goBack();
  await page.waitForSelector('#part');
  await look('back again');
  await page.reload();
  await page.waitForSelector('#part');
  await look('reloaded');
  return { shown };
}

const sites = { original: await serve(input), snapshot: await serve(out), other: await serve(out) };
const seen = {};
for (const [name, site] of Object.entries(sites)) {
  const { page, said } = await openPage(browser);
  site.asked.length = 0;
  seen[name] = { ...(await visit(page, site.address)), said, asked: [...site.asked] };
  await page.close();
}
const { original, snapshot, other } = seen;
for (const [name, { shown, said }] of [['', snapshot], [' on another port', other]]) {
  original.shown.forEach((expected, index) => {
    const holds = JSON.stringify(expected) === JSON.stringify(shown[index]);
    check(`the page${name} is the same: ${expected[0]}`, holds, holds ? '' : `${JSON.stringify(expected)} and ${JSON.stringify(shown[index])}`.slice(0, 600));
  });
  check(`the console${name} says nothing`, said.length === 0, said.join(' '));
}
check('the search found what is there', original.shown[2][3].includes('abcbf'));
const once = snapshot.asked.filter((path) => path.endsWith('.wasm'));
check('no assembly is downloaded', once.every((path) => path.includes('dotnet.preinit.')), once.join(' '));

/** In the page: when what was done. */
function marked() {
  globalThis.marks = {};
  const mark = (name) => (globalThis.marks[name] ??= performance.now());
  for (const name of ['compileStreaming', 'instantiate']) {
    const call = WebAssembly[name];
    WebAssembly[name] = async (...all) => {
      const result = await call.apply(WebAssembly, all);
      mark(name);
      return result;
    };
  }
  addEventListener('DOMContentLoaded', () => mark('page'));
  new MutationObserver(() => document.querySelector('#part') && mark('shown')).observe(document, { childList: true, subtree: true });
}

/** How long it takes from the beginning of the navigation until something is done, and until the page is shown, from nothing. */
const stagesOf = ({ address }) => async () => {
  const { page } = await openPage(browser);
  await page.addInitScript(marked);
  const tools = await page.context().newCDPSession(page);
  await tools.send('Performance.enable', { timeDomain: 'threadTicks' });
  await page.goto(address, { waitUntil: 'commit' });
  await page.waitForSelector('#part');
  const { marks } = await page.evaluate(() => ({ marks: globalThis.marks }));
  const { metrics } = await tools.send('Performance.getMetrics');
  // Of the main thread, which shows the page, and of all.
  const [main, all] = ['TaskDuration', 'ProcessTime'].map((name) => 1000 * metrics.find((one) => one.name === name).value);
  await page.close();
  return { page: marks.page, compiled: marks.compileStreaming, instantiated: marks.instantiate, shown: marks.shown, main, all };
};
const isTwice = (before, after) => before >= 2 * after;
const { runs, medians: times } = await inTurn([stagesOf(sites.original), stagesOf(sites.snapshot)], { value: ({ shown }) => shown, holds: isTwice, least: 7, most: 21 });
check('the page is shown twice as fast', isTwice(...times), `${times.map((time) => `${time.toFixed(0)} ms`).join(' -> ')}, ${runs[0].length} rounds`);
const stages = ['page', 'compiled', 'instantiated', 'shown', 'main', 'all'].map((stage) => [stage, runs.map((list) => median(list.map((one) => one[stage])))]);
// Whatever else the machine has to do.
const { main } = Object.fromEntries(stages);
check('half of the processor time is enough for it', isTwice(...main), main.map((time) => `${time.toFixed(0)} ms`).join(' -> '));
figures(work, 'Blazor, Chromium', { first: times, stages: Object.fromEntries(stages) }, join(work, 'blazor.json'));

// A link that leads into the application.
for (const [what, path] of [['not-found', 'not-found'], ['a page that is not there', 'no/such/page?x=1#y']]) {
  const looked = [];
  for (const { address } of [sites.original, sites.snapshot]) {
    const { page, said } = await openPage(browser);
    await page.goto(address + path);
    await page.waitForSelector('#app h1, #app h3');
    looked.push([page.url().replace(address, ''), (await page.innerHTML('#app')).replace(/<!--.*?-->/g, ''), said.filter((text) => !/404/.test(text))]);
    await page.close();
  }
  check(`opened at ${what}, the page is the same`, JSON.stringify(looked[0]) === JSON.stringify(looked[1]), JSON.stringify(looked).slice(0, 400));
}

// Two tabs at once.
const tabs = await Promise.all([openPage(browser), openPage(browser)]);
await Promise.all(tabs.map(({ page }) => page.goto(sites.snapshot.address)));
await Promise.all(tabs.map(async ({ page }, index) => {
  await page.waitForSelector('#part');
  await page.fill('#part', ['abc', 'qqr'][index]);
}));
await tabs[0].page.waitForFunction(() => document.querySelectorAll('#found li').length === 6);
check('two tabs do not know of each other', (await tabs[1].page.inputValue('#part')) === 'qqr' && tabs.every(({ said }) => said.length === 0));
await browser.close();
for (const { close } of Object.values(sites)) close();
finish();
