const begin = Date.now();
let calls = 0;

export function run(input) {
  calls++;
  if (input === 'init') return JSON.stringify({ init: new Date(begin).toISOString() });
  const now = Date.now();
  return JSON.stringify({
    calls,
    year: new Date(now).getFullYear(),
    later: now > begin,
    differ: Math.random() !== Math.random(),
    uuid: crypto.randomUUID().length,
    perf: typeof performance.now(),
  });
}
