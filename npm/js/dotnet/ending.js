// What is ended with this process, also where a signal ends it.
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Calls `end` if this process ends before the function is called that this returns. */
export function endWith(end) {
  const handlers = SIGNALS.map((signal) => [signal, () => {
    leave();
    end();
    process.kill(process.pid, signal);
  }]);
  const leave = () => {
    process.off('exit', end);
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
  process.on('exit', end);
  for (const [signal, handler] of handlers) process.on(signal, handler);
  return leave;
}
