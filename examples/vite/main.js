import init, { simplecc } from 'simplecc-wasm/web';

const started = performance.now();
await init();
const instantiated = performance.now();
const answer = simplecc('发财了去发廊', 's2t');
const answered = performance.now();

const figures = [
  answer,
  `the module was there after ${(instantiated - started).toFixed(1)} ms`,
  `the first answer took ${(answered - instantiated).toFixed(1)} ms`,
  `since the page was asked for: ${answered.toFixed(1)} ms`,
];
document.querySelector('pre').textContent = figures.join('\n');
console.log(figures.join('\n'));
