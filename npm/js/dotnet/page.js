// The application in a browser: takes the place of the loader while the state is made, and sends home what it found.
import { Refusal, Session } from './session.js';

const HOME = '/__preinit/';

/** Bytes in JSON. */
const base64 = (bytes) => {
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
};
const withBytes = (_, value) => (value instanceof Uint8Array ? { $bytes: base64(value) } : value);

const send = async (name, body) => {
  const response = await fetch(`${HOME}answer/${name}`, { method: 'POST', body });
  if (!response.ok) throw new Error(`the answer ${name} was not taken`);
};
const bytesAt = async (name) => new Uint8Array(await (await fetch(HOME + name)).arrayBuffer());

async function deliver(work) {
  let answer;
  try {
    const { files, ...result } = await work();
    for (const [name, bytes] of files) await send(name, bytes);
    answer = { result, files: [...files.keys()] };
  } catch (error) {
    answer = error instanceof Refusal ? { reasons: error.reasons, needs: error.needs } : { error: error?.stack ?? String(error) };
  }
  await send('done', JSON.stringify(answer, withBytes));
}

/** Errors of the page are told: should it not come to its capture, they say why. */
function reportProblems() {
  const tell = (error, message) => send('problem', String(error?.stack ?? error ?? message)).catch(() => {});
  addEventListener('error', ({ error, message }) => tell(error, message));
  addEventListener('unhandledrejection', ({ reason }) => tell(reason));
}

/** What the application gets for its loader. */
export async function capturing(loader, url) {
  reportProblems();
  const { options, variables, calls } = await (await fetch(`${HOME}task.json`)).json();
  const [original, probed, schema] = await Promise.all([
    bytesAt('original.wasm'), bytesAt('probed.wasm'), fetch(`${HOME}schema.json`).then((response) => response.json()),
  ]);
  const session = new Session({ original, probed, schema, options: { ...options, url } });
  const over = session.interpose(loader, variables);
  const begin = (api) => {
    if (!session.config) throw new Error('the loader gave no interface');
    const { runMain } = api;
    const drive = (name, given) => {
      const main = session.argumentsOf(given);
      deliver(async () => {
        await session.runMain(() => runMain(name, main), main);
        await session.warm(calls.map(({ method, values }) => ({ method, values: values.map(revived) })));
        return session.capture();
      });
      // This page goes no further.
      return new Promise(() => {});
    };
    api.runMain = drive;
    api.runMainAndExit = drive;
    return api;
  };
  const { dotnet } = over;
  const create = new Proxy(dotnet, {
    get: (target, name) => (name === 'create' ? async () => begin(await target.create()) : name === 'run'
      ? async () => begin(await target.create()).runMain() : wrapped(target, name)),
  });
  function wrapped(target, name) {
    const value = target[name];
    if (typeof value !== 'function') return value;
    return (...all) => {
      const result = value(...all);
      return result === target ? create : result;
    };
  }
  return { dotnet: create, exit: over.exit, createDotnetRuntime: async (config) => begin(await over.createDotnetRuntime(config)) };
}

const revived = (value) => (value?.$bytes === undefined ? value : Uint8Array.from(atob(value.$bytes), (letter) => letter.charCodeAt(0)));
