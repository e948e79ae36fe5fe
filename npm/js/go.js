// What is known of the imports of Go's code (`GOOS=js`) and TinyGo's. JavaScript's side numbers the values that the program has, so what the
// program does there must be done again, in the same order: that is what the record is for.

import { Adapter } from './adapter.js';
import { assignedBy, codeOf } from './effects.js';

const TIME = /\b(?:Date|performance)\.now\(\)|\bnew Date\b[^]*\.getTime\(\)/;
// What they answer is in memory, and nothing of it in JavaScript, as their texts say. TinyGo has one clock.
const AMBIENT = { 'runtime.walltime': TIME, 'runtime.nanotime1': TIME, 'runtime.ticks': TIME, 'runtime.getRandomData': /\.getRandomValues\(/ };

export class Go extends Adapter {
  isTransparent({ name, callee }) {
    if (!Object.hasOwn(AMBIENT, name)) return false;
    return AMBIENT[name].test(codeOf(callee)) && assignedBy(callee)?.length === 0;
  }
}
