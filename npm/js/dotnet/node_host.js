// Captures an application in Node.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Refusal } from './session.js';

const child = fileURLToPath(new URL('./node_child.js', import.meta.url));
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Ends a process when this one ends, also by a signal; returns what takes that back. */
function bindLife(running) {
  const end = () => running.kill('SIGKILL');
  const handlers = SIGNALS.map((signal) => [signal, () => {
    end();
    unbind();
    // Whoever has no other plans ends by it, as without this.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  }]);
  const unbind = () => {
    process.off('exit', end);
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
  process.on('exit', end);
  for (const [signal, handler] of handlers) process.on(signal, handler);
  return unbind;
}

/** What the application's process found. What the application prints goes to standard error. */
export async function captureInNode(application, task) {
  const running = fork(child, [], { serialization: 'advanced', stdio: ['ignore', 'pipe', 'inherit', 'ipc'], execArgv: [] });
  const unbind = bindLife(running);
  running.stdout.pipe(process.stderr, { end: false });
  // Its own limits are timers, which do not go off while the program computes.
  const limit = 2 * task.options.wait + 30;
  let timer;
  try {
    return await new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(new Refusal([`the application did not come to its capture within ${limit} s (--wait ${task.options.wait})`])), limit * 1000);
      let isAnswered = false;
      running.once('message', ({ result, reasons, needs, error }) => {
        isAnswered = true;
        if (result) resolve(result);
        else reject(reasons ? new Refusal(reasons, needs) : new Error(`the application failed: ${error}`));
      });
      running.once('error', reject);
      running.once('exit', (code) => {
        if (!isAnswered) reject(new Error(`the application ended before the capture, with code ${code}`));
      });
      running.send({ application, ...task });
    });
  } finally {
    clearTimeout(timer);
    running.kill('SIGKILL');
    unbind();
  }
}
