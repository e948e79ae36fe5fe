// Captures an application in Node.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Refusal } from './session.js';

const child = fileURLToPath(new URL('./node_child.js', import.meta.url));

/** What the application's process found. What the application prints goes to standard error. */
export function captureInNode(application, task) {
  return new Promise((resolve, reject) => {
    const running = fork(child, [], { serialization: 'advanced', stdio: ['ignore', 'pipe', 'inherit', 'ipc'], execArgv: [] });
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
}
