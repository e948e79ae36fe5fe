// A page of an application in headless Chromium, served from this machine.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.wasm': 'application/wasm' };

/** npm's playwright-core, installed into `work`. */
export async function chromium(work) {
  if (!existsSync(join(work, 'package.json'))) writeFileSync(join(work, 'package.json'), '{"type":"module"}');
  if (!existsSync(join(work, 'node_modules/playwright-core'))) {
    execFileSync('npm', ['install', '--no-fund', '--no-audit', '--loglevel=error', 'playwright-core@1.56'], { cwd: work, stdio: 'inherit' });
  }
  const { chromium } = createRequire(join(work, 'package.json'))('playwright-core');
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
}

/** Serves a folder below `base`: its address, what was asked for, and `close`. */
export function serve(root, base = '/') {
  const asked = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    asked.push(path);
    let file = join(root, path.startsWith(base) ? path.slice(base.length) : '\0');
    if (!file.includes('\0') && !statSync(file, { throwIfNoEntry: false })?.isFile()) file = extname(file) === '' || path === base ? join(root, 'index.html') : '\0';
    if (file.includes('\0')) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'cache-control': 'no-store' });
    response.end(readFileSync(file));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({
    address: `http://127.0.0.1:${server.address().port}${base}`, asked, close: () => (server.closeAllConnections(), server.close()),
  })));
}

/** A page, with what it said. */
export async function openPage(browser) {
  const page = await browser.newPage();
  page.setDefaultTimeout(120_000);
  const said = [];
  page.on('console', (message) => {
    if (['warning', 'error'].includes(message.type()) && !/favicon/.test(message.location()?.url ?? '')) said.push(message.text());
  });
  page.on('pageerror', (error) => said.push(error.message));
  return { page, said };
}
