// Captures an application in Node.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { endWith } from './ending.js';
import { Refusal } from './session.js';

const child = fileURLToPath(new URL('./node_child.js', import.meta.url));

/** What the application's process found. What the application prints goes to standard error. */
export function captureInNode(application, task) {
  // As in a page. The process cannot tell itself: its timers wait for what it computes.
  const limit = 2 * task.options.wait + 30;
  let leave = () => {};
  let timer;
  const found = new Promise((resolve, reject) => {
    const running = fork(child, [], { serialization: 'advanced', stdio: ['ignore', 'pipe', 'inherit', 'ipc'], execArgv: [] });
    leave = endWith(() => running.kill('SIGKILL'));
    timer = setTimeout(() => {
      running.kill('SIGKILL');
      reject(new Error(`the application did not come to its capture within ${limit} s, and was ended; see --wait`));
    }, limit * 1000);
    running.stdout.pipe(process.stderr, { end: false });
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
  return found.finally(() => {
    clearTimeout(timer);
    leave();
  });
}
