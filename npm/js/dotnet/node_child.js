// The application in Node, in a process of its own, which says by messages what it found.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { probe } from '../core.js';
import { Refusal, Session } from './session.js';

/**
 * Ends this process when the one that has begun it is gone, whatever ended that. A thread of its own looks, since the application may compute
 * all the time.
 */
function endWithParent() {
  const looks = `
    const { workerData } = require('node:worker_threads');
    setInterval(() => process.ppid === workerData || process.kill(process.pid, 'SIGKILL'), 1000);`;
  new Worker(looks, { eval: true, workerData: process.ppid, env: {}, execArgv: [] }).unref();
}

async function captured({ application, options, variables, calls }) {
  const original = new Uint8Array(readFileSync(join(application.framework, application.native)));
  const { wasm: probed, schema } = await probe(original);
  const url = pathToFileURL(join(application.framework, application.loader));
  const session = new Session({ original, probed, schema, options: { ...options, url } });
  const loader = await import(url);
  const api = await session.interpose(loader, variables).dotnet.create();
  const main = session.argumentsOf();
  await session.runMain(() => api.runMain(session.config.mainAssemblyName, main), main);
  await session.warm(calls);
  return session.capture();
}

endWithParent();
process.once('message', async (task) => {
  let answer;
  try {
    answer = { result: await captured(task) };
  } catch (error) {
    answer = error instanceof Refusal ? { reasons: error.reasons, needs: error.needs } : { error: error?.stack ?? String(error) };
  }
  process.send(answer, () => process.exit(0));
});
