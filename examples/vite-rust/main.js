import state from 'virtual:preinit';
import { loadFilter } from './filter.js';

const started = performance.now();
// Nothing if there is no snapshot.
const filter = await loadFilter(state.value);
const loaded = performance.now();
const answer = filter.isMatch('it has WORD7919 in it');
const answered = performance.now();

const figures = [
  `the filter says ${answer}`,
  `it was there after ${(loaded - started).toFixed(1)} ms`,
  `the first answer took ${(answered - loaded).toFixed(1)} ms`,
  `since the page was asked for: ${answered.toFixed(1)} ms`,
];
document.querySelector('pre').textContent = figures.join('\n');
console.log(figures.join('\n'));
