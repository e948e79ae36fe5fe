// Headless Chromium with one page, which saves no files and starts no other programs. Nothing of it stays when it is closed.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readlinkSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { endWith } from './ending.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'msedge'];
const INSTALLED = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
];

function pathOf(given) {
  if (given !== undefined) {
    if (!existsSync(given)) throw new Error(`--chromium ${given}: there is no such file`);
    return given;
  }
  const folders = (process.env.PATH ?? '').split(delimiter);
  const candidates = [...folders.flatMap((folder) => NAMES.map((name) => join(folder, name))), ...INSTALLED];
  const found = candidates.find((path) => existsSync(path));
  if (!found) throw new Error('no Chromium was found on the PATH: install one, or name it with --chromium');
  return found;
}

/** What a message says; nothing if it is none, as from a program that is no browser. */
function answerIn(message) {
  try {
    return JSON.parse(message) ?? {};
  } catch {
    return {};
  }
}

/** A function that has the browser do something, and gives its answer. */
function commander([, , , to, from]) {
  const waiting = new Map();
  let count = 0;
  let rest = '';
  for (const pipe of [to, from]) pipe.on('error', () => {});
  from.setEncoding('utf8').on('data', (text) => {
    const messages = (rest + text).split('\0');
    rest = messages.pop();
    for (const message of messages) {
      const { id, ...answer } = answerIn(message);
      waiting.get(id)?.(answer);
    }
  });
  return (method, params) => new Promise((resolve, reject) => {
    waiting.set((count += 1), ({ result, error }) => (error ? reject(new Error(`${method}: ${error.message}`)) : resolve(result)));
    to.write(`${JSON.stringify({ id: count, method, params })}\0`);
  });
}

/** Removes the profile, and the folder of the socket that stands in it, which a browser that is ended leaves behind. */
function removeProfile(profile) {
  try {
    const socket = dirname(readlinkSync(join(profile, 'SingletonSocket')));
    if (/^(org\.chromium|com\.google)\./.test(basename(socket))) {
      for (const name of ['SingletonSocket', 'SingletonCookie']) rmSync(join(socket, name), { force: true });
      rmdirSync(socket);
    }
  } catch {
    // There is none, or somebody has put something else there.
  }
  rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** The variables of the browser: on Linux, it would start what links to mail lead to by a program of this name. */
function environment(profile) {
  writeFileSync(join(profile, 'xdg-open'), '#!/bin/sh\n', { mode: 0o700 });
  return { ...process.env, ...(process.platform === 'linux' ? { PATH: `${profile}${delimiter}${process.env.PATH ?? ''}` } : {}) };
}

/** Opens a page in the browser `given`, or in the one that is found. `failed` is rejected if the browser ends. */
export function open(given, address) {
  const path = pathOf(given);
  const profile = mkdtempSync(join(tmpdir(), 'preinit-chromium-'));
  const isRoot = process.getuid?.() === 0;
  let browser;
  const leave = endWith(() => {
    browser?.kill('SIGKILL');
    removeProfile(profile);
  });
  browser = spawn(path, [
    '--headless=new', '--disable-gpu', '--no-first-run', '--no-default-browser-check', '--disable-extensions', '--disable-background-networking',
    '--disable-component-update', '--mute-audio', `--user-data-dir=${profile}`, ...(isRoot ? ['--no-sandbox'] : []),
    '--remote-debugging-pipe', 'about:blank',
  ], { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'], env: environment(profile) });
  let said = '';
  browser.stderr.on('data', (data) => (said = (said + data).slice(-2000)));
  const ended = new Promise((resolve) => {
    browser.once('exit', resolve);
    // It was not started.
    browser.on('error', resolve);
  });
  const command = commander(browser.stdio);
  const failed = new Promise((_, reject) => {
    browser.once('error', (error) => reject(new Error(`${path}: ${error.message}`)));
    ended.then((code) => reject(new Error(`${path} ended with code ${code}: ${said.trim().split('\n').at(-1)}`)));
    // Everybody can see the arguments of a process, and the address is a secret.
    command('Browser.setDownloadBehavior', { behavior: 'deny' })
      .then(() => command('Target.createTarget', { url: address }))
      .catch((error) => reject(new Error(`${path} opens no page: ${error.message}`)));
  });
  failed.catch(() => {});
  const close = async () => {
    browser.kill();
    await ended;
    leave();
    removeProfile(profile);
  };
  return { failed, close };
}
