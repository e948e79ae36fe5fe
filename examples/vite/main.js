import url from '@micropython/micropython-webassembly-pyscript/micropython.wasm?url';
import { loadCatalog } from './catalog.js';

const started = performance.now();
const query = await loadCatalog(url);
const loaded = performance.now();
const answer = query(341);
const answered = performance.now();

const figures = [
  `query(341) is ${answer}`,
  `Python was there with its catalog after ${(loaded - started).toFixed(1)} ms`,
  `the first answer took ${(answered - loaded).toFixed(1)} ms`,
  `since the page was asked for: ${answered.toFixed(1)} ms`,
];
document.querySelector('pre').textContent = figures.join('\n');
console.log(figures.join('\n'));
